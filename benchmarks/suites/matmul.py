"""Matrix products: square, skinny, transposed, batched; as linear layers make them."""

from __future__ import annotations

import ctypes
import os
from dataclasses import replace

from flambeau._lapack import library_path

from ..case import Case
from ..peak import fma_peak
from ..timing import measure, paired, row_of
from . import wanted

ABOUT = (
    "float32 products, m x k times k x n; rates are flambeau's and PyTorch's (or OpenBLAS's). The "
    "peak is that of multiply-adds in registers, measured in the same run on as many threads."
)

SQUARE = (16, 64, 100, 128, 256, 512, 1000, 1024, 2048)
# (m, k, n)
SHAPES = [
    (1, 1024, 1024),
    (1, 4096, 4096),
    (4, 1024, 1024),
    (16, 1024, 1024),
    (32, 1024, 4096),
    (64, 784, 128),
    (48, 1000, 48),
    (4096, 64, 64),
    (10000, 64, 8),
    (1024, 32, 1024),
    (1000, 3, 1000),
    (2048, 2048, 1),
]
# (batch, m, k, n)
BATCHES = [
    (64, 16, 16, 16),
    (512, 4, 4, 4),
    (256, 32, 32, 32),
    (64, 64, 64, 64),
    (96, 128, 64, 128),
    (96, 128, 128, 64),
    (8, 256, 256, 256),
]
TRANSPOSED = [(256, 256, 256), (512, 512, 512), (777, 555, 333)]
# (rows, inputs, outputs) of a linear layer
LAYERS = [(8, 64, 64), (32, 128, 128), (64, 784, 256), (128, 256, 1024), (256, 64, 64)]
# (m, k, n) of gradients of weights that many rows share
SHARED = [(16, 20000, 16), (64, 100000, 64), (128, 8192, 128)]


def _pair(left: tuple[int, ...], right: tuple[int, ...], more: str = "") -> str:
    return f"a, b = torch.rand{left}, torch.rand{right}{more}"


def product(m: int, k: int, n: int, group: str, turned: str = "", goal: float = 1.0) -> Case:
    """`turned` names the operands that are transposed views."""
    left = (k, m) if "a" in turned else (m, k)
    right = (n, k) if "b" in turned else (k, n)
    return Case(
        f"{m} x {k} x {n}" + "".join(f", {name}.T" for name in turned),
        " @ ".join(f"{name}.T" if name in turned else name for name in "ab"),
        _pair(left, right),
        group=group,
        goal=goal,
        flop=2.0 * m * k * n,
    )


def batched(batch: int, m: int, k: int, n: int, turned: bool = False) -> Case:
    return Case(
        f"{batch} of {m} x {k} x {n}" + (", b.mT" if turned else ""),
        "a @ b.mT" if turned else "a @ b",
        _pair((batch, m, k), (batch, n, k) if turned else (batch, k, n)),
        group="batched",
        flop=2.0 * batch * m * k * n,
    )


def layer(rows: int, inputs: int, outputs: int) -> list[Case]:
    forward = Case(
        f"{rows} x {inputs} x {outputs} with bias",
        "F.linear(a, b, c)",
        _pair((rows, inputs), (outputs, inputs), f"; c = torch.rand({outputs})"),
        group="linear",
        flop=2.0 * rows * inputs * outputs,
    )
    return [
        forward,
        product(rows, outputs, inputs, "linear"),
        product(outputs, rows, inputs, "linear", "a"),
    ]


def typed(dtype: str, n: int) -> Case:
    return Case(
        f"{dtype}, {n}",
        "a @ b",
        f"a, b = (torch.rand({n}, {n}).to(torch.{dtype}) for _ in range(2))",
        group="types",
        flop=2.0 * n**3 * (4 if dtype.startswith("complex") else 1),
    )


CASES = [
    *(product(n, n, n, "square", goal=1.25 if 512 <= n <= 2048 else 1.0) for n in SQUARE),
    *(product(*shape, "skinny") for shape in SHAPES),
    *(batched(*shape) for shape in BATCHES),
    batched(32, 64, 32, 64, turned=True),
    *(product(*shape, "transposed", turned) for shape in TRANSPOSED for turned in ("a", "b", "ab")),
    *(product(*shape, "transposed", "a") for shape in SHARED),
    *(case for shape in LAYERS for case in layer(*shape)),
    typed("float64", 512),
    typed("bfloat16", 512),
    typed("complex64", 64),
    typed("complex64", 512),
]
BESIDE_OPENBLAS = [
    replace(product(n, n, n, "OpenBLAS"), name=f"{n} x {n} x {n}, OpenBLAS")
    for n in (512, 1024, 2048)
]
GOALS = {"skinny": 1.5, "batched": 1.5, "transposed": 1.5}


def _openblas(threads: int):
    """cblas_sgemm of OpenBLAS, with the kernels that it chooses for this processor."""
    os.environ.pop("OPENBLAS_CORETYPE", None)  # read when the library is opened, and so is this:
    os.environ["OPENBLAS_THREAD_TIMEOUT"] = "20"  # 2**20 cycles, for its threads spin after work
    library = ctypes.CDLL(library_path())
    library.scipy_openblas_set_num_threads(threads)
    return library.scipy_cblas_sgemm


def beside_openblas(case: Case, n: int, sgemm, flambeau, budget: float, peak: float):
    ours, _ = case.prepare(flambeau)
    a, b, c = flambeau.rand(n, n), flambeau.rand(n, n), flambeau.empty(n, n)
    size, one = ctypes.c_int(n), ctypes.c_float(1)
    at = [ctypes.c_void_p(t.data_ptr()) for t in (a, b, c)]
    row_major, plain = ctypes.c_int(101), ctypes.c_int(111)
    call = (row_major, plain, plain, size, size, size, one, at[0], size, at[1], size)
    call += (ctypes.c_float(0), at[2], size)

    def theirs(times: int) -> None:
        for _ in range(times):
            sgemm(*call)

    return row_of(case, *paired(ours, theirs, budget), peak)


def run(flambeau, torch, options):
    peak = fma_peak(options.threads)
    for case in wanted(CASES, options.filter):
        yield measure(case, flambeau, torch, options.budget, peak)
    beside = wanted(BESIDE_OPENBLAS, options.filter)
    if beside:
        sgemm = _openblas(options.threads)
        for case in beside:
            n = int(case.name.split()[0])
            yield beside_openblas(case, n, sgemm, flambeau, options.budget, peak)
    if peak:
        print(f"  peak {peak / 1e9:.0f} GFLOP/s on {options.threads} threads")
