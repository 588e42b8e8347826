// Moving elements between layouts and types.
#pragma once
#include "core/tensor.h"
#include "cpu/dispatch.h"
#include "cpu/kernels/convert.h"

namespace flambeau {

// n elements from src to dst, which may not overlap; strides in bytes, 0 repeats the source.
using ConvertFn = void (*)(const void* src, int64_t src_stride, void* dst, int64_t dst_stride,
                           int64_t n);
inline ConvertFn convert_fn(DType from, DType to) {
  return find_convert(static_cast<int>(from), static_cast<int>(to));
}

// dst[...] = src[...] with broadcasting and conversion. The two may overlap: the result is that of
// a copy through a temporary. No history, no version: the caller's task.
// Raises when src does not broadcast to dst's shape or when positions of dst share memory.
void copy_elements(const Tensor& dst, const Tensor& src, const char* op = "copy_");
// Raises when the number is beyond the range of dst's type.
void fill_elements(const Tensor& dst, const Scalar& value);

Tensor contiguous(const Tensor& t);             // itself when it already is
Tensor to_dtype(const Tensor& t, DType dtype);  // itself when it already is; no history
Tensor clone_elements(const Tensor& t);         // a fresh tensor, dense layouts kept

}  // namespace flambeau
