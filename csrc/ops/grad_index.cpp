#include "ops/grad_index.h"

#include "ops/grad_helpers.h"
#include "ops/index_support.h"
#include "ops_compare.h"
#include "ops_create.h"
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
  return ops::sum(g.dim() == 0 && once.empty() ? zeros_of(g, {})
                                               : ops::index_select(g, dim, positions));
}

Tensor masked_scatter_grad(const Tensor& g, const Tensor& mask, const Dims& sizes) {
  const Tensor chosen = ops::masked_select(g, mask);
  const int64_t n = product(sizes);
  const Tensor all = chosen.numel() == n ? chosen : ops::_window_scatter(chosen, {n}, {1}, 0);
  return ops::reshape(all, sizes);
}

namespace {

using Two = std::tuple<Tensor, Tensor>;

// One line operation with its place: what every reduction's gradient needs.
struct Line {
  int64_t dim;
  const Tensor& index;
  bool include_self;
  Dims src_sizes;

  Tensor pick(const Tensor& t) const { return ops::gather(t, dim, index); }
  // The part of src that the index covers.
  Tensor covered(const Tensor& src) const {
    Tensor part = src;
    for (int64_t d = 0; d < index.dim(); ++d) {
      if (part.size(d) != index.size(d)) part = ops::narrow(part, d, 0, index.size(d));
    }
    return part;
  }
  // A gradient for the covered part in the shape of src.
  Tensor whole(const Tensor& part) const {
    if (part.sizes() == src_sizes || index.dim() == 0) return expand_to(part, src_sizes);
    return ops::_window_scatter(part, src_sizes, contiguous_strides(src_sizes), 0);
  }
  // A gradient for self, without the positions at which it takes no part.
  Tensor own(const Tensor& t) const {
    return include_self ? t : ops::scatter_value(t, dim, index, 0);
  }
};

Two mean_grad(const Tensor& g, const Line& line, const Tensor& self) {
  Tensor n = line.own(ops::ones_like(detach(self)));
  n = ops::scatter_add(n, line.dim, line.index, ops::ones_like(line.pick(n)));
  const Tensor share = ops::div(g, n);
  return {line.own(share), line.whole(line.pick(share))};
}

Two extreme_grad(const Tensor& g, const Line& line, const Tensor& self, const Tensor& src,
                 const Tensor& y) {
  const Tensor best = detach(y);
  const Tensor from_self = line.own(ops::_to_copy(ops::eq(detach(self), best), g.dtype()));
  const Tensor from_src =
      ops::_to_copy(ops::eq(detach(line.covered(src)), line.pick(best)), g.dtype());
  const Tensor sharers = ops::scatter_add(from_self, line.dim, line.index, from_src);
  const Tensor share =
      ops::div(g, ops::masked_fill(sharers, ops::eq(sharers, number_tensor(0)), 1));
  return {ops::mul(share, from_self), line.whole(ops::mul(line.pick(share), from_src))};
}

// Each factor's gradient is the product of the others: with one zero only that one has any.
Two product_grad(const Tensor& g, const Line& line, const Tensor& self, const Tensor& src) {
  const Tensor zero = number_tensor(0), part = line.covered(src);
  const Tensor self_zero = ops::eq(detach(self), zero), src_zero = ops::eq(detach(part), zero);
  const Tensor zeros = ops::scatter_add(line.own(ops::_to_copy(self_zero, g.dtype())), line.dim,
                                        line.index, ops::_to_copy(src_zero, g.dtype()));
  const Tensor self_one = ops::masked_fill(self, self_zero, 1),
               src_one = ops::masked_fill(part, src_zero, 1);
  const Tensor product = ops::mul(
      g, ops::scatter_reduce(self_one, line.dim, line.index, src_one, "prod", line.include_self));
  // A factor counts iff the zeros are exactly itself.
  auto others = [&](const Tensor& all, const Tensor& own_zero) {
    return ops::ne(all, ops::_to_copy(own_zero, g.dtype()));
  };
  const Tensor own = ops::masked_fill(ops::div(product, self_one), others(zeros, self_zero), 0);
  const Tensor theirs = ops::masked_fill(ops::div(line.pick(product), src_one),
                                         others(line.pick(zeros), src_zero), 0);
  return {line.own(own), line.whole(theirs)};
}

}  // namespace

Two scatter_reduce_grad(const Tensor& g, const Tensor& self, int64_t dim, const Tensor& index,
                        const Tensor& src, const Tensor& y, const std::string& reduce,
                        bool include_self) {
  if (index.numel() == 0) return {g, zeros_of(g, src.sizes())};
  const Line line{dim, index, include_self, src.sizes()};
  if (reduce == "sum") return {line.own(g), line.whole(line.pick(g))};
  if (reduce == "mean") return mean_grad(g, line, self);
  if (reduce == "prod") return product_grad(g, line, self, src);
  return extreme_grad(g, line, self, src, y);
}

Tensor at_positions(const Tensor& g, const Dims& sizes, int64_t dim, const Tensor& indices,
                    bool keepdim) {
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
