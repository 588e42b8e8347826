#include "cpu/kernels/random.h"

#include <string.h>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace flambeau::FB_ISA {
namespace {

#if defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kLanes = kBytes / 4;
using VFloat = float __attribute__((vector_size(kBytes)));
using VInt = int32_t __attribute__((vector_size(kBytes)));
using VWord = uint32_t __attribute__((vector_size(kBytes)));

template <class V>
inline V load(const void* p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}
template <class V>
inline void store(void* p, V v) {
  memcpy(p, &v, sizeof v);
}
inline VFloat splat(float x) { return x - VFloat{}; }

inline VFloat fma(VFloat a, VFloat b, VFloat c) {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}
inline VFloat sqrt(VFloat x) {
#if defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

inline VFloat uniform24(VWord w) {
  return __builtin_convertvector((VInt)(w & 0xFFFFFFu), VFloat) * 0x1p-24f;
}

// Natural logarithm for 2^-24 <= x <= 1: the reduction and the minimax polynomial of Cephes' logf
// (S. Moshier), x = m 2^e with m in [sqrt(1/2), sqrt(2)).
inline VFloat log(VFloat x) {
  const VInt bits = (VInt)x;
  VFloat e = __builtin_convertvector((bits >> 23) - 0x7E, VFloat);
  VFloat m = (VFloat)((bits & 0x007FFFFF) | 0x3F000000);  // [1/2, 1)
  const VInt low = m < 0.707106781186547524f;
  e -= (VFloat)((VInt)splat(1) & low);
  m = m - 1 + (VFloat)((VInt)m & low);
  const VFloat z = m * m;
  VFloat y = splat(7.0376836292e-2f);
  y = fma(y, m, splat(-1.1514610310e-1f));
  y = fma(y, m, splat(1.1676998740e-1f));
  y = fma(y, m, splat(-1.2420140846e-1f));
  y = fma(y, m, splat(1.4249322787e-1f));
  y = fma(y, m, splat(-1.6668057665e-1f));
  y = fma(y, m, splat(2.0000714765e-1f));
  y = fma(y, m, splat(-2.4999993993e-1f));
  y = fma(y, m, splat(3.3333331174e-1f));
  y = fma(y * m, z, e * -2.12194440e-4f);
  y = fma(z, splat(-0.5f), y);
  return fma(e, splat(0.693359375f), m + y);
}

// Sine and cosine for 0 <= x <= 2 pi: octant reduction by pi/4 in three parts and the two
// polynomials of Cephes' sinf and cosf.
inline void sincos(VFloat x, VFloat& sine, VFloat& cosine) {
  VInt octant = __builtin_convertvector(x * 1.27323954473516f, VInt);
  octant = (octant + 1) & ~1;
  const VFloat k = __builtin_convertvector(octant, VFloat);
  x = fma(k, splat(-0.78515625f), x);
  x = fma(k, splat(-2.4187564849853515625e-4f), x);
  x = fma(k, splat(-3.77489497744594108e-8f), x);
  const VFloat z = x * x;
  VFloat c = splat(2.443315711809948e-5f);
  c = fma(c, z, splat(-1.388731625493765e-3f));
  c = fma(c, z, splat(4.166664568298827e-2f));
  c = c * z;
  c = fma(c, z, z * -0.5f) + 1;
  VFloat s = splat(-1.9515295891e-4f);
  s = fma(s, z, splat(8.3321608736e-3f));
  s = fma(s, z, splat(-1.6666654611e-1f));
  s = fma(s * z, x, x);
  const VInt swap = (octant & 2) != 0;  // odd multiple of pi/2: sine and cosine change places
  const VInt sine_bits = ((VInt)c & swap) | ((VInt)s & ~swap);
  const VInt cosine_bits = ((VInt)s & swap) | ((VInt)c & ~swap);
  sine = (VFloat)(sine_bits ^ ((octant & 4) << 29));
  cosine = (VFloat)(cosine_bits ^ (((octant + 2) & 4) << 29));
}

inline uint32_t twist(uint32_t high, uint32_t low) {
  const uint32_t y = (high & 0x80000000u) | (low & 0x7FFFFFFFu);
  return y >> 1 ^ ((0u - (low & 1u)) & 0x9908B0DFu);
}
inline VWord twist(VWord high, VWord low) {
  const VWord y = (high & 0x80000000u) | (low & 0x7FFFFFFFu);
  return y >> 1 ^ ((0u - (low & 1u)) & 0x9908B0DFu);
}
template <class W>
inline W temper(W y) {
  y ^= y >> 11;
  y ^= y << 7 & 0x9D2C5680u;
  y ^= y << 15 & 0xEFC60000u;
  return y ^ y >> 18;
}

// Words [begin, end) of the next block; word i depends on i, i+1 and i+offset.
inline void twist_span(uint32_t* s, int begin, int end, int offset) {
  int i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    const VWord y = twist(load<VWord>(s + i), load<VWord>(s + i + 1));
    store(s + i, load<VWord>(s + i + offset) ^ y);
  }
  for (; i < end; ++i) s[i] = s[i + offset] ^ twist(s[i], s[i + 1]);
}

// The pair's 53-bit integer; its first word is the upper half.
inline uint64_t integer53(const uint32_t* pair) {
  return static_cast<uint64_t>(pair[0] & 0x1FFFFFu) << 32 | pair[1];
}

}  // namespace

