#include "ops/grad_pool.h"

#include "ops_pointwise.h"
#include "ops_pool.h"
#include "ops_shape.h"

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

namespace {

// The sum of f(g along dimension d, `order` with one derivative more along d).
template <class F>
Tensor sum_of_slopes(const Tensor& g, const Dims& order, F&& f) {
  const int64_t dims = g.sizes().back();
  Tensor sum;
  for (int64_t d = 0; d < dims; ++d) {
    Dims next = order.empty() ? Dims(static_cast<size_t>(dims), 0) : order;
    ++next[static_cast<size_t>(d)];
    const Tensor term = f(ops::unsqueeze(ops::select(g, -1, dims - 1 - d), 1), next);
    sum = sum.defined() ? ops::add(sum, term) : term;
  }
  return sum;
}

}  // namespace

Tensor grid_slopes_by_values(const Tensor& g, const Tensor& image, const Tensor& grid,
                             const std::string& mode, const std::string& padding_mode,
                             bool align_corners, const Dims& order) {
  return sum_of_slopes(g, order, [&](const Tensor& factor, const Dims& next) {
    return ops::mul(factor,
                    ops::_grid_sample(image, grid, mode, padding_mode, align_corners, next));
  });
}

Tensor grid_slopes_by_image(const Tensor& g, const Tensor& values, const Tensor& grid,
                            const Dims& size, const std::string& mode,
                            const std::string& padding_mode, bool align_corners,
                            const Dims& order) {
  return sum_of_slopes(g, order, [&](const Tensor& factor, const Dims& next) {
    return ops::_grid_sample_scatter(ops::mul(factor, values), grid, size, mode, padding_mode,
                                     align_corners, next);
  });
}

Tensor grid_slopes_by_grid(const Tensor& g, const Tensor& values, const Tensor& image,
                           const Tensor& grid, const std::string& mode,
                           const std::string& padding_mode, bool align_corners, const Dims& order) {
  return sum_of_slopes(g, order, [&](const Tensor& factor, const Dims& next) {
    return ops::_grid_sample_slopes(ops::mul(factor, values), image, grid, mode, padding_mode,
                                    align_corners, next);
  });
}

}  // namespace flambeau::grad
