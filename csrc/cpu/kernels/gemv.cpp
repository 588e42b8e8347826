// Products of a matrix with one vector or a few: the elements of the matrix are used so seldom that
// packing would cost more than it saves. They are read once, in long runs.
#include "cpu/kernels/gemm_vector.h"

namespace flambeau::FB_ISA {
namespace matmul {

template <class T>
T sum_lanes(Vector<T> v) {
  T sum = v[0];
  for (int i = 1; i < kLanes<T>; ++i) sum += v[i];
  return sum;
}

// The sums of the lanes of four vectors, with the same order of additions for each.
template <class T>
void sum_four(Vector<T> (&v)[4], T* totals) {
  constexpr int L = kLanes<T>;
  constexpr auto lanes = std::make_integer_sequence<int, L>();
  exchange<T, 1>(v[0], v[1], lanes);
  exchange<T, 1>(v[2], v[3], lanes);
  Vector<T> low = v[0] + v[1], high = v[2] + v[3];  // lanes belong to vectors 0 1 0 1.., 2 3 2 3..
  if constexpr (L == 2) {
    store(totals, low);
    store(totals + 2, high);
  } else {
    exchange<T, 2>(low, high, lanes);
    T all[L];
    store(all, low + high);  // 0 1 2 3 0 1 2 3
    for (int q = 0; q < 4; ++q) totals[q] = L == 4 ? all[q] : all[q] + all[q + L - 4];
  }
}

// Adds the dot products of R vectors with Q rows over k steps to sums. With one vector, two sums
// for each row hide the latency of the multiply-add.
template <class T, int R, int Q, class Source>
[[gnu::noinline]] void dot_block(const Source* a, int64_t row, const T* x, int64_t x_row, int64_t k,
                                 T* sums, int64_t sums_row) {
  constexpr int L = kLanes<T>;
  constexpr int U = R * Q <= 4 ? 2 : 1;
  Vector<T> sum[R][Q][U] = {};
  const auto step = [&](int u, auto&& read_x, auto&& read_a) __attribute__((always_inline)) {
    Vector<T> xv[R];
#pragma GCC unroll 3
    for (int i = 0; i < R; ++i) xv[i] = read_x(x + i * x_row);
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) {
      const Vector<T> av = read_a(a + q * row);
#pragma GCC unroll 3
      for (int i = 0; i < R; ++i) sum[i][q][u] = multiply_add<T>(av, xv[i], sum[i][q][u]);
    }
  };
  int64_t p = 0;
  const auto whole = [&](int u) __attribute__((always_inline)) {
    step(
        u, [&](const T* at) { return load(at + p); },
        [&](const Source* at) { return load_as<T>(at + p); });
    p += L;
  };
  while (p + U * L <= k) {
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) whole(u);
  }
  if (U > 1 && p + L <= k) whole(0);
  if constexpr (std::is_same_v<T, Source>) {
    const auto rest = [&](const T* at) { return load_some(at + p, k - p); };
    if (p < k) step(0, rest, rest);
    p = k;
  }
#pragma GCC unroll 3
  for (int i = 0; i < R; ++i) {
    Vector<T> all[Q];
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) {
      all[q] = sum[i][q][0];
#pragma GCC unroll 2
      for (int u = 1; u < U; ++u) all[q] += sum[i][q][u];
    }
    T totals[Q];
    if constexpr (Q == 4)
      sum_four<T>(all, totals);
    else
      totals[0] = sum_lanes<T>(all[0]);
    for (int q = 0; q < Q; ++q) {
      for (int64_t r = p; r < k; ++r) totals[q] += widen<T>(a[q * row + r]) * x[i * x_row + r];
      sums[i * sums_row + q] += totals[q];
    }
  }
}

template <class T, int Q, class Source>
void dot_vectors(const Source* a, int64_t row, const T* x, int64_t x_row, int64_t count, int64_t k,
                 T* sums, int64_t sums_row) {
  int64_t i = 0;
  for (; i + 3 <= count; i += 3)
    dot_block<T, 3, Q>(a, row, x + i * x_row, x_row, k, sums + i * sums_row, sums_row);
  if (count - i == 2)
    dot_block<T, 2, Q>(a, row, x + i * x_row, x_row, k, sums + i * sums_row, sums_row);
  else if (count - i == 1)
    dot_block<T, 1, Q>(a, row, x + i * x_row, x_row, k, sums + i * sums_row, sums_row);
}

// Rows of n elements that will be read soon, for all that the processor does not guess.
template <class Source>
void fetch_rows(const Source* a, int64_t row, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, a += row)
    for (int64_t i = 0; i < n; i += 64 / static_cast<int64_t>(sizeof(Source)))
      __builtin_prefetch(a + i);
}

