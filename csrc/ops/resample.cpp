// Resampling of one dimension; interpolate() calls it once for each.
#include "cpu/resample.h"

#include "core/blocking.h"
#include "cpu/copy.h"
#include "impl_pool.h"
#include "ops/image_layout.h"

namespace flambeau::impl {

namespace {

ResampleOptions options_of(const std::string& mode, bool align_corners, std::optional<double> scale,
                           bool antialias, DType dtype) {
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
    return {value, align_corners, scale.value_or(0), antialias, dtype == DType::Float64};
  }
  fail(ErrorKind::NotImplemented, "interpolate(): unknown mode '", mode,
       "'; allowed are nearest, nearest-exact, linear, cubic and lanczos");
}

// Dense memory around one dimension: (outer, size, inner), in the layout of the tensor.
struct Around {
  int64_t outer = 1, inner = 1;
  bool channels_last;
};

Around around(const Tensor& t, int64_t dim) {
  Around a;
  a.channels_last = prefers_channels_last(t);
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (d == dim) continue;
    const bool inside = a.channels_last ? dim != 1 && (d > dim || d == 1) && d != 0 : d > dim;
    (inside ? a.inner : a.outer) *= t.size(d);
  }
  return a;
}

template <class F>
Tensor run(const Tensor& self, int64_t dim, int64_t size, F&& f) {
  dim = wrap_dim(dim, self.dim(), "interpolate");
  FB_CHECK(self.size(dim) > 0 && size > 0,
           "interpolate(): Input and output sizes should be greater than 0, "
           "but got input (",
           self.size(dim), ") output (", size, ")");
  FB_CHECK_KIND(ErrorKind::NotImplemented, is_floating(self.dtype()),
                "interpolate(): not implemented for '", name(self.dtype()),
                "'; convert the image to a floating dtype");
  const Around a = around(self, dim);
  FB_CHECK(!a.channels_last || dim != 1, "interpolate(): cannot resample the channels");
  Dims sizes = self.sizes();
  sizes[dim] = size;
  const DType type = is_half(self.dtype()) && !self.is_meta() ? DType::Float32 : self.dtype();
  Tensor out = empty_image(sizes, a.channels_last, type, self.device(), "interpolate");
  if (out.is_meta() || out.numel() == 0) return to_dtype(out, self.dtype());
  const Tensor x = in_layout(to_dtype(self, type), a.channels_last);
  const auto go = [&]<class T>() {
    const T* from = x.data<T>();
    T* to = out.data<T>();
    BlockingRegion region(x.numel() + out.numel() > 65536);
    f(a, from, to);
  };
  if (type == DType::Float64)
    go.template operator()<double>();
  else
    go.template operator()<float>();
  return to_dtype(out, self.dtype());
}

}  // namespace

Tensor _resample(const Tensor& self, int64_t dim, int64_t size, const std::string& mode,
                 bool align_corners, std::optional<double> scale, bool antialias) {
  const ResampleOptions o = options_of(mode, align_corners, scale, antialias, self.dtype());
  return run(self, dim, size, [&](const Around& a, auto* x, auto* y) {
    const int64_t in = self.size(wrap_dim(dim, self.dim(), "interpolate"));
    resample(resample_table(in, size, o), a.outer, in, a.inner, x, y);
  });
}

Tensor _resample_grad(const Tensor& grad, int64_t dim, int64_t size, const std::string& mode,
                      bool align_corners, std::optional<double> scale, bool antialias) {
  const ResampleOptions o = options_of(mode, align_corners, scale, antialias, grad.dtype());
  return run(grad, dim, size, [&](const Around& a, auto* y, auto* x) {
    const int64_t out = grad.size(wrap_dim(dim, grad.dim(), "interpolate"));
    resample_adjoint(resample_table(size, out, o), a.outer, size, a.inner, y, x);
  });
}

}  // namespace flambeau::impl
