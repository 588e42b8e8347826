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
[[gnu::always_inline]] inline void store_tile(Vector<T> (&sum)[R][NV], int64_t columns,
                                              const GemmStore<T>& s) {
  constexpr int L = kLanes<T>;
  T* const c = s.c;  // a store might change s, for all that the compiler knows
  const int64_t ldc = s.ldc;
  const auto each = [&](auto f) __attribute__((always_inline)) {
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) f(sum[i][v], i, v);
  };
  if (columns == NV * L) {
    if (s.alpha != T(1)) each([&](Vector<T>& r, int, int) { r *= s.alpha; });
    if (s.beta == T(1))
      each([&](Vector<T>& r, int i, int v) { r += load(c + i * ldc + v * L); });
    else if (s.beta != T(0))
      each([&](Vector<T>& r, int i, int v) { r += s.beta * load(c + i * ldc + v * L); });
    if (s.row_bias) each([&](Vector<T>& r, int i, int) { r += s.row_bias[i]; });
    if (s.col_bias) each([&](Vector<T>& r, int, int v) { r += load(s.col_bias + v * L); });
    if constexpr (std::is_signed_v<T>)  // NaN is not below zero and so stays
      if (s.relu) each([&](Vector<T>& r, int, int) { r = r < T(0) ? Vector<T>{} : r; });
    each([&](Vector<T>& r, int i, int v) { store(c + i * ldc + v * L, r); });
    return;
  }
  T buffer[R * kColumns<T>];
  each([&](Vector<T>& r, int i, int v) { store(buffer + i * kColumns<T> + v * L, r); });
  store_general(buffer, R, columns, s);
}

// ---- packed operands ----------------------------------------------------------------------------

template <class T, int R, int NV>
[[gnu::noinline]] void packed_block(const T* a, const T* b, int64_t k, int64_t columns,
                                    const GemmStore<T>& s) {
  constexpr int L = kLanes<T>;
  Vector<T> sum[R][NV] = {};
  // C is wanted at the end: fetch it meanwhile.
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i) __builtin_prefetch(s.c + i * s.ldc, 1);
#pragma GCC unroll 4
  for (int64_t p = 0; p < k; ++p) {
    Vector<T> bv[NV];
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) bv[v] = load(b + v * L);
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) sum[i][v] = multiply_add(a[i], bv[v], sum[i][v]);
    a += kRows;
    b += 2 * L;
  }
  store_tile<T, R, NV>(sum, columns, s);
}

template <class T>
using PackedBlock = void (*)(const T*, const T*, int64_t, int64_t, const GemmStore<T>&);
#define FB_PACKED_BLOCKS(NV)                                                              \
  {nullptr, packed_block<T, 1, NV>, packed_block<T, 2, NV>, packed_block<T, 3, NV>,       \
   packed_block<T, 4, NV>, packed_block<T, 5, NV>, packed_block<T, 6, NV>}
template <class T>  // by width: up to one vector, or two
inline constexpr PackedBlock<T> kPackedBlocks[2][kRows + 1] = {FB_PACKED_BLOCKS(1),
                                                               FB_PACKED_BLOCKS(2)};
#undef FB_PACKED_BLOCKS

// With a long k, all of A passes by one panel of B, which stays in the first-level cache. With a
// short one the writing of C counts: whole rows of it, one after the other.
inline constexpr int64_t kShortK = 64;

template <class T>
void tile(const T* a, int64_t a_panel, const T* b, int64_t b_panel, int64_t m, int64_t n, int64_t k,
          const GemmStore<T>& s) {
  const auto block = [&](int64_t i, int64_t j) {
    const int64_t rows = m - i < kRows ? m - i : kRows;
    const int64_t columns = n - j < kColumns<T> ? n - j : kColumns<T>;
    kPackedBlocks<T>[columns > kLanes<T>][rows](
        a + i / kRows* a_panel, b + j / kColumns<T>* b_panel, k, columns, s.at(i, j));
  };
  if (k <= kShortK) {
    for (int64_t i = 0; i < m; i += kRows)
      for (int64_t j = 0; j < n; j += kColumns<T>) block(i, j);
  } else {
    for (int64_t j = 0; j < n; j += kColumns<T>)
      for (int64_t i = 0; i < m; i += kRows) block(i, j);
  }
}

// ---- unpacked operands --------------------------------------------------------------------------

inline constexpr int64_t kFewSteps = 16;
inline constexpr int64_t kFirstLevelBytes = 24576, kSecondLevelBytes = 65536;  // of B

template <class T, int R, int NV, bool kWhole>
[[gnu::noinline]] void direct_block(const T* a, int64_t a_row, int64_t a_col, const T* b,
                                    int64_t b_row, int64_t k, int64_t columns,
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
  store_tile<T, R, NV>(sum, columns, s);
}

template <class T>
using DirectBlock = void (*)(const T*, int64_t, int64_t, const T*, int64_t, int64_t, int64_t,
                             const GemmStore<T>&);
#define FB_DIRECT_BLOCKS(NV, whole)                                                          \
  {nullptr, direct_block<T, 1, NV, whole>, direct_block<T, 2, NV, whole>,                    \
   direct_block<T, 3, NV, whole>, direct_block<T, 4, NV, whole>, direct_block<T, 5, NV, whole>, \
   direct_block<T, 6, NV, whole>}
template <class T>  // by width: both vectors whole; up to one vector; between one and two
inline constexpr DirectBlock<T> kDirectBlocks[3][kRows + 1] = {
    FB_DIRECT_BLOCKS(2, true), FB_DIRECT_BLOCKS(1, false), FB_DIRECT_BLOCKS(2, false)};
#undef FB_DIRECT_BLOCKS

