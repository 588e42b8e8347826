// Checks of special functions, and those made of several.
#include <cmath>

#include "autograd/autograd.h"
#include "impl_special.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_special.h"

namespace flambeau::impl {

void check_polygamma(int64_t n, const Tensor&) {
  FB_CHECK(n >= 0, "polygamma(n, x) does not support negative n.");
}

void check_zeta(const Tensor& self, const Tensor&) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !needs_grad(self),
                "the derivative for 'zeta' with respect "
                "to its first argument is not implemented; detach() it");
}

void check_igamma(const Tensor& self, const Tensor&) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !needs_grad(self),
                "the derivative for 'igamma' with "
                "respect to its first argument is not implemented; detach() it");
}

void check_constant(const Tensor& self) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !needs_grad(self),
                "the derivative of this special function "
                "is not implemented; detach() its argument");
}

void check_constants(const Tensor& self, const Tensor& n) {
  check_constant(self);
  check_constant(n);
}

// DLMF 35.3.4: log Gamma_p(x) = p (p - 1) / 4 log(pi) + sum over j < p of log Gamma(x - j / 2).
Tensor mvlgamma(const Tensor& self, int64_t p) {
  FB_CHECK(p >= 1, "mvlgamma(): p has to be greater than or equal to 1, got ", p);
  FB_CHECK(p <= 1 << 16, "mvlgamma(): p must be at most 65536, got ", p);
  const double order = static_cast<double>(p);
  Tensor sum = ops::lgamma(self);
  for (int64_t j = 1; j < p; ++j) {
    const double shift = -0.5 * static_cast<double>(j);
    sum = ops::add(sum, ops::lgamma(ops::add(self, number_tensor(Scalar(shift)))));
  }
  return ops::add(sum, number_tensor(Scalar(order * (order - 1) / 4 * std::log(M_PI))));
}

}  // namespace flambeau::impl