// With several vectors k is blocked so that four rows and three vectors fit the first-level cache.
template <class T, class Source>
void dot_rows(const Source* a, int64_t row, int64_t rows, const T* x, int64_t x_row, int64_t count,
              int64_t k, T* sums, int64_t sums_row, int64_t ahead) {
  for (int64_t i = 0; i < count; ++i)
    for (int64_t q = 0; q < rows; ++q) sums[i * sums_row + q] = T(0);
  const int64_t block = count == 1 ? k : 4096 / static_cast<int64_t>(sizeof(T));
  for (int64_t q = 0; q < rows; q += 4) {
    if (ahead) fetch_rows(a + (q + ahead) * row, row, 4, k);
    for (int64_t p = 0; p < k; p += block) {
      const int64_t now = k - p < block ? k - p : block;
      const Source* from = a + q * row + p;
      if (rows - q >= 4)
        dot_vectors<T, 4>(from, row, x + p, x_row, count, now, sums + q, sums_row);
      else
        for (int64_t r = 0; r < rows - q; ++r)
          dot_vectors<T, 1>(from + r * row, row, x + p, x_row, count, now, sums + q + r, sums_row);
    }
  }
}

// y[i][j] += sum over P rows of x[i][p] a[p][j], for R vectors.
template <class T, int R, int P, class Source>
[[gnu::noinline]] void add_rows(const Source* a, int64_t row, int64_t n, const T* x, int64_t x_row,
                                T* y, int64_t y_row) {
  constexpr int L = kLanes<T>;
  constexpr int V = 2;  // vectors that share a load of x, and a line
  int64_t j = 0;
  for (; j + V * L <= n; j += V * L) {
    Vector<T> sum[R][V];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[i][v] = load(y + i * y_row + j + v * L);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      Vector<T> av[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) av[v] = load_as<T>(a + p * row + j + v * L);
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[i][v] = multiply_add<T>(x[i * x_row + p], av[v], sum[i][v]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) store(y + i * y_row + j + v * L, sum[i][v]);
  }
  for (; j < n; ++j)
    for (int i = 0; i < R; ++i) {
      T sum = y[i * y_row + j];
      for (int p = 0; p < P; ++p) sum += x[i * x_row + p] * widen<T>(a[p * row + j]);
      y[i * y_row + j] = sum;
    }
}

template <class T, int R, class Source>
void sum_rows_of(const Source* a, int64_t row, int64_t n, const T* x, int64_t x_row, int64_t k,
                 T* y, int64_t y_row, int64_t ahead) {
  constexpr int P = R == 1 ? 8 : 4;
  int64_t p = 0;
  for (; p + P <= k; p += P) {
    if (ahead) fetch_rows(a + (p + ahead) * row, row, P, n);
    add_rows<T, R, P>(a + p * row, row, n, x + p, x_row, y, y_row);
  }
  for (; p < k; ++p) add_rows<T, R, 1>(a + p * row, row, n, x + p, x_row, y, y_row);
}

// A stretch of y stays in the first-level cache; blocks of rows in the second, for further vectors.
template <class T, class Source>
void sum_rows(const Source* a, int64_t row, int64_t n, const T* x, int64_t x_row, int64_t count,
              int64_t k, T* y, int64_t y_row, int64_t ahead) {
  const int64_t stretch = (count == 1 ? 8192 : 4096) / static_cast<int64_t>(sizeof(T));
  const int64_t block = count <= 4 ? k : 64;
  for (int64_t j = 0; j < n; j += stretch) {
    const int64_t now = n - j < stretch ? n - j : stretch;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t q = 0; q < now; ++q) y[i * y_row + j + q] = T(0);
    for (int64_t p = 0; p < k; p += block) {
      const int64_t steps = k - p < block ? k - p : block;
      const Source* from = a + p * row + j;
      int64_t i = 0;
      for (; i + 4 <= count; i += 4)
        sum_rows_of<T, 4>(from, row, now, x + i * x_row + p, x_row, steps, y + i * y_row + j, y_row,
                          i == 0 ? ahead : 0);
      for (; i + 2 <= count; i += 2)
        sum_rows_of<T, 2>(from, row, now, x + i * x_row + p, x_row, steps, y + i * y_row + j, y_row,
                          i == 0 ? ahead : 0);
      for (; i < count; ++i)
        sum_rows_of<T, 1>(from, row, now, x + i * x_row + p, x_row, steps, y + i * y_row + j, y_row,
                          i == 0 ? ahead : 0);
    }
  }
}

}  // namespace matmul

#define FB_DEFINE_GEMV(S, T)                                                                     \
  void gemv_dot_rows_##S(GemmSource source, const void* a, int64_t row, int64_t rows, const T* x, \
                         int64_t x_row, int64_t count, int64_t k, T* y, int64_t y_row,           \
                         int64_t ahead) {                                                        \
    matmul::with_source<T>(source, a, [&](auto* src) {                                           \
      matmul::dot_rows<T>(src, row, rows, x, x_row, count, k, y, y_row, ahead);                      \
    });                                                                                          \
  }                                                                                              \
  void gemv_sum_rows_##S(GemmSource source, const void* a, int64_t row, int64_t n, const T* x,   \
                         int64_t x_row, int64_t count, int64_t k, T* y, int64_t y_row,           \
                         int64_t ahead) {                                                        \
    matmul::with_source<T>(source, a, [&](auto* src) {                                           \
      matmul::sum_rows<T>(src, row, n, x, x_row, count, k, y, y_row, ahead);                         \
    });                                                                                          \
  }
FB_DEFINE_GEMV(f32, float)
FB_DEFINE_GEMV(f64, double)

}  // namespace flambeau::FB_ISA
