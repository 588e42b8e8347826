// Resampling of images, for interpolate().
#include "cpu/resample.h"

#include "core/blocking.h"
#include "cpu/copy.h"
#include "impl_pool.h"
#include "ops/image_layout.h"

namespace flambeau::impl {

namespace {

ResampleOptions options_of(const std::string& mode, bool align_corners, bool antialias,
                           DType dtype) {
  static constexpr std::pair<const char*, Resampling> modes[] = {
      {"nearest", Resampling::Nearest},
      {"nearest-exact", Resampling::NearestExact},
      {"linear", Resampling::Linear},
      {"cubic", Resampling::Cubic},
      {"lanczos", Resampling::Lanczos}};
  for (const auto& [text, value] : modes) {
    if (mode != text) continue;
    FB_CHECK(value != Resampling::Lanczos || antialias,
             "interpolate(): mode lanczos needs antialias=True");
    FB_CHECK(!antialias || value >= Resampling::Linear,
             "interpolate(): antialias is for the modes linear, "
             "cubic and lanczos");
    return {value, align_corners, 0, antialias, dtype == DType::Float64};
  }
  fail(ErrorKind::NotImplemented, "interpolate(): unknown mode '", mode,
       "'; allowed are nearest, nearest-exact, linear, cubic and lanczos");
}

// A table for each spatial dimension, from sizes `in` to sizes `out`.
std::vector<ResampleTable> tables_of(const Dims& in, const Dims& out, ResampleOptions o,
                                     const std::vector<double>& scales) {
  std::vector<ResampleTable> tables;
  for (size_t d = 0; d < in.size(); ++d) {
    o.scale = scales[d];
    tables.push_back(resample_table(in[d], out[d], o));
  }
  return tables;
}

// `size`: of the spatial dimensions of the result.
template <class F>
Tensor run(const Tensor& self, const Dims& size, const std::vector<double>& scales, F&& tables) {
  const auto dims = size.size();
  FB_CHECK(dims >= 1 && dims <= 3 && self.dim() == static_cast<int64_t>(dims) + 2 &&
               scales.size() == dims,
           "interpolate(): expects a batch of images and as many sizes and scales as they have "
           "dimensions, got ",
           self.sizes(), " and sizes ", size);
  const Dims in(self.sizes().begin() + 2, self.sizes().end());
  Dims sizes{self.size(0), self.size(1)};
  for (size_t d = 0; d < dims; ++d) {
    FB_CHECK(in[d] > 0 && size[d] > 0,
             "interpolate(): Input and output sizes should be greater than 0, "
             "but got input (",
             in[d], ") output (", size[d], ")");
    FB_CHECK(!(scales[d] < 0), "interpolate(): scales must not be negative, got ", scales[d]);
    sizes.push_back(size[d]);
  }
  FB_CHECK_KIND(ErrorKind::NotImplemented, is_floating(self.dtype()),
                "interpolate(): not implemented for '", name(self.dtype()),
                "'; convert the image to a floating dtype");
  const bool last = prefers_channels_last(self);
  const DType type = is_half(self.dtype()) && !self.is_meta() ? DType::Float32 : self.dtype();
  Tensor out = empty_image(sizes, last, type, self.device(), "interpolate");
  if (out.is_meta() || out.numel() == 0) return to_dtype(out, self.dtype());
  const Tensor x = in_layout(to_dtype(self, type), last);
  const std::vector<ResampleTable> all = tables(in);
  const int64_t outer = last ? self.size(0) : self.size(0) * self.size(1);
  const int64_t inner = last ? self.size(1) : 1;
  const auto go = [&]<class T>() {
    const T* from = x.data<T>();
    T* to = out.data<T>();
    BlockingRegion region(x.numel() + out.numel() > 65536);
    resample(all, outer, inner, from, to);
  };
  if (type == DType::Float64)
    go.template operator()<double>();
  else
    go.template operator()<float>();
  return to_dtype(out, self.dtype());
}

}  // namespace

Tensor _resample(const Tensor& self, const Dims& size, const std::string& mode, bool align_corners,
                 const std::vector<double>& scales, bool antialias) {
  const ResampleOptions o = options_of(mode, align_corners, antialias, self.dtype());
  return run(self, size, scales, [&](const Dims& in) { return tables_of(in, size, o, scales); });
}

Tensor _resample_grad(const Tensor& grad, const Dims& size, const std::string& mode,
                      bool align_corners, const std::vector<double>& scales, bool antialias) {
  const ResampleOptions o = options_of(mode, align_corners, antialias, grad.dtype());
  return run(grad, size, scales, [&](const Dims& out) {
    std::vector<ResampleTable> tables = tables_of(size, out, o, scales);
    for (ResampleTable& t : tables) t = transposed(t);
    return tables;
  });
}

}  // namespace flambeau::impl
