"""Samples into batches."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy

import flambeau

_WRONG_TYPE = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _is_numpy(obj) -> bool:
    # What NumPy has not been imported for cannot be an array.
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(obj, (numpy.ndarray, numpy.generic))


def _rebuild_mapping(mapping, values: dict):
    """A mapping of the same type with other values, or a dict where that type does not allow it."""
    try:
        if isinstance(mapping, MutableMapping):
            clone = copy(mapping)
            clone.update(values)
            return clone
        return type(mapping)(values)
    except TypeError:
        return values


def _rebuild_sequence(sequence, values: list):
    """A sequence of the same type with other values, or a list where that type does not allow it."""
    try:
        if isinstance(sequence, MutableSequence):
            clone = copy(sequence)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(sequence)(values)
    except TypeError:
        return values


def default_convert(data):
    """NumPy arrays inside ``data`` become tensors; containers are kept, all else is left alone."""
    if isinstance(data, (flambeau.Tensor, str, bytes)):
        return data
    if _is_numpy(data):
        if data.dtype.kind in "SUO":
            return data
        return flambeau.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuild_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple):
        if hasattr(data, "_fields"):
            return type(data)(*(default_convert(value) for value in data))
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence):
        return _rebuild_sequence(data, [default_convert(value) for value in data])
    return data


def default_collate(batch):
    """A list of samples into one batch with a new first dimension.

    Tensors, NumPy arrays and numbers are stacked (Python floats to float64, ints to int64),
    strings and bytes stay a list, mappings and sequences are collated entry by entry (tuples
    become lists, named tuples stay). Raises ``TypeError`` for anything else.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch, *, collate_fn_map=None):
    """``default_collate`` with a map from types to functions ``f(batch, *, collate_fn_map)``."""
    elem = batch[0]
    kind = type(elem)
    functions = collate_fn_map or {}
    if kind in functions:
        return functions[kind](batch, collate_fn_map=collate_fn_map)
    for key, function in functions.items():
        if isinstance(elem, key):
            return function(batch, collate_fn_map=collate_fn_map)
    if functions is default_collate_fn_map and _is_numpy(elem):
        return _collate_numpy(batch, elem)
    if isinstance(elem, Mapping):
        columns = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map)
            for key in elem
        }
        return _rebuild_mapping(elem, columns)
    if isinstance(elem, tuple) and hasattr(elem, "_fields"):
        columns = zip(*batch)
        return kind(*(collate(column, collate_fn_map=collate_fn_map) for column in columns))
    if isinstance(elem, Sequence):
        if any(len(sample) != len(elem) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        return columns if isinstance(elem, tuple) else _rebuild_sequence(elem, columns)
    raise TypeError(_WRONG_TYPE.format(kind))


def _collate_numpy(batch, elem):
    if elem.dtype.kind in "SUO":
        raise TypeError(_WRONG_TYPE.format(elem.dtype))
    if isinstance(elem, sys.modules["numpy"].generic):
        return flambeau.as_tensor(batch)  # scalars
    return flambeau.stack([flambeau.as_tensor(sample) for sample in batch], 0)


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stack tensors of equal shape."""
    return flambeau.stack(list(batch), 0)


def collate_float_fn(batch, *, collate_fn_map=None):
    """Python floats into a float64 tensor."""
    return flambeau.tensor(batch, dtype=flambeau.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """Python ints (or bools) into a tensor."""
    return flambeau.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Strings are left as they are."""
    return batch


default_collate_fn_map = {
    flambeau.Tensor: collate_tensor_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
