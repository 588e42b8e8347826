"""Fold and unfold."""

from .._shape import (
    Fold as Fold, Unfold as Unfold,
)
