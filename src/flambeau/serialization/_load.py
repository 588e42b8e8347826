"""Reading checkpoints."""

from __future__ import annotations

import io
import os
import pickle
import sys

import flambeau
from flambeau import _C

from . import _names
from ._archive import Reader, damaged
from ._rebuild import TypedStorage, _is_int, _itemsize
from ._unpickle import load_anything, load_weights

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


def load(f, map_location, pickle_module, weights_only, mmap: bool, options: dict):
    """Read a checkpoint from a path or an open binary file."""
    if pickle_module is not None and weights_only:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only is None:
        weights_only = pickle_module is None
    options.setdefault("encoding", "utf-8")

    def unpickle(file, persistent_load):
        if weights_only:
            return load_weights(file, persistent_load, options)
        return load_anything(file, persistent_load, options, pickle_module)

    place = _Placement(map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _load_file(file, place, unpickle, mmap)
    if mmap:
        raise ValueError("f must be a file path in order to use the mmap argument")
    for method in ("read", "readline", "seek", "tell"):
        if not hasattr(f, method):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{method}'. You can only load from "
                "a file that is seekable. Please pre-load the data into a buffer like io.BytesIO "
                "and try to load from it instead."
            )
    return _load_file(f, place, unpickle, False)


def _load_file(file, place, unpickle, mmap: bool):
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    if head == b"PK\x03\x04":
        return _load_zip(file if start == 0 else io.BytesIO(file.read()), place, unpickle, mmap)
    if not head:
        raise damaged("it is empty")
    if mmap:
        raise RuntimeError(
            "mmap can only be used with files saved in the zip format, please save your "
            "checkpoint again in order to use mmap."
        )
    return _load_legacy(file, place, unpickle)


class _Placement:
    """Where the storages of a file go: what ``map_location`` says."""

    def __init__(self, map_location) -> None:
        self.function = self.table = self.fixed = None
        if isinstance(map_location, dict):
            self.table = map_location
        elif isinstance(map_location, (str, flambeau.device)):
            self.fixed = str(map_location)
        elif map_location is not None:
            if not callable(map_location):
                raise TypeError(
                    "load: map_location is a device, a name, a dict, a function or None, not a "
                    f"{type(map_location).__name__}"
                )
            self.function = map_location

    @property
    def is_meta(self) -> bool:
        return self.fixed is not None and self.fixed.startswith("meta")

    def __call__(self, storage, location: str):
        """The storage to use for one that was read from the file."""
        if self.function is not None:
            result = self.function(storage, location)
            if result is not None:
                return result
        elif self.table is not None:
            location = str(self.table.get(location, location))
        elif self.fixed is not None:
            location = self.fixed
        self.check(location)
        return storage

    @staticmethod
    def check(location: str) -> None:
        if location == "cpu" or location.startswith("meta"):
            return
        if location.startswith("cuda"):
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but "
                "torch.cuda.is_available() is False. If you are running on a CPU-only machine, "
                "please use torch.load with map_location=torch.device('cpu') to map your storages "
                "to the CPU."
            )
        raise RuntimeError(
            f"don't know how to restore data location of a storage (tagged with {location}); "
            "use map_location='cpu'"
        )


def _storage_fields(saved) -> tuple:
    """Check what the file says about a storage: dtype, key, location, number of elements."""
    if not isinstance(saved, tuple) or len(saved) < 5 or saved[0] not in ("storage", b"storage"):
        raise damaged(f"unknown persistent id {saved!r}")
    kind, key, location, numel = saved[1:5]
    if not isinstance(kind, _names.StorageType):
        raise damaged(f"a storage is said to be a {kind!r}")
    if isinstance(location, bytes):
        location = location.decode()
    key = key.decode() if isinstance(key, bytes) else str(key)
    if not isinstance(location, str) or not _is_int(numel) or not 0 <= numel < 2**62:
        raise damaged(f"a storage is said to have {numel!r} elements on {location!r}")
    return kind.dtype, key, location, numel


def _allocate(nbytes: int):
    return flambeau.empty(nbytes, dtype=flambeau.uint8).untyped_storage()


