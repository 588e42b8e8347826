#include "cpu/kernels/pool.h"

#include "cpu/kernels/shuffle.h"

namespace flambeau::FB_ISA {
namespace pool {

template <class T>
T larger(T a, T b) {
  return b > a || b != b ? b : a;
}

template <class T>
void row_max(const T* row, T* to, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(to + i, maximum(load(to + i), load(row + i)));
  for (; i < n; ++i) to[i] = larger(to[i], row[i]);
}

template <class T>
void pairs_max(const T* row, T* out, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    const Vec<T> a = load(row + 2 * i), b = load(row + 2 * i + L);
    store(out + i, maximum(evens(a, b), odds(a, b)));
  }
  for (; i < n; ++i) out[i] = larger(row[2 * i], row[2 * i + 1]);
}

template <class T>
void pairs_grad(const T* grad, const T* row0, const T* row1, T* to0, T* to1, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    const Vec<T> r0 = load(row0 + 2 * i), r1 = load(row0 + 2 * i + L);
    const Vec<T> s0 = load(row1 + 2 * i), s1 = load(row1 + 2 * i + L);
    const Vec<T> a = evens(r0, r1), b = odds(r0, r1), c = evens(s0, s1), d = odds(s0, s1);
    const Vec<T> g = load(grad + i), zero = T(0);
    const auto b_wins = (b > a) | (b != b);
    Vec<T> best = where(b_wins, b, a);
    const auto c_wins = (c > best) | (c != c);
    best = where(c_wins, c, best);
    const auto d_wins = (d > best) | (d != d);
    const auto not_d = !d_wins;
    const auto below = not_d & !c_wins;
    store_interleaved(to0 + 2 * i, where(below & !b_wins, g, zero), where(below & b_wins, g, zero));
    store_interleaved(to1 + 2 * i, where(not_d & c_wins, g, zero), where(d_wins, g, zero));
  }
  for (; i < n; ++i) {
    const T v[4] = {row0[2 * i], row0[2 * i + 1], row1[2 * i], row1[2 * i + 1]};
    int at = 0;
    for (int j = 1; j < 4; ++j)
      if (v[j] > v[at] || v[j] != v[j]) at = j;
    to0[2 * i] = to0[2 * i + 1] = to1[2 * i] = to1[2 * i + 1] = T(0);
    (at < 2 ? to0 : to1)[2 * i + at % 2] = grad[i];
  }
}

}  // namespace pool

#define FB_DEFINE_POOL(S, T)                                                                    \
  void pool_row_max_##S(const T* row, T* to, int64_t n) { pool::row_max<T>(row, to, n); }       \
  void pool_pairs_max_##S(const T* row, T* out, int64_t n) { pool::pairs_max<T>(row, out, n); } \
  void pool_pairs_grad_##S(const T* grad, const T* row0, const T* row1, T* to0, T* to1,         \
                           int64_t n) {                                                         \
    pool::pairs_grad<T>(grad, row0, row1, to0, to1, n);                                         \
  }
FB_DEFINE_POOL(f32, float)
FB_DEFINE_POOL(f64, double)
#undef FB_DEFINE_POOL

}  // namespace flambeau::FB_ISA
