"""Results do not depend on the number of threads, bit for bit; calls of every family."""

from __future__ import annotations

import time
import zlib

import numpy as np
import pytest

import flambeau as fb
from tools.opgen import table

from . import samples as s
from .large import LARGE, grown

THREADS = (2, 3, 4)
SECONDS = 0.02  # a grown sample that takes longer is tried on fewer threads
ELEMENTS = 1_000_000  # a grown sample with larger results is left out


@pytest.fixture(autouse=True)
def number_of_threads():
    before = fb.get_num_threads()
    yield
    fb.set_num_threads(before)


def as_bytes(value) -> list:
    """Shapes and bytes of all tensors in a result."""
    if isinstance(value, fb.Tensor):
        x = value.detach().resolve_conj().contiguous()
        if x.dtype == fb.bfloat16:
            x = x.view(fb.int16)
        return [(tuple(x.shape), x.numpy().tobytes())]
    if isinstance(value, (list, tuple)):
        return [item for v in value for item in as_bytes(v)]
    return [value]


def numbers(key: str, shape, low: float, high: float) -> fb.Tensor:
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    return fb.from_numpy(np.asarray(low + rng.random(shape, np.float32) * (high - low)))


def outcome(result, leaves) -> list:
    """The result and the gradients of the leaves, for gradients of the results without pattern."""
    found = as_bytes(result)
    wanting = [
        y for y in s.as_list(result) if isinstance(y, fb.Tensor) and y.requires_grad and y.grad_fn
    ]
    if wanting and leaves:
        given = [numbers("g", y.shape, -1, 1).to(y.dtype) for y in wanting]
        found += as_bytes(fb.autograd.grad(wanting, leaves, given, allow_unused=True))
    return found


class Scope:
    """The names of a call in `LARGE`; what it made is the same whenever the call is made again."""

    def __init__(self):
        self.leaves = []

    def floats(self, *shape, low=-1.0):
        key = f"{len(self.leaves)}"
        self.leaves.append(numbers(key, shape, low, 1.0).requires_grad_())
        return self.leaves[-1]

    def positive(self, *shape):
        return self.floats(*shape, low=0.1)

    def integers(self, n, *shape):
        return fb.from_numpy(np.random.default_rng(n).integers(0, n, shape))

    def mask(self, *shape):
        return self.integers(3, *shape) > 0

    def channels_last(self, x):
        return x.to(memory_format=fb.channels_last)

    def graded(self, *leaves):
        parameters = [fb.nn.Parameter(x.detach().clone()) for x in leaves]
        for p in parameters:
            p.grad = numbers("grad", p.shape, -1, 1)
        return parameters

    def steps(self, cls, **options):
        parameters = self.graded(self.floats(301, 407), self.floats(70001), self.floats(3))
        optimizer = cls(parameters, **options)
        for _ in range(2):
            optimizer.step()
        return [*parameters, *(x for state in optimizer.state.values() for x in state.values())]

    def evaluate(self, call: str) -> list:
        names = {"torch": fb, "F": fb.nn.functional, "nn": fb.nn}
        names |= {"r": self.floats, "p": self.positive, "i": self.integers, "m": self.mask}
        names |= {"last": self.channels_last, "graded": self.graded, "steps": self.steps}
        return outcome(eval(call, names), self.leaves)


def from_text(call: str):
    def run():
        fb.manual_seed(1)
        return Scope().evaluate(call)

    return run


def dtype_of(row) -> str:
    names = table.dtype_names(row.test_dtypes or row.dtypes)
    return next((n for n in ("float32", "int64", "bool", "complex64") if n in names), names[0])


def from_sample(row, sample):
    def run():
        fb.manual_seed(1)
        args, kwargs = s.build(row, sample, dtype_of(row))
        leaves = []
        if row.differentiable or row.kind == "composite":
            leaves = [a.requires_grad_() for a in args if differentiable(a)]
        return outcome(s.callable_of(row)(*args, **kwargs), leaves)

    return run


def moderate(row, sample) -> bool:
    """Whether the results are small, judged on the meta device."""
    if row.notes.get("no meta"):
        return False
    args, kwargs = s.build(row, sample, dtype_of(row))

    def meta(v):
        if isinstance(v, fb.Tensor):
            return v.to("meta")
        return type(v)(map(meta, v)) if isinstance(v, (list, tuple)) else v

    try:
        result = s.callable_of(row)(*map(meta, args), **{k: meta(v) for k, v in kwargs.items()})
    except Exception:
        return False
    return sum(x.numel() for x in s.as_list(result) if isinstance(x, fb.Tensor)) <= ELEMENTS


def differentiable(value) -> bool:
    return isinstance(value, fb.Tensor) and value.is_floating_point()


def calls_of(family: str):
    """(what it is, what runs it, whether it must succeed)"""
    for call in LARGE.get(family, []):
        yield call, from_text(call), True
    if family == "linalg":
        return  # LAPACK on one large matrix runs on one thread and takes its time
    for row in s.rows(lambda r: r.family == family):
        for i, sample in enumerate(grown(row)):
            if moderate(row, sample):
                yield f"{row.name}, sample {i}", from_sample(row, sample), False


def check_threads(what: str, run, required: bool) -> bool:
    """Whether the call was divided, after comparing its results on all numbers of threads."""
    fb.set_num_threads(1)
    start = time.perf_counter()
    try:
        expected = run()
    except Exception:
        if required:
            raise
        return False
    slow = not required and time.perf_counter() - start > SECONDS
    divided = fb._C._divided_loops()
    for threads in THREADS[-1:] if slow else THREADS:
        fb.set_num_threads(threads)
        assert run() == expected, f"{what}: {threads} threads give other numbers than one"
    return fb._C._divided_loops() > divided


@pytest.mark.parametrize("family", table.FAMILIES)
def test_family(family):
    divided = {what: check_threads(what, run, hand) for what, run, hand in calls_of(family)}
    by_hand = LARGE.get(family) or list(divided)
    assert any(divided[call] for call in by_hand), (
        f"{family}: no call is large enough to be divided; add one to LARGE in tests/ops/large.py"
    )
