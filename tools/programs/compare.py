"""Runs one program twice, with PyTorch and with flambeau under the name torch, and compares what it
prints, number by number.

    python tools/programs/compare.py [--ignore REGEX] [--seed N] [--tolerance 1e-4]
        --torch-python PYTHON_WITH_TORCH -- program.py [arguments]

Text must be equal, numbers agree to the relative tolerance (losses to four digits by default).
``--ignore`` removes what may differ (times). ``--seed`` seeds both before the program starts, for
programs that set no seed. A stand-in for the part of torchvision that the MNIST example uses lies
beside this file and serves both runs.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|[-+]?\b(?:nan|inf)\b")

START = """
import runpy, sys, os
sys.path.insert(0, {here!r})
{alias}
import torch
torch.set_num_threads(1)
{seed}
program = sys.argv[1]
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
runpy.run_path(program, run_name="__main__")
"""


def run(python: str, alias: str, seed: int | None, command: list[str]) -> str:
    start = START.format(
        here=str(HERE), alias=alias, seed="" if seed is None else f"torch.manual_seed({seed})"
    )
    done = subprocess.run(
        [python, "-c", start, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    if done.returncode:
        sys.exit(f"{python} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", required=True, help="an interpreter that has torch")
    parser.add_argument("--ignore", action="append", default=[], help="a pattern to remove")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    outputs = []
    for python, alias in (
        (options.torch_python, ""),
        (sys.executable, "import flambeau.compat; flambeau.compat.install()"),
    ):
        text = run(python, alias, options.seed, options.command)
        for pattern in options.ignore:
            text = re.sub(pattern, "", text)
        outputs.append(text)
    return report(*outputs, options.tolerance)


def report(expected: str, actual: str, tolerance: float) -> int:
    if NUMBER.sub("#", expected) != NUMBER.sub("#", actual):
        print(
            "the texts differ:\n--- torch\n"
            + expected[-1500:]
            + "\n--- flambeau\n"
            + actual[-1500:]
        )
        return 1
    worst, where, count = 0.0, "", 0
    for line_e, line_a in zip(expected.splitlines(), actual.splitlines()):
        for e, a in zip(NUMBER.findall(line_e), NUMBER.findall(line_a)):
            x, y = float(e), float(a)
            difference = 0.0 if x == y or (x != x and y != y) else abs(x - y) / max(abs(x), 1e-12)
            count += 1
            if difference > worst:
                worst, where = difference, f"{line_e!r} and {line_a!r}"
    print(
        f"{count} numbers agree to {worst:.1e}"
        if worst <= tolerance
        else f"numbers differ by {worst:.1e}: {where}"
    )
    return int(worst > tolerance or count == 0)


if __name__ == "__main__":
    sys.exit(main())
