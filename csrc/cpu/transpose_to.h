// Transposition of elements of a type.
#pragma once
#include "cpu/kernels/transpose.h"

namespace flambeau {

// dst[c][r] = src[r][c], rows at the given distances, in elements.
template <class T>
void transpose_to(const T* src, int64_t src_row, T* dst, int64_t dst_row, int64_t rows,
                  int64_t cols) {
  constexpr auto item = static_cast<int64_t>(sizeof(T));
  transpose(reinterpret_cast<const char*>(src), src_row * item, reinterpret_cast<char*>(dst),
            dst_row * item, rows, cols, static_cast<int>(item), false);
}

}  // namespace flambeau
