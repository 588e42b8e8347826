// Signs, classes, rounding, roots, and the remainders.
#pragma once
#include "cpu/vec.h"

namespace flambeau::FB_ISA {

// c0 + c1 x + c2 x^2 + ...: Horner's rule, or two interleaved ones in x^2 where the chain of
// dependent operations would be long.
template <int N, int Step, int I, class V>
FB_VEC V horner(V x, const double (&c)[N]) {
  if constexpr (I + Step >= N)
    return V(c[I]);
  else
    return mad(horner<N, Step, I + Step>(x, c), x, V(c[I]));
}
template <class V, class... C>
FB_VEC V poly(V x, C... coefficients) {
  constexpr int n = sizeof...(C);
  const double c[n] = {coefficients...};
  if constexpr (n < 6)
    return horner<n, 1, 0>(x, c);
  else
    return mad(horner<n, 2, 1>(x * x, c), x, horner<n, 2, 0>(x * x, c));
}

// f in double on each half of a vector of floats: where float itself would not reach 2 ULP.
template <class F>
FB_VEC vfloat through_double(vfloat x, F f) {
  return narrow(f(low_double(x)), f(high_double(x)));
}
template <class F>
FB_VEC vfloat through_double(vfloat x, vfloat y, F f) {
  return narrow(f(low_double(x), low_double(y)), f(high_double(x), high_double(y)));
}

template <class T>
inline constexpr T kInf = static_cast<T>(__builtin_inf());
template <class T>
inline constexpr T kNaN = static_cast<T>(__builtin_nan(""));
template <class T>
inline constexpr T kSmallestNormal = static_cast<T>(sizeof(T) == 4 ? 0x1p-126 : 0x1p-1022);

// ---------------------------------------------------------------- signs and classes

template <class T>
using BitsOf = Vec<typename IntOfSize<sizeof(T)>::type>;

template <class T>
FB_VEC BitsOf<T> bits(Vec<T> a) {
  return bit_cast<BitsOf<T>>(a);
}
template <class T>
FB_VEC BitsOf<T> sign_bit() {
  using I = typename IntOfSize<sizeof(T)>::type;
  return BitsOf<T>(static_cast<I>(I{1} << (8 * sizeof(T) - 1)));
}

template <class T>
FB_VEC Vec<T> abs(Vec<T> a) {
  if constexpr (std::is_floating_point_v<T>)
    return bit_cast<Vec<T>>(bits(a) & ~sign_bit<T>());
  else if constexpr (std::is_signed_v<T>)
    return where(a < Vec<T>(0), -a, a);
  else
    return a;
}
// The magnitude of a with the sign of b.
template <class T>
FB_VEC Vec<T> copysign(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return bit_cast<Vec<T>>((bits(a) & ~sign_bit<T>()) | (bits(b) & sign_bit<T>()));
}
// a with its sign flipped where that of b is set.
template <class T>
FB_VEC Vec<T> xorsign(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return bit_cast<Vec<T>>(bits(a) ^ (bits(b) & sign_bit<T>()));
}
template <class T>
FB_VEC Mask<sizeof(T)> signbit(Vec<T> a) {
  return bits(a) < BitsOf<T>(0);
}

template <class T>
FB_VEC Mask<sizeof(T)> isnan(Vec<T> a) {
  return a != a;
}
template <class T>
FB_VEC Mask<sizeof(T)> isinf(Vec<T> a) {
  if constexpr (std::is_floating_point_v<T>)
    return abs(a) == Vec<T>(kInf<T>);
  else
    return Mask<sizeof(T)>(false);
}
template <class T>
FB_VEC Mask<sizeof(T)> isfinite(Vec<T> a) {
  if constexpr (std::is_floating_point_v<T>)
    return abs(a) < Vec<T>(kInf<T>);
  else
    return Mask<sizeof(T)>(true);
}
// -1, 0 or 1; NaN stays.
template <class T>
FB_VEC Vec<T> sign(Vec<T> a) {
  Vec<T> r = where(a > Vec<T>(0), Vec<T>(1), Vec<T>(0));
  if constexpr (std::is_signed_v<T>) r = where(a < Vec<T>(0), Vec<T>(-1), r);
  if constexpr (std::is_floating_point_v<T>) r = where(a != a, a, r);
  return r;
}
// minimum(maximum(a, low), high).
template <class T>
FB_VEC Vec<T> clamp(Vec<T> a, std::type_identity_t<Vec<T>> low, std::type_identity_t<Vec<T>> high) {
  return minimum(maximum(a, low), high);
}
// The same for bounds that are not NaN; a NaN in a stays.
template <class T>
FB_VEC Vec<T> clamp_const(Vec<T> a, T low, T high) {
  return max_or_second(Vec<T>(low), min_or_second(Vec<T>(high), a));
}

// ---------------------------------------------------------------- rounding

// Adding and taking away 2^(mantissa bits) rounds to the nearest integer, ties to even.
template <class T>
inline constexpr T kRoundMagic = static_cast<T>(sizeof(T) == 4 ? 0x1p23 : 0x1p52);

template <class T>
FB_VEC Vec<T> round_portable(Vec<T> a) {
  const Vec<T> m = abs(a), magic = kRoundMagic<T>;
  return where(m < magic, copysign((m + magic) - magic, a), a);
}

#if defined(FB_X86_AVX2)
#define FB_ROUNDING(name, mode, portable)                                              \
  FB_VEC vfloat name(vfloat a) { return __builtin_ia32_roundps256(a.v, 8 | mode); }    \
  FB_VEC vdouble name(vdouble a) { return __builtin_ia32_roundpd256(a.v, 8 | mode); }
#else
#define FB_ROUNDING(name, mode, portable)                             \
  template <class T>                                                  \
  FB_VEC Vec<T> name##_any(Vec<T> a) {                                \
    const Vec<T> r = round_portable(a);                               \
    return portable;                                                  \
  }                                                                   \
  FB_VEC vfloat name(vfloat a) { return name##_any(a); }              \
  FB_VEC vdouble name(vdouble a) { return name##_any(a); }
#endif
// round: ties to even. All keep the sign of a zero result.
FB_ROUNDING(round, 0, r)
FB_ROUNDING(floor, 1, copysign(where(r > a, r - Vec<T>(1), r), a))
FB_ROUNDING(ceil, 2, copysign(where(r < a, r + Vec<T>(1), r), a))
FB_ROUNDING(trunc, 3, copysign(where(abs(r) > abs(a), abs(r) - Vec<T>(1), abs(r)), a))
#undef FB_ROUNDING

template <class T>
FB_VEC Vec<T> frac(Vec<T> a) {
  return a - trunc(a);
}

// ---------------------------------------------------------------- roots

#if defined(FB_X86_AVX2)
FB_VEC vfloat sqrt(vfloat a) { return __builtin_ia32_sqrtps256(a.v); }
FB_VEC vdouble sqrt(vdouble a) { return __builtin_ia32_sqrtpd256(a.v); }
#elif defined(FB_X86_SSE2)
FB_VEC vfloat sqrt(vfloat a) { return __builtin_ia32_sqrtps(a.v); }
FB_VEC vdouble sqrt(vdouble a) { return __builtin_ia32_sqrtpd(a.v); }
#else
FB_VEC vfloat sqrt(vfloat a) {
  return map_lanes(a, [](float x) { return __builtin_sqrtf(x); });
}
FB_VEC vdouble sqrt(vdouble a) {
  return map_lanes(a, [](double x) { return __builtin_sqrt(x); });
}
#endif
template <class T>
FB_VEC Vec<T> rsqrt(Vec<T> a) {
  return Vec<T>(1) / sqrt(a);
}
template <class T>
FB_VEC Vec<T> reciprocal(Vec<T> a) {
  return Vec<T>(1) / a;
}
template <class T>
FB_VEC Vec<T> square(Vec<T> a) {
  return a * a;
}

// ---------------------------------------------------------------- remainders

// x - trunc(x/y) y for quotients below `limit`, exact: the product is exact (fused, or because the
// operands were floats), and a quotient rounded up to the next integer is put right.
FB_VEC vdouble fmod_small(vdouble x, vdouble y, vdouble quotient) {
  const vdouble ay = abs(y), ax = abs(x), q = abs(trunc(quotient));
  vdouble r = mad(-q, ay, ax);
  r = where(r < 0, r + ay, r);
  r = where(r >= ay, r - ay, r);
  return copysign(r, x);
}
FB_VEC Mask<8> fmod_is_small(vdouble y, vdouble quotient, double limit) {
  return (abs(quotient) < limit) & (abs(y) < kInf<double>);
}
[[gnu::noinline, gnu::cold]] inline vdouble fmod_lanes(vdouble x, vdouble y) {
  return map_lanes(x, y, [](double a, double b) { return __builtin_fmod(a, b); });
}
FB_VEC vdouble fmod(vdouble x, vdouble y) {
  if constexpr (!kHasFma) return fmod_lanes(x, y);
  const vdouble quotient = x / y;
  if (!all(fmod_is_small(y, quotient, 0x1p51))) return fmod_lanes(x, y);
  return fmod_small(x, y, quotient);
}
FB_VEC vfloat fmod(vfloat x, vfloat y) {
  return through_double(x, y, [](vdouble a, vdouble b) {
    const vdouble quotient = a / b;
    if (!all(fmod_is_small(b, quotient, 0x1p28))) return fmod_lanes(a, b);
    return fmod_small(a, b, quotient);
  });
}

// Python's %: the sign of the divisor.
template <class T>
FB_VEC Vec<T> remainder_any(Vec<T> x, Vec<T> y) {
  const Vec<T> r = fmod(x, y), zero = T{0};
  return where((r != zero) & ((r < zero) != (y < zero)), r + y, r);
}
FB_VEC vfloat remainder(vfloat x, vfloat y) { return remainder_any(x, y); }
FB_VEC vdouble remainder(vdouble x, vdouble y) { return remainder_any(x, y); }

// Python's //: the quotient of x - remainder, which is a whole number up to rounding.
template <class T>
FB_VEC Vec<T> floor_divide_any(Vec<T> x, Vec<T> y) {
  const Vec<T> quotient = x / y;
  const Vec<T> whole = copysign(round((x - remainder_any(x, y)) / y), quotient);
  return where((y == Vec<T>(0)) | isnan(quotient), quotient, whole);
}
FB_VEC vfloat floor_divide(vfloat x, vfloat y) { return floor_divide_any(x, y); }
FB_VEC vdouble floor_divide(vdouble x, vdouble y) { return floor_divide_any(x, y); }

}  // namespace flambeau::FB_ISA
