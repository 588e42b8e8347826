"""Pooling that is composed of native operators: indices, power means, unpooling, fractional."""

from __future__ import annotations

import flambeau as fb

from . import _native as native
from ._tuples import as_tuple

Tensor = fb.Tensor


def _max_pool(dims: int):
    pool = getattr(native, f"max_pool{dims}d")
    with_indices = getattr(native, f"max_pool{dims}d_with_indices")

    def max_pool(
        input,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
        return_indices=False,
    ):
        if return_indices:
            return tuple(with_indices(input, kernel_size, stride, padding, dilation, ceil_mode))
        return pool(input, kernel_size, stride, padding, dilation, ceil_mode)

    def max_pool_with_indices(
        input,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
        return_indices=False,
    ):
        return tuple(with_indices(input, kernel_size, stride, padding, dilation, ceil_mode))

    max_pool.__name__ = max_pool.__qualname__ = f"max_pool{dims}d"
    max_pool.__doc__ = pool.__doc__
    max_pool_with_indices.__name__ = max_pool_with_indices.__qualname__ = (
        f"max_pool{dims}d_with_indices"
    )
    max_pool_with_indices.__doc__ = with_indices.__doc__
    return max_pool, max_pool_with_indices


max_pool1d, max_pool1d_with_indices = _max_pool(1)
max_pool2d, max_pool2d_with_indices = _max_pool(2)
max_pool3d, max_pool3d_with_indices = _max_pool(3)


def _adaptive_size(output_size, input, dims: int):
    """The size with its Nones replaced by the input's."""
    if isinstance(output_size, (tuple, list)) and input.dim() <= len(output_size):
        raise ValueError(
            f"Input dimension should be at least {len(output_size) + 1}, got {input.dim()}"
        )
    if isinstance(output_size, (tuple, list)) and None in output_size:
        if len(output_size) != dims:
            raise ValueError(f"output_size should have {dims} elements, got {output_size}")
        return [n if o is None else o for o, n in zip(output_size, input.shape[-dims:])]
    return output_size


def _adaptive(dims: int):
    mean = getattr(native, f"adaptive_avg_pool{dims}d")
    largest = getattr(native, f"adaptive_max_pool{dims}d")

    def avg_pool(input, output_size):
        return mean(input, _adaptive_size(output_size, input, dims))

    def max_pool(input, output_size, return_indices=False):
        values, indices = largest(input, _adaptive_size(output_size, input, dims))
        return (values, indices) if return_indices else values

    def max_pool_with_indices(input, output_size, return_indices=False):
        return tuple(largest(input, _adaptive_size(output_size, input, dims)))

    for function, name, doc in (
        (avg_pool, "adaptive_avg_pool{}d", mean.__doc__),
        (max_pool, "adaptive_max_pool{}d", largest.__doc__),
        (max_pool_with_indices, "adaptive_max_pool{}d_with_indices", largest.__doc__),
    ):
        function.__name__ = function.__qualname__ = name.format(dims)
        function.__doc__ = doc
    return avg_pool, max_pool, max_pool_with_indices


adaptive_avg_pool1d, adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive(1)
adaptive_avg_pool2d, adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive(2)
adaptive_avg_pool3d, adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive(3)


