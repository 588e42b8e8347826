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

// Below 2^51 numbers turn into doubles and back by one addition, and their quotients and remainders
// are exact there (see divides_as_double); a vector with a larger number goes by lanes.
struct SmallDivision {
  vdouble y, quotient, rest;  // the quotient is rounded toward zero

  static constexpr double kShift = 0x1.8p52;
  static FB_VEC bool fits(vint64 a) {
    return all(((a + vint64(1ll << 51)) & vint64(-(1ll << 52))) == vint64(0));
  }
  static FB_VEC vdouble from(vint64 a) {
    return bit_cast<vdouble>(a + bits(vdouble(kShift))) - vdouble(kShift);
  }
  static FB_VEC vint64 back(vdouble a) { return bits(a + vdouble(kShift)) - bits(vdouble(kShift)); }
  FB_VEC SmallDivision(vint64 dividend, vint64 divisor) : y(from(divisor)) {
    const vdouble x = from(dividend);
    quotient = trunc(x / y);
    rest = x - quotient * y;
  }
  // The remainder has another sign than the divisor.
  FB_VEC Mask<8> across() const {
    return (rest != vdouble(0)) & ((rest < vdouble(0)) != (y < vdouble(0)));
  }
};
#define FB_INT64_DIVISION(name, result)                                                     \
  FB_VEC vint64 name(vint64 x, vint64 y) {                                                  \
    if (!SmallDivision::fits(x) || !SmallDivision::fits(y)) [[unlikely]]                    \
      return map_lanes(x, y, [](int64_t a, int64_t b) { return name(a, b); });              \
    const SmallDivision d(x, y);                                                            \
    return where(y == vint64(0), vint64(0), SmallDivision::back(result));                   \
  }
FB_INT64_DIVISION(trunc_divide, d.quotient)
FB_INT64_DIVISION(fmod, d.rest)
FB_INT64_DIVISION(floor_divide, where(d.across(), d.quotient - vdouble(1), d.quotient))
FB_INT64_DIVISION(remainder, where(d.across(), d.rest + d.y, d.rest))
#undef FB_INT64_DIVISION

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
