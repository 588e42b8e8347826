// Packing pixels of an image into a panel of packed_gemm, channel after channel.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// Which pixels the lanes of a panel read: piece number j serves the lanes of its mask, lane i from
// src[offset[j] + i]. Lanes in no mask are zero.
struct LanePieces {
  static constexpr int kMost = 4;
  int count = 0;
  int64_t offset[kMost];
  uint32_t mask[kMost];
};
// The general case: lane i reads src[offset[i]] if it is in the mask.
struct LaneOffsets {
  static constexpr int kLanes = 16;
  uint32_t mask;
  int64_t offset[kLanes];
};

// For each of `channels`, `channel_stride` apart, one group of lanes, packed_step apart.
#define FB_CONV_PACK(S, T)                                                                    \
  FB_KERNEL(void, conv_pack_pieces_##S,                                                       \
            (const T* src, int64_t channel_stride, int64_t channels, const LanePieces& lanes, \
             T* packed, int64_t packed_step));                                                \
  FB_KERNEL(void, conv_pack_offsets_##S,                                                      \
            (const T* src, int64_t channel_stride, int64_t channels, const LaneOffsets& lanes, \
             T* packed, int64_t packed_step))
FB_CONV_PACK(f32, float);
FB_CONV_PACK(f64, double);
#undef FB_CONV_PACK

// dst[i * dst_step] += w * src[i * src_step]; dst[i] += a[i] * b[i]; sum of a[i] * b[i * b_step].
#define FB_CONV_ROWS(S, T)                                                                       \
  FB_KERNEL(void, conv_row_add_##S,                                                              \
            (const T* src, int64_t src_step, T w, T* dst, int64_t dst_step, int64_t n));         \
  FB_KERNEL(void, conv_products_add_##S, (const T* a, const T* b, T* dst, int64_t n));           \
  FB_KERNEL(T, conv_row_dot_##S, (const T* a, const T* b, int64_t b_step, int64_t n))
FB_CONV_ROWS(f32, float);
FB_CONV_ROWS(f64, double);
#undef FB_CONV_ROWS

}  // namespace flambeau
