// The product of convolution for channels-last images: pixels are read where they lie.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// What is multiplied: pixel i reads `channels` adjacent values from src[t * src_tap + i] + channel
// for each tap t.
template <class T>
struct PixelSources {
  const T* const* src;
  int64_t src_tap, taps, channel, channels;
};
// Where it goes: out[i] + column, `columns` adjacent values of each pixel, at most a panel's width.
template <class T>
struct PixelTargets {
  T* const* out;
  int64_t pixels, column, columns;
  const T* bias;  // of the columns, or null
  bool add;       // to what is there
};

// conv_rows_width: of a panel.
// conv_rows_multiply: the sum over taps and channels of source[t, c] * panel[(t * channels + c) *
//   width + j], for column j.
// conv_rows_pack: out[to[p] + j] = src[j * lane_stride + p] for k steps p, except where to[p] < 0,
//   and for the `lanes` of a panel; the other lanes become zero.
#define FB_CONV_ROWS(S, T)                                                                       \
  FB_KERNEL(int64_t, conv_rows_width_##S, ());                                                   \
  FB_KERNEL(void, conv_rows_multiply_##S,                                                        \
            (const PixelSources<T>& from, const T* panel, const PixelTargets<T>& to));           \
  FB_KERNEL(void, conv_rows_pack_##S,                                                            \
            (const T* src, int64_t lane_stride, int64_t lanes, const int64_t* to, int64_t k,     \
             T* out))
FB_CONV_ROWS(f32, float);
FB_CONV_ROWS(f64, double);
#undef FB_CONV_ROWS

}  // namespace flambeau
