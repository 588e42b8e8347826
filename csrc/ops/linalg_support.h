// Batches of matrices for LAPACK: checks, copies column by column, and the walk over a batch.
#pragma once
#include <atomic>

#include "core/blocking.h"
#include "cpu/lapack.h"
#include "cpu/thread_pool.h"
#include "ops/op_types.h"

namespace flambeau {

// Raises unless `a` is at least 2-d (and square) of float32, float64, complex64 or complex128, with
// sizes that LAPACK can take.
void check_matrix(const Tensor& a, const char* op, bool square, const char* name = "A");
void check_same(const Tensor& a, const Tensor& b, const char* op);
inline int64_t rows(const Tensor& a) { return a.size(a.dim() - 2); }
inline int64_t columns(const Tensor& a) { return a.size(a.dim() - 1); }
Dims batch_of(const Tensor& a);
// batch + the given sizes.
Dims with_batch(const Dims& batch, std::initializer_list<int64_t> sizes);
// Fresh matrices whose columns are adjacent, uninitialised or with the elements of `a`.
Tensor empty_columns(const Dims& sizes, DType dtype, Device device, const char* op);
Tensor copy_columns(const Tensor& a, const char* op);
// `a` with its batch dimensions broadcast.
Tensor expand_batch(const Tensor& a, const Dims& batch);
int64_t batch_count(const Tensor& a);

// Calls f.operator()<T>() for the four types of LAPACK.
template <class F>
void visit_lapack(DType t, F&& f) {
  switch (t) {
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    case DType::Complex64: return f.template operator()<Complex64>();
    default: return f.template operator()<Complex128>();
  }
}

// Calls f(i) for every matrix of a batch; `work` is the cost of one in multiplications.
template <class F>
void for_matrices(int64_t batch, double work, F&& f) {
  BlockingRegion region(static_cast<double>(batch) * work > 1e5);
  parallel_for(batch, static_cast<int64_t>(std::max(1.0, 1e5 / (work + 1))),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) f(i);
               });
}

// Raises linalg's error for the first matrix whose info is not 0.
void check_infos(const Tensor& infos, const char* op, const char* what);

}  // namespace flambeau
