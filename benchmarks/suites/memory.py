"""Page faults of a steady loop, and the peak memory of training."""

from __future__ import annotations

import resource

from ..case import Case, Row
from ..child import run_child
from ..timing import duration, failed, paired
from ..workloads import WORKLOADS
from . import wanted

ABOUT = (
    "page faults per run of a loop that makes and drops 64 MB results (ratio: of the times); "
    "peak memory of 4 training steps above that before them, in a process of its own."
)

RUNS = 10
PAIR = "a = torch.ones(1 << 24); b = torch.ones(1 << 24)"
LOOPS = [
    Case("64 MB add", "a + b", PAIR, group="page faults"),
    Case("64 MB exp", "a.exp()", PAIR, group="page faults"),
    Case(
        "64 MB (a*b).sum().backward()",
        "(a * b).sum().backward(); a.grad = None",
        PAIR + "; a.requires_grad_()",
        group="page faults",
    ),
]


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _faults_per_run(repeat) -> float:
    repeat(3)
    before = _faults()
    repeat(RUNS)
    return (_faults() - before) / RUNS


def _loop(case: Case, flambeau, torch, budget: float) -> Row:
    theirs, _ = case.prepare(torch)
    try:
        ours, _ = case.prepare(flambeau)
        ours(1)
    except Exception as error:
        return failed(case, error)
    faults = _faults_per_run(ours), _faults_per_run(theirs)
    a, b, ratio = paired(ours, theirs, budget)
    note = f"{duration(a)} and {duration(b)}"
    return Row(
        case.name,
        case.group,
        f"{faults[0]:.0f} faults",
        f"{faults[1]:.0f} faults",
        ratio,
        case.goal,
        note if faults[0] < 1 else note + "; faults in a steady loop",
    )


def _peak(case: Case) -> Row:
    try:
        ours, theirs = (
            run_child("peak", library, case.name)["bytes"] for library in ("flambeau", "torch")
        )
    except RuntimeError as error:
        return failed(case, error)
    return Row(
        case.name,
        case.group,
        f"{ours / 1e6:.1f} MB",
        f"{theirs / 1e6:.1f} MB",
        theirs / max(ours, 1),
        case.goal,
    )


def run(flambeau, torch, options):
    for case in wanted(LOOPS, options.filter):
        yield _loop(case, flambeau, torch, options.budget)
    peaks = [Case(name, group="peak of training") for name, w in WORKLOADS.items() if w.peak]
    for case in wanted(peaks, options.filter):
        yield _peak(case)
