// Gated linear units.
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/kernels/gate.h"
#include "cpu/thread_pool.h"
#include "impl_activation.h"
#include "ops/axis.h"
#include "ops/grad_helpers.h"
#include "ops_activation.h"
#include "ops_join.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau {

namespace {

constexpr int64_t kGrain = 8 * 1024;  // elements; each costs an exponential
constexpr int64_t kShortRow = 8;      // halves shorter than that are left to strided loops

TensorList halves(const Tensor& t, int64_t dim) {
  const int64_t half = t.size(dim) / 2;
  return ops::split_sizes(t, {half, half}, dim);
}

// A tensor laid out like the dense x, with half as many elements along `dim`.
Tensor empty_half(const Tensor& x, int64_t dim) {
  Dims sizes = x.sizes(), strides = x.strides();
  for (int64_t& stride : strides)
    if (stride > x.stride(dim)) stride /= 2;
  sizes[dim] /= 2;
  return empty_strided(sizes, strides, x.dtype(), x.device(), "glu");
}

// Calls f(row, first element of a half, rows, elements) for pieces of [outer][2][half].
template <class F>
void for_pieces(const Axis& a, const F& f) {
  const int64_t half = a.n / 2 * a.inner, tile = std::min(half, kGrain);
  const int64_t tiles = (half + tile - 1) / tile;
  BlockingRegion region(a.outer * half >= kBlockingWork / 2);
  parallel_for(a.outer * tiles, kGrain / tile, [&](int64_t begin, int64_t end) {
    if (tiles == 1) return f(begin, 0, end - begin, half);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i % tiles * tile;
      f(i / tiles, at, 1, std::min(tile, half - at));
    }
  });
}

}  // namespace

namespace grad {

Tensor glu_grad(const Tensor& g, const Tensor& self, int64_t dim) {
  const Tensor x = dense(self);
  const Tensor dx = empty_like(x);
  if (dx.is_meta() || dx.numel() == 0) return dx;
  const Tensor dy = laid_out_like(g, empty_half(x, dim), x.dtype());
  const Axis a = axis_of(x, dim);
  const int64_t half = a.n / 2 * a.inner;
  const auto run = [&]<class T>(const T* from, const T* of, T* to, auto rows) {
    for_pieces(a, [&](int64_t row, int64_t at, int64_t count, int64_t n) {
      rows(from + row * half + at, of + row * 2 * half + at, half, to + row * 2 * half + at, count,
           n);
    });
  };
  if (x.dtype() == DType::Float64)
    run(dy.data<double>(), x.data<double>(), dx.data<double>(), gate_grad_rows_f64);
  else
    run(dy.data<float>(), x.data<float>(), dx.data<float>(), gate_grad_rows_f32);
  return dx;
}

Tensor glu_grad_graph(const Tensor& g, const Tensor& self, int64_t dim) {
  const TensorList parts = halves(self, dim);
  const Tensor first = ops::mul(g, ops::sigmoid(parts[1]));
  const Tensor rest = ops::sigmoid(ops::neg(parts[1]));
  return ops::cat({first, ops::mul(ops::mul(first, parts[0]), rest)}, dim);
}

}  // namespace grad

namespace impl {

Tensor glu(const Tensor& self, int64_t dim) {
  FB_CHECK(self.dim() > 0, "glu does not support 0-dimensional tensors");
  dim = wrap_dim(dim, self.dim(), "glu");
  const int64_t n = self.size(dim);
  FB_CHECK(n % 2 == 0, "Halving dimension must be even, but dimension ", dim, " is size ", n);
  const bool plain = (self.dtype() == DType::Float32 || self.dtype() == DType::Float64) &&
                     is_dense(self.sizes(), self.strides()) && self.numel() != 0;
  if (plain && n / 2 * axis_of(self, dim).inner >= kShortRow) return ops::_glu(self, dim);
  const TensorList parts = halves(self, dim);
  return ops::_gated(parts[0], parts[1]);
}

Tensor _glu(const Tensor& self, int64_t dim) {
  FB_CHECK(self.dtype() == DType::Float32 || self.dtype() == DType::Float64,
           "_glu: expected float32 or float64, got ", name(self.dtype()));
  dim = wrap_dim(dim, self.dim(), "_glu");
  FB_CHECK(self.dim() > 0 && self.size(dim) % 2 == 0, "_glu: dimension ", dim, " of sizes ",
           self.sizes(), " has no halves");
  const Tensor x = dense(self);
  const Tensor y = empty_half(x, dim);
  if (y.is_meta() || y.numel() == 0) return y;
  const Axis a = axis_of(x, dim);
  const int64_t half = a.n / 2 * a.inner;
  const auto run = [&]<class T>(const T* from, T* to, auto rows) {
    for_pieces(a, [&](int64_t row, int64_t at, int64_t count, int64_t n) {
      rows(from + row * 2 * half + at, half, to + row * half + at, count, n);
    });
  };
  if (x.dtype() == DType::Float64)
    run(x.data<double>(), y.data<double>(), gate_rows_f64);
  else
    run(x.data<float>(), y.data<float>(), gate_rows_f32);
  return y;
}

}  // namespace impl
}  // namespace flambeau
