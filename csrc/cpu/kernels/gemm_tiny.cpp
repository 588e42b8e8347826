// Batches of products so small that a call for each would cost more than the product: B is copied
// to rows of whole vectors, rows of A are multiplied four at a time.
#include "cpu/kernels/gemm_vector.h"

namespace flambeau::FB_ISA {
namespace matmul {

template <class T>
inline constexpr int64_t kTinyWidth = 2 * kLanes<T>;

// B as k rows of kTinyWidth elements; what lies behind the n-th may be anything.
template <class T>
void widen_b(const TinyProducts<T>& t, const T* b, T* rows) {
  constexpr int L = kLanes<T>;
  constexpr int64_t W = kTinyWidth<T>;
  if (t.b_col == 1 && t.n > 2) {
    for (int64_t p = 0; p < t.k; ++p)
      for (int64_t j = 0; j < t.n; j += L)
        store(rows + p * W + j, load_some(b + p * t.b_row + j, t.n - j));
  } else if (t.b_row == 1 && t.n * t.k > 2 * L) {
    for (int64_t j = 0; j < t.n; j += L)
      for (int64_t p = 0; p < t.k; p += L) {
        Vector<T> square[L];
#pragma GCC unroll 8
        for (int l = 0; l < L; ++l)
          square[l] = j + l < t.n ? load_some(b + (j + l) * t.b_col + p, t.k - p) : Vector<T>{};
        transpose<T>(square);
#pragma GCC unroll 8
        for (int l = 0; l < L; ++l) store(rows + (p + l) * W + j, square[l]);
      }
  } else {
    for (int64_t p = 0; p < t.k; ++p)
      for (int64_t j = 0; j < t.n; ++j) rows[p * W + j] = b[p * t.b_row + j * t.b_col];
  }
}

// R rows of C, n apart, whole vectors of each: what is written behind a row is overwritten by the
// next one.
template <class T, int R, int V>
void tiny_rows(const TinyProducts<T>& t, const T* a, const T* b, T* c) {
  constexpr int L = kLanes<T>;
  Vector<T> sum[R][V] = {};
  for (int64_t p = 0; p < t.k; ++p) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v)
        sum[r][v] = multiply_add<T>(a[r * t.a_row + p * t.a_col],
                                    load(b + p * kTinyWidth<T> + v * L), sum[r][v]);
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store(c + r * t.n + v * L, t.alpha * sum[r][v]);
}

template <class T, int V>
void tiny_product(const TinyProducts<T>& t, const T* a, const T* b, T* c) {
  int64_t i = 0;
  for (; i + 4 <= t.m; i += 4) tiny_rows<T, 4, V>(t, a + i * t.a_row, b, c + i * t.n);
  for (; i < t.m; ++i) tiny_rows<T, 1, V>(t, a + i * t.a_row, b, c + i * t.n);
}

template <class T, int V>
void tiny_products(const TinyProducts<T>& t, int64_t begin, int64_t end) {
  constexpr int64_t W = kTinyWidth<T>;
  alignas(64) T rows[(kTinyMost + kLanes<T>)*W] = {};
  alignas(64) T apart[kTinyMost * W + W];
  const int64_t size = t.m * t.n;
  if (t.b_batch == 0) widen_b(t, t.b, rows);
  for (int64_t i = begin; i < end; ++i) {
    const T* a = t.a + i * t.a_batch;
    T* c = t.c + i * size;
    if (t.b_batch != 0) widen_b(t, t.b + i * t.b_batch, rows);
    // The last products of a share must not write behind its end.
    if (t.beta == T(0) && (end - i - 1) * size >= V * kLanes<T> - t.n) {
      tiny_product<T, V>(t, a, rows, c);
      continue;
    }
    tiny_product<T, V>(t, a, rows, apart);
    for (int64_t j = 0; j < size; ++j) c[j] = t.beta == T(0) ? apart[j] : apart[j] + t.beta * c[j];
  }
}

}  // namespace matmul

#define FB_DEFINE_GEMM_TINY(S, T)                                                      \
  void gemm_tiny_##S(const TinyProducts<T>& t, int64_t begin, int64_t end) {           \
    if (t.n <= matmul::kLanes<T>)                                                      \
      matmul::tiny_products<T, 1>(t, begin, end);                                      \
    else                                                                               \
      matmul::tiny_products<T, 2>(t, begin, end);                                      \
  }                                                                                    \
  int64_t gemm_tiny_columns_##S() { return matmul::kTinyWidth<T>; }
FB_DEFINE_GEMM_TINY(f32, float)
FB_DEFINE_GEMM_TINY(f64, double)
#undef FB_DEFINE_GEMM_TINY

}  // namespace flambeau::FB_ISA
