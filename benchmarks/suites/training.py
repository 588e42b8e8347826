"""Whole training steps and inference of small and middle-sized models."""

from __future__ import annotations

from ..case import Case, Row
from ..timing import failed, measure
from ..workloads import WORKLOADS
from . import wanted

ABOUT = (
    "one step: forward, loss, backward, optimizer; losses of the first steps are compared, "
    "in float64 too where float32 rounding was amplified."
)

STEPS = 5
ROUNDING = 1e-6  # relative difference of float32 losses that needs no explanation
CASES = [Case(name, workload=w.build, group=w.group, goal=w.goal) for name, w in WORKLOADS.items()]


def _losses(case: Case, library) -> list[float]:
    _, step = case.prepare(library)
    return [float(value) for value in (step() for _ in range(STEPS)) if value is not None]


def _difference(case: Case, flambeau, torch) -> tuple[float, float]:
    """The last loss of flambeau, and the greatest relative difference of all."""
    ours, theirs = _losses(case, flambeau), _losses(case, torch)
    return ours[-1], max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(ours, theirs))


def _in_double(case: Case, flambeau, torch) -> float:
    """The greatest difference when everything is float64: what rounding explains goes away."""
    before = [library.get_default_dtype() for library in (flambeau, torch)]
    try:
        for library in (flambeau, torch):
            library.set_default_dtype(library.float64)
        return _difference(case, flambeau, torch)[1]
    finally:
        for library, dtype in zip((flambeau, torch), before):
            library.set_default_dtype(dtype)


def _row(case: Case, flambeau, torch, budget: float) -> Row:
    try:
        loss, worst = _difference(case, flambeau, torch)
        note = f"loss {loss:.4f}, " + (f"differs by {worst:.1e}" if worst else "equal")
        if worst > ROUNDING:
            worst = _in_double(case, flambeau, torch)
            note += f", in float64 by {worst:.1e}"
    except Exception as error:
        return failed(case, error)
    row = measure(case, flambeau, torch, budget)
    row.note = "; ".join(text for text in (note, row.note) if text)
    row.miss = "the losses differ" if worst > ROUNDING else ""
    return row


GOALS = {"small models": 4.0, "training": 2.0, "all": 2.0}


def run(flambeau, torch, options):
    for case in wanted(CASES, options.filter):
        yield _row(case, flambeau, torch, options.budget)
