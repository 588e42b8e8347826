// Other types and orders of elements; what already is as asked is returned as it is.
#include "impl_convert.h"
#include "ops/layout.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

bool in_format(const Tensor& t, MemoryFormat format) {
  switch (format) {
    case MemoryFormat::Preserve: return true;
    case MemoryFormat::Contiguous: return t.is_contiguous();
    case MemoryFormat::ChannelsLast:
      return t.dim() == 4 && is_channels_last(t.sizes(), t.strides());
    default: return t.dim() == 5 && is_channels_last(t.sizes(), t.strides());
  }
}

Tensor convert_to(const Tensor& self, DType dtype, std::optional<Device> device, bool copy,
                  std::optional<MemoryFormat> format) {
  const bool stays = dtype == self.dtype() && (!device || *device == self.device());
  if (stays && !copy && (!format || in_format(self, *format))) return self;
  return ops::_to_copy(self, dtype, device, format);
}

}  // namespace

Tensor to_dtype(const Tensor& self, DType dtype, bool, bool copy,
                std::optional<MemoryFormat> format) {
  return convert_to(self, dtype, std::nullopt, copy, format);
}
Tensor to_other(const Tensor& self, const Tensor& other, bool, bool copy,
                std::optional<MemoryFormat> format) {
  return convert_to(self, other.dtype(), other.device(), copy, format);
}
Tensor to_device(const Tensor& self, std::optional<Device> device, std::optional<DType> dtype, bool,
                 bool copy, std::optional<MemoryFormat> format) {
  return convert_to(self, dtype.value_or(self.dtype()), device, copy, format);
}

#define FB_CAST(name, dtype)                                                       \
  Tensor name##_cast(const Tensor& self, std::optional<MemoryFormat> format) {     \
    return convert_to(self, DType::dtype, std::nullopt, false, format);            \
  }
FB_CAST(float, Float32)
FB_CAST(double, Float64)
FB_CAST(half, Float16)
FB_CAST(bfloat16, BFloat16)
FB_CAST(int, Int32)
FB_CAST(long, Int64)
FB_CAST(short, Int16)
FB_CAST(char, Int8)
FB_CAST(byte, UInt8)
FB_CAST(bool, Bool)
FB_CAST(cfloat, Complex64)
FB_CAST(cdouble, Complex128)
#undef FB_CAST

Tensor type_as(const Tensor& self, const Tensor& other) {
  return convert_to(self, other.dtype(), other.device(), false, std::nullopt);
}
Tensor cpu(const Tensor& self, std::optional<MemoryFormat> format) {
  return convert_to(self, self.dtype(), kCpu, false, format);
}
Tensor cuda(const Tensor&, std::optional<Device>, bool, std::optional<MemoryFormat>) {
  fail(ErrorKind::Runtime,
       "cuda(): this build has no CUDA; keep the tensor on the cpu (choose the "
       "device with 'cuda' if torch.cuda.is_available() else 'cpu')");
}

Tensor contiguous(const Tensor& self, MemoryFormat format) {
  FB_CHECK(format != MemoryFormat::Preserve,
           "contiguous(): preserve memory format is unsupported by "
           "the contiguous operator");
  return in_format(self, format) ? self : ops::clone(self, format);
}

}  // namespace flambeau::impl
