// Special functions, most of which are computed one lane at a time, in double.
//
// Formulas are numbered as in the NIST Digital Library of Mathematical Functions (dlmf.nist.gov).
#pragma once
#include "cpu/vec_math/erf.h"

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
FB_SPECIAL2(zeta)

// The modified Bessel functions of orders 0 and 1. Up to `kBesselCut` they are polynomials of
// x^2 / 4 close to the power series 10.25.2, beyond it e^x / sqrt(x) times polynomials of 1 / x
// close to the asymptotic series 10.40.1.
template <bool Short>
inline constexpr double kBesselCut = Short ? 8 : 12;

template <int Order, bool Short>
FB_VEC vdouble bessel_i_near(vdouble a) {
  const vdouble z = 0.25 * a * a;
  if constexpr (Order == 0 && Short)
    return poly(z, 0.99999999973715092, 1.0000000047129898, 0.24999998602321324,
                0.027777793995107609, 0.0017361014021945963, 6.9447867955693809e-05,
                1.9282489244190878e-06, 3.9479264542997264e-08, 6.0428410308e-10,
                8.2816455290421976e-12, 4.8807650837786604e-14, 1.2123258981336088e-15);
  else if constexpr (Order == 1 && Short)
    return 0.5 * a *
           poly(z, 1.0000000007874936, 0.49999998814370161, 0.083333362811687406,
                0.0069444158948423484, 0.00034723637843128919, 1.156998907329518e-05,
                2.7630545135785928e-07, 4.837128161783551e-09, 7.4449859482668691e-11,
                4.8885938216782237e-13, 1.3345037050711177e-14);
  else if constexpr (Order == 0)
    return poly(z, 1.0, 1.0000000000000002, 0.24999999999999922, 0.027777777777778904,
                0.0017361111111102395, 6.9444444444856333e-05, 1.929012345549443e-06,
                3.9367598920088927e-08, 6.1511872803865423e-10, 7.5940589912149706e-12,
                7.5940532083052811e-14, 6.276118729175716e-16, 4.3581817602345863e-18,
                2.5798292471495877e-20, 1.3127667574163291e-22, 5.9249412488367316e-25,
                2.1372913758420399e-27, 9.9201367424268215e-30, 5.9183632394579161e-33,
                1.6466379086897607e-34);
  else
    return 0.5 * a *
           poly(z, 1.0, 0.49999999999999956, 0.08333333333333473, 0.0069444444444426096,
                0.00034722222222349997, 1.1574074073531728e-05, 2.7557319239264833e-07,
                4.9209498312474181e-09, 6.8346530189411593e-11, 7.5940537806366469e-13,
                6.9037272489215218e-15, 5.2298328392436154e-17, 3.3537299100977621e-19,
                1.8379881305724651e-21, 8.8854917314228939e-24, 3.421763244103203e-26,
                1.6851719594475196e-28, 1.0669521769665175e-31, 3.1300789205469893e-33);
}
template <int Order, bool Short>
FB_VEC vdouble bessel_i_far(vdouble u) {
  if constexpr (Order == 0 && Short)
    return poly(u, 0.39894228086314815, 0.049867433795489316, 0.028093679303960905,
                0.027282502599541292, 0.084736207374545014, -0.30346786683694732,
                1.8233381850074246);
  else if constexpr (Order == 1 && Short)
    return poly(u, 0.39894227988223208, -0.14960296056204972, -0.04679936148591618,
                -0.038735500275946806, -0.1023343486253754, 0.33067684971524031,
                -2.0591041656814433);
  else if constexpr (Order == 0)
    return poly(u, 0.3989422804014327, 0.049867785050131487, 0.028050629144259334,
                0.029219381571222294, 0.044747723238522198, 0.089831985123235189,
                0.29900169353912359, -3.7626780440732666, 201.96957210485277, -6467.9647975842527,
                153531.03621516377, -2647703.5176776694, 32788237.800645087, -282614480.37212801,
                1601323002.4776015, -5321916666.3933964, 7800236044.2817554);
  else
    return poly(u, 0.39894228040143265, -0.14960335515048775, -0.046751048540176039,
                -0.040907142777131963, -0.057531421635613096, -0.10993737676524862,
                -0.34308920156576611, 3.8140915645528657, -209.1507450583984, 6682.2415328820771,
                -158447.65298700388, 2728631.5741046555, -33736067.556260906, 290223826.72037017,
                -1640575436.0921836, 5436188249.2144642, -7937360579.2022123);
}
// e^a comes in two factors, so that it overflows only where the result does.
template <int Order, bool Short, bool Scaled>
[[gnu::noinline]] inline vdouble modified_bessel(vdouble x) {
  const vdouble a = abs(x);
  const Mask<8> near = a < kBesselCut<Short>;
  vdouble r = bessel_i_near<Order, Short>(where(near, a, vdouble(0)));
  if constexpr (Scaled) r = r * exp_bounded(-min_or_second(vdouble(kBesselCut<Short>), a));
  if (!all(near)) {
    vdouble far = bessel_i_far<Order, Short>(1.0 / a) / sqrt(a);
    if constexpr (!Scaled) {
      const vdouble half = exp_bounded(0.5 * min_or_second(vdouble(1416.0), a));
      far = where(a == kInf<double>, a, far * half * half);
    }
    r = where(near, r, far);
  }
  return Order == 1 ? copysign(r, x) : r;
}
#define FB_BESSEL_I(name, order, scaled)                                                 \
  inline vdouble name(vdouble x) { return modified_bessel<order, false, scaled>(x); }           \
  inline vfloat name(vfloat x) {                                                         \
    return through_double(x, [](vdouble v) { return modified_bessel<order, true, scaled>(v); }); \
  }                                                                                      \
  inline float name(float x) { return name(vfloat(x))[0]; }                              \
  inline double name(double x) { return name(vdouble(x))[0]; }
