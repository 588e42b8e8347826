#include "cpu/kernels/convert_half.h"

#include "cpu/vec_half.h"

namespace flambeau::FB_ISA {

template <Half H>
static FB_VEC void widen_run(const uint16_t* x, float* y, int64_t n) {
  constexpr int L = vfloat::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(y + i, load_half<H>(x + i));
  if (i < n) store_n(y + i, load_half<H>(x + i, n - i), n - i);
}
template <Half H>
static FB_VEC void narrow_run(const float* x, uint16_t* y, int64_t n) {
  constexpr int L = vfloat::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) store_half<H>(y + i, load(x + i));
  if (i < n) store_half<H>(y + i, load_n(x + i, n - i), n - i);
}

void half_to_float(const uint16_t* x, float* y, int64_t n) { widen_run<Half::Float16>(x, y, n); }
void float_to_half(const float* x, uint16_t* y, int64_t n) { narrow_run<Half::Float16>(x, y, n); }
void bfloat16_to_float(const uint16_t* x, float* y, int64_t n) {
  widen_run<Half::BFloat16>(x, y, n);
}
void float_to_bfloat16(const float* x, uint16_t* y, int64_t n) {
  narrow_run<Half::BFloat16>(x, y, n);
}

}  // namespace flambeau::FB_ISA
