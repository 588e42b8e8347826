"""Operations with a forward and a backward written in Python."""

from __future__ import annotations

from flambeau import _C

from ._grad_mode import no_grad


class FunctionCtx(_C._FunctionNode):
    """What ``forward`` and ``backward`` get first: it keeps tensors and flags between them."""


class _FunctionMeta(type):
    """Gives each Function subclass a node class of its own, named after it."""

    def __init__(cls, name, bases, members):
        super().__init__(name, bases, members)
        cls._backward_cls = type(
            name + "Backward", (FunctionCtx,), {"_forward_cls": cls, "__module__": cls.__module__}
        )


def _setup_context_missing(ctx, inputs, output):
    raise NotImplementedError("setup_context is not implemented.")


class Function(metaclass=_FunctionMeta):
    """Base class of custom operations.

    A subclass defines static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``, or
    ``forward(*args)``, ``setup_context(ctx, inputs, output)`` and ``backward``. Call it by
    ``apply``. ``backward`` returns one gradient (or None) per argument of ``forward``.
    """

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    setup_context = staticmethod(_setup_context_missing)

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your "
            "custom autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError("forward-mode differentiation is not implemented: use backward")

    @classmethod
    def apply(cls, *args):
        """Runs ``forward`` and records ``backward`` when an input requires a gradient."""
        if "vjp" in cls.__dict__ and "backward" not in cls.__dict__:
            cls.backward = cls.vjp
        split = cls.setup_context is not _setup_context_missing
        return _C._function_apply(cls, cls._backward_cls, split, *args)

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self).__name__} cannot be instantiated: methods of an autograd "
            "Function are static; call the class's `apply` instead"
        )


class NestedIOFunction(Function):
    """Not built in: pass nested inputs as separate tensors."""


class InplaceFunction(Function):
    """A Function with an ``inplace`` flag, kept for old programs."""


def once_differentiable(function):
    """Decorates a ``backward`` whose result cannot be differentiated: asking for that raises."""

    import functools

    @functools.wraps(function)
    def wrapper(ctx, *grads):
        tracked = _C.is_grad_enabled() and any(
            isinstance(g, _C.Tensor) and g.requires_grad for g in grads
        )
        with no_grad():
            outputs = function(ctx, *grads)
        if not tracked:
            return outputs
        single = not isinstance(outputs, tuple)
        items = (outputs,) if single else outputs
        refused = tuple(
            _Refuse.apply(*(g for g in grads if isinstance(g, _C.Tensor)), o)
            if isinstance(o, _C.Tensor)
            else o
            for o in items
        )
        return refused[0] if single else refused

    return wrapper


class _Refuse(Function):
    """The identity on its last argument; differentiating it raises."""

    @staticmethod
    def forward(ctx, *args):
        return args[-1].clone()

    @staticmethod
    def backward(ctx, grad):
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
