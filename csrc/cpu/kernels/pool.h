// Rows of pooling windows.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// row_max: to[i] = max(to[i], row[i]), NaN wins.
// pairs_max: out[i] = max(row[2 i], row[2 i + 1]), NaN wins.
// pairs_grad: the 2 x 2 windows of two rows: the gradient goes to the largest element, the first
// of equals, the last NaN; the others get zero. Writes 2 n elements of each row.
#define FB_POOL_KERNELS(S, T)                                                                \
  FB_KERNEL(void, pool_row_max_##S, (const T* row, T* to, int64_t n));                       \
  FB_KERNEL(void, pool_pairs_max_##S, (const T* row, T* out, int64_t n));                    \
  FB_KERNEL(void, pool_pairs_grad_##S,                                                       \
            (const T* grad, const T* row0, const T* row1, T* to0, T* to1, int64_t n))
FB_POOL_KERNELS(f32, float);
FB_POOL_KERNELS(f64, double);
#undef FB_POOL_KERNELS

}  // namespace flambeau
