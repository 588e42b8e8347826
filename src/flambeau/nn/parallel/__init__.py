"""Wrappers for several devices."""

from ._data_parallel import DataParallel as DataParallel, data_parallel as data_parallel


def __getattr__(name: str):
    if name == "DistributedDataParallel":
        raise NotImplementedError("nn.parallel.DistributedDataParallel is not available")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
