// Matrix times vector, bound by the speed of memory: every element of the matrix is read once, in
// long runs, and several rows share each load of the vector.
#include "cpu/kernels/gemm_vector.h"

namespace flambeau::FB_ISA {
namespace matmul {

template <class T>
T sum_lanes(Vector<T> v) {
  T sum = v[0];
  for (int i = 1; i < kLanes<T>; ++i) sum += v[i];
  return sum;
}

// Dot products of R rows with x; two sums per row when there are few rows to hide the latency.
template <class T, int R, class Source>
void dot_rows_block(const Source* a, int64_t row, const T* x, int64_t k, T* y) {
  constexpr int L = kLanes<T>;
  constexpr int U = R >= 4 ? 2 : 4;
  Vector<T> sum[R][U] = {};
  int64_t p = 0;
  for (; p + U * L <= k; p += U * L) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) {
      const Vector<T> xv = load(x + p + u * L);
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i)
        sum[i][u] = multiply_add<T>(load_as<T>(a + i * row + p + u * L), xv, sum[i][u]);
    }
  }
  for (int i = 0; i < R; ++i) {
    Vector<T> all = sum[i][0];
    for (int u = 1; u < U; ++u) all += sum[i][u];
    T tail = sum_lanes<T>(all);
    for (int64_t q = p; q < k; ++q) tail += widen<T>(a[i * row + q]) * x[q];
    y[i] = tail;
  }
}

// Which block computes a row depends on its place, so callers must cut rows at multiples of four.
template <class T, class Source>
void dot_rows(const Source* a, int64_t row, const T* x, int64_t rows, int64_t k, T* y) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) dot_rows_block<T, 4>(a + i * row, row, x, k, y + i);
  for (; i < rows; ++i) dot_rows_block<T, 1>(a + i * row, row, x, k, y + i);
}

template <class T, int R, class Source>
[[gnu::always_inline]] inline void add_rows(const Source* a, int64_t row, const T* x, int64_t n,
                                            T* y) {
  constexpr int L = kLanes<T>;
  int64_t j = 0;
  for (; j + L <= n; j += L) {
    Vector<T> sum = load(y + j);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) sum = multiply_add<T>(x[i], load_as<T>(a + i * row + j), sum);
    store(y + j, sum);
  }
  for (; j < n; ++j) {
    T sum = y[j];
    for (int i = 0; i < R; ++i) sum += x[i] * widen<T>(a[i * row + j]);
    y[j] = sum;
  }
}

// Eight rows at a time over a stretch of y that stays in the first-level cache.
template <class T, class Source>
void sum_rows(const Source* a, int64_t row, const T* x, int64_t n, int64_t k, T* y) {
  constexpr int64_t kStretch = 8192 / sizeof(T);
  for (int64_t j = 0; j < n; j += kStretch) {
    const int64_t now = n - j < kStretch ? n - j : kStretch;
    for (int64_t i = 0; i < now; ++i) y[j + i] = T(0);
    int64_t p = 0;
    for (; p + 8 <= k; p += 8) add_rows<T, 8>(a + p * row + j, row, x + p, now, y + j);
    for (; p < k; ++p) add_rows<T, 1>(a + p * row + j, row, x + p, now, y + j);
  }
}

}  // namespace matmul

#define FB_DEFINE_GEMV(S, T)                                                                    \
  void gemv_dot_rows_##S(GemmSource source, const void* a, int64_t row, const T* x,             \
                         int64_t rows, int64_t k, T* y) {                                       \
    matmul::with_source<T>(source, a,                                                           \
                           [&](auto* src) { matmul::dot_rows<T>(src, row, x, rows, k, y); });   \
  }                                                                                             \
  void gemv_sum_rows_##S(GemmSource source, const void* a, int64_t row, const T* x, int64_t n,  \
                         int64_t k, T* y) {                                                     \
    matmul::with_source<T>(source, a,                                                           \
                           [&](auto* src) { matmul::sum_rows<T>(src, row, x, n, k, y); });      \
  }
FB_DEFINE_GEMV(f32, float)
FB_DEFINE_GEMV(f64, double)

}  // namespace flambeau::FB_ISA
