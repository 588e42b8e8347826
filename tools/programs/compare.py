"""Runs one program with PyTorch and with flambeau and compares what the two do.

    python tools/programs/compare.py [options] -- program.py [arguments]
    python tools/programs/compare.py [options] -- -m MODULE [arguments]

The program says ``import torch`` and is not changed; flambeau.compat gives it flambeau. Compared
are the losses, every value on which ``backward`` is called, with all their digits, and the printed
text: words must be equal, numbers within the tolerance or the last digit printed. The exit code is
0 if everything agrees.

``--steps N`` stops after N losses, for programs that train without end or for longer than rounding
errors stay small. ``--double`` makes float64 the default dtype: what then still differs is no
rounding. ``--ignore`` takes out of the text what may differ, such as times. ``--seed`` seeds
``random`` and torch, for programs that set no seed. ``--control`` compares PyTorch with PyTorch,
kept to the oldest instruction set the second time: what it shows comes from rounding alone.

docs/programs.md has the commands used and what they gave.
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

# Makes PyTorch, its BLAS and its oneDNN add in another order.
CONTROL = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
}
RUN = pathlib.Path(__file__).resolve().parent / "run.py"
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|[-+]?\b(?:nan|inf)\b")


class Run(NamedTuple):
    """What one run left: its text, its losses, the seconds from the first loss to the last."""

    text: str
    losses: list[float]
    seconds: float
    version: str


def run(
    python: str,
    library: str,
    options: list[str],
    command: list[str],
    environment: dict[str, str] | None = None,
    folder: pathlib.Path | None = None,
) -> Run:
    """Runs the program, in `folder`; RuntimeError with the end of its output if it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        record = pathlib.Path(scratch) / "record.json"
        start = [python, str(RUN), "--library", library, "--record", str(record), *options]
        done = subprocess.run(
            [*start, "--", *command],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
            | (environment or {}),
        )
        if done.returncode:
            raise RuntimeError(
                f"{library} failed ({done.returncode}):\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            )
        data = json.loads(record.read_text())
    return Run(done.stdout, data["losses"], data["seconds"], data["version"])


def relative(x: float, y: float) -> float:
    if x == y or (x != x and y != y):
        return 0.0
    difference = abs(x - y) / max(abs(x), abs(y))
    return difference if math.isfinite(difference) else math.inf


def compare_losses(expected: list[float], actual: list[float], tolerance: float) -> bool:
    """Prints the largest relative difference of the first 10, 100, ... losses."""
    same_length = len(expected) == len(actual)
    if not same_length:
        print(f"losses: {len(expected)} and {len(actual)}, not the same number")
    differences = [relative(x, y) for x, y in zip(expected, actual)]
    if not differences:
        return same_length
    for steps in sorted({1, 10, 100, 1000, len(differences)}):
        if steps <= len(differences):
            print(f"losses: first {steps:5} differ by at most {max(differences[:steps]):.1e}")
    worst = max(range(len(differences)), key=differences.__getitem__)
    if differences[worst] <= tolerance:
        return same_length
    first = next(i for i, d in enumerate(differences) if d > tolerance)
    for name, i in (("first", first), ("worst", worst)):
        print(f"losses: {name} beyond {tolerance:g} is {i + 1}: {expected[i]!r}, {actual[i]!r}")
    return False


def printed_alike(x: str, y: str, tolerance: float) -> bool:
    """Whether two printed numbers agree to the tolerance or to one unit of the last digit."""
    if relative(float(x), float(y)) <= tolerance:
        return True
    digits = min(len(s.partition(".")[2]) if "e" not in s.lower() else 0 for s in (x, y))
    return digits > 0 and abs(float(x) - float(y)) <= 1.001 * 10.0**-digits


def compare_texts(expected: str, actual: str, tolerance: float) -> bool:
    """Prints the lines that differ in their words, or in their numbers beyond the tolerance."""
    lines = [text.splitlines() for text in (expected, actual)]
    words = [[NUMBER.sub("#", line) for line in part] for part in lines]
    if words[0] != words[1]:
        print("text: the words differ")
        for line in list(difflib.unified_diff(*lines, "first", "second", lineterm="", n=0))[:40]:
            print("  " + line)
        return False
    count, bad = 0, []
    for e, a in zip(*lines):
        pairs = list(zip(NUMBER.findall(e), NUMBER.findall(a)))
        count += len(pairs)
        if not all(printed_alike(x, y, tolerance) for x, y in pairs):
            bad.append((e, a))
    if not bad:
        print(f"text: {len(words[0])} lines, {count} numbers, all alike")
        return True
    print(f"text: {len(bad)} of {len(words[0])} lines have other numbers, the first and the last:")
    for e, a in bad[:4] + bad[max(4, len(bad) - 2) :]:
        print(f"  first:  {e}\n  second: {a}")
    return False


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter with torch")
    parser.add_argument("--ignore", action="append", default=[], help="a pattern to take out")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="relative (%(default)s)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=1, help="of both (%(default)s)")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--control", action="store_true", help="PyTorch against PyTorch")
    parser.add_argument(
        "--losses-from-item", action="store_true", help="values of item(), see run.py"
    )
    parser.add_argument("command", nargs="+", metavar="-- program")
    return parser.parse_args()


def main() -> int:
    options = parse()
    passed = [f"--threads={options.threads}"]
    passed += [f"--seed={options.seed}"] if options.seed is not None else []
    passed += [f"--steps={options.steps}"] if options.steps is not None else []
    passed += ["--double"] if options.double else []
    passed += ["--losses-from-item"] if options.losses_from_item else []
    expected = run(options.torch_python, "torch", passed, options.command)
    if options.control:
        actual = run(options.torch_python, "torch", passed, options.command, CONTROL)
    else:
        actual = run(sys.executable, "flambeau", passed, options.command)
    texts = []
    for text in (expected.text, actual.text):
        for pattern in options.ignore:
            text = re.sub(pattern, "", text)
        texts.append(text)
    alike = compare_losses(expected.losses, actual.losses, options.tolerance)
    alike &= compare_texts(*texts, options.tolerance)
    print(
        f"time: torch {expected.version} {expected.seconds:.2f} s, "
        f"{'the same' if options.control else 'flambeau'} {actual.version} {actual.seconds:.2f} s, "
        f"ratio {actual.seconds / expected.seconds:.2f}"
    )
    if not (expected.losses or texts[0].strip()):
        print("nothing was printed and no loss was found: nothing is compared")
        return 1
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
