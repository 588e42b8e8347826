// Softmax and what is like it, over rows (neighbours in memory) or columns of a matrix.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// The kernels of float and of double. `stride` is in elements between the rows of columns kernels;
// `log` asks for the logarithm. Results may overwrite the first input.
#define FB_SOFTMAX_KERNELS(suffix, T)                                                             \
  FB_KERNEL(void, softmax_rows_##suffix,                                                          \
            (const T* x, T* y, int64_t rows, int64_t n, bool log));                               \
  FB_KERNEL(void, softmax_columns_##suffix,                                                       \
            (const T* x, T* y, int64_t n, int64_t stride, int64_t cols, bool log));               \
  /* dx = y (g - sum(g y)), with log: g - exp(y) sum(g) */                                        \
  FB_KERNEL(void, softmax_grad_rows_##suffix,                                                     \
            (const T* g, const T* y, T* dx, int64_t rows, int64_t n, bool log));                  \
  FB_KERNEL(void, softmax_grad_columns_##suffix, (const T* g, const T* y, T* dx, int64_t n,       \
                                                  int64_t stride, int64_t cols, bool log));       \
  /* y = scale exp(x - shift), one shift and scale per row or column  */                       \
  FB_KERNEL(void, exp_shifted_rows_##suffix, (const T* x, const T* shift, const T* scale, T* y,   \
                                              int64_t rows, int64_t n));                          \
  FB_KERNEL(void, exp_shifted_columns_##suffix,                                                   \
            (const T* x, const T* shift, const T* scale, T* y, int64_t n, int64_t stride,         \
             int64_t cols));
FB_SOFTMAX_KERNELS(f32, float)
FB_SOFTMAX_KERNELS(f64, double)

}  // namespace flambeau
