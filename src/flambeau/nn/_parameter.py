"""Parameter and Buffer: tensors that a module registers when they are assigned to it."""

from __future__ import annotations

import flambeau as fb

Tensor = fb.Tensor


class _ParameterMeta(type(Tensor)):
    def __instancecheck__(cls, instance) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        # Subclasses of Tensor made into parameters keep their own class and carry a mark.
        return (
            cls is Parameter
            and isinstance(instance, Tensor)
            and getattr(instance, "_is_param", False)
        )


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that becomes a module's parameter when it is assigned to an attribute.

    `data` is shared, not copied; None gives an empty tensor. `requires_grad` is True by default.
    """

    # Operators give plain tensors.
    __torch_function__ = fb._C._disabled_torch_function_impl

    def __new__(cls, data=None, requires_grad: bool = True):
        if data is None:
            data = fb.empty(0)
        kind = type(data)
        if kind is Tensor or type.__instancecheck__(Parameter, data):
            return Tensor._make_subclass(cls, data, requires_grad)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter: data must be a Tensor, but got {kind.__name__}; "
                "make one with flambeau.tensor(data)"
            )
        param = data.detach().requires_grad_(requires_grad)
        if type(param) is not kind:
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {kind.__name__} requires that "
                f"detach() returns an instance of the same type, but it returned "
                f"{type(param).__name__}"
            )
        param._is_param = True
        return param

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, proto):
        state = dict(self.__dict__) or None
        return _rebuild_parameter, (self.data, self.requires_grad, state)


fb._C._register_parameter_type(Parameter)


def _rebuild_parameter(data, requires_grad, state=None):
    param = Parameter(data, requires_grad)
    if state:
        param.__dict__.update(state)
    return param


_LAZY_HELP = (
    "Can't access the shape of an uninitialized parameter or buffer. "
    "This error usually happens in `load_state_dict` when trying to load an "
    "uninitialized parameter into an initialized one. Call `forward` to initialize the "
    "parameters before accessing their attributes."
)


class UninitializedTensorMixin:
    """A tensor without a shape as yet; ``materialize`` gives it one and its final class."""

    @property
    def shape(self):
        raise RuntimeError(_LAZY_HELP)

    def materialize(self, shape, device=None, dtype=None) -> None:
        """Allocate `shape`; `device` and `dtype` default to those given at construction."""
        data = self.data
        device = data.device if device is None else device
        dtype = data.dtype if dtype is None else dtype
        self.data = fb.empty(shape, device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    def share_memory_(self):
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, proto):
        data = self.data
        return type(self), (self.requires_grad, data.device, data.dtype)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is found at the first forward of a lazy module."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device=None, dtype=None):
        return Tensor._make_subclass(cls, fb.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        data = self.data
        result = type(self)(self.requires_grad, data.device, data.dtype)
        memo[id(self)] = result
        return result


class _BufferMeta(type(Tensor)):
    def __instancecheck__(cls, instance) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return (
            cls is Buffer
            and isinstance(instance, Tensor)
            and getattr(instance, "_is_buffer", False)
        )


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that becomes a module's buffer when it is assigned to an attribute.

    The result is a plain Tensor that carries a mark. `persistent` buffers enter ``state_dict``.
    """

    def __new__(cls, data=None, *, persistent: bool = True):
        if data is None:
            data = fb.empty(0)
        buffer = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is found at the first forward of a lazy module."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad: bool = False, device=None, dtype=None, persistent: bool = True):
        data = fb.empty(0, device=device, dtype=dtype)
        buffer = Tensor._make_subclass(cls, data, requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer


def is_lazy(tensor) -> bool:
    """True iff `tensor` is an uninitialized parameter or buffer."""
    return isinstance(tensor, UninitializedTensorMixin)
