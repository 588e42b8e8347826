"""Measurements that need a fresh process: ``python -m benchmarks.child TASK LIBRARY [WORKLOAD]``.

Only the standard library is imported before the clock starts; the answer is one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time


def run_child(task: str, library: str, *arguments: str) -> dict:
    """Runs a task in a new process. Raises RuntimeError with the last line of its error."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child", task, library, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return json.loads(done.stdout) | {"process": time.perf_counter() - start}


def resident() -> int:
    """Bytes of memory that the process has now."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def page_faults() -> int:
    """Page faults of the process so far that read nothing from a disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def peak_resident() -> int:
    """The most bytes of memory the process ever had."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


def import_library(name: str) -> dict:
    """Seconds to import the library and bytes of memory after it."""
    start = time.perf_counter()
    __import__(name)
    return {"seconds": time.perf_counter() - start, "bytes": resident()}


def first_step(name: str, workload: str) -> dict:
    """The loss of the first training step."""
    library = __import__(name)
    from .workloads import WORKLOADS

    loss = WORKLOADS[workload].build(library)()
    return {"loss": float(loss), "bytes": resident()}


def peak(name: str, workload: str) -> dict:
    """How far memory grows above what the first small operators need, in 4 training steps; page
    faults per step later on."""
    library = __import__(name)
    from .workloads import WORKLOADS

    library.set_num_threads(2)
    # Code and threads that any program loads are no part of the workload.
    a = library.ones(256, 256, requires_grad=True)
    (a @ a).sum().backward()
    library.optim.Adam([a]).step()
    del a
    before = resident()
    step = WORKLOADS[workload].build(library)
    for _ in range(4):
        step()
    grown = peak_resident() - before
    # Each thread has touched its own buffers after some steps; large models need no 30 for that.
    end = time.perf_counter() + 1.5
    for i in range(26):
        if i > 6 and time.perf_counter() > end:
            break
        step()
    faults, runs = page_faults(), 10
    for _ in range(runs):
        step()
    return {"bytes": grown, "faults": (page_faults() - faults) / runs}


TASKS = {"import": import_library, "first_step": first_step, "peak": peak}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