// How many of the m rows that are left are taken next: whole blocks, but no very small one at the
// end, whose few sums would wait for each other.
inline int64_t rows_of_block(int64_t m) {
  return m >= 2 * kRows - 2 || m <= kRows ? (m < kRows ? m : kRows) : (m + 1) / 2;
}

// B's panels begin b_panel elements apart. Row by row of C where B is read fast enough again and
// again, else column by column.
template <class T>
void direct(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row, int64_t b_panel,
            int64_t m, int64_t n, int64_t k, bool rows_first, const GemmStore<T>& s) {
  const auto block = [&](int64_t i, int64_t rows, int64_t j) {
    const int64_t columns = n - j < kColumns<T> ? n - j : kColumns<T>;
    const int kind = columns == kColumns<T> ? 0 : columns <= kLanes<T> ? 1 : 2;
    kDirectBlocks<T>[kind][rows](a + i* a_row, a_row, a_col, b + j / kColumns<T>* b_panel, b_row, k,
                                 columns, s.at(i, j));
  };
  if (rows_first) {
    for (int64_t i = 0, rows; i < m; i += rows) {
      rows = rows_of_block(m - i);
      for (int64_t j = 0; j < n; j += kColumns<T>) block(i, rows, j);
    }
  } else {
    for (int64_t j = 0; j < n; j += kColumns<T>)
      for (int64_t i = 0, rows; i < m; i += rows) block(i, rows = rows_of_block(m - i), j);
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

// Adjacent lanes: each step of k is a short copy, of whole vectors where that stays in the panel;
// their excess falls on the next step, which is written later. P panels at once read longer runs.
template <class T, class Source, int W, int P>
[[gnu::always_inline]] inline void pack_lanes_adjacent(const Source* src, int64_t k_stride,
                                                       int64_t k, T* dst) {
  constexpr int L = kLanes<T>;
  for (int64_t p = 0; p < k; ++p, src += k_stride, dst += W) {
#pragma GCC unroll 4
    for (int q = 0; q < P; ++q) {
      if constexpr (W % L == 0) {
#pragma GCC unroll 4
        for (int i = 0; i < W; i += L) store(dst + q * W * k + i, load_as<T>(src + q * W + i));
      } else if constexpr (std::is_same_v<T, Source>) {
        std::memcpy(dst + q * W * k, src + q * W, W * sizeof(T));
      } else {
#pragma GCC unroll 8
        for (int i = 0; i < W; ++i) dst[q * W * k + i] = widen<T>(src[q * W + i]);
      }
    }
  }
}

// Less than a panel of adjacent lanes, in vectors of which only the lanes that exist are read.
// Leaves the last step to the caller where the vectors do not divide the panel.
template <class T, int W>
int64_t pack_some_lanes(const T* src, int64_t k_stride, int64_t lanes, int64_t k, T* dst) {
  constexpr int L = kLanes<T>;
  const int64_t end = W % L == 0 ? k : k - 1;
  for (int64_t p = 0; p < end; ++p, src += k_stride, dst += W)
    for (int i = 0; i < W; i += L)
      store(dst + i, i < lanes ? load_some(src + i, lanes - i) : Vector<T>{});
  return end;
}

// Adjacent steps of k: squares are transposed in registers. Where squares do not divide the panel,
// the last one writes over the start of the next step, which comes later; so steps are written in
// order and the end of the panel is left to the caller. Returns the number of steps done.
template <class T, class Source, int W, bool kWhole>
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
          square[q][i] = lane < W && (kWhole || lane < lanes)
                             ? load_as<T>(src + lane * lane_stride + p)
                             : Vector<T>{};
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
  constexpr int P = 4;
  if (lane_stride == 1) {
    for (; lanes >= W * P; lanes -= W * P, dst += W * P * k, src += W * P)
      pack_lanes_adjacent<T, Source, W, P>(src, k_stride, k, dst);
    for (; lanes >= W; lanes -= W, dst += W * k, src += W)
      pack_lanes_adjacent<T, Source, W, 1>(src, k_stride, k, dst);
  }
  for (int64_t first = 0; first < lanes; first += W, dst += W * k, src += W * lane_stride) {
    const int64_t now = lanes - first < W ? lanes - first : W;
    int64_t done = 0;
    if (k_stride == 1 && k > 0) {
      done = now == W ? pack_k_adjacent<T, Source, W, true>(src, lane_stride, now, k, dst)
                      : pack_k_adjacent<T, Source, W, false>(src, lane_stride, now, k, dst);
    } else if constexpr (std::is_same_v<T, Source>) {
      if (lane_stride == 1 && k > 0) done = pack_some_lanes<T, W>(src, k_stride, now, k, dst);
    }
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

#define FB_DEFINE_GEMM_DIRECT(S, T)                                                             \
  void gemm_direct_##S(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row,     \
                       int64_t m, int64_t n, int64_t k, const GemmStore<T>& store) {            \
    const bool rows_first = k <= matmul::kFewSteps ||                                           \
                            k * n <= matmul::kFirstLevelBytes / static_cast<int64_t>(sizeof(T)); \
    matmul::direct<T>(a, a_row, a_col, b, b_row, matmul::kColumns<T>, m, n, k, rows_first,      \
                      store);                                                                   \
  }                                                                                             \
  void gemm_panels_##S(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_panel,   \
                       int64_t m, int64_t n, int64_t k, const GemmStore<T>& store) {            \
    const bool rows_first = k * n <= matmul::kSecondLevelBytes / static_cast<int64_t>(sizeof(T)); \
    matmul::direct<T>(a, a_row, a_col, b, matmul::kColumns<T>, b_panel, m, n, k, rows_first,    \
                      store);                                                                   \
  }
