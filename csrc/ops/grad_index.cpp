#include "ops/grad_index.h"

#include "ops/grad_helpers.h"
#include "ops/index_support.h"
#include "ops_index.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
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

Tensor sum_of_slices(const Tensor& g, int64_t dim, const Tensor& index) {
  const Tensor flat = contiguous(to_dtype(index, DType::Int64));
  const int64_t size = g.dim() ? g.size(wrap_dim(dim, g.dim(), "index_fill")) : 1;
  std::vector<char> seen(static_cast<size_t>(size), 0);
  std::vector<int64_t> once;
  for (int64_t k = 0; k < flat.numel(); ++k) {
    const int64_t i = flat.data<int64_t>()[k], at = i < 0 ? i + size : i;
    if (!std::exchange(seen[static_cast<size_t>(at)], 1)) once.push_back(at);
  }
  const Tensor positions = empty({static_cast<int64_t>(once.size())}, DType::Int64);
  std::copy(once.begin(), once.end(), positions.data<int64_t>());
  return ops::sum(g.dim() == 0 && once.empty() ? zeros_of(g, {}) : ops::index_select(g, dim, positions));
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

Tensor at_positions(const Tensor& g, const Dims& sizes, int64_t dim, const Tensor& indices, bool keepdim) {
  if (keepdim || sizes.empty()) return ops::_gather_scatter(g, sizes, dim, indices);
  const int64_t d = wrap_dim(dim, static_cast<int64_t>(sizes.size()), "sort");
  return ops::_gather_scatter(ops::unsqueeze(g, d), sizes, d, ops::unsqueeze(indices, d));
}

Tensor spread_evenly(const Tensor& g, const Tensor& self, const Tensor& y) {
  const Tensor share = empty(self.sizes(), self.dtype(), self.device());
  if (self.is_meta()) return share;
  const Tensor from = contiguous(detach(self));
  visit_floating(self.dtype(), "median", [&]<class T>() {
    using C = compute_t<T>;
    const C wanted = static_cast<C>(*y.data<T>());
    auto equal = [&](C v) { return v == wanted || (v != v && wanted != wanted); };
    int64_t count = 0;
    for (int64_t i = 0; i < from.numel(); ++i) count += equal(static_cast<C>(from.data<T>()[i]));
    const C part = C(1) / static_cast<C>(std::max<int64_t>(1, count));
    for (int64_t i = 0; i < from.numel(); ++i) {
      share.data<T>()[i] = T(equal(static_cast<C>(from.data<T>()[i])) ? part : C(0));
    }
  });
  return ops::mul(g, share);
}

}  // namespace flambeau::grad
