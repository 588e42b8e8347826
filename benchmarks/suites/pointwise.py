"""Element-wise operators, reductions and normalisations at three sizes."""

from __future__ import annotations

from ..case import Case
from ..timing import best, measure
from . import wanted

ABOUT = (
    "a thousand, a million and 16 million float32 elements (other types and layouts: a million); "
    "rates count each operand once, the bandwidth is the best of a read, a copy and a triad of 16 "
    "million elements in the same run."
)

SIZES = {"1e3": (10, 100), "1e6": (1000, 1000), "16M": (4096, 4096)}
ALL, SMALL, MILLION = tuple(SIZES), ("1e3", "1e6"), ("1e6",)

# name: (statement over tensors of the size; how often memory is read and written; sizes)
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
    "leaky_relu": ("F.leaky_relu(x)", 2, MILLION),
    "softplus": ("F.softplus(x)", 2, MILLION),
    "mish": ("F.mish(x)", 2, MILLION),
    "lerp": ("torch.lerp(x, y, 0.3)", 3, MILLION),
    "square by **": ("x ** 2", 2, MILLION),
    "remainder": ("torch.remainder(x, y)", 3, MILLION),
    "asin": ("torch.asin(y - 0.6)", 4, MILLION),
    "masked_fill": ("x.masked_fill(m, 0.0)", 2.25, MILLION),
    "add, rows from the second": ("x[1:, 1:] + y[1:, 1:]", 3, MILLION),
    "add, every other": ("x[:, ::2] + y[:, ::2]", 2.5, MILLION),
    "add per channel": ("u + k", 2, MILLION),
    "add per channel, channels last": ("l + k", 2, MILLION),
    "mul, float64": ("d * d", 6, MILLION),
    "erf, float64": ("torch.erf(d)", 4, MILLION),
    "add, bfloat16": ("b + b", 1.5, MILLION),
    "gelu, bfloat16": ("F.gelu(b)", 1, MILLION),
    "mul, float16": ("h * h", 1.5, MILLION),
    "add, int64": ("g + g", 6, MILLION),
    "maximum, int32": ("torch.maximum(j, j)", 3, MILLION),
    "mul, complex64": ("w * w", 6, MILLION),
    "not, bool": ("~m", 0.5, MILLION),
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
    "sum of 8": ("x.view(-1, 8).sum(1)", 1, MILLION),
    "sum, middle": ("x.view(100, 100, 100).sum(1)", 1, MILLION),
    "sum per channel": ("u.sum((0, 2, 3))", 1, MILLION),
    "std columns": ("x.std(0)", 1, MILLION),
    "count_nonzero": ("x.count_nonzero()", 1, MILLION),
    "sum, bfloat16": ("b.sum()", 0.5, MILLION),
    "sum rows, float64": ("d.sum(1)", 2, MILLION),
    "sum, int64": ("g.sum()", 2, MILLION),
    "amax rows, int32": ("j.amax(1)", 1, MILLION),
}
FUSED = {
    "softmax": ("torch.softmax(x, 1)", 2, ALL),
    "log_softmax": ("torch.log_softmax(x, 1)", 2, SMALL),
    "layer_norm": ("F.layer_norm(x, x.shape[1:])", 2, ALL),
    "rms_norm": ("F.rms_norm(x, x.shape[1:])", 2, SMALL),
    "cross_entropy": ("F.cross_entropy(x, c)", 1, SMALL),
    "mse_loss": ("F.mse_loss(x, y)", 2, SMALL),
    "dropout": ("F.dropout(x)", 2, SMALL),
    "softmax of 10": ("torch.softmax(x.view(-1, 10), 1)", 2, MILLION),
    "log_softmax per pixel": ("torch.log_softmax(u, 1)", 2, MILLION),
    "cross_entropy of 10": ("F.cross_entropy(x.view(-1, 10), e)", 1, MILLION),
    "batch_norm": ("F.batch_norm(u, None, None, training=True)", 2, MILLION),
    "group_norm": ("F.group_norm(u, 8)", 2, MILLION),
    "bce with logits": ("F.binary_cross_entropy_with_logits(x, y)", 2, MILLION),
    "smooth_l1": ("F.smooth_l1_loss(x, y)", 2, MILLION),
    "layer_norm, bfloat16": ("F.layer_norm(b, b.shape[1:])", 1, MILLION),
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
    "with backward": (BACKWARD, 1.0),
}

# Images of 64 channels, a million elements in all.
IMAGES = "(shape[0] * shape[1] // (64 * 625), 64, 25, 25)"

# Only what a statement mentions is made: 16 million elements take a while.
INPUTS = {
    "x": "x = torch.randn(shape)",
    "y": "y = torch.rand(shape) + 0.5",
    "o": "o = torch.empty(shape)",
    "z": "z = torch.randn(shape[::-1])",
    "m": "m = torch.rand(shape) > 0.5",
    "c": "c = torch.randint(0, shape[1], (shape[0],))",
    "g": "g = torch.randint(0, shape[1], shape)",
    "r": "r = torch.randn(shape, requires_grad=True)",
    "d": "d = torch.randn(shape, dtype=torch.float64)",
    "b": "b = torch.randn(shape).bfloat16()",
    "h": "h = torch.randn(shape).half()",
    "j": "j = torch.randint(0, 100, shape, dtype=torch.int32)",
    "w": "w = torch.randn(shape, dtype=torch.complex64)",
    "e": "e = torch.randint(0, 10, (shape[0] * shape[1] // 10,))",
    "u": f"u = torch.randn({IMAGES})",
    "l": f"l = torch.randn({IMAGES}).to(memory_format=torch.channels_last)",
    "k": "k = torch.randn(64, 1, 1)",
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

GOALS = {"pointwise": 3.0, "reductions": 4.0, "fused": 2.0}


def bandwidth(library) -> float:
    """Bytes a second of the best of a read, a copy and a triad."""
    shape = SIZES["16M"]
    setup = f"x, y, o = torch.randn({shape}), torch.randn({shape}), torch.empty({shape})"
    statements = {"x.sum()": 1, "o.copy_(x)": 2, "torch.add(x, y, alpha=2, out=o)": 3}
    return max(
        passes * 4 * shape[0] * shape[1] / best(Case("", code, setup).prepare(library)[0])
        for code, passes in statements.items()
    )


def run(flambeau, torch, options):
    cases = wanted(CASES, options.filter)
    large = [case for case in cases if case.name.endswith(", 16M")]
    peak = bandwidth(flambeau) if large else 0
    for case in cases:
        yield measure(case, flambeau, torch, options.budget, peak if case in large else 0)
