"""Attention and recurrent layers, forward and with backward."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = "float32; attention as batch x heads x length x head size, recurrent as length x batch."

# name: (batch, heads, length, head size, causal, masked)
ATTENTION = {
    "8 x 4 x 128 x 32": (8, 4, 128, 32, False, False),
    "4 x 8 x 256 x 64": (4, 8, 256, 64, False, False),
    "4 x 8 x 256 x 64, causal": (4, 8, 256, 64, True, False),
    "4 x 8 x 256 x 64, masked": (4, 8, 256, 64, False, True),
    "1 x 8 x 1024 x 64, causal": (1, 8, 1024, 64, True, False),
    "1 x 12 x 512 x 80": (1, 12, 512, 80, False, False),
    "1 x 8 x 1 x 64 over 512": (1, 8, 1, 64, False, False),
}
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
    "RNN 64 x 32, 128": ("RNN", 64, 32, 128, 128, ""),
}  # fmt: skip


def _attention(name: str) -> list[Case]:
    batch, heads, length, size, causal, masked = ATTENTION[name]
    keys = 512 if "over" in name else length
    mask = f"m = torch.rand({length}, {keys}) > 0.2" if masked else "m = None"
    setup = (
        f"q = torch.randn({batch}, {heads}, {length}, {size})\n"
        f"k, v = (torch.randn({batch}, {heads}, {keys}, {size}) for _ in range(2))\n"
        f"g = torch.randn({batch}, {heads}, {length}, {size})\n{mask}\n"
    )
    call = f"F.scaled_dot_product_attention(q, k, v, m, is_causal={causal})"
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
    cells = 3 if "two layers" in name else 1  # the second layer of two ways reads both
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


CASES = [
    *(case for name in ATTENTION for case in _attention(name)),
    *(case for name in RECURRENT for case in _recurrent(name)),
]

GOALS = {
    "attention": 2.0,
    "attention with backward": 2.0,
    "recurrent": 1.5,
    "recurrent with backward": 1.5,
}


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
