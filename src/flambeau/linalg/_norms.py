"""Norms of matrices, and what follows from singular values."""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from .._outputs import store

_finfo = _C.finfo


def matrix_norm(
    A: Tensor,
    ord="fro",
    dim=(-2, -1),
    keepdim: bool = False,
    *,
    dtype=None,
    out: Tensor | None = None,
) -> Tensor:
    """The norm of matrices: "fro", "nuc", inf, -inf, 1, -1, 2, -2.

    Raises RuntimeError for tensors of fewer than two dimensions.
    """
    if A.dim() < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 "
            f"dimensions, got {list(A.shape)}"
        )
    return _C.linalg_matrix_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


def norm(
    A: Tensor, ord=None, dim=None, keepdim: bool = False, *, out: Tensor | None = None, dtype=None
) -> Tensor:
    """A vector norm over one dimension (or all), a matrix norm over two.

    Without `ord` it is the 2-norm of all elements of `dim`. Raises RuntimeError for an `ord` and a
    number of dimensions that do not fit.
    """
    if ord is None:
        return _C.linalg_vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dim is None:
        if A.dim() not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be "
                f"1D or 2D. Got {A.dim()}D."
            )
        if A.dim() == 2:
            return matrix_norm(A, ord, (-2, -1), keepdim, dtype=dtype, out=out)
        dim = (-1,)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) == 2:
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype, out=out)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: order '{ord}' is for matrices, but dim={dim}")
    return _C.linalg_vector_norm(A, ord, dims, keepdim, dtype=dtype, out=out)


def _tolerance(A: Tensor, values: Tensor, atol, rtol) -> Tensor:
    """Singular values at or below this count as zero."""
    if rtol is None:
        eps = _finfo(values.dtype).eps
        rtol = 0.0 if atol is not None and _positive(atol) else eps * max(A.shape[-2:])
    if values.shape[-1] == 0:
        return values.new_zeros(values.shape[:-1])
    largest = values.abs().amax(-1)
    relative = rtol * largest
    if atol is None:
        return relative
    atol = atol if isinstance(atol, Tensor) else relative.new_full((), float(atol))
    return _C.maximum(atol.to(relative.dtype), relative)


def _positive(x) -> bool:
    return bool((x > 0).all()) if isinstance(x, Tensor) else x > 0


def matrix_rank(
    A: Tensor, tol=None, hermitian: bool = False, *, atol=None, rtol=None, out: Tensor | None = None
) -> Tensor:
    """The number of singular values above max(atol, rtol * the largest).

    `rtol` defaults to max(m, n) eps when `atol` is not positive; `tol` is an absolute one.
    """
    if tol is not None:
        atol, rtol = tol, 0.0
    values = _C.linalg_eigvalsh(A).abs() if hermitian else _C.linalg_svdvals(A)
    limit = _tolerance(A, values, atol, rtol)
    rank = (values > limit.unsqueeze(-1)).sum(-1)
    return store(rank, out)


def cond(A: Tensor, p=None, *, out: Tensor | None = None) -> Tensor:
    """The condition number: the quotient of the extreme singular values (p = None or 2; its
    inverse for -2), else norm(A, p) norm(inv(A), p). Singular matrices give inf."""
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        s = _C.linalg_svdvals(A)
        first, last = s.select(-1, 0), s.select(-1, s.shape[-1] - 1)
        y = last / first if p is not None and p < 0 else first / last
    else:
        inverse, info = _C.linalg_inv_ex(A)
        y = matrix_norm(A, p) * matrix_norm(inverse, p)
        y = _C.where(info > 0, y.new_full((), math.inf), y)
    return store(y, out)
