"""The coverage table of a run: docs/parity.md for readers, build/parity.json for programs."""

from __future__ import annotations

import collections
import fnmatch
import json
import pathlib
import re
from dataclasses import dataclass, field

from .cases import Cases
from .expected import EXPECTED, Expected

PASS, FAIL, KNOWN = "pass", "fail", "expected"


@dataclass
class Row:
    """The outcomes of one unit: ``cases[(aspect, dtype, label)] = (status, message)``."""

    table: str
    name: str
    absent: bool = False
    cases: dict = field(default_factory=dict)
    skipped: dict = field(default_factory=dict)
    seconds: float = 0.0
    reasons: set = field(default_factory=set)

    def count(self, aspect: str) -> collections.Counter:
        return collections.Counter(s for (a, _, _), (s, _) in self.cases.items() if a == aspect)


class Results:
    def __init__(self):
        self.rows: dict[tuple[str, str], Row] = {}
        self.used: set[Expected] = set()
        self.touched: set[Expected] = set()
        self._by_table = {
            t: [e for e in EXPECTED if e.table == t] for t in ("operators", "modules", "optimizers")
        }

    def add(self, table: str, name: str, cases, crashes: dict) -> Row:
        row = self.rows[table, name] = Row(table, name)
        if cases is None and not crashes:
            row.absent = True
            return row
        entries = [
            e
            for e in self._by_table[table]
            if any(fnmatch.fnmatchcase(name, p) for p in e.operators)
        ]
        outcomes = list(cases.outcomes) if cases is not None else []
        if cases is not None:
            row.skipped, row.seconds = dict(cases.skipped), cases.seconds
        for case, how in crashes.items():
            outcomes.append(
                (
                    case or ("forward", "", "the table"),
                    f"the process ended: {how}" if case else f"could not run: {how}",
                )
            )
        for case, message in outcomes:
            row.cases[case] = self._judge(row, entries, case, message)
        return row

    def add_recorded(self, recorded: dict) -> None:
        """A row as write_json() wrote it, judged by today's expected.py."""
        cases = None
        if not recorded["absent"]:
            cases = Cases((), lambda case: None)
            cases.skipped, cases.seconds = recorded["skipped"], recorded["seconds"]
            for aspect, dtype, count in recorded["passed"]:
                cases.outcomes += [((aspect, dtype, f"pass {i}"), None) for i in range(count)]
            for aspect, dtype, label, _, message in recorded["not_passed"]:
                cases.outcomes.append(((aspect, dtype, label), message))
        self.add(recorded["table"], recorded["name"], cases, {})

    def _judge(self, row, entries, case, message):
        aspect, dtype, _ = case
        for entry in entries:
            if (entry.aspects and aspect not in entry.aspects) or (
                entry.dtypes and dtype not in entry.dtypes
            ):
                continue
            self.touched.add(entry)
            if message is not None and re.search(entry.match, f"{case[2]} | {message}"):
                self.used.add(entry)
                row.reasons.add(EXPECTED.index(entry))
                return KNOWN, message
        return (PASS, None) if message is None else (FAIL, message)

    def sort(self, order: dict) -> None:
        self.rows = dict(sorted(self.rows.items(), key=lambda item: order[item[0]]))

    def failures(self) -> list[tuple[Row, tuple, str]]:
        return [
            (row, case, message)
            for row in self.rows.values()
            for case, (status, message) in row.cases.items()
            if status == FAIL
        ]

    def unexpected_passes(self, subset: bool) -> list[Expected]:
        """Entries of expected.py whose cases ran and did not fail."""
        return [
            e
            for e in EXPECTED
            if e in self.touched and e not in self.used and not (subset and e.full)
        ]

    def summary(self, table: str) -> dict:
        rows = [r for r in self.rows.values() if r.table == table]
        counts = collections.Counter(s for r in rows for s, _ in r.cases.values())
        return {
            "rows": len(rows),
            "absent": sum(r.absent for r in rows),
            "present": sum(not r.absent for r in rows),
            "clean": sum(
                not r.absent and all(s == PASS for s, _ in r.cases.values()) for r in rows
            ),
            "cases": sum(counts.values()),
            "passed": counts[PASS],
            "expected": counts[KNOWN],
            "failed": counts[FAIL],
        }


def write_json(results: Results, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for row in results.rows.values():
        failed = [
            [*case, status, message]
            for case, (status, message) in row.cases.items()
            if status != PASS
        ]
        passed = collections.Counter(
            (a, d) for (a, d, _), (status, _) in row.cases.items() if status == PASS
        )
        rows.append(
            {
                "table": row.table,
                "name": row.name,
                "absent": row.absent,
                "cases": len(row.cases),
                "passed": [[a, d, n] for (a, d), n in passed.items()],
                "not_passed": failed,
                "skipped": row.skipped,
                "seconds": round(row.seconds, 2),
            }
        )
    path.write_text(
        json.dumps({t: results.summary(t) for t in results._by_table} | {"rows": rows}, indent=1)
    )


def _cell(counter: collections.Counter) -> str:
    total = sum(counter.values())
    return f"{counter[PASS]}/{total}" if total else ""


def markdown(results: Results, aspects: dict[str, tuple], version: str) -> str:
    """The text of docs/parity.md."""
    lines = [
        "# Parity with PyTorch",
        "",
        "Written by `make parity`; do not edit. PyTorch's own test tables "
        f"(`torch.testing._internal`, torch {version}) are run against flambeau: every",
        "row that has a counterpart here, on CPU, for every dtype that PyTorch supports. "
        "A cell says how many cases pass, of how many.",
        "What does not pass is listed with its reason in the last section and in "
        "`tests/parity/expected.py`.",
        "",
    ]
    lines += [
        "| table | rows | present here | all cases pass | cases | passed | expected to differ "
        "| failed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for table in aspects:
        s = results.summary(table)
        lines.append(
            f"| {table} | {s['rows']} | {s['present']} | {s['clean']} | {s['cases']} | "
            f"{s['passed']} | {s['expected']} | {s['failed']} |"
        )
    reasons: dict[int, int] = {}
    for table, columns in aspects.items():
        rows = [r for r in results.rows.values() if r.table == table]
        lines += [
            "",
            f"## {table.capitalize()}",
            "",
            "| name | " + " | ".join(columns) + " | notes |",
            "|---|" + "---:|" * len(columns) + "---|",
        ]
        for row in sorted((r for r in rows if not r.absent), key=lambda r: r.name.lower()):
            notes = " ".join(
                f"[{reasons.setdefault(i, len(reasons) + 1)}]" for i in sorted(row.reasons)
            )
            cells = " | ".join(_cell(row.count(a)) for a in columns)
            lines.append(f"| {row.name.replace('_', chr(92) + '_')} | {cells} | {notes} |")
        absent = sorted((r.name for r in rows if r.absent), key=str.lower)
        if absent:
            lines += [
                "",
                f"Not in flambeau ({len(absent)}): "
                + ", ".join(f"`{name}`" for name in absent)
                + ".",
            ]
    if reasons:
        lines += ["", "## Known differences", ""]
        lines += [f"{number}. {EXPECTED[i].reason}" for i, number in reasons.items()]
    return "\n".join(lines) + "\n"


def selected(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, p) for p in patterns)
