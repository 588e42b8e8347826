"""The module table `module_db`: initial parameters, results, gradients, errors of every layer."""

from __future__ import annotations

import functools

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import flambeau

from .cases import Cases, choose
from .compare import Mismatch, check_errors, check_same, tolerance
from .convert import describe, dtype_name, flatten, to_flambeau, torch_copy
from .gradients import compare_grads
from .operators import Extent
from .rebind import Absent, resolve

ASPECTS = ("init", "forward", "grad", "errors")


@functools.cache
def table() -> dict:
    return {info.name: info for info in module_db}


def names() -> list[str]:
    return list(table())


def _build(cls, constructor, seed_all):
    seed_all(7)
    return cls(*constructor[0], **constructor[1])


def _state(module) -> dict:
    return dict(module.state_dict())


class ModuleRunner:
    def __init__(self, info, extent: Extent, cases: Cases):
        self.info, self.extent, self.cases = info, extent, cases
        self.theirs = info.module_cls
        home, name = self.theirs.__module__.removeprefix("torch."), self.theirs.__qualname__
        self.ours = resolve(f"nn.{name}" if home.startswith("nn.modules.") else f"{home}.{name}")

    def pair(self, item, dtype, training):
        constructor = (item.constructor_input.args, item.constructor_input.kwargs)
        theirs = _build(self.theirs, torch_copy(constructor), torch.manual_seed)
        ours = _build(self.ours, to_flambeau(constructor), flambeau.manual_seed)
        return theirs.train(training), ours.train(training)

    def init(self, item, dtype, training):
        theirs, ours = self.pair(item, dtype, training)
        keys = list(_state(ours)), list(_state(theirs))
        if keys[0] != keys[1]:
            raise Mismatch(f"state_dict has the keys {keys[0]} instead of {keys[1]}")
        if not isinstance(theirs, torch.nn.modules.lazy.LazyModuleMixin):
            check_same(_state(ours), _state(theirs), "state_dict", rtol=1e-6, atol=0)
        if repr(ours) != repr(theirs):
            raise Mismatch(f"repr {ours!r} instead of {theirs!r}")

    def forward(self, item, dtype, training, tolerances, with_grad):
        theirs, ours = self.pair(item, dtype, training)
        theirs.to(dtype)
        ours.to(to_flambeau(dtype))
        call = (item.forward_input.args, item.forward_input.kwargs)
        value, mine = torch_copy(call), to_flambeau(call)
        torch.manual_seed(11)
        flambeau.manual_seed(11)
        expected = theirs(*value[0], **value[1])
        got = ours(*mine[0], **mine[1])
        check_same(got, expected, **tolerances)
        if not with_grad:
            check_same(_state(ours), _state(theirs), "state_dict afterwards", **tolerances)
            return
        ins_theirs = [*flatten(value, torch.Tensor), *theirs.parameters()]
        ins_ours = [*flatten(mine, flambeau.Tensor), *ours.parameters()]
        compare_grads(
            flatten(expected, torch.Tensor),
            ins_theirs,
            flatten(got, flambeau.Tensor),
            ins_ours,
            tolerances,
            False,
        )

    def error(self, bad):
        item = bad.module_error_input
        constructor = (item.constructor_input.args, item.constructor_input.kwargs)

        def run(cls, build, call):
            module = cls(*build[0], **build[1])
            if bad.error_on == ModuleErrorEnum.FORWARD_ERROR:
                module(*call[0], **call[1])

        call = ((), {})
        if item.forward_input is not None:
            call = (item.forward_input.args, item.forward_input.kwargs)
        try:
            run(self.theirs, torch_copy(constructor), torch_copy(call))
        except Exception as refusal:
            theirs = refusal
        else:
            return
        arguments = to_flambeau(constructor), to_flambeau(call)
        try:
            run(self.ours, *arguments)
        except Exception as error:
            check_errors(error, theirs)
        else:
            check_errors(None, theirs)

    def items(self, dtype, requires_grad, training):
        torch.manual_seed(3)
        found = list(
            self.info.module_inputs_func(
                self.info, device="cpu", dtype=dtype, requires_grad=requires_grad, training=training
            )
        )
        return choose(list(enumerate(found)), self.extent.samples)

    def all(self):
        dtypes = [
            t for t in (torch.float32, torch.float64) if t in self.info.supported_dtypes("cpu")
        ]
        modes = (True, False) if self.info.train_and_eval_differ else (True,)
        for dtype in dtypes:
            tolerances, name = tolerance(self.info, dtype), dtype_name(dtype)
            for training in modes:
                mode = "" if len(modes) == 1 else " train" if training else " eval"
                for i, item in self.items(dtype, False, training):
                    label = f"#{i}{mode} {_describe(item)}"
                    if dtype == torch.float32:
                        self.cases.run("init", name, label, self.init, item, dtype, training)
                    if item.forward_input is not None:
                        self.cases.run(
                            "forward",
                            name,
                            label,
                            self.forward,
                            item,
                            dtype,
                            training,
                            tolerances,
                            False,
                        )
                if dtype != torch.float64:
                    continue
                for i, item in self.items(dtype, True, training):
                    if item.forward_input is not None:
                        self.cases.run(
                            "grad",
                            name,
                            f"#{i}{mode} {_describe(item)}",
                            self.forward,
                            item,
                            dtype,
                            training,
                            tolerances,
                            True,
                        )
        if self.info.module_error_inputs_func is not None:
            torch.manual_seed(3)
            bads = self.info.module_error_inputs_func(
                self.info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
            )
            for i, bad in enumerate(bads):
                label = f"#{i} {_describe(bad.module_error_input)}"
                self.cases.run("errors", "", label, self.error, bad)


def _describe(item) -> str:
    text = describe(item.constructor_input.args)
    if item.constructor_input.kwargs:
        text += f" {{{describe(item.constructor_input.kwargs)}}}"
    if item.forward_input is not None:
        text += f" on {describe(item.forward_input.args)}"
    return text


def run(name: str, extent: Extent, skip, announce) -> Cases | None:
    """All cases of one layer; None when flambeau has none of this name."""
    cases = Cases(skip, announce)
    try:
        runner = ModuleRunner(table()[name], extent, cases)
    except Absent:
        return None
    runner.all()
    return cases
