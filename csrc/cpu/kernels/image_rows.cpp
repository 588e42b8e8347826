#include "cpu/kernels/image_rows.h"

#include "cpu/kernels/shuffle.h"

namespace flambeau::FB_ISA {
namespace rows {

template <class T>
void add(const T* src, T w, T* dst, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  const Vec<T> factor = w;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(dst + i, mad(factor, load(src + i), load(dst + i)));
  if (i < n) store_n(dst + i, mad(factor, load_n(src + i, n - i), load_n(dst + i, n - i)), n - i);
}

template <class T>
void deinterleave(const T* src, int64_t n, T* even, T* odd) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; 2 * (i + L) <= n; i += L) {
    const Vec<T> a = load(src + 2 * i), b = load(src + 2 * i + L);
    store(even + i, evens(a, b));
    store(odd + i, odds(a, b));
  }
  for (; 2 * i + 1 < n; ++i) even[i] = src[2 * i], odd[i] = src[2 * i + 1];
  if (2 * i < n) even[i] = src[2 * i];
}

template <class T>
void interleave(const T* even, const T* odd, int64_t n, T* dst) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; 2 * (i + L) <= n; i += L) store_interleaved(dst + 2 * i, load(even + i), load(odd + i));
  for (; 2 * i + 1 < n; ++i) dst[2 * i] = even[i], dst[2 * i + 1] = odd[i];
  if (2 * i < n) dst[2 * i] = even[i];
}

// V vectors of a row, the last of which may be cut off.
template <class T, int V>
FB_VEC void correlate_row(const T* src, const int64_t* offset, const T* w, int64_t taps, T bias,
                          T* out, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> sum[V];
  for (int v = 0; v < V; ++v) sum[v] = bias;
  for (int64_t t = 0; t < taps; ++t) {
    const Vec<T> factor = w[t];
    const T* p = src + offset[t];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = mad(factor, load(p + v * L), sum[v]);
  }
  for (int v = 0; v < V - 1; ++v) store(out + v * L, sum[v]);
  store_n(out + (V - 1) * L, sum[V - 1], n - (V - 1) * L);
}

template <class T>
void correlate(const T* src, const int64_t* offset, const T* w, int64_t taps, T bias, T* out,
               int64_t n) {
  constexpr int L = Vec<T>::lanes;
  for (; n > 3 * L; n -= 4 * L, src += 4 * L, out += 4 * L)
    correlate_row<T, 4>(src, offset, w, taps, bias, out, n);
  if (n > 2 * L)
    correlate_row<T, 3>(src, offset, w, taps, bias, out, n);
  else if (n > L)
    correlate_row<T, 2>(src, offset, w, taps, bias, out, n);
  else if (n > 0)
    correlate_row<T, 1>(src, offset, w, taps, bias, out, n);
}

// kPixels pixels by V vectors of channels from channel `c` on: what is loaded of the weight serves
// all pixels.
template <class T, int kPixels, int V>
FB_VEC void correlate_block(const T* const* src, int64_t at, int64_t src_step, const T* const* w,
                            int64_t taps, const T* bias, T* out, int64_t out_step, int64_t c,
                            int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> sum[kPixels][V];
  for (int v = 0; v < V; ++v) {
    const Vec<T> first = bias ? load_n(bias + c + v * L, n) : Vec<T>(T(0));
    for (int p = 0; p < kPixels; ++p) sum[p][v] = first;
  }
  // The last taps read what nobody has read yet: it is fetched one group of pixels ahead.
  if constexpr (kPixels > 1) {
    for (int64_t t = src_step > out_step ? taps / 3 : taps - taps / 4; t < taps; ++t)
      for (int p = 0; p < kPixels; ++p)
        __builtin_prefetch(src[t] + at + c + (kPixels + p) * src_step);
    for (int p = 0; p < kPixels; ++p) __builtin_prefetch(out + (kPixels + p) * out_step + c, 1);
  }
  for (int64_t t = 0; t < taps; ++t) {
    const T* from = src[t] + at + c;
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const Vec<T> factor = load_n(w[t] + c + v * L, n);
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p)
        sum[p][v] = mad(factor, load_n(from + p * src_step + v * L, n), sum[p][v]);
    }
  }
  for (int p = 0; p < kPixels; ++p)
    for (int v = 0; v < V; ++v) store_n(out + p * out_step + c + v * L, sum[p][v], n);
}

template <class T>
void channels_correlate(const T* const* src, int64_t src_step, const T* const* w, int64_t taps,
                        const T* bias, T* out, int64_t out_step, int64_t pixels, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  constexpr int64_t G = 4;  // pixels together
  for (int64_t p = 0; p < pixels;) {
    const bool group = pixels >= G;
    if (group && p + G > pixels) p = pixels - G;  // the last group computes some pixels once more
    const int64_t at = p * src_step;
    T* to = out + p * out_step;
    int64_t c = 0;
    if (group) {
      for (; c + 2 * L <= n; c += 2 * L)
        correlate_block<T, G, 2>(src, at, src_step, w, taps, bias, to, out_step, c, L);
      for (; c < n; c += L)
        correlate_block<T, G, 1>(src, at, src_step, w, taps, bias, to, out_step, c, n - c);
    } else {
      for (; c + 2 * L <= n; c += 2 * L)
        correlate_block<T, 1, 2>(src, at, src_step, w, taps, bias, to, out_step, c, L);
      for (; c < n; c += L)
        correlate_block<T, 1, 1>(src, at, src_step, w, taps, bias, to, out_step, c, n - c);
    }
    p += group ? G : 1;
  }
}

