"""Images: older names of interpolate, sampling at a grid."""

from __future__ import annotations

import warnings

import flambeau as fb

from ._functional_resize import interpolate

Tensor = fb.Tensor


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """Older name of interpolate."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """Older name of interpolate with mode "nearest"."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """Older name of interpolate with mode "bilinear" and aligned corners."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _default_corners(name: str, align_corners):
    if align_corners is None:
        warnings.warn(
            f"Default {name} and affine_grid behavior has changed to "
            "align_corners=False since 1.3.0. Please specify align_corners=True if the "
            "old behavior is desired. See the documentation of grid_sample for details.",
            stacklevel=3,
        )
        return False
    return align_corners


def affine_grid(theta: Tensor, size, align_corners: bool | None = None) -> Tensor:
    """The sampling grid (N, H, W, 2) or (N, D, H, W, 3) of affine maps `theta` (N, 2, 3) or
    (N, 3, 4), for an output of `size` (N, C, ...) (Jaderberg et al. 2015)."""
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    spatial = list(size[2:])
    dims = len(spatial)
    if dims not in (2, 3) or theta.dim() != 3 or tuple(theta.shape[1:]) != (dims, dims + 1):
        raise ValueError(
            f"affine_grid: theta must be Nx2x3 for a 4D size or Nx3x4 for a 5D size, "
            f"but got theta of shape {tuple(theta.shape)} and size {tuple(size)}"
        )
    if theta.size(0) != size[0]:
        raise ValueError(
            f"affine_grid: theta has batch size {theta.size(0)}, but size says {size[0]}"
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    align = _default_corners("grid_sample", align_corners)
    axes = []
    for d in reversed(range(dims)):
        n = spatial[d]
        if n > 1:
            axis = fb.linspace(-1, 1, n, dtype=theta.dtype, device=theta.device)
            if not align:
                axis = axis * ((n - 1) / n)
        else:
            axis = fb.zeros(1, dtype=theta.dtype, device=theta.device)
        shape = [1] * dims
        shape[d] = n
        axes.append(axis.reshape(shape).expand(spatial))
    axes.append(fb.ones(spatial, dtype=theta.dtype, device=theta.device))
    base = fb.stack(axes, dim=-1).reshape(1, -1, dims + 1).expand(size[0], -1, -1)
    return fb.bmm(base, theta.transpose(1, 2)).reshape(size[0], *spatial, dims)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Sample `input` (N, C, H, W) at `grid` (N, Ho, Wo, 2) of x, y in [-1, 1]; 5D alike.

    mode: "bilinear", "nearest", "bicubic" (4D only). padding_mode: "zeros", "border", "reflection".
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' "
            f"or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', "
            f"'border', or 'reflection', but got: '{padding_mode}'"
        )
    align = _default_corners("grid_sample", align_corners)
    dims = input.dim() - 2
    if dims not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of "
            f"dimensions, but got input with sizes {list(input.shape)} and grid "
            f"with sizes {list(grid.shape)}"
        )
    if grid.size(0) != input.size(0) or grid.size(-1) != dims:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {dims} in last dimension "
            "and the batch size of input, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if mode == "bicubic" and dims == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, "
            f"but input has sizes {list(input.shape)}"
        )
    return fb._C._grid_sample(input, grid, mode, padding_mode, align, ())
