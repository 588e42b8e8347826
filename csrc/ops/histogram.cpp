// Counting: bincount, histc, histogram.
#include <cmath>

#include "impl_sort.h"
#include "ops/index_support.h"

namespace flambeau::impl {

namespace {

Tensor flat(const Tensor& t) {
  const Tensor packed = contiguous(t);
  return alias(packed, {packed.numel()}, {1}, packed.offset());
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
  const Tensor numbers = contiguous(to_dtype(self, DType::Int64));
  const int64_t* p = numbers.data<int64_t>();
  int64_t largest = -1;
  for (int64_t i = 0; i < numbers.numel(); ++i) {
    FB_CHECK(p[i] >= 0, "bincount only supports 1-d non-negative integral inputs.");
    largest = std::max(largest, p[i]);
  }
  FB_CHECK(largest < INT64_MAX / 16, "bincount(): ", largest, " is too large to be counted");
  const DType type = !weighted || self.numel() == 0      ? DType::Int64
                     : weights.dtype() == DType::Float32 ? DType::Float32
                                                         : DType::Float64;
  const Tensor out = empty({std::max(largest + 1, minlength)}, type, kCpu, "bincount");
  fill_elements(out, 0);
  const Tensor w = weighted ? contiguous(to_dtype(weights, type)) : scalar_tensor(1, type);
  if (numbers.numel()) lines_reduce(out, 0, numbers, w, RowOp::Add, "bincount");
  return out;
}

namespace {

struct Range { double low, high; };

// The given range, or that of the elements where both ends are equal; never empty.
Range finite_range(const Tensor& values, double low, double high, double widen, const char* op) {
  if (low == high && values.numel() > 0) {
    visit_floating(values.dtype(), op, [&]<class T>() {
      const T* p = values.data<T>();
      low = high = static_cast<double>(static_cast<compute_t<T>>(p[0]));
      for (int64_t i = 0; i < values.numel(); ++i) {
        const double v = static_cast<double>(static_cast<compute_t<T>>(p[i]));
        if (std::isnan(v)) low = high = v;
        low = v < low ? v : low;
        high = v > high ? v : high;
      }
    });
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

// Which of the equal intervals holds v: found by division, then set right against the edges.
template <class T>
int64_t equal_interval(T v, T low, T high, int64_t bins) {
  const int64_t at = static_cast<int64_t>((v - low) / (high - low) * static_cast<T>(bins));
  return std::clamp<int64_t>(at, 0, bins - 1);
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
  fill_elements(out, 0);
  visit_floating(self.dtype(), "histc", [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const T low = static_cast<T>(range.low), high = static_cast<T>(range.high);
      for (int64_t i = 0; i < values.numel(); ++i) {
        const T v = values.data<T>()[i];
        if (v >= low && v <= high) out.data<T>()[equal_interval(v, low, high, bins)] += T(1);
      }
    }
  });
  return out;
}

namespace {

template <class T>
Tensor count_between(const Tensor& values, const Tensor& weights, const Tensor& edges,
                     bool density) {
  const int64_t bins = edges.numel() - 1;
  const Tensor hist = empty({bins}, dtype_of<T>);
  T *h = hist.data<T>(), *e = edges.data<T>();
  std::fill(h, h + bins, T(0));
  for (int64_t i = 0; i < values.numel(); ++i) {
    const T v = values.data<T>()[i];
    if (!(v >= e[0] && v <= e[bins])) continue;
    const int64_t at =
        std::upper_bound(e, e + bins, v) - e - 1;  // the last edge belongs to the last bin
    h[std::min(at, bins - 1)] += weights.defined() ? weights.data<T>()[i] : T(1);
  }
  if (density) {
    T total = 0;
    for (int64_t b = 0; b < bins; ++b) total += h[b];
    for (int64_t b = 0; b < bins; ++b) h[b] /= total * (e[b + 1] - e[b]);
  }
  return hist;
}

std::tuple<Tensor, Tensor> histogram_between(const Tensor& self, const Tensor& edges,
                                             const Tensor& weight, bool density) {
  FB_CHECK(!weight.defined() || weight.sizes() == self.sizes(),
           "torch.histogram(): if weight tensor is "
           "provided it should have the same shape as the input tensor, got ",
           self.sizes());
  FB_CHECK(!weight.defined() || weight.dtype() == self.dtype(),
           "torch.histogram(): input tensor and weight "
           "tensor should have the same dtype");
  const Tensor values = flat(self), w = weight.defined() ? flat(weight) : Tensor();
  const Tensor hist = self.dtype() == DType::Float32
                          ? count_between<float>(values, w, edges, density)
                          : count_between<double>(values, w, edges, density);
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
  return histogram_between(self, edges, weight, density);
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
  return histogram_between(self, edges, weight, density);
}

}  // namespace flambeau::impl
