"""Integrals and derivatives of sampled functions, covariances of samples."""

from __future__ import annotations

from . import _C
from ._C import Tensor

__all__ = [
    "corrcoef",
    "cov",
    "cumulative_trapezoid",
    "gradient",
    "masked_scatter",
    "trapezoid",
    "trapz",
    "unravel_index",
]


def _areas(op: str, y: Tensor, x: Tensor | None, dx, dim: int) -> Tensor:
    """The areas between neighbouring samples along `dim`."""
    for name, t in (("y", y), ("x", x)):
        if t is not None and t.dtype == _C.bool:
            raise RuntimeError(
                f"{op}: received a bool input for `{name}`, but bool is not supported"
            )
    n = y.size(dim)
    pairs = y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)
    if x is None:
        return pairs * (0.5 * (1 if dx is None else dx))
    if dx is not None:
        raise TypeError(f"{op}() takes either x or dx, not both")
    if x.dim() == 1:
        if x.size(0) != n:
            raise RuntimeError(f"{op}: There must be one `x` value for each sample point")
        x = x.reshape([n if d == dim % y.dim() else 1 for d in range(y.dim())])
        axis = dim % y.dim()
    else:
        axis = dim if dim < 0 else dim - y.dim()
    return pairs * (x.narrow(axis, 1, x.size(axis) - 1) - x.narrow(axis, 0, x.size(axis) - 1)) / 2


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx=None, dim: int = -1) -> Tensor:
    """The integral of samples `y` along `dim` by the trapezoidal rule.

    The points are `x`, of one dimension or broadcast with `y`, or `dx` (1) apart. Raises
    RuntimeError for bools and for a number of points that is not the number of samples.
    """
    if y.size(dim) == 0:
        return y.new_zeros(y.sum(dim).shape)
    if x is None and y.dtype != _C.bool:
        return (y.sum(dim) - (y.select(dim, 0) + y.select(dim, -1)) * 0.5) * (
            1 if dx is None else dx
        )
    return _areas("trapezoid", y, x, dx, dim).sum(dim)


def trapz(y: Tensor, x: Tensor | None = None, *, dx=None, dim: int = -1) -> Tensor:
    """Older name of ``trapezoid``."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx=None, dim: int = -1) -> Tensor:
    """The integrals of samples up to each one but the first, as ``trapezoid`` takes them."""
    return _areas("cumulative_trapezoid", y, x, dx, dim).cumsum(dim)


def _floating(t: Tensor) -> Tensor:
    return t if t.is_floating_point() or t.is_complex() else t.to(_C.get_default_dtype())


def _check_weights(name: str, w: Tensor, n: int) -> None:
    if w.dim() > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions, got {w.dim()}")
    if w.numel() != n:
        raise RuntimeError(
            f"cov(): expected {name} to have one weight for each of {n} observations, "
            f"got {w.numel()}"
        )
    if w.numel() and bool((w.min() < 0).item()):
        raise RuntimeError(f"cov(): {name} cannot be negative")


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariance matrix of variables (rows) from observations (columns).

    `fweights` says how often each observation was made (whole numbers), `aweights` how much it
    counts. Divides by the sum of the weights less `correction`, which with `aweights` is scaled by
    their mean weight. Raises RuntimeError for more than two dimensions, bools and bad weights.
    """
    if input.dim() > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got {input.dim()}"
        )
    if input.dtype == _C.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = _floating(input.reshape(1, -1) if input.dim() < 2 else input)
    n = x.size(1)
    if fweights is not None:
        if fweights.is_floating_point() or fweights.is_complex() or fweights.dtype == _C.bool:
            raise RuntimeError(
                f"cov(): expected fweights to have integral dtype but got {fweights.dtype}"
            )
        _check_weights("fweights", fweights, n)
    if aweights is not None:
        if not aweights.is_floating_point():
            raise RuntimeError(
                f"cov(): expected aweights to have floating point dtype but got {aweights.dtype}"
            )
        _check_weights("aweights", aweights, n)
        if x.dtype in (_C.float64, _C.complex128):
            aweights = aweights.to(_C.float64)  # the divisor is a difference
    weights = fweights if aweights is None else aweights
    if fweights is not None and aweights is not None:
        weights = fweights * aweights
    if weights is None:
        total, scale = n, n - correction
        mean = x.sum(1, keepdim=True) / n
        weighted = x - mean
    else:
        weights = weights.reshape(-1)
        total = weights.sum()
        if n and bool((total == 0).item()):
            raise ZeroDivisionError("cov(): weights sum to zero, can't be normalized")
        share = 1 if aweights is None else (weights * aweights.reshape(-1)).sum() / total
        scale = (total - correction * share).clamp(min=0)
        mean = (x * weights).sum(1, keepdim=True) / total
        weighted = (x - mean) * weights
    c = weighted @ (x - mean).mH
    c = c / (max(scale, 0) if isinstance(scale, int) else scale)
    return c.reshape(()) if c.numel() == 1 else c


def corrcoef(input: Tensor) -> Tensor:
    """The matrix of Pearson correlations of variables (rows) from observations (columns)."""
    if input.dim() > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got {input.dim()}"
        )
    c = cov(input)
    if c.dim() == 0:
        return c / c
    deviation = c.diagonal()
    deviation = (deviation.real if c.is_complex() else deviation).sqrt()
    c = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    if c.is_complex():
        return _C.complex(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)


