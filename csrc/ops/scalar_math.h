// Arithmetic between numbers of run-time type, for gradient expressions.
#pragma once
#include "core/scalar.h"

namespace flambeau {

template <class F>
Scalar combine(const Scalar& a, const Scalar& b, F f) {
  if (a.is_complex() || b.is_complex()) return Scalar(f(a.to<Complex128>(), b.to<Complex128>()));
  if (a.is_float() || b.is_float()) return Scalar(f(a.to_double(), b.to_double()));
  return Scalar(static_cast<int64_t>(f(a.to_int(), b.to_int())));
}
inline Scalar operator+(const Scalar& a, const Scalar& b) {
  return combine(a, b, [](auto x, auto y) { return x + y; });
}
inline Scalar operator-(const Scalar& a, const Scalar& b) {
  return combine(a, b, [](auto x, auto y) { return x - y; });
}
inline Scalar operator*(const Scalar& a, const Scalar& b) {
  return combine(a, b, [](auto x, auto y) { return x * y; });
}
// True division, as Python's.
inline Scalar operator/(const Scalar& a, const Scalar& b) {
  if (a.is_complex() || b.is_complex()) return Scalar(a.to<Complex128>() / b.to<Complex128>());
  return Scalar(a.to_double() / b.to_double());
}
inline Scalar operator-(const Scalar& a) { return Scalar(int64_t{0}) - a; }

}  // namespace flambeau
