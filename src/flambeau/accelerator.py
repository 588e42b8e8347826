"""The accelerator of the machine: this build has none, and says so."""

from __future__ import annotations


def is_available() -> bool:
    """False: no accelerator is built in."""
    return False


def device_count() -> int:
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None: the device type of the accelerator, which there is not."""
    return None


def current_device_index() -> int:
    _absent("current_device_index")


def set_device_index(device) -> None:
    _absent("set_device_index")


def current_stream(device=None):
    _absent("current_stream")


def set_stream(stream) -> None:
    _absent("set_stream")


def synchronize(device=None) -> None:
    _absent("synchronize")


def empty_cache() -> None:
    _absent("empty_cache")


def memory_allocated(device_index=None) -> int:
    _absent("memory_allocated")


def max_memory_allocated(device_index=None) -> int:
    _absent("max_memory_allocated")


def memory_reserved(device_index=None) -> int:
    _absent("memory_reserved")


def max_memory_reserved(device_index=None) -> int:
    _absent("max_memory_reserved")


def memory_stats(device_index=None) -> dict:
    _absent("memory_stats")


def reset_peak_memory_stats(device_index=None) -> None:
    _absent("reset_peak_memory_stats")


def _absent(name: str):
    raise RuntimeError(
        f"accelerator.{name}(): no accelerator is available, flambeau computes on the CPU; "
        "ask accelerator.is_available() first"
    )
