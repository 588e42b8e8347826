#include "cpu/kernels/conv_rows.h"

#include "cpu/kernels/gemm_vector.h"

namespace flambeau::FB_ISA {
namespace pixels {

using namespace matmul;

template <class T>
inline constexpr int kWidth = 2 * kLanes<T>;
inline constexpr int kTogether = 6;  // pixels: twelve sums hide the latency of the multiply-add

template <class T, int R, int NV>
void block(const PixelSources<T>& s, const T* panel, const PixelTargets<T>& d, int64_t first) {
  constexpr int L = kLanes<T>;
  Vector<T> sum[R][NV] = {};
  const T* const* src = s.src + first;
  for (int64_t t = 0; t < s.taps; ++t, src += s.src_tap) {
    const T* from[R];
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) from[i] = src[i] + s.channel;
#pragma GCC unroll 2
    for (int64_t c = 0; c < s.channels; ++c, panel += kWidth<T>) {
      Vector<T> b[NV];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) b[v] = load(panel + v * L);
#pragma GCC unroll 6
      for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) sum[i][v] = multiply_add(from[i][c], b[v], sum[i][v]);
    }
  }
  const bool whole = d.columns == NV * L;
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i) {
    T* to = d.out[first + i] + d.column;
    if (whole) {
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) {
        if (d.bias) sum[i][v] += load(d.bias + v * L);
        if (d.add) sum[i][v] += load(to + v * L);
        store(to + v * L, sum[i][v]);
      }
    } else {
      alignas(64) T values[NV * L];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) store(values + v * L, sum[i][v]);
      for (int64_t j = 0; j < d.columns; ++j) {
        if (d.bias) values[j] += d.bias[j];
        to[j] = d.add ? to[j] + values[j] : values[j];
      }
    }
  }
}

template <class T, int NV>
void multiply(const PixelSources<T>& s, const T* panel, const PixelTargets<T>& d) {
  int64_t i = 0;
  for (; i + kTogether <= d.pixels; i += kTogether) block<T, kTogether, NV>(s, panel, d, i);
  for (; i + 3 <= d.pixels; i += 3) block<T, 3, NV>(s, panel, d, i);
  for (; i < d.pixels; ++i) block<T, 1, NV>(s, panel, d, i);
}

template <class T>
void pack(const T* src, int64_t lane_stride, int64_t lanes, const int64_t* to, int64_t k, T* out) {
  constexpr int L = kLanes<T>, W = kWidth<T>;
  int64_t p = 0;
  for (; lanes == W && p + L <= k; p += L)
#pragma GCC unroll 2
    for (int g = 0; g < W; g += L) {
      Vector<T> square[L];
#pragma GCC unroll 8
      for (int i = 0; i < L; ++i) square[i] = load(src + (g + i) * lane_stride + p);
      transpose<T>(square);
#pragma GCC unroll 8
      for (int i = 0; i < L; ++i)
        if (to[p + i] >= 0) store(out + to[p + i] + g, square[i]);
    }
  for (; p < k; ++p) {
    if (to[p] < 0) continue;
    T* line = out + to[p];
    for (int64_t i = 0; i < W; ++i) line[i] = i < lanes ? src[i * lane_stride + p] : T(0);
  }
}

}  // namespace pixels

#define FB_DEFINE_CONV_ROWS(S, T)                                                                \
  int64_t conv_rows_width_##S() { return pixels::kWidth<T>; }                                    \
  void conv_rows_multiply_##S(const PixelSources<T>& from, const T* panel,                       \
                              const PixelTargets<T>& to) {                                       \
    if (to.columns <= matmul::kLanes<T>)                                                         \
      pixels::multiply<T, 1>(from, panel, to);                                                   \
    else                                                                                         \
      pixels::multiply<T, 2>(from, panel, to);                                                   \
  }                                                                                              \
  void conv_rows_pack_##S(const T* src, int64_t lane_stride, int64_t lanes, const int64_t* to,   \
                          int64_t k, T* out) {                                                   \
    pixels::pack<T>(src, lane_stride, lanes, to, k, out);                                        \
  }
FB_DEFINE_CONV_ROWS(f32, float)
FB_DEFINE_CONV_ROWS(f64, double)
#undef FB_DEFINE_CONV_ROWS

}  // namespace flambeau::FB_ISA
