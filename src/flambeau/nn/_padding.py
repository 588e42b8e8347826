"""Padding modules. Widths are one number or two per dimension, last dimension first."""

from __future__ import annotations

import flambeau as fb

from . import functional as F
from ._module import Module
from ._tuples import as_tuple

Tensor = fb.Tensor


class _PadNd(Module):
    __constants__ = ["padding"]
    _dims = 0
    _mode = ""

    def __init__(self, padding) -> None:
        super().__init__()
        self.padding = as_tuple(padding, 2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    __constants__ = ["padding", "value"]

    def __init__(self, padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (self._dims + 1, self._dims + 2):
            raise ValueError(
                f"expected {self._dims + 1}D or {self._dims + 2}D input (got {input.dim()}D input)"
            )
        return F.pad(input, self.padding, "circular")


class _ReflectionPadNd(_PadNd):
    _mode = "reflect"


class _ReplicationPadNd(_PadNd):
    _mode = "replicate"


def _family(base, name: str, text: str):
    """The classes name1d, name2d and name3d."""
    made = []
    for dims in (1, 2, 3):
        made.append(
            type(
                f"{name}{dims}d",
                (base,),
                {
                    "_dims": dims,
                    "__module__": __name__,
                    "__doc__": f"{text} on both sides of the last {dims} dimension(s).",
                },
            )
        )
    return made


ConstantPad1d, ConstantPad2d, ConstantPad3d = _family(
    _ConstantPadNd, "ConstantPad", "Pad with a constant `value`"
)
ZeroPad1d, ZeroPad2d, ZeroPad3d = _family(_ZeroPadNd, "ZeroPad", "Pad with zeros")
CircularPad1d, CircularPad2d, CircularPad3d = _family(
    _CircularPadNd, "CircularPad", "Pad with the values of the other end"
)
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _family(
    _ReflectionPadNd, "ReflectionPad", "Pad with the image mirrored at its edge values"
)
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _family(
    _ReplicationPadNd, "ReplicationPad", "Pad with copies of the edge values"
)
