"""What is measured: a case is one line in a suite."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One thing that both libraries do.

    `code` is the statement that is timed and `setup` what runs once before it; in both ``torch`` is
    the library, ``nn`` and ``F`` its ``nn`` and ``nn.functional``. A `workload` stands for both: a
    function of the library that returns the step to be timed; a step returns its loss, or None.
    """

    name: str
    code: str = ""
    setup: str = ""
    workload: Callable | None = None
    group: str = ""
    flop: float = 0  # floating-point operations of one run
    moved: float = 0  # bytes that one run has to read and write
    goal: float = 1.0  # how many times as fast as PyTorch this should be

    def prepare(self, library) -> tuple[Callable[[int], None], Callable]:
        """What runs the case n times, and what runs it once and returns its value."""
        if self.workload is not None:
            step = self.workload(library)

            def repeat(n: int) -> None:
                for _ in range(n):
                    step()

            return repeat, step
        # Inside a function, so that names are as cheap as they are in a user's function.
        source = (
            "def prepare():\n"
            + textwrap.indent(self.setup or "pass", "    ")
            + "\n    def repeat(n):\n        for _ in range(n):\n"
            + textwrap.indent(self.code, " " * 12)
            + "\n    return repeat\n"
        )
        names = {"torch": library, "nn": library.nn, "F": library.nn.functional}
        exec(compile(source, f"<{self.name}>", "exec"), names)
        repeat = names["prepare"]()
        return repeat, lambda: repeat(1)


@dataclass
class Row:
    """What came out for a case."""

    name: str
    group: str
    ours: str
    theirs: str
    ratio: float | None  # how many times as fast (or as small) as PyTorch; None: failed
    goal: float = 1.0
    note: str = ""
    miss: str = ""  # what else was to hold and does not

    @property
    def short(self) -> bool:
        return self.ratio is None or self.ratio < self.goal or bool(self.miss)
