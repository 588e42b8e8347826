"""The operator table: ``op(...)`` adds a row, ``load()`` reads every family of ``ops/``."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from dataclasses import dataclass, field

from . import schema

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Sets of dtypes, as bits in the order of DType in csrc/core/dtype.h.
DTYPE_ORDER = [
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "bool",
    "bfloat16",
]
_BIT = {n: 1 << i for i, n in enumerate(DTYPE_ORDER)}
INTEGERS = sum(_BIT[n] for n in ("uint8", "int8", "int16", "int32", "int64"))
BOOL = _BIT["bool"]
FLOATING = sum(_BIT[n] for n in ("float16", "float32", "float64", "bfloat16"))
FLOAT64 = _BIT["float64"]
COMPLEX = _BIT["complex64"] | _BIT["complex128"]
REAL = INTEGERS | FLOATING
NUMERIC = REAL | COMPLEX
ALL = NUMERIC | BOOL

DEFAULT, INT_TO_FLOAT, BOOL_TO_INT = "Default", "IntToFloat", "BoolToInt"


def dtype_names(mask: int) -> list[str]:
    return [n for n in DTYPE_ORDER if mask & _BIT[n]]


@dataclass
class T:
    """A tensor argument of a test sample: shape, and the interval its values come from."""

    shape: tuple
    low: float = -2.0
    high: float = 2.0
    dtype: str | None = None  # None: the dtype under test
    values: list | None = None  # literal values instead of random ones
    grad: bool = True  # take part in gradient checks


def I(shape, high, low=0):  # noqa: E743 - reads as "indices"
    """An int64 index tensor with values in [low, high)."""
    return T(tuple(shape), low, high, "int64", grad=False)


@dataclass
class Sample:
    args: tuple
    kwargs: dict


def S(*args, **kwargs) -> Sample:
    """One call of the operator in the generated tests."""
    return Sample(args, kwargs)


@dataclass
class Op:
    signature: schema.Signature
    family: str
    doc: str
    expr: str | None = None  # pointwise: the value of one element
    impl: str | None = None  # hand-written C++ in csrc/ops: flambeau::impl::<name>
    body: str | None = None  # composite: an expression over operators
    python: str | None = None  # composite in Python: "flambeau._module:function"
    grad: dict[str, str] | None = None
    grad_none: str | None = None  # why there is no gradient
    fast_grad: dict[str, str] | None = None  # used instead of `grad` when no graph is asked for
    kind: str = "native"  # native, pointwise, view, composite, inplace, python
    variants: tuple = ("function",)
    dtypes: int = NUMERIC
    promote: str = DEFAULT
    promoting: tuple = ()  # Scalar arguments that take part in promotion
    numbers: bool = False  # all operands may be numbers: add(1, 2) is a tensor
    masks: tuple = ()  # tensor arguments that are conditions
    output: str = "Same"  # Same, Bool, Real
    zero_division: bool = False
    check: str | None = None  # impl:: function called with the arguments before computing
    options: bool = False  # creation: dtype, layout, device, pin_memory, requires_grad
    mixed_devices: bool = False  # checks the devices of its tensors itself
    returns_self: bool = False  # may return its argument untouched
    aliases: tuple = ()  # further Python names (special_...: functions only)
    method_names: tuple = ()  # special method names
    ref: str | None = None  # expression for NumPy reference: names are argument names
    samples: list | None = None
    domain: tuple = (-2.0, 2.0)  # where random samples of pointwise operators come from
    test_dtypes: int | None = None  # dtypes for the value test when not `dtypes`
    tolerance: float | None = None  # relative, float32; with the reason in the row
    gradcheck: bool = True
    namespace: str = "torch"  # "nn": a function of nn.functional only
    public: bool = True  # internal operators have no reference page
    doc_args: str = ""
    notes: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.signature.python_name

    @property
    def cpp_name(self) -> str:
        return self.signature.cpp_name

    @property
    def args(self) -> list[schema.Arg]:
        return self.signature.args

    @property
    def differentiable(self) -> bool:
        return bool(self.grad)

    @property
    def has_inplace(self) -> bool:
        return "inplace" in self.variants

    @property
    def has_out(self) -> bool:
        return "out" in self.variants

    def differentiable_args(self) -> list[schema.Arg]:
        names = [n.strip() for key in self.grad or {} for n in key.split(",")]
        return [a for a in self.args if a.name in names]


_OPTIONS = (
    "DType? dtype=None, Layout? layout=None, Device? device=None, "
    "PinMemory pin_memory=False, RequiresGrad requires_grad=False"
)
_rows: list[Op] = []
_family = ""


def op(
    signature: str,
    kind: str = "native",
    *,
    grad=None,
    doc: str,
    variants: str = "function",
    **fields,
) -> Op:
    """Adds one operator. ``grad`` maps argument names to expressions, or is a sentence that says
    why there is none."""
    options = fields.get("options", False)
    if options:
        head, tail = signature.rsplit(")", 1)
        star = "" if "*" in head else "*, "
        comma = "" if head.endswith("(") else ", "
        signature = f"{head}{comma}{star}{_OPTIONS}){tail}"
    row = Op(
        schema.parse(signature), _family, doc, kind=kind, variants=tuple(variants.split()), **fields
    )
    if isinstance(grad, str):
        row.grad_none = grad
    elif grad is not None:
        row.grad = dict(grad)
    _check(row)
    _rows.append(row)
    return row


def _check(row: Op) -> None:
    where = f"{row.family}: {row.signature.text}"
    names = {a.name for a in row.args}
    for key in [*(row.grad or {}), *(row.fast_grad or {})]:
        for name in key.split(","):
            if name.strip() not in names:
                raise ValueError(f"{where}: gradient of an unknown argument {name!r}")
    if (
        row.kind in ("pointwise", "native", "view", "inplace")
        and row.grad is None
        and row.grad_none is None
    ):
        raise ValueError(f"{where}: say grad={{...}} or grad='why there is none'")
    if row.kind == "pointwise" and row.expr is None:
        raise ValueError(f"{where}: a pointwise operator needs expr=")
    if row.kind not in ("pointwise", "native", "view", "composite", "inplace", "python"):
        raise ValueError(f"{where}: unknown kind {row.kind!r}")
    if not row.doc:
        raise ValueError(f"{where}: has no doc")


FAMILIES = sorted(p.stem for p in (ROOT / "ops").glob("*.py") if not p.stem.startswith("_"))


def load() -> list[Op]:
    """All rows of all families, in the order of the files."""
    global _family
    if _rows:
        return _rows
    for family in FAMILIES:
        _family = family
        spec = importlib.util.spec_from_file_location(
            f"flambeau_ops.{family}", ROOT / "ops" / f"{family}.py"
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    homes: dict[str, str] = {}
    for row in _rows:
        for name in (row.name, *row.aliases):
            if homes.setdefault(name, row.family) != row.family:
                raise ValueError(
                    f"{name} is in two families: {homes[name]} and {row.family}; "
                    "overloads belong together"
                )
    seen = set()
    for row in _rows:
        if row.signature.name in seen:
            raise ValueError(f"{row.signature.name} is defined twice")
        seen.add(row.signature.name)
    return _rows


def by_cpp_name() -> dict[str, Op]:
    return {row.cpp_name: row for row in load()}
