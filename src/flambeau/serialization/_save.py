"""Writing checkpoints."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections import OrderedDict

import flambeau
from flambeau import _C

from . import _names, _rebuild
from ._archive import ALIGNMENT, Writer


def save(obj, f, pickle_module, protocol: int, byteorder: bool) -> None:
    """Write ``obj`` to a path or an open binary file."""
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    if sys.byteorder != "little":
        raise RuntimeError("save: only machines with the byte order 'little' are supported")
    stream = io.BytesIO()
    pickler = _make_pickler(pickle_module, stream, protocol)
    pickler.dump(obj)
    storages = pickler.storages.found
    if not isinstance(f, (str, os.PathLike)):
        _write(f, "archive", stream.getvalue(), storages, byteorder)
        return
    path = os.fspath(f)
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    root = os.path.splitext(os.path.basename(path))[0] or "archive"
    with open(path, "wb") as file:
        _write(file, root, stream.getvalue(), storages, byteorder)


def _write(file, root: str, pickled: bytes, storages: list, byteorder: bool) -> None:
    writer = Writer(file, root)
    writer.add("data.pkl", pickled)
    writer.add(".format_version", b"1")
    writer.add(".storage_alignment", str(ALIGNMENT).encode())
    if byteorder:
        writer.add("byteorder", b"little")
    for key, storage in enumerate(storages):
        writer.add(f"data/{key}", _C._storage_buffer(storage))
    writer.add("version", b"3\n")
    writer.finish()


class _Storages:
    """Gives each storage a number; a storage keeps its number however it is reached."""

    def __init__(self) -> None:
        self.found: list = []
        self.known: dict = {}  # address -> (number, dtype)

    def entry(self, tensor):
        """The stand-in for a tensor's storage, which the pickler writes as a reference."""
        storage = tensor.untyped_storage()
        dtype, nbytes = tensor.dtype, storage.nbytes()
        address = storage.data_ptr() if nbytes else None
        if address not in self.known or address is None:
            number = len(self.found)
            self.found.append(storage)
            if address is not None:
                self.known[address] = (number, dtype)
        else:
            number, seen = self.known[address]
            if seen != dtype:
                raise RuntimeError(
                    "Cannot save multiple tensors or storages that view the same data as "
                    "different types"
                )
        return _Reference(number, dtype, nbytes // tensor.element_size())


class _Reference:
    def __init__(self, number: int, dtype, numel: int) -> None:
        self.number, self.dtype, self.numel = number, dtype, numel


class _Reduce:
    """The part that all picklers share: tensors become fields, storages become references."""

    def persistent_id(self, obj):
        if type(obj) is not _Reference:
            return None
        kind = _names.STORAGE_TYPE_OF[obj.dtype]
        return ("storage", kind, str(obj.number), "cpu", obj.numel)

    def reducer_override(self, obj):
        kind = type(obj)
        if isinstance(obj, flambeau.Tensor):
            return self._reduce_tensor(obj)
        if kind is flambeau.Size:
            return flambeau.Size, (tuple(obj),)
        if kind is flambeau.device:
            index = obj.index
            return flambeau.device, ((obj.type,) if index is None else (obj.type, index))
        if kind is flambeau.dtype:
            return str(obj).rpartition(".")[2]
        if kind is _names.StorageType:
            return obj.name
        return NotImplemented

    def _reduce_tensor(self, tensor):
        hooks = OrderedDict()
        attributes = getattr(tensor, "__dict__", None)
        if isinstance(tensor, flambeau.nn.Parameter):
            data = tensor.detach()
            # Alive until the end: the pickler recognises objects by their address.
            self.alive.append(data)
            if attributes:
                args = (data, tensor.requires_grad, hooks, dict(attributes))
                return _rebuild._rebuild_parameter_with_state, args
            return _rebuild._rebuild_parameter, (data, tensor.requires_grad, hooks)
        function, args = self._plain_tensor(tensor, hooks)
        if type(tensor) is flambeau.Tensor and not attributes:
            return function, args
        return _rebuild.rebuild_from_type, (
            function,
            type(tensor),
            args,
            dict(attributes) if attributes else {},
        )

    def _plain_tensor(self, tensor, hooks):
        if tensor.device.type == "meta":
            fields = (tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.requires_grad)
            return _rebuild._rebuild_meta_tensor_no_storage, fields
        if tensor.dtype not in _names.STORAGE_TYPE_OF:
            raise RuntimeError(f"save: tensors of dtype {tensor.dtype} cannot be saved")
        if tensor.is_conj() or tensor.is_neg():
            tensor = tensor.resolve_conj().resolve_neg()
            self.alive.append(tensor)
        fields = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
        reference = self.storages.entry(tensor)
        self.alive.append(reference)
        args = (reference, *fields, bool(tensor.requires_grad), hooks)
        return _rebuild._rebuild_tensor_v2, args


class _TorchPickler(_Reduce, pickle._Pickler):
    """Writes PyTorch's names for our classes and functions.

    The pickler in Python, since the one in C insists on importing what it names.
    """

    # Overrides the lookup that the base class does by type.
    dispatch = pickle._Pickler.dispatch.copy()

    def save_global(self, obj, name=None):
        named = _names.torch_name(obj, name)
        if named is None:
            super().save_global(obj, name)
            return
        module, name = named
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)

    dispatch[type(save)] = save_global

    def save_type(self, obj):
        if obj in (type(None), type(NotImplemented), type(...)):
            pickle._Pickler.save_type(self, obj)
        else:
            self.save_global(obj)

    dispatch[type] = save_type


def _make_pickler(pickle_module, stream, protocol: int):
    if pickle_module is None or pickle_module is pickle:
        kind = _TorchPickler
    else:
        kind = type("_OtherPickler", (_Reduce, pickle_module.Pickler), {})
    pickler = kind(stream, protocol)
    pickler.storages = _Storages()
    pickler.alive = []
    return pickler
