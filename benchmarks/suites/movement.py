"""Data movement: copies, picks, ordering, counting, pooling, resampling, random numbers."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = (
    "copies, picks, sums by index, ordering, scans, pooling and resampling, with gradients; rates "
    "count each operand once."
)

SIZES = {"1e3": (10, 100), "1e6": (1000, 1000), "16M": (4096, 4096)}
ALL, SMALL = tuple(SIZES), ("1e3", "1e6")

# name: (statement over float32 tensors of the size, how often memory is read and written, sizes)
SIZED = {
    "clone": ("x.clone()", 2, ALL),
    "transposed copy": ("z.t().contiguous()", 2, ALL),
    "cat": ("torch.cat((x, y))", 4, ALL),
    "cat columns": ("torch.cat((x, y), 1)", 4, ALL),
    "index rows": ("x[i]", 2, ALL),
    "gather": ("x.gather(1, g)", 4, ALL),
    "gather, dim 0": ("x.gather(0, h)", 4, SMALL),
    "scatter": ("x.scatter(1, g, y)", 6, SMALL),
    "scatter_add": ("x.scatter_add(1, g, y)", 6, SMALL),
    "scatter_add, dim 0": ("x.scatter_add(0, h, y)", 6, SMALL),
    "index_add": ("x.index_add(0, i, y)", 4, ALL),
    "x[mask]": ("x[m]", 2, SMALL),
    "x[mask] = value": ("x[m] = 0.0", 2, SMALL),
    "masked_fill": ("x.masked_fill(m, 0.0)", 2.25, ALL),
    "nonzero": ("m.nonzero()", 2, SMALL),
    "cumsum rows": ("x.cumsum(1)", 2, ALL),
    "cumsum columns": ("x.cumsum(0)", 2, SMALL),
    "sort": ("s.sort()", 4, SMALL),
    "sort rows": ("x.sort(1)", 4, ALL),
    "topk 10": ("s.topk(10)", 1, SMALL),
    "topk 5 of rows": ("x.topk(5)", 1, ALL),
    "flip": ("x.flip(1)", 2, ALL),
    "roll": ("x.roll(3, 1)", 2, SMALL),
    "tril": ("x.tril()", 2, SMALL),
    "repeat": ("x.repeat(2, 1)", 3, SMALL),
    "every other column": ("x[:, ::2].contiguous()", 1.5, SMALL),
}
INPUTS = {
    "x": "x = torch.randn(shape)",
    "y": "y = torch.randn(shape)",
    "z": "z = torch.randn(shape[::-1])",
    "m": "m = torch.rand(shape) > 0.5",
    "i": "i = torch.randperm(shape[0])",
    "g": "g = torch.randint(0, shape[1], shape)",
    "h": "h = torch.randint(0, shape[0], shape)",
    "s": "s = torch.randn(shape[0] * shape[1])",
}

_IMAGE = """
def image(*shape, last=False):
    x = torch.randn(shape)
    return x.contiguous(memory_format=torch.channels_last) if last else x
