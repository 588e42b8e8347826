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

// The gradients of _grid_sample_slopes, by its three tensors.
Tensor grid_slopes_by_values(const Tensor& g, const Tensor& image, const Tensor& grid,
                             const std::string& mode, const std::string& padding_mode,
                             bool align_corners, const Dims& order);
Tensor grid_slopes_by_image(const Tensor& g, const Tensor& values, const Tensor& grid,
                            const Dims& size, const std::string& mode,
                            const std::string& padding_mode, bool align_corners, const Dims& order);
Tensor grid_slopes_by_grid(const Tensor& g, const Tensor& values, const Tensor& image,
                           const Tensor& grid, const std::string& mode,
                           const std::string& padding_mode, bool align_corners, const Dims& order);

}  // namespace flambeau::grad
