"""Fold and unfold."""

from .._shape import Fold as Fold
from .._shape import Unfold as Unfold
