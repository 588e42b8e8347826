// Special functions, most of which are computed one lane at a time, in double.
//
// Formulas are numbered as in the NIST Digital Library of Mathematical Functions (dlmf.nist.gov).
#pragma once
#include "cpu/vec_math/exp_log.h"

namespace flambeau::FB_ISA {
namespace lane {

inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kSqrtPi = 1.77245385090551602730;
inline constexpr double kSqrtHalf = 0.70710678118654752440;
inline constexpr double kEulerGamma = 0.57721566490153286061;

inline double lgamma(double x) {
  int sign;
  return __builtin_lgamma_r(x, &sign);  // lgamma itself writes a global variable
}

// The Hurwitz zeta function for s > 1 and q > 0 by Euler-Maclaurin summation (25.11.5 and on).
inline double zeta_positive(double s, double q) {
  double sum = 0;
  for (int k = 0; k < 12 || q < 12; ++k) {
    const double term = __builtin_pow(q, -s);
    sum += term;
    if (term == 0 || term < sum * 1e-18) return sum;
    q += 1;
  }
  // B_2k / (2k)!
  static constexpr double c[] = {1.0 / 12,
                                 -1.0 / 720,
                                 1.0 / 30240,
                                 -1.0 / 1209600,
                                 1.0 / 47900160,
                                 -691.0 / 1307674368000.0,
                                 1.0 / 74724249600.0,
                                 -3617.0 / 10670622842880000.0};
  const double power = __builtin_pow(q, -s);
  sum += power * (q / (s - 1) + 0.5);
  double factor = s * power / q;
  for (int k = 0; k < 8; ++k) {
    sum += c[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
  }
  return sum;
}
// inf at s = 1 and at whole q <= 0; NaN for s < 1, and for q < 0 with s not whole.
inline double zeta(double s, double q) {
  if (s != s || q != q) return kNaN<double>;
  if (s == 1) return kInf<double>;
  if (s < 1) return kNaN<double>;
  if (q > 0) return q == kInf<double> ? 0 : zeta_positive(s, q);
  const double below = __builtin_floor(q);
  if (q == below) return kInf<double>;
  if (s != __builtin_floor(s)) return kNaN<double>;
  // Terms below zero are those of two positive zetas with the sign of (-1)^s.
  const double part = q - below;
  const double sign = __builtin_fmod(s, 2) == 0 ? 1 : -1;
  const double negative = zeta_positive(s, 1 - part) - zeta_positive(s, 1 - part - below);
  return zeta_positive(s, part) + sign * negative;
}

// 5.15.1: (-1)^(n+1) n! zeta(n + 1, x); n is a whole number > 0.
inline double polygamma(double n, double x) {
  if (n < 0 || n != __builtin_floor(n)) return kNaN<double>;
  const double sign = __builtin_fmod(n, 2) == 0 ? -1 : 1;
  return sign * __builtin_exp(lgamma(n + 1)) * zeta(n + 1, x);
}

// e^(x^2) erfc(x), x^2 in two parts because its rounding error would be multiplied by x^2.
inline double erfcx(double x) {
  if (x < 25) {
    const double square = x * x;
    const double low = __builtin_fma(x, x, -square);
    const double e = __builtin_exp(square);
    return e == kInf<double> ? e : e * __builtin_erfc(x) * (1 + low);
  }
  const double z = 0.5 / (x * x);  // 7.12.1, with the coefficients (2k - 1)!!
  double sum = 1;
  for (int k = 7; k >= 1; --k) sum = 1 - (2 * k - 1) * z * sum;
  return sum / (x * kSqrtPi);
}

// The y >= 0 with erfc(y) = q for 0 < q <= 1: Winitzki's closed form (2008, relative error 2e-3),
// then Halley's iteration.
inline double erfc_inverse(double q) {
  constexpr double a = 0.147;
  const double l = __builtin_log(q * (2 - q));
  const double t = 2 / (kPi * a) + 0.5 * l;
  double y = __builtin_sqrt(__builtin_sqrt(t * t - l / a) - t);
  for (int i = 0; i < 5; ++i) {
    const double step = (__builtin_erfc(y) - q) * (0.5 * kSqrtPi) * __builtin_exp(y * y);
    const double next = y + step / (1 - y * step);
    if (__builtin_fabs(next - y) <= 1e-16 * y) return next;
    y = next;
  }
  return y;
}
inline double erfinv(double x) {
  const double a = __builtin_fabs(x);
  if (!(a < 1)) return a == 1 ? __builtin_copysign(kInf<double>, x) : kNaN<double>;
  if (a >= 0.5) return __builtin_copysign(erfc_inverse(1 - a), x);
  // Maclaurin series, then Halley's iteration.
  const double z = kPi / 4 * x * x;
  double y = 0.5 * kSqrtPi * x * (1 + z * (1.0 / 3 + z * (7.0 / 30 + z * (127.0 / 630))));
  if (a < 1e-5) return y;
  for (int i = 0; i < 2; ++i) {
    const double step = (__builtin_erf(y) - x) * (0.5 * kSqrtPi) * __builtin_exp(y * y);
    y -= step / (1 + y * step);
  }
  return y;
}

// The normal distribution function, its logarithm and its inverse.
inline double ndtr(double x) { return 0.5 * __builtin_erfc(-x * kSqrtHalf); }
inline double log_ndtr(double x) {
  const double t = x * kSqrtHalf;
  if (x < -1) return __builtin_log(0.5 * erfcx(-t)) - t * t;
  return __builtin_log1p(-0.5 * __builtin_erfc(t));
}
inline double ndtri(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf<double> : p == 1 ? kInf<double> : kNaN<double>;
  const double y = p < 0.25   ? -erfc_inverse(2 * p)
                   : p > 0.75 ? erfc_inverse(2 * (1 - p))
                              : erfinv(2 * p - 1);
  return y / kSqrtHalf;
}

// e^-|x| I_order(x), order 0 or 1: the power series 10.25.2, whose terms are all positive, or the
// asymptotic series 10.40.1.
inline double bessel_i_scaled(int order, double x) {
  const double a = __builtin_fabs(x);
  double sum = 1, term = 1;
  if (a != a) return a;
  if (a < 22) {
    const double z = 0.25 * a * a;
    for (int k = 1; term > sum * 1e-17; ++k) {
      term *= z / (k * (k + order));
      sum += term;
    }
    sum *= __builtin_exp(-a) * (order == 1 ? 0.5 * a : 1);
  } else {
    const double mu = 4.0 * order * order;
    for (int k = 1; k < 30 && __builtin_fabs(term) > 1e-17; ++k) {
      const double odd = 2 * k - 1;
      term *= -(mu - odd * odd) / (k * 8 * a);
      sum += term;
    }
    sum /= __builtin_sqrt(2 * kPi * a);
  }
  return order == 1 ? __builtin_copysign(sum, x) : sum;
}
// e^a times the scaled value, in two factors so that it overflows only where the result does.
inline double bessel_i(int order, double x) {
  const double half = __builtin_exp(0.5 * __builtin_fabs(x));
  const double scaled = bessel_i_scaled(order, x);
  return scaled == 0 ? (half == kInf<double> ? __builtin_copysign(half, x) : scaled)
                     : scaled * half * half;
}
inline double i0(double x) { return bessel_i(0, x); }
inline double i0e(double x) { return bessel_i_scaled(0, x); }
inline double i1(double x) { return bessel_i(1, x); }
inline double i1e(double x) { return bessel_i_scaled(1, x); }

}  // namespace lane

// The lane functions for vectors and scalars; float goes through double.
#define FB_SPECIAL1(name)                                                                     \
  inline double name(double x) { return lane::name(x); }                                      \
  inline float name(float x) { return static_cast<float>(lane::name(x)); }                    \
  inline vdouble name(vdouble x) {                                                            \
    return map_lanes(x, [](double a) { return lane::name(a); });                              \
  }                                                                                           \
  inline vfloat name(vfloat x) {                                                              \
    return map_lanes(x, [](float a) { return static_cast<float>(lane::name(a)); });           \
  }
#define FB_SPECIAL2(name)                                                                     \
  inline double name(double x, double y) { return lane::name(x, y); }                         \
  inline float name(float x, float y) {                                                       \
    return static_cast<float>(lane::name(x, y));                                              \
  }                                                                                           \
  inline vdouble name(vdouble x, vdouble y) {                                                 \
    return map_lanes(x, y, [](double a, double b) { return lane::name(a, b); });              \
  }                                                                                           \
  inline vfloat name(vfloat x, vfloat y) {                                                    \
    return map_lanes(x, y, [](float a, float b) { return name(a, b); });                      \
  }
FB_SPECIAL1(erfcx)
FB_SPECIAL1(ndtr)
FB_SPECIAL1(log_ndtr)
FB_SPECIAL1(ndtri)
FB_SPECIAL1(i0)
FB_SPECIAL1(i0e)
FB_SPECIAL1(i1)
FB_SPECIAL1(i1e)
FB_SPECIAL2(zeta)

// x plus x times a polynomial of w = -log(1 - x^2); x times one of its root where w is large
// (after Giles 2010).
FB_VEC vfloat erfinv(vfloat x) {
  const vfloat w = -log((1.0f - x) * (1.0f + x));
  const vfloat s = sqrt(w) - 3.0f;
  const vfloat near =
      poly(w, -0.113773079499405901, 0.232013816377512575, 0.0115486656723165623,
           -0.00233432507883697081, -0.000127448013654729704, 0.0000445439918631540905,
           3.99091894561379609e-6, -1.97805484532976622e-6, 2.21206736919144765e-7,
           -8.79906898391808413e-9);
  const vfloat far = poly(s, 2.83297679634056032, 1.00167507416198133, 0.00944565469426101126,
                          -0.00763917246782320599, 0.00568347143388311752, -0.00358818407355224405,
                          0.00149495598353121825, -0.0000743323366257435217,
                          -0.000317918899344688761, 0.000127455267551561355);
  const vfloat y = where(w < 5.0f, mad(x, near, x), x * far);
  return where(abs(x) == 1.0f, x * kInf<float>, y);
}
inline vdouble erfinv(vdouble x) {
  return map_lanes(x, [](double a) { return lane::erfinv(a); });
}
FB_VEC float erfinv(float x) { return erfinv(vfloat(x))[0]; }
FB_VEC double erfinv(double x) { return lane::erfinv(x); }

}  // namespace flambeau::FB_ISA
