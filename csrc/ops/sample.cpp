// Images sampled at points.
#include "cpu/sample.h"

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_pool.h"

namespace flambeau::impl {

namespace {

struct Points {
  SampleGeometry g;
  Tensor index;

  // `image` is (N, C, pixels) or undefined, `values` (N, C, points) or undefined.
  Points(const Tensor& image, const Tensor& values, const Tensor& given, int64_t pixels) {
    const Tensor& some = image.defined() ? image : values;
    FB_CHECK(some.dim() == 3 && given.dim() == 3 && given.dtype() == DType::Int32 &&
                 given.size(1) == some.size(0),
             "_sample(): expects images (N, C, pixels) and an int32 index (taps, N, points), got ",
             some.sizes(), " and ", given.sizes(), " of ", given.dtype());
    g = {some.size(0), some.size(1), pixels, given.size(2), given.size(0)};
    FB_CHECK(!values.defined() || values.sizes() == Dims({g.batch, g.channels, g.points}),
             "_sample(): expects values ", Dims({g.batch, g.channels, g.points}), ", got ",
             values.sizes());
    FB_CHECK(!image.defined() || image.sizes() == Dims({g.batch, g.channels, pixels}),
             "_sample(): expects an image ", Dims({g.batch, g.channels, pixels}), ", got ",
             image.sizes());
    if (given.is_meta()) return;
    index = contiguous(given);
    int32_t last = -1;
    for (int64_t i = 0; i < index.numel(); ++i) last = std::max(last, index.data<int32_t>()[i]);
    FB_CHECK_INDEX(last < pixels, "_sample(): index ", last, " is out of range for ", pixels,
                   " pixels");
  }
  void check_weight(const Tensor& weight, const Tensor& given, DType dtype) const {
    FB_CHECK(weight.sizes() == given.sizes() && weight.dtype() == dtype,
             "_sample(): weights must be like the index ", given.sizes(), " and of ", dtype,
             ", got ", weight.sizes(), " of ", weight.dtype());
  }
};

DType wide(DType t) { return is_half(t) ? DType::Float32 : t; }

// Runs f<T>(a, b, result) on contiguous operands in the type of computation.
template <class F>
Tensor compute(const Tensor& a, const Tensor& b, const Dims& sizes, const Tensor& index, F&& f) {
  if (a.is_meta() || b.is_meta() || index.is_meta())
    return empty(sizes, a.dtype(), kMeta, "_sample");
  const DType type = wide(a.dtype());
  const Tensor x = contiguous(to_dtype(a, type)), y = contiguous(to_dtype(b, type));
  const Tensor out = empty(sizes, type, a.device(), "_sample");
  if (out.numel() == 0) return to_dtype(out, a.dtype());
  visit_floating(type, "_sample", [&]<class T>() {
    if constexpr (sizeof(T) >= 4) {
      BlockingRegion region(x.numel() + y.numel() > kBlockingWork);
      f(x.data<T>(), y.data<T>(), out.data<T>());
    }
  });
  return to_dtype(out, a.dtype());
}

}  // namespace

Tensor _sample(const Tensor& self, const Tensor& index, const Tensor& weight) {
  const Points p(self, Tensor(), index, self.dim() == 3 ? self.size(2) : 0);
  p.check_weight(weight, index, self.dtype());
  return compute(self, weight, {p.g.batch, p.g.channels, p.g.points}, index,
                 [&](auto* x, auto* w, auto* y) { sample(p.g, x, p.index.data<int32_t>(), w, y); });
}

Tensor _sample_scatter(const Tensor& self, const Tensor& index, const Tensor& weight,
                       int64_t pixels) {
  FB_CHECK(pixels >= 0, "_sample_scatter(): pixels must not be negative, got ", pixels);
  const Points p(Tensor(), self, index, pixels);
  p.check_weight(weight, index, self.dtype());
  return compute(
      self, weight, {p.g.batch, p.g.channels, pixels}, index,
      [&](auto* y, auto* w, auto* x) { sample_scatter(p.g, y, p.index.data<int32_t>(), w, x); });
}

Tensor _sample_dot(const Tensor& self, const Tensor& image, const Tensor& index) {
  FB_CHECK(image.dtype() == self.dtype(), "_sample_dot(): expects one dtype, got ", self.dtype(),
           " and ", image.dtype());
  const Points p(image, self, index, image.dim() == 3 ? image.size(2) : 0);
  return compute(self, image, index.sizes(), index, [&](auto* y, auto* x, auto* w) {
    sample_dot(p.g, y, x, p.index.data<int32_t>(), w);
  });
}

Tensor _sample_places(const TensorList& coords, const Dims& sizes, bool zeros) {
  const auto dims = sizes.size();
  FB_CHECK(dims > 0 && dims <= 3 && coords.size() == dims,
           "_sample_places(): expects coordinates for each of ", dims, " dimensions, got ",
           coords.size());
  int64_t taps = 1, pixels = 1;
  for (size_t d = 0; d < dims; ++d) {
    FB_CHECK(coords[d].dim() == 3 && coords[d].dtype() == coords[0].dtype() &&
                 coords[d].size(1) == coords[0].size(1) && coords[d].size(2) == coords[0].size(2),
             "_sample_places(): expects coordinates (taps, N, points), got ", coords[d].sizes());
    FB_CHECK(sizes[d] > 0 && sizes[d] <= INT32_MAX / pixels,
             "_sample_places(): images must have between 1 and 2147483647 pixels, got ", sizes);
    taps *= coords[d].size(0), pixels *= sizes[d];
  }
  const int64_t n = coords[0].size(1) * coords[0].size(2);
  const Tensor out = empty({taps, coords[0].size(1), coords[0].size(2)}, DType::Int32,
                           coords[0].device(), "_sample_places");
  if (out.is_meta()) return out;
  TensorList packed;
  for (const Tensor& c : coords) packed.push_back(contiguous(c));
  visit_floating(coords[0].dtype(), "_sample_places", [&]<class T>() {
    using C = compute_t<T>;
    const auto place = [&](const T* at, int64_t size, int32_t before) -> int32_t {
      const C c = static_cast<C>(*at), last = static_cast<C>(size - 1);
      if (before < 0 || (zeros && !(c >= C(0) && c <= last))) return -1;
      const C inside = c >= C(0) ? (c <= last ? c : last) : C(0);  // NaN is 0
      return before * static_cast<int32_t>(size) + static_cast<int32_t>(inside);
    };
    for (int64_t t = 0; t < taps; ++t) {
      int64_t rest = t, tap[8];
      for (size_t d = dims; d-- > 0; rest /= packed[d].size(0)) tap[d] = rest % packed[d].size(0);
      int32_t* to = out.data<int32_t>() + t * n;
      parallel_for(n, kParallelGrain / 2, [&](int64_t begin, int64_t end) {
        std::fill(to + begin, to + end, 0);
        for (size_t d = 0; d < dims; ++d) {
          const T* at = packed[d].data<T>() + tap[d] * n;
          for (int64_t i = begin; i < end; ++i) to[i] = place(at + i, sizes[d], to[i]);
        }
      });
    }
  });
  return out;
}

}  // namespace flambeau::impl
