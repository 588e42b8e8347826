"""interpolate: images resized dimension by dimension."""

from __future__ import annotations

import math

import flambeau as fb

from . import _native as native

Tensor = fb.Tensor

# Spatial dimensions of a mode (0: any number), and its name along one dimension.
_MODES = {
    "nearest": (0, "nearest"),
    "nearest-exact": (0, "nearest-exact"),
    "area": (0, None),
    "linear": (1, "linear"),
    "bilinear": (2, "linear"),
    "trilinear": (3, "linear"),
    "bicubic": (2, "cubic"),
    "lanczos": (2, "lanczos"),
}


def _sizes(input: Tensor, size, scale_factor, recompute: bool | None):
    """The output's spatial sizes, and the scales that positions are computed from (or Nones)."""
    spatial = list(input.shape[2:])
    dims = len(spatial)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        if not isinstance(size, (tuple, list)):
            return [int(size)] * dims, [None] * dims
        if len(size) != dims:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input "
                f"with spatial dimensions of {spatial} and output size of {size}. Please provide "
                "input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) "
                "format."
            )
        return [int(n) for n in size], [None] * dims
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    scales = (
        list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * dims
    )
    if len(scales) != dims:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input "
            f"with spatial dimensions of {spatial} and scale_factor of shape {scale_factor}. "
            "Please provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in "
            "(s1, s2, ...,sK) format."
        )
    out = [math.floor(n * float(s)) for n, s in zip(spatial, scales)]
    return out, [None] * dims if recompute else [float(s) for s in scales]


def interpolate(
    input: Tensor,
    size=None,
    scale_factor=None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize (N, C, ...) with one to three spatial dimensions to `size` or by `scale_factor`.

    `mode`: "nearest", "nearest-exact", "area", "linear" (3-d input), "bilinear" and "bicubic"
    (4-d), "trilinear" (5-d), "lanczos" (4-d, with antialias). With `align_corners` the centres of
    the corner pixels coincide, else their outer edges. `antialias` widens the filter of
    "bilinear", "bicubic" and "lanczos" when shrinking. uint8 images are rounded.

    Raises ValueError for sizes that contradict the input, NotImplementedError for a mode that does
    not fit its dimensions. Bicubic: Keys (1981), a = -0.75 (-0.5 with antialias).
    """
    dims = input.dim() - 2
    if mode not in _MODES or dims not in (1, 2, 3):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the "
            f"modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | "
            f"nearest-exact (got {mode})"
        )
    wanted, along = _MODES[mode]
    smooth = wanted != 0
    if not smooth and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: "
            "linear | bilinear | bicubic | trilinear"
        )
    out, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if antialias and mode not in ("bilinear", "bicubic", "lanczos"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic and lanczos modes "
            "and requires a 4-D tensor as input"
        )
    if smooth and wanted != dims:
        raise NotImplementedError(
            f"Got {input.dim()}D input, but {mode} mode needs {wanted + 2}D input"
        )
    if mode == "area":
        return getattr(native, f"adaptive_avg_pool{dims}d")(input, out)
    if any(n <= 0 for n in out):
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input "
            f"{list(input.shape[2:])} output {out}"
        )
    x = input.float() if input.dtype == fb.uint8 else input
    if any(n != m or scale not in (None, 1.0) for n, m, scale in zip(input.shape[2:], out, scales)):
        scales = [scale or 0.0 for scale in scales]
        x = fb._C._resample(x, out, along, bool(align_corners), scales, antialias)
    if input.dtype == fb.uint8:
        return x.round().clamp(0, 255).to(fb.uint8)
    return x.clone() if x is input else x
