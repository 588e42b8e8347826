"""Functions of PyTorch's test tables, executed with flambeau in the place of torch."""

from __future__ import annotations

import contextlib
import functools
import types

import torch
from torch.testing._internal.opinfo.core import OpInfo

import flambeau

from .convert import DTYPES


class Absent(Exception):
    """flambeau has no operator of this name."""


def resolve(path: str):
    """The object of flambeau at a dotted path such as ``nn.functional.relu``."""
    value = flambeau
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except (AttributeError, ModuleNotFoundError):
            raise Absent(path)
    return value


@functools.cache
def _torch_paths() -> dict[int, str]:
    """Paths of the public functions of torch, by identity."""
    homes = {
        "": torch,
        "nn.functional": torch.nn.functional,
        "linalg": torch.linalg,
        "special": torch.special,
        "fft": torch.fft,
        "Tensor": torch.Tensor,
        "nn": torch.nn,
        "autograd": torch.autograd,
        "nn.init": torch.nn.init,
        "nn.utils.rnn": torch.nn.utils.rnn,
    }
    paths: dict[int, str] = {}
    for home, module in homes.items():
        for name in dir(module):
            if name.startswith("__") and home != "Tensor":
                continue
            value = getattr(module, name, None)
            if callable(value):
                paths.setdefault(id(value), f"{home}.{name}" if home else name)
    return paths


@contextlib.contextmanager
def _no_freeze(*args, **kwargs):
    """Stands for freeze_rng_state: both sides are seeded anew before every call."""
    yield


def _map(value):
    if value is torch:
        return flambeau
    if isinstance(value, types.ModuleType) and value.__name__.startswith("torch."):
        path = value.__name__.removeprefix("torch.")
        return value if path.startswith("testing._") else resolve(path)
    if isinstance(value, torch.dtype):
        return DTYPES[value]
    if isinstance(value, (tuple, list)):
        return type(value)(_map(v) for v in value)
    if isinstance(value, OpInfo):  # callable, but here for its data
        return value
    if callable(value):
        return rebind(value)
    return value


class _Globals(dict):
    """The globals of a rebound function: names are looked up in the original and mapped."""

    def __init__(self, original):
        super().__init__()
        self.original = original

    def __missing__(self, name):
        if name == "__builtins__":
            raise KeyError(name)
        value = _map(self.original[name])
        self[name] = value
        return value


@functools.cache
def rebind(function):
    """`function` with every reference to torch replaced by flambeau; Absent where there is none."""
    if getattr(function, "__name__", "") == "freeze_rng_state":
        return _no_freeze
    path = _torch_paths().get(id(function))
    if path is not None:
        return resolve(path)
    if isinstance(function, functools.partial):
        keywords = {k: _map(v) for k, v in function.keywords.items()}
        return functools.partial(rebind(function.func), *map(_map, function.args), **keywords)
    if isinstance(function, types.FunctionType):
        module = function.__module__ or ""
        if not (module.startswith("torch.testing._") or function.__name__ == "<lambda>"):
            if module.startswith("torch."):
                raise Absent(f"{module}.{function.__qualname__}")
            return function
        closure = None
        if function.__closure__ is not None:
            closure = tuple(types.CellType(_map(c.cell_contents)) for c in function.__closure__)
        copy = types.FunctionType(
            function.__code__, _Globals(function.__globals__), function.__name__, None, closure
        )
        if function.__defaults__:
            copy.__defaults__ = tuple(_map(v) for v in function.__defaults__)
        if function.__kwdefaults__:
            copy.__kwdefaults__ = {k: _map(v) for k, v in function.__kwdefaults__.items()}
        return copy
    if isinstance(function, type) and function.__module__.startswith("torch"):
        return resolve(f"{function.__module__}.{function.__qualname__}".removeprefix("torch."))
    if (getattr(function, "__module__", None) or "").startswith(("torch", "aten")) or type(
        function
    ).__module__.startswith("torch"):
        raise Absent(str(function))
    return function
