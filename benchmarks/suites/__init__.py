"""The suites: one module each, with ABOUT and run(flambeau, torch, options) -> rows.

GOALS, where a suite has them, are those of the geometric means of its groups.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..case import Case, Row
from ..timing import measure

SUITES = (
    "overhead",
    "optimizers",
    "memory",
    "training",
    "matmul",
    "pointwise",
    "movement",
    "convolution",
    "sequence",
    "busy",
    "compiled",
    "startup",
)


def wanted(cases, text: str):
    """The cases whose name or group contains `text`."""
    return [c for c in cases if text in c.name or text in c.group]


def run_cases(cases: list[Case], flambeau, torch, options) -> Iterator[Row]:
    for case in wanted(cases, options.filter):
        yield measure(case, flambeau, torch, options.budget)
