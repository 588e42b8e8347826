// The vocabulary of vec_math.h for single numbers. A float or double goes through the vector code,
// so that an element's value does not depend on which loop computed it.
#pragma once
#include "cpu/vec_math/erf.h"
#include "cpu/vec_math/hyperbolic.h"
#include "cpu/vec_math/trig.h"

namespace flambeau::FB_ISA {

#define FB_SCALAR1(name)                                          \
  FB_VEC float name(float x) { return name(vfloat(x))[0]; }       \
  FB_VEC double name(double x) { return name(vdouble(x))[0]; }
#define FB_SCALAR2(name)                                                             \
  FB_VEC float name(float x, float y) { return name(vfloat(x), vfloat(y))[0]; }      \
  FB_VEC double name(double x, double y) { return name(vdouble(x), vdouble(y))[0]; }
FB_SCALAR1(exp)
FB_SCALAR1(exp2)
FB_SCALAR1(expm1)
FB_SCALAR1(log)
FB_SCALAR1(log2)
FB_SCALAR1(log10)
FB_SCALAR1(log1p)
FB_SCALAR1(sin)
FB_SCALAR1(cos)
FB_SCALAR1(tan)
FB_SCALAR1(asin)
FB_SCALAR1(acos)
FB_SCALAR1(atan)
FB_SCALAR1(sinh)
FB_SCALAR1(cosh)
FB_SCALAR1(tanh)
FB_SCALAR1(asinh)
FB_SCALAR1(acosh)
FB_SCALAR1(atanh)
FB_SCALAR1(sigmoid)
FB_SCALAR1(erf)
FB_SCALAR1(erfc)
FB_SCALAR1(sqrt)
FB_SCALAR1(rsqrt)
FB_SCALAR1(floor)
FB_SCALAR1(ceil)
FB_SCALAR1(round)
FB_SCALAR1(trunc)
FB_SCALAR1(frac)
FB_SCALAR2(atan2)
FB_SCALAR2(pow)
FB_SCALAR2(fmod)
FB_SCALAR2(remainder)
FB_SCALAR2(floor_divide)
FB_SCALAR2(copysign)
#undef FB_SCALAR1
#undef FB_SCALAR2

FB_VEC float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
FB_VEC double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

// ---------------------------------------------------------------- any arithmetic type

// Two literals of different types meet as C++ would have them: double and float give double.
template <Scalar A, Scalar B>
using Common = std::common_type_t<A, B>;

template <Scalar A, Scalar B>
FB_VEC Common<A, B> where(bool c, A a, B b) {
  return c ? static_cast<Common<A, B>>(a) : static_cast<Common<A, B>>(b);
}
template <Scalar T>
FB_VEC bool isnan(T x) {
  return x != x;
}
template <Scalar A, Scalar B>
FB_VEC Common<A, B> maximum(A a, B b) {
  const Common<A, B> x = static_cast<Common<A, B>>(a), y = static_cast<Common<A, B>>(b);
  return x > y || x != x ? x : y;
}
template <Scalar A, Scalar B>
FB_VEC Common<A, B> minimum(A a, B b) {
  const Common<A, B> x = static_cast<Common<A, B>>(a), y = static_cast<Common<A, B>>(b);
  return x < y || x != x ? x : y;
}
template <Scalar A, Scalar B>
FB_VEC Common<A, B> fmaximum(A a, B b) {
  const Common<A, B> x = static_cast<Common<A, B>>(a), y = static_cast<Common<A, B>>(b);
  return x > y || y != y ? x : y;
}
template <Scalar A, Scalar B>
FB_VEC Common<A, B> fminimum(A a, B b) {
  const Common<A, B> x = static_cast<Common<A, B>>(a), y = static_cast<Common<A, B>>(b);
  return x < y || y != y ? x : y;
}
template <Scalar T>
FB_VEC T abs(T x) {
  if constexpr (std::is_same_v<T, float>)
    return __builtin_fabsf(x);
  else if constexpr (std::is_floating_point_v<T>)
    return __builtin_fabs(x);
  // Through unsigned, where the most negative number has a negative.
  else
    return x < T{0} ? static_cast<T>(0 - static_cast<uint64_t>(x)) : x;
}
template <Scalar T>
FB_VEC bool isinf(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return abs(x) == kInf<T>;
  else
    return false;
}
template <Scalar T>
FB_VEC bool isfinite(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return abs(x) < kInf<T>;
  else
    return true;
}
template <Scalar T>
FB_VEC bool signbit(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return __builtin_signbit(x) != 0;
  else
    return x < T{0};
}
template <Scalar T>
FB_VEC T sign(T x) {
  return x != x ? x : static_cast<T>((x > T{0}) - (x < T{0}));
}
template <Scalar T>
FB_VEC T clamp(T x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  return minimum(maximum(x, low), high);
}
template <Scalar T>
FB_VEC T square(T x) {
  return x * x;
}
template <Scalar T>
  requires std::is_floating_point_v<T>
FB_VEC T reciprocal(T x) {
  return T{1} / x;
}
template <Scalar T>
FB_VEC T mad(T a, std::type_identity_t<T> b, std::type_identity_t<T> c) {
  if constexpr (kHasFma && std::is_floating_point_v<T>)
    return fma(a, b, c);
  else
    return a * b + c;
}

// ---------------------------------------------------------------- whole numbers

template <class T>
concept Integer = std::is_integral_v<T>;

// Rounding leaves whole numbers as they are.
template <Integer T> FB_VEC T floor(T x) { return x; }
template <Integer T> FB_VEC T ceil(T x) { return x; }
template <Integer T> FB_VEC T round(T x) { return x; }
template <Integer T> FB_VEC T trunc(T x) { return x; }

// Division of 64-bit numbers takes several times as long as that of doubles. Below 2^52 the rounded
// quotient lies on the right side of every whole number: x / y misses one by 1 / |y| at least,
// which is more than its rounding error.
template <Integer T>
FB_VEC bool divides_as_double(T x, T y) {
  if constexpr (sizeof(T) < 8)
    return false;
  else
    return static_cast<uint64_t>(x) + (uint64_t{1} << 52) < uint64_t{1} << 53 &&
           static_cast<uint64_t>(y) + (uint64_t{1} << 52) < uint64_t{1} << 53;
}
template <Integer T>
FB_VEC T double_quotient(T x, T y) {
  return static_cast<T>(static_cast<double>(x) / static_cast<double>(y));
}

// A divisor of 0 gives 0: the operators refuse it beforehand. A divisor of -1 is taken apart
// because the most negative number divided by it would trap.
template <Integer T>
FB_VEC T fmod(T x, T y) {
  if (y == T{0}) return T{0};
  if (divides_as_double(x, y)) return static_cast<T>(x - double_quotient(x, y) * y);
  if constexpr (std::is_signed_v<T>)
    if (y == T{-1}) return T{0};
  return static_cast<T>(x % y);
}
template <Integer T>
FB_VEC T remainder(T x, T y) {
  const T r = fmod(x, y);
  if constexpr (std::is_unsigned_v<T>)
    return r;
  else
    return r != T{0} && (r < T{0}) != (y < T{0}) ? static_cast<T>(r + y) : r;
}
template <Integer T>
FB_VEC T trunc_divide(T x, T y) {
  if (y == T{0}) return T{0};
  if (divides_as_double(x, y)) return double_quotient(x, y);
  if constexpr (std::is_signed_v<T>)
    if (y == T{-1}) return static_cast<T>(0 - static_cast<uint64_t>(x));
  return static_cast<T>(x / y);
}
template <Integer T>
FB_VEC T floor_divide(T x, T y) {
  const T q = trunc_divide(x, y);
  if constexpr (std::is_unsigned_v<T>)
    return q;
  else
    return static_cast<T>(q - (((x < T{0}) != (y < T{0})) & (static_cast<T>(q * y) != x)));
}
// Modulo 2^bits, by squaring; a negative exponent gives 0 but for the bases 1 and -1.
template <Integer T>
inline T pow(T base, T exponent) {
  if (exponent < T{0}) {
    if (base == T{1}) return T{1};
    if constexpr (std::is_signed_v<T>)
      if (base == T{-1}) return static_cast<T>(exponent & 1 ? -1 : 1);
    return T{0};
  }
  uint64_t result = 1, b = static_cast<uint64_t>(base), e = static_cast<uint64_t>(exponent);
  for (; e != 0; e >>= 1) {
    if (e & 1) result *= b;
    b *= b;
  }
  return static_cast<T>(result);
}

}  // namespace flambeau::FB_ISA
