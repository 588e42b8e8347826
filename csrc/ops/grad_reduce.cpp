#include <cmath>

#include "ops/grad_helpers.h"
#include "ops_compare.h"
#include "ops_complex.h"
#include "ops_create.h"
#include "ops_index.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_scan.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau::grad {

int64_t line_size(const Dims& sizes, int64_t dim) { return sizes.empty() ? -1 : at(sizes, dim); }

namespace {

int64_t reduced_count(const Dims& sizes, const std::optional<Dims>& dim) {
  int64_t count = 1;
  if (sizes.empty()) return 1;
  for (int64_t d :
       wrap_dims(dim.value_or(Dims()), static_cast<int64_t>(sizes.size()), "grad", true))
    count *= sizes[d];
  return count;
}

Tensor number(double v) { return number_tensor(Scalar(v)); }

// a where the condition holds, else zero.
Tensor only_where(const Tensor& condition, const Tensor& a) {
  return ops::where(condition, a, scalar_tensor(0, a.dtype(), a.device()));
}

}  // namespace

Tensor nansum_grad(const Tensor& g, const Tensor& x, const std::optional<Dims>& dim, bool keepdim) {
  return ops::mul(expand_reduced(g, x.sizes(), dim, keepdim), ops::logical_not(ops::isnan(x)));
}

Tensor mean_grad(const Tensor& g, const Dims& sizes, const std::optional<Dims>& dim, bool keepdim) {
  const double n = static_cast<double>(std::max<int64_t>(reduced_count(sizes, dim), 1));
  return expand_reduced(ops::div(g, number(n)), sizes, dim, keepdim);
}

Tensor prod_grad(const Tensor& g, const Tensor& x, int64_t dim, bool keepdim) {
  if (x.dim() == 0) return g;
  const Tensor before = ops::_shift(ops::_cumprod(x, dim, false), dim, 1, 1);
  const Tensor behind = ops::_shift(ops::_cumprod(x, dim, true), dim, -1, 1);
  return ops::mul(expand_reduced(g, x.sizes(), Dims{dim}, keepdim),
                  ops::conj(ops::mul(before, behind)));
}

Tensor prod_grad_fast(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim,
                      bool keepdim) {
  if (x.is_meta() || x.dim() == 0 || !item(ops::all(x)).to<bool>())
    return prod_grad(g, x, dim, keepdim);
  const Tensor gy = ops::mul(g, ops::conj(y));
  return ops::div(expand_reduced(gy, x.sizes(), Dims{dim}, keepdim), ops::conj(x));
}

Tensor extreme_grad(const Tensor& g, const Tensor& x, const Tensor& y, const Dims& dim,
                    bool keepdim) {
  Tensor share;
  {
    GradMode constant(false);
    const Tensor mask =
        ops::_to_copy(ops::eq(x, expand_reduced(y, x.sizes(), dim, keepdim)), g.dtype());
    share = ops::div(mask, ops::sum(mask, dim, true));
  }
  return ops::mul(expand_reduced(g, x.sizes(), dim, keepdim), share);
}

Tensor extreme_grad(const Tensor& g, const Tensor& x, const Tensor& y) {
  Tensor share;
  {
    GradMode constant(false);
    const bool nan = !y.is_meta() && is_floating(y.dtype()) && std::isnan(item(y).to_double());
    const Tensor mask = ops::_to_copy(nan ? ops::isnan(x) : ops::eq(x, y), g.dtype());
    share = ops::div(mask, ops::sum(mask));
  }
  return ops::mul(g, share);
}

Tensor var_grad(const Tensor& g, const Tensor& x, const std::optional<Dims>& dim, double correction,
                bool keepdim) {
  const double n = static_cast<double>(reduced_count(x.sizes(), dim)) - correction;
  if (n <= 0) {
    const Tensor nowhere =
        ops::mul(ops::sub(detach(x), ops::mean(detach(x), dim, true)), number(INFINITY));
    return ops::mul(expand_reduced(g, x.sizes(), dim, keepdim), nowhere);
  }
  const Tensor scaled = ops::mul(g, number(2 / n));
  return ops::mul(expand_reduced(scaled, x.sizes(), dim, keepdim),
                  ops::sub(x, ops::mean(x, dim, true)));
}

Tensor std_grad(const Tensor& g, const Tensor& x, const Tensor& y, const std::optional<Dims>& dim,
                double correction, bool keepdim) {
  // Where all elements are equal the gradient is taken as zero.
  const Tensor of_var = only_where(ops::ne(y, number(0)), ops::div(g, ops::mul(y, number(2))));
  return var_grad(of_var, x, dim, correction, keepdim);
}

