// Gradients of element-wise operators that differ between real and complex operands.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

Tensor sgn_grad(const Tensor& g, const Tensor& self, const Tensor& y);
Tensor angle_grad(const Tensor& g, const Tensor& self);
Tensor imag_grad(const Tensor& g);
// A layout that view_as_complex accepts.
Tensor contiguous_grad(const Tensor& g);

}  // namespace flambeau::grad
