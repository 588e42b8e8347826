"""Attention and recurrent layers, forward and with backward."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = "float32; attention as batch x heads x length x head size, recurrent as length x batch."

# name: (batch, heads, length, keys, head size, keywords of the call, setup)
ATTENTION = {
    "8 x 4 x 128 x 32": (8, 4, 128, 128, 32, "", ""),
    "4 x 8 x 256 x 64": (4, 8, 256, 256, 64, "", ""),
    "4 x 8 x 256 x 64, causal": (4, 8, 256, 256, 64, "is_causal=True", ""),
    "4 x 8 x 256 x 64, masked": (
        4, 8, 256, 256, 64, "attn_mask=m", "m = torch.rand(256, 256) > 0.2",
    ),
    "4 x 8 x 256 x 64, padding": (
        4, 8, 256, 256, 64, "attn_mask=m", "m = torch.rand(4, 1, 1, 256) > 0.2",
    ),
    "4 x 8 x 256 x 64, added mask": (
        4, 8, 256, 256, 64, "attn_mask=m", "m = torch.randn(4, 8, 256, 256)",
    ),
    "4 x 8 x 256 x 64, dropout": (4, 8, 256, 256, 64, "dropout_p=0.1", ""),
    "4 x 8 x 256 x 64, 2 heads of keys": (
        4, 8, 256, 256, 64, "enable_gqa=True",
        "k, v = (torch.randn(4, 2, 256, 64) for _ in range(2))",
    ),
    "4 x 8 x 128 x 64, bfloat16": (
        4, 8, 128, 128, 64, "", "q, k, v, g = (t.bfloat16() for t in (q, k, v, g))",
    ),
    "4 x 8 x 128 x 64, float64": (
        4, 8, 128, 128, 64, "", "q, k, v, g = (t.double() for t in (q, k, v, g))",
    ),
    "1 x 8 x 1024 x 64, causal": (1, 8, 1024, 1024, 64, "is_causal=True", ""),
    "1 x 12 x 512 x 80": (1, 12, 512, 512, 80, "", ""),
    "2 x 6 x 197 x 40": (2, 6, 197, 197, 40, "", ""),
    "1 x 4 x 512 x 128, causal": (1, 4, 512, 512, 128, "is_causal=True", ""),
    "1 x 8 x 64 x 64 over 2048": (1, 8, 64, 2048, 64, "", ""),
    "1 x 8 x 1 x 64 over 512": (1, 8, 1, 512, 64, "", ""),
    "8 x 12 x 1 x 64 over 1024": (8, 12, 1, 1024, 64, "", ""),
}  # fmt: skip
# name: (layer, length, batch, inputs, hidden, keywords)
RECURRENT = {
    "LSTM 64 x 32, 128": ("LSTM", 64, 32, 128, 128, ""),
    "LSTM 64 x 32, 512": ("LSTM", 64, 32, 512, 512, ""),
    "LSTM 64 x 1, 128": ("LSTM", 64, 1, 128, 128, ""),
    "LSTM 64 x 32, 128, two layers, both ways": (
        "LSTM", 64, 32, 128, 128, ", num_layers=2, bidirectional=True",
    ),
    "GRU 64 x 32, 128": ("GRU", 64, 32, 128, 128, ""),
    "GRU 64 x 32, 512": ("GRU", 64, 32, 512, 512, ""),
    "GRU 64 x 1, 128": ("GRU", 64, 1, 128, 128, ""),
    "GRU 64 x 32, 128, two layers, both ways": (
        "GRU", 64, 32, 128, 128, ", num_layers=2, bidirectional=True",
    ),
    "RNN 64 x 32, 128": ("RNN", 64, 32, 128, 128, ""),
}  # fmt: skip


def _attention(name: str) -> list[Case]:
    batch, heads, length, keys, size, keywords, more = ATTENTION[name]
    setup = (
        f"q = torch.randn({batch}, {heads}, {length}, {size})\n"
        f"k, v = (torch.randn({batch}, {heads}, {keys}, {size}) for _ in range(2))\n"
        f"g = torch.randn({batch}, {heads}, {length}, {size})\n{more}\n"
    )
    call = f"F.scaled_dot_product_attention(q, k, v, {keywords})"
    causal = "is_causal" in keywords
    flop = 4.0 * batch * heads * length * keys * size * (0.5 if causal else 1)
    leaves = "for t in (q, k, v): t.requires_grad_()"
    backward = f"{call}.backward(g); q.grad = k.grad = v.grad = None"
    return [
        Case(name, call, setup, group="attention", flop=flop),
        Case(
            f"{name}, with backward",
            backward,
            setup + leaves,
            group="attention with backward",
            flop=3.5 * flop,
        ),
    ]


def _recurrent(name: str) -> list[Case]:
    layer, length, batch, inputs, hidden, keywords = RECURRENT[name]
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[layer]
    cells = 5 if "two layers" in name else 1  # each way of the second layer reads both of the first
    flop = 2.0 * length * batch * gates * hidden * (inputs + hidden) * cells
    shape = (length, batch, inputs)
    setup = f"r = nn.{layer}({inputs}, {hidden}{keywords})\nx = torch.randn{shape}"
    return [
        Case(
            f"{name}, inference",
            "with torch.no_grad(): r(x)",
            setup,
            group="recurrent",
            flop=flop,
        ),
        Case(
            f"{name}, with backward",
            "r(x)[0].sum().backward()",
            setup,
            group="recurrent with backward",
            flop=3 * flop,
        ),
    ]


LAYER = (
    "m = nn.TransformerEncoderLayer(256, 8, 1024, batch_first=True)\nx = torch.randn(8, 128, 256)\n"
)
HEADS = "m = nn.MultiheadAttention(256, 8, batch_first=True)\nx = torch.randn(8, 128, 256)\n"
PADDING = "pad = torch.arange(128).expand(8, 128) > 100\n"
LAYERS = {
    "encoder layer, training": (LAYER, "m(x).sum().backward()"),
    "encoder layer, inference": (LAYER + "m.eval()", "with torch.no_grad(): m(x)"),
    "heads": (HEADS, "m(x, x, x, need_weights=False)[0].sum().backward()"),
    "heads, padding": (
        HEADS + PADDING,
        "m(x, x, x, key_padding_mask=pad, need_weights=False)[0].sum().backward()",
    ),
    "heads, weights": (HEADS, "m(x, x, x)[0].sum().backward()"),
    "LSTMCell, 32 steps": (
        "m = nn.LSTMCell(64, 128)\nxs = torch.randn(32, 16, 64)\n"
        "def run():\n    state = None\n    for x in xs:\n        state = m(x, state)\n"
        "    return state[0].sum()\n",
        "run().backward()",
    ),
    "GRUCell, 32 steps": (
        "m = nn.GRUCell(64, 128)\nxs = torch.randn(32, 16, 64)\n"
        "def run():\n    h = None\n    for x in xs:\n        h = m(x, h)\n    return h.sum()\n",
        "run().backward()",
    ),
}

CASES = [
    *(case for name in ATTENTION for case in _attention(name)),
    *(case for name in RECURRENT for case in _recurrent(name)),
    *(Case(name, code, setup, group="layers") for name, (setup, code) in LAYERS.items()),
]

GOALS = {
    "attention": 2.0,
    "attention with backward": 2.0,
    "recurrent": 1.5,
    "recurrent with backward": 1.5,
    "layers": 2.0,
}


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
