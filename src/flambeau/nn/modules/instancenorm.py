"""Instance normalisation."""

from .._batchnorm import InstanceNorm1d as InstanceNorm1d
from .._batchnorm import InstanceNorm2d as InstanceNorm2d
from .._batchnorm import InstanceNorm3d as InstanceNorm3d
from .._batchnorm import LazyInstanceNorm1d as LazyInstanceNorm1d
from .._batchnorm import LazyInstanceNorm2d as LazyInstanceNorm2d
from .._batchnorm import LazyInstanceNorm3d as LazyInstanceNorm3d
from .._batchnorm import _InstanceNorm as _InstanceNorm
