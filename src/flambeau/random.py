"""The seed and the state of the generator behind every operator without ``generator=``."""

from __future__ import annotations

from . import _C

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

default_generator = _C.default_generator


def manual_seed(seed):
    """Start the stream anew from ``seed`` (an int in [-2^63, 2^64)); returns the generator."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start the stream from the system's entropy; returns the seed that was chosen."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the stream was started from."""
    return default_generator.initial_seed()


def get_rng_state():
    """The state as a uint8 tensor of 5056 elements, interchangeable with PyTorch's."""
    return default_generator.get_state()


def set_rng_state(new_state) -> None:
    """Continue from a state of ``get_rng_state``. RuntimeError where it is none."""
    default_generator.set_state(new_state)


class fork_rng:
    """Within the block (or the decorated function) numbers are drawn that leave no trace outside.

    ``devices`` names accelerators whose streams are to be kept as well; there are none, so only an
    empty list is accepted.
    """

    def __init__(
        self,
        devices=None,
        enabled: bool = True,
        _caller: str = "fork_rng",
        _devices_kw: str = "devices",
        device_type: str = "cuda",
    ) -> None:
        if devices:
            raise RuntimeError(
                f"fork_rng: there is no device of type {device_type!r}; leave out devices"
            )
        self._enabled = enabled
        self._states: list = []

    def __enter__(self) -> None:
        if self._enabled:
            self._states.append(get_rng_state())

    def __exit__(self, *exception) -> None:
        if self._enabled:
            set_rng_state(self._states.pop())

    def __call__(self, function):
        import functools

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return wrapper
