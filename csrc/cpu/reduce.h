// Reductions over any dimensions of a tensor of any layout: sums, extremes, moments and so on, one
// engine for all. See kernels/fold.h for what is computed in one block.
#pragma once
#include "core/tensor.h"
#include "cpu/kernels/fold.h"

namespace flambeau {

// Turns n states into n values of a FoldResult's type.
using FinishFn = void (*)(const void* states, int64_t n, void* values, double param);

// One result of a reduction: `finish` gives values of type `from`, which are converted to the type
// of `out` and stored there. `out` has the sizes of the input with 1 for reduced dimensions.
struct FoldResult {
  Tensor out;
  FinishFn finish;
  DType from;
  double param = 0;
};

// Folds `in` over the dimensions in `reduced` (a bit each). Elements are converted to `compute`
// (Float32, Float64, Int64, Bool, Complex64 or Complex128) first. Blocks are combined pairwise in
// an order that depends on the shape and layout alone, so results do not depend on the number of
// threads. ArgMax and ArgMin take one dimension, or all of a contiguous tensor.
// Neither `in` nor its reduced dimensions may be empty.
void fold(FoldOp op, const Tensor& in, uint64_t reduced, DType compute, double param,
          const FoldResult* results, int count);

}  // namespace flambeau
