// One-dimensional runs of elements moved between types and strides.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// See ConvertFn in cpu/copy.h. `from` and `to` are DType values.
using ConvertRun = void (*)(const void* src, int64_t src_stride, void* dst, int64_t dst_stride,
                            int64_t n);
FB_KERNEL(ConvertRun, find_convert, (int from, int to));

// memcpy that goes around the caches: for results larger than they are. dst is 32-byte aligned.
// What is written so becomes visible to other threads after streaming_fence().
FB_KERNEL(void, copy_streaming, (const void* src, void* dst, int64_t nbytes));
inline void streaming_fence() {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

}  // namespace flambeau
