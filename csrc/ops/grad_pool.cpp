#include "ops/grad_pool.h"

#include "ops_pool.h"

namespace flambeau::grad {

Tensor adaptive_avg_pool_again(const Tensor& g, const Dims& pooled) {
  return ops::_adaptive_avg_pool(g, Dims(pooled.begin() + 2, pooled.end()));
}

Tensor resample_grad(const Tensor& g, const Dims& image, const std::string& mode,
                     bool align_corners, const std::vector<double>& scales, bool antialias) {
  return ops::_resample_grad(g, Dims(image.begin() + 2, image.end()), mode, align_corners, scales,
                             antialias);
}

Tensor resample_again(const Tensor& g, const Dims& image, const std::string& mode,
                      bool align_corners, const std::vector<double>& scales, bool antialias) {
  return ops::_resample(g, Dims(image.begin() + 2, image.end()), mode, align_corners, scales,
                        antialias);
}

}  // namespace flambeau::grad
