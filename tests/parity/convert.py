"""Values carried between torch and flambeau: tensors with their strides, dtypes, containers."""

from __future__ import annotations

import numbers

import torch

import flambeau

DTYPE_NAMES = (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "bool",
    "complex64",
    "complex128",
)
DTYPES = {getattr(torch, name): getattr(flambeau, name) for name in DTYPE_NAMES}
MEMORY_FORMATS = {
    getattr(torch, name): getattr(flambeau, name)
    for name in ("contiguous_format", "channels_last", "channels_last_3d", "preserve_format")
    if hasattr(flambeau, name)
}


class NotApplicable(Exception):
    """The sample uses something outside flambeau's scope (a sparse layout, another device)."""


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def own_copy(t: torch.Tensor) -> torch.Tensor:
    """A detached copy in new memory with the same strides, expanded dimensions included."""
    if whole_storage(t) and not (t.is_conj() or t.is_neg()):
        size = t.untyped_storage().nbytes() // t.element_size()
        memory = t.detach().as_strided((size,), (1,), 0).clone()
        return memory.as_strided(t.shape, t.stride(), t.storage_offset())
    t = t.detach().resolve_conj().resolve_neg()
    if t.numel() == 0:
        return torch.empty_strided(t.shape, t.stride(), dtype=t.dtype)
    extent = 1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride()))
    flat = t.as_strided((extent,), (1,), t.storage_offset()).clone()
    return flat.as_strided(t.shape, t.stride(), 0)


def whole_storage(t: torch.Tensor) -> bool:
    """Whether `t` is a window of memory that operators such as as_strided may look at beside it."""
    reach = 1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride())) if t.numel() else 0
    return t.untyped_storage().nbytes() // t.element_size() > reach > 0


def tensor_to_flambeau(t: torch.Tensor) -> flambeau.Tensor:
    if t.layout != torch.strided or t.is_quantized or getattr(t, "is_nested", False):
        raise NotApplicable(f"layout {t.layout}")
    if t.ndim > 64:
        raise NotApplicable("more dimensions than a tensor may have")
    if t.device.type == "meta":
        if t.dtype not in DTYPES:
            raise NotApplicable(f"dtype {t.dtype}")
        return flambeau.empty(tuple(t.shape), dtype=DTYPES[t.dtype], device="meta")
    if t.device.type != "cpu":
        raise NotApplicable(f"device {t.device}")
    if t.dtype not in DTYPES:
        raise NotApplicable(f"dtype {t.dtype}")
    if whole_storage(t) and not (t.is_conj() or t.is_neg()):
        size = t.untyped_storage().nbytes() // t.element_size()
        memory = flambeau.from_dlpack(t.detach().as_strided((size,), (1,), 0).clone())
        x = memory.as_strided(tuple(t.shape), t.stride(), t.storage_offset())
    else:
        x = flambeau.from_dlpack(own_copy(t))
    if isinstance(t, torch.nn.Parameter):
        return flambeau.nn.Parameter(x, requires_grad=t.requires_grad)
    return x.requires_grad_() if t.requires_grad else x


def to_flambeau(value, memo: dict | None = None):
    """The flambeau counterpart of a sample's value; a tensor that appears twice stays one."""
    memo = {} if memo is None else memo
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            memo[id(value)] = (tensor_to_flambeau(value), value)
        return memo[id(value)][0]
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise NotApplicable(f"dtype {value}")
        return DTYPES[value]
    if isinstance(value, torch.memory_format):
        return MEMORY_FORMATS[value]
    if isinstance(value, torch.layout):
        if value != torch.strided:
            raise NotApplicable(f"layout {value}")
        return flambeau.strided
    if isinstance(value, torch.device):
        if value.type not in ("cpu", "meta"):
            raise NotApplicable(f"device {value}")
        return flambeau.device(value.type)
    if isinstance(value, torch.Generator):
        generator = flambeau.Generator()
        generator.manual_seed(value.initial_seed())
        return generator
    if isinstance(value, torch.Size):
        return flambeau.Size(value)
    if isinstance(value, dict):
        return {to_flambeau(k, memo): to_flambeau(v, memo) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(to_flambeau(v, memo) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(to_flambeau(v, memo) for v in value)
    if isinstance(value, slice):
        return slice(*(to_flambeau(v, memo) for v in (value.start, value.stop, value.step)))
    if value is None or value is Ellipsis or isinstance(value, (numbers.Number, str, bytes)):
        if isinstance(value, str) and value.startswith("cuda"):
            raise NotApplicable(f"device {value}")
        return value
    if type(value).__module__ == "numpy":
        return value
    if isinstance(value, torch.nn.Module):
        return _module_to_flambeau(value)
    if callable(value):
        from .rebind import rebind

        return rebind(value)
    raise NotApplicable(f"a value of type {type(value).__name__}")


def _module_to_flambeau(module: torch.nn.Module):
    """The same layer; only layers without parameters stand among the arguments of samples."""
    if module.state_dict():
        raise NotApplicable("a module with parameters as an argument")
    ours = getattr(flambeau.nn, type(module).__name__)()
    for name in type(module).__constants__:
        setattr(ours, name, getattr(module, name))
    return ours


def to_torch(value):
    """The torch counterpart of a result of flambeau."""
    if isinstance(value, flambeau.Tensor):
        x = value.detach()
        if x.device.type == "meta":
            return torch.empty(tuple(x.shape), dtype=_torch_dtype(x.dtype), device="meta")
        return torch.from_dlpack(x)
    if isinstance(value, flambeau.dtype):
        return _torch_dtype(value)
    if isinstance(value, flambeau.Size):
        return torch.Size(value)
    if isinstance(value, flambeau.device):
        return torch.device(value.type)
    if isinstance(value, dict):
        return {k: to_torch(v) for k, v in value.items()}
    if isinstance(value, list):
        return [to_torch(v) for v in value]
    if isinstance(value, tuple):
        return tuple(to_torch(v) for v in value)
    return value


def _torch_dtype(dtype) -> torch.dtype:
    return next(t for t, f in DTYPES.items() if f == dtype)


def torch_copy(value, memo: dict | None = None):
    """A deep copy of a sample's value whose tensors lie in memory of their own."""
    memo = {} if memo is None else memo
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            if value.layout != torch.strided or value.device.type != "cpu":
                raise NotApplicable(f"layout {value.layout}, device {value.device}")
            copy = own_copy(value)
            if isinstance(value, torch.nn.Parameter):
                copy = torch.nn.Parameter(copy, requires_grad=value.requires_grad)
            memo[id(value)] = (copy.requires_grad_(value.requires_grad), value)
        return memo[id(value)][0]
    if isinstance(value, torch.Size):
        return value
    if isinstance(value, dict):
        return {k: torch_copy(v, memo) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(torch_copy(v, memo) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(torch_copy(v, memo) for v in value)
    return value


def flatten(value, kind) -> list:
    """The instances of `kind` in a value, in a fixed order."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in flatten(v, kind)]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in flatten(v, kind)]
    return []


def describe(value) -> str:
    """A short text for a failure message."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        text = f"{str(value.dtype).split('.')[-1]}{list(value.shape)}"
        try:
            contiguous = value.is_contiguous()
        except (RuntimeError, AttributeError):
            contiguous = True
        return text if contiguous else f"{text} strides {list(value.stride())}"
    if isinstance(value, dict):
        return ", ".join(f"{k}={describe(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(describe(v) for v in value) + ")"
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
