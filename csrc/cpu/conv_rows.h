// The product of convolution for channels-last images, without packing the image: the pixels that a
// tap reads for a row of the target lie a constant distance apart.
#pragma once
#include <cstdint>
#include <vector>

#include "cpu/gemm.h"

namespace flambeau {

struct Tap { int64_t offset[3]; };

// Pixel p of a grid reads pixel p * step + offset of the source for each tap, zero outside.
template <class T>
struct PixelRows {
  const T* data;  // `channels` adjacent values a pixel
  int64_t batch, batch_stride, channels;
  const int64_t *stride, *size;  // of the source
  const int64_t *grid, *step;
  const std::vector<Tap>& taps;
};

// c[pixel p of the grid][column] = sum over taps and channels + bias, columns adjacent and pixels
// stride[d] apart; b: (taps, channels) by columns. False, and nothing done, where packing is
// better.
template <class T>
struct PixelTarget {
  T* data;
  int64_t batch_stride, stride[3];
};
template <class T>
bool multiply_pixel_rows(const PixelRows<T>& rows, const StridedOperand<T>& b, int64_t columns,
                         const T* bias, const PixelTarget<T>& c);

}  // namespace flambeau
