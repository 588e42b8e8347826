// The register-blocked microkernel and the packing, as templates over the type of computation. Six
// rows by two vectors: twelve sums hide the latency of the multiply-add and, with two vectors of B
// and one value of A, fit the sixteen vector registers of x86-64.
#pragma once
#include "cpu/kernels/gemm_vector.h"

namespace flambeau::FB_ISA::matmul {

inline constexpr int kRows = 6;
template <class T>
inline constexpr int kColumns = 2 * kLanes<T>;

// ---- writing a tile of sums to C ----------------------------------------------------------------

template <class T>
bool is_plain(const GemmStore<T>& s) {
  return s.alpha == T(1) && (s.beta == T(0) || s.beta == T(1)) && !s.row_bias && !s.col_bias &&
         !s.relu;
}

template <class T>
T finish(T sum, const GemmStore<T>& s, int64_t i, int64_t j) {
  T r = s.alpha * sum;
  if (s.beta != T(0)) r += s.beta * s.c[i * s.ldc + j];
  if (s.row_bias) r += s.row_bias[i];
  if (s.col_bias) r += s.col_bias[j];
  if constexpr (std::is_signed_v<T>)  // NaN is not below zero and so stays
    if (s.relu && r < T(0)) r = T(0);
  return r;
}

// Any scaling, bias and width; `sums` has kColumns<T> values to a row.
template <class T>
[[gnu::noinline]] void store_general(const T* sums, int64_t rows, int64_t columns,
                                     const GemmStore<T>& s) {
  constexpr int L = kLanes<T>;
  for (int64_t i = 0; i < rows; ++i, sums += kColumns<T>) {
    T* c = s.c + i * s.ldc;
    int64_t j = 0;
    for (; j + L <= columns; j += L) {
      Vector<T> r = s.alpha * load(sums + j);
      if (s.beta != T(0)) r += s.beta * load(c + j);
      if (s.row_bias) r += s.row_bias[i];
      if (s.col_bias) r += load(s.col_bias + j);
      if constexpr (std::is_signed_v<T>)
        if (s.relu) r = r < T(0) ? Vector<T>{} : r;
      store(c + j, r);
    }
    for (; j < columns; ++j) c[j] = finish(sums[j], s, i, j);
  }
}

template <class T, int R, int NV>
[[gnu::always_inline]] inline void store_tile(Vector<T> (&sum)[R][NV], int64_t columns, bool plain,
                                              const GemmStore<T>& s) {
  constexpr int L = kLanes<T>;
  if (plain && columns == NV * L) {
    T* c = s.c;
    if (s.beta == T(0)) {
#pragma GCC unroll 6
      for (int i = 0; i < R; ++i, c += s.ldc)
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) store(c + v * L, sum[i][v]);
    } else {
#pragma GCC unroll 6
      for (int i = 0; i < R; ++i, c += s.ldc)
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) store(c + v * L, load(c + v * L) + sum[i][v]);
    }
    return;
  }
  T buffer[R * kColumns<T>];
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) store(buffer + i * kColumns<T> + v * L, sum[i][v]);
  store_general(buffer, R, columns, s);
}

// ---- packed operands ----------------------------------------------------------------------------

template <class T, int R>
[[gnu::noinline]] void packed_block(const T* a, const T* b, int64_t k, int64_t columns, bool plain,
                                    const GemmStore<T>& s) {
  constexpr int L = kLanes<T>;
  Vector<T> sum[R][2] = {};
  // C is wanted at the end: fetch it meanwhile.
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i) __builtin_prefetch(s.c + i * s.ldc, 1);
#pragma GCC unroll 4
  for (int64_t p = 0; p < k; ++p) {
    const Vector<T> b0 = load(b), b1 = load(b + L);
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
      sum[i][0] = multiply_add(a[i], b0, sum[i][0]);
      sum[i][1] = multiply_add(a[i], b1, sum[i][1]);
    }
    a += kRows;
    b += 2 * L;
  }
  store_tile<T, R, 2>(sum, columns, plain, s);
}

template <class T>
using PackedBlock = void (*)(const T*, const T*, int64_t, int64_t, bool, const GemmStore<T>&);
template <class T>
inline constexpr PackedBlock<T> kPackedBlocks[kRows + 1] = {nullptr,
                                                            packed_block<T, 1>,
                                                            packed_block<T, 2>,
                                                            packed_block<T, 3>,
                                                            packed_block<T, 4>,
                                                            packed_block<T, 5>,
                                                            packed_block<T, 6>};

