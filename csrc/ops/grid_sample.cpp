// Images sampled at the points of a grid.
#include "cpu/grid_sample.h"

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "impl_pool.h"
#include "ops/image_layout.h"

namespace flambeau::impl {

namespace {

template <class E, size_t N>
E named(const char* op, const char* what, const std::string& text,
        const std::pair<const char*, E> (&names)[N]) {
  for (const auto& [name, value] : names)
    if (name == text) return value;
  fail(ErrorKind::Value, op, "(): unknown ", what, " '", text, "'");
}

GridRule rule_of(const char* op, const Dims& size, const std::string& mode,
                 const std::string& padding, bool align_corners, const Dims& order) {
  const auto dims = size.size() < 2 ? 0 : size.size() - 2;
  FB_CHECK(dims == 2 || dims == 3, op, "(): expects images (N, C, H, W) or (N, C, D, H, W), got ",
           size);
  FB_CHECK(order.empty() || order.size() == dims, op, "(): expects an order for each of ", dims,
           " dimensions, got ", order);
  GridRule r{};
  r.filter = named<GridFilter>(op, "mode", mode,
                               {{"nearest", GridFilter::Nearest},
                                {"bilinear", GridFilter::Linear},
                                {"bicubic", GridFilter::Cubic}});
  r.padding = named<GridPadding>(op, "padding_mode", padding,
                                 {{"zeros", GridPadding::Zeros},
                                  {"border", GridPadding::Border},
                                  {"reflection", GridPadding::Reflection}});
  FB_CHECK(r.filter != GridFilter::Cubic || dims == 2, op, "(): bicubic is for 4D images, got ",
           size);
  r.align_corners = align_corners;
  r.dims = static_cast<int>(dims);
  for (size_t d = 0; d < dims; ++d) {
    r.size[d] = size[d + 2];
    const int64_t o = order.empty() ? 0 : order[d];
    FB_CHECK(o >= 0, op, "(): orders must not be negative, got ", order);
    r.order[d] = static_cast<int>(std::min<int64_t>(o, 4));  // of which cubics have none left
  }
  return r;
}

Dims values_size(const Tensor& grid, int64_t channels) {
  Dims size(grid.sizes().begin(), grid.sizes().end() - 1);
  size.insert(1, channels);
  return size;
}

// `size` is that of the images, `values` what the points hold, if there is any yet.
GridProblem problem_of(const char* op, const Dims& size, const Tensor& values, const Tensor& grid,
                       DType dtype, const GridRule& rule) {
  const auto dims = static_cast<size_t>(rule.dims);
  GridProblem p{rule, size[0], size[1], 1, 1};
  FB_CHECK(size[0] >= 0 && size[1] >= 0, op, "(): sizes must not be negative, got ", size);
  for (size_t d = 0; d < dims; ++d) {
    FB_CHECK(size[d + 2] > 0 && size[d + 2] <= INT32_MAX / p.pixels, op,
             "(): images must have between 1 and 2147483647 pixels, got ", size);
    p.pixels *= size[d + 2];
  }
  FB_CHECK(grid.dim() == rule.dims + 2 && grid.size(0) == size[0] &&
               grid.size(rule.dims + 1) == rule.dims,
           op, "(): expects a grid (N, ..., ", dims, ") for images ", size, ", got ", grid.sizes());
  FB_CHECK(grid.dtype() == dtype, op, "(): expects images and grid of one dtype, got ", dtype,
           " and ", grid.dtype());
  for (size_t d = 0; d < dims; ++d) p.points *= grid.size(static_cast<int64_t>(d) + 1);
  if (!values.defined()) return p;
  const Dims expected = values_size(grid, size[1]);
  FB_CHECK(values.sizes() == expected && values.dtype() == dtype, op, "(): expects values ",
           expected, " of ", dtype, ", got ", values.sizes(), " of ", values.dtype());
  return p;
}

// Runs f<T>(result) with a dense result, in the type of computation.
template <class F>
Tensor compute(const char* op, const Dims& sizes, const Tensor& like, bool meta, int64_t work,
               F&& f) {
  if (meta) return empty(sizes, like.dtype(), kMeta, op);
  const DType type = is_half(like.dtype()) ? DType::Float32 : like.dtype();
  const Tensor out = empty(sizes, type, like.device(), op);
  if (out.numel() != 0) {
    BlockingRegion region(work > kBlockingWork / 4);
    if (type == DType::Float64)
      f.template operator()<double>(out.data<double>());
    else
      f.template operator()<float>(out.data<float>());
  }
  return to_dtype(out, like.dtype());
}

Tensor widened(const Tensor& t) {
  return is_half(t.dtype()) && !t.is_meta() ? to_dtype(t, DType::Float32) : t;
}
Tensor plain(const Tensor& t) { return t.is_meta() ? t : contiguous(widened(t)); }
Tensor image_in(const Tensor& t, bool last) {
  return t.is_meta() ? t : in_layout(widened(t), last);
}

}  // namespace

Tensor _grid_sample(const Tensor& self, const Tensor& grid, const std::string& mode,
                    const std::string& padding_mode, bool align_corners, const Dims& order) {
  constexpr const char* op = "grid_sample";
  const GridRule rule = rule_of(op, self.sizes(), mode, padding_mode, align_corners, order);
  const GridProblem p = problem_of(op, self.sizes(), Tensor(), grid, self.dtype(), rule);
  const bool last = prefers_channels_last(self);
  const Tensor x = image_in(self, last), at = plain(grid);
  return compute(op, values_size(grid, self.size(1)), self, self.is_meta() || grid.is_meta(),
                 self.numel() + grid.numel(),
                 [&]<class T>(T* y) { grid_sample(p, x.data<T>(), last, at.data<T>(), y); });
}

Tensor _grid_sample_scatter(const Tensor& self, const Tensor& grid, const Dims& size,
                            const std::string& mode, const std::string& padding_mode,
                            bool align_corners, const Dims& order) {
  constexpr const char* op = "grid_sample_scatter";
  const GridRule rule = rule_of(op, size, mode, padding_mode, align_corners, order);
  const GridProblem p = problem_of(op, size, self, grid, self.dtype(), rule);
  const Tensor y = plain(self), at = plain(grid);
  return compute(op, size, self, self.is_meta() || grid.is_meta(), self.numel() + grid.numel(),
                 [&]<class T>(T* x) { grid_sample_scatter(p, y.data<T>(), at.data<T>(), x); });
}

Tensor _grid_sample_slopes(const Tensor& self, const Tensor& image, const Tensor& grid,
                           const std::string& mode, const std::string& padding_mode,
                           bool align_corners, const Dims& order) {
  constexpr const char* op = "grid_sample_slopes";
  const GridRule rule = rule_of(op, image.sizes(), mode, padding_mode, align_corners, order);
  const GridProblem p = problem_of(op, image.sizes(), self, grid, image.dtype(), rule);
  const bool last = prefers_channels_last(image);
  const Tensor y = plain(self), x = image_in(image, last), at = plain(grid);
  return compute(op, grid.sizes(), grid, self.is_meta() || image.is_meta() || grid.is_meta(),
                 image.numel() + grid.numel(), [&]<class T>(T* to) {
                   grid_sample_slopes(p, y.data<T>(), x.data<T>(), last, at.data<T>(), to);
                 });
}

}  // namespace flambeau::impl
