// The mathematical functions of complex numbers, for loops that are not hot.
//
// They go through the compiler's own complex type and the C library: templates of <complex> that
// were compiled for AVX2 could be the copy that the linker keeps for every processor.
#pragma once
#include <complex>

#include "cpu/vec_math/scalar.h"

namespace flambeau::FB_ISA {

template <class T>
using Complex = std::complex<T>;

FB_VEC __complex__ float to_c(Complex<float> z) {
  __complex__ float r;
  __real__ r = z.real();
  __imag__ r = z.imag();
  return r;
}
FB_VEC __complex__ double to_c(Complex<double> z) {
  __complex__ double r;
  __real__ r = z.real();
  __imag__ r = z.imag();
  return r;
}
FB_VEC Complex<float> from_c(__complex__ float z) { return {__real__ z, __imag__ z}; }
FB_VEC Complex<double> from_c(__complex__ double z) { return {__real__ z, __imag__ z}; }

#define FB_COMPLEX1(name)                                                               \
  inline Complex<float> name(Complex<float> z) { return from_c(__builtin_c##name##f(to_c(z))); } \
  inline Complex<double> name(Complex<double> z) { return from_c(__builtin_c##name(to_c(z))); }
FB_COMPLEX1(exp)
FB_COMPLEX1(log)
FB_COMPLEX1(sqrt)
FB_COMPLEX1(sin)
FB_COMPLEX1(cos)
FB_COMPLEX1(tan)
FB_COMPLEX1(asin)
FB_COMPLEX1(acos)
FB_COMPLEX1(atan)
FB_COMPLEX1(sinh)
FB_COMPLEX1(cosh)
FB_COMPLEX1(tanh)
FB_COMPLEX1(asinh)
FB_COMPLEX1(acosh)
FB_COMPLEX1(atanh)
#undef FB_COMPLEX1

// Products and quotients with the infinities of C99 annex G.
template <class T>
FB_VEC Complex<T> mul(Complex<T> a, Complex<T> b) {
  return from_c(to_c(a) * to_c(b));
}
template <class T>
FB_VEC Complex<T> div(Complex<T> a, Complex<T> b) {
  return from_c(to_c(a) / to_c(b));
}

FB_VEC Complex<float> conj(Complex<float> z) { return {z.real(), -z.imag()}; }
FB_VEC Complex<double> conj(Complex<double> z) { return {z.real(), -z.imag()}; }
inline float abs(Complex<float> z) { return __builtin_hypotf(z.real(), z.imag()); }
inline double abs(Complex<double> z) { return __builtin_hypot(z.real(), z.imag()); }
inline float angle(Complex<float> z) { return __builtin_atan2f(z.imag(), z.real()); }
inline double angle(Complex<double> z) { return __builtin_atan2(z.imag(), z.real()); }
template <class T>
FB_VEC bool isnan(Complex<T> z) {
  return isnan(z.real()) || isnan(z.imag());
}
template <class T>
FB_VEC bool isinf(Complex<T> z) {
  return isinf(z.real()) || isinf(z.imag());
}
template <class T>
FB_VEC bool isfinite(Complex<T> z) {
  return isfinite(z.real()) && isfinite(z.imag());
}
// z / |z|, and 0 at 0.
template <class T>
inline Complex<T> sgn(Complex<T> z) {
  const T r = abs(z);
  return r == T{0} ? Complex<T>(0, 0) : Complex<T>(z.real() / r, z.imag() / r);
}

template <class T>
inline Complex<T> square(Complex<T> z) {
  return mul(z, z);
}
template <class T>
inline Complex<T> reciprocal(Complex<T> z) {
  return div(Complex<T>(1, 0), z);
}
template <class T>
inline Complex<T> rsqrt(Complex<T> z) {
  return reciprocal(sqrt(z));
}
template <class T>
inline Complex<T> sigmoid(Complex<T> z) {
  // The half-plane is chosen so that the exponential cannot overflow.
  const Complex<T> one(1, 0);
  if (z.real() >= T{0}) {
    const Complex<T> e = exp(Complex<T>(-z.real(), -z.imag()));
    return reciprocal(Complex<T>(T{1} + e.real(), e.imag()));
  }
  const Complex<T> e = exp(z);
  return div(e, Complex<T>(T{1} + e.real(), e.imag()));
}
template <class T>
FB_VEC Complex<T> scaled(Complex<T> z, double factor) {
  return {z.real() * static_cast<T>(factor), z.imag() * static_cast<T>(factor)};
}
template <class T>
inline Complex<T> log2(Complex<T> z) {
  return scaled(log(z), 1.4426950408889634);
}
template <class T>
inline Complex<T> exp2(Complex<T> z) {
  return exp(scaled(z, 0.6931471805599453));
}
// e^a cos b - 1 = (e^a - 1) cos b - 2 sin^2(b/2), which keeps its digits near zero.
template <class T>
inline Complex<T> expm1(Complex<T> z) {
  const T a = z.real(), b = z.imag(), h = sin(b / 2);
  return {expm1(a) * cos(b) - 2 * h * h, b == T{0} ? b : exp(a) * sin(b)};
}
// |1 + z|^2 - 1 = a (2 + a) + b^2, which keeps its digits near zero.
template <class T>
inline Complex<T> log1p(Complex<T> z) {
  const T a = z.real(), b = z.imag(), size = maximum(abs(a), abs(b));
  if (!(size < T{1})) return log(Complex<T>(T{1} + a, b));
  return {log1p(a * (2 + a) + b * b) / 2, atan2(b, T{1} + a)};
}
// log(e^a + e^b), from the one with the larger real part; equal infinities give themselves.
template <class T>
inline Complex<T> logaddexp(Complex<T> a, Complex<T> b) {
  if (a.real() < b.real()) return logaddexp(b, a);
  if (a == b && isinf(a.real())) return a;
  const Complex<T> less(b.real() - a.real(), b.imag() - a.imag());
  const Complex<T> more = log1p(exp(less));
  return {a.real() + more.real(), a.imag() + more.imag()};
}
// z^0 = 1 for every z; 0^w is 0 for Re w > 0 and NaN otherwise.
template <class T>
inline Complex<T> pow_any(Complex<T> z, Complex<T> w) {
  if (w.real() == T{0} && w.imag() == T{0}) return {1, 0};
  if (z.real() == T{0} && z.imag() == T{0})
    return w.real() > T{0} ? Complex<T>(0, 0) : Complex<T>(kNaN<T>, kNaN<T>);
  return exp(mul(w, log(z)));
}
// No templates where <complex> has one of the same name, which would be as good a match.
inline Complex<float> pow(Complex<float> z, Complex<float> w) { return pow_any(z, w); }
inline Complex<double> pow(Complex<double> z, Complex<double> w) { return pow_any(z, w); }
// Whole exponents up to 3 and their like are products, as for real numbers.
template <class T>
inline Complex<T> power(Complex<T> z, Complex<T> w) {
  if (w.imag() == T{0}) {
    if (w.real() == T{1}) return z;
    if (w.real() == T{2}) return mul(z, z);
    if (w.real() == T{3}) return mul(mul(z, z), z);
    if (w.real() == T{-1}) return reciprocal(z);
    if (w.real() == T{0.5}) return sqrt(z);
  }
  return pow_any(z, w);
}
inline Complex<float> log10(Complex<float> z) { return scaled(log(z), 0.4342944819032518); }
inline Complex<double> log10(Complex<double> z) { return scaled(log(z), 0.4342944819032518); }

}  // namespace flambeau::FB_ISA