def _lp_pool(avg_pool, dims, input, norm_type, kernel_size, stride, ceil_mode):
    count = 1
    for k in as_tuple(kernel_size, dims):
        count *= k
    mean = avg_pool(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    # A negative sum of odd powers has no root; its sign is kept out of the power.
    return (fb.sign(mean) * native.relu(fb.abs(mean))).mul(count).pow(1.0 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: int, stride=None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x^p)^(1/p) over windows of (N, C, L) or (C, L)."""
    return _lp_pool(native.avg_pool1d, 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x^p)^(1/p) over windows of (N, C, H, W) or (C, H, W)."""
    return _lp_pool(native.avg_pool2d, 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x^p)^(1/p) over windows of (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(native.avg_pool3d, 3, input, norm_type, kernel_size, stride, ceil_mode)


def _unpool_size(input, kernel, stride, padding, output_size):
    spatial = input.shape[-len(kernel) :]
    default = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(spatial, stride, padding, kernel)]
    if output_size is None:
        return default
    size = list(output_size)
    if len(size) == len(kernel) + 2:
        size = size[2:]
    if len(size) != len(kernel):
        raise ValueError(
            f"output_size should be a sequence containing {len(kernel)} or "
            f"{len(kernel) + 2} elements, but it has a length of '{len(size)}'"
        )
    for d, n in enumerate(size):
        low, high = default[d] - stride[d], default[d] + stride[d]
        if not low < n < high:
            raise ValueError(
                f"invalid output_size '{size}' (dim {d} must be between {low} and {high})"
            )
    return size


def _max_unpool(dims, input, indices, kernel_size, stride, padding, output_size):
    name = f"max_unpool{dims}d"
    kernel = as_tuple(kernel_size, dims)
    stride = kernel if stride is None else as_tuple(stride, dims)
    padding = as_tuple(padding, dims)
    if input.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: expected {dims + 1}D or {dims + 2}D input, but got {input.dim()}D"
        )
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{name}: Expected shape of indices to be same as that of the input "
            f"tensor ({list(input.shape)}) but got indices tensor with shape: "
            f"{list(indices.shape)}"
        )
    if indices.dtype != fb.int64:
        raise RuntimeError(
            f"{name}: elements in indices should be type int64 but got: {indices.dtype}"
        )
    size = _unpool_size(input, kernel, stride, padding, output_size)
    volume = 1
    for n in size:
        volume *= n
    lead = input.shape[:-dims]
    flat = input.reshape(*lead, -1)
    index = indices.reshape(*lead, -1)
    if index.numel() and (int(index.min()) < 0 or int(index.max()) >= volume):
        raise RuntimeError(
            f"{name}: Found an invalid max index: {int(index.max())} (output "
            f"volumes are of size {'x'.join(str(n) for n in size)}"
        )
    out = flat.new_zeros((*lead, volume)).scatter(-1, index, flat)
    return out.reshape(*lead, *size)


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """Put pooled values back at `indices`; zeros elsewhere."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """Put pooled values back at `indices`; zeros elsewhere."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """Put pooled values back at `indices`; zeros elsewhere."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _window_starts(sample, in_size: int, out_size: int, kernel: int):
    """Pseudo-random starts of `out_size` windows (Graham 2014); `sample` has shape (N, C)."""
    last = in_size - kernel
    if out_size == 1:
        return sample.new_full((*sample.shape, 1), last).to(fb.int64)
    alpha = (in_size - kernel) / (out_size - 1)
    steps = fb.arange(out_size, device=sample.device, dtype=sample.dtype)
    u = sample.unsqueeze(-1)
    starts = ((steps + u) * alpha).to(fb.int64) - (u * alpha).to(fb.int64)
    starts[..., -1] = last
    return starts


def _fractional(dims, input, kernel_size, output_size, output_ratio, return_indices, samples):
    name = f"fractional_max_pool{dims}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    batched = input.dim() == dims + 2
    if not batched and input.dim() != dims + 1:
        raise RuntimeError(
            f"{name}: expected {dims + 1}D or {dims + 2}D input, but got {input.dim()}D"
        )
    x = input if batched else input.unsqueeze(0)
    if samples is not None and not batched:
        samples = samples[:1]
    spatial = x.shape[2:]
    kernel = as_tuple(kernel_size, dims)
    if output_size is None:
        ratio = as_tuple(output_ratio, dims)
        out = tuple(int(n * r) for n, r in zip(spatial, ratio))
    else:
        out = as_tuple(output_size, dims)
    for n, k, o in zip(spatial, kernel, out):
        if o < 1 or o + k - 1 > n:
            raise RuntimeError(
                f"{name}: pool size {k} too large relative to input size {n} for output size {o}"
            )
    if samples is None:
        samples = fb.rand(x.size(0), x.size(1), dims, dtype=x.dtype, device=x.device)
    # In two dimensions the first number belongs to the width.
    order = (1, 0) if dims == 2 else range(dims)
    starts = [
        _window_starts(samples[:, :, o], spatial[d], out[d], kernel[d]) for d, o in enumerate(order)
    ]
    best, where = fb._C._windowed_max(x, fb.cat(starts, -1), kernel, out)
    if not batched:
        best, where = best.squeeze(0), where.squeeze(0)
    return (best, where) if return_indices else best


def fractional_max_pool2d(
    input: Tensor,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples=None,
):
    """Max pooling over pseudo-random windows (Graham 2014, "Fractional max-pooling")."""
    return _fractional(
        2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool3d(
    input: Tensor,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples=None,
):
    """Max pooling over pseudo-random windows (Graham 2014, "Fractional max-pooling")."""
    return _fractional(
        3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool2d_with_indices(
    input,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices=False,
    _random_samples=None,
):
    """fractional_max_pool2d that returns (values, indices)."""
    return _fractional(2, input, kernel_size, output_size, output_ratio, True, _random_samples)


def fractional_max_pool3d_with_indices(
    input,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices=False,
    _random_samples=None,
):
    """fractional_max_pool3d that returns (values, indices)."""
    return _fractional(3, input, kernel_size, output_size, output_ratio, True, _random_samples)