// kTaps taps by V vectors of channels, summed in registers over the pixels.
template <class T, int kTaps, int V>
FB_VEC void products_block(const T* a, int64_t a_step, const T* const* src, int64_t src_step,
                           T* const* sum, int64_t pixels, int64_t at, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> s[kTaps][V];
  const T* from[kTaps];
  for (int t = 0; t < kTaps; ++t) {
    from[t] = src[t] + at;
    for (int v = 0; v < V; ++v) s[t][v] = load_n(sum[t] + at + v * L, n);
  }
  a += at;
  for (int64_t p = 0; p < pixels; ++p, a += a_step) {
    Vec<T> g[V];
    for (int v = 0; v < V; ++v) g[v] = load_n(a + v * L, n);
#pragma GCC unroll 4
    for (int t = 0; t < kTaps; ++t)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v)
        s[t][v] = mad(g[v], load_n(from[t] + p * src_step + v * L, n), s[t][v]);
  }
  for (int t = 0; t < kTaps; ++t)
    for (int v = 0; v < V; ++v) store_n(sum[t] + at + v * L, s[t][v], n);
}

template <class T, int kTaps>
void products_of_taps(const T* a, int64_t a_step, const T* const* src, int64_t src_step,
                      T* const* sum, int64_t pixels, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + 2 * L <= n; i += 2 * L)
    products_block<T, kTaps, 2>(a, a_step, src, src_step, sum, pixels, i, L);
  for (; i < n; i += L)
    products_block<T, kTaps, 1>(a, a_step, src, src_step, sum, pixels, i, n - i < L ? n - i : L);
}

template <class T>
void channels_products_add(const T* a, int64_t a_step, const T* const* src, int64_t src_step,
                           int64_t taps, T* const* sum, int64_t pixels, int64_t n) {
  int64_t t = 0;
  for (; t + 3 <= taps; t += 3)
    products_of_taps<T, 3>(a, a_step, src + t, src_step, sum + t, pixels, n);
  for (; t < taps; ++t) products_of_taps<T, 1>(a, a_step, src + t, src_step, sum + t, pixels, n);
}

template <class T>
T plane_dot(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> sum[4];
  for (Vec<T>& s : sum) s = T(0);
  for (int64_t r = 0; r < rows; ++r, a += a_row, b += b_row) {
    int64_t i = 0;
    for (; i + 4 * L <= n; i += 4 * L)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) sum[v] = mad(load(a + i + v * L), load(b + i + v * L), sum[v]);
    for (int v = 0; i < n; i += L, ++v) {  // lanes beyond the row are not the row's
      const int64_t some = n - i;
      const Vec<T> x = load(b + i);
      sum[v] = mad(load_n(a + i, some), some < L ? where(first_lanes<T>(some), x, Vec<T>(T(0))) : x,
                   sum[v]);
    }
  }
  return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

}  // namespace rows

#define FB_DEFINE_ROWS(S, T)                                                                     \
  void row_add_##S(const T* src, T w, T* dst, int64_t n) { rows::add<T>(src, w, dst, n); }       \
  void row_blend_##S(const T* a, T u, const T* b, T v, T* dst, int64_t n) {                      \
    for (int64_t i = 0; i < n; ++i) dst[i] = u * a[i] + v * b[i];                                \
  }                                                                                              \
  void correlate_##S(const T* src, const int64_t* offset, const T* w, int64_t taps, T bias,      \
                     T* out, int64_t n) {                                                        \
    rows::correlate<T>(src, offset, w, taps, bias, out, n);                                      \
  }                                                                                              \
  void row_deinterleave_##S(const T* src, int64_t n, T* even, T* odd) {                          \
    rows::deinterleave<T>(src, n, even, odd);                                                    \
  }                                                                                              \
  void row_interleave_##S(const T* even, const T* odd, int64_t n, T* dst) {                      \
    rows::interleave<T>(even, odd, n, dst);                                                      \
  }                                                                                              \
  void channels_correlate_##S(const T* const* src, int64_t src_step, const T* const* w,          \
                              int64_t taps, const T* bias, T* out, int64_t out_step,             \
                              int64_t pixels, int64_t n) {                                       \
    rows::channels_correlate<T>(src, src_step, w, taps, bias, out, out_step, pixels, n);         \
  }                                                                                              \
  void channels_products_add_##S(const T* a, int64_t a_step, const T* const* src,                \
                                 int64_t src_step, int64_t taps, T* const* sum, int64_t pixels,  \
                                 int64_t n) {                                                    \
    rows::channels_products_add<T>(a, a_step, src, src_step, taps, sum, pixels, n);              \
  }                                                                                              \
  T plane_dot_##S(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows,            \
                  int64_t n) {                                                                   \
    return rows::plane_dot<T>(a, a_row, b, b_row, rows, n);                                      \
  }
FB_DEFINE_ROWS(f32, float)
FB_DEFINE_ROWS(f64, double)
#undef FB_DEFINE_ROWS

}  // namespace flambeau::FB_ISA
