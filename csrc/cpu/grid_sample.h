// Images sampled at the points of a grid, for T = float and double.
#pragma once
#include <cstdint>

#include "cpu/kernels/grid.h"

namespace flambeau {

// Images (batch, channels, pixels), values (batch, channels, points), a grid (batch, points, dims).
struct GridProblem {
  GridRule rule;
  int64_t batch, channels, pixels, points;
};

// Values of images whose channels lie last or before the pixels.
template <class T>
void grid_sample(const GridProblem& p, const T* image, bool channels_last, const T* grid,
                 T* values);
// The transpose: images that are sums of values, from zero.
template <class T>
void grid_sample_scatter(const GridProblem& p, const T* values, const T* grid, T* image);
// The derivative of the sum of values times samples by the grid.
template <class T>
void grid_sample_slopes(const GridProblem& p, const T* values, const T* image, bool channels_last,
                        const T* grid, T* grid_grad);

}  // namespace flambeau
