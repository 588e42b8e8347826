#include "ops/grad_conv.h"

#include "ops_conv.h"
#include "ops_reduce.h"

namespace flambeau::grad {

Tensor channel_sums(const Tensor& g) {
  Dims dims{0};
  for (int64_t d = 2; d < g.dim(); ++d) dims.push_back(d);
  return ops::sum(g, dims, false, std::nullopt);
}

Tensor im2col_grad(const Tensor& g, const Dims& sizes, const Dims& kernel, const Dims& dilation,
                   const Dims& padding, const Dims& stride) {
  const Dims spatial(sizes.end() - 2, sizes.end());
  return ops::col2im(g, spatial, kernel, dilation, padding, stride);
}

}  // namespace flambeau::grad
