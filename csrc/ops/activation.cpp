// Checks of activation functions, and those that choose among expressions.
#include "cpu/copy.h"
#include "impl_activation.h"
#include "ops_activation.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau::impl {

void check_relu(const Tensor& self) {
  FB_CHECK(self.dtype() != DType::Bool, "Boolean inputs not supported for relu");
}

void check_hardtanh(const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
  FB_CHECK_VALUE(min_val.to_double() <= max_val.to_double(),
                 "hardtanh(): min_val cannot be greater "
                 "than max_val, got ",
                 min_val, " and ", max_val);
  FB_CHECK(self.dtype() != DType::UInt8 || min_val.to_double() >= 0,
           "cannot do hardtanh on an "
           "unsigned type with negative limits");
}

void check_celu(const Tensor&, const Scalar& alpha) {
  FB_CHECK(!(alpha == 0.0), "ZeroDivisionError: alpha cannot be 0 for CELU");
}

void check_softshrink(const Tensor&, const Scalar& lambd) {
  FB_CHECK(lambd.to_double() >= 0,
           "softshrink(): lambda must be greater or equal to 0, but found to "
           "be ",
           lambd);
}

Tensor prelu(const Tensor& self, const Tensor& weight) {
  FB_CHECK(weight.dim() <= 1,
           "prelu(): Expected `weight` to be a scalar or 1D tensor, but got: ndim "
           "= ",
           weight.dim());
  if (weight.numel() == 1) return ops::_prelu(self, ops::reshape(weight, Dims()));
  FB_CHECK(self.dim() > 0, "Not allow zero-dim input tensor.");
  const int64_t channels = self.dim() > 1 ? self.size(1) : 1;
  FB_CHECK(channels == weight.numel(),
           "Mismatch of parameter numbers and input channel size. Found "
           "parameter numbers = ",
           weight.numel(), " and channel size = ", channels, ".");
  Dims shape(self.dim());
  for (int64_t& s : shape) s = 1;
  shape[1] = channels;
  return ops::_prelu(self, ops::reshape(weight, shape));
}

Tensor _rrelu_slopes(const Tensor& self, double lower, double upper, Generator* generator) {
  Tensor out = empty(self.sizes(), self.dtype(), self.device(), "rrelu");
  if (out.is_meta()) return out;
  Generator& source = generator ? *generator : default_generator();
  const Tensor in = contiguous(self);
  visit_floating(self.dtype(), "rrelu", [&]<class T>() {
    const T* x = in.data<T>();
    T* slope = out.data<T>();
    // The bounds are numbers of the type computed in; what lies between is drawn in double.
    const double low = static_cast<compute_t<T>>(lower), high = static_cast<compute_t<T>>(upper);
    for (int64_t i = 0; i < in.numel(); ++i) {
      // Only negative elements draw a number.
      const bool draw = static_cast<double>(x[i]) <= 0;
      slope[i] = static_cast<T>(draw ? source.uniform() * (high - low) + low : 1.0);
    }
  });
  return out;
}

Tensor rrelu(const Tensor& self, double lower, double upper, bool training, Generator* generator) {
  FB_CHECK(lower <= upper,
           "rrelu(): Lower bound should be less than or equal to the upper bound, got ", lower,
           " and ", upper);
  if (!training) return ops::leaky_relu(self, Scalar((lower + upper) / 2));
  return ops::mul(self, ops::_rrelu_slopes(self, lower, upper, generator));
}

Tensor gelu(const Tensor& self, const std::string& approximate) {
  FB_CHECK(approximate == "none" || approximate == "tanh",
           "approximate argument must be either none "
           "or tanh, got '",
           approximate, "'");
  return approximate == "tanh" ? ops::_gelu_tanh(self) : ops::_gelu(self);
}

Tensor softsign(const Tensor& self) {
  if (!is_complex(self.dtype())) return ops::_softsign(self);
  return ops::div(self, ops::add(ops::abs(self), number_tensor(Scalar(1))));
}

}  // namespace flambeau::impl
