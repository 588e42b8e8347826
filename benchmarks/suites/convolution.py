"""Convolutions, forward and with backward, in both memory layouts."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = (
    "float32 convolutions, of 8 images unless said otherwise; rates are flambeau's and PyTorch's."
)

# name: (batch, in channels, out channels, sizes, kernel, stride, padding, groups, transposed), and
# the dilation if it is not 1
SHAPES = {
    "3x3, 64 at 56": (8, 64, 64, (56, 56), 3, 1, 1, 1, False),
    "3x3, 128 at 28": (8, 128, 128, (28, 28), 3, 1, 1, 1, False),
    "3x3, 256 at 14": (8, 256, 256, (14, 14), 3, 1, 1, 1, False),
    "3x3, 512 at 7": (8, 512, 512, (7, 7), 3, 1, 1, 1, False),
    "3x3 stride 2, 64 at 56": (8, 64, 128, (56, 56), 3, 2, 1, 1, False),
    "7x7 stem, 3 at 224": (8, 3, 64, (224, 224), 7, 2, 3, 1, False),
    "1x1, 256 at 28": (8, 256, 64, (28, 28), 1, 1, 0, 1, False),
    "1x1, 64 at 56": (8, 64, 256, (56, 56), 1, 1, 0, 1, False),
    "depthwise 3x3, 128 at 56": (8, 128, 128, (56, 56), 3, 1, 1, 128, False),
    "depthwise 3x3 stride 2, 128 at 56": (8, 128, 128, (56, 56), 3, 2, 1, 128, False),
    "depthwise 5x5, 240 at 14": (8, 240, 240, (14, 14), 5, 1, 2, 240, False),
    "32 groups 3x3, 256 at 14": (8, 256, 256, (14, 14), 3, 1, 1, 32, False),
    "3x3 dilated, 64 at 28": (8, 64, 64, (28, 28), 3, 1, 2, 1, False, 2),
    "3x3 to 3 channels, 32 at 64": (8, 32, 3, (64, 64), 3, 1, 1, 1, False),
    "3x3 of one image, 256 at 14": (1, 256, 256, (14, 14), 3, 1, 1, 1, False),
    "1x1 of one image, 512 at 7": (1, 512, 2048, (7, 7), 1, 1, 0, 1, False),
    "5x5, 6 at 14": (8, 6, 16, (14, 14), 5, 1, 0, 1, False),
    "1d, 64 at 1024": (32, 64, 64, (1024,), 5, 1, 2, 1, False),
    "1d dilated, 64 at 512": (16, 64, 64, (512,), 3, 1, 4, 1, False, 4),
    "3d, 16 at 16": (2, 16, 16, (16, 16, 16), 3, 1, 1, 1, False),
    "transposed 4x4, 128 at 16": (8, 128, 64, (16, 16), 4, 2, 1, 1, True),
    "transposed 2x2, 64 at 32": (8, 64, 32, (32, 32), 2, 2, 0, 1, True),
}


def _cases(name: str, layout: str) -> list[Case]:
    batch, c_in, c_out, sizes, kernel, stride, padding, groups, transposed = SHAPES[name][:9]
    dilation = (*SHAPES[name], 1)[9]
    dims = len(sizes)
    kernel_size = (kernel,) * dims
    weight = (c_in, c_out, *kernel_size) if transposed else (c_out, c_in // groups, *kernel_size)
    outer = [
        (n - 1) * stride - 2 * padding + kernel
        if transposed
        else (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for n in sizes
    ]
    places = 1.0
    for n in sizes if transposed else outer:
        places *= n
    flop = 2.0 * batch * places * c_in * c_out * kernel**dims / groups
    function = f"F.conv{'_transpose' if transposed else ''}{dims}d"
    like = ".to(memory_format=torch.channels_last)" if layout == "channels_last" else ""
    setup = (
        f"x = torch.randn{(batch, c_in, *sizes)}{like}\n"
        f"w = torch.randn{weight}{like}\n"
        f"g = torch.randn{(batch, c_out, *outer)}{like}\n"
    )
    call = f"{function}(x, w, None, {stride}, {padding}, {dilation}, {groups})"
    if transposed:
        call = f"{function}(x, w, None, {stride}, {padding})"
    leaves = "x.requires_grad_(); w.requires_grad_()"
    return [
        Case(f"{name}, {layout}", call, setup, group=f"forward, {layout}", flop=flop),
        Case(
            f"{name}, {layout}, with backward",
            f"{call}.backward(g); x.grad = w.grad = None",
            setup + leaves,
            group=f"with backward, {layout}",
            flop=3 * flop,
        ),
    ]


CASES = [
    case
    for layout in ("NCHW", "channels_last")
    for name, shape in SHAPES.items()
    if layout == "NCHW" or len(shape[3]) == 2
    for case in _cases(name, layout)
]

GOALS = {"forward, NCHW": 1.5, "with backward, NCHW": 1.5}


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
