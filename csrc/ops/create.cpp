// New tensors filled with one value, and tensors overwritten with one.
#include "autograd/grad_mode.h"
#include "cpu/copy.h"
#include "impl_create.h"
#include "ops/layout.h"
#include "ops_create.h"
#include "ops_shape.h"

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

Tensor plain(const Dims& size, std::optional<DType> dtype, std::optional<Device> device,
             const char* op) {
  return flambeau::empty(size, dtype.value_or(default_dtype()), device.value_or(kCpu), op);
}

Tensor new_like(const Tensor& self, const Dims& size, std::optional<DType> dtype,
                std::optional<Device> device, const char* op) {
  return flambeau::empty(size, dtype.value_or(self.dtype()), device.value_or(self.device()), op);
}

}  // namespace

Tensor empty(const Dims& size, std::optional<MemoryFormat> format, std::optional<DType> dtype,
             std::optional<Device> device) {
  if (!format || *format == MemoryFormat::Contiguous) return plain(size, dtype, device, "empty");
  FB_CHECK(*format != MemoryFormat::Preserve,
           "empty(): there is nothing whose memory format could be "
           "preserved; use empty_like()");
  checked_numel(size, 16, "empty");
  return flambeau::empty_strided(size, strides_in_format(size, *format, "empty"),
                                 dtype.value_or(default_dtype()), device.value_or(kCpu), "empty");
}
Tensor zeros(const Dims& size, std::optional<DType> dtype, std::optional<Device> device) {
  return filled(plain(size, dtype, device, "zeros"), 0);
}
Tensor ones(const Dims& size, std::optional<DType> dtype, std::optional<Device> device) {
  return filled(plain(size, dtype, device, "ones"), 1);
}
Tensor full(const Dims& size, const Scalar& fill_value, std::optional<DType> dtype,
            std::optional<Device> device) {
  return filled(plain(size, dtype.value_or(fill_value.dtype()), device, "full"), fill_value);
}
Tensor number(const Scalar& s, std::optional<DType> dtype, std::optional<Device> device) {
  return filled(plain({}, dtype, device, "scalar_tensor"), s);
}
Tensor empty_with_strides(const Dims& size, const Dims& stride, std::optional<DType> dtype,
                          std::optional<Device> device) {
  return flambeau::empty_strided(size, stride, dtype.value_or(default_dtype()),
                                 device.value_or(kCpu), "empty_strided");
}

Tensor empty_permuted(const Dims& size, const Dims& physical_layout, std::optional<DType> dtype,
                      std::optional<Device> device) {
  FB_CHECK(size.size() == physical_layout.size(),
           "empty_permuted: Number of dimensions in size does "
           "not match the length of the physical_layout; i.e. len(size) = ",
           size.size(), " is not equal to len(physical_layout) = ", physical_layout.size());
  const auto ndim = static_cast<int64_t>(size.size());
  for (int64_t d : physical_layout)
    FB_CHECK(d >= 0 && d < ndim,
             "empty_permuted(): Dimension out of range (expected to be between 0 and ", ndim - 1,
             ", but got ", d, "); negative dimensions have no meaning here");
  const Dims order = wrap_dims(physical_layout, ndim, "empty_permuted", false);
  Dims physical(size.size()), strides(size.size());
  for (size_t i = 0; i < order.size(); ++i) physical[i] = size[order[i]];
  checked_numel(physical, 16, "empty_permuted");
  const Dims steps = contiguous_strides(physical);
  for (size_t i = 0; i < order.size(); ++i) strides[order[i]] = steps[i];
  return flambeau::empty_strided(size, strides, dtype.value_or(default_dtype()),
                                 device.value_or(kCpu), "empty_permuted");
}

Tensor empty_like_op(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                     std::optional<MemoryFormat> format) {
  return like(self, dtype, device, format);
}
Tensor zeros_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                  std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, device, format), 0);
}
Tensor ones_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                 std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, device, format), 1);
}
Tensor full_like(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype,
                 std::optional<Device> device, std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, device, format), fill_value);
}

Tensor new_empty(const Tensor& self, const Dims& size, std::optional<DType> dtype,
                 std::optional<Device> device) {
  return new_like(self, size, dtype, device, "new_empty");
}
Tensor new_empty_strided(const Tensor& self, const Dims& size, const Dims& stride,
                         std::optional<DType> dtype, std::optional<Device> device) {
  return flambeau::empty_strided(size, stride, dtype.value_or(self.dtype()),
                                 device.value_or(self.device()), "new_empty_strided");
}
Tensor new_zeros(const Tensor& self, const Dims& size, std::optional<DType> dtype,
                 std::optional<Device> device) {
  return filled(new_like(self, size, dtype, device, "new_zeros"), 0);
}
Tensor new_ones(const Tensor& self, const Dims& size, std::optional<DType> dtype,
                std::optional<Device> device) {
  return filled(new_like(self, size, dtype, device, "new_ones"), 1);
}
Tensor new_full(const Tensor& self, const Dims& size, const Scalar& fill_value,
                std::optional<DType> dtype, std::optional<Device> device) {
  return filled(new_like(self, size, dtype, device, "new_full"), fill_value);
}

void fill_Tensor_(const Tensor& self, const Tensor& value) {
  FB_CHECK(value.dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ",
           value.dim(), " dimensions.");
  copy_elements(self, value, "fill_");
}
void fill_(const Tensor& self, const Scalar& value) { fill_elements(self, value); }
void zero_(const Tensor& self) { fill_elements(self, 0); }

Tensor fill_diagonal_(const Tensor& self, const Scalar& fill_value, bool wrap) {
  FB_CHECK(self.dim() >= 2, "dimensions must larger than 1: fill_diagonal_ got ", self.dim());
  int64_t least = self.size(0), step = 0;
  for (int64_t d = 0; d < self.dim(); ++d) {
    FB_CHECK(self.dim() == 2 || self.size(d) == self.size(0),
             "all dimensions of input must be of equal "
             "length: fill_diagonal_ got ",
             self.sizes());
    least = std::min(least, self.size(d));
    step += self.stride(d);
  }
  ops::fill_(ops::as_strided(self, {least}, {step}, self.offset()), fill_value);
  if (wrap && self.dim() == 2 && self.size(0) > self.size(1) + 1) {
    // The diagonal goes on after a row of gap.
    const int64_t rows = self.size(0), cols = self.size(1), period = cols + 1;
    for (int64_t top = period; top < rows && cols > 0; top += period) {
      const int64_t n = std::min(cols, rows - top);
      ops::fill_(ops::as_strided(self, {n}, {step}, self.offset() + top * self.stride(0)),
                 fill_value);
    }
  }
  return self;
}

}  // namespace flambeau::impl
