// A dense tensor seen from one dimension: [outer][n][inner] elements in the order of memory.
#pragma once
#include "cpu/copy.h"
#include "ops/op_types.h"

namespace flambeau {

struct Axis { int64_t outer, n, inner; };

// `dim` is wrapped. Any dense layout will do: what varies faster than `dim` is inner.
inline Axis axis_of(const Tensor& dense, int64_t dim) {
  if (dense.dim() == 0) return {1, 1, 1};
  const int64_t n = dense.size(dim);
  if (n <= 1) return {dense.numel(), n, 1};
  const int64_t inner = dense.stride(dim);
  return {dense.numel() == 0 ? 0 : dense.numel() / n / inner, n, inner};
}

inline Tensor dense(const Tensor& t) {
  return is_dense(t.sizes(), t.strides()) ? t : contiguous(t);
}

// `t` in the type and the layout of `like`, which is dense and has the same sizes.
inline Tensor laid_out_like(const Tensor& t, const Tensor& like, DType dtype) {
  if (t.dtype() == dtype && t.strides() == like.strides()) return t;
  Tensor copy = empty_strided(like.sizes(), like.strides(), dtype, like.device());
  copy_elements(copy, t);
  return copy;
}

// The type in which half types are computed.
inline DType wide(DType t) { return is_half(t) ? DType::Float32 : t; }

}  // namespace flambeau
