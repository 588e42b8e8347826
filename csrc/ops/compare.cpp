// Comparisons that are not an expression.
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "impl_compare.h"
#include "ops_compare.h"
#include "ops_complex.h"
#include "ops_shape.h"

namespace flambeau::impl {

void check_isposinf(const Tensor& self) {
  FB_CHECK(!is_complex(self.dtype()), "isposinf does not support complex inputs.");
}
void check_isneginf(const Tensor& self) {
  FB_CHECK(!is_complex(self.dtype()), "isneginf does not support complex inputs.");
}

Tensor isreal(const Tensor& self) {
  if (is_complex(self.dtype())) return ops::eq(ops::imag(self), number_tensor(0));
  Tensor out = empty_like(self, DType::Bool);
  if (!out.is_meta()) fill_elements(out, true);
  return out;
}

Tensor isclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  const DType t = self.dtype();
  FB_CHECK(t == other.dtype(), type_name(t), " did not match ", type_name(other.dtype()));
  FB_CHECK(rtol >= 0, "rtol must be greater than or equal to zero, but got ", rtol);
  FB_CHECK(atol >= 0, "atol must be greater than or equal to zero, but got ", atol);
  if (!is_integral(t)) return ops::_isclose(self, other, rtol, atol, equal_nan);
  if (rtol == 0 && atol == 0) return ops::eq(self, other);
  // float64 holds integers up to 2^53 exactly; beyond, equal ones stay equal.
  return ops::_isclose(ops::_to_copy(self, DType::Float64), ops::_to_copy(other, DType::Float64),
                       rtol, atol, equal_nan);
}

}  // namespace flambeau::impl
