#include "ops/grad_matmul.h"

#include "ops/grad_helpers.h"
#include "ops/matmul_core.h"
#include "ops_complex.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::grad {

namespace {

Tensor adjoint(const Tensor& t) { return ops::conj(ops::transpose(t, -2, -1)); }

// All rows of the leading dimensions in one matrix.
Tensor rows_of(const Tensor& t) {
  const int64_t last = t.size(t.dim() - 1);
  int64_t rows = 1;
  for (int64_t d = 0; d < t.dim() - 1; ++d) rows *= t.size(d);
  return t.dim() == 2 ? t : ops::reshape(t, {rows, last});
}

}  // namespace

Tensor product_nh(const Tensor& a, const Tensor& b) {
  ProductOptions options;
  options.b = Orient::Adjoint;
  return multiply(a, b, options, "mm");
}

Tensor product_hn(const Tensor& a, const Tensor& b) {
  ProductOptions options;
  options.a = Orient::Adjoint;
  return multiply(a, b, options, "mm");
}

Tensor scale_conj(const Tensor& t, const Scalar& s) {
  return scale(t, s.is_complex() ? Scalar(std::conj(s.to<Complex128>())) : s);
}

Tensor matmul_grad_self(const Tensor& g, const Dims& sizes, const Tensor& other) {
  if (sizes.size() == 2 && g.dim() > 2 && other.dim() == g.dim() && g.numel() && sizes[1]) {
    // A shared left operand: the batch becomes part of the dimension that is summed over.
    const int64_t n = g.size(g.dim() - 1), m = sizes[0], k = sizes[1];
    const Tensor left = ops::transpose(ops::reshape(g, {-1, m, n}), 0, 1);
    const Tensor right = ops::transpose(ops::reshape(other, {-1, k, n}), 0, 1);
    return ops::mm(ops::reshape(left, {m, -1}), adjoint(ops::reshape(right, {k, -1})));
  }
  return ops::matmul(g, adjoint(other));
}

Tensor matmul_grad_other(const Tensor& g, const Tensor& self, const Dims& sizes) {
  if (sizes.size() == 2 && self.dim() == g.dim())
    return ops::mm(adjoint(rows_of(self)), rows_of(g));
  return ops::matmul(adjoint(self), g);
}

Tensor linear_grad_input(const Tensor& g, const Tensor& weight) {
  const Tensor w = ops::conj(weight);
  if (g.dim() == 1) return ops::matmul(g, w);
  return grad_enabled ? ops::matmul(g, w) : multiply(g, w, {}, "linear");
}

Tensor linear_grad_weight(const Tensor& g, const Tensor& input) {
  if (g.dim() == 1) return ops::outer(g, ops::conj(input));
  const Tensor rows = rows_of(g);
  if (grad_enabled || is_complex(g.dtype())) {
    return ops::mm(ops::transpose(rows, 0, 1), ops::conj(rows_of(input)));
  }
  return product_hn(rows, rows_of(input));
}

Tensor linear_grad_bias(const Tensor& g) {
  if (g.dim() == 1) return g;
  Dims leading;
  for (int64_t d = 0; d < g.dim() - 1; ++d) leading.push_back(d);
  return ops::sum(g, leading, false, std::nullopt);
}

}  // namespace flambeau::grad
