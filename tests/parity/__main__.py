"""``python -m tests.parity [--subset] [--only NAME,...] [--table T] [--jobs N] [--out FILE]``

Every run records its outcomes in build/parity.json. ``--judge FILE`` runs nothing: it applies
expected.py to a recorded run, which is what its table is written from after an edit of that file.
``--merge FILE`` completes a part (``--only``, ``--table``) with the other rows of a recorded run.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _arguments():
    parser = argparse.ArgumentParser(
        prog="python -m tests.parity", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--subset", action="store_true", help="fewer dtypes and samples, for CI")
    parser.add_argument("--only", default="", help="names (shell patterns) separated by commas")
    parser.add_argument("--table", choices=("operators", "modules", "optimizers", "streams"))
    parser.add_argument("--jobs", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        help="the coverage table (default: docs/parity.md for a complete run)",
    )
    parser.add_argument("--judge", type=pathlib.Path, help="a recorded run, instead of running")
    parser.add_argument("--merge", type=pathlib.Path, help="a recorded run, for rows not run now")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one case")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every failure")
    return parser.parse_args()


def _import_oracle():
    try:
        import expecttest  # noqa: F401 - torch's tables need it
        import torch
    except ModuleNotFoundError as error:
        sys.exit(f"parity: {error}; install the extra `parity` (make parity does)")
    import flambeau

    torch.set_num_threads(1)
    flambeau.set_num_threads(1)
    return torch.__version__.split("+")[0]


def _streams() -> int:
    """The tests of random streams, by pytest."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        str(ROOT / "tests/parity/test_random_streams.py"),
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def everything(tables) -> list:
    """Every row of every table, in their order."""
    return [(t, name) for t, m in tables.items() for name in m.names()]


def main() -> int:
    options = _arguments()
    begin = time.monotonic()
    warnings.simplefilter("ignore")
    complete = not (options.only or options.table)
    bad = 0
    if not options.judge and (complete or options.table == "streams"):
        bad = _streams()
        if options.table == "streams":
            return bad
    version = _import_oracle()
    from . import modules, operators, optimizers, pool, report

    tables = {"operators": operators, "modules": modules, "optimizers": optimizers}
    extent = operators.SUBSET if options.subset else operators.FULL
    patterns = [p for p in options.only.split(",") if p]
    rows = [
        (t, name)
        for t, m in tables.items()
        if options.table in (None, t)
        for name in m.names()
        if report.selected(name, patterns)
    ]
    units = [] if options.judge else rows
    results, done = report.Results(), 0

    def run(unit, skip, announce):
        return tables[unit[0]].run(unit[1], extent, skip, announce)

    def finished(unit, cases, crashes):
        nonlocal done
        done += 1
        row = results.add(*unit, cases, crashes)
        failed = [(c, m) for c, (s, m) in row.cases.items() if s == report.FAIL]
        if failed:
            print(
                f"[{done}/{len(units)}] {unit[1]}: {len(failed)} of {len(row.cases)} cases fail",
                flush=True,
            )
            for case, message in failed[: None if options.verbose else 3]:
                print(f"    {' '.join(case)}\n        {message}")

    pool.run_all(units, run, options.jobs, options.timeout, finished)
    recording = options.judge or options.merge
    if recording:
        ran = set(units)
        for row in json.loads(recording.read_text())["rows"]:
            unit = row["table"], row["name"]
            if unit not in ran and (options.merge or unit in rows):
                results.add_recorded(row)
        results.sort({unit: i for i, unit in enumerate(everything(tables))})
        complete = complete or bool(options.merge)

    for table in tables:
        s = results.summary(table)
        if s["rows"]:
            print(
                f"{table}: {s['present']} of {s['rows']} rows are here, {s['clean']} without any "
                f"difference; {s['passed']} of {s['cases']} cases pass, {s['expected']} are "
                f"expected to differ, {s['failed']} fail"
            )
    stale = results.unexpected_passes(options.subset or bool(patterns))
    for entry in stale:
        print(
            f"unexpected pass: {' '.join(entry.operators)}: {entry.match!r} matches no failure; "
            "take the entry out of tests/parity/expected.py"
        )
    if not options.judge:
        report.write_json(results, ROOT / "build" / "parity.json")
    out = options.out
    if out is None and complete and not options.subset:
        out = ROOT / "docs" / "parity.md"
    if out is not None:
        aspects = {t: m.ASPECTS for t, m in tables.items()}
        out.write_text(report.markdown(results, aspects, version))
    failures = collections.Counter(row.name for row, _, _ in results.failures())
    print(
        f"parity: {len(failures)} rows with failures, {len(stale)} unexpected passes, "
        f"{time.monotonic() - begin:.0f} s"
    )
    return 1 if failures or stale or bad else 0


if __name__ == "__main__":
    sys.exit(main())
