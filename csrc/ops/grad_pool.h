// Gradients of pooling.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

// The elements of g that _max_pool of `self` would have taken.
Tensor max_pool_pick(const Tensor& g, const Tensor& self, const Dims& kernel, const Dims& stride,
                     const Dims& padding, const Dims& dilation, bool ceil_mode);
Tensor adaptive_avg_pool_again(const Tensor& g, const Dims& pooled);

}  // namespace flambeau::grad
