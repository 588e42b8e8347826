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

// V vectors of channels of one pixel; with kWhole all of them, else n channels. kTaps and kLines
// are numbers known beforehand, or 0.
template <class T, int V, bool kWhole, int kLines, int kTaps>
FB_VEC void pixel_block(const T* const* line, const T* line_w, int64_t lines, const int64_t* index,
                        const T* w, int64_t taps, T* out, int64_t c, int64_t row, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  const auto read = [n](const T* p) { return kWhole ? load(p) : load_n(p, n); };
  Vec<T> sum[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) sum[v] = Vec<T>(T(0));
  for (int64_t j = 0; j < (kLines ? kLines : lines); ++j)
    for (int64_t k = 0; k < (kTaps ? kTaps : taps); ++k) {
      const Vec<T> factor = line_w[j] * w[k];
      const T* from = line[j] + index[k] * row + c;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[v] = mad(factor, read(from + v * L), sum[v]);
    }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    if constexpr (kWhole)
      store(out + c + v * L, sum[v]);
    else
      store_n(out + c, sum[v], n);
  }
}

template <class T, int kLines, int kTaps>
void pixels_of(const T* const* line, const T* line_w, int64_t lines, const int64_t* index,
               const T* w, int64_t taps, T* out, int64_t pixels, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t p = 0; p < pixels; ++p, index += taps, w += taps, out += n) {
    int64_t c = 0;
    for (; c + 4 * L <= n; c += 4 * L)
      pixel_block<T, 4, true, kLines, kTaps>(line, line_w, lines, index, w, taps, out, c, n, L);
    for (; c + L <= n; c += L)
      pixel_block<T, 1, true, kLines, kTaps>(line, line_w, lines, index, w, taps, out, c, n, L);
    if (c < n)
      pixel_block<T, 1, false, kLines, kTaps>(line, line_w, lines, index, w, taps, out, c, n,
                                              n - c);
  }
}

template <class T>
void pixels(const T* const* line, const T* line_w, int64_t lines, const int64_t* index, const T* w,
            int64_t taps, T* out, int64_t pixels, int64_t n) {
  const auto f = lines == 2 && taps == 2   ? pixels_of<T, 2, 2>
                 : lines == 1 && taps == 2 ? pixels_of<T, 1, 2>
                                           : pixels_of<T, 0, 0>;
  f(line, line_w, lines, index, w, taps, out, pixels, n);
}

// V vectors of channels of P pixels, which will soon be read, or written.
template <class T, int P, int V, int kWrite>
FB_VEC void fetch_block(const T* from, int64_t step) {
  constexpr int kLine = 64 / sizeof(T);
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
    for (int i = 0; i < V * Vec<T>::lanes; i += kLine)
      __builtin_prefetch(from + p * step + i, kWrite);
}

// P pixels by V vectors of channels: what is loaded of the weight serves all pixels. Of one vector,
// n channels. What the next block writes, and what it reads that no row has read yet, comes from
// afar: it is fetched meanwhile.
template <class T, int P, int V, bool kWhole>
FB_VEC void correlate_block(const TapRows<T>& s, int64_t at, const T* bias, T* out,
                            int64_t out_step, int64_t c, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  const int64_t src_step = s.src_step, taps = s.taps;
  const T *const *src = s.src, *const *w = s.w;
  const auto read = [n](const T* p) { return kWhole ? load(p) : load_n(p, n); };
  Vec<T> sum[P][V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    const Vec<T> first = bias ? read(bias + c + v * L) : Vec<T>(T(0));
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) sum[p][v] = first;
  }
  if (kWhole && s.fresh > 0) {
    fetch_block<T, P, V, 1>(out + c + P * out_step, out_step);
    for (int64_t t = 0; t < s.fresh; ++t)
      fetch_block<T, P, V, 0>(s.first_read[t] + at + c + P * src_step, src_step);
  }
  for (int64_t t = 0; t < taps; ++t) {
    const T* from = src[t] + at + c;
    const T* factors = w[t] + c;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vec<T> factor = read(factors + v * L);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p)
        sum[p][v] = mad(factor, read(from + p * src_step + v * L), sum[p][v]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      if constexpr (kWhole)
        store(out + p * out_step + c + v * L, sum[p][v]);
      else
        store_n(out + p * out_step + c, sum[p][v], n);
    }
}

// All channels of P pixels.
template <class T, int P, int V>
void correlate_pixels(const TapRows<T>& s, int64_t at, const T* bias, T* out, int64_t out_step,
                      int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t c = 0;
  for (; c + V * L <= n; c += V * L)
    correlate_block<T, P, V, true>(s, at, bias, out, out_step, c, L);
  for (; c < n && n >= L; c += L)  // the last vector computes some channels once more
    correlate_block<T, P, 1, true>(s, at, bias, out, out_step, c + L > n ? n - L : c, L);
  if (c < n) correlate_block<T, P, 1, false>(s, at, bias, out, out_step, c, n - c);
}

template <class T>
void channels_correlate(const TapRows<T>& s, const T* bias, T* out, int64_t out_step,
                        int64_t pixels, int64_t n) {
  constexpr int64_t kMany = 6, kSome = 3;
  const int64_t group = pixels >= kMany ? kMany : pixels >= kSome ? kSome : 1;
  for (int64_t p = 0; p < pixels; p += group) {
    if (p + group > pixels) p = pixels - group;  // the last group computes some once more
    const int64_t at = p * s.src_step;
    T* to = out + p * out_step;
    if (group == kMany)
      correlate_pixels<T, kMany, 2>(s, at, bias, to, out_step, n);
    else if (group == kSome)
      correlate_pixels<T, kSome, 4>(s, at, bias, to, out_step, n);
    else
      correlate_pixels<T, 1, 4>(s, at, bias, to, out_step, n);
  }
}

