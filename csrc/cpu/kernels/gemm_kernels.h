// The inner kernels of matrix multiplication. A product is cut into panels: A into panels of `mr`
// rows, B into panels of `nr` columns, each stored as k groups of mr (nr) consecutive values,
// padded with zeros, so that the innermost loop reads both straight through. cpu/gemm.cpp drives
// them.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// What becomes of the product P of a tile: C = activation(alpha P + beta C + bias).
// C is not read when beta is zero.
template <class T>
struct GemmStore {
  T* c;
  int64_t ldc;  // distance of rows; columns are adjacent
  T alpha;
  T beta;
  const T* row_bias;  // one value per row of C, or null
  const T* col_bias;  // one value per column of C, or null
  bool relu;

  GemmStore at(int64_t row, int64_t col) const {
    return {c + row * ldc + col,
            ldc,
            alpha,
            beta,
            row_bias ? row_bias + row : nullptr,
            col_bias ? col_bias + col : nullptr,
            relu};
  }
};

struct GemmShape { int mr, nr; };

// How operands lie in memory before packing converts them to the type of computation.
enum class GemmSource : uint8_t { Same, F16, BF16, I8, U8, I16 };

// gemm_shape: the height and width of panels.
// gemm_tile: C[m,n] from packed panels, which lie a_panel and b_panel elements apart.
// gemm_pack_a, gemm_pack_b: pack `lanes` rows of A (columns of B), `lane_stride` apart, over k
// steps `k_stride` apart, as panels mr*k (nr*k) elements apart.
#define FB_GEMM_KERNELS(S, T)                                                                    \
  FB_KERNEL(GemmShape, gemm_shape_##S, ());                                                      \
  FB_KERNEL(void, gemm_tile_##S,                                                                 \
            (const T* a, int64_t a_panel, const T* b, int64_t b_panel, int64_t m, int64_t n,     \
             int64_t k, const GemmStore<T>& store));                                             \
  FB_KERNEL(void, gemm_pack_a_##S,                                                               \
            (GemmSource source, const void* a, int64_t lane_stride, int64_t k_stride,            \
             int64_t lanes, int64_t k, T* packed));                                              \
  FB_KERNEL(void, gemm_pack_b_##S,                                                               \
            (GemmSource source, const void* b, int64_t lane_stride, int64_t k_stride,            \
             int64_t lanes, int64_t k, T* packed))

FB_GEMM_KERNELS(f32, float);
FB_GEMM_KERNELS(f64, double);
// Integers wrap around; the narrow ones are computed in 32 bits, whose low bits are theirs.
FB_GEMM_KERNELS(i32, uint32_t);
FB_GEMM_KERNELS(i64, uint64_t);
#undef FB_GEMM_KERNELS

// Products with A as it lies. gemm_direct: B too; only its columns must be adjacent. gemm_panels: B
// in packed panels, b_panel elements apart.
#define FB_GEMM_DIRECT(S, T)                                                                   \
  FB_KERNEL(void, gemm_direct_##S,                                                             \
            (const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row, int64_t m,   \
             int64_t n, int64_t k, const GemmStore<T>& store));                                \
  FB_KERNEL(void, gemm_panels_##S,                                                             \
            (const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_panel, int64_t m, \
             int64_t n, int64_t k, const GemmStore<T>& store))
FB_GEMM_DIRECT(f32, float);
FB_GEMM_DIRECT(f64, double);
#undef FB_GEMM_DIRECT

// Products number `begin` to `end` of a batch of small ones: C = alpha A B + beta C. The results of
// all products are adjacent. m and k are up to kTinyMost, n up to gemm_tiny_columns().
inline constexpr int64_t kTinyMost = 16;
template <class T>
struct TinyProducts {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col, a_batch;
  const T* b;
  int64_t b_row, b_col, b_batch;
  T* c;
  T alpha, beta;
};
#define FB_GEMM_TINY(S, T)                                                                        \
  FB_KERNEL(void, gemm_tiny_##S, (const TinyProducts<T>& products, int64_t begin, int64_t end));  \
  FB_KERNEL(int64_t, gemm_tiny_columns_##S, ())
FB_GEMM_TINY(f32, float);
FB_GEMM_TINY(f64, double);
#undef FB_GEMM_TINY

// Packing of complex operands for a real product; strides, lanes and k count complex numbers.
// pack_complex_a: panels of mr rows; a step of k becomes two, the real and the imaginary parts.
// pack_complex_b: panels of nr/2 columns, each the two real columns of re + i im; a step becomes
// two, (re, im) for the real parts of A and (-im, re) for the imaginary ones, with signs for
// conjugation.
#define FB_GEMM_COMPLEX(S, T)                                                                     \
  FB_KERNEL(void, gemm_pack_complex_a_##S,                                                        \
            (const T* a, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t k,         \
             T* packed));                                                                         \
  FB_KERNEL(void, gemm_pack_complex_b_##S,                                                        \
            (const T* b, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t k,         \
             bool conj_a, bool conj_b, T* packed))
FB_GEMM_COMPLEX(f32, float);
FB_GEMM_COMPLEX(f64, double);
#undef FB_GEMM_COMPLEX

// Matrix times `count` vectors, which lie x_row apart and whose elements are adjacent; y likewise.
// dot_rows: y[v][i] = sum_k a[i * row + k] x[v][k] for `rows` rows of adjacent elements. Rows are
// computed by fours, so callers who divide them must do so at multiples of four.
// sum_rows: y[v][j] = sum_k x[v][k] a[k * row + j] for n columns.
// Rows are fetched into the caches `ahead` rows before they are used, if that is not zero: for
// short rows of a matrix that lies in memory.
#define FB_GEMV_KERNELS(S, T)                                                                    \
  FB_KERNEL(void, gemv_dot_rows_##S,                                                             \
            (GemmSource source, const void* a, int64_t row, int64_t rows, const T* x,            \
             int64_t x_row, int64_t count, int64_t k, T* y, int64_t y_row, int64_t ahead));      \
  FB_KERNEL(void, gemv_sum_rows_##S,                                                             \
            (GemmSource source, const void* a, int64_t row, int64_t n, const T* x, int64_t x_row, \
             int64_t count, int64_t k, T* y, int64_t y_row, int64_t ahead))

FB_GEMV_KERNELS(f32, float);
FB_GEMV_KERNELS(f64, double);
#undef FB_GEMV_KERNELS

}  // namespace flambeau
