"""Variable: the name tensors with gradients had before they were one class with the others."""

from __future__ import annotations

from flambeau import _C

Tensor = _C.Tensor


class _VariableMeta(type):
    def __instancecheck__(cls, other):
        return isinstance(other, Tensor)


class Variable(metaclass=_VariableMeta):
    """``Variable(data, requires_grad=False)`` gives a Tensor that shares ``data``."""

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        result = Tensor() if data is None else data.detach()
        if requires_grad:
            result.requires_grad_()
        return result
