// Correlation of planes, for convolutions whose groups have few channels.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// A rectangle of pixels in each of several planes; pixels of a row are adjacent.
template <class T>
struct PlaneRows {
  T* data;
  int64_t plane, row;  // distances
  int64_t planes, rows, pixels;
};

// plane_copy:      rows of n pixels; up to a vector behind each row may become zero before the next
//                  row is copied.
// plane_correlate: pixel x of row y of plane p of `out` becomes bias[p] (0 without) + sum over i of
//                  w[p * w_row + i] * src[offset[i] + y * src_row + x], for `count` terms.
// plane_dots:      sum[p * count + i] += the products of a[p * a_plane + y * a_row + x] and
//                  b[offset[i] + y * b_row + x], summed over rows of n pixels, for each plane.
// The last two may read src (b) as far as a whole vector behind the last pixel.
#define FB_PLANES(S, T)                                                                          \
  FB_KERNEL(void, plane_copy_##S,                                                                \
            (const T* src, int64_t src_row, T* dst, int64_t dst_row, int64_t rows, int64_t n));  \
  FB_KERNEL(void, plane_correlate_##S,                                                           \
            (const T* src, int64_t src_row, const int64_t* offset, const T* w, int64_t w_row,    \
             int64_t count, const T* bias, const PlaneRows<T>& out));                            \
  FB_KERNEL(void, plane_dots_##S,                                                                \
            (const T* a, int64_t a_plane, int64_t a_row, int64_t planes, const T* b,             \
             int64_t b_row, const int64_t* offset, int64_t count, int64_t rows, int64_t n,       \
             T* sum))
FB_PLANES(f32, float);
FB_PLANES(f64, double);
#undef FB_PLANES

}  // namespace flambeau
