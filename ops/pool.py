"""Pooling over windows, and resampling of images."""

from tools.opgen.table import FLOATING, REAL, S, T, op

_WINDOW = "int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool ceil_mode"
_PASS = "kernel_size, stride, padding, dilation, ceil_mode"

# Which element of a window was the largest is kept as its number in the window, in one byte; windows
# of more than 256 elements keep positions instead.
op(f"_max_pool(Tensor self, {_WINDOW}) -> (Tensor values, Tensor taps)", dtypes=REAL, public=False, variants="",
   grad={"self": f"_max_pool_spread(g_values, taps, self.sizes, {_PASS})"},
   samples=[S(T((1, 2, 5)), (2,), (2,), (0,), (1,), False)],
   doc="Maxima over windows of (batch, channels, ...), and the number of each in its window. NaN "
       "wins; the first of equals.")

op(f"_max_pool_spread(Tensor grad, Tensor taps, int[] size, {_WINDOW}) -> Tensor", dtypes=REAL,
   public=False, variants="", grad={"grad": f"_max_pool_collect(g, taps, {_PASS})"},
   samples=[S(T((1, 1, 2)), T((1, 1, 2), values=[[[0, 1]]], dtype="uint8"), (1, 1, 4), (2,), (2,),
              (0,), (1,), False)],
   doc="Adds every element to the pixel of its window that `taps` gives.")

op(f"_max_pool_collect(Tensor self, Tensor taps, {_WINDOW}) -> Tensor", dtypes=REAL, public=False, variants="",
   grad={"self": f"_max_pool_spread(g, taps, self.sizes, {_PASS})"},
   samples=[S(T((1, 1, 4)), T((1, 1, 2), values=[[[0, 1]]], dtype="uint8"), (2,), (2,), (0,), (1,),
              False)],
   doc="The pixel of each window that `taps` gives.")

op(f"_max_pool_with_indices(Tensor self, {_WINDOW}) -> (Tensor values, Tensor indices)",
   dtypes=REAL, public=False, variants="", grad={"self": "_pool_spread(g_values, indices, self.sizes)"},
   samples=[S(T((1, 2, 5)), (2,), (2,), (0,), (1,), False)],
   doc="Maxima over windows and their positions in the flattened plane; the first of equals.")

op("_adaptive_max_pool(Tensor self, int[] output_size) -> (Tensor values, Tensor indices)",
   dtypes=REAL, public=False, variants="", grad={"self": "_pool_spread(g_values, indices, self.sizes)"},
   samples=[S(T((1, 2, 5)), (2,))],
   doc="Maxima over as many windows as asked for, and their positions in the flattened plane.")

op("_windowed_max(Tensor self, Tensor starts, int[] kernel, int[] output_size) "
   "-> (Tensor values, Tensor indices)", dtypes=REAL, public=False,
   grad={"self": "_pool_spread(g_values, indices, self.sizes)"}, samples=[],
   doc="The maxima of windows of (N, C, *), and their positions in the plane; starts (N, C, sum of "
       "output_size) says where windows begin along each dimension.")

op("_pool_spread(Tensor grad, Tensor indices, int[] size) -> Tensor", dtypes=REAL, public=False, variants="",
   grad={"grad": "_pool_pick(g, indices)"},
   samples=[S(T((1, 2, 2)), T((1, 2, 2), values=[[[0, 1], [3, 3]]], dtype="int64"), (1, 2, 4))],
   doc="Adds every element to the position of its plane that `indices` gives.")

op("_pool_pick(Tensor self, Tensor indices) -> Tensor", dtypes=REAL, public=False, variants="",
   grad={"self": "_pool_spread(g, indices, self.sizes)"},
   samples=[S(T((1, 2, 4)), T((1, 2, 2), values=[[[0, 1], [3, 3]]], dtype="int64"))],
   doc="The elements of each plane at the positions that `indices` gives.")

