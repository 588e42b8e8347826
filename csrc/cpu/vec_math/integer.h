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
