// Distances of one row to all rows of a matrix, which lies transposed: whole vectors of distances
// whatever the length of a row.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class DistanceNorm : int { Largest, Sum, Squares };  // p = inf, 1, 2

// x of m elements, `others` (m, n); in the gradient p is 1, or 2 with `squares`.
//   row_distances:      y[r] = the p-norm of x - others[:, r]; `stride` between rows of others.
//   row_distances_grad: dx[k] = the sum over r of share[r] times the derivative by x[k] of
//                       distance r, for squares without the division by the distance.
#define FB_DISTANCES(S, T)                                                                      \
  FB_KERNEL(void, row_distances_##S,                                                            \
            (const T* x, const T* others, int64_t m, int64_t n, int64_t stride,                 \
             DistanceNorm norm, T* y));                                                         \
  FB_KERNEL(void, row_distances_grad_##S, (const T* share, const T* x, const T* others,         \
                                           int64_t m, int64_t n, bool squares, T* dx))
FB_DISTANCES(f32, float);
FB_DISTANCES(f64, double);
#undef FB_DISTANCES

}  // namespace flambeau
