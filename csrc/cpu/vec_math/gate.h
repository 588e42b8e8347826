// The normal distribution function as gelu needs it.
#pragma once
#include "cpu/vec_math/exp_log.h"
#include "cpu/vec_math/special.h"

namespace flambeau::FB_ISA {

// For x < 0 it is e^(-x^2/2) t p(t) with t = 1 / (1 + 0.35 |x|): p is a least-squares fit, weighted
// until the relative error was even, 3.2e-8. What remains is the rounding of x^2, which reaches a
// relative 1e-6 at x = -5 and 5e-6 where the result leaves the range of float.
FB_VEC vfloat normal_cdf(vfloat x) {
  const vfloat a = abs(x);
  const vfloat t = 1.0f / mad(a, vfloat(0.35f), vfloat(1));
  const vfloat p = poly(t, 0.139621660f, 0.139857471f, 0.119863756f, 0.105389342f, -0.0228363331f,
                        0.158785507f, -0.255380601f, 0.143812999f, -0.0291138217f);
  // From e^-87.7 on the exponent field of the power is 0, and so is the power.
  const vfloat square = min_or_second(vfloat(88.02f), a * a * 0.5f);
  const vfloat tail = exp_bounded(-square) * (t * p);
  return where(x < 0.0f, tail, 1.0f - tail);
}
// erfc(|x| / sqrt 2) / 2 for x < 0, and 1 minus it; what squaring rounds off is put back.
inline vdouble normal_cdf(vdouble x) {
  const vdouble a = min_or_second(vdouble(37.5), abs(x));
  const vdouble square = a * a;
  const vdouble lost = kHasFma ? mad(a, a, -square) : vdouble(0);
  const vdouble power = exp_bounded(square * -0.5);
  const vdouble tail =
      mad(power, lost * -0.5, power) * erfcx_positive(a * 0.70710678118654752) * 0.5;
  const vdouble shown = where(abs(x) < 37.5, tail, where(isnan(x), x, vdouble(0)));
  return where(x < 0.0, shown, 1.0 - shown);
}

}  // namespace flambeau::FB_ISA
