"""Functions of the package that are plain Python over operators."""

from __future__ import annotations

from ._calculus import (
    corrcoef,
    cov,
    cumulative_trapezoid,
    gradient,
    masked_scatter,
    trapezoid,
    trapz,
    unravel_index,
)
from ._comparisons import allclose, equal, is_same_size
from ._contract import chain_matmul, einsum, tensordot
from ._matrices import (
    cross,
    lu,
    lu_solve,
    lu_unpack,
    matrix_exp,
    orgqr,
    pinverse,
    qr,
    triangular_solve,
)
from ._positions import nonzero, unique, unique_consecutive

__all__ = [
    "allclose",
    "chain_matmul",
    "corrcoef",
    "cov",
    "cross",
    "cumulative_trapezoid",
    "einsum",
    "equal",
    "gradient",
    "is_same_size",
    "lu",
    "lu_solve",
    "lu_unpack",
    "masked_scatter",
    "matrix_exp",
    "nonzero",
    "orgqr",
    "pinverse",
    "qr",
    "tensordot",
    "trapezoid",
    "trapz",
    "triangular_solve",
    "unique",
    "unique_consecutive",
    "unravel_index",
]
