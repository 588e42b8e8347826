"""The loader: batches of a data set, from this process or from worker processes."""

from __future__ import annotations

import os
import warnings
import weakref

import flambeau

from ._utils.collate import default_collate as default_collate
from ._utils.collate import default_convert as default_convert
from ._utils.fetch import DatasetKind as _DatasetKind
from ._utils.fetch import TensorRows, make_fetcher
from ._utils.worker import get_worker_info as get_worker_info
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, _seeded_generator

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _InfiniteConstantSampler(Sampler):
    """None, again and again: the stand-in for indices where a stream is read."""

    def __iter__(self):
        while True:
            yield None


class DataLoader:
    """Iterates over the batches of a data set; each ``iter`` starts a new pass.

    ``dataset`` has indices or is an ``IterableDataset``. ``sampler`` or ``shuffle`` decides about
    the order, ``batch_sampler`` about whole batches; ``batch_size=None`` gives single samples.
    ``collate_fn`` makes a batch of a list of samples. ``generator`` is used for the order and for
    the base seed that each pass draws.

    With ``num_workers > 0`` processes fetch ``prefetch_factor`` (2) batches ahead each;
    ``worker_init_fn(id)`` runs in each, with seeds that depend on base seed and id.
    ``persistent_workers`` keeps them for the next pass. ``timeout`` (seconds, 0 = none) limits the
    wait for a batch. ``in_order=False`` gives batches as they come. An exception of a worker is
    raised here with its traceback; a worker that dies raises ``RuntimeError``. ``pin_memory`` has
    no effect on a machine without a GPU, and says so.
    """

    _iterator = None
    __initialized = False

    def __init__(
        self,
        dataset,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler=None,
        batch_sampler=None,
        num_workers: int = 0,
        collate_fn=None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers > 0 else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.persistent_workers = persistent_workers
        self.generator = generator
        if isinstance(dataset, IterableDataset):
            self._dataset_kind = _DatasetKind.Iterable
            for name, value in (("shuffle", shuffle), ("sampler", sampler)):
                if value not in ((None, False) if name == "shuffle" else (None,)):
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, "
                        f"but got {name}={value}"
                    )
            if batch_sampler is not None:
                raise ValueError(
                    "DataLoader with IterableDataset: expected unspecified batch_sampler option, "
                    f"but got batch_sampler={batch_sampler}"
                )
        else:
            self._dataset_kind = _DatasetKind.Map
        self._set_samplers(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.__initialized = True
        self._warn_of_many_workers()

    def _set_samplers(self, batch_size, shuffle, sampler, batch_sampler, drop_last) -> None:
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None:
            if self._dataset_kind == _DatasetKind.Iterable:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(self.dataset, generator=self.generator)
            else:
                sampler = SequentialSampler(self.dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler

    def __class_getitem__(cls, item):
        return cls

    def __setattr__(self, name, value) -> None:
        if self.__initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self):
        """How workers are started: None (fork), a start method's name, or a context."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            import multiprocessing
            from multiprocessing.context import BaseContext

            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{methods!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string "
                    f"specifying the start method, but got multiprocessing_context={context}"
                )
        self.__multiprocessing_context = context

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def _warn_of_many_workers(self) -> None:
        if self.num_workers == 0:
            return
        affinity = getattr(os, "sched_getaffinity", None)
        usable = len(affinity(0)) if affinity else os.cpu_count()
        if usable and self.num_workers > usable:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our "
                f"suggested max number of worker in current system is {usable}, which is smaller "
                "than what this DataLoader is going to create. Please be aware that excessive "
                "worker creation might get DataLoader running slow or even freeze, lower the "
                "worker number to avoid potential slowness/freeze if necessary.",
                stacklevel=3,
            )

    def check_worker_number_rationality(self) -> None:
        """Warn where there are more workers than processors."""
        self._warn_of_many_workers()

    def _get_iterator(self):
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self._warn_of_many_workers()
        return _MultiProcessingDataLoaderIter(self)

    def __iter__(self):
        if self.persistent_workers and self.num_workers > 0:
            if self._iterator is None:
                self._iterator = self._get_iterator()
            else:
                self._iterator._reset(self)
            return self._iterator
        return self._get_iterator()

    def __len__(self) -> int:
        """The number of batches, as far as the sampler (or a stream's ``__len__``) knows it."""
        if self._dataset_kind != _DatasetKind.Iterable:
            return len(self._index_sampler)
        length = len(self.dataset)
        if self.batch_size is None:
            return length
        if self.drop_last:
            return length // self.batch_size
        return -(-length // self.batch_size)


def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if num_workers > 0 and prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


class _BaseDataLoaderIter:
    """One pass over a loader."""

    def __init__(self, loader: DataLoader) -> None:
        self._dataset = loader.dataset
        self._dataset_kind = loader._dataset_kind
        self._auto_collation = loader._auto_collation
        self._drop_last = loader.drop_last
        self._index_sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        self._timeout = loader.timeout
        self._collate_fn = loader.collate_fn
        self._num_yielded = 0
        self._warned_of_length = False
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                stacklevel=4,
            )
        self._sampler_iter = iter(self._index_sampler)
        # Drawn in every pass, also without workers, so that the stream does not depend on them.
        draw = flambeau.empty((), dtype=flambeau.int64).random_(generator=loader.generator)
        self._base_seed = draw.item()

    def __iter__(self):
        return self

    def _reset(self, loader: DataLoader) -> None:
        self._sampler_iter = iter(self._index_sampler)
        self._num_yielded = 0

    def _next_data(self):
        raise NotImplementedError

    def __next__(self):
        data = self._next_data()
        self._num_yielded += 1
        if self._dataset_kind == _DatasetKind.Iterable:
            self._check_length()
        return data

    def _check_length(self) -> None:
        """A stream whose ``__len__`` is too small breaks progress bars and schedules: say so."""
        if self._warned_of_length or not hasattr(self._dataset, "__len__"):
            return
        length = self._stream_length()
        if length is None or self._num_yielded <= length:
            return
        self._warned_of_length = True
        note = ""
        if self._num_workers > 0:
            note = (
                "For multiprocessing data-loading, this could be caused by not properly "
                "configuring the IterableDataset replica at each worker."
            )
        warnings.warn(
            f"Length of IterableDataset {self._dataset} was reported to be {length} (when "
            f"accessing len(dataloader)), but {self._num_yielded} samples have been fetched. {note}",
            stacklevel=3,
        )

    def _stream_length(self):
        try:
            length = len(self._dataset)
        except (TypeError, NotImplementedError):
            return None
        if not self._auto_collation:
            return length
        size = self._index_sampler.batch_size
        return length // size if self._drop_last else -(-length // size)

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """A pass in this process."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._fetcher = make_fetcher(
            self._dataset_kind,
            self._dataset,
            self._auto_collation,
            self._collate_fn,
            self._drop_last,
        )
        self._batches = self._tensor_batches()

    def _tensor_batches(self):
        """Batches as slices of one permutation, where data set and samplers allow it, or None."""
        batches, rows = self._index_sampler, self._fetcher
        if not isinstance(rows, TensorRows) or type(batches) is not BatchSampler:
            return None
        sampler = batches.sampler
        if type(sampler) is SequentialSampler:
            return _in_order(rows, len(sampler), batches.batch_size, batches.drop_last)
        if type(sampler) is RandomSampler and not sampler.replacement:
            if sampler._num_samples is None:
                return _shuffled(rows, sampler, batches.batch_size, batches.drop_last)
        return None

    def _next_data(self):
        if self._batches is not None:
            return next(self._batches)
        return self._fetcher.fetch(next(self._sampler_iter))


def _in_order(rows: TensorRows, n: int, size: int, drop_last: bool):
    for begin in range(0, n - size + 1 if drop_last else n, size):
        yield rows.slice(begin, min(begin + size, n))


def _shuffled(rows: TensorRows, sampler: RandomSampler, size: int, drop_last: bool):
    n = len(sampler.data_source)
    generator = sampler.generator or _seeded_generator()
    order = flambeau.randperm(n, generator=generator)
    for indices in order.split(size):
        if drop_last and indices.shape[0] < size:
            break
        yield rows.select(indices)
    # The sampler draws once more when it has given its last index.
    flambeau.randperm(n, generator=generator)


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """A pass whose batches come from worker processes.

    Every request has a number and gets one reply. The worker answers its requests in their order,
    so that the replies in the order of the numbers are the batches in the order of the sampler.
    """

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._prefetch = loader.prefetch_factor
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._workers: list = []  # (process, connection)
        self._shutdown = weakref.finalize(self, _end_workers, self._workers, os.getpid())
        try:
            self._start_workers(loader)
        except BaseException:
            self._shutdown()
            raise
        self._begin()

    def _start_workers(self, loader: DataLoader) -> None:
        import multiprocessing

        import numpy  # noqa: F401

        # Imported before the first fork, once for all workers.
        from ._utils import transport  # noqa: F401
        from ._utils.worker import worker_loop

        context = loader.multiprocessing_context or multiprocessing.get_context("fork")
        forks = context.get_start_method() == "fork"
        for worker_id in range(self._num_workers):
            ours, theirs = multiprocessing.Pipe(duplex=True)
            setup = {
                "worker_id": worker_id,
                "num_workers": self._num_workers,
                "dataset": self._dataset,
                "kind": self._dataset_kind,
                "auto_collation": self._auto_collation,
                "collate_fn": self._collate_fn,
                "drop_last": self._drop_last,
                "base_seed": self._base_seed,
                "init_fn": loader.worker_init_fn,
            }
            inherited = [c for _, c in self._workers] + [ours] if forks else []
            process = context.Process(target=worker_loop, args=(theirs, inherited, setup))
            process.daemon = True
            with warnings.catch_warnings():
                # Python 3.12 warns of any fork beside threads; the thread pool here survives one.
                warnings.filterwarnings("ignore", ".*multi-threaded, use of fork")
                process.start()
            theirs.close()
            self._workers.append((process, ours))

    def _begin(self) -> None:
        self._sent = self._given = 0
        self._replies: dict = {}
        self._pending: dict[int, int] = {}  # request -> worker
        self._active = list(range(self._num_workers))
        self._turn = 0
        self._exhausted = False
        for _ in range(self._prefetch * self._num_workers):
            self._request()

    def _reset(self, loader: DataLoader) -> None:
        from ._utils.worker import RESUME, Resumed

        super()._reset(loader)
        for worker in range(self._num_workers):
            self._send(worker, RESUME)
        waiting = set(range(self._num_workers))
        while waiting:
            for worker, (_, reply) in self._receive(waiting):
                if isinstance(reply, Resumed):
                    waiting.discard(worker)
        self._begin()

    def _send(self, worker: int, request) -> None:
        try:
            self._workers[worker][1].send(request)
        except (BrokenPipeError, ConnectionError):
            self._fail([worker])

    def _request(self) -> None:
        """Ask the worker whose turn it is for the next batch."""
        if self._exhausted or not self._active:
            return
        worker = self._next_worker()
        if worker is None:
            return
        try:
            index = next(self._sampler_iter)
        except StopIteration:
            self._exhausted = True
            return
        self._pending[self._sent] = worker
        self._send(worker, (self._sent, index))
        self._sent += 1

    def _next_worker(self) -> int | None:
        for _ in range(self._num_workers):
            worker = self._turn
            self._turn = (self._turn + 1) % self._num_workers
            if worker not in self._active:
                continue
            # Where order does not matter a slow worker gets no more than its share.
            load = list(self._pending.values()).count(worker)
            if self._in_order or load < max(self._prefetch, 1):
                return worker
        return None

    def _receive(self, workers) -> list:
        """Wait for replies; returns pairs of worker and ``(number, reply)``."""
        from multiprocessing.connection import wait

        from ._utils.transport import receive

        owners = {self._workers[w][1]: w for w in workers}
        ready = wait(list(owners), self._timeout or None)
        if not ready:
            self._shutdown_at_once()
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        replies = []
        for connection in ready:
            worker = owners[connection]
            try:
                replies.append((worker, receive(connection)))
            except (EOFError, OSError):
                self._fail([worker])
        return replies

    def _fail(self, workers: list) -> None:
        """A worker is gone: say which and why, and end the others."""
        process = self._workers[workers[0]][0]
        process.join(1)
        code, pid = process.exitcode, process.pid
        self._shutdown_at_once()
        if code is not None and code < 0:
            import signal

            name = signal.Signals(-code).name
            cause = f"killed by signal {name}"
            if name == "SIGKILL":
                cause += ", probably for lack of memory"
        else:
            cause = f"exit code {code}"
        raise RuntimeError(f"DataLoader worker (pid(s) {pid}) exited unexpectedly ({cause})")

    def _next_reply(self):
        """The next reply in order (or any, with ``in_order=False``)."""
        while True:
            if not self._pending and not self._replies:
                if not self._persistent:
                    self._shutdown()
                raise StopIteration
            number = self._given if self._in_order else next(iter(self._replies), None)
            if number in self._replies:
                self._given += 1
                return self._replies.pop(number)
            if not self._shutdown.alive:
                raise StopIteration
            for worker, (got, reply) in self._receive(set(self._pending.values())):
                del self._pending[got]
                self._replies[got] = (worker, reply)

    def _next_data(self):
        from ._utils.worker import End, ExceptionWrapper

        while True:
            if self._prefetch == 0 and not self._pending and not self._replies:
                self._request()
            worker, reply = self._next_reply()
            if isinstance(reply, End):
                if worker in self._active:
                    self._active.remove(worker)
                self._request()
                continue
            if self._prefetch:
                self._request()
            if isinstance(reply, ExceptionWrapper):
                reply.reraise()
            return reply

    def _shutdown_workers(self) -> None:
        """End the workers now; the pass cannot go on."""
        self._shutdown()

    def _shutdown_at_once(self) -> None:
        if self._shutdown.alive:
            for process, _ in self._workers:
                process.terminate()
            self._shutdown()


def _end_workers(workers: list, owner: int) -> None:
    """Ask the workers to end, then make them. ``owner`` is the process that started them."""
    if os.getpid() != owner:
        return  # a copy in a forked process
    for _, connection in workers:
        try:
            connection.send(None)
        except (OSError, ValueError):
            pass  # it is gone already
        connection.close()
    for process, _ in workers:
        process.join(5)
        if process.is_alive():
            process.terminate()
            process.join(1)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
    workers.clear()
