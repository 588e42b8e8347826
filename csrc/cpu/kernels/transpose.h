// Two-dimensional transposition of plain bytes.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// dst[c][r] = src[r][c] for elements of `item` bytes (1, 2, 4, 8 or 16): src has `rows` rows of
// `cols` neighbours, dst the other way round. The strides between rows are in bytes; the two may
// not overlap. `streaming` writes around the caches where dst's rows are aligned to 32 bytes, for
// results larger than they are; streaming_fence() belongs behind it.
FB_KERNEL(void, transpose,
          (const char* src, int64_t src_stride, char* dst, int64_t dst_stride, int64_t rows,
           int64_t cols, int item, bool streaming));

}  // namespace flambeau
