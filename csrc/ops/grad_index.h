// Helpers of the gradients of the index and sort families.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

// The window that x[...] showed, read from a gradient with its own layout.
Tensor window_of(const Tensor& g, const Dims& sizes, const Dims& stride, int64_t offset);
Tensor zeros_as(const Tensor& g, const Dims& sizes);
// A gradient given back the shape of an argument with as many elements.
Tensor expand_to(const Tensor& g, const Dims& sizes);
// gather(), with zeros where `sizes` reach beyond the index.
Tensor gather_into(const Tensor& g, int64_t dim, const Tensor& index, const Dims& sizes);
// The sum over the slices named by `index`, each counted once.
Tensor sum_of_slices(const Tensor& g, int64_t dim, const Tensor& index);
// Of self and src; what an extreme's gradient is shared by, and what zeros are left out of a
// product, counts as constant.
std::tuple<Tensor, Tensor> scatter_reduce_grad(const Tensor& g, const Tensor& self, int64_t dim,
                                               const Tensor& index, const Tensor& src,
                                               const Tensor& y, const std::string& reduce,
                                               bool include_self);
Tensor masked_scatter_grad(const Tensor& g, const Tensor& mask, const Dims& sizes);

// Zeros of the given size with g at the positions found along `dim`.
Tensor at_positions(const Tensor& g, const Dims& sizes, int64_t dim, const Tensor& indices,
                    bool keepdim);
// g shared by the elements of self that equal y (or are NaN as y is).
Tensor spread_evenly(const Tensor& g, const Tensor& self, const Tensor& y);

}  // namespace flambeau::grad
