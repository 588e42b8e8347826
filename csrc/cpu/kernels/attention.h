// The parts of attention that are not products. A tile of scores has a row per query.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class MaskKind : uint8_t { None, Bool, Float };  // true: may be seen; Float: added to scores

// What becomes of a tile of products query times key. Rows lie `row` apart; behind the last key
// there is room for kAttentionSlack numbers and what a vector needs.
template <class T>
struct AttentionTile {
  int64_t rows, keys, row;
  int64_t seen;  // keys that the first query sees; each query sees one more than that before it
  T scale;
  MaskKind kind;  // of `mask`: bool, or T
  const void* mask;
  int64_t mask_row;
  const T* kept;  // factors of dropout, or null
  int64_t kept_row;
};
// So many numbers behind the last key that a query sees are zeros after a softmax or its gradient:
// products may then take as many rows at once.
inline constexpr int64_t kAttentionSlack = 8;

// attention_softmax: the keys of a tile join a running softmax. s becomes exp(score - largest),
//   times `kept`. largest (in units of ln 2) and sum, one a row, are what all tiles so far gave,
//   not read when this is the `first`; factor is what earlier results must be multiplied by (not
//   written when first).
// attention_rescale: o (rows, width), each row times its factor.
// attention_finish: out = o / sum, 0 where no key was allowed; lse = log of the sum of the
//   exponentials, +inf there. out may be o.
// attention_dot: d[r] = sum over e of a[r, e] b[r, e].
// attention_backward: s becomes p = exp(score - lse), times `kept`; g, the gradient of that,
//   becomes that of the products query times key: scale p (g kept - d).
// attention_outer: to[j, e] = sum over i of p[i * row + j] x[i, e], or that much more; x (queries,
//   width).
#define FB_ATTENTION_KERNELS(S, T)                                                               \
  FB_KERNEL(void, attention_softmax_##S,                                                         \
            (T * s, const AttentionTile<T>& tile, bool first, T* largest, T* sum, T* factor));   \
  FB_KERNEL(void, attention_rescale_##S,                                                         \
            (T * o, int64_t o_row, int64_t rows, int64_t width, const T* factor));               \
  FB_KERNEL(void, attention_finish_##S,                                                          \
            (const T* o, int64_t o_row, int64_t rows, int64_t width, const T* largest,           \
             const T* sum, T* out, int64_t out_row, T* lse));                                    \
  FB_KERNEL(void, attention_dot_##S,                                                             \
            (const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows, int64_t width,  \
             T* d));                                                                             \
  FB_KERNEL(void, attention_backward_##S,                                                        \
            (T * s, T * g, const AttentionTile<T>& tile, const T* lse, const T* d));             \
  FB_KERNEL(void, attention_outer_##S,                                                           \
            (const T* p, int64_t row, int64_t queries, int64_t keys, const T* x, int64_t width,  \
             bool add, T* to, int64_t to_row))
FB_ATTENTION_KERNELS(f32, float);
FB_ATTENTION_KERNELS(f64, double);
#undef FB_ATTENTION_KERNELS

}  // namespace flambeau
