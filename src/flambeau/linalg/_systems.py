"""Systems of equations beyond the square ones: pseudo-inverses, least squares, tensors."""

from __future__ import annotations

import math
from collections import namedtuple

from .. import _C
from .._C import Tensor
from .._outputs import store, store_all
from ..autograd import Function
from ._norms import _tolerance

_LeastSquares = namedtuple("linalg_lstsq", ["solution", "residuals", "rank", "singular_values"])
_Solved = namedtuple("linalg_solve_ex", ["result", "info"])
_DRIVERS = (None, "gels", "gelsy", "gelsd", "gelss")


def pinv(
    A: Tensor,
    rcond=None,
    hermitian: bool = False,
    *,
    atol=None,
    rtol=None,
    out: Tensor | None = None,
) -> Tensor:
    """The Moore-Penrose inverse: singular values up to max(atol, rtol * the largest) count as zero.

    `rcond` is an older name of `rtol`, which defaults to max(m, n) eps.
    """
    if rcond is not None:
        rtol = rcond
    if A.numel() == 0:
        return store(A.mH.clone(), out)
    return store(_PseudoInverse.apply(A, atol, rtol, hermitian), out)


class _PseudoInverse(Function):
    """The derivative is that of Golub and Pereyra (1973, equation 4.12), which needs no singular
    vectors and so stands equal singular values.

    d P = - P dA P + P P^H dA^H (I - A P) + (I - P A) dA^H P^H P, for a rank that stays.
    """

    @staticmethod
    def forward(ctx, A, atol, rtol, hermitian):
        P = _pseudo_inverse(A, atol, rtol, hermitian)
        ctx.save_for_backward(A, P)
        return P

    @staticmethod
    def backward(ctx, g):
        A, P = ctx.saved_tensors
        gh, ph = g.mH, P.mH
        # (I - A P) g^H P P^H and P^H P g^H (I - P A), without the identities.
        left, right = gh @ P @ ph, ph @ P @ gh
        grad = left - A @ (P @ left) + right - (right @ P) @ A - ph @ g @ ph
        return grad, None, None, None


def _pseudo_inverse(A: Tensor, atol, rtol, hermitian: bool) -> Tensor:
    if hermitian:
        values, v = _C.linalg_eigh(A)
        keep = values.abs() > _tolerance(A, values, atol, rtol).unsqueeze(-1)
        inverse = _C.where(
            keep, 1 / _C.where(keep, values, _C.ones_like(values)), _C.zeros_like(values)
        )
        return (v * inverse.unsqueeze(-2)) @ v.mH
    u, s, vh = _C.linalg_svd(A, False)
    keep = s > _tolerance(A, s, atol, rtol).unsqueeze(-1)
    inverse = _C.where(keep, 1 / _C.where(keep, s, _C.ones_like(s)), _C.zeros_like(s))
    return (vh.mH * inverse.unsqueeze(-2)) @ u.mH


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None, out=None):
    """X that makes the norm of A X - B smallest, with the residuals (of tall matrices of full
    rank, but not for gelsy, the default driver), the rank and the singular values.

    All drivers are computed by singular values (LAPACK's gelsd). Raises RuntimeError when the
    shapes do not fit.
    """
    if driver not in _DRIVERS:
        raise RuntimeError(
            "linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, "
            f"gelss), got {driver}"
        )
    if A.dim() < 2 or B.dim() < 1:
        raise RuntimeError(
            "linalg.lstsq: input must have at least 2 dimensions and other at least "
            f"1, got {list(A.shape)} and {list(B.shape)}"
        )
    vector = B.dim() == A.dim() - 1 and B.shape == A.shape[:-1]
    b = B.unsqueeze(-1) if vector else B
    m, n = A.shape[-2:]
    if b.dim() < 2 or b.shape[-2] != m:
        raise RuntimeError(
            "linalg.lstsq: input.size(-2) should match other.size(-2), got "
            f"{list(A.shape)} and {list(B.shape)}"
        )
    if rcond is None:
        rcond = _C.finfo(A.dtype).eps * max(m, n)
    batch = A.shape[:-2]
    if b.shape[:-2] != batch:
        batch = (A.new_zeros(()).expand(batch) + b.new_zeros(()).expand(b.shape[:-2])).shape
    a, b = A.expand((*batch, m, n)), b.expand((*batch, *b.shape[-2:]))
    full, rank, values = _C._linalg_lstsq(a.detach(), b.detach(), rcond)
    if _C.is_grad_enabled() and (A.requires_grad or B.requires_grad):
        x = pinv(a, rtol=rcond) @ b
        rest = b - a @ x
        residuals = (rest * rest.conj()).real.sum(-2) if A.is_complex() else (rest * rest).sum(-2)
    else:
        x = full.narrow(-2, 0, n)
        rest = full.narrow(-2, n, m - n) if m > n else full.narrow(-2, 0, 0)
        residuals = (rest.abs() ** 2).sum(-2)
    if m <= n or driver in (None, "gelsy") or not bool((rank == n).all()):
        residuals = residuals.flatten()[:0]
    if driver in (None, "gelsy"):
        values = values.new_empty((0,))
    if driver == "gels":
        rank, values = rank.new_empty((0,)), values.new_empty((0,))
    return store_all(_LeastSquares, (x.squeeze(-1) if vector else x, residuals, rank, values), out)


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False, out=None):
    """(X, info) with A X = B; info is positive, and X not finite, for singular matrices."""
    _, _, info = _C.linalg_lu_factor_ex(A.detach())
    if check_errors or not bool((info > 0).any()):
        return store_all(_Solved, (_C.linalg_solve(A, B, left=left), info), out)
    shape = (
        (_C.zeros(A.shape[:-1]).unsqueeze(-1) + _C.zeros(B.shape)).shape if B.dim() > 1 else B.shape
    )
    return store_all(_Solved, (B.new_full(tuple(shape), math.inf), info), out)


def tensorinv(A: Tensor, ind: int = 2, *, out: Tensor | None = None) -> Tensor:
    """The inverse for tensordot over the first `ind` dimensions."""
    if ind <= 0:
        raise RuntimeError("linalg.tensorinv: Expected a strictly positive integer for 'ind'")
    first, second = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    n, m = math.prod(first), math.prod(second)
    if n != m:
        raise RuntimeError(
            "linalg.tensorinv: Expected self to satisfy the requirement prod(A.shape"
            f"[ind:]) == prod(A.shape[:ind]), but got {m} != {n}"
        )
    y = _C.linalg_inv(A.reshape(n, m)).reshape((*second, *first))
    return store(y, out)


def tensorsolve(A: Tensor, B: Tensor, dims=None, *, out: Tensor | None = None) -> Tensor:
    """X with tensordot(A, X, X.dim()) = B; `dims` of A are moved to its end first."""
    if dims is not None:
        moved = [d % A.dim() for d in dims]
        A = A.permute([d for d in range(A.dim()) if d not in moved] + moved)
    shape = tuple(A.shape[B.dim() :])
    if math.prod(shape) != B.numel():
        raise RuntimeError(
            "linalg.tensorsolve: Expected self to satisfy the requirement "
            "prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but "
            f"got {math.prod(shape)} != {B.numel()}"
        )
    y = _C.linalg_solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(shape)
    return store(y, out)


def _no_ldl(*args, **kwargs):
    raise NotImplementedError(
        "linalg.ldl: LDL factorisations are not implemented; for positive "
        "definite matrices use linalg.cholesky, otherwise linalg.lu_factor"
    )


ldl_factor = ldl_factor_ex = ldl_solve = _no_ldl
