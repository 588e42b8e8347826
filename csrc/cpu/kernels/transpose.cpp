#include "cpu/kernels/transpose.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace {

typedef long long Half16 __attribute__((vector_size(16)));
typedef long long LooseHalf16 __attribute__((vector_size(16), aligned(1), may_alias));

// Vectors of V bytes.
template <int B, int V>
using Lanes __attribute__((vector_size(V))) = typename IntOfSize<B>::type;
template <int V>
struct LooseVector {
  typedef char Type __attribute__((vector_size(V), aligned(1), may_alias));
};
template <int V>
using LooseBytes = typename LooseVector<V>::Type;

// Elements of a and b in turn, from the lower (or upper) half of every 16-byte part.
template <int B, int V, bool kUpper>
FB_VEC Lanes<B, V> interleave(Lanes<B, V> a, Lanes<B, V> b) {
  constexpr int kInPart = 16 / B, kTotal = V / B;
  Lanes<B, V> index;
  for (int i = 0; i < kTotal; ++i) {
    const int part = i / kInPart, j = i % kInPart;
    index[i] = part * kInPart + (kUpper ? kInPart / 2 : 0) + j / 2 + (j % 2 ? kTotal : 0);
  }
  return __builtin_shuffle(a, b, index);
}

// 16 bytes of each of the rows, as many as a vector has parts, that lie `step` bytes apart.
template <int V>
FB_VEC Lanes<1, V> load_parts(const char* p, int64_t step) {
  const Half16 low = *reinterpret_cast<const LooseHalf16*>(p);
  if constexpr (V == 32) {
    const Half16 high = *reinterpret_cast<const LooseHalf16*>(p + step);
    return (Lanes<1, V>)__builtin_shufflevector(low, high, 0, 1, 2, 3);
  } else {
    return (Lanes<1, V>)low;
  }
}

