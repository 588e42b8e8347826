"""A process that keeps one processor busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Pure computing on one processor. It looks after its parent, so that it never outlives it.
_LOOP = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
parent = int(sys.argv[2])
print("busy", flush=True)
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_neighbour(cpu: int | None = None) -> Iterator[int]:
    """Keeps `cpu` (the last that this process may use) busy from another process meanwhile."""
    if cpu is None:
        cpu = max(os.sched_getaffinity(0))
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", _LOOP, str(cpu), str(os.getpid())],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("the busy neighbour did not start")
        time.sleep(0.05)  # the scheduler notices
        yield cpu
    finally:
        process.kill()
        process.wait()
