"""Training steps beside what compiles them: torch.compile and a jitted JAX step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

from ..case import Case, Row
from ..timing import duration, failed, in_turn
from ..workloads import WORKLOADS
from ..workloads_jax import WORKLOADS as JAX_WORKLOADS
from . import wanted

ABOUT = (
    "training steps once compiled: flambeau as it is; PyTorch's whole step under torch.compile in "
    "its default mode; a hand-written step of JAX under jax.jit with donated state, which runs "
    "ahead and is waited for once a turn. All in one process; flambeau and PyTorch on the threads "
    "given, XLA with one per core, for which it has no switch. The losses are those of step 5."
)
RIVAL = "compiled"

STEPS = 5
SMALL = (
    "tiny MLP",
    "MNIST MLP",
    "LeNet",
    "Tree-LSTM",
    "REINFORCE",
    "skip-gram",
    "GCN by index_add",
)
# The others compile for a minute and more and spend their time in products and convolutions.
NAMES = (*SMALL, "VAE", "char-LSTM", "GRU forecaster", "NeRF MLP")
CASES = [Case(name, workload=WORKLOADS[name].build, group=WORKLOADS[name].group) for name in NAMES]


def _repeater(step: Callable, wait: Callable = lambda value: None) -> Callable[[int], None]:
    def repeat(n: int) -> None:
        value = None
        for _ in range(n):
            value = step()
        wait(value)

    return repeat


def _prepare(name: str, flambeau, torch, jax) -> dict[str, Callable]:
    """What gives each library's step."""
    build = WORKLOADS[name].build
    steps = {
        "flambeau": lambda: build(flambeau),
        "torch.compile": lambda: torch.compile(build(torch)),
    }
    if jax and name in JAX_WORKLOADS:
        steps["jax.jit"] = lambda: JAX_WORKLOADS[name](jax, flambeau)
    return steps


def _rows(case: Case, flambeau, torch, jax, budget: float) -> Iterator[Row]:
    repeats, losses, compiling, errors = {}, {}, {}, {}
    for name, build in _prepare(case.name, flambeau, torch, jax).items():
        start = time.perf_counter()
        try:
            step = build()
            losses[name] = [float(step()) for _ in range(STEPS)][-1]
        except Exception as error:
            errors[name] = error
            continue
        compiling[name] = time.perf_counter() - start
        wait = jax.block_until_ready if name == "jax.jit" else lambda value: None
        repeats[name] = _repeater(step, wait)
    if "flambeau" in errors:
        yield failed(case, errors["flambeau"])
        return
    turns = dict(zip(repeats, zip(*in_turn(tuple(repeats.values()), budget))))
    ours = turns["flambeau"]
    for name in ("torch.compile", "jax.jit"):
        title, goal = f"{case.name}, {name}", float(case.name in SMALL)
        group = f"{name}, {'small models' if goal else 'others'}"
        if name in errors:
            text = f"{type(errors[name]).__name__}: {errors[name]}".splitlines()[0]
            yield Row(title, group, duration(median(ours)), "failed", None, goal, text[:100])
        elif name in turns:
            ratio = median(b / a for a, b in zip(ours, turns[name]))
            note = f"compiled in {compiling[name]:.1f} s; losses {losses['flambeau']:.4f} and "
            note += f"{losses[name]:.4f}"
            times = duration(median(ours)), duration(median(turns[name]))
            yield Row(title, group, *times, ratio, goal, note)


def run(flambeau, torch, options):
    try:
        import jax
    except ImportError:
        jax = None
        print("  JAX is not installed, so its rows are missing: pip install 'flambeau[compiled]'")
    else:
        jax.config.update("jax_platforms", "cpu")
    for case in wanted(CASES, options.filter):
        yield from _rows(case, flambeau, torch, jax, options.budget)
        torch.compiler.reset()
