// Pooling of images on raw memory, for T = float, double, int64_t. Windows are given by tables, one
// per dimension, so that fixed and adaptive windows are the same thing.
#pragma once
#include <cstdint>
#include <vector>

#include "cpu/conv.h"

namespace flambeau {

// Window o covers the pixels begin[o], begin[o] + step, ... below end[o]: those inside the image.
// `counted` is its width with padding, for means.
struct PoolAxis {
  std::vector<int64_t> begin, end, counted;
  int64_t step = 1;
};
PoolAxis pool_windows(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                      int64_t dilation);
PoolAxis adaptive_windows(int64_t in, int64_t out);

struct PoolGeometry {
  int64_t batch = 1, channels = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  PoolAxis axis[3];

  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
};

// What means divide by: a given number, the pixels inside the image, or those of the padding too.
struct PoolDivisor {
  int64_t fixed = 0;  // 0: none
  bool with_padding = true;
};
int64_t divisor_at(const PoolGeometry& g, const PoolDivisor& d, int64_t z, int64_t y, int64_t x);

// The windows of max pooling by kernel, so that their elements have numbers.
struct PoolKernel {
  int64_t size[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};
  int64_t taps() const { return size[0] * size[1] * size[2]; }
};
inline constexpr int64_t kMostTaps = 256;  // that a byte can number

// Images and results have the same layout; positions are those in a plane of the input.
template <class T>
void pool_max(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y);
template <class T>
void pool_max_indices(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y,
                      const ConvImage<int64_t>& indices);
// At most kMostTaps taps.
template <class T>
void pool_max_taps(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& x,
                   const ConvImage<T>& y, const ConvImage<uint8_t>& taps);
// x_grad[tap of window o] += grad[o] for all windows; y[o] = x[tap of window o]. False, with an
// undefined result, if a tap leads outside the image.
template <class T>
bool pool_taps_spread(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& grad,
                      const ConvImage<const uint8_t>& taps, const ConvImage<T>& x_grad);
template <class T>
bool pool_taps_collect(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& x,
                       const ConvImage<const uint8_t>& taps, const ConvImage<T>& y);
void pool_taps_indices(const PoolGeometry& g, const PoolKernel& k,
                       const ConvImage<const uint8_t>& taps, const ConvImage<int64_t>& indices);
template <class T>
void pool_mean(const PoolGeometry& g, const PoolDivisor& divisor, const ConvImage<const T>& x,
               const ConvImage<T>& y);
template <class T>
void pool_mean_grad(const PoolGeometry& g, const PoolDivisor& divisor,
                    const ConvImage<const T>& grad, const ConvImage<T>& x_grad);

}  // namespace flambeau
