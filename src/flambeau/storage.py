"""Storages: the bytes behind tensors, and the old classes that show them as elements of a type."""

from __future__ import annotations

from . import _C

__all__ = ["TypedStorage", "UntypedStorage"]

UntypedStorage = _C.UntypedStorage


class TypedStorage:
    """A storage seen as elements of one type. New programs use ``Tensor.untyped_storage()``.

    ``TypedStorage(5, dtype=float32)`` has room for five elements, ``TypedStorage([1, 2],
    dtype=float32)`` holds two; ``wrap_storage=`` takes an UntypedStorage as it is.
    """

    dtype = None  # classes such as FloatStorage have one

    def __init__(self, *args, wrap_storage=None, dtype=None, device=None) -> None:
        kind = type(self).dtype or dtype or _C.get_default_dtype()
        if wrap_storage is not None:
            if args:
                raise RuntimeError("TypedStorage: wrap_storage= excludes a size or data")
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(
                    "TypedStorage: wrap_storage must be an UntypedStorage, not "
                    f"{type(wrap_storage).__name__}"
                )
            self._untyped_storage = wrap_storage
        elif len(args) > 1:
            raise RuntimeError(f"TypedStorage: takes a size or data, got {len(args)} arguments")
        elif args and not isinstance(args[0], int):
            self._untyped_storage = _C.tensor(args[0], dtype=kind).untyped_storage()
        else:
            count = args[0] if args else 0
            tensor = _C.empty(count, dtype=kind, device=device or "cpu")
            self._untyped_storage = tensor.untyped_storage()
        self.dtype = kind

    def _tensor(self):
        return _C.empty(0, dtype=self.dtype, device=self.device).set_(self._untyped_storage)

    @property
    def device(self):
        return self._untyped_storage.device

    @property
    def is_cuda(self) -> bool:
        return False

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def untyped(self):
        """The bytes."""
        return self._untyped_storage

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self.element_size()

    __len__ = size

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._untyped_storage.nbytes()

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._untyped_storage.data_ptr()

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a TypedStorage with {type(index).__name__}")
        return self._tensor()[index].item()

    def __setitem__(self, index, value) -> None:
        self._tensor()[index] = value

    def __iter__(self):
        return iter(self.tolist())

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self._tensor().tolist()

    def fill_(self, value):
        """Overwrite every element."""
        self._tensor().fill_(value)
        return self

    def copy_(self, source, non_blocking: bool | None = None):
        """Overwrite the elements with those of another storage, converted."""
        other = source._tensor() if isinstance(source, TypedStorage) else source
        if isinstance(other, UntypedStorage):
            self._untyped_storage.copy_(other)
        else:
            self._tensor().copy_(other)
        return self

    def resize_(self, size: int):
        """Another number of elements; the common beginning stays."""
        self._untyped_storage.resize_(size * self.element_size())
        return self

    def clone(self):
        """A copy."""
        return _typed(self._untyped_storage.clone(), self.dtype)

    __copy__ = clone

    def __deepcopy__(self, memo):
        return _typed(self._untyped_storage.__deepcopy__(memo), self.dtype)

    def __reduce__(self):
        return _typed, (self._untyped_storage, self.dtype)

    def is_shared(self) -> bool:
        """Whether forked processes share the memory."""
        return self._untyped_storage.is_shared()

    def share_memory_(self):
        """Move the elements to memory that processes forked from now on share."""
        self._untyped_storage.share_memory_()
        return self

    def is_pinned(self) -> bool:
        return False

    def cpu(self):
        """The storage itself."""
        return self

    def cuda(self, device=None, non_blocking: bool = False):
        """Raises RuntimeError: this build has no CUDA."""
        raise RuntimeError("TypedStorage.cuda: this build has no CUDA")

    def _to(self, dtype):
        return _typed(self._tensor().to(dtype).clone().untyped_storage(), dtype)

    def __eq__(self, other) -> bool:
        return (
            isinstance(other, TypedStorage)
            and self.dtype == other.dtype
            and self._untyped_storage == other._untyped_storage
        )

    def __hash__(self) -> int:
        return hash(self._untyped_storage)

    def __repr__(self) -> str:
        shown = "".join(f" {value}\n" for value in self.tolist())
        return (
            f"{shown}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of "
            f"size {self.size()}]"
        )


def _typed(storage, dtype) -> TypedStorage:
    return TypedStorage(wrap_storage=storage, dtype=dtype)


def _add_casts() -> None:
    for name in (
        "double",
        "float",
        "half",
        "long",
        "int",
        "short",
        "char",
        "byte",
        "bool",
        "bfloat16",
        "complex_double",
        "complex_float",
    ):
        dtype = {
            "complex_double": _C.complex128,
            "complex_float": _C.complex64,
            "char": _C.int8,
            "byte": _C.uint8,
        }.get(name) or getattr(_C, name)

        def cast(self, dtype=dtype):
            return self._to(dtype)

        cast.__name__ = name
        cast.__doc__ = f"A copy with elements of type {dtype}."
        setattr(TypedStorage, name, cast)


_add_casts()


def _legacy(name: str, dtype):
    """``FloatStorage`` and its like: TypedStorage of one type."""
    return type(
        name,
        (TypedStorage,),
        {
            "dtype": dtype,
            "__module__": "flambeau",
            "__doc__": f"The old storage of {dtype} elements.",
        },
    )


_KINDS = {
    "FloatStorage": _C.float32,
    "DoubleStorage": _C.float64,
    "HalfStorage": _C.float16,
    "BFloat16Storage": _C.bfloat16,
    "LongStorage": _C.int64,
    "IntStorage": _C.int32,
    "ShortStorage": _C.int16,
    "CharStorage": _C.int8,
    "ByteStorage": _C.uint8,
    "BoolStorage": _C.bool,
    "ComplexFloatStorage": _C.complex64,
    "ComplexDoubleStorage": _C.complex128,
}


def __getattr__(name: str):
    if name not in _KINDS:
        raise AttributeError(f"module 'flambeau.storage' has no attribute {name!r}")
    globals()[name] = _legacy(name, _KINDS[name])
    return globals()[name]
