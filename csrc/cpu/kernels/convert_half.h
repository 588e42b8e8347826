// Blocks of float16 and bfloat16 to float and back. Both are stored as their 16 bits.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// Widening is exact. Narrowing rounds to nearest, ties to even; what is too large becomes infinity;
// a NaN stays a quiet NaN with its sign and the upper bits of its payload. x and y may not overlap.
FB_KERNEL(void, half_to_float, (const uint16_t* x, float* y, int64_t n));
FB_KERNEL(void, float_to_half, (const float* x, uint16_t* y, int64_t n));
FB_KERNEL(void, bfloat16_to_float, (const uint16_t* x, float* y, int64_t n));
FB_KERNEL(void, float_to_bfloat16, (const float* x, uint16_t* y, int64_t n));

}  // namespace flambeau
