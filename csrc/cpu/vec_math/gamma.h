// The logarithm of the gamma function and its derivatives.
//
// Formulas are numbered as in the NIST Digital Library of Mathematical Functions (dlmf.nist.gov).
#pragma once
#include "cpu/vec_math/special.h"
#include "cpu/vec_math/trig.h"

namespace flambeau::FB_ISA {

using lane::kPi;

// The distance to the nearest whole number: pi times it keeps its digits next to a pole. 0 where
// there is none, as sine and cosine treat a vector with such lanes in another way.
FB_VEC vdouble from_whole(vdouble x) {
  const vdouble d = x - round(x);
  return where(abs(d) <= 0.5, d, vdouble(0));
}

// ---------------------------------------------------------------- digamma

// Recurrence 5.5.2, eight steps at once with the sum of 1 / (x + k) as one quotient, and the
// asymptotic series 5.11.2.
[[gnu::noinline]] inline vdouble digamma_positive(vdouble x) {
  const Mask<8> low = x < 8.0;
  const vdouble near = where(low, x, vdouble(1));
  vdouble top = 1.0, bottom = near + 7.0;
#pragma GCC unroll 8
  for (int k = 6; k >= 0; --k) {
    const vdouble factor = near + vdouble(k);
    top = mad(top, factor, bottom);
    bottom = bottom * factor;
  }
  const vdouble z = where(low, x + 8.0, x), w = 1.0 / z, v = w * w;
  const vdouble tail = poly(v, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132,
                            -691.0 / 32760, 1.0 / 12, -3617.0 / 8160);
  const vdouble r = log(z) - mad(v, tail, 0.5 * w);
  return where(low, r - top / bottom, r);
}
// Reflection 5.5.4. -inf at +0 and +inf at -0; NaN at the negative integers.
[[gnu::noinline]] inline vdouble digamma_any(vdouble x) {
  const Mask<8> below = x < 0.0;
  const vdouble angle = kPi * from_whole(x);
  vdouble r = digamma_positive(where(below, 1.0 - x, x));
  r = where(below, r - kPi * cos(angle) / sin(angle), r);
  r = where(below & (x == floor(x)), kNaN<double>, r);
  return where(x == 0.0, copysign(vdouble(kInf<double>), -x), r);
}
inline vdouble digamma(vdouble x) { return all(x > 0.0) ? digamma_positive(x) : digamma_any(x); }
inline vfloat digamma(vfloat x) {
  return through_double(x, [](vdouble v) { return digamma(v); });
}

// ---------------------------------------------------------------- trigamma

// As above for the sum of 1 / (x + k)^2 (5.15.5) and the series 5.15.8; x itself comes last into
// the denominator, whose square may be beyond the range.
template <int Steps>
[[gnu::noinline]] inline vdouble trigamma_positive(vdouble x) {
  const Mask<8> low = x < double(Steps);
  const vdouble near = where(low, x, vdouble(1)), first = near + (Steps - 1.0);
  vdouble top = 1.0, bottom = first * first;
#pragma GCC unroll 10
  for (int k = Steps - 2; k >= 0; --k) {
    const vdouble factor = near + vdouble(k);
    top = mad(top * factor, factor, bottom);
    bottom = bottom * factor * factor;
  }
  const vdouble z = where(low, x + double(Steps), x), w = 1.0 / z, v = w * w;
  const vdouble tail = poly(v, 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730,
                            7.0 / 6, -3617.0 / 510);
  const vdouble r = w + v * mad(w, tail, vdouble(0.5));
  return where(low, r + top / bottom, r);
}
// Reflection 5.15.6; inf at 0 and the negative integers.
template <int Steps>
[[gnu::noinline]] inline vdouble trigamma_any(vdouble x) {
  const Mask<8> below = x < 0.0;
  const vdouble s = kPi / sin(kPi * from_whole(x));
  vdouble r = trigamma_positive<Steps>(where(below, 1.0 - x, x));
  r = where(below, s * s - r, r);
  return where((x <= 0.0) & (x == floor(x)), kInf<double>, r);
}
template <int Steps>
FB_VEC vdouble trigamma_steps(vdouble x) {
  return all(x > 0.0) ? trigamma_positive<Steps>(x) : trigamma_any<Steps>(x);
}
inline vdouble trigamma(vdouble x) { return trigamma_steps<10>(x); }
inline vfloat trigamma(vfloat x) {
  return through_double(x, [](vdouble v) { return trigamma_steps<6>(v); });
}

// ---------------------------------------------------------------- lgamma

// log Gamma(x) / ((x - 1) (x - 2)) for 1 <= x <= 3 is a polynomial of (x - 7/4) / (x + 7/4).
template <bool Short>
FB_VEC vdouble lgamma_near(vdouble t) {
  if constexpr (Short)
    return poly(t, 0.45013931229764969, -0.41818555557747923, 0.12718979533935479,
                -0.14437245009402368, 0.084143888937160281, -0.090014215812179679,
                0.062569305158773497, -0.064720910358669465, 0.058832344121186631,
                -0.063985404648571875);
  else
    return poly(
        t, 0.45013931210925628, -0.41818555318834971, 0.12718992499339637, -0.14437303879662075,
        0.084129642379382003, -0.08997434063137838, 0.063114205425772577, -0.065793682744530083,
        0.050458640899504525, -0.051947783369599224, 0.042011041639129908, -0.042939516643403126,
        0.035961352713505007, -0.03674166596829205, 0.031734068001594298, -0.030345423859214671,
        0.025250854138407466, -0.038668108204641817, 0.038651697358903149);
}
// Recurrence 5.5.1 into [1, 3), every sum of logarithms as one of a product and all terms positive;
// from `Far` on Stirling's series 5.11.1.
template <bool Short>
[[gnu::noinline]] inline vdouble lgamma_positive(vdouble x) {
  constexpr int far = Short ? 6 : 10;
  const Mask<8> small = x < 1.0, large = x >= double(far);
  vdouble y = where(small, x + 1.0, where(large, vdouble(1.5), x)), product = 1.0;
#pragma GCC unroll 8
  for (int k = 0; k < far - 3; ++k) {
    const Mask<8> down = y >= 3.0;
    y = where(down, y - 1.0, y);
    product = where(down, product * y, product);
  }
  const vdouble d = where(small, x, y - 1.0);  // exact next to the zeros
  const vdouble near = d * (d - 1.0) * lgamma_near<Short>((y - 1.75) / (y + 1.75));
  const vdouble l = log(where(small | large, x, product));
  const vdouble w = 1.0 / x, v = w * w;
  vdouble tail;
  if constexpr (Short)
    tail = poly(v, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680);
  else
    tail = poly(v, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360,
                1.0 / 156);
  const vdouble stirling = mad(x - 0.5, l - 1.0, mad(w, tail, vdouble(0.41893853320467274)));
  return where(large, stirling, near + where(small, -l, l));
}
// Reflection 5.5.3 for floats, whose zeros below -2 need all digits of double; inf at 0, the
// negative integers and -inf.
[[gnu::noinline]] inline vdouble lgamma_any(vdouble x) {
  const Mask<8> below = x <= 0.0;
  const vdouble angle = kPi * from_whole(where(below, x, vdouble(0.5)));
  const vdouble mirror = lgamma_positive<false>(where(below, 1.0 - x, vdouble(1)));
  const vdouble reflected = log(kPi / abs(sin(angle))) - mirror;
  const vdouble r = all(below) ? reflected : where(below, reflected, lgamma_positive<true>(x));
  return where(below & (x == floor(x)), kInf<double>, r);
}
[[gnu::noinline, gnu::cold]] inline vdouble lgamma_lanes(vdouble x) {
  return map_lanes(x, [](double a) { return lane::lgamma(a); });
}
inline vdouble lgamma(vdouble x) {
  const Mask<8> easy = x > 0.0;
  if (all(easy)) return lgamma_positive<false>(x);
  const vdouble r = lgamma_lanes(x);
  return any(easy) ? where(easy, lgamma_positive<false>(x), r) : r;
}
inline vfloat lgamma(vfloat x) {
  return through_double(
      x, [](vdouble v) { return all(v > 0.0) ? lgamma_positive<true>(v) : lgamma_any(v); });
}

// ---------------------------------------------------------------- polygamma

// The orders 0 and 1 have formulas of their own, whatever the orders of the other lanes are.
template <class T>
FB_VEC Vec<T> polygamma_any(Vec<T> n, Vec<T> x) {
  const auto zero = n == Vec<T>(0), one = n == Vec<T>(1);
  if (all(one)) return trigamma(x);
  if (all(zero)) return digamma(x);
  Vec<T> r = map_lanes(n, x, [](T a, T b) { return static_cast<T>(lane::polygamma(a, b)); });
  if (any(one)) r = where(one, trigamma(x), r);
  return any(zero) ? where(zero, digamma(x), r) : r;
}
inline vdouble polygamma(vdouble n, vdouble x) { return polygamma_any(n, x); }
inline vfloat polygamma(vfloat n, vfloat x) { return polygamma_any(n, x); }

#define FB_GAMMA(name)                                          \
  inline float name(float x) { return name(vfloat(x))[0]; }     \
  inline double name(double x) { return name(vdouble(x))[0]; }
FB_GAMMA(lgamma)
FB_GAMMA(digamma)
FB_GAMMA(trigamma)
#undef FB_GAMMA
inline float polygamma(float n, float x) { return polygamma(vfloat(n), vfloat(x))[0]; }
inline double polygamma(double n, double x) { return polygamma(vdouble(n), vdouble(x))[0]; }

}  // namespace flambeau::FB_ISA
