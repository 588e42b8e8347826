// Matrix multiplication of every dtype but bool, on raw memory. Runs with or without the GIL,
// spreads over the thread pool, and gives the same bits for any number of threads.
#pragma once
#include <cstdint>

#include "core/dtype.h"
#include "cpu/kernels/gemm_kernels.h"

namespace flambeau {

enum class Activation : uint8_t { None, Relu };

// A factor in whichever form the dtype needs.
struct GemmScalar {
  double real, imag = 0;
  int64_t integer;
  GemmScalar(int value) : GemmScalar(static_cast<int64_t>(value)) {}
  GemmScalar(int64_t value) : real(static_cast<double>(value)), integer(value) {}
  GemmScalar(double value, double imaginary = 0)
      : real(value), imag(imaginary), integer(static_cast<int64_t>(value)) {}
};

// C = activation(alpha A B + beta C + bias) with A[m,k], B[k,n], C[m,n].
// Strides are in elements. A and B may have any, also zero and negative ones; in C the elements of
// a row or those of a column must be adjacent, and C must not overlap A, B or a bias. C is not
// read when beta is 0, and neither A nor B when alpha is 0. All arrays are of type `dtype`.
// float16 and bfloat16 are computed in float and rounded once.
struct GemmArgs {
  DType dtype = DType::Float32;
  int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;
  int64_t a_row = 0, a_col = 0;
  const void* b = nullptr;
  int64_t b_row = 0, b_col = 0;
  void* c = nullptr;
  int64_t c_row = 0, c_col = 1;
  GemmScalar alpha = 1, beta = 0;
  bool conj_a = false, conj_b = false;       // complex dtypes: conjugate the operand
  const void* row_bias = nullptr;            // m values, adjacent: one for each row of C
  const void* col_bias = nullptr;            // n values, adjacent: one for each column of C
  Activation activation = Activation::None;  // of floating dtypes
};

// Throws Error: Runtime for bool, for strides of C that it cannot write, and for an activation of a
// dtype that has none.
void gemm(const GemmArgs& args);

// `batch` products; operand number i begins i times its batch stride (in elements) further on.
// A batch stride of 0 shares an operand. The biases are shared.
void gemm_batched(const GemmArgs& args, int64_t batch, int64_t a_batch, int64_t b_batch,
                  int64_t c_batch);

// The part of gemm() for complex dtypes, T being that of the parts: c_col is 1, C not empty.
template <class T>
void gemm_complex(const GemmArgs& args);

// ---- products whose operands are made while they are packed ------------------------------------

// Writes `lanes` rows of A (columns of B) of product number `batch`, from number `lane` on, for
// the steps [k0, k0 + k), as panels of `width` lanes: element (i, p) of panel number w goes to
// packed[(w * k + p) * width + i]; lanes missing in the last panel are written as zeros. `lane` is
// a multiple of the width. Called on pool threads, several at once.
template <class T>
struct GemmPacker {
  void (*pack)(const void* context, int64_t batch, int64_t lane, int64_t lanes, int64_t k0,
               int64_t k, int width, T* packed) = nullptr;
  const void* context = nullptr;
  bool shared = false;  // the same for every product of the batch
};

template <class T>
struct PackedGemm {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  GemmPacker<T> a, b;
  T* c = nullptr;
  int64_t ldc = 0, c_batch = 0;  // rows of C have adjacent elements
  T alpha = 1, beta = 0;
  const T* row_bias = nullptr;
  const T* col_bias = nullptr;
  bool relu = false;
  // If A is in memory as T, it may be read in place where packing it would not pay.
  const T* a_as_it_lies = nullptr;
  int64_t a_row = 0, a_col = 0, a_batch = 0;
};

// For T = float, double, uint32_t, uint64_t.
template <class T>
void packed_gemm(const PackedGemm<T>& job);

// Ready packers for matrices in memory: lane_stride is the distance of rows of A (columns of B).
template <class T>
struct StridedOperand {
  GemmSource source;
  const void* data;
  int64_t lane_stride, k_stride, batch_stride;
  GemmPacker<T> as_a() const;
  GemmPacker<T> as_b() const;
};

}  // namespace flambeau