def _difference(f: Tensor, dim: int, h, edge_order: int) -> Tensor:
    """The derivative along one dimension; `h`: the distances of neighbours, a number or (n - 1)."""
    n = f.size(dim)
    at = [f.narrow(dim, i, 1) for i in (0, 1, -2, -1)]
    low, middle, high = (f.narrow(dim, i, n - 2) for i in range(3))
    if isinstance(h, Tensor):
        shape = [n - 2 if d == dim else 1 for d in range(f.dim())]
        a, b = h[:-1].reshape(shape), h[1:].reshape(shape)
        inner = (a * a * high + (b * b - a * a) * middle - b * b * low) / (a * b * (a + b))
        first, last = h[0], h[-1]
    else:
        inner, first, last = (high - low) / (2 * h), h, h
    if edge_order == 1:
        ends = (at[1] - at[0]) / first, (at[3] - at[2]) / last
    else:
        second, before = (h[1], h[-2]) if isinstance(h, Tensor) else (h, h)
        ends = (
            _one_sided(at[0], at[1], f.narrow(dim, 2, 1), first, second),
            -_one_sided(at[3], at[2], f.narrow(dim, -3, 1), last, before),
        )
    return _C.cat([ends[0], inner, ends[1]], dim)


def _one_sided(f0, f1, f2, a, b):
    """The derivative at the first of three points at distances a and b: the parabola's."""
    return -(2 * a + b) / (a * (a + b)) * f0 + (a + b) / (a * b) * f1 - a / (b * (a + b)) * f2


def gradient(input: Tensor, *, spacing=1, dim=None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Numerical derivatives along each dimension of `dim` (all), by central differences.

    `spacing` is the distance of samples, one for all dimensions or a list of one for each, or a
    list of their coordinates as tensors of one dimension. The ends are differences of `edge_order`
    1 or 2 points. Raises RuntimeError for fewer than edge_order + 1 samples.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    for d in dims:
        if not -input.dim() <= d < input.dim():
            raise IndexError(
                "gradient(): Dimension out of range (expected to be in range of "
                f"[{-input.dim()}, {input.dim() - 1}], but got {d})"
            )
    dims = [d % input.dim() for d in dims]
    if len(set(dims)) != len(dims):
        raise RuntimeError("gradient(): a dimension appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if isinstance(spacing, Tensor) and len(dims) != 1 and spacing.dim() == 1:
        raise RuntimeError("torch.gradient expected one tensor of coordinates for each dimension")
    if len(steps) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of one for "
            f"each of {len(dims)} dimensions, but got {len(steps)}"
        )
    results = []
    f = _floating(input)
    for d, h in zip(dims, steps):
        n = input.size(d)
        if n < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
        if isinstance(h, Tensor) and h.dim() == 1:
            if h.numel() != n:
                raise RuntimeError(
                    "torch.gradient expected each element of spacing to have the number of "
                    f"coordinates of its dimension, {n}, but got {h.numel()}"
                )
            h = h[1:] - h[:-1]
        elif isinstance(h, Tensor) and h.dim() > 1:
            raise RuntimeError("torch.gradient expected coordinates of one dimension in spacing")
        results.append(_difference(f, d, h, edge_order))
    return tuple(results)


def unravel_index(indices: Tensor, shape) -> tuple[Tensor, ...]:
    """The coordinates, one tensor for each dimension of `shape`, of positions in the flat tensor.

    Raises TypeError for indices that are not integers, ValueError for a bad shape.
    """
    if indices.is_floating_point() or indices.is_complex() or indices.dtype == _C.bool:
        raise ValueError(f"unravel_index(): expected indices of integers, got {indices.dtype}")
    sizes = [shape] if isinstance(shape, int) else [int(n) for n in shape]
    if any(n < 0 for n in sizes):
        raise ValueError(f"unravel_index(): 'shape' cannot have negative values, got {sizes}")
    places, found, step = indices.to(_C.int64), [], 1
    for n in reversed(sizes):
        found.append(places.div(step, rounding_mode="floor") % n if n else places)
        step *= n
    return tuple(reversed(found))


def _sum_to_size(self: Tensor, *size) -> Tensor:
    """Sums the dimensions that broadcasting from `size` would have added or stretched."""
    wanted = list(size[0]) if len(size) == 1 and not isinstance(size[0], int) else list(size)
    extra = self.dim() - len(wanted)
    fits = extra >= 0 and all(n in (1, m) for n, m in zip(wanted, self.shape[max(extra, 0) :]))
    if not fits:
        raise RuntimeError(
            f"size {wanted} is not expandable to size {list(self.shape)}: sum_to_size()"
        )
    if not wanted:
        return self.sum()
    dims = [d for d in range(self.dim()) if d < extra or wanted[d - extra] != self.size(d)]
    return (self.sum(dims, keepdim=True) if dims else self).reshape(wanted)


Tensor.sum_to_size = _sum_to_size
Tensor.cov = cov
Tensor.corrcoef = corrcoef
_scatter = Tensor.masked_scatter


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of `input`, broadcast with `mask`, whose elements where `mask` is True are those of
    `source` in order. Raises RuntimeError when `source` has too few."""
    if mask.shape != input.shape:
        input, mask = _C._broadcast_tensors([input, mask])
    return _scatter(input, mask, source)


Tensor.masked_scatter = masked_scatter
