#include "cpu/kernels/softmax.h"

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "impl_softmax.h"
#include "ops/axis.h"
#include "ops_shape.h"
#include "ops_softmax.h"

namespace flambeau {

namespace {

constexpr int64_t kGrain = 8 * 1024;  // elements; each costs an exponential

// Calls rows(first, count) or columns(first, width), with offsets in elements, over
// [outer][n][inner].
template <class Rows, class Columns>
void for_lines(const Axis& a, const Rows& rows, const Columns& columns) {
  const int64_t numel = a.outer * a.n * a.inner;
  BlockingRegion region(numel >= kBlockingWork / 2);
  if (a.inner == 1) {
    parallel_for(a.outer, std::max<int64_t>(kGrain / a.n, 1),
                 [&](int64_t begin, int64_t end) { rows(begin * a.n, end - begin); });
    return;
  }
  // Whole cache lines for the passes over short columns; those over long ones like long rows, but
  // some four tiles are to be shared among threads.
  const int64_t wanted = a.n <= 64 ? std::max<int64_t>(kGrain / a.n / 16 * 16, 16)
                                   : std::clamp<int64_t>(a.outer * a.inner / 64 * 16, 16, 256);
  const int64_t tile = std::min(wanted, a.inner);
  const int64_t tiles = (a.inner + tile - 1) / tile;
  parallel_for(a.outer * tiles, std::max<int64_t>(kGrain / (a.n * tile), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t at = i % tiles * tile;
                   columns(i / tiles * a.n * a.inner + at, std::min(tile, a.inner - at));
                 }
               });
}

Tensor narrowed(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor out = empty_like(t, dtype);
  copy_elements(out, t);
  return out;
}

// Rows of half types go through a float buffer that stays in the cache. f(first, count, inputs)
// leaves its results in inputs[0].
template <int N, class F>
Tensor half_rows(const Tensor (&in)[N], const Axis& a, const F& f) {
  Tensor out = empty_like(in[0]);
  const DType type = out.dtype();
  const ConvertFn widen = convert_fn(type, DType::Float32),
                  narrow = convert_fn(DType::Float32, type);
  const int64_t group = std::max<int64_t>(kGrain / a.n, 1), size = group * a.n;
  const char* from[N];
  for (int k = 0; k < N; ++k) from[k] = static_cast<const char*>(in[k].raw());
  char* to = static_cast<char*>(out.raw());
  BlockingRegion region(out.numel() >= kBlockingWork / 2);
  parallel_for(a.outer, group, [&](int64_t begin, int64_t end) {
    std::vector<float> room(static_cast<size_t>(N * size));
    float* buffers[N];
    for (int k = 0; k < N; ++k) buffers[k] = room.data() + k * size;
    for (int64_t r = begin; r < end; r += group) {
      const int64_t rows = std::min(group, end - r), at = r * a.n * 2;
      for (int k = 0; k < N; ++k) widen(from[k] + at, 2, buffers[k], 4, rows * a.n);
      f(buffers, rows);
      narrow(buffers[0], 4, to + at, 2, rows * a.n);
    }
  });
  return out;
}

Tensor soft(const Tensor& self, int64_t dim, bool log, const char* op) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, is_floating(self.dtype()), op,
                "(): not implemented for '", type_name(self.dtype()), "'; give a floating dtype=");
  dim = wrap_dim(dim, self.dim(), op);
  if (self.is_meta()) return empty_like(self);
  const Tensor x = dense(self);
  if (const Axis a = axis_of(x, dim); is_half(x.dtype()) && a.inner == 1 && x.numel() != 0) {
    const Tensor in[] = {x};
    return half_rows(
        in, a, [&](float** b, int64_t rows) { softmax_rows_f32(b[0], b[0], rows, a.n, log); });
  }
  const Tensor in = laid_out_like(x, x, wide(self.dtype()));
  Tensor out = empty_like(x, in.dtype());
  if (out.numel() != 0) {
    const Axis a = axis_of(x, dim);
    auto run = [&]<class T>(const T* from, T* to, auto rows, auto columns) {
      for_lines(
          a, [&](int64_t at, int64_t count) { rows(from + at, to + at, count, a.n, log); },
          [&](int64_t at, int64_t width) {
            columns(from + at, to + at, a.n, a.inner, width, log);
          });
    };
    if (in.dtype() == DType::Float64)
      run(in.data<double>(), out.data<double>(), softmax_rows_f64, softmax_columns_f64);
    else
      run(in.data<float>(), out.data<float>(), softmax_rows_f32, softmax_columns_f32);
  }
  return narrowed(out, self.dtype());
}

}  // namespace

namespace grad {

Tensor softmax_grad(const Tensor& g, const Tensor& y_, int64_t dim, bool log) {
  dim = wrap_dim(dim, y_.dim(), "softmax");
  if (y_.is_meta()) return empty_like(y_);
  const Tensor dense_y = dense(y_);
  if (const Axis a = axis_of(dense_y, dim);
      is_half(y_.dtype()) && a.inner == 1 && y_.numel() != 0) {
    const Tensor in[] = {laid_out_like(g, dense_y, y_.dtype()), dense_y};
    return half_rows(in, a, [&](float** b, int64_t rows) {
      softmax_grad_rows_f32(b[0], b[1], b[0], rows, a.n, log);
    });
  }
  const DType compute = wide(y_.dtype());
  const Tensor y = laid_out_like(dense_y, dense_y, compute);
  const Tensor in = laid_out_like(g, y, compute);
  Tensor out = empty_like(y);
  if (out.numel() != 0) {
    const Axis a = axis_of(y, dim);
    auto run = [&]<class T>(const T* from, const T* with, T* to, auto rows, auto columns) {
      for_lines(
          a,
          [&](int64_t at, int64_t count) { rows(from + at, with + at, to + at, count, a.n, log); },
          [&](int64_t at, int64_t width) {
            columns(from + at, with + at, to + at, a.n, a.inner, width, log);
          });
    };
    if (compute == DType::Float64)
      run(in.data<double>(), y.data<double>(), out.data<double>(), softmax_grad_rows_f64,
          softmax_grad_columns_f64);
    else
      run(in.data<float>(), y.data<float>(), out.data<float>(), softmax_grad_rows_f32,
          softmax_grad_columns_f32);
  }
  return narrowed(out, y_.dtype());
}

}  // namespace grad

namespace impl {

Tensor _softmax(const Tensor& self, int64_t dim) { return soft(self, dim, false, "softmax"); }
Tensor _log_softmax(const Tensor& self, int64_t dim) {
  return soft(self, dim, true, "log_softmax");
}

Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return ops::_softmax(dtype && *dtype != self.dtype() ? ops::_to_copy(self, *dtype) : self, dim);
}
Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return ops::_log_softmax(dtype && *dtype != self.dtype() ? ops::_to_copy(self, *dtype) : self,
                           dim);
}

}  // namespace impl
}  // namespace flambeau
