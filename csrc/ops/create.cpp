#include "cpu/copy.h"
#include "impl_create.h"
#include "ops/layout.h"

namespace flambeau::impl {

namespace {

Tensor filled(Tensor t, const Scalar& value) {
  if (!t.is_meta()) fill_elements(t, value);
  return t;
}

Tensor like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
            std::optional<MemoryFormat> format) {
  return empty_in_format(self, dtype.value_or(self.dtype()), device.value_or(self.device()),
                         format.value_or(MemoryFormat::Preserve));
}

}  // namespace

Tensor zeros(const Dims& size, std::optional<DType> dtype, std::optional<Device> device) {
  return filled(empty(size, dtype.value_or(default_dtype()), device.value_or(kCpu), "zeros"), 0);
}

Tensor zeros_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                  std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, device, format), 0);
}

Tensor ones_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                 std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, device, format), 1);
}

}  // namespace flambeau::impl
