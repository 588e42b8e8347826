// The parts of attention that are not products. Blocks of scores are held as the products want
// them: panels of nr (gemm_shape) neighbouring columns, row after row.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// One more block of keys in a running softmax over keys. s: (keys, nr), a column per query; becomes
// exp(s + bias - largest). bias may be null. largest and sum, nr each, are what all blocks so far
// gave, -inf and 0 at first; factor is what earlier results must be multiplied by.
FB_KERNEL(void, attention_softmax,
          (float* s, const float* bias, int64_t keys, float* largest, float* sum, float* factor));
// o: (width, nr); each column times its factor.
FB_KERNEL(void, attention_rescale, (float* o, int64_t width, const float* factor));
// out[q, e] = o[e, q] / sum[q], 0 where no key was allowed; lse[q] = log of the sum of exponentials
// (if not null), +inf there.
FB_KERNEL(void, attention_finish,
          (const float* o, int64_t width, int64_t queries, const float* largest, const float* sum,
           float* out, int64_t out_row, float* lse));
// The softmax of s + bias (may be null) over one row; returns lse as above, s becomes zeros there.
FB_KERNEL(float, attention_softmax_row, (float* s, const float* bias, int64_t keys));
// to[i * to_row + j] = 0 where m[i * row + j * column] is true, else -inf.
FB_KERNEL(void, attention_mask_rows,
          (const bool* m, int64_t row, int64_t column, int64_t queries, int64_t keys, float* to,
           int64_t to_row));
// s, g: (rows, nr), a row per query. s becomes p = exp(s + bias - lse), g becomes p (g - d).
FB_KERNEL(void, attention_backward,
          (float* s, float* g, const float* bias, int64_t rows, const float* lse, const float* d));
// One row: s becomes p = exp(s + bias - lse), g becomes p (g - d). bias may be null.
FB_KERNEL(void, attention_backward_row,
          (float* s, float* g, const float* bias, int64_t keys, float lse, float d));
// to[j, e] = sum over i of p[i * row + j] x[i, e], or that much more; x (queries, width).
FB_KERNEL(void, attention_outer,
          (const float* p, int64_t row, int64_t queries, int64_t keys, const float* x,
           int64_t width, bool add, float* to));
// Panels (keys / nr, rows, nr) as panels of mr rows by all keys, for the left side of a product.
// Rows beyond the last are zeros.
FB_KERNEL(void, attention_turn, (const float* panels, int64_t rows, int64_t keys, float* packed));

}  // namespace flambeau
