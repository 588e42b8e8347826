// Distances between rows.
#include "cpu/kernels/distance.h"

#include <algorithm>
#include <cmath>

#include "autograd/grad_mode.h"
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_reduce.h"
#include "ops/grad_reduce.h"
#include "ops/op_support.h"
#include "ops_compare.h"
#include "ops_index.h"
#include "ops_join.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {
// Up to here differences are taken one by one whatever is asked for: more exact, and no slower.
constexpr int64_t kFewRows = 25;
constexpr int64_t kWork = 32 * 1024;  // gaps worth a thread's attention

void check_rows(const Tensor& x1, const Tensor& x2) {
  FB_CHECK(x1.dim() == 3 && x2.dim() == 3 && x1.size(0) == x2.size(0) && x1.size(2) == x2.size(2),
           "_row_distances(): expects (N, P, M) and (N, R, M), got ", x1.sizes(), " and ",
           x2.sizes());
  FB_CHECK(x1.dtype() == x2.dtype(), "cdist(): expects both of one dtype, got ", x1.dtype(),
           " and ", x2.dtype());
}

DType wide_type(const Tensor& t) { return is_half(t.dtype()) ? DType::Float32 : t.dtype(); }
Tensor wide_rows(const Tensor& t) { return contiguous(to_dtype(t, wide_type(t))); }

DistanceNorm norm_of(double p) {
  FB_CHECK(p == 1 || p == 2 || std::isinf(p), "cdist(): no kernel for p = ", p);
  return p == 1 ? DistanceNorm::Sum : p == 2 ? DistanceNorm::Squares : DistanceNorm::Largest;
}

// Calls f(batch, row, number of row) for all rows of (N, P, M), each worth `work`.
template <class F>
void for_rows(const Tensor& x, int64_t work, F&& f) {
  const int64_t rows = x.size(1), all = x.size(0) * rows;
  BlockingRegion region(all * work > kBlockingWork);
  parallel_for(all, std::max<int64_t>(1, kWork / std::max<int64_t>(work, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) f(r / rows, r);
               });
}
}  // namespace

Tensor _row_distances(const Tensor& x1, const Tensor& x2, double p) {
  const DistanceNorm norm = norm_of(p);
  check_rows(x1, x2);
  const Dims sizes{x1.size(0), x1.size(1), x2.size(1)};
  if (x1.is_meta() || x2.is_meta()) return empty(sizes, x1.dtype(), kMeta, "cdist");
  const GradMode off(false);
  const Tensor a = wide_rows(x1), b = contiguous(ops::transpose(wide_rows(x2), -2, -1));
  const Tensor out = empty(sizes, a.dtype(), a.device(), "cdist");
  const int64_t m = x1.size(2), n = x2.size(1);
  const auto run = [&]<class T>(const T* x, const T* others, T* y, auto distances) {
    for_rows(x1, m * n, [=](int64_t batch, int64_t r) {
      distances(x + r * m, others + batch * m * n, m, n, n, norm, y + r * n);
    });
  };
  if (out.numel() == 0) return to_dtype(out, x1.dtype());
  if (a.dtype() == DType::Float64)
    run(a.data<double>(), b.data<double>(), out.data<double>(), row_distances_f64);
  else
    run(a.data<float>(), b.data<float>(), out.data<float>(), row_distances_f32);
  return to_dtype(out, x1.dtype());
}

Tensor _row_distances_grad(const Tensor& grad, const Tensor& x1, const Tensor& x2,
                           const Tensor& distance, bool squares) {
  check_rows(x1, x2);
  const Dims sizes{x1.size(0), x1.size(1), x2.size(1)};
  FB_CHECK(grad.sizes() == sizes && distance.sizes() == sizes && grad.dtype() == x1.dtype() &&
               distance.dtype() == x1.dtype(),
           "_row_distances_grad(): expects gradients and distances ", sizes, " of ", x1.dtype(),
           ", got ", grad.sizes(), " and ", distance.sizes());
  if (x1.is_meta() || x2.is_meta() || grad.is_meta() || distance.is_meta()) return empty_like(x1);
  const GradMode off(false);
  const Tensor a = wide_rows(x1), b = contiguous(ops::transpose(wide_rows(x2), -2, -1));
  Tensor share = wide_rows(grad);
  if (squares) {  // where a distance is zero, so is the gradient
    const Tensor by = wide_rows(distance), none = ops::eq(by, scalar_tensor(0, by.dtype()));
    share = contiguous(ops::masked_fill(ops::div(share, by), none, Scalar(0.0)));
  }
  const Tensor out = empty(x1.sizes(), a.dtype(), a.device(), "cdist");
  const int64_t m = x1.size(2), n = x2.size(1);
  const auto run = [&]<class T>(const T* s, const T* x, const T* others, T* dx, auto kernel) {
    for_rows(x1, m * n, [=](int64_t batch, int64_t r) {
      kernel(s + r * n, x + r * m, others + batch * m * n, m, n, squares, dx + r * m);
    });
  };
  if (out.numel() == 0) return to_dtype(out, x1.dtype());
  if (a.dtype() == DType::Float64)
    run(share.data<double>(), a.data<double>(), b.data<double>(), out.data<double>(),
        row_distances_grad_f64);
  else
    run(share.data<float>(), a.data<float>(), b.data<float>(), out.data<float>(),
        row_distances_grad_f32);
  return to_dtype(out, x1.dtype());
}

