// Rows of elements combined in place: to[i] = to[i] op from[i].
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class RowOp : int { Add, Mul, Min, Max };  // Min and Max pass NaN on
inline constexpr int kRowOps = 4;

// Steps are in elements; from_step 0 repeats one element.
using RowFn = void (*)(void* to, int64_t to_step, const void* from, int64_t from_step, int64_t n);
// to[j * to_step + index[j] * scale] op= from[j * from_step], one after the other. Returns n, or
// the first j whose index is not in [0, bound).
using PlaceFn = int64_t (*)(void* to, int64_t to_step, const int64_t* index, int64_t scale,
                            int64_t bound, const void* from, int64_t from_step, int64_t n);

// `dtype` is a DType; null for half types, and for Min and Max of complex ones.
FB_KERNEL(RowFn, find_row_op, (int dtype, RowOp op));
FB_KERNEL(PlaceFn, find_place_op, (int dtype, RowOp op));

}  // namespace flambeau
