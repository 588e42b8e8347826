"""Functions whose results vary in number: positions of elements, distinct values."""

from __future__ import annotations

from . import _C

Tensor = _C.Tensor

__all__ = ["nonzero", "unique", "unique_consecutive"]


def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False):
    """The positions of the elements that are not zero: an int64 tensor (count, input.dim()).

    With ``as_tuple`` one vector per dimension, as indexing takes them; a 0-d tensor counts as one
    of shape (1,).
    """
    if as_tuple:
        if out is not None:
            raise RuntimeError("nonzero(): out= cannot be used with as_tuple=True")
        return _C._nonzero_columns(input)
    if out is None:
        return _C._nonzero(input)
    return _C._nonzero(input, out=out)


def _results(found, return_inverse: bool, return_counts: bool):
    values, inverse, counts = found
    chosen = [values]
    if return_inverse:
        chosen.append(inverse)
    if return_counts:
        chosen.append(counts)
    return values if len(chosen) == 1 else tuple(chosen)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
):
    """The distinct elements in ascending order, or the distinct slices along ``dim``.

    ``return_inverse`` adds where each element of ``input`` is among them, ``return_counts`` how
    often each occurs. The result is sorted whether or not that is asked for. NaNs are all distinct.
    """
    if dim is None:
        found = _C._unique(input, return_inverse, return_counts)
    else:
        found = _C._unique_dim(input, dim, True, return_inverse, return_counts)
    return _results(found, return_inverse, return_counts)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
):
    """The elements, or the slices along ``dim``, without those that equal the one before.

    ``return_inverse`` adds where each element of ``input`` is among them, ``return_counts`` how
    many each stands for.
    """
    if dim is None:
        found = _C._unique_consecutive(input, return_inverse, return_counts)
    else:
        found = _C._unique_dim(input, dim, False, return_inverse, return_counts)
    return _results(found, return_inverse, return_counts)


for _function in (nonzero, unique, unique_consecutive):
    setattr(Tensor, _function.__name__, _function)
del _function
