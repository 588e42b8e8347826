"""Products and powers of matrices and vectors."""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from .._outputs import store


def multi_dot(tensors, *, out: Tensor | None = None) -> Tensor:
    """The product of a list of matrices, bracketed for the fewest multiplications; the first and
    the last may be vectors. Raises RuntimeError for fewer than two."""
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    return store(_C.chain_matmul(tensors), out)


def matrix_power(A: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """A product of n equal matrices; of the inverse for negative n."""
    if n < 0:
        A, n = _C.linalg_inv(A), -n
    return store(_C.matrix_power(A, n), out)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Sum of conj(x) y over a dimension, with broadcasting."""
    return store((x.conj() * y).sum(dim), out)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as a view."""
    return A.diagonal(offset, dim1, dim2)


def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The cross product of vectors of three elements along `dim`, with broadcasting."""
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got "
            f"{input.shape[dim]} and {other.shape[dim]}"
        )
    a = [input.select(dim, i) for i in range(3)]
    b = [other.select(dim, i) for i in range(3)]
    parts = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    position = dim if dim >= 0 else dim + input.dim()
    return store(_C.stack(parts, position), out)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """Rows of powers 1, x, x^2, ... up to x^(N - 1)."""
    n = (x.shape[-1] if x.dim() else 1) if N is None else N
    if n <= 1 and N is not None and N <= 1:
        raise RuntimeError("linalg.vander: N must be greater than 1.")
    x = x if x.dim() else x.unsqueeze(0)
    ones = _C.ones_like(x).unsqueeze(-1)
    if n == 1:
        return ones
    powers = x.unsqueeze(-1).expand((*x.shape, n - 1)).cumprod(-1)
    return _C.cat([ones, powers], -1)


def householder_product(A: Tensor, tau: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The first columns of H_1 H_2 ... H_k, H_i = I - tau_i v_i v_i^H, with the vectors below the
    diagonal of A (their diagonal element is 1)."""
    m, n = A.shape[-2:]
    k = tau.shape[-1]
    if m < n:
        raise RuntimeError(
            "linalg.householder_product: input.shape[-2] must be greater than or "
            "equal to input.shape[-1]"
        )
    q = _C.eye(m, n, dtype=A.dtype, device=A.device).expand(A.shape)
    if k == 0:
        # Written into a copy of A, so that it has a gradient, which is zero.
        return store(A.clone().copy_(q), out)
    for i in range(k - 1, -1, -1):
        v = _C.tril(A, -1).narrow(-1, i, 1)
        unit = _C.zeros_like(v).index_fill(-2, _C.tensor([i]), 1)
        v = _C.where(_C.arange(m).unsqueeze(-1) < i, _C.zeros_like(v), v) + unit
        q = q - tau.narrow(-1, i, 1).unsqueeze(-1) * (v @ (v.mH @ q))
    return store(q, out)


_DOUBLE = {
    _C.float16: _C.float64,
    _C.bfloat16: _C.float64,
    _C.float32: _C.float64,
    _C.complex64: _C.complex128,
}

# Numerators of the diagonal Pade approximants of exp and the 1-norms up to which each is accurate
# in double precision (N. Higham, "The scaling and squaring method for the matrix exponential
# revisited", 2005, table 2.3).
_PADE = (
    (3, 1.495585217958292e-2),
    (5, 2.539398330063230e-1),
    (7, 9.504178996162932e-1),
    (9, 2.097847961257068e0),
    (13, 5.371920351148152e0),
)


def _pade(A: Tensor, degree: int) -> Tensor:
    c = [1.0]
    for j in range(degree):
        c.append(c[-1] * (degree - j) / ((2 * degree - j) * (j + 1)))
    square = A @ A
    even, odd = _C.matrix_power(A, 0) * c[0], _C.matrix_power(A, 0) * c[1]
    power = None
    for j in range(2, degree + 1, 2):
        power = square if power is None else power @ square
        even = even + power * c[j]
        if j + 1 <= degree:
            odd = odd + power * c[j + 1]
    u = A @ odd
    return _C.linalg_solve(even - u, even + u)


def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of square matrices, by scaling and squaring of a Pade approximant
    (Higham 2005)."""
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            "linalg.matrix_exp: A must be batches of square matrices, but they are "
            f"of shape {list(A.shape)}"
        )
    if A.numel() == 0:
        return A.clone()
    if A.dtype in _DOUBLE:
        # Squaring amplifies rounding errors by the norm of A.
        return matrix_exp(A.to(_DOUBLE[A.dtype])).to(A.dtype)
    size = float(A.detach().abs().sum(-2).amax())
    for degree, limit in _PADE:
        if size <= limit:
            return _pade(A, degree)
    if not math.isfinite(size):
        return A * math.nan
    times = max(0, math.ceil(math.log2(size / _PADE[-1][1])))
    y = _pade(A / 2**times, 13)
    for _ in range(times):
        y = y @ y
    return y
