#include "cpu/kernels/pad.h"

#include "cpu/kernels/rearrange.h"
#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace {

using Bytes = Vec<int8_t>;
constexpr int64_t kBytes = Bytes::lanes;
constexpr int64_t kLong = 512;  // bytes from which on a run is worth a call of copy_row

FB_VEC Bytes load_at(const char* p) { return load(reinterpret_cast<const int8_t*>(p)); }
FB_VEC void store_at(char* p, Bytes v) { store(reinterpret_cast<int8_t*>(p), v); }

// The whole of a short row by two moves that may overlap.
template <int B>
FB_VEC void two_moves(char* to, const char* from, int64_t n) {
  struct Part { char bytes[B]; } head, tail;
  __builtin_memcpy(&head, from, B);
  __builtin_memcpy(&tail, from + n - B, B);
  __builtin_memcpy(to, &head, B);
  __builtin_memcpy(to + n - B, &tail, B);
}
FB_VEC void copy_bytes(char* to, const char* from, int64_t n) {
  if (n >= kLong) return copy_row(to, from, n);
  if (n >= kBytes) {
    int64_t i = 0;
    for (; i + kBytes <= n; i += kBytes) store_at(to + i, load_at(from + i));
    if (i < n) store_at(to + n - kBytes, load_at(from + n - kBytes));
  } else if (n >= 16) {
    two_moves<16>(to, from, n);
  } else if (n >= 8) {
    two_moves<8>(to, from, n);
  } else if (n >= 4) {
    two_moves<4>(to, from, n);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

// What reaches beyond the margin is written again later, unless the memory ends there.
FB_VEC void fill_margin(char* to, int64_t n, const char* end, Bytes value) {
  for (int64_t i = 0; i < n; i += kBytes) {
    if (end - (to + i) >= kBytes)
      store_at(to + i, value);
    else
      __builtin_memcpy(to + i, &value, static_cast<uint64_t>(end - (to + i)));
  }
}

struct PixelRows {
  const char* src;
  int64_t src_row;
  const int64_t* rows_of;
  char* dst;
  int64_t rows;
};

template <class T>
void pick(const PixelRows& p, const MarginRow& row) {
  T* to = reinterpret_cast<T*>(p.dst);
  const int64_t run = (row.last - row.first) * static_cast<int64_t>(sizeof(T));
  const int64_t start = row.first < row.last ? row.place[row.first] : 0;
  for (int64_t r = 0; r < p.rows; ++r, to += row.pixels) {
    const T* from = reinterpret_cast<const T*>(p.src + p.rows_of[r] * p.src_row);
    copy_bytes(reinterpret_cast<char*>(to + row.first), reinterpret_cast<const char*>(from + start),
               run);
    for (int64_t j = 0; j < row.first; ++j) to[j] = from[row.place[j]];
    for (int64_t j = row.last; j < row.pixels; ++j) to[j] = from[row.place[j]];
  }
}
void pick_pixels(const PixelRows& p, const MarginRow& row, int64_t unit) {
  char* to = p.dst;
  for (int64_t r = 0; r < p.rows; ++r, to += row.pixels * unit) {
    const char* from = p.src + p.rows_of[r] * p.src_row;
    for (int64_t j = 0; j < row.pixels;) {
      const int64_t run = j == row.first && row.first < row.last ? row.last - row.first : 1;
      copy_bytes(to + j * unit, from + row.place[j] * unit, run * unit);
      j += run;
    }
  }
}

template <class T>
FB_VEC void set(T* to, const T* from, int64_t n) {
  copy_bytes(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from),
             n * static_cast<int64_t>(sizeof(T)));
}
template <class T>
FB_VEC void add(T* to, const T* from, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(to + i, load(to + i) + load(from + i));
  if (i < n) store_n(to + i, load_n(to + i, n - i) + load_n(from + i, n - i), n - i);
}

template <class T>
void add_pixels(const T* src, T* dst, const MarginRow& row, int64_t unit, int64_t width,
                bool fresh) {
  const int64_t start = row.first < row.last ? row.place[row.first] : 0;
  const int64_t run = row.last - row.first;
  if (fresh) {
    set(dst + start * unit, src + row.first * unit, run * unit);
    for (int64_t i = 0; i < start * unit; ++i) dst[i] = 0;
    for (int64_t i = (start + run) * unit; i < width * unit; ++i) dst[i] = 0;
  } else {
    add(dst + start * unit, src + row.first * unit, run * unit);
  }
  if (unit == 1) {
    for (int64_t j = 0; j < row.first; ++j) dst[row.place[j]] += src[j];
    for (int64_t j = row.last; j < row.pixels; ++j) dst[row.place[j]] += src[j];
    return;
  }
  for (int64_t j = 0; j < row.pixels; ++j) {
    if (j == row.first && (j = row.last) == row.pixels) return;
    add(dst + row.place[j] * unit, src + j * unit, unit);
  }
}

}  // namespace

void frame_rows(const char* src, int64_t src_row, char* dst, int64_t rows, int64_t before,
                int64_t run, int64_t after, const char* value) {
  const char* end = dst + rows * (before + run + after);
  Bytes pattern;
  for (int64_t i = 0; i < kBytes; i += 16)
    __builtin_memcpy(reinterpret_cast<char*>(&pattern) + i, value, 16);
  for (int64_t r = 0; r < rows; ++r, src += src_row) {
    fill_margin(dst, before, end, pattern);
    copy_bytes(dst + before, src, run);
    dst += before + run;
    fill_margin(dst, after, end, pattern);
    dst += after;
  }
}

void copy_pixels(const char* src, int64_t src_row, const int64_t* rows_of, char* dst, int64_t rows,
                 const MarginRow& row, int64_t unit) {
  const PixelRows p{src, src_row, rows_of, dst, rows};
  switch (unit) {
    case 1: return pick<uint8_t>(p, row);
    case 2: return pick<uint16_t>(p, row);
    case 4: return pick<uint32_t>(p, row);
    case 8: return pick<uint64_t>(p, row);
    default: return pick_pixels(p, row, unit);
  }
}

#define FB_DEFINE_ADD_PIXELS(S, T)                                                               \
  void add_pixels_##S(const T* src, T* dst, const MarginRow& row, int64_t unit, int64_t width,   \
                      bool fresh) {                                                              \
    add_pixels<T>(src, dst, row, unit, width, fresh);                                            \
  }
FB_DEFINE_ADD_PIXELS(f32, float)
FB_DEFINE_ADD_PIXELS(f64, double)
#undef FB_DEFINE_ADD_PIXELS

}  // namespace flambeau::FB_ISA
