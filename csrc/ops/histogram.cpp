// Counting: bincount, histc, histogram.
#include <cmath>

#include "core/allocator.h"
#include "core/blocking.h"
#include "cpu/count.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_sort.h"
#include "ops/index_support.h"
#include "ops_reduce.h"

namespace flambeau::impl {

namespace {

Tensor flat(const Tensor& t) {
  const Tensor packed = contiguous(t);
  return alias(packed, {packed.numel()}, {1}, packed.offset());
}

// All 256 counts tell the largest number as well.
Tensor count_bytes(const Tensor& bytes, int64_t least) {
  const Tensor all = empty({256}, DType::Int64);
  count_integers(bytes, {0, 255}, all);
  const int64_t* counts = all.data<int64_t>();
  int64_t length = 256;
  while (length > 0 && counts[length - 1] == 0) --length;
  const Tensor out = empty({std::max(length, least)}, DType::Int64, kCpu, "bincount");
  int64_t* rest = std::copy_n(counts, length, out.data<int64_t>());
  std::fill(rest, out.data<int64_t>() + out.numel(), 0);
  return out;
}

}  // namespace

Tensor bincount(const Tensor& self, const Tensor& weights, int64_t minlength) {
  FB_CHECK(minlength >= 0, "bincount(): minlength should be >= 0, got ", minlength);
  FB_CHECK(self.dim() == 1 && is_integral(self.dtype()) && self.dtype() != DType::Bool,
           "bincount only supports 1-d non-negative integral inputs.");
  FB_CHECK(!self.is_meta(),
           "bincount(): the result's size depends on values, which tensors on the meta "
           "device do not have");
  const bool weighted = weights.defined();
  FB_CHECK(!weighted || (weights.dim() == 1 && weights.numel() == self.numel()),
           "bincount(): weights should be 1-d and have the same length as input");
  const Tensor numbers = contiguous(self);
  if (!weighted && self.dtype() == DType::UInt8) return count_bytes(numbers, minlength);
  const IntRange range = range_of_integers(numbers);
  const int64_t largest = range.high;
  FB_CHECK(range.low >= 0, "bincount only supports 1-d non-negative integral inputs.");
  FB_CHECK(largest < INT64_MAX / 16, "bincount(): ", largest, " is too large to be counted");
  const DType type = !weighted || self.numel() == 0      ? DType::Int64
                     : weights.dtype() == DType::Float32 ? DType::Float32
                                                         : DType::Float64;
  const Tensor out = empty({std::max(largest + 1, minlength)}, type, kCpu, "bincount");
  if (numbers.numel() && !weighted) {
    count_integers(numbers, {0, out.numel() - 1}, out);
    return out;
  }
  fill_elements(out, 0);
  if (numbers.numel())
    lines_reduce(out, 0, to_dtype(numbers, DType::Int64), contiguous(to_dtype(weights, type)),
                 RowOp::Add, "bincount");
  return out;
}

namespace {

struct Range { double low, high; };

// The given range, or that of the elements where both ends are equal; never empty.
Range finite_range(const Tensor& values, double low, double high, double widen, const char* op) {
  if (low == high && values.numel() > 0) {
    low = item(ops::amin(values)).to_double();
    high = item(ops::amax(values)).to_double();
  }
  FB_CHECK(std::isfinite(low) && std::isfinite(high), op, ": range of [", low, ", ", high,
           "] is not finite");
  FB_CHECK(low <= high, op, ": max must be larger than min, got [", low, ", ", high, "]");
  if (low == high) {
    low -= widen;
    high += widen;
  }
  return {low, high};
}

// Which of the equal intervals between low and high hold n values, n <= kBlock, by division; `bins`
// for values outside.
constexpr int64_t kBlock = 512;
template <class T>
void equal_intervals(const T* v, int64_t n, T low, T high, int64_t bins, int64_t* at) {
  const T width = high - low, count = static_cast<T>(bins), last = static_cast<T>(bins - 1);
  // Ends may be alike in T, or their distance infinite: a NaN goes to the first bin.
  const auto interval = [=](T x) {
    T k = (x - low) / width * count;
    k = k > T(0) ? k : T(0);
    return k < last ? k : last;
  };
  if (bins < (int64_t{1} << 22)) {  // exact in float, and conversions go by vectors
    using Small = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
    Small small[kBlock];
    for (int64_t i = 0; i < n; ++i) {
      const bool inside = (v[i] >= low) & (v[i] <= high);
      small[i] = static_cast<Small>(inside ? interval(v[i]) : count);
    }
    std::copy_n(small, n, at);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const bool inside = v[i] >= low && v[i] <= high;
    at[i] = inside ? std::min(static_cast<int64_t>(interval(v[i])), bins - 1) : bins;
  }
}

// Sums of weights (or of ones) by bin. find(values, n, at) gives the bins of a block, `bins` for
// none. Parts of long inputs are summed apart, whatever the threads, and then together.
template <class T, class F>
void add_to_bins(const T* values, const T* weights, int64_t n, int64_t bins, T* out, F&& find) {
  constexpr int64_t kPart = 64 * 1024, kMostParts = 16;
  const int64_t parts = 8 * bins <= n ? std::clamp<int64_t>(n / kPart, 1, kMostParts) : int64_t{1};
  const int64_t step = (n + parts - 1) / parts;
  const Workspace space(checked_nbytes(parts, (bins + 1) * static_cast<int64_t>(sizeof(double))));
  auto* sums = space.as<double>();
  BlockingRegion region(n > kBlockingWork);
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      double* sum = sums + p * (bins + 1);
      std::fill_n(sum, bins + 1, 0.0);
      const int64_t last = std::min(n, (p + 1) * step);
      for (int64_t i = p * step; i < last; i += kBlock) {
        int64_t at[kBlock];
        const int64_t m = std::min(kBlock, last - i);
        find(values + i, m, at);
        for (int64_t j = 0; j < m; ++j)
          sum[at[j]] += weights ? static_cast<double>(weights[i + j]) : 1.0;
      }
    }
  });
  for (int64_t b = 0; b < bins; ++b) {
    double total = sums[b];
    for (int64_t p = 1; p < parts; ++p) total += sums[p * (bins + 1) + b];
    out[b] = static_cast<T>(total);
  }
}

