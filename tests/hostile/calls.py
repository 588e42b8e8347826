"""The hostile calls of one row of the operator table, as Python source, in a fixed order.

A call is a sample of the row with one or two arguments replaced: by a value of the wrong type, an
extreme number, a tensor of another shape, dtype, layout or device.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

from tools.opgen.table import Op, Sample, T

from . import values

SHAPES = (
    "()",
    "(0,)",
    "(1,)",
    "(7,)",
    "(2, 3)",
    "(3, 2)",
    "(0, 3)",
    "(2, 0)",
    "(2, 3, 4)",
    "(1, 1, 1, 1)",
    "(2, 3, 5, 5)",
    "(1, 2, 3, 4, 5)",
)


def _samples(row: Op) -> list[Sample]:
    if row.samples:
        return row.samples
    low, high = row.domain
    tensors = [a for a in row.args if a.is_tensor]
    required = [a for a in row.args if not a.is_tensor and a.default is None]
    plain = {"int": 1, "int[]": (1,), "Scalar": 0.5, "float": 0.5, "bool": True}
    extra = {a.name: plain[a.type] for a in required if a.type in plain}
    return [
        Sample(tuple(T(shape, low, high) for _ in tensors), extra) for shape in ((2, 3), (0, 3), ())
    ]


def _tensor(t: T, dtype: str, grad: bool) -> str:
    dtype = t.dtype or dtype
    if t.values is not None:
        return f"fb.tensor({t.values!r}, dtype=fb.{dtype})"
    return f"A({tuple(t.shape)!r}, {dtype!r}, {t.low!r}, {t.high!r}{', True' if grad else ''})"


def _source(value, dtype: str, grad: bool) -> str:
    if isinstance(value, T):
        return _tensor(value, dtype, grad and value.grad)
    if isinstance(value, (list, tuple)):
        items = ", ".join(_source(v, dtype, grad) for v in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_source(v, dtype, grad)}" for k, v in value.items()) + "}"
    text = repr(value)
    if text.startswith(("flambeau.", "torch.")):
        return "fb." + text.split(".", 1)[1]
    return text


class RowCalls:
    """The calls of one row. `heads` are the ways to call it: function, method, in-place, out=."""

    def __init__(self, row: Op, amount: int):
        self.row, self.amount = row, amount
        self.random = random.Random(zlib.crc32(row.signature.name.encode()))

    def _forms(self) -> list[str]:
        forms = []
        for variant in self.row.variants:
            home = "F_" if self.row.namespace == "nn" else "fb"
            if variant == "function":
                forms.append(f"{home}.{self.row.name}({{args}})")
            elif variant == "method":
                forms.append(f"{{self}}.{self.row.name}({{rest}})")
            elif variant == "inplace":
                forms.append(f"{{self}}.{self.row.name}_({{rest}})")
            elif variant == "out":
                forms.append(f"{home}.{self.row.name}({{args}}, out={{out}})")
        if self.row.kind == "inplace" and not any("_(" in f for f in forms):
            forms.append(f"{{self}}.{self.row.name}({{rest}})")
        return forms or [f"fb.{self.row.name}({{args}})"]

    def _render(self, form: str, args: dict[str, str], positional: set[str]) -> str:
        parts = [
            source if name in positional else f"{name}={source}" for name, source in args.items()
        ]
        first = next(iter(args), None)
        if "out=" in form:  # out= refuses tensors that require grad before it looks any further
            parts = [p.replace(", True)", ")") for p in parts]
        if "_(" in form and first is not None and self.random.random() < 0.7:
            without = args[first].replace(", True)", ")")
            args = {
                **args,
                first: without if self.random.random() < 0.5 else f"{args[first]}.clone()",
            }
        if "{self}" in form and first is None:
            form = form.replace("{self}", "A((2, 3))")
        return form.format(
            args=", ".join(parts),
            rest=", ".join(parts[1:]),
            self=f"({args[first]})" if first else "",
            out=self.random.choice(values.TENSORS),
        )

    def _base(self, sample: Sample, dtype: str, grad: bool) -> tuple[dict[str, str], set[str]]:
        names = [a.name for a in self.row.args]
        args = {n: _source(v, dtype, grad) for n, v in zip(names, sample.args)}
        positional = {a.name for a in self.row.args[: len(sample.args)] if not a.keyword_only}
        args |= {k: _source(v, dtype, grad) for k, v in sample.kwargs.items()}
        return args, positional

    def _mutations(self, args: dict[str, str]) -> Iterator[tuple[str, str]]:
        """(argument, new source) for one change."""
        for arg in self.row.args:
            old = args.get(arg.name)
            for new in values.BY_TYPE[arg.type]:
                yield arg.name, new
            if old is None or not arg.is_tensor or not old.startswith("A("):
                continue
            shape, dtype = _shape_and_dtype(old)
            for other in values.DTYPES:
                yield arg.name, old.replace(repr(dtype), repr(other), 1)
            for other in SHAPES:
                yield arg.name, f"A({other}" + old[old.index(", '") :]
            for wrap in ("expanded", "reversed_strides", "every_second", "meta"):
                yield arg.name, f"{wrap}({old})"
            for extreme in values.EXTREMES.get(dtype, ()):
                yield arg.name, f"F({shape}, {dtype!r}, {extreme})"

    def __iter__(self) -> Iterator[str]:
        """`amount` calls, half of them with one change, the rest with two or three."""
        forms, samples = self._forms(), _samples(self.row)
        bases = []
        for sample in samples:
            for dtype, grad in (("float32", True), ("int64", False)):
                bases.append(self._base(sample, dtype, grad))
        singles = [(b, name, new) for b in bases for name, new in self._mutations(b[0])]
        self.random.shuffle(singles)
        for i in range(self.amount):
            if not singles:
                yield self._render(forms[i % len(forms)], *bases[i % len(bases)])
                continue
            (args, positional), name, new = singles[i % len(singles)]
            changed = {**args, name: new}
            for _ in range(self.random.choice((0, 0, 0, 1, 2))):
                _, other, source = self.random.choice(singles)
                changed[other] = source
            yield self._render(forms[i % len(forms)], changed, positional)


def _shape_and_dtype(source: str) -> tuple[str, str]:
    """Of the source that `_tensor` writes: ``A((2, 3), 'float32', ...``."""
    head, tail = source[2:].split(", '", 1)
    return head, tail.split("'", 1)[0]
