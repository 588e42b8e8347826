"""Sizes given as one number or one per dimension."""

from __future__ import annotations

import itertools


def as_tuple(value, n: int) -> tuple:
    """`value` repeated `n` times, or as it is when it is iterable already."""
    if hasattr(value, "__iter__"):
        return tuple(value)
    return tuple(itertools.repeat(value, n))


def _ntuple(n: int, name: str = "parse"):
    def parse(value):
        return as_tuple(value, n)

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t, n: int) -> tuple:
    """(1, 2), 2 -> (2, 2, 1, 1): the order in which ``pad`` wants symmetric padding."""
    return tuple(x for x in reversed(t) for _ in range(n))


def _list_with_default(out_size, defaults) -> list[int]:
    """`out_size` with each None replaced by the size of that input dimension."""
    if isinstance(out_size, (int, float)):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    tail = defaults[-len(out_size) :]
    return [d if v is None else v for v, d in zip(out_size, tail)]
