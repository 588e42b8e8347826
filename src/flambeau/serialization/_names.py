"""The names by which a checkpoint knows its classes and functions.

A checkpoint uses PyTorch's names, so that files can be exchanged. This module maps them to what
stands here and back, and knows which of them are harmless.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict

import flambeau

from . import _rebuild

_STORAGE_DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}
DTYPES = tuple(dict.fromkeys(_STORAGE_DTYPES.values()))


class StorageType:
    """Stands for a class such as ``torch.FloatStorage``: all it says is the dtype."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtype = getattr(flambeau, _STORAGE_DTYPES[name])


STORAGE_TYPES = {name: StorageType(name) for name in _STORAGE_DTYPES}
STORAGE_TYPE_OF = {
    kind.dtype: kind for name, kind in STORAGE_TYPES.items() if name != "UntypedStorage"
}


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, which the old pickle protocols write as text."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes are written as latin1, not {encoding}")
    return text.encode("latin1")


def _bytes(*args) -> bytes:
    """``bytes`` without the form that reserves as much memory as a file asks for."""
    if args and not isinstance(args[0], (bytes, bytearray, str, list, tuple)):
        raise ValueError(f"bytes are made of {type(args[0]).__name__}")
    return bytes(*args)


def _bytearray(*args) -> bytearray:
    return bytearray(_bytes(*args))


def _plain_names() -> dict:
    """Name -> object, for all that every file may use."""
    names = {("torch._utils", name): f for name, f in _rebuild.FUNCTIONS.items()}
    names.update({("torch", name): kind for name, kind in STORAGE_TYPES.items()})
    names[("torch.storage", "UntypedStorage")] = STORAGE_TYPES["UntypedStorage"]
    names.update({("torch", name): getattr(flambeau, name) for name in DTYPES})
    for name in ("strided", "contiguous_format", "preserve_format", "channels_last"):
        if hasattr(flambeau, name):
            names[("torch", name)] = getattr(flambeau, name)
    names[("torch", "Size")] = flambeau.Size
    names[("torch", "device")] = flambeau.device
    names[("torch", "Tensor")] = flambeau.Tensor
    names[("torch.nn.parameter", "Parameter")] = flambeau.nn.Parameter
    names[("torch._tensor", "_rebuild_from_type_v2")] = _rebuild.rebuild_from_type
    names[("collections", "OrderedDict")] = OrderedDict
    names[("collections", "Counter")] = Counter
    for kind in (set, frozenset, complex, int, float, bool, str, list, tuple, dict):
        names[("builtins", kind.__name__)] = kind
    names[("builtins", "bytes")] = _bytes
    names[("builtins", "bytearray")] = _bytearray
    names[("_codecs", "encode")] = _encode
    return names


_cache: dict = {}


def plain_names() -> dict:
    if not _cache:
        _cache.update(_plain_names())
    return _cache


def find(module: str, name: str):
    """The object here that a file means by a name of PyTorch, or None if there is none.

    Imports nothing but flambeau's own modules.
    """
    known = plain_names().get((module, name))
    if known is not None:
        return known
    parts = module.split(".")
    if parts[0] != "torch":
        return None
    # Layouts differ inside a package: a name is looked for in the package around it as well.
    import importlib

    for end in range(len(parts), 0, -1):
        path = ".".join(["flambeau", *parts[1:end]])
        try:
            owner = sys.modules.get(path) or importlib.import_module(path)
        except ModuleNotFoundError:
            continue
        found = owner
        for attribute in name.split("."):
            found = getattr(found, attribute, None)
        if found is not None:
            return found
    return None


def torch_name(obj, name: str | None = None) -> tuple[str, str] | None:
    """PyTorch's module and name for one of our objects, or None where it has no counterpart."""
    if isinstance(obj, StorageType):
        return "torch", obj.name
    for (module, known), candidate in plain_names().items():
        if candidate is obj and module.startswith("torch"):
            return module, known
    name = name or getattr(obj, "__qualname__", None)
    module = getattr(obj, "__module__", None) or ""
    if name is None or module.split(".")[0] != "flambeau":
        return None
    # The shortest public path that leads to it.
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        if parts[end - 1].startswith("_"):
            break
        owner = sys.modules.get(".".join(parts[:end]))
        for attribute in name.split("."):
            owner = getattr(owner, attribute, None)
        if owner is obj:
            return ".".join(["torch", *parts[1:end]]), name
    return None


# ---- what a file may contain when only weights are loaded ---------------------------------------

_safe: list = []


def add_safe_globals(safe_globals: list) -> None:
    """Let ``load(..., weights_only=True)`` use these classes and functions.

    An entry is the object, or a pair of it and the full name by which files know it.
    """
    for entry in safe_globals:
        if entry not in _safe:
            _safe.append(entry)


def get_safe_globals() -> list:
    """The classes and functions that were added."""
    return list(_safe)


def clear_safe_globals() -> None:
    """Forget the classes and functions that were added."""
    _safe.clear()


class safe_globals:
    """A context in which files may use more classes and functions; see ``add_safe_globals``."""

    def __init__(self, safe_globals: list) -> None:
        self.entries = safe_globals

    def __enter__(self):
        self.before = get_safe_globals()
        add_safe_globals(self.entries)
        return self

    def __exit__(self, *exc) -> None:
        _safe[:] = self.before


def find_safe(module: str, name: str):
    """What a name means, if files may use it, else None."""
    known = plain_names().get((module, name))
    if known is not None:
        return known
    for entry in _safe:
        obj, full = entry if isinstance(entry, tuple) else (entry, None)
        if full is None:
            full = f"{obj.__module__}.{obj.__qualname__}"
        if full == f"{module}.{name}":
            return obj
        if module.split(".")[0] == "torch" and find(module, name) is obj:
            return obj
    return None
