// Maxima of windows whose places are given for each plane, as fractional max pooling draws them.
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_pool.h"
#include "ops/op_support.h"

namespace flambeau::impl {

namespace {

// Up to three dimensions, the missing ones first with one element.
struct Windows { int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}; };

// The first maximum of each window of one plane, or its first NaN; starts[d][o] is where window o
// begins along dimension d.
template <class T>
void maxima(const Windows& w, const T* x, const int64_t* const* starts, T* y, int64_t* at) {
  const auto beats = [](T v, T best) { return v > best || (v != v && best == best); };
  for (int64_t a = 0; a < w.out[0]; ++a)
    for (int64_t b = 0; b < w.out[1]; ++b)
      for (int64_t c = 0; c < w.out[2]; ++c, ++y, ++at) {
        const int64_t corner = (starts[0][a] * w.in[1] + starts[1][b]) * w.in[2] + starts[2][c];
        int64_t best = corner;
        T top = x[corner];
        for (int64_t i = 0; i < w.kernel[0]; ++i)
          for (int64_t j = 0; j < w.kernel[1]; ++j) {
            const int64_t row = corner + (i * w.in[1] + j) * w.in[2];
            for (int64_t k = row; k < row + w.kernel[2]; ++k)
              if (beats(x[k], top)) top = x[k], best = k;
          }
        *y = top, *at = best;
      }
}

}  // namespace

std::tuple<Tensor, Tensor> _windowed_max(const Tensor& self, const Tensor& starts,
                                         const Dims& kernel, const Dims& output_size) {
  const int64_t dims = self.dim() - 2;
  FB_CHECK((dims == 2 || dims == 3) && static_cast<int64_t>(kernel.size()) == dims &&
               static_cast<int64_t>(output_size.size()) == dims && !is_complex(self.dtype()),
           "fractional_max_pool(): expects (N, C) and two or three dimensions, got ", self.sizes());
  Windows w;
  Dims sizes{self.size(0), self.size(1)};
  int64_t all = 0;
  for (int64_t d = 0; d < dims; ++d) {
    const auto i = static_cast<size_t>(d), at = static_cast<size_t>(3 - dims + d);
    w.in[at] = self.size(2 + d), w.out[at] = output_size[i], w.kernel[at] = kernel[i];
    FB_CHECK(kernel[i] >= 1 && output_size[i] >= 1 && kernel[i] <= self.size(2 + d),
             "fractional_max_pool(): pool size ", kernel, " too large relative to input size ",
             self.sizes(), " for output size ", output_size);
    sizes.push_back(output_size[i]), all += output_size[i];
  }
  FB_CHECK(starts.dtype() == DType::Int64 && starts.sizes() == Dims({sizes[0], sizes[1], all}),
           "fractional_max_pool(): expects int64 starts of ", all, " windows a plane, got ",
           starts.sizes());
  const Tensor values = empty(sizes, self.dtype(), self.device(), "fractional_max_pool");
  const Tensor indices = empty(sizes, DType::Int64, self.device(), "fractional_max_pool");
  if (values.is_meta() || values.numel() == 0) return {values, indices};
  const Tensor x = contiguous(self), begins = contiguous(starts);
  const int64_t planes = sizes[0] * sizes[1], in = w.in[0] * w.in[1] * w.in[2],
                out = w.out[0] * w.out[1] * w.out[2], first = dims == 2 ? 1 : 0;
  const int64_t* given = begins.data<int64_t>();
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t d = first, k = p * all; d < 3; ++d)
      for (const int64_t end = k + w.out[d]; k < end; ++k)
        FB_CHECK_INDEX(given[k] >= 0 && given[k] <= w.in[d] - w.kernel[d],
                       "fractional_max_pool(): a window begins at ", given[k], " of ", w.in[d]);
  visit_dtype(self.dtype(), [&]<class T>() {
    if constexpr (!is_complex_v<T>) {
      const T* from = x.data<T>();
      T* to = values.data<T>();
      int64_t* at = indices.data<int64_t>();
      const int64_t work = out * w.kernel[0] * w.kernel[1] * w.kernel[2];
      BlockingRegion region(planes * work > kBlockingWork);
      parallel_for(planes, std::max<int64_t>(1, 8192 / work), [&](int64_t begin, int64_t end) {
        constexpr int64_t kZero = 0;
        for (int64_t p = begin; p < end; ++p) {
          const int64_t* own[3] = {&kZero, given + p * all, nullptr};
          if (first == 0) own[0] = given + p * all, own[1] = own[0] + w.out[0];
          own[2] = own[1] + w.out[1];
          maxima(w, from + p * in, own, to + p * out, at + p * out);
        }
      });
    }
  });
  return {values, indices};
}

}  // namespace flambeau::impl
