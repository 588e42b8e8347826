"""A process that forks after a threaded operator: the child computes and ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, time
import flambeau as fb

fb.set_num_threads(max(2, fb.get_num_threads()))
a = fb.ones(384, 384)
for run in range(100):
    (a @ a).sum().item()                     # wakes the pool
    child = os.fork()
    if child == 0:
        wrong = (a @ a)[0, 0].item() != 384.0
        os._exit(1 if wrong else 0)
    limit = time.monotonic() + 20
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > limit:
            os.kill(child, 9)
            sys.exit(f"the child of run {run} does not end")
        time.sleep(0.0005)
    if status:
        sys.exit(f"the child of run {run} ended with status {status}")
print("100 of 100")
"""

GRANDCHILD = """
import os
import flambeau as fb

a = fb.ones(384, 384, requires_grad=True)
(a @ a).sum().backward()
if os.fork() == 0:
    (a @ a).sum().backward()
    if os.fork() == 0:
        (a @ a).sum().backward()
        os._exit(0 if a.grad[0, 0].item() == 3 * 768.0 else 1)
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
code = os.waitstatus_to_exitcode(os.wait()[1])
(a @ a).sum().item()
raise SystemExit(code)
"""


@pytest.mark.parametrize("program", [PROGRAM, GRANDCHILD], ids=["hundred", "nested"])
def test_fork_after_a_threaded_matmul(program):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
