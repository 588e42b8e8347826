// Convolution of float and double images on raw memory: the correlation of an image with a kernel,
// and the two maps that are its gradients. Each packs straight from the image into the panels of
// packed_gemm, or goes through one of conv_few.h, conv_patches.h, conv_planes.h, depthwise_last.h
// and winograd.h.
#pragma once
#include <cstdint>

namespace flambeau {

// Three spatial dimensions; missing ones come first, with size 1. The output's size is given, not
// derived: output pixel o reads input pixel o * stride - pad + tap * dilation, zero outside.
struct ConvGeometry {
  int64_t batch = 1, groups = 1, in_channels = 1, out_channels = 1;  // channels of all groups
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};

  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
  bool depthwise() const { return groups > 1 && group_in() == 1 && group_out() == 1; }
};

// A batch of images: strides in elements. Those that are written are dense, with the channels
// either before the pixels (channels first) or adjacent (channels last).
template <class T>
struct ConvImage {
  T* data;
  int64_t batch, channel, pixel[3];
  bool channels_last;
};

// y = x * weight + bias. weight: (out_channels, group_in, taps), contiguous; bias: out_channels or
// null.
template <class T>
void conv_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                  const T* bias, const ConvImage<T>& y);
// x = the adjoint of conv_forward applied to y, plus one bias per channel of x (or null): the
// gradient of the input, and the transposed convolution.
template <class T>
void conv_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                  const T* bias, const ConvImage<T>& x);
// The gradient of the weight, overwritten: sums over the batch and the pixels of y.
template <class T>
void conv_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                      const ConvImage<const T>& x, T* weight);

}  // namespace flambeau
