// Bulk work of the random fills: blocks of MT19937 and what turns their words into samples.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// `blocks` times: replaces the 624 words of `state` by the next block and writes it, tempered, out.
FB_KERNEL(void, mt19937_blocks, (uint32_t* state, uint32_t* out, int64_t blocks));

// In place, the n words under `data` become from + (to - from) u, u of 24 bits; where that rounds
// up to `to`, `from`.
FB_KERNEL(void, words_to_uniform, (float* data, int64_t n, float from, float to));
// Pairs of words become the same of u with 53 bits. `out` may not overlap `words`.
FB_KERNEL(void, word_pairs_to_uniform,
          (const uint32_t* words, double* out, int64_t n, double from, double to));

// In place, n words, n a multiple of 16, become normals: in each 16, the first eight uniforms give
// the radii and the last eight the angles; cosines go to the first half, sines to the second.
FB_KERNEL(void, words_to_normal, (float* data, int64_t n, float mean, float std));

// out[i] = 53-bit integer of pair i below `threshold`, as 1 or 0.
FB_KERNEL(void, word_pairs_below_float,
          (const uint32_t* words, float* out, int64_t n, uint64_t threshold));
FB_KERNEL(void, word_pairs_below_byte,
          (const uint32_t* words, uint8_t* out, int64_t n, uint64_t threshold));

// out[i] = words[i] % range + base, 0 < range < 2^32.
FB_KERNEL(void, words_to_range,
          (const uint32_t* words, int64_t* out, int64_t n, uint32_t range, int64_t base));

}  // namespace flambeau
