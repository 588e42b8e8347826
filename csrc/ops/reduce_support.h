// What the impl functions of reductions share: which dimensions go, and the shape that is left.
#pragma once
#include "cpu/reduce.h"
#include "ops/op_types.h"

namespace flambeau {

struct Reduced {
  uint64_t mask = 0;  // a bit per dimension that is folded
  int64_t count = 1;  // elements per result
  Dims kept, result;  // sizes with 1 for folded dimensions; sizes of the result

  // No dimensions, or an empty list, stand for all of them.
  Reduced(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, const char* op);
  Tensor make(const Tensor& self, DType dtype, const char* op) const;
  // Gives `out`, made with `kept`, its final sizes.
  Tensor shaped(Tensor out) const;
};

// The type in which elements of `t` are folded.
DType fold_dtype(DType t);
void as_is_double(const void* states, int64_t n, void* values, double scale);
void as_is_int64(const void* states, int64_t n, void* values, double scale);
// `t` with size 1 where a folded dimension only repeats (stride 0); *repeats counts how often.
Tensor without_repeats(const Tensor& t, uint64_t mask, double* repeats);

}  // namespace flambeau
