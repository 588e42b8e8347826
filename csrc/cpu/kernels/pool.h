// Rows of pooling windows.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// row_max:   to[i] = max(to[i], row[i]), NaN wins.
// pairs_max: out[i] = max(row[2 i], row[2 i + 1]), NaN wins.
// pairs_mean: out[i] = (row[2 i] + row[2 i + 1]) / divisor.
// pairs_spread: out[2 i] = out[2 i + 1] = row[i] / divisor.
// taps_row:  windows along rows: output i is the largest of rows[r][i * stride + l * dilation] for
//            the rows and l < width, and its number is number[r] + l; the first of equals, the last
//            NaN. `limit` elements of each row may be read.
// width_max, width_sum: output i is the largest, or the sum, of row[i * stride + l * dilation].
// find_best: the place of the largest of n > 0 elements; the first of equals, the last NaN.
// columns_argmax: output i is the largest of rows[r][i], and number[i] is its r.
// plane_sum: the sum of n elements.
#define FB_POOL_KERNELS(S, T)                                                                \
  FB_KERNEL(void, pool_row_max_##S, (const T* row, T* to, int64_t n));                       \
  FB_KERNEL(void, pool_pairs_max_##S, (const T* row, T* out, int64_t n));                    \
  FB_KERNEL(void, pool_pairs_mean_##S, (const T* row, T* out, int64_t n, T divisor));        \
  FB_KERNEL(void, pool_pairs_spread_##S, (const T* row, T* out, int64_t n, T divisor));      \
  FB_KERNEL(void, pool_taps_row_##S,                                                         \
            (const T* const* rows, const int64_t* number, int64_t count, int64_t width,      \
             int64_t dilation, int64_t stride, int64_t limit, T* values, uint8_t* taps,      \
             int64_t n));                                                                    \
  FB_KERNEL(void, pool_width_max_##S,                                                        \
            (const T* row, int64_t width, int64_t dilation, int64_t stride, int64_t limit,   \
             T* out, int64_t n));                                                            \
  FB_KERNEL(void, pool_width_sum_##S,                                                        \
            (const T* row, int64_t width, int64_t dilation, int64_t stride, int64_t limit,   \
             T* out, int64_t n));                                                            \
  FB_KERNEL(T, pool_plane_sum_##S, (const T* src, int64_t n))
FB_POOL_KERNELS(f32, float);
FB_POOL_KERNELS(f64, double);
#undef FB_POOL_KERNELS

FB_KERNEL(int64_t, pool_find_best_f32, (const float* row, int64_t n));
FB_KERNEL(int64_t, pool_find_best_f64, (const double* row, int64_t n));
FB_KERNEL(int64_t, pool_find_best_i64, (const int64_t* row, int64_t n));
FB_KERNEL(void, pool_columns_argmax_f32,
          (const float* const* rows, int64_t count, float* values, int32_t* number, int64_t n));
FB_KERNEL(void, pool_columns_argmax_f64,
          (const double* const* rows, int64_t count, double* values, int64_t* number, int64_t n));
FB_KERNEL(void, pool_columns_argmax_i64,
          (const int64_t* const* rows, int64_t count, int64_t* values, int64_t* number, int64_t n));

}  // namespace flambeau
