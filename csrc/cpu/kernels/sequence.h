// Numbers at equal distances.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// out[i] = start + step i, begin <= i < end, begin a multiple of the pair of groups. Within the
// first `grouped` elements each group of eight floats (four doubles) is counted from its rounded
// first element.
FB_KERNEL(void, steps_float,
          (float* out, int64_t begin, int64_t end, int64_t grouped, double start, double step));
FB_KERNEL(void, steps_double,
          (double* out, int64_t begin, int64_t end, int64_t grouped, double start, double step));
FB_KERNEL(void, steps_int64,
          (int64_t* out, int64_t begin, int64_t end, uint64_t start, uint64_t step));

// out[i] = from + step (i - first), rounded once where the processor can.
FB_KERNEL(void, line_float,
          (float* out, int64_t begin, int64_t end, int64_t first, float from, float step));
FB_KERNEL(void, line_double,
          (double* out, int64_t begin, int64_t end, int64_t first, double from, double step));

// out[i] = base^(from + step (i - first)), computed in double.
struct PowerLine {
  double base, from, step;
  int64_t first;
};
FB_KERNEL(void, powers_float, (float* out, int64_t begin, int64_t end, const PowerLine& line));
FB_KERNEL(void, powers_double, (double* out, int64_t begin, int64_t end, const PowerLine& line));

// out[i] = mean - once cos(2 pi i / last) + twice cos(4 pi i / last), computed in double.
struct CosineWindow { double last, mean, once, twice; };
FB_KERNEL(void, cosines_float,
          (float* out, int64_t begin, int64_t end, const CosineWindow& window));
FB_KERNEL(void, cosines_double,
          (double* out, int64_t begin, int64_t end, const CosineWindow& window));

// out[i] = 1 - |2 i / last - 1|, computed in double.
FB_KERNEL(void, triangle_float, (float* out, int64_t begin, int64_t end, double last));
FB_KERNEL(void, triangle_double, (double* out, int64_t begin, int64_t end, double last));

}  // namespace flambeau