op("_avg_pool(Tensor self, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, "
   "bool count_include_pad, int? divisor_override) -> Tensor", dtypes=REAL, public=False, variants="",
   grad={"self": "_avg_pool_grad(g, self.sizes, kernel_size, stride, padding, ceil_mode, "
                 "count_include_pad, divisor_override)"},
   samples=[S(T((1, 2, 5)), (2,), (2,), (0,), False, True, None)],
   doc="Means over windows of (batch, channels, ...).")

op("_avg_pool_grad(Tensor grad, int[] size, int[] kernel_size, int[] stride, int[] padding, "
   "bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor", dtypes=FLOATING,
   public=False, variants="",
   grad={"grad": "_avg_pool(g, kernel_size, stride, padding, ceil_mode, count_include_pad, "
                 "divisor_override)"},
   samples=[S(T((1, 2, 2)), (1, 2, 5), (2,), (2,), (0,), False, True, None)],
   doc="The gradient of _avg_pool.")

op("_adaptive_avg_pool(Tensor self, int[] output_size) -> Tensor", dtypes=REAL, public=False, variants="",
   grad={"self": "_adaptive_avg_pool_grad(g, self.sizes)"},
   samples=[S(T((1, 2, 5)), (2,))], doc="Means over as many windows as asked for.")

op("_adaptive_avg_pool_grad(Tensor grad, int[] size) -> Tensor", dtypes=FLOATING, public=False, variants="",
   grad={"grad": "adaptive_avg_pool_again(g, grad.sizes)"}, samples=[S(T((1, 2, 2)), (1, 2, 5))],
   doc="The gradient of _adaptive_avg_pool.")

for _n, _image in ((1, (2, 3, 7)), (2, (2, 3, 6, 5)), (3, (1, 2, 5, 4, 6))):
    _space = "torch" if _n == 1 else "nn"
    _window = (f"Tensor input, int[{_n}] kernel_size, int[{_n}]? stride=None, "
               f"int[{_n}] padding=0, int[{_n}] dilation=1, bool ceil_mode=False")
    _cases = [S(T(_image), 2), S(T(_image[1:]), 3, 2, 1), S(T(_image), 2, 1, 0, 2, True)]
    op(f"max_pool{_n}d({_window}) -> Tensor", "composite", dtypes=REAL, samples=_cases,
       doc=f"Maxima over windows of the last {_n} dimension(s) of (batch, channels, ...) or "
           "(channels, ...). The stride defaults to the kernel's size; NaN wins.")
    op(f"max_pool{_n}d_with_indices({_window}) -> (Tensor values, Tensor indices)", "composite",
       dtypes=REAL, namespace=_space, samples=_cases,
       doc=f"max_pool{_n}d, and the positions of the maxima in the flattened dimensions.")
    _divisor = "" if _n == 1 else ", int? divisor_override=None"
    op(f"avg_pool{_n}d(Tensor input, int[{_n}] kernel_size, int[{_n}]? stride=None, "
       f"int[{_n}] padding=0, bool ceil_mode=False, bool count_include_pad=True{_divisor}) "
       "-> Tensor", "composite", dtypes=REAL, namespace=_space, variants="function out",
       samples=[S(T(_image), 2), S(T(_image[1:]), 3, 2, 1, True), S(T(_image), 3, 2, 1, True, False)],
       doc=f"Means over windows of the last {_n} dimension(s). With count_include_pad the zeros of "
           "the padding count.")
    op(f"adaptive_avg_pool{_n}d(Tensor input, int[{_n}] output_size) -> Tensor", "composite",
       dtypes=REAL, namespace=_space, samples=[S(T(_image), 2), S(T(_image[1:]), 4)],
       doc="Means over windows chosen so that the result has the given size; window i of n is "
           "[floor(i L / n), ceil((i + 1) L / n)).")
    op(f"adaptive_max_pool{_n}d(Tensor input, int[{_n}] output_size) "
       "-> (Tensor values, Tensor indices)", "composite", dtypes=REAL, namespace=_space,
       samples=[S(T(_image), 2), S(T(_image[1:]), 4)],
       doc="Maxima over windows chosen so that the result has the given size, and their positions.")