FB_BESSEL_I(i0, 0, false)
FB_BESSEL_I(i0e, 0, true)
FB_BESSEL_I(i1, 1, false)
FB_BESSEL_I(i1e, 1, true)
#undef FB_BESSEL_I

// The inverse of the normal distribution function to float's precision: odd = 2p - 1 times a
// function of w = -log(4 p (1 - p)) <= 104, and where w is large, of its root s through
// (s - 4) / (s + 4).
FB_VEC vdouble normal_root(vdouble odd, vdouble w) {
  const vdouble near =
      poly(w, 1.2533141381132415, 0.328116828732262, 0.016333656098066151, -0.0033038476791771325,
           -0.00017829879712492146, 6.2980360188327837e-05, 4.7375024011957863e-06,
           -2.1553488044806361e-06, 9.3474083317574348e-08, 2.9034023883091578e-08,
           -4.1659298118310012e-09, 1.7386454418769141e-10);
  if (all(w < 5.0)) return odd * near;
  const vdouble s = sqrt(max_or_second(vdouble(0), w));
  const vdouble far =
      s * poly((s - 4.0) / (s + 4.0), 1.3575685812106895, 0.14014099644976774, -0.11163450767028986,
               -0.017190566327027344, 0.19601972313474497, -0.60667179566487794, 2.4786327977835612,
               -10.821166501632224, 33.747206355979507, -36.827986262254193, -172.89941787427995,
               691.97706377450697, -270.41566528488312, -3004.9981381317857, 5013.0857573026142,
               3065.1550207699338, -13659.793817744559, 9222.5292256946341);
  return odd * where(w < 5.0, near, far);
}
[[gnu::noinline]] inline vdouble ndtri_short(vdouble p) {
  const vdouble r = normal_root(2.0 * p - 1.0, -log(4.0 * p * (1.0 - p)));
  return where(p == 0.0, vdouble(-kInf<double>), where(p == 1.0, vdouble(kInf<double>), r));
}
inline vfloat ndtri(vfloat p) {
  return through_double(p, [](vdouble v) { return ndtri_short(v); });
}

// The y >= 0 with erf(y) = x and erfc(y) = q = 1 - x, q = 0 or above 1e-42: one step of Halley's
// iteration by erf below 3/4, where that holds more digits, and by erfc beyond.
[[gnu::noinline]] inline vdouble erf_inverse(vdouble x, vdouble q) {
  const vdouble y = lane::kSqrtHalf * normal_root(x, -log(q * (2.0 - q)));
  const vdouble square = min_or_second(y * y, vdouble(700.0));
  const vdouble lost = kHasFma ? mad(y, y, -square) : vdouble(0);
  const vdouble power = exp_bounded(square);
  const vdouble beyond = mad(q * power, lost, q * power) - erfcx_positive(y);
  const vdouble gap = where(x < 0.75, (erf_near(min_or_second(vdouble(1), y)) - x) * power, beyond);
  const vdouble step = (0.5 * lane::kSqrtPi) * gap;
  return where(q == 0.0, vdouble(kInf<double>), y - step / (1.0 + y * step));
}
[[gnu::noinline, gnu::cold]] inline vdouble ndtri_lanes(vdouble p) {
  return map_lanes(p, [](double a) { return lane::ndtri(a); });
}
inline vdouble ndtri(vdouble p) {
  const vdouble odd = 2.0 * p - 1.0, tail = 2.0 * where(p < 0.5, p, 1.0 - p);
  const vdouble y = erf_inverse(abs(odd), tail) / lane::kSqrtHalf;
  const Mask<8> tiny = (p > 0.0) & (p < 1e-42);
  return any(tiny) ? where(tiny, ndtri_lanes(p), copysign(y, odd)) : copysign(y, odd);
}
inline float ndtri(float p) { return ndtri(vfloat(p))[0]; }
inline double ndtri(double p) { return ndtri(vdouble(p))[0]; }

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
  const vdouble a = abs(x);
  return copysign(erf_inverse(a, 1.0 - a), x);
}
FB_VEC float erfinv(float x) { return erfinv(vfloat(x))[0]; }
inline double erfinv(double x) { return erfinv(vdouble(x))[0]; }

}  // namespace flambeau::FB_ISA
