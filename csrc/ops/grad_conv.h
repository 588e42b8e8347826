// Gradients of convolutions.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

Tensor channel_sums(const Tensor& g);  // over the batch and the pixels
Tensor im2col_grad(const Tensor& g, const Dims& sizes, const Dims& kernel, const Dims& dilation,
                   const Dims& padding, const Dims& stride);

}  // namespace flambeau::grad
