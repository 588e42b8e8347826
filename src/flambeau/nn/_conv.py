"""Convolutions and transposed convolutions."""

from __future__ import annotations

import math

import flambeau as fb

from . import functional as F
from . import init
from ._lazy_mixin import LazyModuleMixin
from ._module import Module
from ._parameter import Parameter, UninitializedParameter
from ._tuples import _reverse_repeat_tuple, as_tuple

Tensor = fb.Tensor

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _check(in_channels, out_channels, groups, padding, padding_mode, stride) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups:
        raise ValueError("out_channels must be divisible by groups")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}"
            )
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"padding_mode must be one of {set(_PADDING_MODES)}, but got "
            f"padding_mode='{padding_mode}'"
        )


class _ConvNd(Module):
    """What all convolutions share: `weight` (out, in / groups, *kernel), in and out swapped when
    transposed, and `bias` (out,)."""

    __constants__ = [
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "output_padding",
        "in_channels",
        "out_channels",
        "kernel_size",
    ]

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        _check(in_channels, out_channels, groups, padding, padding_mode, stride)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._pad_widths()
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(
            fb.empty((first, second // groups, *kernel_size), device=device, dtype=dtype)
        )
        if bias:
            self.bias = Parameter(fb.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _pad_widths(self):
        """The padding in the form ``pad`` wants: last dimension first, both sides."""
        if not isinstance(self.padding, str):
            return _reverse_repeat_tuple(self.padding, 2)
        widths = [0, 0] * len(self.kernel_size)
        if self.padding == "same":
            for i, (d, k) in enumerate(zip(reversed(self.dilation), reversed(self.kernel_size))):
                total = d * (k - 1)
                widths[2 * i] = total // 2
                widths[2 * i + 1] = total - total // 2
        return widths

    def reset_parameters(self) -> None:
        """Draw weight and bias uniformly from (-k, k), k = 1 / sqrt(in / groups * kernel)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.dilation):
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * len(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")


def _conv_class(name: str, dims: int, conv, shape: str):
    """Conv1d, Conv2d and Conv3d differ only in the number of dimensions."""
    zeros = (0,) * dims

    class Conv(_ConvNd):
        def __init__(
            self,
            in_channels: int,
            out_channels: int,
            kernel_size,
            stride=1,
            padding=0,
            dilation=1,
            groups: int = 1,
            bias: bool = True,
            padding_mode: str = "zeros",
            device=None,
            dtype=None,
        ) -> None:
            _ConvNd.__init__(
                self,
                in_channels,
                out_channels,
                as_tuple(kernel_size, dims),
                as_tuple(stride, dims),
                padding if isinstance(padding, str) else as_tuple(padding, dims),
                as_tuple(dilation, dims),
                False,
                zeros,
                groups,
                bias,
                padding_mode,
                device,
                dtype,
            )

        def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            if self.padding_mode != "zeros":
                input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
                return conv(input, weight, bias, self.stride, zeros, self.dilation, self.groups)
            return conv(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)

        def forward(self, input: Tensor) -> Tensor:
            return self._conv_forward(input, self.weight, self.bias)

    return _named(
        Conv,
        name,
        f"Cross-correlation of {shape} with a learned kernel.\n\n"
        '    `padding` is a width, one per dimension, "same" or "valid".',
    )


def _named(cls, name: str, doc: str):
    cls.__name__ = cls.__qualname__ = name
    cls.__doc__ = doc
    return cls


Conv1d = _conv_class("Conv1d", 1, F.conv1d, "(N, C, L) or (C, L)")
Conv2d = _conv_class("Conv2d", 2, F.conv2d, "(N, C, H, W) or (C, H, W)")
Conv3d = _conv_class("Conv3d", 3, F.conv3d, "(N, C, D, H, W) or (C, D, H, W)")


class _ConvTransposeNd(_ConvNd):
    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            transposed,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(
        self, input, output_size, stride, padding, kernel_size, num_spatial_dims, dilation=None
    ):
        """The output padding that leads to `output_size`, or the module's own."""
        if output_size is None:
            return as_tuple(self.output_padding, num_spatial_dims)
        dims = num_spatial_dims
        lead = 2 if input.dim() == dims + 2 else 1
        if len(output_size) == dims + lead:
            output_size = output_size[lead:]
        if len(output_size) != dims:
            raise ValueError(
                f"ConvTranspose{dims}D: for {input.dim()}D input, output_size must "
                f"have {dims} or {dims + lead} elements (got {len(output_size)})"
            )
        smallest = []
        for d in range(dims):
            step = dilation[d] if dilation is not None else 1
            smallest.append(
                (input.size(d + lead) - 1) * stride[d]
                - 2 * padding[d]
                + step * (kernel_size[d] - 1)
                + 1
            )
        largest = [n + stride[d] - 1 for d, n in enumerate(smallest)]
        for size, low, high in zip(output_size, smallest, largest):
            if not low <= size <= high:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range from "
                    f"{smallest} to {largest} (for an input of {tuple(input.shape[lead:])})"
                )
        return [size - low for size, low in zip(output_size, smallest)]


def _conv_transpose_class(name: str, dims: int, conv, shape: str):
    class ConvTranspose(_ConvTransposeNd):
        def __init__(
            self,
            in_channels: int,
            out_channels: int,
            kernel_size,
            stride=1,
            padding=0,
            output_padding=0,
            groups: int = 1,
            bias: bool = True,
            dilation=1,
            padding_mode: str = "zeros",
            device=None,
            dtype=None,
        ) -> None:
            _ConvTransposeNd.__init__(
                self,
                in_channels,
                out_channels,
                as_tuple(kernel_size, dims),
                as_tuple(stride, dims),
                as_tuple(padding, dims),
                as_tuple(dilation, dims),
                True,
                as_tuple(output_padding, dims),
                groups,
                bias,
                padding_mode,
                device,
                dtype,
            )

        def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
            extra = self._output_padding(
                input, output_size, self.stride, self.padding, self.kernel_size, dims, self.dilation
            )
            return conv(
                input,
                self.weight,
                self.bias,
                self.stride,
                self.padding,
                extra,
                self.groups,
                self.dilation,
            )

    return _named(
        ConvTranspose,
        name,
        f"The gradient of a convolution, as a map of {shape}.\n\n"
        "    `output_padding` or forward's `output_size` choose among sizes that fit.",
    )


ConvTranspose1d = _conv_transpose_class(
    "ConvTranspose1d", 1, F.conv_transpose1d, "(N, C, L) or (C, L)"
)
ConvTranspose2d = _conv_transpose_class(
    "ConvTranspose2d", 2, F.conv_transpose2d, "(N, C, H, W) or (C, H, W)"
)
ConvTranspose3d = _conv_transpose_class(
    "ConvTranspose3d", 3, F.conv_transpose3d, "(N, C, D, H, W) or (C, D, H, W)"
)


class _LazyConvMixin(LazyModuleMixin):
    """A convolution that takes `in_channels` from the first input it sees."""

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input, *args, **kwargs) -> None:
        if not self.has_uninitialized_params():
            return
        dims = len(self.kernel_size)
        if input.dim() not in (dims + 1, dims + 2):
            raise RuntimeError(
                f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input "
                f"to {type(self).__name__}, but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-dims - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        first, second = (
            (self.in_channels, self.out_channels)
            if self.transposed
            else (self.out_channels, self.in_channels)
        )
        self.weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


def _lazy_conv_class(name: str, base, transposed: bool):
    def finish(self, out_channels, bias, device, dtype):
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    if transposed:

        class Lazy(_LazyConvMixin, base):
            def __init__(
                self,
                out_channels: int,
                kernel_size,
                stride=1,
                padding=0,
                output_padding=0,
                groups: int = 1,
                bias: bool = True,
                dilation=1,
                padding_mode: str = "zeros",
                device=None,
                dtype=None,
            ) -> None:
                _LazyConvMixin.__init__(
                    self,
                    0,
                    0,
                    kernel_size,
                    stride,
                    padding,
                    output_padding,
                    groups,
                    False,
                    dilation,
                    padding_mode,
                )
                finish(self, out_channels, bias, device, dtype)
    else:

        class Lazy(_LazyConvMixin, base):
            def __init__(
                self,
                out_channels: int,
                kernel_size,
                stride=1,
                padding=0,
                dilation=1,
                groups: int = 1,
                bias: bool = True,
                padding_mode: str = "zeros",
                device=None,
                dtype=None,
            ) -> None:
                _LazyConvMixin.__init__(
                    self, 0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode
                )
                finish(self, out_channels, bias, device, dtype)

    Lazy.cls_to_become = base
    return _named(Lazy, name, f"A {base.__name__} that takes `in_channels` from its first input.")


LazyConv1d = _lazy_conv_class("LazyConv1d", Conv1d, False)
LazyConv2d = _lazy_conv_class("LazyConv2d", Conv2d, False)
LazyConv3d = _lazy_conv_class("LazyConv3d", Conv3d, False)
LazyConvTranspose1d = _lazy_conv_class("LazyConvTranspose1d", ConvTranspose1d, True)
LazyConvTranspose2d = _lazy_conv_class("LazyConvTranspose2d", ConvTranspose2d, True)
LazyConvTranspose3d = _lazy_conv_class("LazyConvTranspose3d", ConvTranspose3d, True)
