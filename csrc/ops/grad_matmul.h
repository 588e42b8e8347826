// Gradients of matrix products.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

// A B^H and A^H B of matrices or equal batches, from the operands as they lie; not differentiable.
Tensor product_nh(const Tensor& a, const Tensor& b);
Tensor product_hn(const Tensor& a, const Tensor& b);
Tensor scale_conj(const Tensor& t, const Scalar& s);  // t * conj(s)

Tensor matmul_grad_self(const Tensor& g, const Dims& sizes, const Tensor& other);
Tensor matmul_grad_other(const Tensor& g, const Tensor& self, const Dims& sizes);

Tensor linear_grad_input(const Tensor& g, const Tensor& weight);
Tensor linear_grad_weight(const Tensor& g, const Tensor& input);
Tensor linear_grad_bias(const Tensor& g);

}  // namespace flambeau::grad
