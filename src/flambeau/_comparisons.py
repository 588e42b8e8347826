"""Comparisons of whole tensors that answer with a Python bool."""

from __future__ import annotations

from . import _C

Tensor = _C.Tensor


def equal(input, other) -> bool:
    """Whether two tensors have the same shape and the same elements (NaN equals nothing).

    RuntimeError when their dtypes differ.
    """
    for t in (input, other):
        if not isinstance(t, Tensor):
            raise TypeError(f"equal(): expected Tensors, got {type(t).__name__}")
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"equal(): Expected object of data type {input.dtype} but got data type "
            f"{other.dtype} for argument 'other'"
        )
    if input.shape != other.shape:
        return False
    return _C.all(_C.eq(input, other)).item()


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool:
    """Whether all |input - other| <= atol + rtol * |other|, with broadcasting."""
    return _C.all(_C.isclose(input, other, rtol, atol, equal_nan)).item()


def is_same_size(input, other) -> bool:
    """Whether two tensors have the same shape."""
    return input.shape == other.shape


for _function in (equal, allclose, is_same_size):
    setattr(Tensor, _function.__name__, _function)
del _function
