// Leaves of reductions: blocks small enough for the first-level cache, folded into states. How the
// states of blocks are combined, and in which order, is the task of cpu/reduce.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class FoldOp : int {
  Sum,
  NanSum,
  Prod,
  Max,
  Min,
  SumAbs,
  SumSquares,
  SumAbsPow,
  CountNonzero,
  MaxAbs,
  MinAbs,
  ArgMax,
  ArgMin,
  Moments,
  LogSumExp,
  All,
  Any
};
// The types that are folded; others are converted to one of them block by block. Those
// from Int32 on have few operators; their states are those of Int64 and of Float. A Flag is a bool.
enum class FoldType : int {
  Float,
  Double,
  Int64,
  Byte,
  ComplexFloat,
  ComplexDouble,
  Int32,
  Int16,
  Int8,
  UInt8,
  Flag,
  Float16,
  BFloat16
};

// States. The simple operators have a double (floats), an int64_t or a byte of 0 and 1.
template <class V>
struct ArgState {
  V value;        // double or int64_t
  int64_t index;  // of its first occurrence; the first NaN wins over all numbers
};
struct Moments {
  double count, mean, m2;  // m2: the sum of squared deviations from the mean
};
struct ExpSum {
  double max, sum;  // of exp(x - max)
};
struct ComplexState { double re, im; };

inline constexpr int64_t kFoldColumns = 512;  // most columns of one leaf
inline constexpr int64_t kFoldRows = 64;      // most rows of a leaf of columns
inline constexpr int64_t kMaxStateBytes = 24;

struct FoldFns {
  // states[r] = the fold of n neighbours of row r; strides in bytes; 1 <= n <= block.
  void (*rows)(const void* x, int64_t stride, int64_t rows, int64_t n, void* states, double param);
  // states[c] = the fold of column c over the rows; 1 <= rows <= kFoldRows, cols <= kFoldColumns.
  void (*columns)(const void* x, int64_t stride, int64_t rows, int64_t cols, void* states,
                  double param);
  // into[i] = into[i] combined with from[i], which began `offset` steps later.
  void (*combine)(void* into, const void* from, int64_t count, int64_t offset);
  int64_t state_bytes, block;
};
// Null functions where the operator has no meaning for the type. `op` and `type` are the enums.
FB_KERNEL(FoldFns, find_fold, (int op, int type));
FB_KERNEL(FoldFns, find_fold_special, (int op, int type));  // Arg, Moments, LogSumExp, complex

}  // namespace flambeau
