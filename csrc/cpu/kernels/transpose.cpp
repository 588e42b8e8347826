#include "cpu/kernels/transpose.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace {

typedef long long Half16 __attribute__((vector_size(16)));
typedef long long LooseHalf16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef char LooseBytes __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));

constexpr int kParts = kVectorBytes / 16;  // 16-byte parts of a vector

template <int B>
using Lanes __attribute__((vector_size(kVectorBytes))) = typename IntOfSize<B>::type;

// Elements of a and b in turn, from the lower (or upper) half of every 16-byte part.
template <int B, bool kUpper>
FB_VEC Lanes<B> interleave(Lanes<B> a, Lanes<B> b) {
  constexpr int kInPart = 16 / B, kTotal = kVectorBytes / B;
  Lanes<B> index;
  for (int i = 0; i < kTotal; ++i) {
    const int part = i / kInPart, j = i % kInPart;
    index[i] = part * kInPart + (kUpper ? kInPart / 2 : 0) + j / 2 + (j % 2 ? kTotal : 0);
  }
  return __builtin_shuffle(a, b, index);
}

// 16 bytes of each of kParts rows that lie `step` bytes apart.
FB_VEC RawBytes load_parts(const char* p, int64_t step) {
  const Half16 low = *reinterpret_cast<const LooseHalf16*>(p);
#if defined(__AVX2__)
  const Half16 high = *reinterpret_cast<const LooseHalf16*>(p + step);
  return (RawBytes)__builtin_shufflevector(low, high, 0, 1, 2, 3);
#else
  (void)step;
  return (RawBytes)low;
#endif
}

// A tile of 16 / B columns and as many rows as a vector has lanes: every part of a vector is
// transposed on its own by log2(16 / B) rounds of interleaving the first half of the rows with the
// second.
template <int B>
FB_VEC void transpose_tile(const char* src, int64_t src_stride, char* dst, int64_t dst_stride) {
  constexpr int kSide = 16 / B;
  Lanes<B> a[kSide], b[kSide];
#pragma GCC unroll 16
  for (int i = 0; i < kSide; ++i)
    a[i] = (Lanes<B>)load_parts(src + i * src_stride, kSide * src_stride);
#pragma GCC unroll 4
  for (int round = 1; round < kSide; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < kSide / 2; ++i) {
      b[2 * i] = interleave<B, false>(a[i], a[i + kSide / 2]);
      b[2 * i + 1] = interleave<B, true>(a[i], a[i + kSide / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kSide; ++i) a[i] = b[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kSide; ++i)
    *reinterpret_cast<LooseBytes*>(dst + i * dst_stride) = (LooseBytes)a[i];
}

template <class T>
void transpose_plain(const char* src, int64_t src_stride, char* dst, int64_t dst_stride,
                     int64_t rows, int64_t cols) {
  for (int64_t c = 0; c < cols; ++c) {
    const char* s = src + c * static_cast<int64_t>(sizeof(T));
    char* d = dst + c * dst_stride;
    for (int64_t r = 0; r < rows; ++r, s += src_stride, d += sizeof(T))
      __builtin_memcpy(d, s, sizeof(T));
  }
}

template <int B>
void transpose_items(const char* src, int64_t src_stride, char* dst, int64_t dst_stride,
                     int64_t rows, int64_t cols) {
  using T = typename IntOfSize<B>::type;
  constexpr int64_t kRows = kVectorBytes / B, kCols = 16 / B;
  // Strips as high as a cache line of dst is long, so that lines are written whole.
  constexpr int64_t kStrip = 64 / B > kRows ? 64 / B : kRows;
  int64_t r = 0;
  for (; r + kRows <= rows; r += kStrip) {
    const int64_t left = rows - r < kStrip ? (rows - r) / kRows * kRows : kStrip;
    const char* s = src + r * src_stride;
    char* d = dst + r * B;
    int64_t c = 0;
    for (; c + kCols <= cols; c += kCols)
      for (int64_t i = 0; i < left; i += kRows)
        transpose_tile<B>(s + i * src_stride + c * B, src_stride, d + c * dst_stride + i * B,
                          dst_stride);
    transpose_plain<T>(s + c * B, src_stride, d + c * dst_stride, dst_stride, left, cols - c);
    if (left < kStrip) {
      r += left;
      break;
    }
  }
  if (r < rows)
    transpose_plain<T>(src + r * src_stride, src_stride, dst + r * B, dst_stride, rows - r, cols);
}

struct Item16 {
  int64_t part[2];
};

}  // namespace

void transpose(const char* src, int64_t src_stride, char* dst, int64_t dst_stride, int64_t rows,
               int64_t cols, int item) {
  switch (item) {
    case 1: return transpose_items<1>(src, src_stride, dst, dst_stride, rows, cols);
    case 2: return transpose_items<2>(src, src_stride, dst, dst_stride, rows, cols);
    case 4: return transpose_items<4>(src, src_stride, dst, dst_stride, rows, cols);
    case 8: return transpose_items<8>(src, src_stride, dst, dst_stride, rows, cols);
    default: return transpose_plain<Item16>(src, src_stride, dst, dst_stride, rows, cols);
  }
}

}  // namespace flambeau::FB_ISA
