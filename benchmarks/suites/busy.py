"""Operators beside a process that keeps one core busy."""

from __future__ import annotations

import time
from itertools import chain
from statistics import mean, median, quantiles

from ..case import Case, Row
from ..neighbour import busy_neighbour
from ..timing import SETTLE_SECONDS, duration, failed
from ..workloads import WORKLOADS
from . import wanted

ABOUT = (
    "how many times slower a run is, in the mean, while another process keeps one core busy than "
    "on the quiet machine (flambeau, PyTorch); the ratio is that of the times beside the neighbour."
)

LIMIT = 2.5  # of flambeau's slow-down
TURNS = 6
X = "x = torch.randn(1000, 1000); y = torch.rand(1000, 1000)"
CONV = "x = torch.randn(8, 64, 56, 56); w = torch.randn(64, 64, 3, 3)"
ATTENTION = "q, k, v = (torch.randn(4, 8, 256, 64, requires_grad=True) for _ in range(3))"
LSTM = "r = nn.LSTM(128, 128); x = torch.randn(64, 32, 128)"


def _product(n: int) -> Case:
    return Case(f"matmul {n}", "a @ b", f"a, b = torch.rand({n}, {n}), torch.rand({n}, {n})")


CASES = [
    Case("add, 1e6", "x + y", X),
    Case("exp, 1e6", "x.exp()", X),
    Case("gelu, 1e6", "F.gelu(x)", X),
    Case("sum, 1e6", "x.sum()", X),
    Case("max rows, 1e6", "x.max(1)", X),
    Case("softmax, 1e6", "x.softmax(1)", X),
    Case("layer_norm, 1e6", "F.layer_norm(x, (1000,))", X),
    Case("transposed copy, 1e6", "x.t().contiguous()", X),
    Case("cumsum, 1e6", "x.cumsum(1)", X),
    Case("index rows, 1e6", "x[i]", X + "; i = torch.randperm(1000)"),
    Case("add, 16M", "x + y", "x, y = torch.ones(1 << 24), torch.ones(1 << 24)"),
    _product(256),
    _product(512),
    _product(1024),
    Case(
        "linear 64 x 784 x 256",
        "F.linear(x, w)",
        "x, w = torch.rand(64, 784), torch.rand(256, 784)",
    ),
    Case("3x3 convolution, 64 at 56", "F.conv2d(x, w, None, 1, 1)", CONV),
    Case(
        "3x3 convolution with backward",
        "F.conv2d(x, w, None, 1, 1).sum().backward()",
        CONV + "; x.requires_grad_(); w.requires_grad_()",
    ),
    Case("max_pool2d", "F.max_pool2d(x, 2)", CONV),
    Case("attention 4 x 8 x 256 x 64", "F.scaled_dot_product_attention(q, k, v)", ATTENTION),
    Case(
        "attention with backward",
        "F.scaled_dot_product_attention(q, k, v).sum().backward()",
        ATTENTION,
    ),
    Case("LSTM 64 x 32, 128", "with torch.no_grad(): r(x)", LSTM),
    Case("LSTM with backward", "r(x)[0].sum().backward()", LSTM),
    Case("sort, 1e6", "x.sort()", "x = torch.randn(1_000_000)"),
    Case("topk, 1e6", "x.topk(10)", "x = torch.randn(1_000_000)"),
    Case(
        "Adam step, 1e6",
        "o.step()",
        "p = nn.Parameter(torch.rand(1000, 1000)); p.grad = torch.rand(1000, 1000)\n"
        "o = torch.optim.Adam([p])",
    ),
    *(Case(f"{n}, step", workload=WORKLOADS[n].build) for n in ("MNIST MLP", "LeNet", "U-Net")),
]


def _runs(repeat, seconds: float) -> list[float]:
    """Seconds of each single run. The first finds cold caches and is not counted."""
    time.sleep(SETTLE_SECONDS)
    repeat(1)
    end = time.perf_counter() + seconds
    found = []
    while len(found) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        repeat(1)
        found.append(time.perf_counter() - start)
    return found


def _in_turn(repeats, budget: float) -> list[list[list[float]]]:
    """For each the runs of each of its turns."""
    found: list[list[list[float]]] = [[] for _ in repeats]
    for _ in range(TURNS):
        for turns, repeat in zip(found, repeats):
            turns.append(_runs(repeat, budget / (2 * TURNS)))
    return found


def _mean(turns: list[list[float]]) -> float:
    """Of a run in the middle one of the turns: what else happens once does not matter."""
    return median(mean(runs) for runs in turns)


def _median(turns: list[list[float]]) -> float:
    return median(chain.from_iterable(turns))


def _high(turns: list[list[float]]) -> float:
    return quantiles(chain.from_iterable(turns), n=20)[-1]


def _row(case: Case, flambeau, torch, budget: float) -> Row:
    theirs, _ = case.prepare(torch)
    try:
        ours, _ = case.prepare(flambeau)
        ours(3)
    except Exception as error:
        return failed(case, error)
    theirs(3)
    quiet = _in_turn((ours, theirs), budget)
    with busy_neighbour():
        busy = _in_turn((ours, theirs), 1.5 * budget)
    slow = [_mean(b) / _mean(q) for b, q in zip(busy, quiet)]
    middle, high = ([f(b) / _median(q) for b, q in zip(busy, quiet)] for f in (_median, _high))
    note = (
        f"medians {middle[0]:.2f}x and {middle[1]:.2f}x, 95% below {high[0]:.1f}x and "
        f"{high[1]:.1f}x of {duration(_median(quiet[0]))} and {duration(_median(quiet[1]))}"
    )
    miss = f"slower than {LIMIT}x" if slow[0] > LIMIT else ""
    a, b = (f"{s:.2f}x" for s in slow)
    return Row(case.name, case.group, a, b, _mean(busy[1]) / _mean(busy[0]), 0.0, note, miss)


def run(flambeau, torch, options):
    for case in wanted(CASES, options.filter):
        yield _row(case, flambeau, torch, options.budget)
