// What the element-wise operators check beforehand, and the few that are not an expression.
#include <cmath>

#include "cpu/pointwise.h"
#include "impl_pointwise.h"
#include "impl_unary.h"
#include "ops_complex.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau::impl {

namespace {

constexpr const char* kInvert =
    " If you are trying to invert a mask, use the `~` or "
    "`logical_not()` operator instead.";

bool is_bool(const Tensor& t) { return t.dtype() == DType::Bool; }

}  // namespace

// ---- checks

void check_alpha(const Tensor& self, const Tensor& other, const Scalar& alpha) {
  if (alpha.is_integral() && !alpha.is_bool()) return;
  const DType type = result_type(self, other);
  FB_CHECK(!alpha.is_bool() || type == DType::Bool,
           "Boolean alpha only supported for Boolean "
           "results.");
  FB_CHECK(is_floating(type) || is_complex(type) || alpha.is_integral(),
           "For integral input "
           "tensors, argument alpha must not be a floating point number.");
  FB_CHECK(is_complex(type) || !alpha.is_complex(),
           "For non-complex input tensors, argument alpha "
           "must not be a complex number.");
}

void check_sub(const Tensor& self, const Tensor& other, const Scalar& alpha) {
  const bool first = is_bool(self), second = is_bool(other);
  FB_CHECK(!first || !second || other->is_number,
           "Subtraction, the `-` operator, with two bool "
           "tensors is not supported. Use the `^` or `logical_xor()` operator instead.");
  FB_CHECK(!first && !second, "Subtraction, the `-` operator, with a bool tensor is not supported.",
           kInvert);
  check_alpha(self, other, alpha);
}

void check_neg(const Tensor& self) {
  FB_CHECK(!is_bool(self), "Negation, the `-` operator, on a bool tensor is not supported.",
           kInvert);
}

void check_addcdiv(const Tensor&, const Tensor& tensor1, const Tensor& tensor2, const Scalar&) {
  FB_CHECK(!is_integral(tensor1.dtype()) || !is_integral(tensor2.dtype()),
           "Integer division with "
           "addcdiv is no longer supported. Use self + value * torch.trunc(tensor1 / tensor2) or "
           "self + value * tensor1.to(a floating type) / tensor2.");
}

void check_lerp(const Tensor& self, const Tensor& end, const Tensor& weight) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !is_integral(self.dtype()),
                "\"lerp\" not implemented for '", type_name(self.dtype()), '\'');
  FB_CHECK(self.dtype() == end.dtype(), "lerp(): expected dtype ", name(self.dtype()),
           " for `end` but got dtype ", name(end.dtype()));
  FB_CHECK(weight->is_number || weight.dtype() == self.dtype(), "lerp(): expected dtype ",
           name(self.dtype()), " for `weight` but got dtype ", name(weight.dtype()));
}

void check_pow(const Tensor& self, const Tensor& exponent) {
  if (!exponent->is_number) return;
  FB_CHECK_TYPE(!self->is_number,
                "pow() received an invalid combination of arguments - got two "
                "numbers, but expected a tensor and a number, or two tensors");
  if (!is_integral(self.dtype()) || !is_integral(exponent.dtype())) return;
  FB_CHECK(item(exponent).to_int() >= 0, "Integers to negative integer powers are not allowed.");
}

void check_bitwise_not(const Tensor& self) {
  FB_CHECK_TYPE(is_integral(self.dtype()),
                "~ (operator.invert) is only implemented on integer and "
                "Boolean-type tensors");
}

void check_where(const Tensor& condition, const Tensor&, const Tensor&) {
  const DType t = condition.dtype();
  FB_CHECK(t == DType::Bool || t == DType::UInt8,
           "where expected condition to be a boolean tensor, "
           "but got a tensor with dtype ",
           type_name(t));
}

void check_sign(const Tensor& self) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !is_complex(self.dtype()),
                "Unlike NumPy, torch.sign is "
                "not intended to support complex numbers. Please use torch.sgn instead.");
}

void check_heaviside(const Tensor& self, const Tensor& values) {
  FB_CHECK(!is_complex(self.dtype()) && !is_complex(values.dtype()),
           "heaviside is not yet "
           "implemented for complex tensors.");
  FB_CHECK(self.dtype() == values.dtype(),
           "heaviside is not yet implemented for tensors with "
           "different dtypes.");
}

// ---- operators

Tensor positive(const Tensor& self) {
  FB_CHECK(!is_bool(self), "The `+` operator, on a bool tensor is not supported.");
  return self;
}

Tensor div_mode(const Tensor& self, const Tensor& other,
                const std::optional<std::string>& rounding_mode) {
  if (!rounding_mode) return ops::div(self, other);
  if (*rounding_mode == "floor") return ops::floor_divide(self, other);
  if (*rounding_mode == "trunc") return ops::_trunc_divide(self, other);
  fail(ErrorKind::Runtime,
       "div expected rounding_mode to be one of None, 'trunc', or 'floor' but "
       "found '",
       *rounding_mode, "'");
}

Tensor float_power(const Tensor& self, const Tensor& exponent) {
  const bool complex = is_complex(self.dtype()) || is_complex(exponent.dtype());
  const DType type = complex ? DType::Complex128 : DType::Float64;
  return ops::pow(ops::_to_copy(self, type),
                  exponent->is_number ? exponent : ops::_to_copy(exponent, type));
}

Tensor float_power_(const Tensor& self, const Tensor& exponent) {
  const bool complex = is_complex(self.dtype()) || is_complex(exponent.dtype());
  const DType type = complex ? DType::Complex128 : DType::Float64;
  FB_CHECK(self.dtype() == type, "the base given to float_power_ has dtype ",
           type_name(self.dtype()), " but the operation's result requires dtype ", type_name(type));
  return ops::pow_(self, exponent->is_number ? exponent : ops::_to_copy(exponent, type));
}

Tensor clamp_none(const Tensor&, const Tensor&, const Tensor&) {
  fail(ErrorKind::Runtime, "torch.clamp: At least one of 'min' or 'max' must not be None");
}

Tensor round_decimals(const Tensor& self, int64_t decimals) {
  if (decimals == 0) return ops::round(self);
  const double power = std::pow(10.0, std::abs(static_cast<double>(decimals)));
  return ops::_round_scaled(self, decimals > 0 ? power : 1.0, decimals > 0 ? 1.0 : power);
}

Tensor logit(const Tensor& self, std::optional<double> eps) {
  return eps ? ops::_logit_within(self, *eps) : ops::_logit(self);
}

Tensor nan_to_num(const Tensor& self, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  const DType t = self.dtype();
  if (is_integral(t)) return ops::clone(self);
  if (is_complex(t)) {
    const Tensor parts = nan_to_num(ops::view_as_real(self), nan, posinf, neginf);
    return ops::view_as_complex(parts);
  }
  const double largest = t == DType::Float64    ? std::numeric_limits<double>::max()
                         : t == DType::Float32  ? std::numeric_limits<float>::max()
                         : t == DType::BFloat16 ? 0x1.fep127
                                                : 65504.0;
  return ops::_nan_to_num(self, nan.value_or(0.0), posinf.value_or(largest),
                          neginf.value_or(-largest));
}

}  // namespace flambeau::impl