def _load_zip(file, place, unpickle, mmap: bool):
    archive = Reader(file)
    if archive.has("byteorder") and archive.read("byteorder") != sys.byteorder.encode():
        raise RuntimeError(
            "load: the file was written on a machine with another byte order, which is not "
            "supported"
        )
    mapped = None
    if mmap:
        from mmap import ACCESS_COPY
        from mmap import mmap as Map

        mapped = Map(file.fileno(), 0, access=ACCESS_COPY)
    storages: dict = {}

    def read(name: str, nbytes: int):
        if mapped is not None:
            begin = archive.offset(name)
            if begin is None:
                raise RuntimeError("load: mmap=True needs an archive without compression")
            return _C._storage_from_buffer(mapped, begin, nbytes)
        # The size of a compressed entry is only a promise until it is read.
        if archive.offset(name) is None:
            data = archive.read(name)
            storage = _allocate(nbytes)
            _C._storage_buffer(storage)[:] = data
            return storage
        storage = _allocate(nbytes)
        archive.read_into(name, _C._storage_buffer(storage))
        return storage

    def persistent_load(saved):
        dtype, key, location, numel = _storage_fields(saved)
        name = f"data/{key}"
        nbytes = archive.size(name)
        if numel * _itemsize(dtype) > nbytes:
            raise damaged(
                f"storage {key} has {nbytes} bytes but should have {numel} elements of {dtype}"
            )
        if place.is_meta:
            return TypedStorage(None, dtype, nbytes)
        if key not in storages:
            storages[key] = place(read(name, nbytes), location)
        return TypedStorage(storages[key], dtype, nbytes)

    return unpickle(io.BytesIO(archive.read("data.pkl")), persistent_load)


def _load_legacy(file, place, unpickle):
    """The format before PyTorch 1.6: five pickles, then the storages one after the other."""
    start = file.tell()
    length = file.seek(0, 2) - start
    file.seek(start)
    if length > 262 and _is_tar(file, start):
        raise RuntimeError("load: tar files from before PyTorch 0.1.10 are not supported")
    storages: dict = {}  # key -> (storage, size of an element)

    def persistent_load(saved):
        if isinstance(saved, tuple) and saved and saved[0] in ("module", b"module"):
            return saved[1]  # a class, followed by its source, which is of no use here
        dtype, key, location, numel = _storage_fields(saved)
        nbytes = numel * _itemsize(dtype)
        if nbytes > length:
            raise damaged(f"storage {key} should have {nbytes} bytes, the file has {length}")
        if len(saved) > 5 and saved[5] is not None:
            raise RuntimeError("load: views of storages in the old format are not supported")
        if place.is_meta:
            storages.setdefault(key, (None, _itemsize(dtype), nbytes))
            return TypedStorage(None, dtype, nbytes)
        if key not in storages:
            storage = place(_allocate(nbytes), location)
            storages[key] = (storage, _itemsize(dtype), nbytes)
        return TypedStorage(storages[key][0], dtype, storages[key][2])

    def plain(saved):
        raise damaged("a storage stands where none can be")

    try:
        magic = load_weights(file, plain, {})
    except (RuntimeError, pickle.UnpicklingError):
        raise damaged("it starts neither like a zip file nor like a pickle") from None
    if magic != _LEGACY_MAGIC:
        raise damaged("Invalid magic number")
    if load_weights(file, plain, {}) != _LEGACY_PROTOCOL:
        raise damaged("unknown version of the old format")
    info = load_weights(file, plain, {})
    if isinstance(info, dict) and info.get("little_endian") is False:
        raise RuntimeError("load: files of big-endian machines are not supported")
    result = unpickle(file, persistent_load)
    for key in load_weights(file, plain, {}):
        key = key.decode() if isinstance(key, bytes) else str(key)
        if key not in storages:
            raise damaged(f"storage {key} is not part of any tensor")
        storage, itemsize, nbytes = storages[key]
        numel = int.from_bytes(file.read(8), "little", signed=True)
        if numel * itemsize != nbytes:
            raise damaged(f"storage {key} has {numel} elements, not {nbytes // itemsize}")
        data = file.read(nbytes)
        if len(data) != nbytes:
            raise damaged(f"storage {key} is cut short")
        if storage is not None:
            _C._storage_buffer(storage)[:] = data
    return result


def _is_tar(file, start: int) -> bool:
    file.seek(start + 257)
    found = file.read(5) == b"ustar"
    file.seek(start)
    return found
