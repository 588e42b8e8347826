#include "cpu/kernels/convert_half.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {

// One value at a time, in 32-bit integer lanes so that the loops below vectorise.

static FB_VEC uint32_t half_bits_to_float_bits(uint32_t h) {
  const uint32_t sign = (h & 0x8000u) << 16;
  const uint32_t magnitude = h & 0x7fffu;
  // Normal numbers move 13 bits up and change the exponent's bias from 15 to 127.
  const uint32_t normal = (magnitude << 13) + (112u << 23);
  const uint32_t special = (magnitude << 13) | 0x7f800000u | (magnitude > 0x7c00u ? 0x400000u : 0u);
  // Subnormals are multiples of 2^-24: an exact product.
  const float tiny = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
  uint32_t tiny_bits;
  __builtin_memcpy(&tiny_bits, &tiny, 4);
  uint32_t r = magnitude >= 0x7c00u ? special : normal;
  r = magnitude < 0x400u ? tiny_bits : r;
  return r | sign;
}

static FB_VEC uint32_t float_bits_to_half_bits(uint32_t x) {
  const uint32_t sign = (x >> 16) & 0x8000u;
  const uint32_t magnitude = x & 0x7fffffffu;
  // Normal result: half of the last place less one, plus one if the kept part is odd.
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t rounded = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  // Subnormal result: adding 0.5 leaves the multiples of 2^-24, rounded, in the low bits.
  float value;
  __builtin_memcpy(&value, &magnitude, 4);
  value = value + 0.5f;
  uint32_t tiny;
  __builtin_memcpy(&tiny, &value, 4);
  tiny -= 0x3f000000u;
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  uint32_t r = magnitude < (113u << 23) ? tiny : rounded;
  r = magnitude >= 0x477ff000u ? 0x7c00u : r;
  r = magnitude > 0x7f800000u ? nan : r;
  return r | sign;
}

static FB_VEC uint32_t float_bits_to_bfloat16_bits(uint32_t x) {
  const uint32_t rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
  const uint32_t nan = (x >> 16) | 0x40u;
  return (x & 0x7fffffffu) > 0x7f800000u ? nan : rounded;
}

static FB_VEC void half_to_float_portable(const uint16_t* __restrict__ x, float* __restrict__ y,
                                          int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = half_bits_to_float_bits(x[i]);
    __builtin_memcpy(&y[i], &bits, 4);
  }
}

static FB_VEC void float_to_half_portable(const float* __restrict__ x, uint16_t* __restrict__ y,
                                          int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x[i], 4);
    y[i] = static_cast<uint16_t>(float_bits_to_half_bits(bits));
  }
}

#if defined(FB_X86_AVX2)
typedef short Raw8Short __attribute__((vector_size(16)));
typedef short Loose8Short __attribute__((vector_size(16), aligned(2), may_alias));

void half_to_float(const uint16_t* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const Raw8Short h = *reinterpret_cast<const Loose8Short*>(x + i);
    store(y + i, vfloat(__builtin_ia32_vcvtph2ps256(h)));
  }
  half_to_float_portable(x + i, y + i, n - i);
}

void float_to_half(const float* x, uint16_t* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const Raw8Short h = __builtin_ia32_vcvtps2ph256(load(x + i).v, 0);  // 0: nearest, ties to even
    *reinterpret_cast<Loose8Short*>(y + i) = h;
  }
  float_to_half_portable(x + i, y + i, n - i);
}
#else
void half_to_float(const uint16_t* x, float* y, int64_t n) { half_to_float_portable(x, y, n); }
void float_to_half(const float* x, uint16_t* y, int64_t n) { float_to_half_portable(x, y, n); }
#endif

void bfloat16_to_float(const uint16_t* __restrict__ x, float* __restrict__ y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(x[i]) << 16;
    __builtin_memcpy(&y[i], &bits, 4);
  }
}

void float_to_bfloat16(const float* __restrict__ x, uint16_t* __restrict__ y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x[i], 4);
    y[i] = static_cast<uint16_t>(float_bits_to_bfloat16_bits(bits));
  }
}

}  // namespace flambeau::FB_ISA
