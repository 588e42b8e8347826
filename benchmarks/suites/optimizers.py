"""Steps of optimizers over few and many, small and large parameters."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = "one step of an optimizer; rates count each parameter, gradient and state once per access."

SHAPES = {
    "60 small": "20 * [(8, 8), (8,), (4, 4, 3, 3)]",
    "1e3": "[(25, 40)]",
    "1e6": "4 * [(256, 977)] + 4 * [(256,)]",
    "16M": "4 * [(2048, 2048)]",
}
NUMBERS = {"1e6": 1_001_472, "16M": 1 << 24}
SETUP = """
params = [torch.nn.Parameter(torch.rand(shape)) for shape in SHAPES]
for p in params:
    p.grad = torch.rand_like(p)
optimizer = torch.optim.CALL
"""
# call: how often memory is read or written; on which sizes
CALLS = {
    "SGD(params, lr=1e-3)": (3, ("60 small", "1e3", "1e6", "16M")),
    "SGD(params, lr=1e-3, momentum=0.9)": (5, ("60 small", "1e3", "1e6", "16M")),
    "Adam(params)": (7, ("60 small", "1e3", "1e6", "16M")),
    "AdamW(params)": (7, ("60 small", "1e3", "1e6", "16M")),
    "RMSprop(params)": (5, ("60 small", "1e3", "1e6")),
    "Adagrad(params)": (5, ("60 small", "1e3", "1e6")),
}


def _step(call: str, passes: int, size: str) -> Case:
    return Case(
        f"{call.replace('params, ', '').replace('params', '')}, {size}",
        "optimizer.step()",
        SETUP.replace("CALL", call).replace("SHAPES", SHAPES[size]),
        group="steps",
        moved=passes * 4 * NUMBERS.get(size, 0),
    )


def _other(name: str, code: str, setup: str = "") -> list[Case]:
    return [
        Case(
            f"{name}, {size}",
            code,
            SETUP.replace("CALL", "SGD(params)").replace("SHAPES", SHAPES[size]) + setup,
            group="around a step",
        )
        for size in ("60 small", "1e6")
    ]


CASES = [
    *(_step(call, passes, size) for call, (passes, sizes) in CALLS.items() for size in sizes),
    *_other("zero_grad(set_to_none=False)", "optimizer.zero_grad(set_to_none=False)"),
    *_other("clip_grad_norm_", "nn.utils.clip_grad_norm_(params, 1e9)"),
]
GOALS = {"steps": 3.0}


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
