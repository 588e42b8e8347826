"""Convolutions, transposed convolutions, and the extraction of patches."""

from tools.opgen.table import ALL, NUMERIC, S, T, op

# Every convolution ends in one of three maps that are each other's gradients. `size` is the whole
# shape of the result; padding is that before the first pixel, what follows the last one is implied.
_ARGS = "int[] size, int[] stride, int[] padding, int[] dilation, int groups"
_SAME = "stride, padding, dilation, groups"

op(f"_convolution(Tensor input, Tensor weight, Tensor? bias, {_ARGS}) -> Tensor", public=False, variants="",
   grad={"input": f"_convolution_transpose(g, conj(weight), None, input.sizes, {_SAME})",
         "weight": f"_convolution_weight_grad(g, conj(input), weight.sizes, {_SAME})",
         "bias": "channel_sums(g)"},
   samples=[S(T((1, 2, 5)), T((3, 2, 3)), T((3,)), (1, 3, 5), (1,), (1,), (1,), 1)],
   doc="Correlates a batch of images with kernels (out, in / groups, ...).")

op(f"_convolution_transpose(Tensor input, Tensor weight, Tensor? bias, {_ARGS}) -> Tensor",
   public=False, variants="",
   grad={"input": f"_convolution(g, conj(weight), None, input.sizes, {_SAME})",
         "weight": f"_convolution_weight_grad(conj(input), g, weight.sizes, {_SAME})",
         "bias": "channel_sums(g)"},
   samples=[S(T((1, 3, 5)), T((3, 2, 3)), T((2,)), (1, 2, 9), (2,), (1,), (1,), 1)],
   doc="The transpose of _convolution as a linear map of its input.")

op(f"_convolution_weight_grad(Tensor grad, Tensor input, {_ARGS}) -> Tensor", public=False, variants="",
   grad={"grad": f"_convolution(conj(input), g, None, grad.sizes, {_SAME})",
         "input": f"_convolution_transpose(conj(grad), g, None, input.sizes, {_SAME})"},
   samples=[S(T((1, 3, 5)), T((1, 2, 5)), (3, 2, 3), (1,), (1,), (1,), 1)],
   doc="The gradient of the weight of _convolution.")

for _n, _image, _kernel in ((1, "5", "3"), (2, "5, 4", "3, 2"), (3, "4, 3, 4", "2, 2, 3")):
    _x, _w = eval(f"(2, 4, {_image})"), eval(f"(6, 2, {_kernel})")
    _tail = f"int[{_n}] dilation=1, int groups=1) -> Tensor"
    op(f"conv{_n}d(Tensor input, Tensor weight, Tensor? bias=None, int[{_n}] stride=1, "
       f"int[{_n}] padding=0, {_tail}", "composite",
       samples=[S(T(_x), T(_w), T((6,)), groups=2), S(T(_x[1:]), T((3, 4, *_w[2:])), None, 2, 1)],
       doc=f"Cross-correlation over the last {_n} dimension(s) of `input` (batch, in, ...) or "
           "(in, ...); weight (out, in / groups, ...), bias (out,).")
    op(f"conv{_n}d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[{_n}] stride=1, "
       f"str padding='valid', {_tail}", "composite",
       samples=[S(T(_x), T(_w), T((6,)), 1, "same", groups=2)],
       doc="The same with padding 'same' (the size is kept; the odd pixel goes to the end) or "
           "'valid' (none).")
    op(f"conv_transpose{_n}d(Tensor input, Tensor weight, Tensor? bias=None, int[{_n}] stride=1, "
       f"int[{_n}] padding=0, int[{_n}] output_padding=0, int groups=1, int[{_n}] dilation=1) "
       "-> Tensor", "composite",
       samples=[S(T(_x), T((4, 3, *_w[2:])), T((3,)), 2, 1, 1)],
       doc=f"The transpose of conv{_n}d as a map of images; weight (in, out / groups, ...). "
           "`output_padding` enlarges the result at its end.")

op("convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, "
   "int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor", "composite",
   samples=[S(T((2, 4, 5)), T((6, 4, 3)), None, (1,), (0,), (1,), False, (0,), 1)],
   doc="conv or conv_transpose of as many dimensions as the weight has beyond two.")

op("im2col(Tensor input, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, "
   "int[2] stride=1) -> Tensor", dtypes=ALL, namespace="nn",
   grad={"input": "im2col_grad(g, input.sizes, kernel_size, dilation, padding, stride)"},
   samples=[S(T((2, 3, 4, 5)), 2), S(T((3, 4, 5)), (2, 3), 1, 1, 2)],
   doc="Patches as columns: (N, C, H, W) -> (N, C kh kw, patches); zeros beyond the border.")

op("col2im(Tensor input, int[2] output_size, int[2] kernel_size, int[2] dilation=1, "
   "int[2] padding=0, int[2] stride=1) -> Tensor", dtypes=NUMERIC, namespace="nn",
   grad={"input": "im2col(g, kernel_size, dilation, padding, stride)"},
   samples=[S(T((2, 12, 12)), (4, 5), 2), S(T((12, 12)), (4, 5), 2)],
   doc="Sums patches, given as columns, where they overlap: the transpose of im2col.")
