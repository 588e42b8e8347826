"""Bookkeeping of one unit: which cases ran, which failed and how."""

from __future__ import annotations

import time

from .compare import Mismatch
from .convert import NotApplicable
from .rebind import Absent


class Cases:
    """Runs the cases of one unit and keeps their outcomes.

    A case is ``(aspect, dtype, label)``. `outcomes` holds ``(case, message)``, where the message is
    None for a pass; `skipped` counts the cases outside flambeau's scope, by reason.
    """

    def __init__(self, skip, announce):
        self._skip, self._announce = skip, announce
        self.outcomes: list[tuple[tuple[str, str, str], str | None]] = []
        self.skipped: dict[str, int] = {}
        self._begin, self.seconds = time.monotonic(), 0.0

    def __getstate__(self):
        return {
            "outcomes": self.outcomes,
            "skipped": self.skipped,
            "seconds": time.monotonic() - self._begin,
        }

    def run(self, aspect: str, dtype: str, label: str, function, *args) -> None:
        case = (aspect, dtype, label)
        if case in self._skip:
            return
        self._announce(case)
        try:
            function(*args)
        except NotApplicable as reason:
            self.skipped[str(reason)] = self.skipped.get(str(reason), 0) + 1
            return
        except (Mismatch, Absent) as error:
            kind = "absent: " if isinstance(error, Absent) else ""
            self.outcomes.append((case, f"{kind}{error}"))
        except Exception as error:
            text = " ".join(str(error).split())
            self.outcomes.append((case, f"{type(error).__name__}: {text[:200]}"))
        else:
            self.outcomes.append((case, None))


def choose(items: list, count: int | None) -> list:
    """`count` items spread evenly over the list; all of them for None."""
    if count is None or len(items) <= count:
        return items
    return [items[i * len(items) // count] for i in range(count)]
