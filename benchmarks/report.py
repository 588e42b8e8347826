"""Tables on the screen and in a Markdown file, and the machine they were measured on."""

from __future__ import annotations

import math
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from .case import Row


def machine(threads: int) -> list[str]:
    """The machine in a few lines: processor, cores, memory, load."""
    cpu = memory = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    flags = Path("/proc/cpuinfo").read_text()
    isa = [name for name in ("avx2", "avx512f") if re.search(rf"\b{name}\b", flags)]
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = f"{int(line.split()[1]) / 2**20:.0f} GiB"
    load = os.getloadavg()
    return [
        f"{cpu} ({', '.join(isa) or platform.machine()}), "
        f"{len(os.sched_getaffinity(0))} cores, {memory}; {threads} threads each",
        f"load before the run {load[0]:.1f} (1 min), {load[1]:.1f} (5 min)",
    ]


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def ratio_text(row: Row) -> str:
    if row.ratio is None:
        return "-"
    digits = 2 if row.ratio < 10 else 1 if row.ratio < 100 else 0
    return f"{row.ratio:.{digits}f}x"


def remark(row: Row) -> str:
    short = f"below {row.goal:g}x" if row.ratio is not None and row.ratio < row.goal else ""
    return "; ".join(text for text in (row.note, short, row.miss) if text)


@dataclass(frozen=True)
class Summary:
    """What the cases of a group, or of a whole suite, come to."""

    name: str
    mean: float  # geometric
    smallest: float
    count: int
    short: int  # cases below their own goal, or failed
    goal: float | None  # of the geometric mean

    @property
    def holds(self) -> bool:
        return not self.short and (self.goal is None or self.mean >= self.goal)

    def __str__(self) -> str:
        aim = f" (goal {self.goal:g}x)" if self.goal else ""
        text = f"{self.name}: geometric mean {self.mean:.2f}x{aim}, "
        text += f"smallest {self.smallest:.2f}x of {self.count}"
        if self.goal and self.mean < self.goal:
            text += "; the mean falls short"
        return text + (f"; {self.short} below their goal" if self.short else "")


def _summary(name: str, rows: list[Row], goal: float | None) -> Summary:
    ratios = [row.ratio for row in rows if row.ratio is not None] or [math.nan]
    short = sum(row.short for row in rows)
    return Summary(name, geometric_mean(ratios), min(ratios), len(ratios), short, goal)


def summaries(rows: list[Row], goals: dict[str, float]) -> list[Summary]:
    """One per group, and one of the whole suite if that has a goal of its own.

    `goals` are those of the geometric means, by group; "all" is the whole suite.
    """
    groups = list(dict.fromkeys(row.group for row in rows))
    found = [
        _summary(group or "all", [r for r in rows if r.group == group], goals.get(group or "all"))
        for group in groups
    ]
    if "all" in goals and len(groups) > 1:
        found.append(_summary("all", rows, goals["all"]))
    return found


def screen_line(row: Row, width: int = 44) -> str:
    return (
        f"  {row.name:{width}} {row.ours:>10} {row.theirs:>10} {ratio_text(row):>8}  {remark(row)}"
    ).rstrip()


def screen_head(rival: str, width: int = 44) -> str:
    return f"  {'':{width}} {'flambeau':>10} {rival:>10} {'ratio':>8}"


@dataclass
class Section:
    """A suite and what came out."""

    name: str
    about: str
    rival: str  # what flambeau is compared with
    rows: list[Row]
    summary: list[Summary]


def _markdown(section: Section, where: list[str]) -> str:
    name, rows = section.name, section.rows
    lines = [
        f"<!-- suite {name} -->",
        f"## {name.capitalize()}",
        "",
        section.about,
        "",
        *(f"{line}  " for line in where),
        "",
        f"| case | flambeau | {section.rival} | ratio | |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [f"| {r.name} | {r.ours} | {r.theirs} | {ratio_text(r)} | {remark(r)} |" for r in rows]
    lines += ["", *(f"- {line}" for line in section.summary), f"<!-- end {name} -->"]
    return "\n".join(lines)


def verdict(sections: list[Section]) -> list[str]:
    """How many groups of all suites reach their goals, and which do not."""
    found = [(section.name, line) for section in sections for line in section.summary]
    lines = [f"{sum(s.holds for _, s in found)} of {len(found)} groups reach their goals"]
    return lines + [f"  {suite}, {s}" for suite, s in found if not s.holds]


_HEAD = """# Measurements

flambeau and PyTorch in one process, in turn, on the same threads: `make bench`. A ratio is the
median of the ratios of neighbouring turns; above 1 flambeau is faster (or smaller). The sections
between markers are written by `make bench BENCH_ARGS="SUITE --write docs/benchmarks.md"`.
"""


def write_markdown(path: Path, section: Section, where: list[str]) -> None:
    """Replaces the suite's section of the file, or adds it; everything else stays as it is."""
    page = path.read_text() if path.exists() else _HEAD
    text = _markdown(section, where)
    pattern = re.compile(rf"<!-- suite {section.name} -->.*?<!-- end {section.name} -->", re.S)
    if pattern.search(page):
        page = pattern.sub(lambda _: text, page)
    else:
        page = page.rstrip() + "\n\n" + text + "\n"
    path.write_text(page)
