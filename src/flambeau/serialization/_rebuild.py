"""From the fields in a file back to tensors, with every number checked first."""

from __future__ import annotations

from math import prod

import flambeau
from flambeau import _C

from ._archive import damaged

_MAX = 2**63 - 1


class TypedStorage:
    """A storage with the dtype of its elements; ``storage`` is None on the meta device."""

    def __init__(self, storage, dtype, nbytes: int) -> None:
        self.storage = storage
        self.dtype = dtype
        self.nbytes = nbytes

    def untyped(self):
        return self.storage


def _is_int(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_layout(offset, size, stride, itemsize: int, nbytes: int | None) -> None:
    """Whatever the file says, no tensor may reach outside its storage (of ``nbytes``)."""
    if not isinstance(size, (tuple, list)) or not isinstance(stride, (tuple, list)):
        raise damaged("sizes and strides of a tensor are no tuples")
    if len(size) != len(stride) or len(size) > 64:
        raise damaged(f"a tensor has {len(size)} sizes and {len(stride)} strides")
    numbers = (offset, *size, *stride)
    if not all(_is_int(n) and 0 <= n <= _MAX for n in numbers):
        raise damaged(f"offset, size or stride out of range: {offset}, {size}, {stride}")
    if prod(n for n in size if n) * itemsize > _MAX:
        raise damaged(f"a tensor of size {tuple(size)} is too large")
    if 0 in size:
        return
    span = offset + 1 + sum((n - 1) * s for n, s in zip(size, stride))
    if nbytes is not None and span * itemsize > nbytes:
        raise damaged(
            f"a tensor of size {tuple(size)}, stride {tuple(stride)} and offset {offset} needs "
            f"{span * itemsize} bytes, but its storage has {nbytes}"
        )


def _itemsize(dtype) -> int:
    return flambeau.empty((), dtype=dtype).element_size()


def tensor_of(storage, dtype, offset, size, stride):
    """A tensor in a TypedStorage, whose own dtype ``dtype`` may replace."""
    if not isinstance(storage, TypedStorage):
        raise damaged(f"a tensor's storage is a {type(storage).__name__}")
    if not isinstance(dtype, flambeau.dtype):
        raise damaged(f"a tensor's dtype is {dtype!r}")
    itemsize = _itemsize(dtype)
    _check_layout(offset, size, stride, itemsize, storage.nbytes)
    size, stride = tuple(size), tuple(stride)
    if storage.storage is None:
        return flambeau.empty_strided(size, stride, dtype=dtype, device="meta")
    if 0 in size:
        offset = min(offset, storage.nbytes // itemsize)
    return flambeau.empty(0, dtype=dtype).set_(storage.storage, offset, size, stride)


def _rebuild_tensor(storage, storage_offset, size, stride):
    dtype = getattr(storage, "dtype", None)
    return tensor_of(storage, dtype, storage_offset, size, stride)


def _rebuild_tensor_v2(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None
):
    tensor = _rebuild_tensor(storage, storage_offset, size, stride)
    if metadata and metadata.get("conj"):
        tensor = tensor.conj()
    if metadata and metadata.get("neg"):
        tensor = tensor.neg()
    return tensor.requires_grad_(bool(requires_grad)) if requires_grad else tensor


def _rebuild_tensor_v3(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None
):
    tensor = tensor_of(storage, dtype, storage_offset, size, stride)
    return tensor.requires_grad_(bool(requires_grad)) if requires_grad else tensor


def _rebuild_parameter(data, requires_grad, backward_hooks):
    return flambeau.nn.Parameter(data, bool(requires_grad))


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    parameter = flambeau.nn.Parameter(data, bool(requires_grad))
    _set_attributes(parameter, state)
    return parameter


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad):
    if not isinstance(dtype, flambeau.dtype):
        raise damaged(f"a tensor's dtype is {dtype!r}")
    _check_layout(0, size, stride, _itemsize(dtype), None)
    tensor = flambeau.empty_strided(tuple(size), tuple(stride), dtype=dtype, device="meta")
    return tensor.requires_grad_(bool(requires_grad)) if requires_grad else tensor


def rebuild_from_type(function, kind, args, state):
    """A tensor with attributes of its own, or of a subclass."""
    if function not in FUNCTIONS.values():
        raise damaged(f"a tensor is rebuilt by {function!r}")
    tensor = function(*args)
    if kind is not flambeau.Tensor and type(tensor) is not kind:
        if not (isinstance(kind, type) and issubclass(kind, flambeau.Tensor)):
            raise damaged(f"a tensor is said to be a {kind!r}")
        tensor = tensor.as_subclass(kind)
    _set_attributes(tensor, state)
    return tensor


def _set_attributes(tensor, state) -> None:
    if isinstance(state, tuple) and len(state) == 2:
        state = {**(state[0] or {}), **(state[1] or {})}
    if not isinstance(state, dict):
        raise damaged("the attributes of a tensor are no dict")
    for name, value in state.items():
        if not isinstance(name, str) or name.startswith("__"):
            raise damaged(f"a tensor has an attribute named {name!r}")
        setattr(tensor, name, value)


def _unsupported(name: str, what: str):
    def rebuild(*args, **kwargs):
        raise RuntimeError(f"load: the file contains {what} ({name}), which do not exist here")

    return rebuild


FUNCTIONS = {
    "_rebuild_tensor": _rebuild_tensor,
    "_rebuild_tensor_v2": _rebuild_tensor_v2,
    "_rebuild_tensor_v3": _rebuild_tensor_v3,
    "_rebuild_parameter": _rebuild_parameter,
    "_rebuild_parameter_with_state": _rebuild_parameter_with_state,
    "_rebuild_meta_tensor_no_storage": _rebuild_meta_tensor_no_storage,
}
for _name, _what in (
    ("_rebuild_sparse_tensor", "sparse tensors"),
    ("_rebuild_sparse_csr_tensor", "sparse tensors"),
    ("_rebuild_nested_tensor", "nested tensors"),
    ("_rebuild_qtensor", "quantized tensors"),
    ("_rebuild_device_tensor_from_numpy", "tensors of another device"),
    ("_rebuild_device_tensor_from_cpu_tensor", "tensors of another device"),
):
    FUNCTIONS[_name] = _unsupported(_name, _what)


# ---- the pickle module and copies ---------------------------------------------------------------


def span(tensor) -> tuple[int, int]:
    """The first element of its storage that a tensor reaches, and how many from there on."""
    if tensor.numel() == 0:
        return 0, 0
    steps = zip(tensor.shape, tensor.stride())
    return tensor.storage_offset(), 1 + sum((n - 1) * s for n, s in steps)


def reduce_tensor(tensor):
    """What ``__reduce_ex__`` of a tensor gives to the ``pickle`` module."""
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "pickle: a tensor that is part of a graph cannot be pickled; pickle tensor.detach()"
        )
    plain = tensor.detach()
    first, count = span(plain)
    if count > 2 * plain.numel():
        plain = plain.contiguous()
        first, count = span(plain)
    size = plain.element_size()
    data = _C._storage_buffer(plain.untyped_storage())[first * size : (first + count) * size]
    name = str(plain.dtype).rpartition(".")[2]
    kind = None if type(tensor) is flambeau.Tensor else type(tensor)
    attributes = dict(getattr(tensor, "__dict__", None) or {})
    layout = (name, tuple(plain.shape), plain.stride(), bool(tensor.requires_grad))
    return unpickle_tensor, (bytes(data), *layout, kind, attributes)


def unpickle_tensor(data, dtype, size, stride, requires_grad, kind, attributes):
    """The inverse of :func:`reduce_tensor`."""
    storage = flambeau.empty(len(data), dtype=flambeau.uint8).untyped_storage()
    _C._storage_buffer(storage)[:] = data
    typed = TypedStorage(storage, getattr(flambeau, dtype), len(data))
    tensor = _rebuild_tensor(typed, 0, size, stride)
    if kind is not None and issubclass(kind, flambeau.nn.Parameter):
        tensor = kind(tensor, requires_grad)
    else:
        if kind is not None:
            tensor = tensor.as_subclass(kind)
        tensor.requires_grad_(requires_grad)
    for name, value in attributes.items():
        setattr(tensor, name, value)
    return tensor
