"""Paired timing: the libraries take turns, and the median of the ratios of neighbours counts."""

from __future__ import annotations

import gc
import time
from statistics import median

from .case import Case, Row

BLOCK_SECONDS = 0.01  # one turn of one library, unless a single run takes longer
# Between turns. PyTorch's OpenMP threads spin for some milliseconds after their last work and would
# take a core from the other library.
SETTLE_SECONDS = 0.02
LEAST_PAIRS = 5


def _timed(repeat, n: int) -> float:
    start = time.perf_counter()
    repeat(n)
    return time.perf_counter() - start


def _runs_per_block(repeat) -> int:
    n = 1
    while True:
        seconds = _timed(repeat, n)
        if seconds >= BLOCK_SECONDS / 4:
            return max(1, round(n * BLOCK_SECONDS / seconds))
        n *= 4


def _turn(repeat, n: int) -> float:
    """Seconds per run. The first run of a turn finds cold caches and is not counted."""
    time.sleep(SETTLE_SECONDS)
    repeat(1)
    return _timed(repeat, n) / n


def in_turn(repeats, budget: float) -> list[tuple[float, ...]]:
    """Seconds per run of each in one turn after the other, within about `budget` seconds."""
    for repeat in repeats:
        repeat(2)
    counts = [_runs_per_block(repeat) for repeat in repeats]
    turns = []
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + budget
        while len(turns) < LEAST_PAIRS or time.perf_counter() < end:
            turns.append(tuple(_turn(r, n) for r, n in zip(repeats, counts)))
    finally:
        gc.enable()
    return turns


def paired(ours, theirs, budget: float) -> tuple[float, float, float]:
    """Median seconds of each, and the median of theirs / ours, within about `budget` seconds."""
    pairs = in_turn((ours, theirs), budget)
    return (
        median(a for a, _ in pairs),
        median(b for _, b in pairs),
        median(b / a for a, b in pairs),
    )


def best(repeat, runs: int = 10) -> float:
    """Seconds of the fastest of some runs."""
    repeat(1)
    return min(_timed(repeat, 1) for _ in range(runs))


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def measure(case: Case, flambeau, torch, budget: float, peak: float = 0) -> Row:
    """Times a case in both libraries. An exception of flambeau becomes a row without a ratio.

    `peak` is what the processor could do in operations, or move in bytes, per second.
    """
    theirs, _ = case.prepare(torch)
    try:
        ours, _ = case.prepare(flambeau)
        ours(1)
    except Exception as error:
        return failed(case, error)
    return row_of(case, *paired(ours, theirs, budget), peak)


def row_of(case: Case, ours: float, theirs: float, ratio: float, peak: float = 0) -> Row:
    note = _rates(case, ours, theirs)
    if peak and (amount := case.flop or case.moved):
        note += f", {amount / ours / peak:.0%} of the {'peak' if case.flop else 'bandwidth'}"
    return Row(case.name, case.group, duration(ours), duration(theirs), ratio, case.goal, note)


def failed(case: Case, error: Exception) -> Row:
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    return Row(case.name, case.group, "failed", "", None, case.goal, text[:100])


def _rates(case: Case, ours: float, theirs: float) -> str:
    if case.flop:
        return f"{case.flop / ours / 1e9:.3g} and {case.flop / theirs / 1e9:.3g} GFLOP/s"
    if case.moved:
        return f"{case.moved / ours / 1e9:.3g} and {case.moved / theirs / 1e9:.3g} GB/s"
    return ""
