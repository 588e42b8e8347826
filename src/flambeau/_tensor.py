"""The part of the Tensor class that is Python: printing, copying, pickling, subclasses."""

from __future__ import annotations

from . import _C

Tensor = _C.Tensor


def _method(function):
    """Adds a function to the class under its own name."""
    setattr(Tensor, function.__name__, function)
    return function


@_method
def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradient of this tensor to the ``.grad`` of the leaves it was computed from.

    ``gradient`` (default 1 for a single element) has the shape of the tensor. See
    ``autograd.backward``.
    """
    if inputs is None and gradient is None and type(self) is Tensor:
        keep = create_graph if retain_graph is None else retain_graph
        _C._run_backward((self,), (None,), (), bool(keep), bool(create_graph), True)
        return
    from .autograd import backward as run

    run(self, gradient, retain_graph, create_graph, inputs=inputs)


@_method
def __repr__(self, *, tensor_contents=None):
    from ._tensor_str import tensor_repr

    return tensor_repr(self, tensor_contents)


@_method
def __str__(self):
    return self.__repr__()


@_method
def __format__(self, spec):
    if self.dim() == 0 and not self.is_meta and type(self) is Tensor:
        return self.item().__format__(spec)
    return object.__format__(self, spec)


@_method
def __reduce_ex__(self, protocol):
    from ._serialization import reduce_tensor

    return reduce_tensor(self, protocol)


@_method
def __deepcopy__(self, memo):
    """A leaf with memory of its own. RuntimeError for tensors with a history."""
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the "
            "deepcopy protocol at the moment. Use detach().clone()"
        )
    if id(self) in memo:
        return memo[id(self)]
    storage = self.untyped_storage()
    key = ("flambeau storage", storage.data_ptr(), storage.nbytes())
    if self.is_meta or storage.nbytes() == 0:
        copied = _C.empty_strided(self.shape, self.stride(), dtype=self.dtype, device=self.device)
    else:
        # Tensors that share memory share it again.
        if key not in memo:
            memo[key] = storage.clone()
        copied = _C.empty(0, dtype=self.dtype).set_(
            memo[key], self.storage_offset(), self.shape, self.stride()
        )
    if type(self) is not Tensor:
        copied = copied.as_subclass(type(self))
    if self.requires_grad:
        copied.requires_grad_()
    memo[id(self)] = copied
    if self.grad is not None:
        copied.grad = self.grad.__deepcopy__(memo)
    for name, value in self.__dict__.items():
        from copy import deepcopy

        setattr(copied, name, deepcopy(value, memo))
    return copied


@_method
def as_subclass(self, cls):
    """The same elements and history as an instance of a Tensor subclass."""
    return Tensor._as_subclass(self, cls)


@_method
def __reversed__(self):
    return self if self.dim() == 0 else self.flip(0)


@_method
def __array_wrap__(self, array, context=None, return_scalar=False):
    return _C.from_numpy(array) if array.shape else _C.tensor(array.item())


@_method
def __dir__(self):
    return sorted({*dir(type(self)), *self.__dict__})


Tensor.__array_priority__ = 1000  # NumPy leaves mixed operations to us
Tensor.__module__ = "flambeau"


@_method
def is_shared(self):
    """Whether the storage lies in memory that other processes see."""
    return self.untyped_storage().is_shared()


@_method
def get_device(self):
    """The device's number, -1 for the CPU."""
    return -1 if self.device.index is None else self.device.index


# ---- subclasses


def _convert(result, cls):
    if isinstance(result, Tensor) and not isinstance(result, cls):
        return result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        items = [_convert(r, cls) for r in result]
        return type(result)(items) if type(result) in (tuple, list) else type(result)(*[items])
    return result


def _torch_function(cls, func, types, args=(), kwargs=None):
    """The default of subclasses: the operator runs as usual and its results become ``cls``."""
    if not all(issubclass(cls, t) or not issubclass(t, Tensor) for t in types):
        return NotImplemented
    _C._disable_torch_function(True)
    try:
        result = func(*args, **(kwargs or {}))
    finally:
        _C._disable_torch_function(False)
    return _convert(result, cls)


Tensor.__torch_function__ = classmethod(_torch_function)
