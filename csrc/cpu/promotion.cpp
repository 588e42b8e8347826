// The type of a result, and what out= tensors must satisfy.
#include <sstream>

#include "cpu/pointwise.h"

namespace flambeau {
namespace {

// A lower rank counts only where it brings a higher category; a float or complex type of the
// higher rank keeps its width.
DType outrank(DType high, DType low) {
  if (is_complex(high)) return high;
  if (is_floating(high)) return is_complex(low) ? to_complex(high) : high;
  const bool lifts = high == DType::Bool || !is_integral(low);
  return lifts ? promote(high, low) : high;
}

void merge(DType& slot, bool& has, DType t) {
  slot = has ? promote(slot, t) : t;
  has = true;
}

DType number_type(DType t) {
  if (is_complex(t)) return to_complex(default_dtype());
  return is_floating(t) ? default_dtype() : t;
}

}  // namespace

void PromotionState::add(const Tensor& t) {
  if (t->is_number)
    merge(numbers, has_numbers, number_type(t.dtype()));
  else if (t.dim() == 0)
    merge(zeros, has_zeros, t.dtype());
  else
    merge(dims, has_dims, t.dtype());
}

void PromotionState::add(const Scalar& s) { merge(numbers, has_numbers, s.dtype()); }

DType PromotionState::result() const {
  bool has = has_numbers;
  DType t = has ? numbers : DType::Float32;
  if (has_zeros) t = has ? outrank(zeros, t) : zeros, has = true;
  if (has_dims) t = has ? outrank(dims, t) : dims;
  return t;
}

DType result_type(const Tensor& a, const Tensor& b) {
  PromotionState state;
  state.add(a);
  state.add(b);
  return state.result();
}

const char* type_name(DType t) {
  static constexpr const char* names[kDTypes] = {
      "Byte",  "Char",   "Short",        "Int",           "Long", "Half",
      "Float", "Double", "ComplexFloat", "ComplexDouble", "Bool", "BFloat16"};
  return names[static_cast<int>(t)];
}

void check_overlap(const Tensor& out, const Tensor* const* inputs, int count, const char* op) {
  FB_CHECK(!has_internal_overlap(out), op,
           "(): unsupported operation: more than one element of the "
           "written-to tensor refers to a single memory location. Please clone() the tensor before "
           "performing the operation.");
  for (int i = 0; i < count; ++i) {
    FB_CHECK(overlap_of(out, *inputs[i]) != Overlap::Partial, op,
             "(): unsupported operation: some "
             "elements of the input tensor and the written-to tensor refer to a single memory "
             "location. Please clone() the tensor before performing the operation.");
  }
}

void prepare_out(const Tensor& out, const Dims& sizes, DType dtype, const char* op) {
  FB_CHECK(can_cast(dtype, out.dtype()), op, "(): result type ", type_name(dtype),
           " can't be cast to the desired output type ", type_name(out.dtype()));
  FB_CHECK(!has_internal_overlap(out), op,
           "(): unsupported operation: more than one element of the "
           "written-to tensor refers to a single memory location. Please clone() the tensor before "
           "performing the operation.");
  if (out.sizes() == sizes) return;
  if (out.numel() != 0 && warn_hook) {
    warn_hook(str("An output with one or more elements was resized since it had shape ",
                  out.sizes(), ", which does not match the required output shape ", sizes,
                  ". This is deprecated:"
                  " pass an output of that shape, or shrink it with out.resize_(0) first.")
                  .c_str());
  }
  checked_numel(sizes, out.itemsize(), op);
  const Dims strides = contiguous_strides(sizes);
  const size_t nbytes = required_bytes(sizes, strides, out.offset(), out.itemsize(), op);
  if (nbytes > out->storage->nbytes) resize_storage(*out->storage.get(), nbytes);
  set_geometry(*out.get(), sizes, strides, out.offset());
}

}  // namespace flambeau
