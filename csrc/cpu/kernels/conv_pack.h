// Packing pixels of an image into a panel of packed_gemm, channel after channel.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// Which pixels the lanes of a panel read for one tap: piece number j serves the lanes of its mask,
// lane i from src[offset[j] + i * step]. Lanes in no mask are zero. count < 0: not to be expressed
// in so few pieces.
struct LanePieces {
  static constexpr int kMost = 4;
  int16_t count = 0, step = 1;  // step: 1 or 2
  uint16_t mask[kMost];
  int64_t offset[kMost];
};
// The general case: lane i reads src[offset[i]] if it is in the mask.
struct LaneOffsets {
  static constexpr int kLanes = 16;
  uint32_t mask;
  int64_t offset[kLanes];
};

// pieces: for each tap t and channel c one group of lanes, from src + c * channel_stride to packed
// + (c * packed_channel + t * packed_tap).
// offsets: the same for one tap.
// gather: run j of n pixels, from src + offset[j], to buffer + j * buffer_step, zeros outside
// [begin[j], end[j]). Pixels are src_step apart.
// interleave: out[(p * count + r) * channels + c] = rows[r][p * channels + c]. May write as far as
// a vector behind the last element. add_runs: dst[first + i * dst_step + q] += src[i * src_step +
// q] for `runs` runs of n elements, where that is in [0, size).
#define FB_CONV_PACK(S, T)                                                                       \
  FB_KERNEL(void, conv_pack_pieces_##S,                                                          \
            (const T* src, int64_t channel_stride, int64_t channels, const LanePieces* lanes,    \
             int64_t taps, T* packed, int64_t packed_channel, int64_t packed_tap));              \
  FB_KERNEL(void, conv_pack_offsets_##S,                                                         \
            (const T* src, int64_t channel_stride, int64_t channels, const LaneOffsets& lanes,   \
             T* packed, int64_t packed_channel));                                                \
  FB_KERNEL(void, conv_gather_runs_##S,                                                          \
            (const T* src, const int64_t* offset, const int64_t* begin, const int64_t* end,      \
             int64_t src_step, int64_t runs, int64_t n, T* buffer, int64_t buffer_step));        \
  FB_KERNEL(void, conv_interleave_##S,                                                           \
            (const T* const* rows, int64_t count, int64_t channels, int64_t pixels, T* out));    \
  FB_KERNEL(void, conv_add_runs_##S,                                                             \
            (const T* src, int64_t src_step, int64_t runs, int64_t n, T* dst, int64_t first,     \
             int64_t dst_step, int64_t size))
FB_CONV_PACK(f32, float);
FB_CONV_PACK(f64, double);
#undef FB_CONV_PACK

}  // namespace flambeau
