"""Worker processes: a unit of work that dies or hangs is one failed case, and the rest goes on."""

from __future__ import annotations

import collections
import os
import resource
import selectors
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, Pipe

ADDRESS_SPACE = 12 << 30  # bytes; what asks for more fails instead of swapping
CRASHES_PER_UNIT = 20


class _Worker:
    def __init__(self, run):
        self.parent_end, child_end = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.parent_end.close()
            _serve(child_end, run)
        child_end.close()
        self.unit = None
        self.case = None
        self.heard = time.monotonic()

    def send(self, unit, skip):
        self.unit, self.case, self.heard = unit, None, time.monotonic()
        self.parent_end.send((unit, skip))

    def end(self, sig=None) -> str:
        """Reaps the process; says how it ended."""
        if sig is not None:
            os.kill(self.pid, sig)
        _, status = os.waitpid(self.pid, 0)
        self.parent_end.close()
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status)).name
        return f"exit status {os.waitstatus_to_exitcode(status)}"


def _serve(pipe: Connection, run) -> None:
    """The life of a worker: never returns."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        while True:
            unit, skip = pipe.recv()
            try:
                result = run(unit, skip, lambda case: pipe.send(("case", case)))
                pipe.send(("done", result))
            except Exception:
                pipe.send(("broken", traceback.format_exc()))
    except (EOFError, KeyboardInterrupt):
        pass
    finally:
        os._exit(0)


def run_all(
    units: Iterable,
    run: Callable,
    jobs: int,
    timeout: float,
    finished: Callable[[object, object, dict], None],
) -> None:
    """Runs ``run(unit, skip, announce)`` for every unit in `jobs` forked processes.

    `run` announces each case before it starts and leaves out those in `skip`.
    ``finished(unit, result, crashes)`` is called in this process; `crashes` maps a case to how the
    process ended there. `timeout` is in seconds for one case.
    """
    waiting = collections.deque((unit, {}) for unit in units)
    busy: dict[int, tuple[_Worker, dict]] = {}
    idle: list[_Worker] = []
    selector = selectors.DefaultSelector()

    def start():
        while waiting and len(busy) < jobs:
            unit, crashes = waiting.popleft()
            worker = idle.pop() if idle else _Worker(run)
            worker.send(unit, set(crashes))
            key = worker.parent_end.fileno()
            busy[key] = (worker, crashes)
            selector.register(key, selectors.EVENT_READ)

    def retire(key):
        worker, crashes = busy.pop(key)
        selector.unregister(key)
        return worker, crashes

    def crashed(key, sig=None):
        worker, crashes = retire(key)
        how = worker.end(sig)
        crashes[worker.case] = "no end within the time limit" if sig is not None else how
        if worker.case is None or len(crashes) > CRASHES_PER_UNIT:
            finished(worker.unit, None, crashes)
        else:
            waiting.appendleft((worker.unit, crashes))

    try:
        start()
        while busy:
            for key, _ in selector.select(timeout=1.0):
                worker, crashes = busy[key.fd]
                try:
                    kind, value = worker.parent_end.recv()
                except (EOFError, ConnectionResetError):
                    crashed(key.fd)
                    continue
                worker.heard = time.monotonic()
                if kind == "case":
                    worker.case = value
                else:
                    retire(key.fd)
                    idle.append(worker)
                    if kind == "broken":
                        finished(worker.unit, None, {**crashes, None: value})
                    else:
                        finished(worker.unit, value, crashes)
            now = time.monotonic()
            for key, (worker, _) in list(busy.items()):
                if now - worker.heard > timeout:
                    crashed(key, signal.SIGKILL)
            start()
    finally:
        for worker in idle:
            worker.end(signal.SIGTERM)
        for worker, _ in busy.values():
            worker.end(signal.SIGKILL)
