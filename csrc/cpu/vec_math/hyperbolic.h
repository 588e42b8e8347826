// Hyperbolic functions, their inverses, and the logistic sigmoid.
#pragma once
#include "cpu/vec_math/exp_log.h"

namespace flambeau::FB_ISA {

// Near zero an odd polynomial; beyond, 1 - 2 / (e^2x + 1), which has no cancellation there.
FB_VEC vfloat tanh(vfloat x) {
  const vfloat a = abs(x), z = a * a;
  const vfloat p = poly(z, -0.333333313f, 0.133332446f, -0.0539521649f, 0.0217327196f,
                        -0.00826274045f, 0.00222697062f);
  const vfloat near = mad(a * z, p, a);
  const vfloat e = exp_bounded(2.0f * min_or_second(vfloat(10.0f), a));
  const vfloat far = 1.0f - 2.0f / (e + 1.0f);
  return copysign(where(a < 0.6f, near, far), x);
}
FB_VEC vdouble tanh(vdouble x) {
  const vdouble a = abs(x), z = a * a;
  const vdouble p = poly(z, -0.33333333333333326, 0.13333333333331759, -0.053968253967210951,
                         0.021869488501406548, -0.0088632348498904941, 0.0035921195380285852,
                         -0.0014557632553187784, 0.00058961858493924491, -0.00023750229039714224,
                         9.2470585728071257e-05, -3.1159141621560546e-05, 6.4945970521220858e-06);
  const vdouble near = mad(a * z, p, a);
  const vdouble e = exp_bounded(2.0 * min_or_second(vdouble(22.0), a));
  const vdouble far = 1.0 - 2.0 / (e + 1.0);
  return copysign(where(a < 0.6, near, far), x);
}

// 1 / (1 + e^-x) where e^-x = 2^n + 2^n t is never rounded by itself: the denominator is rounded
// once. Both parts carry a factor k, so that very negative x reach the subnormals without overflow.
template <class T>
FB_VEC Vec<T> sigmoid_quotient(Vec<T> k, Vec<T> power, Vec<T> t) {
  const Vec<T> sum = power + k;
  const Vec<T> lost = k - (sum - power);
  return k / (mad(power, t, lost) + sum);
}
FB_VEC vfloat sigmoid(vfloat x) {
  const vfloat k = where(x < -64.0f, vfloat(0x1p-64f), vfloat(1));
  const ExpFloat e = reduce_exp(clamp_const(-x, -87.0f, 104.0f));
  const vfloat power = bit_cast<vfloat>((e.shifted << 23) + bits(k));
  return sigmoid_quotient(k, power, expm1_short(e.r));
}
FB_VEC vdouble sigmoid(vdouble x) {
  const vdouble k = where(x < -512.0, vdouble(0x1p-512), vdouble(1));
  const ExpDouble e = reduce_exp(clamp_const(-x, -708.0, 746.0));
  const vdouble power = bit_cast<vdouble>((e.shifted << 52) + bits(k));
  return sigmoid_quotient(k, power, expm1_reduced(e.r));
}

inline vfloat sinh(vfloat x) {
  return through_double(x, [](vdouble v) {
    const vdouble a = abs(v);
    const vdouble e = exp_bounded(min_or_second(vdouble(100.0), a));
    const vdouble y = where(a < 1e-4, a + a * a * a * (1.0 / 6), 0.5 * (e - 1.0 / e));
    return copysign(y, v);
  });
}
inline vfloat cosh(vfloat x) {
  return through_double(x, [](vdouble v) {
    const vdouble e = exp_bounded(min_or_second(vdouble(100.0), abs(v)));
    return 0.5 * (e + 1.0 / e);
  });
}

[[gnu::noinline, gnu::cold]] inline vdouble sinh_lanes(vdouble x) {
  return map_lanes(x, [](double a) { return __builtin_sinh(a); });
}
[[gnu::noinline, gnu::cold]] inline vdouble cosh_lanes(vdouble x) {
  return map_lanes(x, [](double a) { return __builtin_cosh(a); });
}
inline vdouble sinh(vdouble x) {
  const vdouble a = abs(x);
  if (any(!(a < 709.0))) [[unlikely]]
    return sinh_lanes(x);
  const vdouble t = expm1(a);
  const vdouble y = where(a < 1.0, t - 0.5 * (t * (t / (t + 1.0))), 0.5 * (t + t / (t + 1.0)));
  return copysign(y, x);
}
inline vdouble cosh(vdouble x) {
  const vdouble a = abs(x);
  if (any(!(a < 709.0))) [[unlikely]]
    return cosh_lanes(x);
  const vdouble e = exp_bounded(a);
  return 0.5 * e + 0.5 / e;
}

// The logarithmic formulas lose digits near zero, where two terms of the series are enough.
inline vfloat asinh(vfloat x) {
  return through_double(x, [](vdouble v) {
    const vdouble a = abs(v);
    const vdouble y = where(a < 1e-4, a - a * a * a * (1.0 / 6), log(a + sqrt(a * a + 1.0)));
    return copysign(y, v);
  });
}
inline vfloat acosh(vfloat x) {
  return through_double(x, [](vdouble v) {
    return where(v < 1.0, kNaN<double>, log(v + sqrt((v - 1.0) * (v + 1.0))));
  });
}
// An odd polynomial below 1/2; beyond it half of log((1 + a) / (1 - a)), which exceeds 1, so that
// the errors of the quotient count little.
FB_VEC vfloat atanh(vfloat x) {
  const vfloat a = abs(x), z = a * a;
  const vfloat p =
      poly(z, 0.333333316f, 0.20000496f, 0.142632424f, 0.114782251f, 0.064550038f, 0.158137547f);
  const vfloat near = mad(a * z, p, a);
  if (all(a < 0.5f)) return copysign(near, x);
  const vfloat far = 0.5f * log((1.0f + a) / (1.0f - a));
  return copysign(where(a < 0.5f, near, far), x);
}
// log(x + sqrt(x^2 +- 1)) as log(1 + y); from 2^60 on y is x, and log 2 is added.
inline vdouble asinh(vdouble x) {
  const vdouble a = abs(x), square = a * a, large = 0x1p60;
  const vdouble y = a + square / (sqrt(square + 1.0) + 1.0);
  const vdouble r =
      log1p(where(a < large, y, a)) + where(a < large, vdouble(0), vdouble(0.6931471805599453));
  return copysign(r, x);
}
inline vdouble acosh(vdouble x) {
  const vdouble t = x - 1.0, large = 0x1p60;
  const vdouble y = t + sqrt(t * (t + 2.0));
  const vdouble r =
      log1p(where(x < large, y, x)) + where(x < large, vdouble(0), vdouble(0.6931471805599453));
  return where(x < 1.0, vdouble(kNaN<double>), r);
}
// Half of log(1 + 2a / (1 - a)), where a is small with 2a taken out of the quotient.
inline vdouble atanh(vdouble x) {
  const vdouble a = abs(x), twice = a + a;
  const vdouble quotient = where(a < 0.5, twice * a, twice) / (1.0 - a);
  return copysign(0.5 * log1p(where(a < 0.5, twice + quotient, quotient)), x);
}

}  // namespace flambeau::FB_ISA
