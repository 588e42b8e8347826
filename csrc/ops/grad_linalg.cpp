#include "ops/grad_linalg.h"

#include <limits>

#include "autograd/grad_mode.h"
#include "ops/grad_helpers.h"
#include "ops_compare.h"
#include "ops_complex.h"
#include "ops_create.h"
#include "ops_index.h"
#include "ops_join.h"
#include "ops_linalg.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::grad {

namespace {

Tensor adjoint(const Tensor& t) { return ops::conj(ops::transpose(t, -2, -1)); }
Tensor mm(const Tensor& a, const Tensor& b) { return ops::matmul(a, b); }
Tensor diagonal(const Tensor& t) { return ops::diagonal(t, 0, -2, -1); }
Tensor number(double v) { return number_tensor(Scalar(v)); }
// Row and column vectors, to scale columns and rows of matrices.
Tensor row(const Tensor& v) { return ops::unsqueeze(v, -2); }
Tensor column(const Tensor& v) { return ops::unsqueeze(v, -1); }
Tensor embed(const Tensor& v) { return ops::diag_embed(v, 0, -2, -1); }
Tensor to_dtype_of(const Tensor& t, DType dtype) {
  return t.dtype() == dtype ? t : ops::_to_copy(t, dtype);
}

// The lower triangle with half of the diagonal.
Tensor half_lower(const Tensor& t) {
  return ops::sub(ops::tril(t, 0), ops::mul(embed(diagonal(t)), number(0.5)));
}

// Differences x_j - x_i of a vector's elements at (i, j), infinite where they are zero: equal
// values have no well-defined vectors, and the terms that divide by their distance are left out.
Tensor differences(const Tensor& x) {
  const Tensor d = ops::sub(row(x), column(x));
  const Tensor is_zero = ops::eq(d, number(0));
  return ops::masked_fill(d, is_zero, Scalar(std::numeric_limits<double>::infinity()));
}

}  // namespace

Tensor inverse_grad(const Tensor& g, const Tensor& inverse) {
  const Tensor h = adjoint(inverse);
  return ops::neg(mm(h, mm(g, h)));
}

TensorList solve_grad(const Tensor& g, const Tensor& a, const Tensor& x) {
  const Tensor g_b = ops::_linalg_solve(adjoint(a), g);
  return {ops::neg(mm(g_b, adjoint(x))), g_b};
}

TensorList triangular_grad(const Tensor& g, const Tensor& a, const Tensor& x, bool upper,
                           bool unitriangular) {
  const Tensor g_b = ops::_solve_triangular(adjoint(a), g, !upper, unitriangular);
  const Tensor full = ops::neg(mm(g_b, adjoint(x)));
  const int64_t first = unitriangular ? 1 : 0;
  return {upper ? ops::triu(full, first) : ops::tril(full, -first), g_b};
}

Tensor det_grad(const Tensor& g, const Tensor& det, const Tensor& a) {
  bool singular = false;
  if (!det.is_meta()) {
    const GradMode off(false);
    singular = item(ops::any(ops::eq(det, number(0)))).to<bool>();
  }
  const Tensor factor = ops::unsqueeze(ops::unsqueeze(ops::mul(g, ops::conj(det)), -1), -1);
  if (!singular) return ops::mul(factor, adjoint(ops::linalg_inv(a)));
  // Cofactors from A = U S V^H: det(U) det(V^H) U diag(products of the other values) V^H.
  auto [u, s, vh] = ops::_linalg_svd(a, true, true);
  const int64_t n = a.size(a.dim() - 1);
  TensorList products;
  for (int64_t i = 0; i < n; ++i) {
    Tensor others;
    for (int64_t j = 0; j < n; ++j) {
      if (j == i) continue;
      const Tensor value = ops::select(s, -1, j);
      others = others.defined() ? ops::mul(others, value) : value;
    }
    products.push_back(others.defined() ? others : ops::ones_like(ops::select(s, -1, i)));
  }
  const Tensor values = to_dtype_of(ops::stack(products, -1), a.dtype());
  const Tensor phase = ops::conj(ops::mul(ops::linalg_det(u), ops::linalg_det(vh)));
  const Tensor scale = ops::unsqueeze(ops::unsqueeze(ops::mul(g, phase), -1), -1);
  return ops::mul(scale, mm(ops::mul(u, row(values)), vh));
}

Tensor slogdet_grad(const Tensor& g_sign, const Tensor& g_log, const Tensor& sign,
                    const Tensor& a) {
  // log det is analytic: its real part is log|det|, its imaginary part the angle of the sign.
  Tensor g = to_dtype_of(g_log, a.dtype());
  if (is_complex(a.dtype())) {
    const Tensor turn = ops::mul(ops::conj(sign), g_sign);
    const Tensor angle = ops::mul(ops::sub(turn, ops::conj(turn)), number(0.5));
    g = ops::add(g, angle);
  }
  return ops::mul(ops::unsqueeze(ops::unsqueeze(g, -1), -1), adjoint(ops::linalg_inv(a)));
}

