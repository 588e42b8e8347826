"""The loader, in this process and with workers."""

import gc
import os
import random
import signal
import time

import numpy as np
import pytest

import flambeau as fb
from flambeau.utils import data as D

X = fb.arange(46.0).reshape(23, 2)
Y = fb.arange(23)


class Slow(D.Dataset):
    """The same samples as a TensorDataset, which the loader cannot see through."""

    def __init__(self, *tensors):
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def __len__(self):
        return len(self.tensors[0])


class Numbers(D.Dataset):
    def __init__(self, n=8, action=None):
        self.n = n
        self.action = action

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if self.action is not None:
            self.action(index)
        return index


class Stream(D.IterableDataset):
    def __init__(self, n, length=None):
        self.n = n
        self.length = n if length is None else length

    def __iter__(self):
        info = D.get_worker_info()
        return iter(range(self.n) if info is None else range(info.id, self.n, info.num_workers))

    def __len__(self):
        return self.length


def same(a, b):
    return len(a) == len(b) and all(
        len(p) == len(q) and all(fb.equal(x, y) and x.dtype == y.dtype for x, y in zip(p, q))
        for p, q in zip(a, b)
    )


def flat(loader):
    return [int(value) for batch in loader for value in batch.reshape(-1)]


OPTIONS = [
    {},
    {"batch_size": 4},
    {"batch_size": 5, "drop_last": True},
    {"batch_size": 100},
    {"batch_size": 100, "drop_last": True},
    {"batch_size": 4, "shuffle": True},
    {"batch_size": 23, "shuffle": True, "drop_last": True},
    {"batch_size": None},
    {"batch_size": None, "shuffle": True},
    {"batch_sampler": [[1, 2], [-1, 5], [0]]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_whole_batches_equal_single_samples(options):
    """A TensorDataset is read in whole batches; batches and random stream are as without."""
    seen = []
    for dataset in (D.TensorDataset(X, Y, X.t().contiguous().t()), Slow(X, Y, X)):
        fb.manual_seed(0)
        generator = fb.Generator().manual_seed(1)
        epochs = []
        for extra in ({}, {"generator": generator}):
            loader = D.DataLoader(dataset, **options, **extra)
            epochs += [list(loader), list(loader)]
            if "shuffle" in options and "batch_sampler" not in options:
                assert len(loader) == len(epochs[-1])
        after = [fb.rand(1), fb.rand(1, generator=generator)]
        seen.append((epochs, after))
    (fast, fast_after), (slow, slow_after) = seen
    assert all(map(same, fast, slow))
    assert all(map(fb.equal, fast_after, slow_after))


def test_subsets_are_read_in_whole_batches_too():
    rows = [5, 3, 22, 3, -1]
    fast = D.DataLoader(D.Subset(D.TensorDataset(X, Y), rows), batch_size=2)
    slow = D.DataLoader(Slow(X[rows], Y[rows]), batch_size=2)
    assert same(list(fast), list(slow))


def test_batches_are_copies():
    values = fb.zeros(6)
    for (batch,) in D.DataLoader(D.TensorDataset(values), batch_size=3):
        batch.add_(1)
    assert values.tolist() == [0.0] * 6


def test_a_shuffled_epoch_is_the_permutation_of_its_seed():
    fb.manual_seed(7)
    fb.empty((), dtype=fb.int64).random_()  # the base seed of the pass
    seed = fb.empty((), dtype=fb.int64).random_().item()
    order = fb.randperm(23, generator=fb.Generator().manual_seed(seed)).tolist()
    fb.manual_seed(7)
    assert flat(b[0] for b in D.DataLoader(D.TensorDataset(Y), batch_size=4, shuffle=True)) == order


def test_index_out_of_range():
    with pytest.raises(IndexError):
        list(D.DataLoader(D.TensorDataset(Y), batch_sampler=[[23]]))


def test_streams():
    assert flat(D.DataLoader(Stream(7), batch_size=3)) == list(range(7))
    assert flat(D.DataLoader(Stream(7), batch_size=3, drop_last=True)) == list(range(6))
    assert list(D.DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    assert len(D.DataLoader(Stream(7), batch_size=3)) == 3
    with pytest.warns(UserWarning, match="Length of IterableDataset"):
        list(D.DataLoader(Stream(7, length=3)))


def test_pin_memory_says_that_it_does_nothing():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true"):
        list(D.DataLoader(Numbers(), pin_memory=True))


ERRORS = [
    ({"num_workers": -1}, ValueError, "should be non-negative"),
    ({"timeout": -1}, ValueError, "timeout option"),
    ({"prefetch_factor": 2}, ValueError, "prefetch_factor option"),
    ({"persistent_workers": True}, ValueError, "needs num_workers > 0"),
    ({"sampler": [1], "shuffle": True}, ValueError, "mutually exclusive with shuffle"),
    ({"batch_sampler": [[1]], "batch_size": 2}, ValueError, "mutually exclusive with batch_size"),
    ({"batch_size": None, "drop_last": True}, ValueError, "disables auto-batching"),
    ({"batch_size": 0}, ValueError, "batch_size=0"),
    ({"multiprocessing_context": "fork"}, ValueError, "can only be used with multi-process"),
    ({"num_workers": 1, "multiprocessing_context": "x"}, ValueError, "valid start method"),
    ({"num_workers": 1, "multiprocessing_context": 3}, TypeError, "valid context object"),
]


@pytest.mark.parametrize("options, kind, text", ERRORS, ids=range(len(ERRORS)))
def test_errors(options, kind, text):
    with pytest.raises(kind, match=text):
        D.DataLoader(Numbers(), **options)


def test_options_of_streams():
    for options in ({"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}):
        with pytest.raises(ValueError, match="DataLoader with IterableDataset"):
            D.DataLoader(Stream(3), **options)


def test_what_is_fixed():
    loader = D.DataLoader(Numbers(), batch_size=2)
    for name in ("batch_size", "sampler", "dataset"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, 3)


# ---- workers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("dataset", [D.TensorDataset(X, Y), Slow(X, Y)], ids=["rows", "samples"])
def test_workers_give_the_same_batches(dataset, persistent):
    loaders = [
        D.DataLoader(dataset, batch_size=4, shuffle=True),
        D.DataLoader(
            dataset, batch_size=4, shuffle=True, num_workers=2, persistent_workers=persistent
        ),
    ]
    runs = []
    for loader in loaders:
        fb.manual_seed(0)
        runs.append([list(loader), list(loader)])
    (first, second), (from_workers, again) = runs
    assert same(first, from_workers)
    if persistent:
        # Workers that stay keep their base seed: the stream is one draw behind.
        assert sorted(flat(b[1] for b in again)) == list(range(23))
    else:
        assert same(second, again)


def test_streams_with_workers():
    loader = D.DataLoader(Stream(11), batch_size=2, num_workers=2, persistent_workers=True)
    for _ in range(2):
        assert sorted(flat(loader)) == list(range(11))


def draw(index):
    # The global generator of NumPy, which workers seed.
    drawn = np.random.randint(10**6)  # noqa: NPY002
    return fb.randint(0, 10**6, (1,)), drawn, random.randrange(10**6)


class Draws(Numbers):
    def __getitem__(self, index):
        return draw(index)


def test_seeds_of_workers():
    """Base seed and worker decide; the numbers are those that PyTorch gives."""
    fb.manual_seed(3)
    first, second = D.DataLoader(Draws(), batch_size=4, num_workers=2)
    assert first[0].reshape(-1).tolist() == [708967, 354628, 515895, 294711]
    assert first[1].tolist() == [394058, 492114, 229801, 328629]
    assert first[2].tolist() == [228525, 220189, 548986, 428918]
    assert second[1].tolist() == [208785, 540335, 554033, 7347]


def test_worker_info_and_init():
    class Info(Numbers):
        def __getitem__(self, index):
            info = D.get_worker_info()
            return info.id, info.num_workers, int(os.environ["FLAMBEAU_TEST_WORKER"])

    def init(worker):
        os.environ["FLAMBEAU_TEST_WORKER"] = str(10 + worker)

    assert D.get_worker_info() is None
    batches = list(D.DataLoader(Info(4), batch_size=2, num_workers=2, worker_init_fn=init))
    assert [[column.tolist() for column in batch] for batch in batches] == [
        [[0, 0], [2, 2], [10, 10]],
        [[1, 1], [2, 2], [11, 11]],
    ]


def fail(index):
    if index == 5:
        raise KeyError("no such sample")


@pytest.mark.parametrize("where", ["sample", "init"])
def test_an_exception_of_a_worker(where):
    options = {"worker_init_fn": fail} if where == "init" else {}
    dataset = Numbers(8, fail)
    if where == "init":
        options = {"worker_init_fn": lambda worker: fail(5)}
    loader = D.DataLoader(dataset, batch_size=2, num_workers=2, **options)
    with pytest.raises(KeyError) as caught:
        list(loader)
    text = str(caught.value)
    assert "Caught KeyError in DataLoader worker process" in text
    assert "Original Traceback (most recent call last):" in text and "in fail" in text


def test_the_loader_goes_on_after_an_exception():
    iterator = iter(D.DataLoader(Numbers(8, fail), batch_size=2, num_workers=2))
    got = []
    while True:
        try:
            got.append(next(iterator).tolist())
        except KeyError:
            got.append("error")
        except StopIteration:
            break
    assert got == [[0, 1], [2, 3], "error", [6, 7]]


def kill(index):
    if index == 2:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker():
    loader = D.DataLoader(Numbers(8, kill), batch_size=2, num_workers=2)
    with pytest.raises(RuntimeError, match=r"worker \(pid\(s\) \d+\) exited .*SIGKILL"):
        list(loader)


def test_timeout():
    loader = D.DataLoader(Numbers(8, lambda i: time.sleep(30)), num_workers=1, timeout=0.3)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"timed out after 0\.3 seconds"):
        list(loader)
    assert time.monotonic() - start < 5


def test_what_cannot_be_sent():
    def collate(batch):
        return (fb.ones(2, requires_grad=True) * 2) if batch[0] else (lambda: 1)

    for index, text in ((0, "pickle"), (1, "non-leaf tensor")):
        loader = D.DataLoader(Numbers(), sampler=[index], num_workers=1, collate_fn=collate)
        with pytest.raises(Exception, match=text):
            list(loader)


class Images(Numbers):
    def __getitem__(self, index):
        return fb.full((3, 200, 200), float(index)), index


def test_large_batches_and_nothing_left_behind():
    def run():
        means = [float(images.mean()) for images, _ in D.DataLoader(Images(), num_workers=2)]
        assert means == list(map(float, range(8)))

    run()
    gc.collect()
    descriptors = os.listdir("/proc/self/fd")
    kept = list(D.DataLoader(Images(), num_workers=2))
    run()
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    kept[0][0].add_(1)  # a batch is the receiver's own memory
    assert float(kept[0][0].mean()) == 1


def test_layouts_survive():
    def collate(batch):
        values = fb.arange(24.0).reshape(2, 3, 4)
        return [
            values.transpose(0, 2),
            values[:, 1],
            fb.ones(1).expand(5),
            fb.empty(0, 3),
            fb.tensor([1.5], dtype=fb.bfloat16),
            fb.tensor(True),
        ]

    (got,) = D.DataLoader([0], num_workers=1, collate_fn=collate)
    for a, b in zip(got, collate(None)):
        assert a.dtype == b.dtype and a.shape == b.shape and fb.equal(a, b)


def test_many_indices_do_not_block():
    """More indices than a pipe holds, while a worker sends more than a pipe holds."""
    loader = D.DataLoader(
        Numbers(60000),
        batch_size=20000,
        num_workers=1,
        prefetch_factor=3,
        collate_fn=lambda batch: [str(i) for i in batch],
    )
    assert [len(batch) for batch in loader] == [20000] * 3


def test_leaving_a_loop_ends_the_workers():
    iterator = iter(D.DataLoader(Images(), num_workers=2))
    next(iterator)
    processes = [process.pid for process, _ in iterator._workers]
    assert len(processes) == 2
    del iterator
    assert not any(os.path.exists(f"/proc/{pid}") for pid in processes)


def test_any_order():
    def slow_first(index):
        if index == 0:
            time.sleep(0.4)

    loader = D.DataLoader(Numbers(6, slow_first), num_workers=2, in_order=False)
    got = flat(loader)
    assert sorted(got) == list(range(6)) and got.index(0) >= 3


def test_too_many_workers_warn():
    with pytest.warns(UserWarning, match="suggested max number of worker"):
        D.DataLoader(Numbers(), num_workers=4096)
