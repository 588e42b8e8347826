// float16 and bfloat16 in memory, floats in the lanes. Both are stored as their 16 bits. Widening
// is exact; narrowing rounds to nearest, ties to even, and a NaN stays a quiet NaN with its sign
// and the upper bits of its payload.
#pragma once
#include "cpu/vec.h"

namespace flambeau::FB_ISA {

enum class Half { BFloat16, Float16 };

typedef uint16_t RawHalves __attribute__((vector_size(kVectorBytes / 2)));
typedef uint16_t LooseHalves __attribute__((vector_size(kVectorBytes / 2), aligned(2), may_alias));

FB_VEC vuint32 widen_lanes(RawHalves h) {
#if defined(FB_X86_AVX2)
  typedef short Words __attribute__((vector_size(16)));
  return (vuint32::Raw)__builtin_ia32_pmovzxwd256((Words)h);
#else
  return __builtin_convertvector(h, vuint32::Raw);
#endif
}
// The low halves of the lanes; the high ones are zero.
FB_VEC RawHalves narrow_lanes(vuint32 a) {
#if defined(FB_X86_AVX2)
  typedef int Quarter __attribute__((vector_size(16)));
  union {
    vuint32::Raw whole;
    Quarter half[2];
  } u{a.v};
  return (RawHalves)__builtin_ia32_packusdw128(u.half[0], u.half[1]);
#else
  return __builtin_convertvector(a.v, RawHalves);
#endif
}

// ---------------------------------------------------------------- bfloat16

FB_VEC vfloat widen_bfloat16(RawHalves h) { return bit_cast<vfloat>(widen_lanes(h) << 16); }
FB_VEC RawHalves narrow_bfloat16(vfloat a) {
  const vuint32 x = bit_cast<vuint32>(a);
  const vuint32 rounded = x + vuint32(0x7fff) + ((x >> 16) & vuint32(1));
  return narrow_lanes(where(a != a, x | vuint32(0x400000), rounded) >> 16);
}

// ---------------------------------------------------------------- float16

#if defined(FB_X86_AVX2)
FB_VEC vfloat widen_float16(RawHalves h) {
  typedef short Words __attribute__((vector_size(16)));
  return __builtin_ia32_vcvtph2ps256((Words)h);
}
FB_VEC RawHalves narrow_float16(vfloat a) {
  return (RawHalves)__builtin_ia32_vcvtps2ph256(a.v, 0);  // 0: nearest, ties to even
}
#else
FB_VEC vfloat widen_float16(RawHalves halves) {
  const vuint32 h = widen_lanes(halves);
  const vuint32 sign = (h & vuint32(0x8000)) << 16, magnitude = h & vuint32(0x7fff);
  // Normal numbers move 13 bits up and change the exponent's bias from 15 to 127.
  const vuint32 moved = magnitude << 13, normal = moved + vuint32(112u << 23);
  const vuint32 quiet = where(magnitude > vuint32(0x7c00), vuint32(0x400000), vuint32(0));
  // Subnormals are multiples of 2^-24: an exact product.
  const vfloat tiny = to_float(bit_cast<vint32>(magnitude)) * vfloat(0x1p-24f);
  vuint32 r = where(magnitude >= vuint32(0x7c00), moved | vuint32(0x7f800000) | quiet, normal);
  r = where(magnitude < vuint32(0x400), bit_cast<vuint32>(tiny), r);
  return bit_cast<vfloat>(r | sign);
}
FB_VEC RawHalves narrow_float16(vfloat a) {
  const vuint32 x = bit_cast<vuint32>(a);
  const vuint32 sign = (x >> 16) & vuint32(0x8000), magnitude = x & vuint32(0x7fffffff);
  // Normal result: half of the last place less one, plus one if the kept part is odd.
  const vuint32 odd = (magnitude >> 13) & vuint32(1);
  const vuint32 rounded = (magnitude - vuint32(112u << 23) + vuint32(0xfff) + odd) >> 13;
  // Subnormal result: adding 0.5 leaves the multiples of 2^-24, rounded, in the low bits.
  const vuint32 tiny =
      bit_cast<vuint32>(bit_cast<vfloat>(magnitude) + vfloat(0.5f)) - vuint32(0x3f000000);
  const vuint32 nan = ((magnitude >> 13) & vuint32(0x3ff)) | vuint32(0x7e00);
  vuint32 r = where(magnitude < vuint32(113u << 23), tiny, rounded);
  r = where(magnitude >= vuint32(0x477ff000), vuint32(0x7c00), r);
  r = where(magnitude > vuint32(0x7f800000), nan, r);
  return narrow_lanes(r | sign);
}
#endif

// ---------------------------------------------------------------- memory

template <Half H>
FB_VEC vfloat widen_halves(RawHalves h) {
  if constexpr (H == Half::BFloat16)
    return widen_bfloat16(h);
  else
    return widen_float16(h);
}
template <Half H>
FB_VEC RawHalves narrow_halves(vfloat a) {
  if constexpr (H == Half::BFloat16)
    return narrow_bfloat16(a);
  else
    return narrow_float16(a);
}

template <Half H>
FB_VEC vfloat load_half(const uint16_t* p) {
  return widen_halves<H>((RawHalves) * reinterpret_cast<const LooseHalves*>(p));
}
template <Half H>
FB_VEC void store_half(uint16_t* p, vfloat a) {
  *reinterpret_cast<LooseHalves*>(p) = narrow_halves<H>(a);
}
// The first n lanes; the other lanes hold 0, and no byte beyond the n is touched.
template <Half H>
FB_VEC vfloat load_half(const uint16_t* p, int64_t n) {
  RawHalves h{};
  __builtin_memcpy(&h, p, first_bytes<float>(n) / 2);
  return widen_halves<H>(h);
}
template <Half H>
FB_VEC void store_half(uint16_t* p, vfloat a, int64_t n) {
  const RawHalves h = narrow_halves<H>(a);
  __builtin_memcpy(p, &h, first_bytes<float>(n) / 2);
}

}  // namespace flambeau::FB_ISA
