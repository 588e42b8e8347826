#include "cpu/kernels/distance.h"

#include "cpu/vec_math.h"

namespace flambeau::FB_ISA {
namespace distance {

constexpr int64_t kBlock = 64;  // elements whose terms are summed before they meet the others

using N = DistanceNorm;

template <N kNorm, class T>
FB_VEC Vec<T> add_term(Vec<T> gap, Vec<T> sum) {
  if constexpr (kNorm == N::Largest)
    return maximum(sum, abs(gap));
  else
    return kNorm == N::Squares ? mad(gap, gap, sum) : sum + abs(gap);
}

// V vectors of distances; of one vector, `now` lanes.
template <class T, N kNorm, int V>
FB_VEC void vectors(const T* x, const T* others, int64_t m, int64_t stride, int64_t now, T* y) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> total[V];
  for (int v = 0; v < V; ++v) total[v] = T(0);
  for (int64_t from = 0; from < m; from += kBlock) {
    const int64_t to = m - from < kBlock ? m : from + kBlock;
    Vec<T> sum[V];
    for (int v = 0; v < V; ++v) sum[v] = T(0);
    for (int64_t k = from; k < to; ++k)
      for (int v = 0; v < V; ++v) {
        const T* other = others + k * stride + v * L;
        const Vec<T> gap = Vec<T>(x[k]) - (V > 1 ? load(other) : load_n(other, now));
        sum[v] = add_term<kNorm>(gap, sum[v]);
      }
    for (int v = 0; v < V; ++v)
      total[v] = kNorm == N::Largest ? maximum(total[v], sum[v]) : total[v] + sum[v];
  }
  for (int v = 0; v < V; ++v) {
    if (kNorm == N::Squares) total[v] = sqrt(total[v]);
    if constexpr (V > 1)
      store(y + v * L, total[v]);
    else
      store_n(y, total[v], now);
  }
}

template <class T, N kNorm>
void row(const T* x, const T* others, int64_t m, int64_t n, int64_t stride, T* y) {
  constexpr int L = Vec<T>::lanes;
  int64_t r = 0;
  for (; r + 4 * L <= n; r += 4 * L) vectors<T, kNorm, 4>(x, others + r, m, stride, L, y + r);
  for (; r < n; r += L)
    vectors<T, kNorm, 1>(x, others + r, m, stride, n - r < L ? n - r : L, y + r);
}

template <class T, bool kSquares>
void row_grad(const T* share, const T* x, const T* others, int64_t m, int64_t n, T* dx) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  for (int64_t k = 0; k < m; ++k, others += n) {
    const V at = x[k];
    const auto term = [&](V s, V other, V sum) __attribute__((always_inline)) {
      const V gap = at - other;
      if constexpr (kSquares) return mad(s, gap, sum);
      return sum + where(gap == V(0), V(0), xorsign(s, gap));
    };
    V a = T(0), b = T(0);
    int64_t r = 0;
    for (; r + 2 * L <= n; r += 2 * L) {
      a = term(load(share + r), load(others + r), a);
      b = term(load(share + r + L), load(others + r + L), b);
    }
    for (; r < n; r += L) a = term(load_n(share + r, n - r), load_n(others + r, n - r), a);
    dx[k] = reduce_add(a + b);
  }
}

}  // namespace distance

#define FB_DEFINE_DISTANCES(S, T)                                                                \
  void row_distances_##S(const T* x, const T* others, int64_t m, int64_t n, int64_t stride,       \
                         DistanceNorm norm, T* y) {                                              \
    const auto run = norm == DistanceNorm::Largest ? distance::row<T, DistanceNorm::Largest>     \
                     : norm == DistanceNorm::Sum   ? distance::row<T, DistanceNorm::Sum>         \
                                                   : distance::row<T, DistanceNorm::Squares>;    \
    run(x, others, m, n, stride, y);                                                             \
  }                                                                                              \
  void row_distances_grad_##S(const T* share, const T* x, const T* others, int64_t m, int64_t n, \
                              bool squares, T* dx) {                                             \
    (squares ? distance::row_grad<T, true> : distance::row_grad<T, false>)(share, x, others, m, n, \
                                                                          dx);                   \
  }
FB_DEFINE_DISTANCES(f32, float)
FB_DEFINE_DISTANCES(f64, double)
#undef FB_DEFINE_DISTANCES

}  // namespace flambeau::FB_ISA
