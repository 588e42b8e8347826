// The product of convolution for channels-last images, without packing the image: the matrix kernel
// follows a table of the pixels that each tap reads.
#pragma once
#include <cstdint>
#include <vector>

#include "core/allocator.h"

namespace flambeau {

struct Tap { int64_t offset[3]; };

// Panels of the weight for each group: rows (tap, channel) of the columns of the product.
template <class T>
class PixelPanels {
 public:
  PixelPanels(int64_t groups, int64_t taps, int64_t channels, int64_t columns);
  // The forward map of a weight (column, channel, tap).
  void pack_forward(const T* weight);
  // The adjoint of a weight (channel, column, kernel_taps), of which `index` takes part.
  void pack_adjoint(const T* weight, int64_t kernel_taps, const std::vector<int64_t>& index);

  const T* at(int64_t group, int64_t panel) const {
    return space_.template as<T>() + (group * per_group + panel) * taps * channels * width;
  }
  const int64_t groups, taps, channels, columns, width, per_group;

 private:
  T* place(int64_t group, int64_t panel) { return const_cast<T*>(at(group, panel)); }
  const Workspace space_;
};

// Pixel p of a grid reads pixel p * step + offset of the source for each tap, zero outside. Pixels
// are the channels of all groups, adjacent.
template <class T>
struct PixelSource {
  const T* data;
  int64_t batch, batch_stride;
  const int64_t *stride, *size;  // of the source
  const int64_t *grid, *step;
  const std::vector<Tap>& taps;
};
// The columns of all groups are adjacent.
template <class T>
struct PixelTarget {
  T* data;
  int64_t batch_stride, stride[3];
};

// c[pixel p of the grid][column] = sum over taps and channels + bias.
template <class T>
void multiply_pixels(const PixelSource<T>& source, const PixelPanels<T>& b, const T* bias,
                     const PixelTarget<T>& c);

}  // namespace flambeau
