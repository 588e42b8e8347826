// Images (batch, channels, pixels...) in one of the two layouts that image kernels take.
#pragma once
#include <type_traits>

#include "cpu/conv.h"
#include "ops/op_types.h"

namespace flambeau {

// True iff the tensor is laid out with its channels last and not also contiguous.
bool prefers_channels_last(const Tensor& t);
// The tensor itself if it is dense in that layout, else a copy.
Tensor in_layout(const Tensor& t, bool channels_last);
Tensor empty_image(const Dims& sizes, bool channels_last, DType dtype, Device device,
                   const char* op);

// The image for kernels: strides follow from the layout, not from the tensor's, whose strides of
// dimensions of size 1 may be anything.
template <class T>
ConvImage<T> image_of(const Tensor& t, bool channels_last) {
  ConvImage<T> image;
  const int64_t dims = t.dim() - 2, channels = t.size(1);
  int64_t size[3] = {1, 1, 1};
  for (int64_t d = 0; d < dims; ++d) size[3 - dims + d] = t.size(2 + d);
  const int64_t pixels = size[0] * size[1] * size[2], unit = channels_last ? channels : 1;
  image.data = t.data<std::remove_const_t<T>>();
  image.batch = channels * pixels;
  image.channel = channels_last ? 1 : pixels;
  image.pixel[0] = size[1] * size[2] * unit;
  image.pixel[1] = size[2] * unit;
  image.pixel[2] = unit;
  image.channels_last = channels_last;
  return image;
}

}  // namespace flambeau
