// Vectors for the matrix kernels: GCC's vector types at the width of the instruction set, and loads
// that convert narrow types. Included by kernel sources only.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/kernels/gemm_kernels.h"

#if defined(__AVX2__) || defined(__F16C__)
#include <immintrin.h>
#endif

namespace flambeau::FB_ISA::matmul {

#if defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T, int kLanes>
struct VectorOf {
  typedef T Type __attribute__((vector_size(sizeof(T) * kLanes)));
};
template <class T>
inline constexpr int kLanes = kVectorBytes / sizeof(T);
template <class T>
using Vector = typename VectorOf<T, kLanes<T>>::Type;

struct F16 { uint16_t bits; };
struct BF16 { uint16_t bits; };

template <class T>
[[gnu::always_inline]] inline Vector<T> load(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
[[gnu::always_inline]] inline void store(T* p, Vector<T> v) {
  std::memcpy(p, &v, sizeof v);
}
template <class T>
[[gnu::always_inline]] inline Vector<T> broadcast(T x) {
  return x - Vector<T>{};  // exact for every x, and keeps the sign of zero
}

// a * b + c, in one rounding where the instruction set has it.
template <class T>
[[gnu::always_inline]] inline Vector<T> multiply_add(T a, Vector<T> b, Vector<T> c) {
#if defined(__AVX2__) && defined(__FMA__)
  if constexpr (std::is_same_v<T, float>) return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c);
  if constexpr (std::is_same_v<T, double>) return _mm256_fmadd_pd(_mm256_set1_pd(a), b, c);
#endif
  return a * b + c;
}
template <class T>
[[gnu::always_inline]] inline Vector<T> multiply_add(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__AVX2__) && defined(__FMA__)
  if constexpr (std::is_same_v<T, float>) return _mm256_fmadd_ps(a, b, c);
  if constexpr (std::is_same_v<T, double>) return _mm256_fmadd_pd(a, b, c);
#endif
  return a * b + c;
}

inline float from_f16(uint16_t bits) {
#if defined(__F16C__)
  return _cvtsh_ss(bits);
#else
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t rest = bits & 0x7fff;
  float value;
  if (rest < 0x0400) {  // zero and subnormals: rest * 2^-24
    value = static_cast<float>(rest) * 0x1p-24f;
    uint32_t u;
    std::memcpy(&u, &value, 4);
    u |= sign;
    std::memcpy(&value, &u, 4);
    return value;
  }
  const uint32_t u = sign | (rest >= 0x7c00 ? 0x7f800000u | (rest & 0x3ff) << 13
                                            : (rest << 13) + (uint32_t{112} << 23));
  std::memcpy(&value, &u, 4);
  return value;
#endif
}

inline float from_bf16(uint16_t bits) {
  const uint32_t u = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &u, 4);
  return value;
}

template <class T, class Source>
[[gnu::always_inline]] inline T widen(Source x) {
  if constexpr (std::is_same_v<Source, F16>)
    return from_f16(x.bits);
  else if constexpr (std::is_same_v<Source, BF16>)
    return from_bf16(x.bits);
  else
    return static_cast<T>(x);
}

// kLanes<T> elements of Source as a vector of T.
template <class T, class Source>
[[gnu::always_inline]] inline Vector<T> load_as(const Source* p) {
  constexpr int n = kLanes<T>;
  if constexpr (std::is_same_v<T, Source>) {
    return load(p);
  } else if constexpr (std::is_same_v<Source, BF16>) {
    typename VectorOf<uint16_t, n>::Type narrow;
    std::memcpy(&narrow, p, sizeof narrow);
    using Wide = typename VectorOf<uint32_t, n>::Type;
    const Wide wide = __builtin_convertvector(narrow, Wide);
    return reinterpret_cast<Vector<T>>(wide << 16);
  } else if constexpr (std::is_same_v<Source, F16>) {
#if defined(__AVX2__) && defined(__F16C__)
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
    Vector<T> v;
    for (int i = 0; i < n; ++i) v[i] = from_f16(p[i].bits);
    return v;
#endif
  } else {
    typename VectorOf<Source, n>::Type narrow;
    std::memcpy(&narrow, p, sizeof narrow);
    return __builtin_convertvector(narrow, Vector<T>);
  }
}

// Loads at most `count` lanes, zeros in the others, and touches no memory beyond them.
template <class T>
[[gnu::always_inline]] inline Vector<T> load_some(const T* p, int64_t count) {
  constexpr int L = kLanes<T>;
  if (count >= L) return load(p);
  Vector<T> v{};
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
    v = reinterpret_cast<Vector<T>>(_mm256_maskload_epi32(reinterpret_cast<const int*>(p), mask));
  } else {
    const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
    const __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lanes);
    v = reinterpret_cast<Vector<T>>(
        _mm256_maskload_epi64(reinterpret_cast<const long long*>(p), mask));
  }
#else
  for (int i = 0; i < L; ++i)
    if (i < count) v[i] = p[i];
#endif
  return v;
}

// Transposes a square of vectors in place: log2(lanes) rounds of exchanging off-diagonal blocks.
template <class T, int kStep, int... J>
[[gnu::always_inline]] inline void exchange(Vector<T>& a, Vector<T>& b,
                                            std::integer_sequence<int, J...>) {
  constexpr int n = kLanes<T>;
  const Vector<T> low = __builtin_shufflevector(a, b, ((J & kStep) ? J - kStep + n : J)...);
  b = __builtin_shufflevector(a, b, ((J & kStep) ? J + n : J + kStep)...);
  a = low;
}
template <class T, int kStep = 1>
[[gnu::always_inline]] inline void transpose(Vector<T>* rows) {
  if constexpr (kStep < kLanes<T>) {
#pragma GCC unroll 8
    for (int i = 0; i < kLanes<T>; ++i)
      if (!(i & kStep))
        exchange<T, kStep>(rows[i], rows[i + kStep], std::make_integer_sequence<int, kLanes<T>>());
    transpose<T, kStep * 2>(rows);
  }
}

// Calls f(typed pointer) for the element type that `source` names.
template <class T, class F>
void with_source(GemmSource source, const void* p, F f) {
  if constexpr (std::is_same_v<T, float>) {
    if (source == GemmSource::F16) return f(static_cast<const F16*>(p));
    if (source == GemmSource::BF16) return f(static_cast<const BF16*>(p));
  } else if constexpr (std::is_same_v<T, uint32_t>) {
    if (source == GemmSource::I8) return f(static_cast<const int8_t*>(p));
    if (source == GemmSource::U8) return f(static_cast<const uint8_t*>(p));
    if (source == GemmSource::I16) return f(static_cast<const int16_t*>(p));
  }
  f(static_cast<const T*>(p));
}

}  // namespace flambeau::FB_ISA::matmul
