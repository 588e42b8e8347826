#include "ops/grad_pool.h"

#include "ops_pool.h"

namespace flambeau::grad {

Tensor adaptive_avg_pool_again(const Tensor& g, const Dims& pooled) {
  return ops::_adaptive_avg_pool(g, Dims(pooled.begin() + 2, pooled.end()));
}

}  // namespace flambeau::grad