// ---- all pairs of rows

namespace {
// Where row i of the upper triangle of an (n, n) matrix begins among its elements.
int64_t before_row(int64_t i, int64_t n) { return i * (2 * n - i - 1) / 2; }
}  // namespace

Tensor _pair_distances(const Tensor& x, double p) {
  const DistanceNorm norm = norm_of(p);
  FB_CHECK(x.dim() == 2, "pdist only supports 2D tensors, got: ", x.dim(), "D");
  const int64_t n = x.size(0), m = x.size(1);
  FB_CHECK(n < int64_t{1} << 31, "pdist: too many rows: ", n);
  const Dims sizes{before_row(n, n)};
  if (x.is_meta()) return empty(sizes, x.dtype(), kMeta, "pdist");
  const GradMode off(false);
  const Tensor a = wide_rows(x), b = contiguous(ops::transpose(a, 0, 1));
  const Tensor out = empty(sizes, a.dtype(), kCpu, "pdist");
  const auto run = [&]<class T>(const T* rows, const T* others, T* y, auto distances) {
    BlockingRegion region(n * n * m > kBlockingWork);
    parallel_for(n, std::max<int64_t>(1, kWork / std::max<int64_t>(n * m / 2, 1)),
                 [=](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     distances(rows + i * m, others + i + 1, m, n - i - 1, n, norm,
                               y + before_row(i, n));
                 });
  };
  if (out.numel() == 0) return to_dtype(out, x.dtype());
  if (a.dtype() == DType::Float64)
    run(a.data<double>(), b.data<double>(), out.data<double>(), row_distances_f64);
  else
    run(a.data<float>(), b.data<float>(), out.data<float>(), row_distances_f32);
  return to_dtype(out, x.dtype());
}

Tensor _symmetric(const Tensor& pairs, int64_t n) {
  FB_CHECK(
      n >= 0 && n < (int64_t{1} << 31) && pairs.dim() == 1 && pairs.numel() == before_row(n, n),
      "_symmetric(): expects one number for each pair of ", n, ", got ", pairs.sizes());
  const Tensor out = empty({n, n}, pairs.dtype(), pairs.device(), "pdist");
  if (out.is_meta()) return out;
  const Tensor dense = contiguous(pairs);
  visit_floating(pairs.dtype(), "pdist", [&]<class T>() {
    const T* from = dense.data<T>();
    T* to = out.data<T>();
    parallel_for(n, std::max<int64_t>(1, kWork / std::max<int64_t>(n, 1)),
                 [=](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     T* row = to + i * n;
                     for (int64_t j = 0; j < i; ++j) row[j] = from[before_row(j, n) + i - j - 1];
                     row[i] = T(0);
                     std::copy_n(from + before_row(i, n), n - i - 1, row + i + 1);
                   }
                 });
  });
  return out;
}

Tensor _pairs(const Tensor& square) {
  FB_CHECK(square.dim() == 2 && square.size(0) == square.size(1),
           "_pairs(): expects a square matrix, got ", square.sizes());
  const int64_t n = square.size(0);
  const Tensor out = empty({before_row(n, n)}, square.dtype(), square.device(), "pdist");
  if (out.is_meta()) return out;
  const Tensor dense = contiguous(square);
  visit_floating(square.dtype(), "pdist", [&]<class T>() {
    for (int64_t i = 0; i < n; ++i)
      std::copy_n(dense.data<T>() + i * n + i + 1, n - i - 1, out.data<T>() + before_row(i, n));
  });
  return out;
}

