// Rows of pixels with margins around them. A pixel is one element, or the channels of one place.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// What each pixel of a padded row shows: a pixel of the row inside. Those from `first` to `last`,
// excluded, show neighbours in order.
struct MarginRow {
  const int64_t* place;
  int64_t pixels, first, last;
};

// Rows of dst, one behind the other: `before` bytes of margin, `run` bytes of a row of src, which
// lie src_row bytes apart, and `after` bytes of margin. Margins repeat the 16 bytes at `value`.
FB_KERNEL(void, frame_rows,
          (const char* src, int64_t src_row, char* dst, int64_t rows, int64_t before, int64_t run,
           int64_t after, const char* value));

// Rows of dst, one behind the other: pixel j of row r is pixel row.place[j] of row rows_of[r] of
// src, whose rows lie src_row bytes apart. `unit` is the number of bytes in a pixel.
FB_KERNEL(void, copy_pixels,
          (const char* src, int64_t src_row, const int64_t* rows_of, char* dst, int64_t rows,
           const MarginRow& row, int64_t unit));

// The adjoint for a row: dst pixel row.place[j] += src pixel j, in pixels of `unit` numbers. With
// `fresh`, what dst held counts as zero; it has `width` pixels.
#define FB_ADD_PIXELS(S, T)           \
  FB_KERNEL(void, add_pixels_##S,     \
            (const T* src, T* dst, const MarginRow& row, int64_t unit, int64_t width, bool fresh))
FB_ADD_PIXELS(f32, float);
FB_ADD_PIXELS(f64, double);
#undef FB_ADD_PIXELS

}  // namespace flambeau
