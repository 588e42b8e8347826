// What the passes of attention share: operands, masks, memory of a thread.
#pragma once
#include <algorithm>
#include <cstring>

#include "core/allocator.h"
#include "cpu/attention.h"
#include "cpu/kernels/gemm_kernels.h"
#include "cpu/thread_pool.h"

namespace flambeau::attention {

inline int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }
inline int64_t divide_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit; }

template <class T>
struct Kernels;
#define FB_ATTENTION_TABLE(T, S)                             \
  template <>                                                \
  struct Kernels<T> {                                        \
    static GemmShape shape() { return gemm_shape_##S(); }    \
    static constexpr auto& direct = gemm_direct_##S;         \
    static constexpr auto& pack_b = gemm_pack_b_##S;         \
    static constexpr auto& dot_rows = gemv_dot_rows_##S;     \
    static constexpr auto& sum_rows = gemv_sum_rows_##S;     \
    static constexpr auto& softmax = attention_softmax_##S;  \
    static constexpr auto& rescale = attention_rescale_##S;  \
    static constexpr auto& finish = attention_finish_##S;    \
    static constexpr auto& dot = attention_dot_##S;          \
    static constexpr auto& backward = attention_backward_##S; \
    static constexpr auto& outer = attention_outer_##S;      \
  }
FB_ATTENTION_TABLE(float, f32);
FB_ATTENTION_TABLE(double, f64);
#undef FB_ATTENTION_TABLE

template <class T>
const T* at(const AttentionOperand<T>& x, int64_t b, int64_t h, int64_t row = 0) {
  return x.data + b * x.batch + h * x.head + row * x.row;
}
template <class T>
T* at(const AttentionOutput<T>& x, int64_t b, int64_t h, int64_t row = 0) {
  return x.data ? x.data + b * x.batch + h * x.head + row * x.row : nullptr;
}

// Queries [q0, q0 + rows) and keys [k0, k0 + keys) of a head; scores lie `row` apart.
template <class T>
AttentionTile<T> tile_of(const AttentionInputs<T>& in, int64_t b, int64_t h, int64_t q0,
                         int64_t rows, int64_t k0, int64_t keys, int64_t row) {
  const AttentionShape& s = in.shape;
  const AttentionMask& m = in.mask;
  const int64_t offset = b * m.batch + h * m.head + q0 * m.row + k0;
  const void* mask = nullptr;
  if (m.kind == MaskKind::Bool) mask = static_cast<const bool*>(m.data) + offset;
  if (m.kind == MaskKind::Float) mask = static_cast<const T*>(m.data) + offset;
  const int64_t first = (b * s.heads + h) * s.queries + q0;
  return {rows,
          keys,
          row,
          s.causal ? q0 - k0 + 1 : keys,
          static_cast<T>(s.scale),
          m.kind,
          mask,
          m.row,
          in.kept ? in.kept + first * s.keys + k0 : nullptr,
          s.keys};
}

// Rows of an operand copied side by side, `row` apart; up to a multiple of nr features are written,
// those that do not exist as zeros. An odd number of cache lines to a row lets rows use all sets of
// the cache.
template <class T>
class Rows {
 public:
  explicit Rows(int64_t width)
      : width_(width),
        padded_(round_up(width, Kernels<T>::shape().nr)),
        row_(round_up(padded_, kLine) + (round_up(padded_, kLine) / kLine % 2 ? 0 : kLine)) {}
  int64_t row() const { return row_; }
  int64_t padded() const { return padded_; }

  void copy(const AttentionOperand<T>& x, const T* from, int64_t n, T* to) const {
    for (int64_t i = 0; i < n; ++i, from += x.row, to += row_) {
      if (x.column == 1) {
        std::memcpy(to, from, width_ * sizeof(T));
      } else {
        for (int64_t e = 0; e < width_; ++e) to[e] = from[e * x.column];
      }
      std::fill(to + width_, to + padded_, T(0));
    }
  }

 private:
  static constexpr int64_t kLine = 64 / sizeof(T);
  int64_t width_, padded_, row_;
};

// Positions as the columns of a product: panels of nr of them, `width` steps each.
template <class T>
void pack_columns(const AttentionOperand<T>& x, const T* from, int64_t n, int64_t width, T* to) {
  Kernels<T>::pack_b(GemmSource::Same, from, x.row, x.column, n, width, to);
}

template <class T>
GemmStore<T> plain(T* c, int64_t ldc, bool add) {
  return {c, ldc, T(1), add ? T(1) : T(0), nullptr, nullptr, false};
}

// Scores of the rows at q with the positions packed at `columns`. Under causality row i has use for
// none behind column seen + i; panels that no row sees are left as they are.
template <class T>
void multiply_columns(const T* q, int64_t q_row, const T* columns, int64_t m, int64_t n,
                      int64_t width, int64_t seen, T* to, int64_t to_row) {
  const GemmShape g = Kernels<T>::shape();
  for (int64_t j = 0; j < n; j += g.nr) {
    const int64_t first = std::max<int64_t>(0, j - seen + 1) / g.mr * g.mr;
    if (first >= m) return;
    Kernels<T>::direct(q + first * q_row, q_row, 1, columns + j * width, g.nr, m - first, g.nr,
                       width, plain(to + first * to_row + j, to_row, false));
  }
}

// c[i, e] = sum over keys j of p[i, j] x[j, e], or that much more. Under causality (seen < keys)
// row i reads the keys below seen + i, and at most mr - 1 more, which are zeros.
template <class T>
void multiply_rows(const T* p, int64_t p_row, const T* x, int64_t x_row, int64_t m, int64_t n,
                   int64_t keys, int64_t seen, const GemmStore<T>& c) {
  if (seen >= keys) return Kernels<T>::direct(p, p_row, 1, x, x_row, m, n, keys, c);
  const int64_t mr = Kernels<T>::shape().mr;
  for (int64_t i = 0; i < m; i += mr) {
    const int64_t rows = std::min(mr, m - i), k = std::clamp<int64_t>(seen + i + rows - 1, 0, keys);
    if (k > 0) Kernels<T>::direct(p + i * p_row, p_row, 1, x, x_row, rows, n, k, c.at(i, 0));
  }
}

// c[j, e] += sum over queries i of p[i, j] x[i, e], with the same zeros.
template <class T>
void multiply_turned(const T* p, int64_t p_row, const T* x, int64_t x_row, int64_t m, int64_t n,
                     int64_t keys, int64_t seen, T* c, int64_t c_row) {
  if (seen >= keys)
    return Kernels<T>::direct(p, 1, p_row, x, x_row, keys, n, m, plain(c, c_row, true));
  const int64_t mr = Kernels<T>::shape().mr;
  for (int64_t j = 0; j < keys; j += mr) {
    const int64_t first = std::max<int64_t>(0, j - seen + 1);
    if (first >= m) return;
    Kernels<T>::direct(p + first * p_row + j, 1, p_row, x + first * x_row, x_row,
                       std::min(mr, keys - j), n, m - first, plain(c + j * c_row, c_row, true));
  }
}

// Memory of one thread, cut into arrays that begin at cache lines.
template <class T>
class Arena {
 public:
  static int64_t padded(int64_t n) { return round_up(std::max<int64_t>(n, 1), 16); }
  explicit Arena(int64_t numbers)
      : space_(checked_nbytes(numbers, sizeof(T))), next_(space_.template as<T>()) {}
  T* take(int64_t n) {
    T* p = next_;
    next_ += padded(n);
    return p;
  }

 private:
  Workspace space_;
  T* next_;
};

template <class T>
void backward(const AttentionInputs<T>& in, const AttentionGradients<T>& grads);

// One to a few queries: keys and values are read once, as they lie.
template <class T>
bool are_few(const AttentionInputs<T>& in);
template <class T>
void forward_few(const AttentionInputs<T>& in, const AttentionOutput<T>& out, T* lse);
template <class T>
void backward_few(const AttentionInputs<T>& in, const AttentionGradients<T>& grads);

}  // namespace flambeau::attention
