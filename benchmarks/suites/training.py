"""Whole training steps and inference of small and middle-sized models."""

from __future__ import annotations

from ..case import Case, Row
from ..timing import failed, measure
from ..workloads import WORKLOADS
from . import wanted

ABOUT = "one step: forward, loss, backward, optimizer; losses of the first steps are compared."

STEPS = 5
CASES = [Case(name, workload=w.build, group=w.group, goal=w.goal) for name, w in WORKLOADS.items()]


def _losses(case: Case, library) -> list[float]:
    _, step = case.prepare(library)
    return [float(value) for value in (step() for _ in range(STEPS)) if value is not None]


def _difference(ours: list[float], theirs: list[float]) -> str:
    if not theirs:
        return ""
    worst = max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(ours, theirs))
    return f"loss {ours[-1]:.4f}, " + (f"differs by {worst:.1e}" if worst else "equal")


def _row(case: Case, flambeau, torch, budget: float) -> Row:
    try:
        losses = _losses(case, flambeau), _losses(case, torch)
    except Exception as error:
        return failed(case, error)
    row = measure(case, flambeau, torch, budget)
    row.note = "; ".join(t for t in (_difference(*losses), row.note) if t)
    return row


GOALS = {"small models": 4.0, "training": 2.0, "all": 2.0}


def run(flambeau, torch, options):
    for case in wanted(CASES, options.filter):
        yield _row(case, flambeau, torch, options.budget)
