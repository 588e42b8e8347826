"""The operator table `op_db`: every aspect of one OpInfo."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import BinaryUfuncInfo, UnaryUfuncInfo

import flambeau

from .accuracy import in_double_precision, no_less_accurate, widen
from .cases import Cases, choose
from .compare import Mismatch, check_errors, check_same, tolerance
from .convert import (
    DTYPES,
    NotApplicable,
    describe,
    dtype_name,
    flatten,
    to_flambeau,
    torch_copy,
)
from .gauge import normalise
from .gradients import compare_grads
from .rebind import Absent, rebind, resolve

ASPECTS = ("forward", "method", "strided", "in-place", "out", "grad", "double grad", "errors")

# Operators whose values are uninitialised memory: shape and dtype are compared.
UNINITIALISED = {
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
}
# Operators of torch that are not public API, or belong to subsystems outside flambeau.
OUT_OF_SCOPE = ("jiterator_", "torch.ops.", "_refs.")


@dataclass
class Extent:
    """How much of the table runs. None: everything."""

    dtypes: tuple | None
    samples: int | None  # of each dtype
    variant_samples: int  # for method, strided, in-place, out
    grad_samples: int | None
    double_grad_samples: int
    grad_dtypes: tuple


FULL = Extent(None, None, 24, None, 12, (torch.float64, torch.complex128, torch.float32))
SUBSET = Extent(
    (torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64),
    8,
    3,
    5,
    2,
    (torch.float64,),
)


@functools.cache
def table() -> dict:
    return {info.full_name: info for info in op_db}


class Target:
    """One operator on both sides."""

    def __init__(self, info):
        self.info = info
        name = info.name
        if name.startswith(OUT_OF_SCOPE):
            raise Absent(name)
        if isinstance(getattr(flambeau.Tensor, name, None), property) or name in (
            "T",
            "H",
            "mT",
            "mH",
        ):
            getattr(flambeau.Tensor, name)
        elif name not in ("item",) and not name.startswith("normal.in_place"):
            self._must_exist(name)
        self.theirs = info.op
        self.ours = rebind(info.op)

    @staticmethod
    def _must_exist(name: str) -> None:
        for path in (name, f"Tensor.{name}", f"Tensor.{name}_"):
            try:
                resolve(path)
                return
            except Absent:
                pass
        raise Absent(name)


class Call:
    """The arguments of one sample, copied for each side when called."""

    def __init__(self, sample):
        self.value = (sample.input, sample.args, sample.kwargs)
        self.process = sample.output_process_fn_grad

    def theirs(self):
        return torch_copy(self.value)

    def ours(self):
        return to_flambeau(self.value)

    def __str__(self):
        first, args, kwargs = self.value
        return describe((first, *args)) + (f" {{{describe(kwargs)}}}" if kwargs else "")


def seed_both(seed: int = 11) -> None:
    torch.manual_seed(seed)
    if hasattr(flambeau, "manual_seed"):
        flambeau.manual_seed(seed)


def _call(function, value):
    seed_both()
    first, args, kwargs = value
    return function(first, *args, **kwargs)


def _attempt(function, value):
    """(result, None) or (None, the exception)."""
    seed_both()
    first, args, kwargs = value
    try:
        return function(first, *args, **kwargs), None
    except (NotApplicable, Absent):
        raise
    except Exception as error:
        return None, error


def _unsupported(error) -> bool:
    """Whether torch merely has no kernel here; what flambeau does then is its own affair."""
    text = str(error)
    return "not implemented for" in text or "not supported" in text or "not support" in text


class Runner:
    def __init__(self, info, extent: Extent, cases: Cases):
        self.info, self.extent, self.cases = info, extent, cases
        self.target = Target(info)
        self.values = info.name not in UNINITIALISED
        self.elementwise = isinstance(info, (UnaryUfuncInfo, BinaryUfuncInfo))

    # ---- aspects; each takes one sample and raises when the sides differ

    def forward(self, call, theirs, ours, tolerances):
        expected, refusal = _attempt(theirs, call.theirs())
        value = call.ours()
        if refusal is not None:
            if not _unsupported(refusal):
                check_errors(_attempt(ours, value)[1], refusal)
            return
        got = _call(ours, value)
        expected, got = normalise(self.info, expected, got)
        self.check_result(call, theirs, got, expected, "result", tolerances)

    def check_result(self, call, theirs, got, expected, where, tolerances):
        """Close to torch's result, or as close as it to the result in double precision."""
        try:
            check_same(got, expected, where, values=self.values, **tolerances)
        except Mismatch:
            exact = in_double_precision(theirs, call)
            if exact is None:
                raise
            if not no_less_accurate(got, expected, exact, self.elementwise):
                raise

    def in_place(self, call, theirs, ours, tolerances, with_grad):
        def run(function, value):
            first, args, kwargs = value
            if with_grad:
                first = first.clone()
            result = function(first, *args, **kwargs)
            if result is not first:
                raise Mismatch("the in-place form does not return its argument")
            return first

        value = call.theirs()
        if not isinstance(value[0], torch.Tensor):
            raise NotApplicable("in-place on no tensor")
        seed_both()
        try:
            expected, refusal = run(theirs, value), None
        except Mismatch:
            expected, refusal = value[0], None  # torch's returns something else here
        except Exception as error:
            refusal = error
        mine = call.ours()
        seed_both()
        if refusal is not None:
            if _unsupported(refusal):
                raise NotApplicable("torch has no kernel")
            try:
                run(ours, mine)
            except Exception as error:
                check_errors(error, refusal)
                return
            check_errors(None, refusal)
        got = run(ours, mine)
        self.check_result(call, theirs, got, expected, "result", tolerances)
        if with_grad and expected.requires_grad:
            compare_grads(
                [expected],
                flatten(value, torch.Tensor),
                [got],
                flatten(mine, flambeau.Tensor),
                tolerances,
                double=False,
            )

    def out(self, call, tolerances, shape_of_out):
        theirs = call.theirs()
        with torch.no_grad():
            expected, refusal = _attempt(self.target.theirs, theirs)
        outs = flatten(expected, torch.Tensor)
        if refusal is not None or not outs or any(t.layout != torch.strided for t in outs):
            raise NotApplicable("no tensor to write to")
        mine = [shape_of_out(t) for t in outs]
        first, args, kwargs = call.ours()
        out = mine[0] if isinstance(expected, torch.Tensor) else tuple(mine)
        seed_both()
        try:
            with flambeau.no_grad():
                got = self.target.ours(first, *args, **{**kwargs, "out": out})
        except Exception:
            if self.refuses_out(call, expected):
                raise NotApplicable("torch takes no out= here")
            raise
        returned = flatten(got, flambeau.Tensor)
        if len(returned) != len(mine) or any(a is not b for a, b in zip(returned, mine)):
            raise Mismatch("the result is not the tensor given as out=")
        written = mine[0] if isinstance(expected, torch.Tensor) else tuple(mine)
        expected = tuple(expected) if isinstance(expected, (tuple, list)) else expected
        expected, written = normalise(self.info, expected, written)
        self.check_result(call, self.target.theirs, written, expected, "out", tolerances)

    def refuses_out(self, call, expected) -> bool:
        """Whether torch itself does not take out= for this sample."""
        first, args, kwargs = call.theirs()
        outs = [torch.empty_like(t) for t in flatten(expected, torch.Tensor)]
        out = outs[0] if isinstance(expected, torch.Tensor) else tuple(outs)
        with torch.no_grad():
            return (
                _attempt(self.target.theirs, (first, args, {**kwargs, "out": out}))[1] is not None
            )

    def out_unsafe(self, call):
        """A result of floats must not be cast silently into out= of integers."""
        theirs = call.theirs()
        with torch.no_grad():
            expected, refusal = _attempt(self.target.theirs, theirs)
        if (
            refusal is not None
            or not isinstance(expected, torch.Tensor)
            or not expected.dtype.is_floating_point
        ):
            raise NotApplicable("no tensor of floats")
        first, args, kwargs = call.theirs()
        out = torch.empty(expected.shape, dtype=torch.int64)
        with torch.no_grad():
            _, refusal = _attempt(self.target.theirs, (first, args, {**kwargs, "out": out}))
        if refusal is None:
            raise NotApplicable("torch casts here")
        first, args, kwargs = call.ours()
        out = flambeau.empty(tuple(expected.shape), dtype=flambeau.int64)
        with flambeau.no_grad():
            _, error = _attempt(self.target.ours, (first, args, {**kwargs, "out": out}))
        check_errors(error, refusal)

    def grad(self, call, tolerances, double):
        """Gradients close to torch's, or first ones as close as them to those in double."""
        try:
            self.compare_gradients(call, tolerances, double)
        except Mismatch:
            if double or not self.gradient_no_less_accurate(call):
                raise

    def gradient_no_less_accurate(self, call) -> bool:
        exact_value = widen(call.theirs())
        if exact_value is None:
            return False

        def gradients(function, process, value, kind, lib, seeds_for):
            outs = flatten(process(_call(function, value)), kind)
            ins = [t for t in flatten(value, kind) if t.requires_grad]
            outs = [t for t in outs if t.requires_grad]
            found = lib.autograd.grad(outs, ins, seeds_for(outs), allow_unused=True)
            return [lib.zeros_like(t) if g is None else g for g, t in zip(found, ins)]

        def seeds_like(outs):
            torch.manual_seed(5)
            return [torch.randn(t.shape, dtype=t.dtype) for t in outs]

        info, seeds = self.target, []

        def remembered(outs):
            seeds[:] = seeds_like(outs)
            return seeds

        theirs = gradients(
            info.theirs, call.process, call.theirs(), torch.Tensor, torch, remembered
        )
        exact = gradients(
            info.theirs,
            call.process,
            exact_value,
            torch.Tensor,
            torch,
            lambda _: widen(seeds) or seeds,
        )
        ours = gradients(
            info.ours,
            rebind(call.process),
            call.ours(),
            flambeau.Tensor,
            flambeau,
            lambda _: to_flambeau(seeds),
        )
        return no_less_accurate(ours, theirs, exact, self.elementwise)

    def compare_gradients(self, call, tolerances, double):
        theirs, ours = call.theirs(), call.ours()
        ins_theirs = [t for t in flatten(theirs, torch.Tensor) if t.requires_grad]
        ins_ours = [t for t in flatten(ours, flambeau.Tensor) if t.requires_grad]
        if not ins_theirs:
            raise NotApplicable("no input requires a gradient")
        result = call.process(_call(self.target.theirs, theirs))
        mine = rebind(call.process)(_call(self.target.ours, ours))
        outs_theirs, outs_ours = flatten(result, torch.Tensor), flatten(mine, flambeau.Tensor)
        if len(outs_theirs) != len(outs_ours):
            raise Mismatch(f"{len(outs_ours)} tensors instead of {len(outs_theirs)}")
        for i, (a, b) in enumerate(zip(outs_ours, outs_theirs)):
            if a.requires_grad != b.requires_grad:
                raise Mismatch(f"result[{i}].requires_grad is {a.requires_grad}")
        compare_grads(outs_theirs, ins_theirs, outs_ours, ins_ours, tolerances, double)

    # ---- driving

    def dtypes(self):
        wanted = self.extent.dtypes
        supported = self.info.supported_dtypes("cpu")
        return [t for t in DTYPES if t in supported and (wanted is None or t in wanted)]

    def samples(self, dtype, requires_grad, count):
        torch.manual_seed(3)
        found = list(self.info.sample_inputs("cpu", dtype, requires_grad=requires_grad))
        return list(choose(list(enumerate(found)), count))

    def all(self):
        for dtype in self.dtypes():
            self.values_of(dtype)
        if self.info.supports_autograd:
            for dtype in self.extent.grad_dtypes:
                if dtype in self.info.supported_backward_dtypes("cpu"):
                    self.gradients_of(dtype)
        self.errors()

    def values_of(self, dtype):
        info, extent, name = self.info, self.extent, dtype_name(dtype)
        tolerances = tolerance(info, dtype)
        samples = self.samples(dtype, False, extent.samples)
        for i, sample in samples:
            call = Call(sample)
            self.cases.run(
                "forward",
                name,
                f"#{i} {call}",
                self.forward,
                call,
                self.target.theirs,
                self.target.ours,
                tolerances,
            )
        few = choose(samples, extent.variant_samples)
        plain = info.name in ("T", "H", "mT", "mH")
        for i, sample in few:
            call = Call(sample)
            if (
                isinstance(sample.input, torch.Tensor)
                and callable(info.method_variant)
                and not plain
            ):
                self.cases.run("method", name, f"#{i} {call}", self.method, call, tolerances)
            self.variants(dtype, name, i, sample, call, tolerances)

    def method(self, call, tolerances):
        self.forward(call, self.info.method_variant, rebind(self.info.method_variant), tolerances)

    def variants(self, dtype, name, i, sample, call, tolerances):
        info = self.info
        if dtype in (torch.float32, torch.int64):
            try:
                strided = Call(sample.noncontiguous())
            except Exception:
                strided = None  # the table itself cannot make this sample non-contiguous
            if strided is not None:
                self.cases.run(
                    "strided",
                    name,
                    f"#{i} {strided}",
                    self.forward,
                    strided,
                    self.target.theirs,
                    self.target.ours,
                    tolerances,
                )
        if info.inplace_variant is not None and isinstance(sample.input, torch.Tensor):
            self.cases.run(
                "in-place", name, f"#{i} {call}", self.in_place_of, call, tolerances, False
            )
        if info.supports_out:
            for how, make in (("", _plain_out), (" strided", _strided_out), (" empty", _empty_out)):
                self.cases.run("out", name, f"#{i}{how} {call}", self.out, call, tolerances, make)
            if dtype == torch.float32:
                self.cases.run("out", name, f"#{i} of integers {call}", self.out_unsafe, call)

    def in_place_of(self, call, tolerances, with_grad):
        self.in_place(
            call,
            self.info.inplace_variant,
            rebind(self.info.inplace_variant),
            tolerances,
            with_grad,
        )

    def gradients_of(self, dtype):
        info, extent, name = self.info, self.extent, dtype_name(dtype)
        tolerances = tolerance(info, dtype)
        samples = self.samples(dtype, True, extent.grad_samples)
        for i, sample in samples:
            call = Call(sample)
            self.cases.run("grad", name, f"#{i} {call}", self.grad, call, tolerances, False)
        if dtype not in (torch.float64, torch.complex128):
            return
        for i, sample in choose(samples, extent.double_grad_samples):
            call = Call(sample)
            if info.supports_gradgrad:
                self.cases.run(
                    "double grad", name, f"#{i} {call}", self.grad, call, tolerances, True
                )
            if (
                info.inplace_variant is not None
                and info.supports_inplace_autograd
                and isinstance(sample.input, torch.Tensor)
                and not sample.broadcasts_input
            ):
                self.cases.run(
                    "in-place", name, f"#{i} grad {call}", self.in_place_of, call, tolerances, True
                )

    def errors(self):
        if self.info.error_inputs_func is None:
            return
        torch.manual_seed(3)
        for i, bad in enumerate(self.info.error_inputs("cpu")):
            label = f"#{i} {Call(bad.sample_input)}"
            self.cases.run("errors", "", label, self.error, Call(bad.sample_input))

    def error(self, call):
        try:
            theirs = call.theirs()
        except (RuntimeError, TypeError) as reason:
            raise NotApplicable(f"cannot be copied: {reason}")
        _, refusal = _attempt(self.target.theirs, theirs)
        if refusal is None:
            raise NotApplicable("torch accepts this on CPU")
        ours = call.ours()
        check_errors(_attempt(self.target.ours, ours)[1], refusal)


def _plain_out(t):
    return flambeau.full(tuple(t.shape), 1, dtype=to_flambeau(t.dtype))


def _strided_out(t):
    """Every second element of memory in the reverse order of dimensions."""
    if t.ndim == 0:
        return flambeau.full((2,), 1, dtype=to_flambeau(t.dtype))[1]
    x = flambeau.full((*reversed(t.shape), 2), 1, dtype=to_flambeau(t.dtype))[..., 0]
    return x.permute(*range(t.ndim - 1, -1, -1))


def _empty_out(t):
    return flambeau.empty(0, dtype=to_flambeau(t.dtype))


def run(name: str, extent: Extent, skip, announce) -> Cases | None:
    """All cases of one OpInfo; None when flambeau has no such operator."""
    cases = Cases(skip, announce)
    try:
        runner = Runner(table()[name], extent, cases)
    except Absent:
        return None
    runner.all()
    return cases


def names() -> list[str]:
    return list(itertools.chain(table()))
