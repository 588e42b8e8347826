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

}  // namespace flambeau
