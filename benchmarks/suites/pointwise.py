"""Element-wise operators, reductions, normalisations and data movement at three sizes."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = "a thousand, a million and 16 million float32 elements; rates count each operand once."

SIZES = {"1e3": (10, 100), "1e6": (1000, 1000), "16M": (4096, 4096)}
ALL, SMALL = tuple(SIZES), ("1e3", "1e6")

# name: (statement over x, y, m of the size, i = a permutation of its rows; how often memory is
# read and written; sizes)
POINTWISE = {
    "add": ("x + y", 3, ALL),
    "mul": ("x * y", 3, ALL),
    "add out=": ("torch.add(x, y, out=o)", 3, ALL),
    "add row": ("x + x[0]", 2, ALL),
    "add column": ("x + x[:, :1]", 2, ALL),
    "add transposed": ("x + z.t()", 3, ALL),
    "relu": ("torch.relu(x)", 2, ALL),
    "exp": ("torch.exp(x)", 2, ALL),
    "log": ("torch.log(y)", 2, ALL),
    "tanh": ("torch.tanh(x)", 2, ALL),
    "sigmoid": ("torch.sigmoid(x)", 2, ALL),
    "gelu": ("F.gelu(x)", 2, ALL),
    "silu": ("F.silu(x)", 2, ALL),
    "sin": ("torch.sin(x)", 2, SMALL),
    "pow": ("torch.pow(y, 1.5)", 2, SMALL),
    "sqrt": ("torch.sqrt(y)", 2, SMALL),
    "erf": ("torch.erf(x)", 2, SMALL),
    "where": ("torch.where(m, x, y)", 3.25, ALL),
    "clamp": ("x.clamp(-1, 1)", 2, SMALL),
    "x > y": ("x > y", 2.25, SMALL),
    "to float64": ("x.double()", 3, SMALL),
    "to bfloat16": ("x.bfloat16()", 1.5, SMALL),
}
REDUCTIONS = {
    "sum": ("x.sum()", 1, ALL),
    "sum rows": ("x.sum(1)", 1, ALL),
    "sum columns": ("x.sum(0)", 1, ALL),
    "mean rows": ("x.mean(1)", 1, SMALL),
    "max": ("x.max()", 1, ALL),
    "max rows": ("x.max(1)", 1, ALL),
    "max columns": ("x.max(0)", 1, SMALL),
    "amax rows": ("x.amax(1)", 1, SMALL),
    "argmax rows": ("x.argmax(1)", 1, ALL),
    "var rows": ("x.var(1)", 1, ALL),
    "var columns": ("x.var(0)", 1, SMALL),
    "norm": ("x.norm()", 1, SMALL),
    "prod rows": ("y.prod(1)", 1, SMALL),
    "logsumexp": ("x.logsumexp(1)", 1, SMALL),
    "all": ("m.all()", 0.25, SMALL),
}
FUSED = {
    "softmax": ("torch.softmax(x, 1)", 2, ALL),
    "log_softmax": ("torch.log_softmax(x, 1)", 2, SMALL),
    "layer_norm": ("F.layer_norm(x, x.shape[1:])", 2, ALL),
    "rms_norm": ("F.rms_norm(x, x.shape[1:])", 2, SMALL),
    "cross_entropy": ("F.cross_entropy(x, c)", 1, SMALL),
    "mse_loss": ("F.mse_loss(x, y)", 2, SMALL),
    "dropout": ("F.dropout(x)", 2, SMALL),
}
MOVEMENT = {
    "clone": ("x.clone()", 2, ALL),
    "transposed copy": ("z.t().contiguous()", 2, ALL),
    "cat": ("torch.cat((x, y))", 4, ALL),
    "index rows": ("x[i]", 2, SMALL),
    "gather": ("x.gather(1, g)", 4, SMALL),
    "index_add": ("x.index_add(0, i, y)", 4, SMALL),
    "cumsum rows": ("x.cumsum(1)", 2, ALL),
    "sort": ("s.sort()", 4, SMALL),
    "topk 10": ("s.topk(10)", 1, SMALL),
    "flip": ("x.flip(1)", 2, SMALL),
}
BACKWARD = {
    "tanh": ("torch.tanh(r).backward(y); r.grad = None", 4, SMALL),
    "gelu": ("F.gelu(r).backward(y); r.grad = None", 4, SMALL),
    "softmax": ("torch.softmax(r, 1).backward(y); r.grad = None", 5, SMALL),
    "layer_norm": ("F.layer_norm(r, r.shape[1:]).backward(y); r.grad = None", 5, SMALL),
    "sum of products": ("(r * y).sum().backward(); r.grad = None", 4, SMALL),
}
GROUPS = {
    "pointwise": (POINTWISE, 1.0),
    "reductions": (REDUCTIONS, 1.0),
    "fused": (FUSED, 1.0),
    "movement": (MOVEMENT, 1.0),
    "with backward": (BACKWARD, 1.0),
}

# Only what a statement mentions is made: 16 million elements take a while.
INPUTS = {
    "x": "x = torch.randn(shape)",
    "y": "y = torch.rand(shape) + 0.5",
    "o": "o = torch.empty(shape)",
    "z": "z = torch.randn(shape[::-1])",
    "m": "m = torch.rand(shape) > 0.5",
    "i": "i = torch.randperm(shape[0])",
    "c": "c = torch.randint(0, shape[1], (shape[0],))",
    "g": "g = torch.randint(0, shape[1], shape)",
    "s": "s = torch.randn(shape[0] * shape[1])",
    "r": "r = torch.randn(shape, requires_grad=True)",
}


def _case(group: str, name: str, statement: str, passes: float, size: str, goal: float) -> Case:
    shape = SIZES[size]
    used = compile(statement, name, "exec").co_names
    lines = [f"shape = {shape}", *(line for key, line in INPUTS.items() if key in used)]
    return Case(
        f"{name}, {size}",
        statement,
        "\n".join(lines),
        group=group,
        goal=goal,
        moved=passes * 4 * shape[0] * shape[1],
    )


CASES = [
    _case(group, name, statement, passes, size, goal)
    for group, (table, goal) in GROUPS.items()
    for name, (statement, passes, sizes) in table.items()
    for size in sizes
]

GOALS = {"pointwise": 3.0, "reductions": 4.0, "fused": 2.0, "movement": 2.0}


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
