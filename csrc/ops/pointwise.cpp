// The few element-wise operators that are not an expression.
#include "impl_pointwise.h"
#include "ops_pointwise.h"

namespace flambeau::impl {

Tensor conj(const Tensor& self) { return is_complex(self.dtype()) ? ops::_conj(self) : self; }

Tensor real(const Tensor& self) {
  if (!is_complex(self.dtype())) return self;
  Dims strides = self.strides();
  for (int64_t& s : strides) s *= 2;
  return tensor_from_storage(self->storage, to_real(self.dtype()), self.sizes(), strides,
                             self.offset() * 2);
}

}  // namespace flambeau::impl
