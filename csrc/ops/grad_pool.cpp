#include "ops/grad_pool.h"

#include "autograd/grad_mode.h"
#include "ops_pool.h"

namespace flambeau::grad {

Tensor max_pool_pick(const Tensor& g, const Tensor& self, const Dims& kernel, const Dims& stride,
                     const Dims& padding, const Dims& dilation, bool ceil_mode) {
  Tensor indices;
  {
    const GradMode off(false);
    indices = std::get<1>(
        ops::_max_pool_with_indices(self, kernel, stride, padding, dilation, ceil_mode));
  }
  return ops::_pool_pick(g, indices);
}

Tensor adaptive_avg_pool_again(const Tensor& g, const Dims& pooled) {
  return ops::_adaptive_avg_pool(g, Dims(pooled.begin() + 2, pooled.end()));
}

}  // namespace flambeau::grad
