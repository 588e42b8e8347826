"""Functions of the package that are plain Python over operators."""

from __future__ import annotations

from ._contract import chain_matmul, einsum, tensordot
from ._positions import nonzero, unique, unique_consecutive

__all__ = ["chain_matmul", "einsum", "nonzero", "tensordot", "unique", "unique_consecutive"]
