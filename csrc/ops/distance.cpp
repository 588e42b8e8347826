// Distances between rows.
#include "autograd/grad_mode.h"
#include "impl_reduce.h"
#include "ops/op_support.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {
// Up to here differences are taken one by one whatever is asked for: more exact, and no slower.
constexpr int64_t kFewRows = 25;
}  // namespace

// |a|^2 + |b|^2 - 2 a.b: one product of matrices instead of all differences.
Tensor _euclidean_distance(const Tensor& x1, const Tensor& x2) {
  const GradMode off(false);
  const auto squares = [](const Tensor& x) { return ops::sum(ops::mul(x, x), Dims{-1}, true); };
  const Tensor product = ops::matmul(x1, ops::transpose(x2, -2, -1));
  return ops::_distance_of_squares(product, squares(x1), ops::transpose(squares(x2), -2, -1));
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, const std::optional<std::string>& mode) {
  FB_CHECK(x1.dim() >= 2, "cdist only supports at least 2D tensors, X1 got: ", x1.dim(), "D");
  FB_CHECK(x2.dim() >= 2, "cdist only supports at least 2D tensors, X2 got: ", x2.dim(), "D");
  FB_CHECK(x1.size(x1.dim() - 1) == x2.size(x2.dim() - 1),
           "X1 and X2 must have the same number of "
           "columns. X1: ",
           x1.size(x1.dim() - 1), " X2: ", x2.size(x2.dim() - 1));
  FB_CHECK(p >= 0, "cdist only supports non-negative p values");
  FB_CHECK_VALUE(!mode || *mode == "use_mm_for_euclid_dist_if_necessary" ||
                     *mode == "use_mm_for_euclid_dist" || *mode == "donot_use_mm_for_euclid_dist",
                 *mode, " is not a valid value for compute_mode");
  const int64_t rows = x1.size(x1.dim() - 2), others = x2.size(x2.dim() - 2);
  const bool refused = mode && *mode == "donot_use_mm_for_euclid_dist";
  if (p == 2 && !refused && (rows > kFewRows || others > kFewRows)) {
    FB_CHECK(x1.dtype() == x2.dtype(), "cdist(): expects both of one dtype, got ", x1.dtype(),
             " and ", x2.dtype());
    return ops::_euclidean_distance(x1, x2);
  }
  Dims a = x1.sizes(), b = x2.sizes();
  a.insert(a.size() - 1, 1);
  b.insert(b.size() - 2, 1);
  const Tensor gap = ops::sub(ops::reshape(x1, a), ops::reshape(x2, b));
  return ops::_vector_norm(gap, p, Dims{-1}, false, std::nullopt);
}

}  // namespace flambeau::impl
