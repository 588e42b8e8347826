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

// f(i, lanes) over the vectors of a row.
template <class T, class F>
FB_VEC void row_map(int64_t n, F f) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) f(i, L);
  if (i < n) f(i, n - i);
}

// Up to so many elements, rows are better taken as columns: a row to a lane.
inline constexpr int64_t kFewElements = 32;

// block[i][lane] = x[lane][i], for as many rows as there are lanes, or fewer.
template <class T>
FB_VEC void gather_rows(const T* x, int64_t stride, int64_t rows, int64_t n, T* block) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t i = 0; i < n; ++i)
    store(block + i * L,
          rows == L ? load_strided(x + i, stride) : load_strided(x + i, stride, rows));
}

}  // namespace flambeau::FB_ISA
