// The regularised incomplete gamma functions, one lane at a time in double. dlmf.nist.gov, 8.
#pragma once
#include "cpu/vec_math/special.h"

namespace flambeau::FB_ISA {
namespace lane {

// log(1 + u) - u, which cancels for small u.
inline double log1p_minus(double u) {
  if (__builtin_fabs(u) > 0.05) return __builtin_log1p(u) - u;
  double sum = 0, power = u;
  for (int k = 2; k < 16; ++k) {
    power *= -u;
    sum += power / k;
  }
  return sum;
}
// x^a e^-x / Gamma(a + 1). For large a through Stirling's series 5.11.1, around x = a.
inline double gamma_factor(double a, double x) {
  if (a < 20) return __builtin_exp(a * __builtin_log(x) - x - lgamma(a + 1));
  const double u = (x - a) / a, z = 1 / (a * a);
  const double stirling = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z / 1680))) / a;
  return __builtin_exp(a * log1p_minus(u) - stirling) / __builtin_sqrt(2 * kPi * a);
}
// P by the series 8.7.1 for x < a + 1.
inline double gamma_lower_series(double a, double x) {
  double sum = 1, term = 1;
  for (int k = 1; k < 1000000; ++k) {
    term *= x / (a + k);
    sum += term;
    if (term < 1e-17 * sum) break;
  }
  return sum * gamma_factor(a, x);
}
// Q by the continued fraction 8.9.2, evaluated forwards (Lentz 1976).
inline double gamma_upper_fraction(double a, double x) {
  constexpr double tiny = 1e-300;
  double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
  for (int k = 1; k < 1000000; ++k) {
    const double an = -k * (k - a);
    b += 2;
    d = an * d + b;
    if (__builtin_fabs(d) < tiny) d = tiny;
    c = b + an / c;
    if (__builtin_fabs(c) < tiny) c = tiny;
    d = 1 / d;
    const double delta = d * c;
    h *= delta;
    if (__builtin_fabs(delta - 1) < 1e-16) break;
  }
  return h * a * gamma_factor(a, x);
}
// P(a, x) if lower, else Q = 1 - P.
inline double incomplete_gamma(double a, double x, bool lower) {
  if (a != a || x != x || a < 0 || x < 0) return kNaN<double>;
  if (a == 0) return x > 0 ? (lower ? 1 : 0) : kNaN<double>;
  if (x == 0) return lower ? 0 : 1;
  if (a == kInf<double>) return x == kInf<double> ? kNaN<double> : lower ? 0 : 1;
  if (x == kInf<double>) return lower ? 1 : 0;
  if (x < a + 1) {
    const double p = gamma_lower_series(a, x);
    return lower ? p : 1 - p;
  }
  const double q = gamma_upper_fraction(a, x);
  return lower ? 1 - q : q;
}
inline double gammainc(double a, double x) { return incomplete_gamma(a, x, true); }
inline double gammaincc(double a, double x) { return incomplete_gamma(a, x, false); }

}  // namespace lane

FB_SPECIAL2(gammainc)
FB_SPECIAL2(gammaincc)

}  // namespace flambeau::FB_ISA
