// Bessel functions of the first and second kind, modified ones of the second kind, one lane at a
// time in double. Numbers of formulas: dlmf.nist.gov.
#pragma once
#include "cpu/vec_math/special.h"

namespace flambeau::FB_ISA {
namespace lane {

inline double bessel_j0(double x) { return __builtin_j0(x); }
inline double bessel_j1(double x) { return __builtin_j1(x); }
inline double bessel_y0(double x) { return x == 0 ? -kInf<double> : __builtin_y0(x); }
inline double bessel_y1(double x) { return x == 0 ? -kInf<double> : __builtin_y1(x); }

// sin(x) / x; two terms of the series near zero.
inline double spherical_bessel_j0(double x) {
  if (__builtin_isinf(x)) return 0;
  if (__builtin_fabs(x) < 1e-4) return 1 - x * x / 6;
  return __builtin_sin(x) / x;
}

// 10.31.2 (order 0) and 10.31.1 (order 1) for 0 < x <= 2.
inline double bessel_k_series(int order, double x) {
  const double z = 0.25 * x * x, log_half = __builtin_log(0.5 * x);
  double sum = 0, term = 1;
  // psi(k + 1) + psi(k + 1 + order)
  double psi = order == 0 ? -2 * kEulerGamma : 1 - 2 * kEulerGamma;
  for (int k = 0; k < 40; ++k) {
    sum += psi * term;
    term *= z / ((k + 1) * (k + 1 + order));
    psi += 1.0 / (k + 1) + 1.0 / (k + 1 + order);
    if (term * __builtin_fabs(psi) < 1e-18 * __builtin_fabs(sum)) break;
  }
  if (order == 0) return -log_half * i0(x) + 0.5 * sum;
  return 1 / x + log_half * i1(x) - 0.25 * x * sum;
}
// e^x K(x) for x > 2: 10.32.9 by the trapezoidal rule, which converges exponentially here. Steps
// shrink with the width of the integrand.
inline double bessel_k_integral(int order, double x) {
  const double step = __builtin_fmin(0.15, 0.55 / __builtin_sqrt(x));
  double sum = 0.5;
  for (int i = 1; i < 1000; ++i) {
    const double half_sinh = __builtin_sinh(0.5 * step * i);
    const double exponent = 2 * x * half_sinh * half_sinh;  // x (cosh t - 1)
    const double term = __builtin_exp(-exponent) * (order == 0 ? 1 : __builtin_cosh(step * i));
    sum += term;
    if (term < 1e-18 * sum) break;
  }
  return sum * step;
}
inline double bessel_k(int order, double x, bool scaled) {
  if (x != x) return x;
  if (x <= 0) return x == 0 ? kInf<double> : kNaN<double>;
  if (x == kInf<double>) return 0;
  if (x <= 2) return bessel_k_series(order, x) * (scaled ? __builtin_exp(x) : 1);
  return bessel_k_integral(order, x) * (scaled ? 1 : __builtin_exp(-x));
}
inline double modified_bessel_k0(double x) { return bessel_k(0, x, false); }
inline double modified_bessel_k1(double x) { return bessel_k(1, x, false); }
inline double scaled_modified_bessel_k0(double x) { return bessel_k(0, x, true); }
inline double scaled_modified_bessel_k1(double x) { return bessel_k(1, x, true); }

}  // namespace lane

FB_SPECIAL1(bessel_j0)
FB_SPECIAL1(bessel_j1)
FB_SPECIAL1(bessel_y0)
FB_SPECIAL1(bessel_y1)
FB_SPECIAL1(spherical_bessel_j0)
FB_SPECIAL1(modified_bessel_k0)
FB_SPECIAL1(modified_bessel_k1)
FB_SPECIAL1(scaled_modified_bessel_k0)
FB_SPECIAL1(scaled_modified_bessel_k1)

}  // namespace flambeau::FB_ISA
