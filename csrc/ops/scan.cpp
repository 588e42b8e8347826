// Running sums and the like: the tensor is brought to the type and layout of the kernels.
#include "cpu/kernels/scan.h"
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "impl_scan.h"
#include "ops/axis.h"
#include "ops/reduce_support.h"
#include "ops_scan.h"

namespace flambeau {

namespace {

ScanType scan_type(DType t) {
  switch (t) {
    case DType::Float32: return ScanType::Float;
    case DType::Float64: return ScanType::Double;
    case DType::Complex64: return ScanType::ComplexFloat;
    case DType::Complex128: return ScanType::ComplexDouble;
    default: return ScanType::Int64;
  }
}

// `out` (and `index`) are dense in the layout of `x`, and of the compute type.
void run(ScanOp op, const Tensor& x, const Tensor& factor, const Tensor& out, const Tensor& index,
         int64_t dim, bool reverse) {
  if (out.numel() == 0) return;
  const Axis a = axis_of(x, dim);
  const ScanFn f = find_scan(static_cast<int>(op), static_cast<int>(scan_type(x.dtype())));
  FB_CHECK(f, "scan: no kernel for ", name(x.dtype()));
  const int64_t item = x.itemsize(), group = a.n * a.inner;
  auto* from = static_cast<const char*>(x.raw());
  auto* with = factor.defined() ? static_cast<const char*>(factor.raw()) : nullptr;
  auto* to = static_cast<char*>(out.raw());
  int64_t* at = index.defined() ? index.data<int64_t>() : nullptr;
  BlockingRegion region(x.numel() >= kBlockingWork);
  if (a.inner == 1) {
    const int64_t grain = std::max<int64_t>(kParallelGrain / group, 1);
    return parallel_for(a.outer, (grain + 3) / 4 * 4, [&](int64_t begin, int64_t end) {
      const int64_t skip = begin * group;
      f(from + skip * item, with ? with + skip * item : nullptr, to + skip * item,
        at ? at + skip : nullptr, end - begin, a.n, 1, 1, reverse);
    });
  }
  const int64_t tiles = (a.inner + kScanTile - 1) / kScanTile;
  const int64_t work = a.n * std::min(a.inner, kScanTile);
  parallel_for(a.outer * tiles, std::max<int64_t>(kParallelGrain / work, 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t c = u % tiles * kScanTile, skip = u / tiles * group + c;
                   f(from + skip * item, with ? with + skip * item : nullptr, to + skip * item,
                     at ? at + skip : nullptr, 1, a.n, a.inner, std::min(kScanTile, a.inner - c),
                     reverse);
                 }
               });
}

Tensor converted(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor out = empty_like(t, dtype);
  copy_elements(out, t);
  return out;
}

Tensor accumulate(ScanOp op, const Tensor& self, int64_t dim, bool reverse,
                  std::optional<DType> dtype, const char* name) {
  dim = wrap_dim(dim, self.dim(), name);
  const DType to = dtype.value_or(is_integral(self.dtype()) ? DType::Int64 : self.dtype());
  if (self.is_meta()) return empty_like(self, to);
  const Tensor dense_self = dense(self);
  const Tensor x = laid_out_like(dense_self, dense_self, fold_dtype(to));
  Tensor out = empty_like(x);
  run(op, x, Tensor(), out, Tensor(), dim, reverse);
  return converted(out, to);
}

std::tuple<Tensor, Tensor> extremes(ScanOp op, const Tensor& self, int64_t dim, const char* name) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !is_complex(self.dtype()), name,
                "(): not implemented "
                "for '",
                type_name(self.dtype()), "'");
  dim = wrap_dim(dim, self.dim(), name);
  if (self.is_meta()) return {empty_like(self), empty_like(self, DType::Int64)};
  const Tensor dense_self = dense(self);
  const Tensor x = laid_out_like(dense_self, dense_self, fold_dtype(self.dtype()));
  Tensor out = empty_like(x), index = empty_like(x, DType::Int64);
  run(op, x, Tensor(), out, index, dim, false);
  return {converted(out, self.dtype()), index};
}

}  // namespace

namespace impl {

Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return ops::_cumsum(self, dim, false, dtype);
}
Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return ops::_cumprod(self, dim, false, dtype);
}
Tensor _cumsum(const Tensor& self, int64_t dim, bool reverse, std::optional<DType> dtype) {
  return accumulate(ScanOp::Sum, self, dim, reverse, dtype, "cumsum");
}
Tensor _cumprod(const Tensor& self, int64_t dim, bool reverse, std::optional<DType> dtype) {
  return accumulate(ScanOp::Prod, self, dim, reverse, dtype, "cumprod");
}
Tensor logcumsumexp(const Tensor& self, int64_t dim) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, is_floating(self.dtype()),
                "logcumsumexp(): not "
                "implemented for '",
                type_name(self.dtype()), "'");
  return accumulate(ScanOp::LogSumExp, self, dim, false, std::nullopt, "logcumsumexp");
}
std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) {
  return extremes(ScanOp::Max, self, dim, "cummax");
}
std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) {
  return extremes(ScanOp::Min, self, dim, "cummin");
}

Tensor _linear_scan(const Tensor& self, const Tensor& factor, int64_t dim, bool reverse) {
  dim = wrap_dim(dim, self.dim(), "_linear_scan");
  FB_CHECK(self.sizes() == factor.sizes(), "_linear_scan(): sizes ", self.sizes(), " and ",
           factor.sizes(), " differ");
  if (self.is_meta()) return empty_like(self);
  const Tensor dense_self = dense(self);
  const Tensor x = laid_out_like(dense_self, dense_self, fold_dtype(self.dtype()));
  const Tensor a = laid_out_like(factor, x, x.dtype());
  Tensor out = empty_like(x);
  run(ScanOp::Linear, x, a, out, Tensor(), dim, reverse);
  return converted(out, self.dtype());
}

Tensor _shift(const Tensor& self, int64_t dim, int64_t steps, const Scalar& fill) {
  dim = wrap_dim(dim, self.dim(), "_shift");
  Tensor out = empty_like(self);
  if (out.is_meta() || out.numel() == 0) return out;
  const int64_t n = self.dim() ? self.size(dim) : 1;
  const int64_t by = std::min(std::abs(steps), n);
  fill_elements(out, fill);
  if (by == n && steps != 0) return out;
  Dims sizes = self.sizes();
  if (self.dim()) sizes[dim] = n - by;
  const int64_t from = steps < 0 ? by : 0, to = steps > 0 ? by : 0;
  auto window = [&](const Tensor& t, int64_t begin) {
    return alias(t, sizes, t.strides(), t.offset() + (self.dim() ? begin * t.stride(dim) : 0));
  };
  copy_elements(window(out, to), window(self, from));
  return out;
}

}  // namespace impl
}  // namespace flambeau