template <class T>
Tensor edges_between(Range range, int64_t bins) {
  const Tensor edges = empty({bins + 1}, dtype_of<T>);
  const T low = static_cast<T>(range.low), high = static_cast<T>(range.high);
  const T step = (high - low) / static_cast<T>(bins);
  T* e = edges.data<T>();
  // From both ends, so that the edges are symmetric and end exactly.
  for (int64_t i = 0; i <= bins; ++i) {
    e[i] = i < (bins + 1) / 2 ? low + step * static_cast<T>(i)
                              : high - step * static_cast<T>(bins - i);
  }
  return edges;
}

void check_real(const Tensor& self, const char* op) {
  FB_CHECK_KIND(ErrorKind::NotImplemented,
                self.dtype() == DType::Float32 || self.dtype() == DType::Float64, op,
                ": not implemented for ", self.dtype(), "; convert to float first");
}

}  // namespace

Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
  if (is_half(self.dtype()))
    return to_dtype(histc(to_dtype(self, DType::Float32), bins, min, max), self.dtype());
  check_real(self, "torch.histc");
  FB_CHECK(bins > 0, "torch.histc: bins must be > 0, got ", bins);
  if (self.is_meta()) return empty({bins}, self.dtype(), self.device(), "histc");
  const Tensor values = flat(self);
  const Range range = finite_range(values, min.to_double(), max.to_double(), 1, "torch.histc");
  const Tensor out = empty({bins}, self.dtype(), kCpu, "histc");
  visit_floating(self.dtype(), "histc", [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const T low = static_cast<T>(range.low), high = static_cast<T>(range.high);
      add_to_bins(
          values.data<T>(), static_cast<const T*>(nullptr), values.numel(), bins, out.data<T>(),
          [=](const T* v, int64_t n, int64_t* at) { equal_intervals(v, n, low, high, bins, at); });
    }
  });
  return out;
}