Tensor lu_grad(const Tensor& g, const Tensor& lu, const Tensor& pivots) {
  const int64_t m = lu.size(lu.dim() - 2), n = lu.size(lu.dim() - 1), k = std::min(m, n);
  const Tensor p = ops::_lu_permutation(pivots, m, lu.dtype());
  const Tensor square = ops::narrow(ops::narrow(lu, -2, 0, k), -1, 0, k);
  const Tensor upper = ops::triu(square, 0), lower = ops::tril(square, -1);
  Tensor g_lower = ops::tril(ops::narrow(ops::narrow(g, -2, 0, k), -1, 0, k), -1);
  Tensor g_upper = ops::triu(ops::narrow(ops::narrow(g, -2, 0, k), -1, 0, k), 0);
  const Tensor lower_adjoint = adjoint(lower), upper_adjoint = adjoint(upper);
  Tensor right, below;
  if (n > k) {  // U = [U1 U2], U2 = L^-1 P^T A2
    const Tensor g2 = ops::narrow(g, -1, k, n - k), u2 = ops::narrow(lu, -1, k, n - k);
    right = ops::_solve_triangular(lower_adjoint, g2, true, true);
    g_lower = ops::sub(g_lower, ops::tril(mm(right, adjoint(u2)), -1));
  }
  if (m > k) {  // L = [L1; L2], L2 = (P^T A)2 U^-1
    const Tensor g2 = ops::narrow(g, -2, k, m - k), l2 = ops::narrow(lu, -2, k, m - k);
    below = adjoint(ops::_solve_triangular(upper, adjoint(g2), true, false));
    g_upper = ops::sub(g_upper, ops::triu(mm(adjoint(l2), below), 0));
  }
  const Tensor unit = ops::matrix_power(square, 0);
  const Tensor inner = ops::add(ops::tril(mm(ops::add(lower_adjoint, unit), g_lower), -1),
                                ops::triu(mm(g_upper, upper_adjoint), 0));
  const Tensor left = ops::_solve_triangular(lower_adjoint, inner, true, true);
  Tensor result = adjoint(ops::_solve_triangular(upper, adjoint(left), true, false));
  if (right.defined()) result = ops::cat({result, right}, -1);
  if (below.defined()) result = ops::cat({result, below}, -2);
  return mm(p, result);
}

Tensor cholesky_grad(const Tensor& g, const Tensor& l, bool upper) {
  const Tensor lower = upper ? adjoint(l) : l, g_lower = upper ? adjoint(g) : g;
  const Tensor inner = half_lower(mm(adjoint(lower), ops::tril(g_lower, 0)));
  const Tensor sum = ops::mul(ops::add(inner, adjoint(inner)), number(0.5));
  const Tensor h = adjoint(lower);
  const Tensor left = ops::_solve_triangular(h, sum, true, false);        // L^-H S
  return adjoint(ops::_solve_triangular(h, adjoint(left), true, false));  // ... L^-1
}

namespace {

// Tall or square A = Q R: [g_Q + Q copyltu(M)] R^-H with M = R g_R^H - g_Q^H Q.
Tensor qr_grad_tall(const Tensor& g_q, const Tensor& g_r, const Tensor& q, const Tensor& r) {
  const Tensor m = ops::sub(mm(r, adjoint(g_r)), mm(adjoint(g_q), q));
  const Tensor low = ops::tril(m, -1);
  Tensor middle = diagonal(m);
  if (is_complex(m.dtype())) middle = ops::mul(ops::add(middle, ops::conj(middle)), number(0.5));
  const Tensor symmetric = ops::add(ops::add(low, adjoint(low)), embed(middle));
  const Tensor b = ops::add(g_q, mm(q, symmetric));
  return adjoint(ops::_solve_triangular(r, adjoint(b), true, false));
}

}  // namespace

Tensor qr_grad(const Tensor& g_q, const Tensor& g_r, const Tensor& q, const Tensor& r,
               const std::string& mode) {
  FB_CHECK(mode != "r",
           "linalg.qr: The derivative of linalg.qr is not implemented when mode='r'; use "
           "mode='reduced'");
  const int64_t m = q.size(q.dim() - 2), n = r.size(r.dim() - 1);
  FB_CHECK(mode != "complete" || m <= n,
           "linalg.qr: The QR decomposition is not differentiable when mode='complete' "
           "and nrows > ncols");
  if (m >= n) return qr_grad_tall(g_q, g_r, q, r);
  // Wide: A = [X Y], X = Q U square, R = [U V], V = Q^H Y.
  const Tensor u = ops::narrow(r, -1, 0, m), v = ops::narrow(r, -1, m, n - m);
  const Tensor g_u = ops::narrow(g_r, -1, 0, m), g_v = ops::narrow(g_r, -1, m, n - m);
  const Tensor y = mm(q, v);
  const Tensor g_x = qr_grad_tall(ops::add(g_q, mm(y, adjoint(g_v))), g_u, q, u);
  return ops::cat({g_x, mm(q, g_v)}, -1);
}

