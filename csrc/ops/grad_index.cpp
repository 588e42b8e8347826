#include "ops/grad_index.h"

#include "ops/grad_helpers.h"
#include "ops/index_support.h"
#include "ops_index.h"
#include "ops_shape.h"

namespace flambeau::grad {

Tensor window_of(const Tensor& g, const Dims& sizes, const Dims& stride, int64_t offset) {
  const Tensor packed = g.is_contiguous() ? g : ops::clone(g, MemoryFormat::Contiguous);
  return ops::as_strided(packed, sizes, stride, packed.offset() + offset);
}

Tensor zeros_as(const Tensor& g, const Dims& sizes) { return zeros_of(g, sizes); }

Tensor expand_to(const Tensor& g, const Dims& sizes) {
  return g.sizes() == sizes ? g : ops::reshape(g, sizes);
}

Tensor gather_into(const Tensor& g, int64_t dim, const Tensor& index, const Dims& sizes) {
  const Tensor part = ops::gather(g, dim, index);
  if (part.sizes() == sizes || index.dim() == 0) return expand_to(part, sizes);
  return ops::_window_scatter(part, sizes, contiguous_strides(sizes), 0);
}

Tensor masked_keep(const Tensor& g, const Tensor& mask) {
  const Tensor inverted = empty(mask.sizes(), DType::Bool, mask.device());
  if (!mask.is_meta()) {
    const Tensor m = contiguous(mask);
    for (int64_t i = 0; i < m.numel(); ++i) inverted.data<bool>()[i] = !m.data<bool>()[i];
  }
  return ops::masked_fill(g, inverted, 0);
}

Tensor masked_scatter_grad(const Tensor& g, const Tensor& mask, const Dims& sizes) {
  const Tensor chosen = ops::masked_select(g, mask);
  const int64_t n = product(sizes);
  const Tensor all = chosen.numel() == n ? chosen : ops::_window_scatter(chosen, {n}, {1}, 0);
  return ops::reshape(all, sizes);
}

}  // namespace flambeau::grad
