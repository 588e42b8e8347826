// Sorting short rows, and turning elements away by value, without branches that depend on the data.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

inline constexpr int64_t kNetworkLeast = 8, kNetworkMost = 1024;

// Sorts n words; n is a power of two from kNetworkLeast to kNetworkMost. The network is Batcher's
// (1968): which words are compared depends on n alone.
FB_KERNEL(void, sort_words, (uint64_t* p, int64_t n));

// Writes the positions i from `begin` on with row[i] > bound (below: < bound) or NaN, at most
// `room` of them, and says how many; *next is where to go on, n at the end.
#define FB_BEYOND(S, T)                                                                       \
  FB_KERNEL(int64_t, positions_beyond_##S,                                                    \
            (const T* row, int64_t begin, int64_t n, T bound, bool below, int64_t* positions, \
             int64_t room, int64_t* next))
FB_BEYOND(f32, float);
FB_BEYOND(f64, double);
FB_BEYOND(i32, int32_t);
FB_BEYOND(i64, int64_t);
#undef FB_BEYOND

}  // namespace flambeau
