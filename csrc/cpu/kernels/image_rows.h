// Rows of pixels and of channels, for depthwise convolution, pooling and resampling.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// What taps read for the first of a row of pixels, `src_step` apart, and their weights, if they
// have any. Those of `first_read` (`fresh` of them, in src too) read what no tap has read for a row
// above.
template <class T>
struct TapRows {
  const T* const* src;
  int64_t src_step;
  const T* const* w;
  int64_t taps;
  const T* const* first_read;
  int64_t fresh;
};

// row_add:      dst[i] += w * src[i].
// row_blend:    dst[i] = u * a[i] + v * b[i].
// deinterleave: elements of even and of odd index, of n. interleave puts them back.
// row_pixels:   pixels of n channels; out[p * n + i] = the sum over `lines` j and `taps` k of
//               line_w[j] * w[p * taps + k] * line[j][index[p * taps + k] * n + i].
// channels_correlate: pixels of n channels; channel i of pixel p of `out` becomes bias[i] (0
//               without) + sum over taps of w[t][i] * src[t][p * src_step + i].
// channels_products_add: sum[t][i] += sum over pixels of a[p * a_step + i] * src[t][p * src_step +
//               i].
#define FB_IMAGE_ROWS(S, T)                                                                      \
  FB_KERNEL(void, row_add_##S, (const T* src, T w, T* dst, int64_t n));                          \
  FB_KERNEL(void, row_blend_##S, (const T* a, T u, const T* b, T v, T* dst, int64_t n));          \
  FB_KERNEL(void, row_deinterleave_##S, (const T* src, int64_t n, T* even, T* odd));             \
  FB_KERNEL(void, row_interleave_##S, (const T* even, const T* odd, int64_t n, T* dst));         \
  FB_KERNEL(void, row_pixels_##S,                                                                \
            (const T* const* line, const T* line_w, int64_t lines, const int64_t* index,         \
             const T* w, int64_t taps, T* out, int64_t pixels, int64_t n));                      \
  FB_KERNEL(void, channels_correlate_##S,                                                        \
            (const TapRows<T>& src, const T* bias, T* out, int64_t out_step, int64_t pixels,     \
             int64_t n));                                                                        \
  FB_KERNEL(void, channels_products_add_##S,                                                     \
            (const T* a, int64_t a_step, const TapRows<T>& src, T* const* sum, int64_t pixels,   \
             int64_t n))
FB_IMAGE_ROWS(f32, float);
FB_IMAGE_ROWS(f64, double);
#undef FB_IMAGE_ROWS

}  // namespace flambeau
