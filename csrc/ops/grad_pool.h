// Gradients of pooling.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

Tensor adaptive_avg_pool_again(const Tensor& g, const Dims& pooled);

}  // namespace flambeau::grad
