"""Matrix products: square, skinny, transposed, batched."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = "float32 products, m x k times k x n; rates are flambeau's and PyTorch's."

SQUARE = (16, 64, 128, 256, 512, 1024, 2048)
# (m, k, n)
SHAPES = [
    (1, 1024, 1024),
    (1, 4096, 4096),
    (4, 1024, 1024),
    (32, 1024, 4096),
    (64, 784, 128),
    (4096, 64, 64),
    (1024, 32, 1024),
    (2048, 2048, 1),
]
# (batch, m, k, n)
BATCHES = [
    (64, 16, 16, 16),
    (512, 4, 4, 4),
    (96, 128, 64, 128),
    (96, 128, 128, 64),
    (8, 256, 256, 256),
]


def _pair(left: tuple[int, ...], right: tuple[int, ...], more: str = "") -> str:
    return f"a, b = torch.rand{left}, torch.rand{right}{more}"


def product(m: int, k: int, n: int, goal: float, group: str) -> Case:
    return Case(
        f"{m} x {k} x {n}",
        "a @ b",
        _pair((m, k), (k, n)),
        group=group,
        goal=goal,
        flop=2.0 * m * k * n,
    )


def batched(batch: int, m: int, k: int, n: int) -> Case:
    return Case(
        f"{batch} of {m} x {k} x {n}",
        "a @ b",
        _pair((batch, m, k), (batch, k, n)),
        group="batched",
        flop=2.0 * batch * m * k * n,
    )


CASES = [
    *(product(n, n, n, 1.25 if 512 <= n <= 2048 else 1.0, "square") for n in SQUARE),
    *(product(*shape, 1.0, "skinny") for shape in SHAPES),
    *(batched(*shape) for shape in BATCHES),
    *(
        Case(
            f"512 x 512 x 512, {name}",
            f"{code}",
            _pair((512, 512), (512, 512)),
            group="transposed",
            flop=2.0 * 512**3,
        )
        for name, code in (("a.T", "a.T @ b"), ("b.T", "a @ b.T"), ("both", "a.T @ b.T"))
    ),
    Case(
        "128 x 784 x 256 with bias",
        "F.linear(a, b, c)",
        _pair((128, 784), (256, 784), "; c = torch.rand(256)"),
        group="linear",
        flop=2.0 * 128 * 784 * 256,
    ),
    Case(
        "float64, 512",
        "a @ b",
        _pair((512, 512), (512, 512)).replace(")", ").double()"),
        group="types",
        flop=2.0 * 512**3,
    ),
    Case(
        "bfloat16, 512",
        "a @ b",
        _pair((512, 512), (512, 512)).replace(")", ").bfloat16()"),
        group="types",
        flop=2.0 * 512**3,
    ),
]

GOALS = {"skinny": 1.5, "batched": 1.5, "transposed": 1.5}


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
