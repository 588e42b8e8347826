"""Distances."""

from .._distance import (
    CosineSimilarity as CosineSimilarity, PairwiseDistance as PairwiseDistance,
)