Tensor logsumexp_grad(const Tensor& g, const Tensor& x, const Tensor& y, const Dims& dim,
                      bool keepdim) {
  const Tensor share = ops::exp(ops::sub(x, expand_reduced(y, x.sizes(), dim, keepdim)));
  return ops::mul(expand_reduced(g, x.sizes(), dim, keepdim),
                  is_complex(x.dtype()) ? ops::conj(share) : share);
}

Tensor vector_norm_grad(const Tensor& g, const Tensor& x, const Tensor& y, double ord,
                        const std::optional<Dims>& dim, bool keepdim) {
  auto expanded = [&](const Tensor& t) { return expand_reduced(t, x.sizes(), dim, keepdim); };
  if (ord == 0) return Tensor();
  if (ord == 1) return ops::mul(expanded(g), ops::sgn(x));
  if (std::isinf(ord)) {
    Tensor share;
    {
      GradMode constant(false);
      const Tensor mask = ops::_to_copy(ops::eq(ops::abs(x), expanded(y)), y.dtype());
      share = ops::div(mask, ops::sum(mask, dim, true));
    }
    return ops::mul(ops::mul(expanded(g), share), ops::sgn(x));
  }
  // |x|^(p-1) sgn(x) / y^(p-1), zero where x or y is: ones in their place keep all derivatives
  // finite.
  auto nonzero = [&](const Tensor& t) {
    return ops::where(ops::ne(t, number(0)), ops::abs(t),
                      scalar_tensor(1, to_real(t.dtype()), t.device()));
  };
  const Tensor root = nonzero(y);
  const Tensor by_y = only_where(ops::ne(y, number(0)),
                                 ops::div(g, ord == 2 ? root : ops::pow(root, number(ord - 1))));
  if (ord == 2) return ops::mul(x, expanded(by_y));
  const Tensor size = nonzero(x);
  return ops::mul(expanded(by_y), ops::mul(x, ops::pow(size, number(ord - 2))));
}

Tensor shifted(const Tensor& t, int64_t dim, int64_t steps, int64_t fill) {
  return ops::_shift(t, dim, steps, Scalar(fill));
}

// With y[k] = y[k-1] x[k]: S[k] = g[k] + x[k+1] S[k+1] gathers what later products owe to step k,
// and the gradient is y[k-1] S[k]. No division, so zeros need no care.
Tensor euclidean_grad(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& y) {
  const Tensor none = ops::eq(y, number(0));
  const Tensor share =
      ops::masked_fill(ops::div(g, ops::masked_fill(y, none, Scalar(1.0))), none, Scalar(0.0));
  return ops::sub(ops::mul(x1, ops::sum(share, Dims{-1}, true)), ops::matmul(share, x2));
}

Tensor row_distances_grad(const Tensor& g, const Tensor& x1, const Tensor& x2, double p) {
  const Tensor gap = ops::sub(ops::unsqueeze(x1, -2), ops::unsqueeze(x2, -3));
  const Tensor y = ops::_vector_norm(gap, p, Dims{-1}, true, std::nullopt);
  return ops::sum(vector_norm_grad(ops::unsqueeze(g, -1), gap, y, p, Dims{-1}, true), Dims{-2});
}

Tensor cumprod_grad(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim, bool reverse) {
  const int64_t forward = reverse ? -1 : 1;
  const Tensor next = ops::conj(ops::_shift(x, dim, -forward, 0));
  const Tensor owed = ops::_linear_scan(ops::_to_copy(g, x.dtype()), next, dim, !reverse);
  return ops::mul(owed, ops::conj(ops::_shift(y, dim, forward, 1)));
}

// u[k] = g[k] + exp(y[k] - y[k+1]) u[k+1] never overflows, as y grows.
Tensor logcumsumexp_grad(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim) {
  const Tensor next = ops::_shift(y, dim, -1, Scalar(INFINITY));
  const Tensor owed = ops::_linear_scan(g, ops::exp(ops::sub(y, next)), dim, true);
  return ops::mul(owed, ops::exp(ops::sub(x, y)));
}

Tensor cumulative_extreme_grad(const Tensor& g, const Tensor& indices, int64_t dim) {
  if (g.dim() == 0) return g;
  return ops::scatter_add(ops::zeros_like(g), dim, indices, g);
}

// y[k] = a[k] y[k-1] + x[k]: dx[k] = g[k] + a[k+1] dx[k+1].
Tensor linear_scan_grad(const Tensor& g, const Tensor& factor, int64_t dim, bool reverse) {
  const Tensor next = ops::conj(ops::_shift(factor, dim, reverse ? 1 : -1, 0));
  return ops::_linear_scan(g, next, dim, !reverse);
}

}  // namespace flambeau::grad
