"""Data sets, samplers and collation."""

from collections import Counter, OrderedDict, namedtuple

import numpy as np
import pytest

import flambeau as fb
from flambeau.utils import data as D

X = fb.arange(10)
Pair = namedtuple("Pair", "a b")


class Stream(D.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


# ---- data sets ----------------------------------------------------------------------------------


def test_tensor_dataset():
    dataset = D.TensorDataset(X, X * 2)
    assert len(dataset) == 10 and [int(t) for t in dataset[3]] == [3, 6]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        D.TensorDataset(X, X[:3])


def test_concat_and_chain():
    both = D.TensorDataset(X) + D.TensorDataset(X[:3])
    assert len(both) == 13 and int(both[11][0]) == 1 and int(both[-1][0]) == 2
    with pytest.raises(ValueError, match="absolute value of index"):
        both[-14]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        D.ConcatDataset([])
    chain = Stream(2) + Stream(3)
    assert list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(D.ChainDataset([[1]]))


def test_stack():
    rows = D.StackDataset([1, 2, 3], D.Subset("abcd", [3, 1, 0]))
    assert rows[1] == (2, "b") and len(rows) == 3
    named = D.StackDataset(n=[1, 2, 3], c="xyz")
    assert named[2] == {"n": 3, "c": "z"}
    assert named.__getitems__([0, 2]) == [{"n": 1, "c": "x"}, {"n": 3, "c": "z"}]
    with pytest.raises(ValueError, match="Size mismatch between datasets"):
        D.StackDataset([1], [1, 2])
    with pytest.raises(ValueError, match="At least one dataset"):
        D.StackDataset()


def test_random_split():
    """The draws are those of PyTorch."""
    parts = D.random_split(range(10), [0.5, 0.3, 0.2], generator=fb.Generator().manual_seed(0))
    assert [p.indices for p in parts] == [[4, 1, 7, 5, 3], [9, 0, 8], [6, 2]]
    assert [len(p) for p in D.random_split(range(11), [0.5, 0.5])] == [6, 5]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        D.random_split(range(10), [3, 3])
    with pytest.raises(ValueError, match="Fraction at index 0"):
        D.random_split(range(10), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 0 is 0"):
        D.random_split(range(1), [0, 1])


def test_base_class():
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        D.Dataset()[0]
    with pytest.raises(TypeError, match="has no len"):
        len(D.Dataset())
    assert D.Dataset[int] is D.Dataset


# ---- samplers -----------------------------------------------------------------------------------


def test_random_sampler():
    fb.manual_seed(0)
    sampler = D.RandomSampler(range(50))
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    fb.manual_seed(0)
    assert list(sampler) == first
    generator = fb.Generator()
    generator.manual_seed(3)
    order = fb.randperm(50, generator=fb.Generator().manual_seed(3)).tolist()
    assert list(D.RandomSampler(range(50), generator=generator)) == order


def test_random_sampler_with_other_numbers():
    more = list(D.RandomSampler(range(4), num_samples=10))
    assert len(more) == 10 and sorted(more[:4]) == [0, 1, 2, 3] and len(set(more[8:])) == 2
    drawn = list(D.RandomSampler(range(3), replacement=True, num_samples=70))
    assert len(drawn) == 70 and set(drawn) == {0, 1, 2}


def test_other_samplers():
    assert list(D.SequentialSampler("abc")) == [0, 1, 2]
    assert sorted(D.SubsetRandomSampler([5, 3, 8])) == [3, 5, 8]
    fb.manual_seed(0)
    counts = Counter(D.WeightedRandomSampler([1.0, 0.0, 3.0], 4000))
    assert counts[1] == 0 and counts[2] / counts[0] == pytest.approx(3, rel=0.2)
    assert sorted(D.WeightedRandomSampler([1.0, 1.0, 3.0], 3, replacement=False)) == [0, 1, 2]


def test_batch_sampler():
    assert list(D.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(D.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(D.BatchSampler(range(5), 2, False)) == 3


def test_distributed_sampler():
    samplers = [D.DistributedSampler(range(10), 3, rank, seed=4) for rank in range(3)]
    for sampler in samplers:
        sampler.set_epoch(1)
    parts = [list(sampler) for sampler in samplers]
    assert [len(p) for p in parts] == [4, 4, 4] and set(sum(parts, [])) == set(range(10))
    order = fb.randperm(10, generator=fb.Generator().manual_seed(5)).tolist()
    assert parts[0] == (order + order)[0:12:3]
    assert list(D.DistributedSampler(range(10), 3, 1, shuffle=False, drop_last=True)) == [1, 4, 7]


SAMPLER_ERRORS = [
    (lambda: D.RandomSampler([]), ValueError, "num_samples=0"),
    (lambda: D.RandomSampler([1], num_samples=-1), ValueError, "num_samples=-1"),
    (lambda: D.RandomSampler([1], replacement=1), TypeError, "boolean value"),
    (lambda: D.WeightedRandomSampler([[1.0, 2.0]], 1), ValueError, "1d sequence"),
    (lambda: D.BatchSampler([1], 0, False), ValueError, "batch_size=0"),
    (lambda: D.BatchSampler([1], 1, 3), ValueError, "drop_last=3"),
    (lambda: D.DistributedSampler([1], 2, 5), ValueError, "Invalid rank 5"),
]


@pytest.mark.parametrize("call, kind, text", SAMPLER_ERRORS, ids=range(len(SAMPLER_ERRORS)))
def test_sampler_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


# ---- collation ----------------------------------------------------------------------------------

COLLATE = [
    ([1, 2], fb.tensor([1, 2])),
    ([1.0, 2.0], fb.tensor([1.0, 2.0], dtype=fb.float64)),
    ([True, False], fb.tensor([True, False])),
    (["a", "b"], ["a", "b"]),
    ([b"a"], [b"a"]),
    ([fb.ones(2), fb.zeros(2)], fb.tensor([[1.0, 1.0], [0.0, 0.0]])),
    ([np.float32(1), np.float32(2)], fb.tensor([1.0, 2.0])),
    ([np.ones(2), np.zeros(2)], fb.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=fb.float64)),
    ([np.array(3)], fb.tensor([3])),
    ([(1, "b"), (2, "c")], [fb.tensor([1, 2]), ("b", "c")]),
    ([[1, 2], [3, 4]], [fb.tensor([1, 3]), fb.tensor([2, 4])]),
    ([{"a": 1}, {"a": 2}], {"a": fb.tensor([1, 2])}),
    ([OrderedDict(a=1)], OrderedDict(a=fb.tensor([1]))),
    ([Pair(1, "x"), Pair(2, "y")], Pair(fb.tensor([1, 2]), ("x", "y"))),
]


def equal(a, b):
    if isinstance(b, fb.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and fb.equal(a, b)
    if isinstance(b, dict):
        return type(a) is type(b) and list(a) == list(b) and all(equal(a[k], b[k]) for k in a)
    if isinstance(b, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return a == b


@pytest.mark.parametrize("batch, expected", COLLATE, ids=range(len(COLLATE)))
def test_collate(batch, expected):
    assert equal(D.default_collate(batch), expected)


def test_collate_errors():
    with pytest.raises(TypeError, match="default_collate: batch must contain"):
        D.default_collate([object()])
    with pytest.raises(TypeError, match="found <U1"):
        D.default_collate([np.array(["a"])])
    with pytest.raises(RuntimeError, match="equal size"):
        D.default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError):
        D.default_collate([fb.ones(1), fb.ones(2)])


def test_convert():
    names = np.array(["a"])
    converted = D.default_convert([np.ones(2), {"a": np.array(1)}, "s", (1, names), Pair(1, X)])
    assert equal(converted[0], fb.ones(2, dtype=fb.float64))
    assert equal(converted[1], {"a": fb.tensor(1)})
    assert converted[2] == "s" and converted[3][1] is names and converted[4].b is X
