// Operators that work element by element: one description per operator, one driver for all.
#pragma once
#include "core/tensor.h"
#include "cpu/dispatch.h"
#include "cpu/kernels/pointwise_fn.h"

namespace flambeau {

enum class Promotion : uint8_t {
  Default,     // the common type of the operands
  IntToFloat,  // the same, integers and bool become the default float type
  BoolToInt,   // the same, bool becomes int64
};
enum class OutputType : uint8_t {
  Same,  // the type computed in
  Bool,  // a mask
  Real,  // complex operands give their real type (abs, angle)
};

inline constexpr int kMaxPointwiseInputs = 8;
inline constexpr int kMaxPointwiseParams = 4;
inline constexpr int kParamStride = 16;

struct PointwiseOp {
  const char* name;  // for errors
  uint8_t inputs, params;
  Promotion promotion;
  OutputType output;
  uint8_t mask_inputs;       // bit i: in[i] is a condition, it takes no part in promotion
  uint8_t promoting_params;  // bit i: params[i] takes part in promotion as a Python number
  uint16_t dtypes;           // bit per DType that may be computed in (half types: their own bits)
  // Per instruction set, indexed by DType; null where there is no kernel. Half types use Float32's.
  const PointwiseFn* kernels[kCpuLevels];
  uint16_t vectors = 0;  // bit per DType whose operands the kernel takes in all forms
};

// Computes into a new tensor, which keeps the layout of dense inputs, or into *out. There the
// result must be castable to out's type; if *out is one of the inputs (in-place) its shape must be
// the broadcast one, else it is resized as prepare_out() does. Raises when out overlaps itself, or
// an input in part. Tensors on the meta device give a meta result; numbers and 0-d tensors of the
// CPU mix with them. A result of numbers only is a number (is_number), in double precision.
Tensor pointwise(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
                 const Tensor* out = nullptr);

// PyTorch's rule for mixed operands: tensors with dimensions outrank 0-d ones, which outrank Python
// numbers, unless the lower rank brings a higher category (bool < int < float < complex).
struct PromotionState {
  DType dims, zeros, numbers;
  bool has_dims = false, has_zeros = false, has_numbers = false;
  void add(const Tensor& t);
  void add(const Scalar& s);
  DType result() const;
};
DType result_type(const Tensor& a, const Tensor& b);

// What every operator with out= does first: the result's type must be castable to out's, and `out`
// is resized to the result's sizes, with a warning (warn_hook) if it had elements.
void prepare_out(const Tensor& out, const Dims& sizes, DType dtype, const char* op);
// Raises when writing to `out` would reach the same memory twice, or memory of `input` that belongs
// to another of its positions.
void check_overlap(const Tensor& out, const Tensor* const* inputs, int count, const char* op);
// "Float", "Long", ...: the names that error messages about types use.
const char* type_name(DType t);

}  // namespace flambeau