template <class T>
void tile(const T* a, int64_t a_panel, const T* b, int64_t b_panel, int64_t m, int64_t n, int64_t k,
          const GemmStore<T>& s) {
  const bool plain = is_plain(s);
  for (int64_t j = 0; j < n; j += kColumns<T>, b += b_panel) {
    const int64_t columns = n - j < kColumns<T> ? n - j : kColumns<T>;
    const T* a_now = a;
    for (int64_t i = 0; i < m; i += kRows, a_now += a_panel) {
      const int64_t rows = m - i < kRows ? m - i : kRows;
      kPackedBlocks<T>[rows](a_now, b, k, columns, plain, s.at(i, j));
    }
  }
}

// ---- unpacked operands --------------------------------------------------------------------------

// Loads at most `count` lanes, zeros in the others, and touches no memory beyond them.
template <class T>
[[gnu::always_inline]] inline Vector<T> load_some(const T* p, int64_t count) {
  constexpr int L = kLanes<T>;
  if (count >= L) return load(p);
  Vector<T> v{};
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
    v = reinterpret_cast<Vector<T>>(_mm256_maskload_epi32(reinterpret_cast<const int*>(p), mask));
  } else {
    const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
    const __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lanes);
    v = reinterpret_cast<Vector<T>>(
        _mm256_maskload_epi64(reinterpret_cast<const long long*>(p), mask));
  }
#else
  for (int i = 0; i < L; ++i)
    if (i < count) v[i] = p[i];
#endif
  return v;
}

template <class T, int R, int NV, bool kWhole>
[[gnu::noinline]] void direct_block(const T* a, int64_t a_row, int64_t a_col, const T* b,
                                    int64_t b_row, int64_t k, int64_t columns, bool plain,
                                    const GemmStore<T>& s) {
  constexpr int L = kLanes<T>;
  Vector<T> sum[R][NV] = {};
  const T* a3 = a + 3 * a_row;  // two bases reach six rows with scaled indices
#pragma GCC unroll 2
  for (int64_t p = 0; p < k; ++p) {
    Vector<T> bv[NV];
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v)
      bv[v] = kWhole ? load(b + v * L) : load_some(b + v * L, columns - v * L);
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
      const T x = i < 3 ? a[i * a_row] : a3[(i - 3) * a_row];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) sum[i][v] = multiply_add(x, bv[v], sum[i][v]);
    }
    a += a_col;
    a3 += a_col;
    b += b_row;
  }
  store_tile<T, R, NV>(sum, columns, plain, s);
}

template <class T>
using DirectBlock = void (*)(const T*, int64_t, int64_t, const T*, int64_t, int64_t, int64_t, bool,
                             const GemmStore<T>&);
#define FB_DIRECT_BLOCKS(NV, whole)                                                          \
  {nullptr, direct_block<T, 1, NV, whole>, direct_block<T, 2, NV, whole>,                    \
   direct_block<T, 3, NV, whole>, direct_block<T, 4, NV, whole>, direct_block<T, 5, NV, whole>, \
   direct_block<T, 6, NV, whole>}
template <class T>  // by width: both vectors whole; up to one vector; between one and two
inline constexpr DirectBlock<T> kDirectBlocks[3][kRows + 1] = {
    FB_DIRECT_BLOCKS(2, true), FB_DIRECT_BLOCKS(1, false), FB_DIRECT_BLOCKS(2, false)};
#undef FB_DIRECT_BLOCKS

template <class T>
void direct(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row, int64_t m,
            int64_t n, int64_t k, const GemmStore<T>& s) {
  const bool plain = is_plain(s);
  for (int64_t j = 0; j < n; j += kColumns<T>) {
    const int64_t columns = n - j < kColumns<T> ? n - j : kColumns<T>;
    const int kind = columns == kColumns<T> ? 0 : columns <= kLanes<T> ? 1 : 2;
    for (int64_t i = 0; i < m; i += kRows) {
      const int64_t rows = m - i < kRows ? m - i : kRows;
      kDirectBlocks<T>[kind][rows](a + i* a_row, a_row, a_col, b + j, b_row, k, columns, plain,
                                   s.at(i, j));
    }
  }
}

// ---- packing ------------------------------------------------------------------------------------

template <class T, class Source, int W>
void pack_scalar(const Source* src, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t k,
                 T* dst) {
  for (int64_t p = 0; p < k; ++p, src += k_stride, dst += W) {
    for (int64_t i = 0; i < lanes; ++i) dst[i] = widen<T>(src[i * lane_stride]);
    for (int64_t i = lanes; i < W; ++i) dst[i] = T(0);
  }
}

