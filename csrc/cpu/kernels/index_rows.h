// Rows of elements combined in place: to[i] = to[i] op from[i].
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class RowOp : int { Add, Mul, Min, Max };  // Min and Max pass NaN on
inline constexpr int kRowOps = 4;

// Rows that find each other through tables. Entry k < n, or entries[k] where `entries` is given, is
// the row at to + table[entry] elements, and the row number `entry`, or source[entry], of what
// comes to it.
struct RowList {
  const int64_t* table;
  const int64_t* entries = nullptr;
  const int64_t* source = nullptr;
  int64_t n = 0;
};
// Combines rows of `length` elements, one after the other. Steps, from_row too, are in elements;
// from_step 0 repeats one element.
using RowsFn = void (*)(void* to, int64_t to_step, const RowList& rows, const void* from,
                        int64_t from_row, int64_t from_step, int64_t length);
// to[j * to_step + index[j] * scale] op= from[j * from_step], one after the other. Returns n, or
// the first j whose index is not in [0, bound).
using PlaceFn = int64_t (*)(void* to, int64_t to_step, const int64_t* index, int64_t scale,
                            int64_t bound, const void* from, int64_t from_step, int64_t n);

// `dtype` is a DType; null for half types, and for Min and Max of complex ones.
FB_KERNEL(RowsFn, find_rows_op, (int dtype, RowOp op));
FB_KERNEL(PlaceFn, find_place_op, (int dtype, RowOp op));

// to[k] = p[k] * stride, or is added to what is there. Indices from `least` on, 0 or -size, are in
// range; negative ones count from the end. False if one is not: the offsets are of no use then.
FB_KERNEL(bool, index_offsets,
          (int64_t* to, bool add, const int64_t* p, int64_t n, int64_t size, int64_t least,
           int64_t stride));

// Row k of `to`, which lie one behind the other, becomes the row at from + table[k] * item. Sizes
// are in bytes.
FB_KERNEL(void, gather_rows,
          (char* to, const char* from, const int64_t* table, int64_t item, int64_t n,
           int64_t row_bytes));

// The other way round: the rows of a list, without `source`, become those at from + entry *
// from_row bytes, one after the other.
FB_KERNEL(void, put_rows,
          (char* to, const RowList& rows, const char* from, int64_t from_row, int64_t item,
           int64_t row_bytes));

}  // namespace flambeau
