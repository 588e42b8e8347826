"""Every operator with hostile arguments, in processes of their own: an exception or a result.

FLAMBEAU_HOSTILE_CALLS sets the number of calls for each row (default 60).
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tools.opgen import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
AMOUNT = int(os.environ.get("FLAMBEAU_HOSTILE_CALLS", "60"))
PATIENCE = 30.0  # seconds for one call
CRASHES = 20  # after so many, the family is given up


def _current(log: pathlib.Path) -> tuple[int, str]:
    number, source = log.read_bytes().split(b"\0", 1)[0].decode().split("\n", 1)
    return int(number), source.strip()


def _watch(process: subprocess.Popen, log: pathlib.Path) -> bool:
    """Waits for the end; False when one call took too long and the process was killed."""
    seen, since = None, time.monotonic()
    while process.poll() is None:
        time.sleep(0.05)
        now = log.read_bytes()[:20] if log.exists() else b""
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            process.kill()
            process.wait()
            return False
    return True


def run_calls(family: str, amount: int, folder: pathlib.Path) -> list[str]:
    """The calls with a wrong outcome, one line each."""
    wrong: list[str] = []
    log, output = folder / "log", folder / "output"
    start = 0
    for _ in range(CRASHES):
        log.unlink(missing_ok=True)
        with output.open("w") as out, (folder / "errors").open("w") as errors:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.hostile.worker",
                    family,
                    str(amount),
                    str(start),
                    str(log),
                ],
                cwd=ROOT,
                stdout=out,
                stderr=errors,
            )
            in_time = _watch(process, log)
        lines = output.read_text().splitlines()
        finished = bool(lines) and lines[-1] == "done"
        wrong += lines[:-1] if finished else lines
        if finished and process.returncode == 0:
            return wrong
        if not log.exists() or not log.stat().st_size:
            raise RuntimeError(f"the worker did not start: {(folder / 'errors').read_text()}")
        number, source = _current(log)
        code = process.returncode
        how = (
            f"no end in {PATIENCE:.0f} s"
            if not in_time
            else signal.Signals(-code).name
            if code < 0
            else f"exit status {code}: {(folder / 'errors').read_text()[-2000:]}"
        )
        wrong.append(f"{how}: {source}")
        start = number + 1
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("family", [*table.FAMILIES, "surface"])
def test_hostile_arguments(family, tmp_path):
    wrong = run_calls(family, AMOUNT, tmp_path)
    assert not wrong, f"{len(wrong)} calls:\n" + "\n".join(wrong[:50])
