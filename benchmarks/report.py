"""Tables on the screen and in a Markdown file, and the machine they were measured on."""

from __future__ import annotations

import math
import os
import platform
import re
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
    short = f"below {row.goal:g}x" if row.ratio is not None and row.short else ""
    return "; ".join(text for text in (row.note, short) if text)


def summaries(rows: list[Row]) -> list[str]:
    """A line per group: geometric mean and smallest ratio."""
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        ratios = [r.ratio for r in rows if r.group == group and r.ratio is not None]
        if len(ratios) > 1:
            lines.append(
                f"{group or 'all'}: geometric mean {geometric_mean(ratios):.2f}x, "
                f"smallest {min(ratios):.2f}x of {len(ratios)}"
            )
    return lines


def screen_line(row: Row, width: int = 44) -> str:
    return (
        f"  {row.name:{width}} {row.ours:>10} {row.theirs:>10} {ratio_text(row):>8}  {remark(row)}"
    ).rstrip()


def screen_head(width: int = 44) -> str:
    return f"  {'':{width}} {'flambeau':>10} {'PyTorch':>10} {'ratio':>8}"


def _section(name: str, text: str, where: list[str], rows: list[Row]) -> str:
    lines = [
        f"<!-- suite {name} -->",
        f"## {name.capitalize()}",
        "",
        text,
        "",
        *(f"{line}  " for line in where),
        "",
        "| case | flambeau | PyTorch | ratio | |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [f"| {r.name} | {r.ours} | {r.theirs} | {ratio_text(r)} | {remark(r)} |" for r in rows]
    lines += ["", *(f"- {line}" for line in summaries(rows)), f"<!-- end {name} -->"]
    return "\n".join(lines)


_HEAD = """# Measurements

flambeau and PyTorch in one process, in turn, on the same threads: `make bench`. A ratio is the
median of the ratios of neighbouring turns; above 1 flambeau is faster (or smaller). The sections
between markers are written by `make bench BENCH_ARGS="SUITE --write docs/benchmarks.md"`.
"""


def write_markdown(path: Path, name: str, text: str, where: list[str], rows: list[Row]) -> None:
    """Replaces the suite's section of the file, or adds it; everything else stays as it is."""
    page = path.read_text() if path.exists() else _HEAD
    section = _section(name, text, where, rows)
    pattern = re.compile(rf"<!-- suite {name} -->.*?<!-- end {name} -->", re.S)
    if pattern.search(page):
        page = pattern.sub(lambda _: section, page)
    else:
        page = page.rstrip() + "\n\n" + section + "\n"
    path.write_text(page)
