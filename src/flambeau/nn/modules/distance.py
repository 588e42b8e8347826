"""Distances."""

from .._distance import CosineSimilarity as CosineSimilarity
from .._distance import PairwiseDistance as PairwiseDistance
