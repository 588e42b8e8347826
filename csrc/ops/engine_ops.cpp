// The tensor operations that autograd needs, by the names it knows.
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "ops_compare.h"
#include "ops_complex.h"
#include "ops_create.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau {

namespace {

// Undoes broadcasting: sums over the dimensions that were added or stretched.
Tensor sum_to(const Tensor& t, const Dims& sizes) {
  Dims dims;
  const int64_t extra = t.dim() - static_cast<int64_t>(sizes.size());
  for (int64_t d = 0; d < extra; ++d) dims.push_back(d);
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 1 && t.size(extra + static_cast<int64_t>(d)) != 1)
      dims.push_back(extra + static_cast<int64_t>(d));
  }
  Tensor r = dims.empty() ? t : ops::sum(t, dims, true, std::nullopt);
  return extra ? ops::view(r, sizes) : r;
}

// Complex to real keeps the real part: the gradient of a real input is real.
Tensor cast(const Tensor& t, DType dtype) {
  if (is_complex(t.dtype()) && !is_complex(dtype)) return ops::_to_copy(ops::real(t), dtype);
  return ops::_to_copy(t, dtype);
}

}  // namespace

void install_engine_ops() {
  engine_ops.sum_to = sum_to;
  engine_ops.cast = cast;
  engine_ops.add = [](const Tensor& a, const Tensor& b) { return ops::add(a, b); };
  engine_ops.add_in_place = [](Tensor& a, const Tensor& b) {
    GradMode off(false);
    ops::add_(a, b);
  };
  engine_ops.clone = [](const Tensor& t) { return ops::clone(t); };
  engine_ops.zeros = [](const Dims& sizes, DType dtype, Device device) {
    return ops::zeros(sizes, dtype, device);
  };
  engine_ops.ones_like = [](const Tensor& t) { return ops::ones_like(t); };
  engine_ops.as_strided = [](const Tensor& t, const Dims& sizes, const Dims& strides,
                             int64_t offset) { return ops::as_strided(t, sizes, strides, offset); };
  engine_ops.copy_in_place = [](Tensor& to, const Tensor& from) { ops::copy_(to, from); };
  engine_ops.has_nan = [](const Tensor& t) {
    GradMode off(false);
    return item(ops::any(ops::isnan(t))).to<bool>();
  };
}

}  // namespace flambeau
