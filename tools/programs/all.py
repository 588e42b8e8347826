"""Runs every program of docs/programs.md with PyTorch and flambeau and prints its table.

    python tools/programs/all.py SOURCES [--only NAME] [--torch-python PYTHON] [--fetch]

SOURCES holds the four repositories below, each in a folder of its own name; ``--fetch`` clones
those that are missing. Every program runs six times, in float32 and in float64: with PyTorch, with
flambeau, and, as a control, with PyTorch held to an old instruction set. The exit code is 0 if the
printed words are the same, the first losses agree in float32, and all losses agree in float64, or
differ no more than ten times as much as those of PyTorch and its control.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

if __package__:
    from . import compare
else:
    import compare

# name: (URL, commit)
REPOSITORIES = {
    "micrograd": (
        "https://github.com/karpathy/micrograd",
        "c911406e5ace8742e5841a7e0df113ecb5d54685",
    ),
    "pytorch-examples": (
        "https://github.com/jcjohnson/pytorch-examples",
        "0003fcdc606a79951e53bf8f46f8574fa4739f23",
    ),
    "examples": (
        "https://github.com/pytorch/examples",
        "77f55b912142e11fcfdf5b530231fb9c52f181e8",
    ),
    "makemore": (
        "https://github.com/karpathy/makemore",
        "988aa59e4d8fefa526d06f3b453ad116258398d4",
    ),
}


class Program(NamedTuple):
    """One program; `tight` is how many of its losses agree in float32 to `TIGHT`."""

    name: str
    repository: str
    command: list[str]
    options: list[str]
    tight: int = 10
    environment: dict[str, str] = {}


HEAD = (
    "program",
    "losses",
    "float32, first",
    "float32, all",
    "control",
    "float64, all",
    "control",
    "words",
    "PyTorch (s)",
    "flambeau (s)",
)
TIGHT = 1e-5  # of the first losses in float32
DOUBLE = 1e-7  # of all losses in float64, where rounding has had 500 steps to grow
TIMES = re.compile(r"in [\d.]+s|step time [\d.]+ms")


def programs() -> list[Program]:
    seeded = ["--seed=0"]
    found = [
        Program(
            "micrograd test/test_engine.py",
            "micrograd",
            ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test/test_engine.py"],
            [],
            tight=2,
        ),
        Program(
            "pytorch-examples tensor/two_layer_net_tensor.py",
            "pytorch-examples",
            ["tensor/two_layer_net_tensor.py"],
            [*seeded, "--losses-from-item"],
            tight=100,
        ),
    ]
    for name in (
        "autograd/two_layer_net_autograd.py",
        "autograd/two_layer_net_custom_function.py",
        "nn/two_layer_net_nn.py",
        "nn/two_layer_net_optim.py",
        "nn/two_layer_net_module.py",
        "nn/dynamic_net.py",
    ):
        title = f"pytorch-examples {name}"
        found.append(Program(title, "pytorch-examples", [name], seeded, tight=100))
    found.append(
        Program("examples regression", "examples", ["regression/main.py"], seeded, tight=100)
    )
    mnist = ["mnist/main.py", "--epochs", "1", "--log-interval", "1"]
    limit = {"MNIST_LIMIT": "6400"}
    found.append(Program("examples mnist", "examples", mnist, [], environment=limit))
    for kind in ("bigram", "mlp", "rnn", "gru", "bow", "transformer"):
        command = ["makemore.py", "--type", kind, "--max-steps", "501", "-n", "0", "-o", "{out}"]
        found.append(Program(f"makemore {kind}", "makemore", command, [], tight=100))
    return found


def fetch(folder: pathlib.Path, repository: str) -> None:
    url, commit = REPOSITORIES[repository]
    subprocess.run(["git", "clone", "-q", url, str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "checkout", "-q", commit], check=True)


def largest(a: list[float], b: list[float], count: int | None = None) -> float:
    """The largest relative difference of the first `count` losses.

    Infinite where all are asked for and there are more in one list.
    """
    if count is None and len(a) != len(b):
        return float("inf")
    return max((compare.relative(x, y) for x, y in zip(a[:count], b[:count])), default=0.0)


def words(run: compare.Run) -> str:
    return compare.NUMBER.sub("#", TIMES.sub("", run.text))


def compare_program(program: Program, folder: pathlib.Path, python: str) -> tuple[str, bool]:
    """Runs a program six times; returns its row of the table and whether it agrees."""

    def run(library: str, *options: str, **environment: str) -> compare.Run:
        with tempfile.TemporaryDirectory() as out:
            command = [part.format(out=out) for part in program.command]
            interpreter = python if library == "torch" else sys.executable
            everything = {**program.environment, **environment}
            text = compare.run(
                interpreter, library, [*program.options, *options], command, everything, folder
            )
            return text._replace(text=text.text.replace(out, ""))

    def run_all(*options: str) -> list[compare.Run]:
        return [
            run("torch", *options),
            run("flambeau", *options),
            run("torch", *options, **compare.CONTROL),
        ]

    def differences(runs: list[compare.Run]) -> tuple[float, float]:
        torch, flambeau, control = (each.losses for each in runs)
        return largest(torch, flambeau), largest(torch, control)

    single, double = run_all(), run_all("--double")
    count = len(single[0].losses)
    tight = largest(single[0].losses, single[1].losses, program.tight)
    wide, wide_control = differences(double)
    same_words = words(single[0]) == words(single[1]) and words(double[0]) == words(double[1])
    cells = [
        program.name,
        str(count),
        f"{tight:.0e} ({min(program.tight, count)})",
        *map(shown, differences(single)),
        shown(wide),
        shown(wide_control),
        "the same" if same_words else "DIFFER",
        f"{single[0].seconds:.2f}",
        f"{single[1].seconds:.2f}",
    ]
    agrees = count > 0 and tight <= TIGHT and wide <= max(DOUBLE, 10 * wide_control) and same_words
    return f"| {' | '.join(cells)} |", agrees


def shown(difference: float) -> str:
    return "other number of steps" if difference == float("inf") else f"{difference:.0e}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", type=pathlib.Path)
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter with torch")
    parser.add_argument("--fetch", action="store_true", help="clone what is missing")
    options = parser.parse_args()
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    good = True
    for program in programs():
        if options.only not in program.name:
            continue
        folder = (options.sources / program.repository).resolve()
        if not folder.exists():
            if not options.fetch:
                sys.exit(f"{folder} is missing; --fetch clones it")
            fetch(folder, program.repository)
        row, agrees = compare_program(program, folder, options.torch_python)
        print(row, flush=True)
        if not agrees:
            print(f"{program.name} does not agree", file=sys.stderr)
        good &= agrees
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
