// Gradients of pooling and resampling.
#pragma once
#include <string>
#include <vector>

#include "ops/op_types.h"

namespace flambeau::grad {

Tensor adaptive_avg_pool_again(const Tensor& g, const Dims& pooled);
// _resample_grad and _resample to the spatial part of an image's sizes.
Tensor resample_grad(const Tensor& g, const Dims& image, const std::string& mode,
                     bool align_corners, const std::vector<double>& scales, bool antialias);
Tensor resample_again(const Tensor& g, const Dims& image, const std::string& mode,
                      bool align_corners, const std::vector<double>& scales, bool antialias);

}  // namespace flambeau::grad
