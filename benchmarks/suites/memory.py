"""Page faults of a steady loop, and the peak memory of training."""

from __future__ import annotations

from ..case import Case, Row
from ..child import page_faults, run_child
from ..timing import duration, failed, paired
from ..workloads import INFERENCE, WORKLOADS
from . import wanted

ABOUT = (
    "page faults per run of a loop that makes and drops 64 MB results (ratio: of the times); "
    "peak memory of 4 training steps above that before them, in a process of its own, and the page "
    "faults of a step in a steady loop."
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


def _faults_per_run(repeat) -> float:
    repeat(3)
    before = page_faults()
    repeat(RUNS)
    return (page_faults() - before) / RUNS


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
    miss = "faults in a steady loop" if faults[0] >= 1 else ""
    texts = (f"{number:.0f} faults" for number in faults)
    return Row(case.name, case.group, *texts, ratio, case.goal, note, miss)


def _peak(case: Case) -> Row:
    try:
        ours, theirs = (run_child("peak", name, case.name) for name in ("flambeau", "torch"))
    except RuntimeError as error:
        return failed(case, error)
    a, b = (answer["bytes"] for answer in (ours, theirs))
    note = f"{ours['faults']:.1f} and {theirs['faults']:.1f} faults a step"
    miss = "faults in a steady loop" if ours["faults"] >= 1 else ""
    texts = f"{a / 1e6:.1f} MB", f"{b / 1e6:.1f} MB"
    return Row(case.name, case.group, *texts, b / max(a, 1), case.goal, note, miss)


def run(flambeau, torch, options):
    for case in wanted(LOOPS, options.filter):
        yield _loop(case, flambeau, torch, options.budget)
    peaks = [
        Case(n, group="peak of training") for n, w in WORKLOADS.items() if w.group != INFERENCE
    ]
    for case in wanted(peaks, options.filter):
        yield _peak(case)
