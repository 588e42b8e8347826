// Shared by the files of the index and sort families.
#pragma once
#include "cpu/copy.h"
#include "cpu/index.h"
#include "cpu/pointwise.h"
#include "ops/op_types.h"

namespace flambeau {

// An index argument: int32 or int64, made contiguous int64. RuntimeError for other types.
Tensor checked_index(const Tensor& index, const char* op);
// The positions of true elements in row-major order, as one int64 vector of flat positions.
Tensor flat_positions(const Tensor& mask);
// The columns of those positions, one int64 vector per dimension.
TensorList position_columns(const Tensor& flat, const Dims& sizes);
// Masks turned into integer indices; what is left is int64. Raises IndexError for other types,
// masks of another shape and too many indices.
TensorList integer_indices(const Tensor& self, const TensorList& indices);
// Zeros like `like` in type and device.
Tensor zeros_of(const Tensor& like, const Dims& sizes);
// An alias expanded to `sizes`, which it must broadcast to; no history.
Tensor expanded(const Tensor& t, const Dims& sizes);
// `values` without history, contiguous, not sharing memory with `self`.
Tensor separate_values(const Tensor& values, const Tensor& self);

// Runs f(target, values) on float copies when the type is a half type, and stores the result.
template <class F>
void accumulate_wide(const Tensor& self, const Tensor& values, F&& f) {
  if (!is_half(self.dtype())) {
    f(self, values);
    return;
  }
  const Tensor wide = to_dtype(self, DType::Float32);
  f(wide, to_dtype(values, DType::Float32));
  copy_elements(self, wide);
}

// windows_sum() that adds half types up in float.
void sum_wide(const Windows& w, const Tensor& out, const Tensor& values);

}  // namespace flambeau
