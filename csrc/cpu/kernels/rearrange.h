// Rows of bytes in the same or in reverse order, and rows of copies.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// Like memcpy, for rows of some hundred bytes to a page: the C library's string instructions are
// slow where the two addresses nearly agree modulo 4096. The two may not overlap.
FB_KERNEL(void, copy_row, (char* to, const char* from, int64_t nbytes));

// to[i] = from[n - 1 - i] for n elements of `item` bytes (1, 2, 4, 8 or 16), which may not overlap.
FB_KERNEL(void, reverse_row, (char* to, const char* from, int64_t n, int item));

// Row r of `to` becomes n copies of the element of `item` bytes at from + r * from_stride. Strides
// are in bytes; rows of `to` may not overlap.
FB_KERNEL(void, repeat_items,
          (char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
           int64_t rows, int item));

}  // namespace flambeau