// Adjacent lanes: each step of k is a short copy.
template <class T, class Source, int W>
void pack_lanes_adjacent(const Source* src, int64_t k_stride, int64_t k, T* dst) {
  constexpr int L = kLanes<T>;
  for (int64_t p = 0; p < k; ++p, src += k_stride, dst += W) {
    if constexpr (W % L == 0) {
#pragma GCC unroll 2
      for (int i = 0; i < W; i += L) store(dst + i, load_as<T>(src + i));
    } else {
#pragma GCC unroll 8
      for (int i = 0; i < W; ++i) dst[i] = widen<T>(src[i]);
    }
  }
}

// Adjacent steps of k: squares are transposed in registers. Where squares do not divide the panel,
// the last one writes over the start of the next step, which comes later; so steps are written in
// order and the end of the panel is left to the caller. Returns the number of steps done.
template <class T, class Source, int W>
int64_t pack_k_adjacent(const Source* src, int64_t lane_stride, int64_t lanes, int64_t k, T* dst) {
  constexpr int L = kLanes<T>;
  constexpr bool kEven = W % L == 0;
  constexpr int kTogether = kEven ? 1 : (W + L - 1) / L;  // squares whose stores are interleaved
  const int64_t end = (kEven ? k : k - 1) / L * L;
  for (int64_t p = 0; p < end; p += L) {
#pragma GCC unroll 8
    for (int g = 0; g < W; g += L * kTogether) {
      Vector<T> square[kTogether][L];
#pragma GCC unroll 4
      for (int q = 0; q < kTogether; ++q) {
#pragma GCC unroll 8
        for (int i = 0; i < L; ++i) {
          const int lane = g + q * L + i;
          square[q][i] =
              lane < W && lane < lanes ? load_as<T>(src + lane * lane_stride + p) : Vector<T>{};
        }
        transpose<T>(square[q]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < L; ++i)
#pragma GCC unroll 4
        for (int q = 0; q < kTogether; ++q) store(dst + (p + i) * W + g + q * L, square[q][i]);
    }
  }
  return end;
}

template <class T, int W, class Source>
void pack(const Source* src, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t k,
          T* dst) {
  for (int64_t first = 0; first < lanes; first += W, dst += W * k, src += W * lane_stride) {
    const int64_t now = lanes - first < W ? lanes - first : W;
    int64_t done = 0;
    if (lane_stride == 1 && now == W) {
      pack_lanes_adjacent<T, Source, W>(src, k_stride, k, dst);
      continue;
    }
    if (k_stride == 1 && k > 0) done = pack_k_adjacent<T, Source, W>(src, lane_stride, now, k, dst);
    pack_scalar<T, Source, W>(src + done * k_stride, lane_stride, k_stride, now, k - done,
                              dst + done * W);
  }
}

}  // namespace flambeau::FB_ISA::matmul

// Defines the kernels of gemm_kernels.h for one type of computation.
#define FB_DEFINE_GEMM_KERNELS(S, T)                                                             \
  GemmShape gemm_shape_##S() { return {matmul::kRows, matmul::kColumns<T>}; }                    \
  void gemm_tile_##S(const T* a, int64_t a_panel, const T* b, int64_t b_panel, int64_t m,        \
                     int64_t n, int64_t k, const GemmStore<T>& store) {                          \
    matmul::tile<T>(a, a_panel, b, b_panel, m, n, k, store);                                     \
  }                                                                                              \
  void gemm_pack_a_##S(GemmSource source, const void* a, int64_t lane_stride, int64_t k_stride,  \
                       int64_t lanes, int64_t k, T* packed) {                                    \
    matmul::with_source<T>(source, a, [&](auto* src) {                                           \
      matmul::pack<T, matmul::kRows>(src, lane_stride, k_stride, lanes, k, packed);              \
    });                                                                                          \
  }                                                                                              \
  void gemm_pack_b_##S(GemmSource source, const void* b, int64_t lane_stride, int64_t k_stride,  \
                       int64_t lanes, int64_t k, T* packed) {                                    \
    matmul::with_source<T>(source, b, [&](auto* src) {                                           \
      matmul::pack<T, matmul::kColumns<T>>(src, lane_stride, k_stride, lanes, k, packed);        \
    });                                                                                          \
  }

#define FB_DEFINE_GEMM_DIRECT(S, T)                                                          \
  void gemm_direct_##S(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row,  \
                       int64_t m, int64_t n, int64_t k, const GemmStore<T>& store) {         \
    matmul::direct<T>(a, a_row, a_col, b, b_row, m, n, k, store);                            \
  }