Tensor svd_grad(const Tensor& g_u, const Tensor& g_s, const Tensor& g_vh, const Tensor& u_all,
                const Tensor& s, const Tensor& vh_all, const Dims& sizes) {
  FB_CHECK(u_all.dim() >= 2,
           "linalg.svd: the derivative needs the singular vectors; use svd with compute_uv=True");
  const int64_t m = *(sizes.end() - 2), n = *(sizes.end() - 1), k = std::min(m, n);
  const DType dtype = u_all.dtype();
  const Tensor u = ops::narrow(u_all, -1, 0, k), vh = ops::narrow(vh_all, -2, 0, k);
  const Tensor gu = ops::narrow(g_u, -1, 0, k), gvh = ops::narrow(g_vh, -2, 0, k);
  const Tensor v = adjoint(vh), gv = adjoint(gvh);
  const Tensor values = to_dtype_of(s, dtype);
  const Tensor square = to_dtype_of(ops::mul(s, s), dtype),
               apart = differences(square);  // s_j^2 - s_i^2
  const auto skew = [&](const Tensor& x, const Tensor& gx) {
    const Tensor t = mm(adjoint(x), gx);
    return ops::div(ops::sub(t, adjoint(t)), apart);
  };
  Tensor inner =
      ops::add(ops::mul(skew(u, gu), row(values)), ops::mul(column(values), skew(v, gv)));
  Tensor on_diagonal = to_dtype_of(g_s, dtype);
  if (is_complex(dtype)) {
    // The phase of a pair of vectors is free; what is left of it is imaginary.
    const Tensor t = diagonal(mm(adjoint(u), gu));
    const Tensor imaginary = ops::mul(ops::sub(t, ops::conj(t)), number(0.5));
    const Tensor apart_from_zero = ops::masked_fill(
        values, ops::eq(s, number(0)), Scalar(std::numeric_limits<double>::infinity()));
    on_diagonal = ops::add(on_diagonal, ops::div(imaginary, apart_from_zero));
  }
  inner = ops::add(inner, embed(on_diagonal));
  Tensor result = mm(mm(u, inner), vh);
  if (m > k) {
    const Tensor rest = ops::sub(gu, mm(u, mm(adjoint(u), gu)));
    result = ops::add(result, mm(ops::div(rest, row(values)), vh));
  }
  if (n > k) {
    const Tensor rest = ops::sub(gvh, mm(mm(gvh, v), vh));
    result = ops::add(result, mm(u, ops::div(rest, column(values))));
  }
  return result;
}

Tensor eigh_grad(const Tensor& g_l, const Tensor& g_v, const Tensor& l, const Tensor& v) {
  FB_CHECK(v.dim() >= 2, "linalg.eigh: the derivative needs the eigenvectors");
  const DType dtype = v.dtype();
  const Tensor h = adjoint(v);
  const Tensor apart = differences(to_dtype_of(l, dtype));
  const Tensor inner = ops::add(ops::div(mm(h, g_v), apart), embed(to_dtype_of(g_l, dtype)));
  // Only hermitian matrices are allowed, so the gradient is the hermitian part.
  const Tensor even = ops::mul(ops::add(inner, adjoint(inner)), number(0.5));
  return mm(v, mm(even, h));
}

Tensor eig_grad(const Tensor& g_l, const Tensor& g_v, const Tensor& l, const Tensor& v,
                DType dtype) {
  const Tensor h = adjoint(v), t = mm(h, g_v);
  const Tensor d = diagonal(t);
  const Tensor real = ops::mul(ops::add(d, ops::conj(d)), number(0.5));
  const Tensor centred = ops::sub(t, ops::mul(mm(h, v), row(real)));
  // l_j - l_i, conjugated; zero on the diagonal as the eigenvalues' own gradient goes there.
  const Tensor apart = ops::conj(differences(l));
  const Tensor off = ops::div(centred, apart);
  const Tensor inner = ops::add(ops::sub(off, embed(diagonal(off))), embed(g_l));
  const Tensor result = ops::_linalg_solve(h, mm(inner, h));
  return is_complex(dtype) ? result : ops::_to_copy(ops::real(result), dtype);
}

}  // namespace flambeau::grad
