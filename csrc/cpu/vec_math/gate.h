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
  const vfloat square = min_or_second(vfloat(87.0f), a * a * 0.5f);
  const vfloat tail = where(a < 13.1f, exp_bounded(-square) * (t * p), vfloat(0));
  return where(isnan(x), x, where(x < 0.0f, tail, 1.0f - tail));
}
inline vdouble normal_cdf(vdouble x) { return ndtr(x); }

}  // namespace flambeau::FB_ISA