// A tile of 16 / B columns and V / B rows: every part of a vector is transposed on its own by
// log2(16 / B) rounds of interleaving the first half of the rows with the second.
template <int B, int V = kVectorBytes>
FB_VEC void transpose_tile(const char* src, int64_t src_stride, char* dst, int64_t dst_stride) {
  constexpr int kSide = 16 / B;
  Lanes<B, V> a[kSide], b[kSide];
#pragma GCC unroll 16
  for (int i = 0; i < kSide; ++i)
    a[i] = (Lanes<B, V>)load_parts<V>(src + i * src_stride, kSide * src_stride);
#pragma GCC unroll 4
  for (int round = 1; round < kSide; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < kSide / 2; ++i) {
      b[2 * i] = interleave<B, V, false>(a[i], a[i + kSide / 2]);
      b[2 * i + 1] = interleave<B, V, true>(a[i], a[i + kSide / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kSide; ++i) a[i] = b[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kSide; ++i)
    *reinterpret_cast<LooseBytes<V>*>(dst + i * dst_stride) = (LooseBytes<V>)a[i];
}

template <class T>
void transpose_plain(const char* src, int64_t src_stride, char* dst, int64_t dst_stride,
                     int64_t rows, int64_t cols) {
  if (rows < cols) {
    for (int64_t r = 0; r < rows; ++r, src += src_stride, dst += sizeof(T))
      for (int64_t c = 0; c < cols; ++c)
        __builtin_memcpy(dst + c * dst_stride, src + c * static_cast<int64_t>(sizeof(T)),
                         sizeof(T));
    return;
  }
  for (int64_t c = 0; c < cols; ++c) {
    const char* s = src + c * static_cast<int64_t>(sizeof(T));
    char* d = dst + c * dst_stride;
    for (int64_t r = 0; r < rows; ++r, s += src_stride, d += sizeof(T))
      __builtin_memcpy(d, s, sizeof(T));
  }
}

#if defined(__AVX2__)
#define FB_STREAM(p, v) __builtin_ia32_movntdq256(reinterpret_cast<RawInt64*>(p), (RawInt64)(v))
#elif defined(__SSE2__)
#define FB_STREAM(p, v) __builtin_ia32_movntdq(reinterpret_cast<RawInt64*>(p), (RawInt64)(v))
#else
#define FB_STREAM(p, v) (*reinterpret_cast<LooseBytes<kVectorBytes>*>(p) = (LooseBytes<kVectorBytes>)(v))
#endif

constexpr int kLine = 64;              // bytes of a cache line
constexpr int64_t kAhead = 4 * kLine;  // how far ahead rows of src are fetched

// A strip whose height is one cache line of dst; whole lines leave through a buffer.
template <int B>
void stream_strip(const char* src, int64_t src_stride, char* dst, int64_t dst_stride,
                  int64_t cols) {
  constexpr int64_t kRows = kVectorBytes / B, kCols = 16 / B, kStrip = kLine / B;
  alignas(kLine) char lines[kCols][kLine];
  for (int64_t c = 0; c < cols; c += kCols) {
    const char* s = src + c * B;
    if (c * B % kLine == 0)
      for (int64_t i = 0; i < kStrip; ++i) __builtin_prefetch(s + i * src_stride + kAhead);
    for (int64_t i = 0; i < kStrip; i += kRows)
      transpose_tile<B>(s + i * src_stride, src_stride, &lines[0][i * B], kLine);
    for (int64_t i = 0; i < kCols; ++i) {
      char* d = dst + (c + i) * dst_stride;
      for (int at = 0; at < kLine; at += kVectorBytes)
        FB_STREAM(d + at, *reinterpret_cast<const RawBytes*>(&lines[i][at]));
    }
  }
}

template <int B>
void write_strip(const char* src, int64_t src_stride, char* dst, int64_t dst_stride, int64_t rows,
                 int64_t cols) {
  constexpr int64_t kRows = kVectorBytes / B, kCols = 16 / B;
  for (int64_t c = 0; c < cols; c += kCols)
    for (int64_t i = 0; i < rows; i += kRows)
      transpose_tile<B>(src + i * src_stride + c * B, src_stride, dst + c * dst_stride + i * B,
                        dst_stride);
}

template <int B>
void transpose_items(const char* src, int64_t src_stride, char* dst, int64_t dst_stride,
                     int64_t rows, int64_t cols, bool streaming) {
  using T = typename IntOfSize<B>::type;
  constexpr int64_t kRows = kVectorBytes / B, kCols = 16 / B, kStrip = kLine / B;
  const int64_t whole = cols / kCols * kCols;
  streaming = streaming && (reinterpret_cast<uintptr_t>(dst) | dst_stride) % 32 == 0;
  int64_t left;
  for (; rows >= kRows; rows -= left, src += left * src_stride, dst += left * B) {
    left = rows < kStrip ? rows / kRows * kRows : kStrip;
    if (streaming && left == kStrip)
      stream_strip<B>(src, src_stride, dst, dst_stride, whole);
    else
      write_strip<B>(src, src_stride, dst, dst_stride, left, whole);
    transpose_plain<T>(src + whole * B, src_stride, dst + whole * dst_stride, dst_stride, left,
                       cols - whole);
  }
  if (rows >= kCols && kCols < kRows) {  // half a vector
    for (int64_t c = 0; c < whole; c += kCols)
      transpose_tile<B, 16>(src + c * B, src_stride, dst + c * dst_stride, dst_stride);
    transpose_plain<T>(src + whole * B, src_stride, dst + whole * dst_stride, dst_stride, kCols,
                       cols - whole);
    rows -= kCols, src += kCols * src_stride, dst += kCols * B;
  }
  if (rows > 0) transpose_plain<T>(src, src_stride, dst, dst_stride, rows, cols);
}

struct Item16 { int64_t part[2]; };

}  // namespace

void transpose(const char* src, int64_t src_stride, char* dst, int64_t dst_stride, int64_t rows,
               int64_t cols, int item, bool streaming) {
  switch (item) {
    case 1: return transpose_items<1>(src, src_stride, dst, dst_stride, rows, cols, streaming);
    case 2: return transpose_items<2>(src, src_stride, dst, dst_stride, rows, cols, streaming);
    case 4: return transpose_items<4>(src, src_stride, dst, dst_stride, rows, cols, streaming);
    case 8: return transpose_items<8>(src, src_stride, dst, dst_stride, rows, cols, streaming);
    default: return transpose_plain<Item16>(src, src_stride, dst, dst_stride, rows, cols);
  }
}

}  // namespace flambeau::FB_ISA
