"""Choice of the implementation of scaled_dot_product_attention."""

from __future__ import annotations

import enum
from contextlib import contextmanager


class SDPBackend(enum.IntEnum):
    """Implementations by PyTorch's names; all of them are served by the same code here."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends, set_priority: bool = False):
    """Accepts the wanted backends and changes nothing: there is one implementation.

    Raises ValueError for an empty list, TypeError for anything but SDPBackend.
    """
    wanted = [backends] if isinstance(backends, SDPBackend) else list(backends)
    if not wanted:
        raise ValueError("sdpa_kernel: give at least one backend")
    for backend in wanted:
        if not isinstance(backend, SDPBackend):
            raise TypeError(f"sdpa_kernel: expected SDPBackend, but got {type(backend).__name__}")
    yield
