"""The processor as a device, and the memory that tensors hold there.

The memory functions have the names and meanings of those of ``torch.cuda``. Tensors take their
memory from a cache in front of the system: what is *allocated* belongs to live tensors, what is
*reserved* is held from the system, in use or kept for the next tensor. All sizes are in bytes.
"""

from __future__ import annotations

from . import _C


def is_available() -> bool:
    """True: the processor is always there."""
    return True


def is_initialized() -> bool:
    return True


def device_count() -> int:
    return 1


def current_device() -> str:
    return "cpu"


def set_device(device) -> None:
    """Accepted: there is one processor."""


def synchronize(device=None) -> None:
    """Returns at once: operators have finished when their call returns."""


def empty_cache() -> None:
    """Gives all memory that no tensor uses back to the system."""
    _C._empty_cache()


def memory_stats() -> dict[str, int]:
    """Counts of the allocator: bytes allocated and reserved, now and at their peak
    (``allocated_bytes.current``, ``allocated_bytes.peak``, ``reserved_bytes.current``,
    ``reserved_bytes.peak``), requests to the system (``system_allocations``) and requests that the
    cache answered (``cache_hits``)."""
    return _C._memory_stats()


def memory_allocated() -> int:
    """Bytes of live tensors, each rounded up to 64."""
    return memory_stats()["allocated_bytes.current"]


def max_memory_allocated() -> int:
    """The most bytes of live tensors since the start or `reset_peak_memory_stats`."""
    return memory_stats()["allocated_bytes.peak"]


def memory_reserved() -> int:
    """Bytes held from the system."""
    return memory_stats()["reserved_bytes.current"]


def max_memory_reserved() -> int:
    """The most bytes held from the system since the start or `reset_peak_memory_stats`."""
    return memory_stats()["reserved_bytes.peak"]


def reset_peak_memory_stats() -> None:
    """Sets both peaks to what is in use now."""
    _C._reset_peak_memory_stats()


def memory_limit() -> int | None:
    """What `set_memory_limit` allows, None without a limit."""
    return _C._memory_limit()


def set_memory_limit(nbytes: int | None) -> None:
    """Limits the bytes that tensors may hold from the system; None lifts the limit.

    An operator that would exceed it raises a RuntimeError, after the cache was emptied. Tensors
    that exist already stay. The scratch memory of a kernel is not counted, but no piece of it may
    exceed the limit either.

    Raises TypeError for what is no int, ValueError for a negative one.
    """
    _C._set_memory_limit(nbytes)
