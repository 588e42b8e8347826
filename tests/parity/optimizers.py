"""The optimizer table `optim_db`: some steps of every configuration, parameter for parameter."""

from __future__ import annotations

import functools

import torch
from torch.testing._internal.common_optimizers import optim_db

import flambeau

from .cases import Cases
from .compare import check_errors, check_same
from .convert import NotApplicable, describe, dtype_name, to_flambeau, torch_copy
from .rebind import Absent, resolve

ASPECTS = ("steps", "state")
STEPS = 6
SHAPES = ((4, 3), (5,), (), (0,), (2, 3, 2))


@functools.cache
def table() -> dict:
    return {info.name: info for info in optim_db}


def names() -> list[str]:
    return list(table())


def _steps(optimizer, params, grads, closure_of):
    for step in grads:
        for p, g in zip(params, step):
            p.grad = g
        optimizer.step(closure_of(params))


def _closure(lib, needed):
    """A closure for optimizers that evaluate the loss themselves: a shifted square."""
    if not needed:
        return lambda params: None

    def of(params):
        def closure():
            for p in params:
                p.grad = None
            with lib.enable_grad():
                loss = sum(((p - 0.5) ** 2).sum() for p in params)
            loss.backward()
            return loss

        return closure

    return of


def _compare(info, cls, kwargs, dtype, what):
    if kwargs.get("capturable"):
        raise NotApplicable("capturable is for accelerators")
    torch.manual_seed(9)
    start = [torch.randn(shape, dtype=dtype) for shape in SHAPES]
    grads = [[torch.randn(shape, dtype=dtype) for shape in SHAPES] for _ in range(STEPS)]
    theirs = [torch.nn.Parameter(t.clone()) for t in start]
    ours = [flambeau.nn.Parameter(to_flambeau(t)) for t in start]
    needed = info.step_requires_closure
    kwargs_theirs, kwargs_ours = torch_copy(kwargs), to_flambeau(kwargs)
    try:
        reference = info.optim_cls(theirs, **kwargs_theirs)
        _steps(reference, theirs, grads, _closure(torch, needed))
    except Exception as refusal:
        try:
            _steps(cls(ours, **kwargs_ours), ours, to_flambeau(grads), _closure(flambeau, needed))
        except Exception as error:
            check_errors(error, refusal)
            return
        check_errors(None, refusal)
    optimizer = cls(ours, **kwargs_ours)
    _steps(optimizer, ours, to_flambeau(grads), _closure(flambeau, needed))
    if what == "steps":
        check_same([p.detach() for p in ours], [p.detach() for p in theirs], "parameters")
    else:
        mine, expected = optimizer.state_dict(), reference.state_dict()
        check_same(mine["state"], expected["state"], "state")
        for group, wanted in zip(mine["param_groups"], expected["param_groups"]):
            absent = sorted(set(wanted) - set(group))
            if absent:
                raise Absent(f"keys of a parameter group: {absent}")


def run(name: str, extent, skip, announce) -> Cases | None:
    """All configurations of one optimizer; None when flambeau has none of this name."""
    info, cases = table()[name], Cases(skip, announce)
    try:
        cls = resolve(f"optim.{name}")
    except Absent:
        return None
    for dtype in (torch.float32, torch.float64):
        for i, item in enumerate(info.optim_inputs_func(device="cpu")):
            label = f"#{i} {describe(item.kwargs)}"
            for what in ASPECTS:
                cases.run(
                    what, dtype_name(dtype), label, _compare, info, cls, item.kwargs, dtype, what
                )
    return cases
