"""How long it takes until something happens."""

from __future__ import annotations

from statistics import median

from ..case import Case, Row
from ..child import run_child
from ..timing import duration, failed
from . import wanted

ABOUT = (
    "fresh processes, medians of 3: importing the library, and the end of a first training step."
)

LIBRARIES = ("flambeau", "torch")
RUNS = 3
CASES = {
    Case("import", goal=4.0): (("import",), "seconds"),
    Case("memory after import", goal=4.0): (("import",), "bytes"),
    Case("process to the end of a first MNIST MLP step", goal=4.0): (
        ("first_step", "MNIST MLP"),
        "process",
    ),
    Case("memory after it", goal=2.0): (("first_step", "MNIST MLP"), "bytes"),
}


def _text(key: str, value: float) -> str:
    return f"{value / 1e6:.0f} MB" if key == "bytes" else duration(value)


def run(flambeau, torch, options):
    answers: dict = {}
    for case in wanted(CASES, options.filter):
        (task, *arguments), key = CASES[case]
        try:
            if task not in answers:
                # In turn, as everywhere.
                answers[task] = [
                    [run_child(task, library, *arguments) for library in LIBRARIES]
                    for _ in range(RUNS)
                ]
        except RuntimeError as error:
            yield failed(case, error)
            continue
        a, b = (median(pair[i][key] for pair in answers[task]) for i in range(2))
        yield Row(case.name, case.group, _text(key, a), _text(key, b), b / a, case.goal)
