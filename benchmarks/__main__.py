"""Command line: ``python -m benchmarks [suite ...] [--filter TEXT] [--write FILE]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from . import report
from .suites import SUITES


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"which to run: {', '.join(SUITES)} (all)"
    )
    parser.add_argument("--filter", default="", help="only cases whose name or group contains this")
    parser.add_argument("--threads", type=int, default=2, help="threads of each library")
    parser.add_argument("--budget", type=float, default=0.4, help="seconds per case")
    parser.add_argument("--write", type=Path, help="Markdown file whose sections to replace")
    parser.add_argument("--check", action="store_true", help="fail if a case is below its goal")
    options = parser.parse_args()
    unknown = set(options.suites) - set(SUITES)
    if unknown:
        parser.error(f"unknown suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    return options


def main() -> int:
    options = arguments()
    try:
        import torch

        import flambeau
    except ImportError as error:
        print(f"benchmarks: {error}; both libraries are needed: run `make bench`", file=sys.stderr)
        return 2
    for library in (flambeau, torch):
        library.set_num_threads(options.threads)
    where = report.machine(options.threads)
    where.append(
        f"Python {sys.version.split()[0]}, PyTorch {torch.__version__}, "
        f"flambeau {flambeau.__version__}"
    )
    print("\n".join(where))
    start = time.perf_counter()
    bad = 0
    sections = []
    for name in options.suites or SUITES:
        suite = importlib.import_module(f"benchmarks.suites.{name}")
        rival = getattr(suite, "RIVAL", "PyTorch")
        print(f"\n{name}: {suite.ABOUT}\n{report.screen_head(rival)}", flush=True)
        rows = []
        for row in suite.run(flambeau, torch, options):
            rows.append(row)
            print(report.screen_line(row), flush=True)
        summary = report.summaries(rows, getattr(suite, "GOALS", {}))
        for line in summary:
            print(f"  {line}")
        bad += sum(row.ratio is None or (options.check and row.short) for row in rows)
        sections.append(report.Section(name, suite.ABOUT, rival, rows, summary))
        if options.write and rows:
            report.write_markdown(options.write, sections[-1], where)
    print("\n" + "\n".join(report.verdict(sections)))
    print(f"\n{time.perf_counter() - start:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