// |a|^2 + |b|^2 - 2 a.b: one product of matrices instead of all differences.
Tensor _euclidean_distance(const Tensor& x1, const Tensor& x2) {
  const GradMode off(false);
  const auto squares = [](const Tensor& x) { return ops::sum(ops::mul(x, x), Dims{-1}, true); };
  const Tensor product = ops::matmul(x1, ops::transpose(x2, -2, -1));
  return ops::_distance_of_squares(product, squares(x1), ops::transpose(squares(x2), -2, -1));
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, const std::optional<std::string>& mode) {
  FB_CHECK(x1.dim() >= 2, "cdist only supports at least 2D tensors, X1 got: ", x1.dim(), "D");
  FB_CHECK(x2.dim() >= 2, "cdist only supports at least 2D tensors, X2 got: ", x2.dim(), "D");
  FB_CHECK(x1.size(x1.dim() - 1) == x2.size(x2.dim() - 1),
           "X1 and X2 must have the same number of "
           "columns. X1: ",
           x1.size(x1.dim() - 1), " X2: ", x2.size(x2.dim() - 1));
  FB_CHECK(p >= 0, "cdist only supports non-negative p values");
  FB_CHECK_VALUE(!mode || *mode == "use_mm_for_euclid_dist_if_necessary" ||
                     *mode == "use_mm_for_euclid_dist" || *mode == "donot_use_mm_for_euclid_dist",
                 *mode, " is not a valid value for compute_mode");
  const int64_t rows = x1.size(x1.dim() - 2), others = x2.size(x2.dim() - 2);
  const bool refused = mode && *mode == "donot_use_mm_for_euclid_dist";
  if (p == 2 && !refused && (rows > kFewRows || others > kFewRows)) {
    FB_CHECK(x1.dtype() == x2.dtype(), "cdist(): expects both of one dtype, got ", x1.dtype(),
             " and ", x2.dtype());
    return ops::_euclidean_distance(x1, x2);
  }
  if ((p == 1 || p == 2 || std::isinf(p)) && is_floating(x1.dtype()) && x1.dtype() == x2.dtype()) {
    const Dims lead = broadcast_shapes(Dims(x1.sizes().begin(), x1.sizes().end() - 2),
                                       Dims(x2.sizes().begin(), x2.sizes().end() - 2), "cdist");
    int64_t batch = 1;
    for (const int64_t size : lead) batch *= size;
    const auto flat = [&](const Tensor& x, int64_t count) {
      Dims whole = lead;
      whole.push_back(count), whole.push_back(x.sizes().back());
      return ops::reshape(ops::expand(x, whole), {batch, count, x.sizes().back()});
    };
    Dims sizes = lead;
    sizes.push_back(rows), sizes.push_back(others);
    return ops::reshape(ops::_row_distances(flat(x1, rows), flat(x2, others), p), sizes);
  }
  Dims a = x1.sizes(), b = x2.sizes();
  a.insert(a.size() - 1, 1);
  b.insert(b.size() - 2, 1);
  const Tensor gap = ops::sub(ops::reshape(x1, a), ops::reshape(x2, b));
  return ops::_vector_norm(gap, p, Dims{-1}, false, std::nullopt);
}

}  // namespace flambeau::impl

namespace flambeau::grad {

Tensor row_distances_grad_fast(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& y,
                               double p) {
  if (std::isinf(p)) return row_distances_grad(g, x1, x2, p);
  return ops::_row_distances_grad(g, x1, x2, y, p == 2);
}
Tensor pair_distances_grad(const Tensor& g, const Tensor& x, double p) {
  return row_distances_grad(ops::_symmetric(g, x.size(0)), x, x, p);
}
Tensor pair_distances_grad_fast(const Tensor& g, const Tensor& x, const Tensor& y, double p) {
  const auto square = [&](const Tensor& t) {
    return ops::unsqueeze(ops::_symmetric(t, x.size(0)), 0);
  };
  const Tensor rows = ops::unsqueeze(x, 0);
  return ops::squeeze_dim(row_distances_grad_fast(square(g), rows, rows, square(y), p), 0);
}
Tensor pairs_grad(const Tensor& g, const Dims& sizes) {
  return ops::triu(ops::_symmetric(g, sizes[0]), 1);
}

}  // namespace flambeau::grad
