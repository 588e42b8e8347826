// Whole numbers only: bits, shifts, common divisors. Nothing here traps or overflows.
#pragma once
#include <concepts>

#include "cpu/vec_math/scalar.h"

namespace flambeau::FB_ISA {

template <Integer T> FB_VEC T bit_and(T a, T b) { return static_cast<T>(a & b); }
template <Integer T> FB_VEC T bit_or(T a, T b) { return static_cast<T>(a | b); }
template <Integer T> FB_VEC T bit_xor(T a, T b) { return static_cast<T>(a ^ b); }
template <Integer T> FB_VEC T bit_not(T a) {
  if constexpr (std::is_same_v<T, bool>)
    return static_cast<bool>(a ^ true);  // vectorises, ! does not
  else
    return static_cast<T>(~a);
}

template <std::integral T> FB_VEC Vec<T> bit_and(Vec<T> a, Vec<T> b) { return a & b; }
template <std::integral T> FB_VEC Vec<T> bit_or(Vec<T> a, Vec<T> b) { return a | b; }
template <std::integral T> FB_VEC Vec<T> bit_xor(Vec<T> a, Vec<T> b) { return a ^ b; }
template <std::integral T> FB_VEC Vec<T> bit_not(Vec<T> a) { return ~a; }

FB_VEC vuint8 flag_not(vuint8 a) { return a ^ vuint8(1); }  // of bytes that hold 0 or 1

// Quotients and remainders of whole numbers below 2^51 are exact in double (see divides_as_double).
struct DoubleDivision {
  vdouble y, quotient, rest;  // the quotient is rounded toward zero

  FB_VEC DoubleDivision(vdouble dividend, vdouble divisor) : y(divisor) {
    quotient = trunc(dividend / y);
    rest = dividend - quotient * y;
  }
  // The remainder has another sign than the divisor.
  FB_VEC Mask<8> across() const {
    return (rest != vdouble(0)) & ((rest < vdouble(0)) != (y < vdouble(0)));
  }
};
// Such numbers turn into doubles and back by one addition; a vector with a larger one goes by
// lanes.
struct SmallInt64 {
  static constexpr double kShift = 0x1.8p52;
  static FB_VEC bool fits(vint64 a) {
    return all(((a + vint64(1ll << 51)) & vint64(-(1ll << 52))) == vint64(0));
  }
  static FB_VEC vdouble from(vint64 a) {
    return bit_cast<vdouble>(a + bits(vdouble(kShift))) - vdouble(kShift);
  }
  static FB_VEC vint64 back(vdouble a) { return bits(a + vdouble(kShift)) - bits(vdouble(kShift)); }
};
// Both halves of a vector; a quotient of 2^31 wraps.
typedef int HalfInt32 __attribute__((vector_size(kVectorBytes / 2)));
union Int32Halves {
  vint32::Raw whole;
  HalfInt32 half[2];
};
FB_VEC vdouble to_double(HalfInt32 a) {
#ifdef FB_X86_AVX2
  return __builtin_ia32_cvtdq2pd256(a);
#else
  return __builtin_convertvector(a, vdouble::Raw);
#endif
}
FB_VEC HalfInt32 to_half_int32(vdouble a) {
#ifdef FB_X86_AVX2
  return (HalfInt32)__builtin_ia32_cvttpd2dq256(a.v);
#else
  HalfInt32 r;
  for (int i = 0; i < vdouble::lanes; ++i)
    r[i] = static_cast<int32_t>(static_cast<int64_t>(a.v[i]));
  return r;
#endif
}
#define FB_VECTOR_DIVISION(name, result)                                                    \
  FB_VEC vdouble name##_in_double(vdouble x, vdouble y) {                                   \
    const DoubleDivision d(x, y);                                                           \
    return where(y == vdouble(0), vdouble(0), result);                                      \
  }                                                                                         \
  FB_VEC vint64 name(vint64 x, vint64 y) {                                                  \
    if (!SmallInt64::fits(x) || !SmallInt64::fits(y)) [[unlikely]]                          \
      return map_lanes(x, y, [](int64_t a, int64_t b) { return name(a, b); });              \
    return SmallInt64::back(name##_in_double(SmallInt64::from(x), SmallInt64::from(y)));    \
  }                                                                                         \
  FB_VEC vint32 name(vint32 x, vint32 y) {                                                  \
    const Int32Halves a{x.v}, b{y.v};                                                       \
    Int32Halves r;                                                                          \
    for (int h = 0; h < 2; ++h)                                                             \
      r.half[h] = to_half_int32(name##_in_double(to_double(a.half[h]), to_double(b.half[h]))); \
    return r.whole;                                                                         \
  }
FB_VECTOR_DIVISION(trunc_divide, d.quotient)
FB_VECTOR_DIVISION(fmod, d.rest)
FB_VECTOR_DIVISION(floor_divide, where(d.across(), d.quotient - vdouble(1), d.quotient))
FB_VECTOR_DIVISION(remainder, where(d.across(), d.rest + d.y, d.rest))
#undef FB_VECTOR_DIVISION

// Shifts by the width or more give what an infinitely wide number would.
template <Integer T>
FB_VEC T shift_left(T a, T b) {
  const bool beyond = b < T{0} || static_cast<uint64_t>(b) >= 8 * sizeof(T);
  return beyond ? T{0} : static_cast<T>(static_cast<uint64_t>(a) << static_cast<uint64_t>(b));
}
template <Integer T>
FB_VEC T shift_right(T a, T b) {
  const bool beyond = b < T{0} || static_cast<uint64_t>(b) >= 8 * sizeof(T);
  return beyond ? static_cast<T>(a < T{0} ? -1 : 0) : static_cast<T>(a >> static_cast<int>(b));
}

// Euclid on magnitudes; the most negative number has one through unsigned arithmetic.
template <Integer T>
inline T gcd(T a, T b) {
  uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  if (a < T{0}) x = uint64_t{0} - x;
  if (b < T{0}) y = uint64_t{0} - y;
  while (y) {
    const uint64_t r = x % y;
    x = y;
    y = r;
  }
  return static_cast<T>(x);
}
template <Integer T>
inline T lcm(T a, T b) {
  const T d = gcd(a, b);
  if (d == T{0}) return T{0};
  const T m = static_cast<T>(static_cast<uint64_t>(trunc_divide(a, d)) * static_cast<uint64_t>(b));
  return abs(m);
}

}  // namespace flambeau::FB_ISA
