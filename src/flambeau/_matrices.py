"""Functions of matrices that the package has besides `linalg`, some of them as methods too."""

from __future__ import annotations

from collections import namedtuple

from . import _C
from ._C import Tensor
from ._outputs import store_all

__all__ = [
    "cross",
    "lu",
    "lu_solve",
    "lu_unpack",
    "matrix_exp",
    "orgqr",
    "pinverse",
    "qr",
    "triangular_solve",
]

_QR = namedtuple("qr", ["Q", "R"])
_Triangular = namedtuple("triangular_solve", ["solution", "cloned_coefficient"])
_FactorWithInfo = namedtuple("lu", ["LU", "pivots", "info"])
_Unpacked = namedtuple("lu_unpack", ["P", "L", "U"])


def _method(function):
    setattr(Tensor, function.__name__, function)
    return function


@_method
def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices."""
    from .linalg import matrix_exp as compute

    return compute(input)


@_method
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The Moore-Penrose inverse; singular values up to `rcond` times the largest count as zero."""
    from .linalg import pinv

    return pinv(input, rtol=rcond)


@_method
def qr(input: Tensor, some: bool = True, *, out=None):
    """(Q, R) with input = Q R; Q is square without `some`."""
    return store_all(_QR, _C.linalg_qr(input, "reduced" if some else "complete"), out)


@_method
def cross(
    input: Tensor, other: Tensor, dim: int | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The cross product along `dim`, by default the first dimension of size 3.

    Raises RuntimeError when there is none.
    """
    from .linalg import cross as compute

    if dim is None:
        dim = next((d for d, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(f"cross(): no dimension of size 3 in input, got {list(input.shape)}")
    return compute(input, other, dim=dim, out=out)


def lu(input: Tensor, pivot: bool = True, get_infos: bool = False, *, out=None):
    """(LU, pivots) with input = P L U, and LAPACK's info with `get_infos`."""
    factor, pivots, info = _C.linalg_lu_factor_ex(input, pivot=pivot)
    if get_infos:
        return store_all(_FactorWithInfo, (factor, pivots, info), out)
    return store_all(lambda *parts: parts, (factor, pivots), out)


def _lu_method(self: Tensor, pivot: bool = True, get_infos: bool = False):
    """(LU, pivots) with self = P L U, and LAPACK's info with `get_infos`: a plain tuple."""
    return tuple(lu(self, pivot, get_infos))


Tensor.lu = _lu_method


def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
    *,
    out=None,
):
    """(P, L, U) of a factorisation made by `lu` or `linalg.lu_factor`."""
    from .linalg._lu import unpack

    return store_all(_Unpacked, unpack(LU_data, LU_pivots, unpack_data, unpack_pivots), out)


@_method
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = None) -> Tensor:
    """X with A X = b, from the factorisation of A."""
    from .linalg import lu_solve as compute

    return compute(LU_data, LU_pivots, b, out=out)


@_method
def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out=None,
):
    """(X, A) with A X = b for triangular A; A^T with `transpose`."""
    a = A.mT if transpose else A
    x = _C.linalg_solve_triangular(a, b, upper=upper != transpose, unitriangular=unitriangular)
    return store_all(_Triangular, (x, A.clone()), out)


def orgqr(input: Tensor, tau: Tensor) -> Tensor:
    """Older name of ``linalg.householder_product``."""
    from .linalg import householder_product

    return householder_product(input, tau)
