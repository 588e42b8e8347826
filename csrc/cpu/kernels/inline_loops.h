// What the loops of reductions, softmax and normalisation share.
#pragma once
#include "cpu/vec_math.h"

// On lambdas that are the body of a vector loop: inlined, their lane count is a constant.
#define FB_INLINE __attribute__((always_inline))

namespace flambeau::FB_ISA {

// e^x for x up to about 0, as after subtracting a maximum. What would be subnormal is zero.
FB_VEC vfloat exp_below(vfloat x) {
  constexpr float kLeast = -87.0f;
  return where(x < kLeast, vfloat(0), exp_bounded(max_or_second(vfloat(kLeast), x)));
}
FB_VEC vdouble exp_below(vdouble x) { return exp(x); }

}  // namespace flambeau::FB_ISA