// K taps by V vectors of channels, summed in registers over the pixels.
template <class T, int K, int V, bool kWhole>
FB_VEC void products_block(const T* a, int64_t a_step, const T* const* src, int64_t src_step,
                           T* const* sum, int64_t first, int64_t pixels, int64_t c, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  const auto read = [n](const T* p) { return kWhole ? load(p) : load_n(p, n); };
  Vec<T> s[K][V];
  const T* from[K];
#pragma GCC unroll 8
  for (int t = 0; t < K; ++t) {
    from[t] = src[t] + first * src_step + c;
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) s[t][v] = read(sum[t] + c + v * L);
  }
  a += first * a_step + c;
  for (int64_t p = 0; p < pixels; ++p, a += a_step) {
    Vec<T> g[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) g[v] = read(a + v * L);
#pragma GCC unroll 8
    for (int t = 0; t < K; ++t)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v)
        s[t][v] = mad(g[v], read(from[t] + p * src_step + v * L), s[t][v]);
  }
#pragma GCC unroll 8
  for (int t = 0; t < K; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      if constexpr (kWhole)
        store(sum[t] + c + v * L, s[t][v]);
      else
        store_n(sum[t] + c, s[t][v], n);
    }
}

template <class T, int K>
void products_of_taps(const T* a, int64_t a_step, const T* const* src, int64_t src_step,
                      T* const* sum, int64_t first, int64_t pixels, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t c = 0;
  for (; c + 2 * L <= n; c += 2 * L)
    products_block<T, K, 2, true>(a, a_step, src, src_step, sum, first, pixels, c, L);
  for (; c + L <= n; c += L)
    products_block<T, K, 1, true>(a, a_step, src, src_step, sum, first, pixels, c, L);
  if (c < n) products_block<T, K, 1, false>(a, a_step, src, src_step, sum, first, pixels, c, n - c);
}

// The n channels of pixels that will be read soon.
template <class T>
void fetch_pixels(const T* from, int64_t step, int64_t pixels, int64_t n) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t p = 0; p < pixels; ++p, from += step)
    for (int64_t c = 0; c < n; c += kLine) __builtin_prefetch(from + c);
}

template <class T>
void channels_products_add(const T* a, int64_t a_step, const TapRows<T>& s, T* const* sum,
                           int64_t pixels, int64_t n) {
  constexpr int64_t kTogether = 8;  // pixels whose channels stay in the nearest cache
  const T* const* src = s.src;
  for (int64_t p = 0; p < pixels; p += kTogether) {
    const int64_t now = pixels - p < kTogether ? pixels - p : kTogether, next = p + now;
    if (s.fresh > 0) fetch_pixels(a + next * a_step, a_step, now, n);
    for (int64_t t = 0; t < s.fresh; ++t)
      fetch_pixels(s.first_read[t] + next * s.src_step, s.src_step, now, n);
    const auto products = [&]<int K>(int64_t t) {
      products_of_taps<T, K>(a, a_step, src + t, s.src_step, sum + t, p, now, n);
    };
    int64_t t = 0;
    for (; t + 5 <= s.taps; t += 5) products.template operator()<5>(t);
    if (s.taps - t == 4) products.template operator()<4>(t), t += 4;
    if (s.taps - t >= 2) products.template operator()<2>(t), t += 2;
    if (s.taps - t == 1) products.template operator()<1>(t);
  }
}

}  // namespace rows

#define FB_DEFINE_ROWS(S, T)                                                                     \
  void row_add_##S(const T* src, T w, T* dst, int64_t n) { rows::add<T>(src, w, dst, n); }       \
  void row_blend_##S(const T* a, T u, const T* b, T v, T* dst, int64_t n) {                      \
    for (int64_t i = 0; i < n; ++i) dst[i] = u * a[i] + v * b[i];                                \
  }                                                                                              \
  void row_deinterleave_##S(const T* src, int64_t n, T* even, T* odd) {                          \
    rows::deinterleave<T>(src, n, even, odd);                                                    \
  }                                                                                              \
  void row_interleave_##S(const T* even, const T* odd, int64_t n, T* dst) {                      \
    rows::interleave<T>(even, odd, n, dst);                                                      \
  }                                                                                              \
  void row_pixels_##S(const T* const* line, const T* line_w, int64_t lines, const int64_t* index, \
                      const T* w, int64_t taps, T* out, int64_t pixels, int64_t n) {             \
    rows::pixels<T>(line, line_w, lines, index, w, taps, out, pixels, n);                        \
  }                                                                                              \
  void channels_correlate_##S(const TapRows<T>& src, const T* bias, T* out, int64_t out_step,    \
                              int64_t pixels, int64_t n) {                                       \
    rows::channels_correlate<T>(src, bias, out, out_step, pixels, n);                            \
  }                                                                                              \
  void channels_products_add_##S(const T* a, int64_t a_step, const TapRows<T>& src,             \
                                 T* const* sum, int64_t pixels, int64_t n) {                     \
    rows::channels_products_add<T>(a, a_step, src, sum, pixels, n);                              \
  }
FB_DEFINE_ROWS(f32, float)
FB_DEFINE_ROWS(f64, double)
#undef FB_DEFINE_ROWS

}  // namespace flambeau::FB_ISA
