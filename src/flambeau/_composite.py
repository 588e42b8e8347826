"""Functions of the package that are plain Python over operators."""

from __future__ import annotations

from ._comparisons import allclose, equal, is_same_size
from ._contract import chain_matmul, einsum, tensordot
from ._positions import nonzero, unique, unique_consecutive

__all__ = [
    "allclose",
    "chain_matmul",
    "einsum",
    "equal",
    "is_same_size",
    "nonzero",
    "tensordot",
    "unique",
    "unique_consecutive",
]
