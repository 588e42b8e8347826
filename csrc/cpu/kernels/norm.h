// Normalisation: statistics of rows, and scaling by parameters that belong to a run of neighbours
// (NCHW: one channel of one image) or to a column (channels last, and matrices).
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

#define FB_NORM_KERNELS(suffix, T)                                                                \
  /* Rows of n: y = (x - mean) rstd w + b; w and b of n elements may be null. With `rms` the mean \
     is taken as 0; y may be null. Fills mean (not if rms) and rstd, one per row. */              \
  FB_KERNEL(void, norm_rows_##suffix, (const T* x, const T* w, const T* b, T* y, T* mean,         \
                                       T* rstd, int64_t rows, int64_t n, double eps, bool rms));  \
  /* The gradient of the above. dx, dw and db may be null; dw and db are added to. */             \
  FB_KERNEL(void, norm_rows_grad_##suffix,                                                        \
            (const T* g, const T* x, const T* w, const T* mean, const T* rstd, T* dx, T* dw,      \
             T* db, int64_t rows, int64_t n, bool rms));                                          \
  /* y = (x - mean) scale + shift, one of each per run of n, or per column. */                    \
  FB_KERNEL(void, affine_runs_##suffix, (const T* x, const T* mean, const T* scale,               \
                                         const T* shift, T* y, int64_t runs, int64_t n));         \
  FB_KERNEL(void, affine_columns_##suffix, (const T* x, const T* mean, const T* scale,            \
                                            const T* shift, T* y, int64_t rows, int64_t n));      \
  /* dx = a g + b (x - mean) + c */                                                               \
  FB_KERNEL(void, affine_grad_runs_##suffix,                                                      \
            (const T* g, const T* x, const T* mean, const T* a, const T* b, const T* c, T* dx,    \
             int64_t runs, int64_t n));                                                           \
  FB_KERNEL(void, affine_grad_columns_##suffix,                                                   \
            (const T* g, const T* x, const T* mean, const T* a, const T* b, const T* c, T* dx,    \
             int64_t rows, int64_t n));                                                           \
  /* sums[2 r] = sum of g, sums[2 r + 1] = sum of g (x - mean), over a run. Columns add to        \
     sums[c] and sums[n + c]; at most 64 rows at once. */                                         \
  FB_KERNEL(void, grad_sums_runs_##suffix, (const T* g, const T* x, const T* mean, double* sums,  \
                                            int64_t runs, int64_t n));                            \
  FB_KERNEL(void, grad_sums_columns_##suffix, (const T* g, const T* x, const T* mean,             \
                                               double* sums, int64_t rows, int64_t n));
FB_NORM_KERNELS(f32, float)
FB_NORM_KERNELS(f64, double)

}  // namespace flambeau
