"""Questions about objects, defaults of the process, and modes that PyTorch programs set."""

from __future__ import annotations

import math as _math

from . import _C

__all__ = [
    "are_deterministic_algorithms_enabled",
    "compile",
    "default_generator",
    "e",
    "get_default_device",
    "get_num_interop_threads",
    "inf",
    "is_complex",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_floating_point",
    "is_nonzero",
    "is_storage",
    "is_tensor",
    "is_warn_always_enabled",
    "nan",
    "newaxis",
    "numel",
    "pi",
    "set_default_device",
    "set_default_dtype",
    "set_default_tensor_type",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "get_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
    "typename",
    "use_deterministic_algorithms",
    "FloatTensor",
    "DoubleTensor",
    "HalfTensor",
    "BFloat16Tensor",
    "LongTensor",
    "IntTensor",
    "ShortTensor",
    "CharTensor",
    "ByteTensor",
    "BoolTensor",
    "broadcast_shapes",
]

default_generator = _C.default_generator
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None


def is_tensor(obj) -> bool:
    """Whether ``obj`` is a Tensor."""
    return isinstance(obj, _C.Tensor)


def is_storage(obj) -> bool:
    """Whether ``obj`` is a storage."""
    return isinstance(obj, getattr(_C, "UntypedStorage", ()))


def is_floating_point(input) -> bool:
    """Whether the elements are of a floating point type."""
    return input.is_floating_point()


def is_complex(input) -> bool:
    """Whether the elements are complex."""
    return input.is_complex()


def is_nonzero(input) -> bool:
    """The truth of a tensor of one element. RuntimeError for other sizes."""
    if input.numel() != 1:
        raise RuntimeError(f"Boolean value of Tensor with {input.numel()} values is ambiguous")
    return bool(input)


def numel(input) -> int:
    """The number of elements."""
    return input.numel()


def typename(obj) -> str:
    """The type as PyTorch names it: ``torch.FloatTensor`` for a float32 tensor."""
    if isinstance(obj, _C.Tensor):
        return obj.type()
    kind = type(obj)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__qualname__}")
    )


def broadcast_shapes(*shapes):
    """The shape that the given shapes broadcast to. RuntimeError when they do not."""
    result: list[int] = []
    for shape in shapes:
        shape = (shape,) if not isinstance(shape, (tuple, list)) else tuple(shape)
        result = [1] * (len(shape) - len(result)) + result
        for i in range(1, len(shape) + 1):
            if shape[-i] != 1 and result[-i] not in (1, shape[-i]):
                raise RuntimeError(
                    f"Shape mismatch: objects cannot be broadcast to a single shape: {shapes}"
                )
            if shape[-i] != 1:
                result[-i] = shape[-i]
    return _C.Size(result)


def set_default_dtype(d) -> None:
    """The type of tensors made from Python floats: float32, float64, float16 or bfloat16."""
    _C._set_default_dtype(d)


def set_default_tensor_type(t) -> None:
    """The old form of set_default_dtype: takes ``torch.DoubleTensor`` or its name."""
    name = t if isinstance(t, str) else t.__name__
    kinds = {
        "FloatTensor": _C.float32,
        "DoubleTensor": _C.float64,
        "HalfTensor": _C.float16,
        "BFloat16Tensor": _C.bfloat16,
    }
    kind = kinds.get(name.rsplit(".", 1)[-1])
    if kind is None or ".cuda." in name:
        raise TypeError(
            f"set_default_tensor_type: invalid type {name!r}; floating point CPU types "
            f"are {', '.join(kinds)}"
        )
    _C._set_default_dtype(kind)


_default_device = _C.device("cpu")


def get_default_device():
    """The device new tensors are made on: the CPU."""
    return _default_device


def set_default_device(device) -> None:
    """Accepts the CPU; RuntimeError for devices that are not built in."""
    if device is not None and _C.device(device).type != "cpu":
        raise RuntimeError(f"set_default_device: only 'cpu' can be the default, got {device!r}")


_modes = {
    "deterministic": True,
    "warn_only": False,
    "warn_always": False,
    "precision": "highest",
    "interop": 1,
}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every operator here is deterministic."""
    _modes["warn_only"] = warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """True: every operator here is deterministic."""
    return True


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    return _modes["warn_only"]


def set_deterministic_debug_mode(debug_mode) -> None:
    """Accepted: every operator here is deterministic."""


def set_warn_always(b: bool) -> None:
    _modes["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    return _modes["warn_always"]


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted: matmul always computes in float32 here."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(
            f"set_float32_matmul_precision: {precision!r} is not one of 'highest', 'high', 'medium'"
        )
    _modes["precision"] = precision


def get_float32_matmul_precision() -> str:
    return _modes["precision"]


def set_flush_denormal(mode: bool) -> bool:
    """False: the mode of the processor is left alone."""
    return False


def get_num_interop_threads() -> int:
    return _modes["interop"]


def set_num_interop_threads(n: int) -> None:
    """Accepted: there is one pool for all work."""
    if n < 1:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {n}")
    _modes["interop"] = n


def compile(model=None, **options):
    """Not built in: programs run as fast as they can without it. Raises NotImplementedError."""
    raise NotImplementedError("compile(): not built in yet; call the model directly")


class _LegacyTensorMeta(type):
    def __instancecheck__(cls, obj):
        return isinstance(obj, _C.Tensor) and obj.dtype == cls.dtype and obj.device.type == "cpu"

    def __call__(cls, *args):
        if args and not isinstance(args[0], int) or not args:
            data = args[0] if args else []
            return _C.tensor(
                data.tolist() if isinstance(data, _C.Tensor) else data, dtype=cls.dtype
            )
        return _C.empty(args, dtype=cls.dtype)


def _legacy(name, dtype):
    return _LegacyTensorMeta(
        name,
        (),
        {
            "dtype": dtype,
            "__module__": "torch",
            "__doc__": f"The old constructor of {dtype} tensors.",
        },
    )


FloatTensor = _legacy("FloatTensor", _C.float32)
DoubleTensor = _legacy("DoubleTensor", _C.float64)
HalfTensor = _legacy("HalfTensor", _C.float16)
BFloat16Tensor = _legacy("BFloat16Tensor", _C.bfloat16)
LongTensor = _legacy("LongTensor", _C.int64)
IntTensor = _legacy("IntTensor", _C.int32)
ShortTensor = _legacy("ShortTensor", _C.int16)
CharTensor = _legacy("CharTensor", _C.int8)
ByteTensor = _legacy("ByteTensor", _C.uint8)
BoolTensor = _legacy("BoolTensor", _C.bool)
