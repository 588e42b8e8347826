"""Checkpoints: reading, writing, and which classes a checkpoint may contain."""

from .._serialization import (
    DEFAULT_PROTOCOL as DEFAULT_PROTOCOL,
    load as load,
    save as save,
)
from ._names import (
    add_safe_globals as add_safe_globals,
    clear_safe_globals as clear_safe_globals,
    get_safe_globals as get_safe_globals,
    safe_globals as safe_globals,
)

__all__ = [
    "DEFAULT_PROTOCOL",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "safe_globals",
    "save",
]
