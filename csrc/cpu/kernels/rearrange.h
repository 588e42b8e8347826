// Rows of bytes in the same or in reverse order.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// Like memcpy, for rows of some hundred bytes to a page: the C library's string instructions are
// slow where the two addresses nearly agree modulo 4096. The two may not overlap.
FB_KERNEL(void, copy_row, (char* to, const char* from, int64_t nbytes));

// to[i] = from[n - 1 - i] for n elements of `item` bytes (1, 2, 4, 8 or 16), which may not overlap.
FB_KERNEL(void, reverse_row, (char* to, const char* from, int64_t n, int item));

}  // namespace flambeau
