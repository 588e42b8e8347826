"""Batch normalisation."""

from .._batchnorm import (
    _BatchNorm as _BatchNorm, _LazyNormBase as _LazyNormBase, _NormBase as _NormBase,
    BatchNorm1d as BatchNorm1d, BatchNorm2d as BatchNorm2d, BatchNorm3d as BatchNorm3d,
    LazyBatchNorm1d as LazyBatchNorm1d, LazyBatchNorm2d as LazyBatchNorm2d,
    LazyBatchNorm3d as LazyBatchNorm3d, SyncBatchNorm as SyncBatchNorm,
)
