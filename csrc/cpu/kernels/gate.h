// Gated linear units: one half of a row times the sigmoid of the other.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// Rows of two halves of `half` elements, of which n are taken. gate_rows: y, whose rows are as long
// as a half, becomes first * sigmoid(second). gate_grad_rows: dx, laid out like x, gets
// g sigmoid(second) and g first sigmoid(second) (1 - sigmoid(second)).
#define FB_GATE(S, T)                                                                           \
  FB_KERNEL(void, gate_rows_##S, (const T* x, int64_t half, T* y, int64_t rows, int64_t n));    \
  FB_KERNEL(void, gate_grad_rows_##S,                                                           \
            (const T* g, const T* x, int64_t half, T* dx, int64_t rows, int64_t n))
FB_GATE(f32, float);
FB_GATE(f64, double);
#undef FB_GATE

}  // namespace flambeau
