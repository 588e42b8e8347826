"""``out=`` of functions that are Python over operators."""

from __future__ import annotations

from . import _C
from ._C import Tensor


def store(value: Tensor, out: Tensor | None) -> Tensor:
    """`value` itself, or `out` with it: resized, and cast where the type allows it."""
    return value if out is None else _C.add(value, 0, out=out)


def store_all(kind, values, out):
    """`kind(*values)`, or `kind` of the tensors in `out` with the values written into them.

    Raises TypeError unless `out` holds as many tensors as there are values.
    """
    values = tuple(values)
    if out is None:
        return kind(*values)
    if len(out) != len(values):
        raise TypeError(f"out= must be a tuple of {len(values)} tensors, got {len(out)}")
    return kind(*(store(value, o) for value, o in zip(values, out)))
