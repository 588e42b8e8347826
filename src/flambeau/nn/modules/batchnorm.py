"""Batch normalisation."""

from .._batchnorm import BatchNorm1d as BatchNorm1d
from .._batchnorm import BatchNorm2d as BatchNorm2d
from .._batchnorm import BatchNorm3d as BatchNorm3d
from .._batchnorm import LazyBatchNorm1d as LazyBatchNorm1d
from .._batchnorm import LazyBatchNorm2d as LazyBatchNorm2d
from .._batchnorm import LazyBatchNorm3d as LazyBatchNorm3d
from .._batchnorm import SyncBatchNorm as SyncBatchNorm
from .._batchnorm import _BatchNorm as _BatchNorm
from .._batchnorm import _LazyNormBase as _LazyNormBase
from .._batchnorm import _NormBase as _NormBase
