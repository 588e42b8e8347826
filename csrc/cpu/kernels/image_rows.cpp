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
void products_add(const T* a, const T* b, T* dst, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(dst + i, mad(load(a + i), load(b + i), load(dst + i)));
  if (i < n)
    store_n(dst + i, mad(load_n(a + i, n - i), load_n(b + i, n - i), load_n(dst + i, n - i)),
            n - i);
}

template <class T, int kStep>
FB_VEC Vec<T> load_step(const T* p) {
  if constexpr (kStep == 1)
    return load(p);
  else
    return evens(load(p), load(p + Vec<T>::lanes));
}

template <class T, int kStep>
void correlate(const T* src, const int64_t* offset, const T* w, int64_t taps, T bias, T* out,
               int64_t n) {
  constexpr int L = Vec<T>::lanes, V = 4;
  int64_t i = 0;
  for (; i + V * L <= n; i += V * L) {
    Vec<T> sum[V];
    for (int v = 0; v < V; ++v) sum[v] = bias;
    const T* from = src + i * kStep;
    for (int64_t t = 0; t < taps; ++t) {
      const Vec<T> factor = w[t];
      const T* p = from + offset[t];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        sum[v] = mad(factor, load_step<T, kStep>(p + v * L * kStep), sum[v]);
    }
    for (int v = 0; v < V; ++v) store(out + i + v * L, sum[v]);
  }
  for (; i < n; i += L) {
    Vec<T> sum = bias;
    for (int64_t t = 0; t < taps; ++t)
      sum = mad(Vec<T>(w[t]), load_step<T, kStep>(src + i * kStep + offset[t]), sum);
    store_n(out + i, sum, n - i);
  }
}

template <class T>
void correlate_channels(const T* const* src, const T* const* w, int64_t taps, const T* bias, T* out,
                        int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + 2 * L <= n; i += 2 * L) {
    Vec<T> low = T(0), high = T(0);
    if (bias) low = load(bias + i), high = load(bias + i + L);
    for (int64_t t = 0; t < taps; ++t) {
      low = mad(load(w[t] + i), load(src[t] + i), low);
      high = mad(load(w[t] + i + L), load(src[t] + i + L), high);
    }
    store(out + i, low);
    store(out + i + L, high);
  }
  for (; i < n; i += L) {
    const int64_t some = n - i;
    Vec<T> sum = T(0);
    if (bias) sum = load_n(bias + i, some);
    for (int64_t t = 0; t < taps; ++t)
      sum = mad(load_n(w[t] + i, some), load_n(src[t] + i, some), sum);
    store_n(out + i, sum, some);
  }
}

template <class T, int kStep>
T plane_dot(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> first = T(0), second = T(0);
  const auto kept = [](Vec<T> v, int64_t count) {  // lanes beyond the row are not the row's
    Vec<T> r = T(0);
    for (int i = 0; i < L; ++i) r.v[i] = i < count ? v.v[i] : T(0);
    return r;
  };
  for (int64_t r = 0; r < rows; ++r, a += a_row, b += b_row) {
    int64_t i = 0;
    for (; i + 2 * L <= n; i += 2 * L) {
      first = mad(load(a + i), load_step<T, kStep>(b + i * kStep), first);
      second = mad(load(a + i + L), load_step<T, kStep>(b + (i + L) * kStep), second);
    }
    for (; i < n; i += L) {
      const int64_t some = n - i;
      const Vec<T> x = load_step<T, kStep>(b + i * kStep);
      first = mad(load_n(a + i, some), some < L ? kept(x, some) : x, first);
    }
  }
  return reduce_add(first + second);
}

}  // namespace rows

#define FB_DEFINE_ROWS(S, T)                                                                     \
  void row_add_##S(const T* src, T w, T* dst, int64_t n) { rows::add<T>(src, w, dst, n); }       \
  void products_add_##S(const T* a, const T* b, T* dst, int64_t n) {                             \
    rows::products_add<T>(a, b, dst, n);                                                         \
  }                                                                                              \
  void correlate_##S(const T* src, const int64_t* offset, const T* w, int64_t taps,              \
                     int64_t step, T bias, T* out, int64_t n) {                                  \
    if (step == 1) rows::correlate<T, 1>(src, offset, w, taps, bias, out, n);                    \
    else rows::correlate<T, 2>(src, offset, w, taps, bias, out, n);                              \
  }                                                                                              \
  void correlate_channels_##S(const T* const* src, const T* const* w, int64_t taps,              \
                              const T* bias, T* out, int64_t n) {                                \
    rows::correlate_channels<T>(src, w, taps, bias, out, n);                                     \
  }                                                                                              \
  T plane_dot_##S(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t step,            \
                  int64_t rows, int64_t n) {                                                     \
    return step == 1 ? rows::plane_dot<T, 1>(a, a_row, b, b_row, rows, n)                        \
                     : rows::plane_dot<T, 2>(a, a_row, b, b_row, rows, n);                       \
  }
FB_DEFINE_ROWS(f32, float)
FB_DEFINE_ROWS(f64, double)
#undef FB_DEFINE_ROWS

}  // namespace flambeau::FB_ISA
