// Pooling where every pixel is a row of channels.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// A window's pixels are the rows of n channels at base + offset[t], t < count.
//
// channels_max:    the largest of each channel, NaN wins.
// channels_mean:   their sum over `divisor`.
// channels_taps:   the largest and its number[t]; the first of equals, the last NaN.
// channels_argmax: the largest and first + position[t].
// channels_share:  out[i] = sum over t of src[t][i] / divisor[t].
// channels_route:  out[i] = sum of those grad[t][i] whose taps[t][i] is number[t]; says how many
//                  they were.
#define FB_POOL_CHANNELS(S, T)                                                                  \
  FB_KERNEL(void, channels_max_##S,                                                             \
            (const T* base, const int64_t* offset, int64_t count, T* out, int64_t n));          \
  FB_KERNEL(void, channels_mean_##S,                                                            \
            (const T* base, const int64_t* offset, int64_t count, T divisor, T* out, int64_t n)); \
  FB_KERNEL(void, channels_taps_##S,                                                            \
            (const T* base, const int64_t* offset, const uint8_t* number, int64_t count,        \
             T* values, uint8_t* taps, int64_t n));                                             \
  FB_KERNEL(void, channels_argmax_##S,                                                          \
            (const T* base, const int64_t* offset, const int64_t* position, int64_t count,      \
             int64_t first, T* values, int64_t* indices, int64_t n));                           \
  FB_KERNEL(void, channels_share_##S,                                                           \
            (const T* const* src, const T* divisor, int64_t count, T* out, int64_t n));         \
  FB_KERNEL(int64_t, channels_route_##S,                                                        \
            (const T* const* grad, const uint8_t* const* taps, const uint8_t* number,           \
             int64_t count, T* out, int64_t n))
FB_POOL_CHANNELS(f32, float);
FB_POOL_CHANNELS(f64, double);
FB_POOL_CHANNELS(i64, int64_t);
#undef FB_POOL_CHANNELS

}  // namespace flambeau
