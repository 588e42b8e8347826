#include "ops/image_layout.h"

#include "cpu/copy.h"

namespace flambeau {

bool prefers_channels_last(const Tensor& t) {
  return (t.dim() == 4 || t.dim() == 5) && !t.is_contiguous() &&
         is_channels_last(t.sizes(), t.strides());
}

Tensor in_layout(const Tensor& t, bool channels_last) {
  if (!channels_last) return contiguous(t);
  if (is_channels_last(t.sizes(), t.strides())) return t;
  Tensor copy = empty_strided(t.sizes(), channels_last_strides(t.sizes()), t.dtype(), t.device());
  copy_elements(copy, t);
  return copy;
}

Tensor empty_image(const Dims& sizes, bool channels_last, DType dtype, Device device,
                   const char* op) {
  if (!channels_last) return empty(sizes, dtype, device, op);
  return empty_strided(sizes, channels_last_strides(sizes), dtype, device, op);
}

}  // namespace flambeau