# Resampling is separable: along each dimension a sparse matrix with few weights in a row. A scale of 0
# is that of the sizes.
_RESAMPLE = "str mode, bool align_corners, float[] scales, bool antialias"
_RESAMPLE_PASS = "mode, align_corners, scales, antialias"
op(f"_resample(Tensor self, int[] size, {_RESAMPLE}) -> Tensor", dtypes=FLOATING, public=False,
   grad={"self": f"resample_grad(g, self.sizes, {_RESAMPLE_PASS})"},
   samples=[S(T((2, 3, 5)), (7,), "linear", False, (0.0,), False),
            S(T((1, 2, 5, 3)), (2, 4), "cubic", False, (0.0, 0.0), True)],
   doc="Resamples images to a size; mode: nearest, nearest-exact, linear, cubic, lanczos.")

op(f"_resample_grad(Tensor grad, int[] size, {_RESAMPLE}) -> Tensor", dtypes=FLOATING,
   public=False, variants="",
   grad={"grad": f"resample_again(g, grad.sizes, {_RESAMPLE_PASS})"},
   samples=[S(T((2, 3, 5)), (7,), "linear", False, (0.0,), False)],
   doc="The transpose of _resample, from resampled images back to those of a size.")

# Sampling at the points of a grid is linear in the image. Its derivatives by the grid are samples with
# derived weights: `order` says how often along each dimension of the image, () for not at all. So three
# operators have each other's gradients, of all orders.
_GRID = "str mode, str padding_mode, bool align_corners, int[] order"
_GRID_PASS = "mode, padding_mode, align_corners, order"
_PLACES = T((1, 2, 1, 2), -0.7, 0.7)
op(f"_grid_sample(Tensor self, Tensor grid, {_GRID}) -> Tensor", dtypes=FLOATING, public=False,
   grad={"self": f"_grid_sample_scatter(g, grid, self.sizes, {_GRID_PASS})",
         "grid": f"_grid_sample_slopes(g, self, grid, {_GRID_PASS})"},
   samples=[S(T((1, 2, 3, 4)), _PLACES, "bicubic", "reflection", False, ()),
            S(T((2, 5, 3, 2, 2)), T((2, 1, 2, 1, 3), -0.7, 0.7), "bilinear", "zeros", False, ())],
   doc="Images (N, C, ...) sampled at points (N, ..., dims): (N, C, ...).")

op(f"_grid_sample_scatter(Tensor self, Tensor grid, int[] size, {_GRID}) -> Tensor", dtypes=FLOATING,
   public=False, variants="",
   grad={"self": f"_grid_sample(g, grid, {_GRID_PASS})",
         "grid": f"_grid_sample_slopes(self, g, grid, {_GRID_PASS})"},
   samples=[S(T((1, 2, 2, 1)), _PLACES, (1, 2, 3, 4), "bicubic", "zeros", False, ())],
   doc="The transpose of _grid_sample: images of a size that are sums of values.")

op(f"_grid_sample_slopes(Tensor self, Tensor image, Tensor grid, {_GRID}) -> Tensor", dtypes=FLOATING,
   public=False, variants="",
   grad={"self": f"grid_slopes_by_values(g, image, grid, {_GRID_PASS})",
         "image": f"grid_slopes_by_image(g, self, grid, image.sizes, {_GRID_PASS})",
         "grid": f"grid_slopes_by_grid(g, self, image, grid, {_GRID_PASS})"},
   samples=[S(T((1, 2, 2, 1)), T((1, 2, 3, 4)), _PLACES, "bicubic", "zeros", False, ())],
   doc="The derivative by the grid of the sum of values times samples.")