namespace {

// `equal`: the edges are those of equal intervals, found by division and then set right.
template <class T>
Tensor count_between(const Tensor& values, const Tensor& weights, const Tensor& edges, bool equal,
                     bool density) {
  const int64_t bins = edges.numel() - 1;
  const Tensor hist = empty({bins}, dtype_of<T>);
  T *h = hist.data<T>(), *e = edges.data<T>();
  add_to_bins(values.data<T>(), weights.defined() ? weights.data<T>() : nullptr, values.numel(),
              bins, h, [=](const T* v, int64_t n, int64_t* at) {
                if (equal) equal_intervals(v, n, e[0], e[bins], bins, at);
                for (int64_t i = 0; i < n; ++i) {
                  if (!(v[i] >= e[0] && v[i] <= e[bins])) {
                    at[i] = bins;
                    continue;
                  }
                  // The last edge belongs to the last bin.
                  if (!equal) at[i] = std::upper_bound(e, e + bins, v[i]) - e - 1;
                  at[i] = std::min(at[i], bins - 1);
                  while (at[i] > 0 && v[i] < e[at[i]]) --at[i];
                  while (at[i] + 1 < bins && v[i] >= e[at[i] + 1]) ++at[i];
                }
              });
  if (density) {
    T total = 0;
    for (int64_t b = 0; b < bins; ++b) total += h[b];
    for (int64_t b = 0; b < bins; ++b) h[b] /= total * (e[b + 1] - e[b]);
  }
  return hist;
}

std::tuple<Tensor, Tensor> histogram_between(const Tensor& self, const Tensor& edges,
                                             const Tensor& weight, bool equal, bool density) {
  FB_CHECK(!weight.defined() || weight.sizes() == self.sizes(),
           "torch.histogram(): if weight tensor is "
           "provided it should have the same shape as the input tensor, got ",
           self.sizes());
  FB_CHECK(!weight.defined() || weight.dtype() == self.dtype(),
           "torch.histogram(): input tensor and weight "
           "tensor should have the same dtype");
  const Tensor values = flat(self), w = weight.defined() ? flat(weight) : Tensor();
  const Tensor hist = self.dtype() == DType::Float32
                          ? count_between<float>(values, w, edges, equal, density)
                          : count_between<double>(values, w, edges, equal, density);
  return {hist, edges};
}

}  // namespace

std::tuple<Tensor, Tensor> histogram_bins(const Tensor& self, const Tensor& bins,
                                          const Tensor& weight, bool density) {
  check_real(self, "torch.histogram");
  FB_CHECK(bins.dim() == 1 && bins.numel() > 1 && bins.dtype() == self.dtype(),
           "torch.histogram(): bins "
           "must be a vector of at least two edges of the input's dtype, got shape ",
           bins.sizes(), " and dtype ", bins.dtype());
  if (self.is_meta()) return {empty({bins.numel() - 1}, self.dtype(), self.device()), bins};
  const Tensor edges = clone_elements(contiguous(bins));
  for (int64_t i = 0; i + 1 < edges.numel(); ++i) {
    const double a =
        item_at(static_cast<char*>(edges.raw()) + i * edges.itemsize(), edges.dtype()).to_double();
    const double b =
        item_at(static_cast<char*>(edges.raw()) + (i + 1) * edges.itemsize(), edges.dtype())
            .to_double();
    FB_CHECK(a <= b, "torch.histogram(): bin edges must increase, got ", a, " before ", b);
  }
  return histogram_between(self, edges, weight, false, density);
}

std::tuple<Tensor, Tensor> histogram(const Tensor& self, int64_t bins,
                                     const std::optional<std::vector<double>>& range,
                                     const Tensor& weight, bool density) {
  check_real(self, "torch.histogram");
  FB_CHECK(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins);
  FB_CHECK(!range || range->size() == 2, "torch.histogram(): range must have two elements, got ",
           range ? range->size() : 0);
  FB_CHECK(!range || (*range)[0] <= (*range)[1], "torch.histogram(): min should not exceed max");
  checked_numel({bins, 2}, 8, "torch.histogram");
  if (self.is_meta()) {
    return {empty({bins}, self.dtype(), self.device()),
            empty({bins + 1}, self.dtype(), self.device())};
  }
  const Tensor values = flat(self);
  // Nothing has the range [0, 1], equal values one of width 1 around them.
  const bool nothing = !range && values.numel() == 0;
  const Range ends = nothing ? Range{0, 1}
                             : finite_range(values, range ? (*range)[0] : 0,
                                            range ? (*range)[1] : 0, 0.5, "torch.histogram");
  const Tensor edges = self.dtype() == DType::Float32 ? edges_between<float>(ends, bins)
                                                      : edges_between<double>(ends, bins);
  return histogram_between(self, edges, weight, true, density);
}

}  // namespace flambeau::impl
