// Products of raw tensors: shapes are right, no history is recorded.
#pragma once
#include "cpu/gemm.h"
#include "ops/op_types.h"

namespace flambeau {

// An operand as the last two dimensions of a tensor, plain, transposed, or conjugated too.
enum class Orient : uint8_t { Plain, Transposed, Adjoint };

struct ProductOptions {
  Orient a = Orient::Plain, b = Orient::Plain;
  GemmScalar alpha = 1, beta = 0;    // beta: the output's old values count
  const Tensor* col_bias = nullptr;  // one value per column, contiguous
};

// out[..., m, n] = a b for operands with two dimensions or more whose batch dimensions broadcast to
// out's. `out` is contiguous.
void multiply_into(const Tensor& out, const Tensor& a, const Tensor& b,
                   const ProductOptions& options);
Tensor multiply(const Tensor& a, const Tensor& b, const ProductOptions& options, const char* op);

// "2x3x4", as error messages write shapes of products.
std::string shape_text(const Dims& sizes);
const char* type_word(DType t);  // "float", "double", ...: C++'s words, which PyTorch's errors use
GemmScalar gemm_scalar(const Scalar& s);
// The device of a result: meta as soon as one operand is.
Device common_device(std::initializer_list<const Tensor*> tensors);

}  // namespace flambeau
