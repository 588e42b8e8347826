// Gradients of factorisations. Derivations: M. Giles, "An extended collection of matrix derivative
// results" (2008); I. Murray, "Differentiation of the Cholesky decomposition" (2016); M. Seeger et
// al., "Auto-differentiating linear algebra" (2017). X^H is the conjugate transpose.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

Tensor inverse_grad(const Tensor& g, const Tensor& inverse);               // -X^H g X^H
TensorList solve_grad(const Tensor& g, const Tensor& a, const Tensor& x);  // of A and B
TensorList triangular_grad(const Tensor& g, const Tensor& a, const Tensor& x, bool upper,
                           bool unitriangular);
Tensor det_grad(const Tensor& g, const Tensor& det, const Tensor& a);
Tensor slogdet_grad(const Tensor& g_sign, const Tensor& g_log, const Tensor& sign, const Tensor& a);
Tensor lu_grad(const Tensor& g, const Tensor& lu, const Tensor& pivots);
Tensor cholesky_grad(const Tensor& g, const Tensor& l, bool upper);
Tensor qr_grad(const Tensor& g_q, const Tensor& g_r, const Tensor& q, const Tensor& r,
               const std::string& mode);
Tensor svd_grad(const Tensor& g_u, const Tensor& g_s, const Tensor& g_vh, const Tensor& u,
                const Tensor& s, const Tensor& vh, const Dims& sizes);
Tensor eigh_grad(const Tensor& g_l, const Tensor& g_v, const Tensor& l, const Tensor& v);
Tensor eig_grad(const Tensor& g_l, const Tensor& g_v, const Tensor& l, const Tensor& v,
                DType dtype);

}  // namespace flambeau::grad
