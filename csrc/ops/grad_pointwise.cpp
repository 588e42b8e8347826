#include "ops/grad_pointwise.h"

#include "ops/grad_helpers.h"
#include "ops_compare.h"
#include "ops_complex.h"
#include "ops_create.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau::grad {

namespace {

const Complex128 kImaginaryUnit(0, 1);

// value where |z| > 0, else 0.
Tensor zero_at_origin(const Tensor& z, const Tensor& value) {
  return ops::where(ops::eq(z, number_tensor(0)), number_tensor(0), value);
}

}  // namespace

Tensor sgn_grad(const Tensor& g, const Tensor& self, const Tensor& y) {
  if (!is_complex(self.dtype())) return ops::zeros_like(g);
  // Only the part of g across the direction of y turns the result.
  const Tensor along = ops::mul(y, ops::real(ops::mul(ops::conj(y), g)));
  return zero_at_origin(self, ops::div(ops::sub(g, along), ops::abs(self)));
}

Tensor angle_grad(const Tensor& g, const Tensor& self) {
  if (!is_complex(self.dtype())) return ops::zeros_like(g);
  const Tensor turned = ops::mul(self, number_tensor(Scalar(kImaginaryUnit)));
  const Tensor square = ops::real(ops::mul(self, ops::conj(self)));
  return zero_at_origin(self, ops::mul(g, ops::div(turned, square)));
}

Tensor imag_grad(const Tensor& g) { return ops::mul(g, number_tensor(Scalar(kImaginaryUnit))); }

Tensor contiguous_grad(const Tensor& g) {
  return g.is_contiguous() ? g : ops::clone(g, MemoryFormat::Contiguous);
}

}  // namespace flambeau::grad
