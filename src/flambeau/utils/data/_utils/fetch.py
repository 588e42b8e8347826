"""Indices into batches: what a loader and its workers do with each entry of a sampler."""

from __future__ import annotations

import flambeau

from ..dataset import Subset, TensorDataset
from .collate import default_collate


class DatasetKind:
    """How a data set is read: by index, or as a stream."""

    Map = 0
    Iterable = 1


class TensorRows:
    """Batches of a TensorDataset, or of a Subset of one, without touching single samples.

    Gives what ``default_collate`` of the samples gives: one new tensor for each tensor.
    """

    def __init__(self, tensors, chosen) -> None:
        self.tensors = tensors
        # The rows that a Subset names, as an int64 tensor, or None for all.
        self.chosen = chosen

    @staticmethod
    def of(dataset, collate_fn):
        """The rows of ``dataset``, or None where single samples have to be asked for."""
        if collate_fn is not default_collate:
            return None
        if type(dataset) is TensorDataset:
            chosen = None
        elif type(dataset) is Subset and type(dataset.dataset) is TensorDataset:
            indices, dataset = dataset.indices, dataset.dataset
            if type(indices) is range:
                indices = list(indices)
            if type(indices) is not list or any(type(i) is not int for i in indices):
                return None
            chosen = flambeau.tensor(indices, dtype=flambeau.int64)
        else:
            return None
        tensors = dataset.tensors
        if any(type(t) is not flambeau.Tensor for t in tensors):
            return None
        return TensorRows(tensors, chosen)

    def fetch(self, indices):
        """The batch of a list or int64 tensor of indices; negative ones count from the end."""
        if not isinstance(indices, flambeau.Tensor):
            indices = flambeau.tensor(indices, dtype=flambeau.int64)
        if self.chosen is not None:
            indices = self.chosen[indices]
        return [t[indices] for t in self.tensors]

    def select(self, indices):
        """The same for indices known to lie within ``[0, n)``."""
        if self.chosen is not None:
            return self.fetch(indices)
        return [t.index_select(0, indices) for t in self.tensors]

    def slice(self, begin: int, end: int):
        """The batch of the rows ``begin`` to ``end``."""
        if self.chosen is not None:
            indices = self.chosen[begin:end]
            return [t[indices] for t in self.tensors]
        contiguous = flambeau.contiguous_format
        return [t[begin:end].clone(memory_format=contiguous) for t in self.tensors]


class MapFetcher:
    """Batches (or with ``auto_collation=False`` samples) of a data set with indices."""

    def __init__(self, dataset, auto_collation: bool, collate_fn, drop_last: bool) -> None:
        self.dataset = dataset
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn

    def fetch(self, index):
        dataset = self.dataset
        if not self.auto_collation:
            return self.collate_fn(dataset[index])
        many = getattr(dataset, "__getitems__", None)
        return self.collate_fn(many(index) if many else [dataset[i] for i in index])


class IterableFetcher:
    """Batches (or samples) of a stream; raises StopIteration at its end."""

    def __init__(self, dataset, auto_collation: bool, collate_fn, drop_last: bool) -> None:
        self.iterator = iter(dataset)
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index):
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.iterator))
        samples = []
        for _ in index:
            try:
                samples.append(next(self.iterator))
            except StopIteration:
                self.ended = True
                break
        if not samples or (self.drop_last and len(samples) < len(index)):
            raise StopIteration
        return self.collate_fn(samples)


def make_fetcher(kind: int, dataset, auto_collation: bool, collate_fn, drop_last: bool):
    """The fetcher for a data set of this kind."""
    if kind == DatasetKind.Iterable:
        return IterableFetcher(dataset, auto_collation, collate_fn, drop_last)
    if auto_collation:
        rows = TensorRows.of(dataset, collate_fn)
        if rows is not None:
            return rows
    return MapFetcher(dataset, auto_collation, collate_fn, drop_last)
