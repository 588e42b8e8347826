#include "ops/layout.h"

namespace flambeau {

Dims strides_in_format(const Dims& sizes, MemoryFormat format, const char* op) {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) {
    return contiguous_strides(sizes);
  }
  const size_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  FB_CHECK(sizes.size() == rank, op, "(): required rank ", rank, " tensor to use channels_last",
           rank == 5 ? "_3d" : "", " format, got ", sizes);
  return channels_last_strides(sizes);
}

Tensor empty_in_format(const Tensor& self, DType dtype, Device device, MemoryFormat format) {
  if (format == MemoryFormat::Preserve) {
    if (device == self.device()) return empty_like(self, dtype);
    const bool dense = is_dense(self.sizes(), self.strides());
    return dense ? empty_strided(self.sizes(), self.strides(), dtype, device)
                 : empty(self.sizes(), dtype, device);
  }
  if (format == MemoryFormat::Contiguous) return empty(self.sizes(), dtype, device);
  return empty_strided(self.sizes(), strides_in_format(self.sizes(), format, "empty_like"), dtype,
                       device);
}

}  // namespace flambeau
