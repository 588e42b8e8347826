"""CUDA devices: there are none in this build, and every question about them is answered so."""

from __future__ import annotations


def is_available() -> bool:
    """False: no CUDA driver is built in."""
    return False


def device_count() -> int:
    return 0


def is_initialized() -> bool:
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    return False


def manual_seed(seed: int) -> None:
    """Accepted: there is no device to seed."""


def manual_seed_all(seed: int) -> None:
    """Accepted: there is no device to seed."""


def empty_cache() -> None:
    """Accepted: there is no device memory."""


def synchronize(device=None) -> None:
    _absent("synchronize")


def current_device() -> int:
    _absent("current_device")


def set_device(device) -> None:
    _absent("set_device")


def get_device_name(device=None) -> str:
    _absent("get_device_name")


def get_device_properties(device=None):
    _absent("get_device_properties")


def get_device_capability(device=None):
    _absent("get_device_capability")


def get_rng_state_all() -> list:
    return []


def set_rng_state_all(states) -> None:
    """Accepts the empty list."""
    if len(states):
        _absent("set_rng_state_all")


def _absent(name: str):
    raise RuntimeError(f"cuda.{name}(): flambeau was built without CUDA; use the CPU")
