// Gradients of views and rearrangements, for the expressions of the table.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

Dims negated(const Dims& dims);
Tensor permute_grad(const Tensor& g, const Dims& dims);
// The pieces of a gradient that belong to joined tensors of these sizes.
TensorList cat_grad(const Tensor& g, const std::vector<Dims>& sizes, int64_t dim);
TensorList block_diag_grad(const Tensor& g, const std::vector<Dims>& sizes);
Tensor channel_shuffle_grad(const Tensor& g, int64_t groups);

// Raises: the gradient of this operator has none itself.
Tensor no_second_derivative(const Tensor& g, const std::string& op);

}  // namespace flambeau::grad
