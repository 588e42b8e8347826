// Gradients of reductions, scans and softmax that are more than one line.
#pragma once
#include "ops/op_types.h"

namespace flambeau::grad {

// The length of a line along `dim`, -1 for 0-d tensors: the `size` of _place.
int64_t line_size(const Dims& sizes, int64_t dim);
Tensor nansum_grad(const Tensor& g, const Tensor& x, const std::optional<Dims>& dim, bool keepdim);
Tensor mean_grad(const Tensor& g, const Dims& sizes, const std::optional<Dims>& dim, bool keepdim);
// The product of all others, from running products of both ends: exact where there are zeros.
Tensor prod_grad(const Tensor& g, const Tensor& x, int64_t dim, bool keepdim);
Tensor prod_grad_fast(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim, bool keepdim);
// Elements equal to the extreme share its gradient.
Tensor extreme_grad(const Tensor& g, const Tensor& x, const Tensor& y, const Dims& dim,
                    bool keepdim);
Tensor extreme_grad(const Tensor& g, const Tensor& x, const Tensor& y);
Tensor var_grad(const Tensor& g, const Tensor& x, const std::optional<Dims>& dim, double correction,
                bool keepdim);
Tensor std_grad(const Tensor& g, const Tensor& x, const Tensor& y, const std::optional<Dims>& dim,
                double correction, bool keepdim);
Tensor logsumexp_grad(const Tensor& g, const Tensor& x, const Tensor& y, const Dims& dim,
                      bool keepdim);
Tensor vector_norm_grad(const Tensor& g, const Tensor& x, const Tensor& y, double ord,
                        const std::optional<Dims>& dim, bool keepdim);

// For x1 of distances y between rows of x1 and of x2; 0 where a distance is.
Tensor euclidean_grad(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& y);

// For x1 of _row_distances, in operators that can be differentiated.
Tensor row_distances_grad(const Tensor& g, const Tensor& x1, const Tensor& x2, double p);
Tensor row_distances_grad_fast(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& y,
                               double p);
// For _pair_distances, y its result; the fast one cannot be differentiated.
Tensor pair_distances_grad(const Tensor& g, const Tensor& x, double p);
Tensor pairs_grad(const Tensor& g, const Dims& sizes);
Tensor pair_distances_grad_fast(const Tensor& g, const Tensor& x, const Tensor& y, double p);

Tensor cumprod_grad(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim, bool reverse);
Tensor logcumsumexp_grad(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim);
Tensor cumulative_extreme_grad(const Tensor& g, const Tensor& indices, int64_t dim);
Tensor linear_scan_grad(const Tensor& g, const Tensor& factor, int64_t dim, bool reverse);
Tensor shifted(const Tensor& t, int64_t dim, int64_t steps, int64_t fill);

// The fused gradient of softmax, or of its logarithm.
Tensor softmax_grad(const Tensor& g, const Tensor& y, int64_t dim, bool log);
// One pass, and the same as a graph.
Tensor glu_grad(const Tensor& g, const Tensor& self, int64_t dim);
Tensor glu_grad_graph(const Tensor& g, const Tensor& self, int64_t dim);

}  // namespace flambeau::grad
