// Elements addressed through tables of indices: rows picked from a tensor, put back or accumulated
// into it, and lines along one dimension (gather and scatter). No autograd, no broadcasting:
// csrc/ops prepares contiguous int64 indices and values.
#pragma once
#include "core/tensor.h"
#include "cpu/kernels/index_rows.h"

namespace flambeau {

// A tensor seen as `before` x `index` x `after`, where the middle positions go through a table of
// offsets. All numbers are in elements.
struct Windows {
  Dims before, before_strides;
  Dims after, after_strides;
  Dims index_sizes;
  Tensor table;  // int64, one offset per index position, checked against the tensor's size

  Dims sizes() const;  // before + index + after
};

// One entry per leading dimension; undefined entries take the dimension whole. The others are
// broadcast against each other, may be negative, and are checked. When they are next to each other
// their dimensions stay in place, else they move to the front. Raises IndexError.
Windows windows_of_indices(const Tensor& self, const TensorList& indices);
// One dimension through a vector of indices, which may not be negative. A 0-d tensor counts as one
// of size [1]. Raises `kind` for indices out of range.
Windows windows_of_dim(const Tensor& self, int64_t dim, const Tensor& index, const char* op,
                       ErrorKind kind = ErrorKind::Index);

// out, contiguous, has w.sizes().
void windows_get(const Windows& w, const Tensor& self, const Tensor& out);
// `values` is contiguous with w.sizes() or a single element that is repeated, and of self's type.
// Where an index occurs more than once the last one wins.
void windows_put(const Windows& w, const Tensor& self, const Tensor& values);
// The same, combining with what is there, in the order of the indices. Not for half types.
void windows_reduce(const Windows& w, const Tensor& self, const Tensor& values, RowOp op);
// The same sums in fresh, contiguous memory: what no index leads to becomes 0. With `source`, index
// i gets block source[i] of the values.
void windows_sum(const Windows& w, const Tensor& out, const Tensor& values,
                 const int64_t* source = nullptr);

// index and out (or src) are contiguous with the same sizes; a src of one element is repeated.
// Index values select along `dim` of self; other dimensions of index must not exceed self's. Raises
// RuntimeError for indices out of range.
void lines_gather(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& out,
                  const char* op);
void lines_put(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
               const char* op);
void lines_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                  RowOp reduce, const char* op);

}  // namespace flambeau