"""
_TABLE = """
e = nn.Embedding(50000, 128)
i, k = torch.randint(0, 50000, (8192,)), torch.randint(0, 50, (8192,))
"""
_GRAPH = """
x, y = torch.zeros(1000, 64), torch.randn(20000, 64)
i = torch.randint(0, 1000, (20000,))
wide = i.unsqueeze(1).expand(-1, 64)
"""
_ROWS = "x, y = torch.randn(1000, 1000), torch.randn(100000, 10)"
_COUNTS = "x, f = torch.randint(0, 1000, (1000000,)), torch.randn(1000000)"

# group: [(setup, {name: statement})]
OTHERS = {
    "gather and scatter": [
        (
            _TABLE,
            {
                "embedding": "e(i)",
                "embedding, gradient": "e(i).sum().backward(); e.weight.grad = None",
                "embedding of 50 rows, gradient": "e(k).sum().backward(); e.weight.grad = None",
                "embedding_bag": "F.embedding_bag(i.view(256, 32), e.weight)",
                "one_hot": "F.one_hot(k, 50)",
            },
        ),
        (
            _GRAPH,
            {
                "index_add of a graph": "x.index_add(0, i, y)",
                "scatter_add of a graph": "x.scatter_add(0, wide, y)",
                "scatter_reduce amax": "x.scatter_reduce(0, wide, y, 'amax')",
                "index_put_, accumulating": "x.index_put_((i,), y, accumulate=True)",
                "x[i] = y": "x[i] = y",
            },
        ),
        (
            "x, i = torch.randn(1000, 1000), torch.randint(0, 1000, (1000,))\n"
            "j = torch.randperm(1000)",
            {
                "x[i, j]": "x[i, j]",
                "x[i][:, j]": "x[i.unsqueeze(1), j]",
                "index_select columns": "x.index_select(1, i)",
                "take_along_dim": "x.take_along_dim(i.unsqueeze(1), 1)",
            },
        ),
    ],
    "ordering": [
        (
            _ROWS,
            {
                "sort of short rows": "y.sort(1)",
                "sort columns": "x.sort(0)",
                "sort float64 rows": "x.double().sort(1)",
                "sort int64": "(x * 1000).long().view(-1).sort()",
                "argsort, descending": "x.argsort(1, descending=True)",
                "topk 50 of rows": "x.topk(50)",
                "kthvalue": "x.kthvalue(500)",
                "median": "x.median(1)",
                "cummax": "x.cummax(1)",
            },
        ),
        (
            "r = torch.randn(1000, 1000, requires_grad=True)",
            {
                "sort, gradient": "r.sort(1)[0].sum().backward(); r.grad = None",
                "topk, gradient": "r.topk(5)[0].sum().backward(); r.grad = None",
                "cumsum, gradient": "r.cumsum(1).sum().backward(); r.grad = None",
            },
        ),
        (
            _COUNTS,
            {
                "unique": "x.unique()",
                "unique with inverse": "torch.unique(x, return_inverse=True)",
                "bincount": "x.bincount()",
                "histc": "f.histc(100)",
                "searchsorted": "torch.searchsorted(f[:1000].sort()[0], f[:100000])",
            },
        ),
    ],
    "copies": [
        (
            "a = [torch.randn(16, 16) for _ in range(100)]\n"
            "b, q = torch.randn(1000), torch.randn(8, 128, 8, 64)",
            {
                "cat of 100 small": "torch.cat(a)",
                "stack of 100 small": "torch.stack(a)",
                "expanded row": "b.expand(1000, 1000).contiguous()",
                "expanded column": "b.unsqueeze(1).expand(1000, 1000).contiguous()",
                "heads": "q.transpose(1, 2).contiguous()",
                "tensor of a list": "torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])",
                "tolist": "b.tolist()",
            },
        ),
        (
            "x = torch.randn(8, 64, 56, 56)\ny = x.contiguous(memory_format=torch.channels_last)\n"
            "u = torch.zeros(8, 224, 224, 3, dtype=torch.uint8)",
            {
                "to channels_last": "x.contiguous(memory_format=torch.channels_last)",
                "from channels_last": "y.contiguous()",
                "uint8 images to floats": "u.permute(0, 3, 1, 2).float()",
                "pixel_shuffle": "F.pixel_shuffle(x, 2)",
                "pad": "F.pad(x, (1, 1, 1, 1))",
                "pad, reflecting": "F.pad(x, (1, 1, 1, 1), mode='reflect')",
                "unfold": "F.unfold(x[:, :16], 3, padding=1)",
            },
        ),
        (
            "f, b = torch.rand(1000000) * 200, torch.rand(1000000) > 0.5\ni = f.long()",
            {
                "float32 to int64": "f.long()",
                "int64 to float32": "i.float()",
                "float32 to uint8": "f.to(torch.uint8)",
                "float32 to bool": "f.bool()",
                "bool to float32": "b.float()",
            },
        ),
    ],
    "random": [
        (
            "p, w = torch.rand(1000000), torch.rand(64, 1000)",
            {
                "randn": "torch.randn(1000000)",
                "rand": "torch.rand(1000000)",
                "randperm": "torch.randperm(1000000)",
                "bernoulli": "torch.bernoulli(p)",
                "multinomial": "torch.multinomial(w, 1)",
            },
        ),
    ],
}

POOLS = {
    "max_pool2d 2x2": "F.max_pool2d({}, 2)",
    "max_pool2d 3x3 stride 2": "F.max_pool2d({}, 3, 2, 1)",
    "max_pool2d 3x3 stride 1": "F.max_pool2d({}, 3, 1, 1)",
    "avg_pool2d 2x2": "F.avg_pool2d({}, 2)",
    "avg_pool2d 3x3 stride 2": "F.avg_pool2d({}, 3, 2, 1)",
    "adaptive_avg_pool2d 7": "F.adaptive_avg_pool2d({}, 7)",
    "adaptive_avg_pool2d 1": "F.adaptive_avg_pool2d({}, 1)",
    "adaptive_max_pool2d 7": "F.adaptive_max_pool2d({}, 7)",
    "interpolate nearest 2": "F.interpolate({}, scale_factor=2)",
    "interpolate bilinear 2": "F.interpolate({}, scale_factor=2, mode='bilinear')",
    "interpolate bilinear 0.5": "F.interpolate({}, scale_factor=0.5, mode='bilinear')",
    "interpolate bicubic 2": "F.interpolate({}, scale_factor=2, mode='bicubic')",
}
SAMPLES = {
    "grid_sample": "F.grid_sample({}, q, align_corners=False)",
    "grid_sample nearest": "F.grid_sample({}, q, mode='nearest', align_corners=False)",
    "grid_sample bicubic": "F.grid_sample({}, q, mode='bicubic', align_corners=False)",
}


def _sized(name: str, statement: str, passes: float, size: str) -> Case:
    shape = SIZES[size]
    used = compile(statement, name, "exec").co_names
    lines = [f"shape = {shape}", *(line for key, line in INPUTS.items() if key in used)]
    group = "at three sizes"
    moved = passes * 4 * shape[0] * shape[1]
    return Case(f"{name}, {size}", statement, "\n".join(lines), group=group, moved=moved)


def _images(name: str, expression: str, shape: tuple, extra: str = "") -> list[Case]:
    cases = []
    for layout in ("NCHW", "channels_last"):
        setup = _IMAGE + f"x = image(*{shape}, last={layout == 'channels_last'})\n"
        setup += "r = x.clone().requires_grad_()\n" + extra
        setup += f"\ng = torch.ones_like({expression.format('x')})"
        forward = expression.format("x")
        both = f"{expression.format('r')}.backward(g); r.grad = None"
        cases.append(Case(f"{name}, {layout}", forward, setup, group="images"))
        cases.append(Case(f"{name}, {layout}, gradient", both, setup, group="images"))
    return cases


CASES = [
    _sized(name, statement, passes, size)
    for name, (statement, passes, sizes) in SIZED.items()
    for size in sizes
]
CASES += [
    Case(name, statement, setup, group=group)
    for group, parts in OTHERS.items()
    for setup, table in parts
    for name, statement in table.items()
]
for _name, _expression in POOLS.items():
    _shape = (8, 64, 112, 112) if "pool" in _name else (8, 32, 56, 56)
    CASES += _images(_name, _expression, _shape)
for _name, _expression in SAMPLES.items():
    CASES += _images(_name, _expression, (8, 16, 64, 64), "q = torch.rand(8, 64, 64, 2) * 2 - 1")[
        :2
    ]
CASES += [
    Case("max_pool1d 2", "F.max_pool1d(x, 2)", "x = torch.randn(32, 64, 1024)", group="images"),
    Case(
        "max_pool1d 3 stride 1",
        "F.max_pool1d(x, 3, 1, 1)",
        "x = torch.randn(32, 64, 1024)",
        group="images",
    ),
]

GOALS = dict.fromkeys(("at three sizes", "gather and scatter", "ordering", "copies", "images"), 2.0)


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
