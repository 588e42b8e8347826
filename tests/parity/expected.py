"""Differences from torch that are known, each with its reason.

An entry names operators (shell patterns over the table's names), aspects and dtypes (None: any),
and a regular expression that the failure's text must match. An entry that nothing matches any more
fails the run, so that this file holds only what is true. `full` entries concern samples that the
subset leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    operators: tuple[str, ...]
    match: str
    reason: str
    aspects: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    table: str = "operators"
    full: bool = False


def _e(
    operators: str,
    match: str,
    reason: str,
    aspects: str = "",
    dtypes: str = "",
    table: str = "operators",
    full: bool = False,
) -> Expected:
    return Expected(
        tuple(operators.split()),
        match,
        reason,
        tuple(aspects.split(", ")) if aspects else None,
        tuple(dtypes.split()) if dtypes else None,
        table,
        full,
    )


EXPECTED: list[Expected] = []