void mt19937_blocks(uint32_t* state, uint32_t* out, int64_t blocks) {
  constexpr int kWords = 624, kShift = 397;
  for (; blocks > 0; --blocks, out += kWords) {
    twist_span(state, 0, kWords - kShift, kShift);
    twist_span(state, kWords - kShift, kWords - 1, kShift - kWords);
    state[kWords - 1] = state[kShift - 1] ^ twist(state[kWords - 1], state[0]);
    for (int i = 0; i < kWords; i += kLanes) store(out + i, temper(load<VWord>(state + i)));
  }
}

void words_to_uniform(float* data, int64_t n, float from, float to) {
  const VFloat low = splat(from), high = splat(to), range = splat(to - from);
  const auto sample = [=](VWord words) {
    const VFloat x = fma(uniform24(words), range, low);
    const VInt excluded = x == high;
    return (VFloat)(((VInt)low & excluded) | ((VInt)x & ~excluded));
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(data + i, sample(load<VWord>(data + i)));
  if (i < n) {
    VWord tail{};
    memcpy(&tail, data + i, 4 * (n - i));
    const VFloat x = sample(tail);
    memcpy(data + i, &x, 4 * (n - i));
  }
}

void word_pairs_to_uniform(const uint32_t* words, double* out, int64_t n, double from, double to) {
  const double range = to - from;
  for (int64_t i = 0; i < n; ++i) {
    const double u = static_cast<double>(static_cast<int64_t>(integer53(words + 2 * i))) * 0x1p-53;
    const double x = u * range + from;
    out[i] = x == to ? from : x;
  }
}

void words_to_normal(float* data, int64_t n, float mean, float std) {
  const VFloat location = splat(mean), scale = splat(std);
  for (int64_t i = 0; i < n; i += 16) {
    for (int j = 0; j < 8; j += kLanes) {
      float* first = data + i + j;
      const VFloat u = 1 - uniform24(load<VWord>(first));  // (0, 1]: the logarithm stays finite
      const VFloat radius = sqrt(-2 * log(u));
      VFloat sine, cosine;
      sincos(6.283185307179586f * uniform24(load<VWord>(first + 8)), sine, cosine);
      store(first, fma(radius * cosine, scale, location));
      store(first + 8, fma(radius * sine, scale, location));
    }
  }
}

void word_pairs_below_float(const uint32_t* words, float* out, int64_t n, uint64_t threshold) {
  for (int64_t i = 0; i < n; ++i) out[i] = integer53(words + 2 * i) < threshold ? 1.0f : 0.0f;
}

void word_pairs_below_byte(const uint32_t* words, uint8_t* out, int64_t n, uint64_t threshold) {
  for (int64_t i = 0; i < n; ++i) out[i] = integer53(words + 2 * i) < threshold;
}

void words_to_range(const uint32_t* words, int64_t* out, int64_t n, uint32_t range, int64_t base) {
  // Remainder by two multiplications (Lemire, Kaser, Kurz 2019), exact for 32-bit operands.
  const uint64_t inverse = UINT64_MAX / range + 1;
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t fraction = inverse * words[i];
    const unsigned __int128 product = static_cast<unsigned __int128>(fraction) * range;
    out[i] = static_cast<int64_t>(static_cast<uint64_t>(product >> 64)) + base;
  }
}

}  // namespace flambeau::FB_ISA
