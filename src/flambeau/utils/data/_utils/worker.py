"""What runs in a worker process of a loader."""

from __future__ import annotations

import os
import sys
import traceback

from .fetch import DatasetKind, make_fetcher

_worker_info = None


class WorkerInfo:
    """``id`` (from 0), ``num_workers``, ``seed`` (of this worker) and ``dataset`` (its copy)."""

    _frozen = False

    def __init__(self, **attributes) -> None:
        self._names = tuple(attributes)
        self.__dict__.update(attributes)
        self._frozen = True

    def __setattr__(self, name, value) -> None:
        if self._frozen:
            raise RuntimeError(f"Cannot assign attributes to {type(self).__name__} objects")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        items = ", ".join(f"{name}={getattr(self, name)}" for name in self._names)
        return f"{type(self).__name__}({items})"


def get_worker_info() -> WorkerInfo | None:
    """The :class:`WorkerInfo` of this process, or None outside the workers of a loader."""
    return _worker_info


class _KeyErrorMessage(str):
    """The message of a KeyError, which prints the repr of a plain string."""

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """An exception with its traceback as text, to be raised again in another process."""

    def __init__(self, where: str) -> None:
        kind = self.exc_type = sys.exc_info()[0]
        self.text = traceback.format_exc()
        self.where = where
        try:
            import pickle

            pickle.dumps(kind)
        except Exception:
            # A class that only exists in the worker: its text goes as a RuntimeError.
            self.exc_type = RuntimeError

    def reraise(self) -> None:
        """Raise an exception of the same type that carries the original traceback."""
        message = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.text}"
        if self.exc_type is KeyError:
            message = _KeyErrorMessage(message)
        try:
            error = self.exc_type(message)
        except Exception:
            # A constructor with other arguments: the text matters more than the type.
            raise RuntimeError(message) from None
        raise error


# Replies of a worker beside batches.
class End:
    """The stream of this worker is at its end."""


class Resumed:
    """The worker is ready for the next pass."""


# A request that starts the next pass of a persistent worker.
RESUME = "resume"


def _seed(base_seed: int, worker_id: int) -> None:
    import random

    import numpy

    import flambeau

    seed = base_seed + worker_id
    random.seed(seed)
    flambeau.manual_seed(seed)
    words = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    numpy.random.seed(numpy.random.SeedSequence(words).generate_state(4))


def _read_requests(connection, requests, parent: int) -> None:
    """Runs in a thread, so that the parent never blocks on a worker that is busy sending."""
    try:
        while True:
            while not connection.poll(5):
                if os.getppid() != parent:
                    os._exit(1)
            request = connection.recv()
            requests.put(request)
            if request is None:
                return
    except (EOFError, OSError):
        # The parent is gone or does not want anything any more; it may not read answers either.
        os._exit(1)


def worker_loop(connection, inherited, setup: dict) -> None:
    """Answer requests until None arrives. ``inherited`` are connections of other workers."""
    import queue
    import signal
    import threading

    import flambeau

    global _worker_info
    from . import transport

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    for other in inherited:
        other.close()
    requests = queue.SimpleQueue()
    reader = threading.Thread(
        target=_read_requests, args=(connection, requests, os.getppid()), daemon=True
    )
    reader.start()
    worker_id, dataset = setup["worker_id"], setup["dataset"]
    where = f"in DataLoader worker process {worker_id}"
    flambeau.set_num_threads(1)
    fetch_args = (dataset, setup["auto_collation"], setup["collate_fn"], setup["drop_last"])
    fetcher = failure = None
    try:
        _seed(setup["base_seed"], worker_id)
        _worker_info = WorkerInfo(
            id=worker_id,
            num_workers=setup["num_workers"],
            seed=setup["base_seed"] + worker_id,
            dataset=dataset,
        )
        if setup["init_fn"] is not None:
            setup["init_fn"](worker_id)
        fetcher = make_fetcher(setup["kind"], *fetch_args)
    except Exception:
        failure = ExceptionWrapper(where)
    ended = False
    while (request := requests.get()) is not None:
        if request == RESUME:
            ended = False
            try:
                fetcher = make_fetcher(setup["kind"], *fetch_args)
            except Exception:
                failure = ExceptionWrapper(where)
            transport.send(connection, (None, Resumed()))
            continue
        number, index = request
        if failure is not None:
            reply, failure, ended = failure, None, True
        elif ended:
            reply = End()
        else:
            try:
                reply = fetcher.fetch(index)
            except Exception as error:
                if isinstance(error, StopIteration) and setup["kind"] == DatasetKind.Iterable:
                    reply, ended = End(), True
                else:
                    reply = ExceptionWrapper(where)
        try:
            transport.send(connection, (number, reply))
        except (BrokenPipeError, ConnectionError):
            return
        except Exception:
            transport.send(connection, (number, ExceptionWrapper(where)))
        del reply
