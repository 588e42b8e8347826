// Images sampled at the points of a grid, a block of points at a time.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class GridFilter { Nearest, Linear, Cubic };
enum class GridPadding { Zeros, Border, Reflection };

// How the numbers of a grid, each from -1 to 1 within the image, lead to pixels.
struct GridRule {
  GridFilter filter;
  GridPadding padding;
  bool align_corners;
  int dims;         // 2 or 3
  int64_t size[3];  // of the image; a point of the grid names its last dimension first
  int order[3];     // which derivative of the weights by the grid, along each dimension
};

inline constexpr int64_t kGridPairs = 1024;  // of points and taps in a block
inline constexpr int kGridTaps = 16;

template <class T>
struct GridIndex;
template <> struct GridIndex<float> { using type = int32_t; };
template <> struct GridIndex<double> { using type = int64_t; };

// The pixels that the points of a block are sums of: tap t of point p stands at t * step + p. An
// index of -1, with weight 0, means none. `step` is a multiple of 8.
template <class T>
struct GridTaps {
  int64_t points, count, step;  // `count` taps of each
  typename GridIndex<T>::type index[kGridPairs];
  T weight[kGridPairs];
};

// Points with channels side by side (rows), or images of one channel after another (planes). The
// numbers named like an array are the distances between its rows or planes.
//   taps:    fills `taps`, whose step is set, for points at `grid`.
//   gather:  out = sum over taps of weight * image[index]; of rows, `zeros` are read for index -1.
//   scatter: image[index] += weight * values, tap after tap.
//   slopes:  adds to out[p * dims + dims - 1 - d] the sum over channels of values[p] * what gather
//            with taps[d] gives there; all have the index of the first.
#define FB_GRID_KERNELS(S, T)                                                                     \
  FB_KERNEL(void, grid_taps_##S,                                                                  \
            (const GridRule& rule, const T* grid, int64_t points, GridTaps<T>& taps));            \
  FB_KERNEL(void, grid_gather_rows_##S,                                                           \
            (const GridTaps<T>& taps, const T* image, int64_t image_row, int64_t channels,        \
             const T* zeros, T* out, int64_t out_row));                                           \
  FB_KERNEL(void, grid_scatter_rows_##S,                                                          \
            (const GridTaps<T>& taps, const T* values, int64_t values_row, int64_t channels,      \
             T* image, int64_t image_row));                                                       \
  FB_KERNEL(void, grid_slopes_rows_##S,                                                           \
            (const GridTaps<T>* taps, int dims, const T* values, int64_t values_row,              \
             const T* image, int64_t image_row, int64_t channels, const T* zeros, T* out));       \
  FB_KERNEL(void, grid_gather_planes_##S,                                                         \
            (const GridTaps<T>& taps, const T* image, int64_t image_plane, int64_t channels,      \
             T* out, int64_t out_plane));                                                         \
  FB_KERNEL(void, grid_scatter_planes_##S,                                                        \
            (const GridTaps<T>& taps, const T* values, int64_t values_plane, int64_t channels,    \
             T* image, int64_t image_plane));                                                     \
  FB_KERNEL(void, grid_slopes_planes_##S,                                                         \
            (const GridTaps<T>* taps, int dims, const T* values, int64_t values_plane,            \
             const T* image, int64_t image_plane, int64_t channels, T* out))
FB_GRID_KERNELS(f32, float);
FB_GRID_KERNELS(f64, double);
#undef FB_GRID_KERNELS

}  // namespace flambeau
