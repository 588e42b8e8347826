// Views of complex tensors, and their construction.
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "impl_complex.h"
#include "ops_complex.h"

namespace flambeau::impl {

namespace {

Tensor part(const Tensor& self, int64_t which) {
  Dims strides = self.strides();
  for (int64_t& s : strides) s *= 2;
  return tensor_from_storage(self->storage, to_real(self.dtype()), self.sizes(), strides,
                             self.offset() * 2 + which);
}

bool is_complex_part(DType t) { return t == DType::Float32 || t == DType::Float64; }

}  // namespace

Tensor conj(const Tensor& self) { return is_complex(self.dtype()) ? ops::_conj(self) : self; }

Tensor itself(const Tensor& self) { return self; }

Tensor real(const Tensor& self) { return is_complex(self.dtype()) ? part(self, 0) : self; }

Tensor imag(const Tensor& self) {
  FB_CHECK(is_complex(self.dtype()),
           "imag is not implemented for tensors with non-complex dtypes.");
  return part(self, 1);
}

Tensor view_as_real(const Tensor& self) {
  FB_CHECK(is_complex(self.dtype()), "view_as_real is only supported for complex tensors");
  Dims sizes = self.sizes(), strides = self.strides();
  for (int64_t& s : strides) s *= 2;
  sizes.push_back(2);
  strides.push_back(1);
  return tensor_from_storage(self->storage, to_real(self.dtype()), sizes, strides,
                             self.offset() * 2);
}

Tensor view_as_complex(const Tensor& self) {
  FB_CHECK(is_complex_part(self.dtype()),
           "view_as_complex is only supported for float32 and float64 "
           "tensors, but got a tensor of scalar type: ",
           type_name(self.dtype()));
  const int64_t last = self.dim() - 1;
  FB_CHECK(last >= 0, "Input tensor must have one or more dimensions");
  FB_CHECK(self.size(last) == 2, "Tensor must have a last dimension of size 2");
  FB_CHECK(self.stride(last) == 1, "Tensor must have a last dimension with stride 1");
  FB_CHECK(self.offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
  Dims sizes, strides;
  for (int64_t d = 0; d < last; ++d) {
    FB_CHECK(self.stride(d) % 2 == 0,
             "Tensor must have a stride divisible by 2 for all but last "
             "dimension");
    sizes.push_back(self.size(d));
    strides.push_back(self.stride(d) / 2);
  }
  return tensor_from_storage(self->storage, to_complex(self.dtype()), sizes, strides,
                             self.offset() / 2);
}

Tensor complex(const Tensor& real, const Tensor& imag) {
  FB_CHECK(is_complex_part(real.dtype()) && is_complex_part(imag.dtype()),
           "Expected both inputs to "
           "be Float or Double tensors but got ",
           type_name(real.dtype()), " and ", type_name(imag.dtype()));
  FB_CHECK(real.dtype() == imag.dtype(), "Expected object of scalar type ", type_name(real.dtype()),
           " but got scalar type ", type_name(imag.dtype()), " for second argument");
  FB_CHECK(real.device() == imag.device(),
           "complex(): Expected all tensors to be on the same "
           "device, but found at least two devices, ",
           real.device(), " and ", imag.device(), "!");
  const Dims sizes = broadcast_shapes(real.sizes(), imag.sizes(), "complex");
  Tensor out = empty(sizes, to_complex(real.dtype()), real.device(), "complex");
  if (out.is_meta()) return out;
  const Tensor* parts[] = {&real, &imag};
  for (int64_t i = 0; i < 2; ++i) copy_elements(part(out, i), *parts[i], "complex");
  return out;
}

}  // namespace flambeau::impl
