// Functions of two numbers.
#pragma once
#include "cpu/vec_math/exp_log.h"
#include "cpu/vec_math/scalar.h"

namespace flambeau::FB_ISA {

// Small exponents are products, roots and quotients: faster, and exact where one operation is. The
// choice is made for each element by itself, so that its neighbours have no influence.
template <class T>
FB_VEC Vec<T> power(Vec<T> x, Vec<T> y) {
  const auto two = y == Vec<T>(2), three = y == Vec<T>(3);
  const Vec<T> xx = x * x;
  if (all(two)) return xx;
  if (all(three)) return xx * x;
  const auto half = y == Vec<T>(0.5), inverse = y == Vec<T>(-1);
  if (all(half)) return sqrt(x);
  if (all(inverse)) return Vec<T>(1) / x;
  const auto easy = two | three | half | inverse | (y == Vec<T>(1));
  Vec<T> r = where(three, xx * x, where(two, xx, x));
  r = where(half, sqrt(x), r);
  r = where(inverse, Vec<T>(1) / x, r);
  return all(easy) ? r : where(easy, r, pow(x, y));
}
template <Integer T>
FB_VEC T power(T x, T y) {
  return pow(x, y);
}

// sqrt(x^2 + y^2) without overflow; infinite if either is, whatever the other.
inline vfloat hypot(vfloat x, vfloat y) {
  const vfloat r = through_double(x, y, [](vdouble a, vdouble b) { return sqrt(a * a + b * b); });
  return where(isinf(x) | isinf(y), vfloat(kInf<float>), r);
}
[[gnu::noinline, gnu::cold]] inline vdouble hypot_lanes(vdouble x, vdouble y) {
  return map_lanes(x, y, [](double a, double b) { return __builtin_hypot(a, b); });
}
inline vdouble hypot(vdouble x, vdouble y) {
  const vdouble large = max_or_second(abs(x), abs(y));
  const Mask<8> easy = ((large < 0x1p500) & (large > 0x1p-450)) | (large == 0.0);
  if (!all(easy) || any(isnan(x))) [[unlikely]]
    return hypot_lanes(x, y);
  return sqrt(mad(x, x, y * y));
}

// log(e^a + e^b) and log2(2^a + 2^b); equal infinities give themselves.
template <class T>
FB_VEC Vec<T> logaddexp(Vec<T> a, Vec<T> b) {
  const Vec<T> r = maximum(a, b) + log1p(exp(-abs(a - b)));
  return where((a == b) & isinf(a), a, r);
}
template <class T>
FB_VEC Vec<T> logaddexp2(Vec<T> a, Vec<T> b) {
  const Vec<T> r = maximum(a, b) + log1p(exp2(-abs(a - b))) * Vec<T>(1.4426950408889634);
  return where((a == b) & isinf(a), a, r);
}

// The bits of numbers of one sign are ordered as the numbers are.
template <class T>
FB_VEC Vec<T> nextafter(Vec<T> x, Vec<T> y) {
  using I = BitsOf<T>;
  const auto away = (x < y) == (x > Vec<T>(0));
  Vec<T> r = bit_cast<Vec<T>>(bits(x) + where(away, I(1), I(-1)));
  r = where(x == Vec<T>(0), copysign(bit_cast<Vec<T>>(I(1)), y), r);
  return where(isnan(x) | isnan(y), x + y, where(x == y, y, r));
}

template <class T>
FB_VEC Vec<T> trunc_divide(Vec<T> x, Vec<T> y) {
  return trunc(x / y);
}

}  // namespace flambeau::FB_ISA
