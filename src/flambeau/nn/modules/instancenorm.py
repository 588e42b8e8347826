"""Instance normalisation."""

from .._batchnorm import (
    _InstanceNorm as _InstanceNorm, InstanceNorm1d as InstanceNorm1d,
    InstanceNorm2d as InstanceNorm2d, InstanceNorm3d as InstanceNorm3d,
    LazyInstanceNorm1d as LazyInstanceNorm1d, LazyInstanceNorm2d as LazyInstanceNorm2d,
    LazyInstanceNorm3d as LazyInstanceNorm3d,
)
