"""LU factorisations in the forms that users take them apart into."""

from __future__ import annotations

from collections import namedtuple

from .. import _C
from .._C import Tensor
from .._outputs import store, store_all

_Factor = namedtuple("linalg_lu_factor", ["LU", "pivots"])
_Parts = namedtuple("linalg_lu", ["P", "L", "U"])


def _identity(like: Tensor, rows: int, columns: int) -> Tensor:
    return _C.eye(rows, columns, dtype=like.dtype, device=like.device)


def lu_factor(A: Tensor, *, pivot: bool = True, out=None):
    """(LU, pivots) with A = P L U, both triangles in one matrix. Raises RuntimeError for a zero on
    the diagonal of U only where a solver needs it not to be."""
    lu, pivots, _ = _C.linalg_lu_factor_ex(A, pivot=pivot)
    return store_all(_Factor, (lu, pivots), out)


def unpack(LU: Tensor, pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True):
    """(P, L, U) of a factorisation; parts not asked for are empty."""
    m, n = LU.shape[-2:]
    k = min(m, n)
    empty = LU.new_empty((0,))
    p = _C._lu_permutation(pivots, m, LU.dtype) if unpack_pivots else empty
    if not unpack_data:
        return _Parts(p, empty, empty)
    lower = LU.narrow(-1, 0, k).tril(-1) + _identity(LU, m, k)
    return _Parts(p, lower, LU.narrow(-2, 0, k).triu())


def lu(A: Tensor, *, pivot: bool = True, out=None):
    """(P, L, U) with A = P L U: a permutation, a lower triangle with ones, an upper one."""
    factor, pivots, _ = _C.linalg_lu_factor_ex(A, pivot=pivot)
    return store_all(_Parts, unpack(factor, pivots), out)


def lu_solve(
    LU: Tensor,
    pivots: Tensor,
    B: Tensor,
    *,
    left: bool = True,
    adjoint: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """X with A X = B from the factorisation of A; A^H with `adjoint`, X A = B without `left`."""
    if not left:
        # X A = B is A^H X^H = B^H.
        x = lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    else:
        batch = _common_batch(LU, B)
        lu = LU.expand((*batch, *LU.shape[-2:]))
        b = B.expand((*batch, *B.shape[-2:]))
        piv = pivots.expand((*batch, pivots.shape[-1]))
        if _C.is_grad_enabled() and (LU.requires_grad or B.requires_grad):
            x = _solve_by_triangles(lu, piv, b, adjoint)
        else:
            x = _C._lu_solve(lu, piv, b, adjoint)
    return store(x, out)


def _common_batch(a: Tensor, b: Tensor) -> tuple:
    first, second = tuple(a.shape[:-2]), tuple(b.shape[:-2])
    if first == second:
        return first
    size = max(len(first), len(second))
    first, second = (1,) * (size - len(first)) + first, (1,) * (size - len(second)) + second
    if any(x != y and 1 not in (x, y) for x, y in zip(first, second)):
        raise RuntimeError(
            f"linalg.lu_solve: the batch dimensions {list(a.shape[:-2])} and "
            f"{list(b.shape[:-2])} do not broadcast"
        )
    return tuple(y if x == 1 else x for x, y in zip(first, second))


def _solve_by_triangles(lu, pivots, b, adjoint):
    p = _C._lu_permutation(pivots, lu.shape[-2], lu.dtype)
    if adjoint:
        y = _C.linalg_solve_triangular(lu.mH, b, upper=False)
        return p @ _C.linalg_solve_triangular(lu.mH, y, upper=True, unitriangular=True)
    y = _C.linalg_solve_triangular(lu, p.mT @ b, upper=False, unitriangular=True)
    return _C.linalg_solve_triangular(lu, y, upper=True)
