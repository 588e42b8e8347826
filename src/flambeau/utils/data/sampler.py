"""Samplers: in which order a loader asks for the samples."""

from __future__ import annotations

from itertools import islice

import flambeau

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

# How many indices with replacement are drawn at a time; part of the random stream.
_CHUNK = 32


class Sampler:
    """An iterable of indices (or of lists of indices). Subclasses give ``__iter__`` and, where
    the number is known, ``__len__``."""

    def __init__(self, data_source=None) -> None:
        pass

    def __class_getitem__(cls, item):
        return cls

    def __iter__(self):
        raise NotImplementedError


class SequentialSampler(Sampler):
    """0, 1, 2, ... in order."""

    def __init__(self, data_source) -> None:
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


def _check_count(name: str, value) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def _seeded_generator():
    """A generator of its own for one pass, seeded from the global stream."""
    seed = int(flambeau.empty((), dtype=flambeau.int64).random_().item())
    generator = flambeau.Generator()
    generator.manual_seed(seed)
    return generator


class RandomSampler(Sampler):
    """All indices in random order, or with ``replacement`` independent draws.

    ``num_samples`` (default: the length of ``data_source``) may be more than one pass. Without
    ``generator`` each pass draws one seed from the global stream, at its first index.
    """

    def __init__(
        self,
        data_source,
        replacement: bool = False,
        num_samples: int | None = None,
        generator=None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        _check_count("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """The number of indices in a pass; follows a data source that grows."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        n, wanted = len(self.data_source), self.num_samples
        generator = self.generator or _seeded_generator()
        if self.replacement:
            while wanted > 0:
                size = min(wanted, _CHUNK)
                yield from flambeau.randint(
                    n, (size,), dtype=flambeau.int64, generator=generator
                ).tolist()
                wanted -= size
            return
        for _ in range(wanted // n):
            yield from flambeau.randperm(n, generator=generator).tolist()
        # Drawn even where nothing of it is needed: the next pass starts from there.
        yield from flambeau.randperm(n, generator=generator).tolist()[: wanted % n]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order."""

    def __init__(self, indices, generator=None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        for i in flambeau.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """``num_samples`` indices, each drawn with a probability proportional to its weight."""

    def __init__(
        self, weights, num_samples: int, replacement: bool = True, generator=None
    ) -> None:
        _check_count("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        weights = flambeau.as_tensor(weights, dtype=flambeau.double)
        if weights.dim() != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(weights.shape)}"
            )
        self.weights = weights
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        drawn = flambeau.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of ``batch_size`` indices of another sampler; the last one may be shorter, or is left
    out with ``drop_last``."""

    def __init__(self, sampler, batch_size: int, drop_last: bool) -> None:
        _check_count("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(
                f"drop_last should be a boolean value, but got drop_last={drop_last}"
            )
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        if self.drop_last:
            return len(self.sampler) // self.batch_size
        return -(-len(self.sampler) // self.batch_size)
