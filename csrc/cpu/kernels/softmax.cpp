#include "cpu/kernels/softmax.h"

#include "cpu/kernels/inline_loops.h"

namespace flambeau::FB_ISA {
namespace soft {

constexpr int64_t kBlock = 1024;       // sums of more elements go through double
constexpr int64_t kTile = 512;         // columns that go by together
constexpr int64_t kShort = 64;         // columns of so many elements stay in the cache
constexpr int64_t kNear = 128 * 1024;  // bytes of longer ones that the second-level cache holds

template <class T>
T row_max(const T* x, int64_t n) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  V a = V(x[0]), b = a;
  int64_t i = 0;
  for (; i + 2 * L <= n; i += 2 * L) {
    a = maximum(a, load(x + i));
    b = maximum(b, load(x + i + L));
  }
  for (; i + L <= n; i += L) a = maximum(a, load(x + i));
  if (i < n) a = maximum(a, load_n(x + i, n - i, x[0]));
  return reduce_max(maximum(a, b));
}

// The sum of f(i, lanes) over vectors of a row, in blocks; f gives zero in lanes beyond the end.
template <class T, class F>
FB_VEC double row_sum(int64_t n, F f) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = n - begin < kBlock ? n : begin + kBlock;
    V a = V(0), b = V(0), c = V(0), d = V(0);
    int64_t i = begin;
    for (; i + 4 * L <= end; i += 4 * L) {
      a += f(i, L);
      b += f(i + L, L);
      c += f(i + 2 * L, L);
      d += f(i + 3 * L, L);
    }
    for (; i + L <= end; i += L) a += f(i, L);
    if (i < end) b += where(first_lanes<T>(end - i), f(i, end - i), V(0));
    total += reduce_add((a + b) + (c + d));
  }
  return total;
}

template <class T>
void exp_rows(const T* x, const T* shift, const T* scale, T* y, int64_t rows, int64_t n) {
  using V = Vec<T>;
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const V by = V(shift[r]), s = V(scale[r]);
    row_map<T>(n, [&](int64_t i, int64_t k)
                      FB_INLINE { store_n(y + i, exp_below(load_n(x + i, k) - by) * s, k); });
  }
}

// Columns of few elements: a tile stays in the nearest caches while its rows are passed over three
// times, each in the order of memory.
template <class T, bool kLog>
FB_VEC void short_columns(const T* x, T* y, int64_t n, int64_t stride, int64_t cols) {
  using V = Vec<T>;
  T max[kTile], sum[kTile];
  row_map<T>(cols, [&](int64_t c, int64_t k) FB_INLINE {
    store_n(max + c, load_n(x + c, k), k);
    store_n(sum + c, V(0), k);
  });
  for (int64_t r = 1; r < n; ++r)
    row_map<T>(cols, [&, p = x + r * stride](int64_t c, int64_t k) FB_INLINE {
      store_n(max + c, maximum(load_n(max + c, k), load_n(p + c, k)), k);
    });
  for (int64_t r = 0; r < n; ++r)
    row_map<T>(cols, [&, p = x + r * stride, q = y + r * stride](int64_t c, int64_t k) FB_INLINE {
      const V e = exp_below(load_n(p + c, k) - load_n(max + c, k));
      if constexpr (!kLog) store_n(q + c, e, k);
      store_n(sum + c, load_n(sum + c, k) + e, k);
    });
  row_map<T>(cols, [&](int64_t c, int64_t k) FB_INLINE {
    const V s = load_n(sum + c, k, T(1));
    store_n(sum + c, kLog ? flambeau::FB_ISA::log(s) : V(1) / s, k);
  });
  for (int64_t r = 0; r < n; ++r)
    row_map<T>(cols, [&, p = x + r * stride, q = y + r * stride](int64_t c, int64_t k) FB_INLINE {
      const V s = load_n(sum + c, k);
      store_n(q + c, kLog ? (load_n(p + c, k) - load_n(max + c, k)) - s : load_n(q + c, k) * s, k);
    });
}

// Long columns: rows go by eight at a time, and the sums so far are rescaled when a maximum grows
// (Milakov & Gimelshein 2018), so that memory is read twice, in its order.
template <class T>
void long_columns(const T* x, T* y, int64_t n, int64_t stride, int64_t cols, bool log) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  T max[kTile], sum[kTile];
  for (int64_t r = 0; r < n; r += 8) {
    const int64_t rows = n - r < 8 ? n - r : 8;
    const T* p = x + r * stride;
    for (int64_t c = 0; c < cols; c += L) {
      const int64_t k = cols - c < L ? cols - c : L;
      V m = load_n(p + c, k);
      for (int64_t q = 1; q < rows; ++q) m = maximum(m, load_n(p + q * stride + c, k));
      V total = V(0);
      if (r > 0) {
        const V before = load_n(max + c, k);
        m = maximum(before, m);
        // Nothing has been summed under a maximum of -inf.
        total = where(before == V(-__builtin_inf()), V(0),
                      load_n(sum + c, k) * where(before == m, V(1), exp_below(before - m)));
      }
      const V shift = where(m == V(-__builtin_inf()), V(0), m);
      V now = V(0);
      for (int64_t q = 0; q < rows; ++q) now += exp_below(load_n(p + q * stride + c, k) - shift);
      store_n(max + c, m, k);
      store_n(sum + c, total + now, k);
    }
  }
  for (int64_t c = 0; c < cols; ++c)
    sum[c] = log ? static_cast<T>(__builtin_log(static_cast<double>(sum[c]))) : 1 / sum[c];
  for (int64_t r = 0; r < n; ++r)
    for (int64_t c = 0; c < cols; c += L) {
      const int64_t k = cols - c < L ? cols - c : L;
      const V d = load_n(x + r * stride + c, k) - load_n(max + c, k), s = load_n(sum + c, k);
      store_n(y + r * stride + c, log ? d - s : exp_below(d) * s, k);
    }
}

template <class T>
void columns(const T* x, T* y, int64_t n, int64_t stride, int64_t cols, bool log) {
  for (int64_t c = 0; c < cols; c += kTile) {
    const int64_t now = cols - c < kTile ? cols - c : kTile;
    const bool near = n <= kBlock && n * now * static_cast<int64_t>(sizeof(T)) <= kNear;
    if (n > kShort && !near)
      long_columns(x + c, y + c, n, stride, now, log);
    else if (log)
      short_columns<T, true>(x + c, y + c, n, stride, now);
    else
      short_columns<T, false>(x + c, y + c, n, stride, now);
  }
}

template <class T>
void grad_tile(const T* g, const T* y, T* dx, int64_t n, int64_t stride, int64_t cols, bool log) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  T total[kTile], part[kTile];
  for (int64_t c = 0; c < cols; ++c) total[c] = part[c] = 0;
  for (int64_t r = 0; r < n; r += 8) {
    const int64_t rows = n - r < 8 ? n - r : 8;
    for (int64_t c = 0; c < cols; c += L) {
      const int64_t k = cols - c < L ? cols - c : L;
      V sum = V(0);
      for (int64_t q = r; q < r + rows; ++q) {
        const V v = load_n(g + q * stride + c, k);
        sum = log ? sum + v : mad(v, load_n(y + q * stride + c, k), sum);
      }
      store_n(part + c, load_n(part + c, k) + sum, k);
    }
    if (r % 256 != 248 && r + 8 < n) continue;
    for (int64_t c = 0; c < cols; ++c) {
      total[c] += part[c];
      part[c] = 0;
    }
  }
  for (int64_t r = 0; r < n; ++r)
    for (int64_t c = 0; c < cols; c += L) {
      const int64_t k = cols - c < L ? cols - c : L, at = r * stride + c;
      const V sum = load_n(total + c, k), v = load_n(g + at, k), p = load_n(y + at, k);
      store_n(dx + at, log ? v - exp_below(p) * sum : p * (v - sum), k);
    }
}

template <class T>
void grad_columns(const T* g, const T* y, T* dx, int64_t n, int64_t stride, int64_t cols,
                  bool log) {
  for (int64_t c = 0; c < cols; c += kTile)
    grad_tile(g + c, y + c, dx + c, n, stride, cols - c < kTile ? cols - c : kTile, log);
}

// Rows of a few elements are taken as columns.
template <class T>
FB_VEC void scatter_rows(const T* block, int64_t rows, int64_t n, T* y) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < n; ++i) y[r * n + i] = block[i * L + r];
}
template <class T>
void few_columns(const T* x, T* y, int64_t rows, int64_t n, bool log) {
  constexpr int L = Vec<T>::lanes;
  T block[kFewElements * L];
  for (int64_t r = 0; r < rows; r += L) {
    const int64_t now = rows - r < L ? rows - r : L;
    gather_rows(x + r * n, n, now, n, block);
    if (log)
      short_columns<T, true>(block, block, n, L, L);
    else
      short_columns<T, false>(block, block, n, L, L);
    scatter_rows(block, now, n, y + r * n);
  }
}
template <class T>
void grad_few_columns(const T* g, const T* y, T* dx, int64_t rows, int64_t n, bool log) {
  constexpr int L = Vec<T>::lanes;
  T block[kFewElements * L], of_y[kFewElements * L];
  for (int64_t r = 0; r < rows; r += L) {
    const int64_t now = rows - r < L ? rows - r : L;
    gather_rows(g + r * n, n, now, n, block);
    gather_rows(y + r * n, n, now, n, of_y);
    grad_tile(block, of_y, block, n, L, L, log);
    scatter_rows(block, now, n, dx + r * n);
  }
}

template <class T>
void rows(const T* x, T* y, int64_t rows, int64_t n, bool log) {
  using V = Vec<T>;
  if (n <= kFewElements) return few_columns(x, y, rows, n, log);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const V max = V(row_max(x, n));
    if (log) {
      const double sum = row_sum<T>(
          n, [&](int64_t i, int64_t k) FB_INLINE { return exp_below(load_n(x + i, k) - max); });
      const V shift = V(static_cast<T>(__builtin_log(sum)));
      row_map<T>(n, [&](int64_t i, int64_t k)
                        FB_INLINE { store_n(y + i, (load_n(x + i, k) - max) - shift, k); });
      continue;
    }
    const double sum = row_sum<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      const V e = exp_below(load_n(x + i, k) - max);
      store_n(y + i, e, k);
      return e;
    });
    const V scale = V(static_cast<T>(1 / sum));
    row_map<T>(
        n, [&](int64_t i, int64_t k) FB_INLINE { store_n(y + i, load_n(y + i, k) * scale, k); });
  }
}

template <class T>
void grad_rows(const T* g, const T* y, T* dx, int64_t rows, int64_t n, bool log) {
  using V = Vec<T>;
  if (n <= kFewElements) return grad_few_columns(g, y, dx, rows, n, log);
  for (int64_t r = 0; r < rows; ++r, g += n, y += n, dx += n) {
    if (log) {
      const V sum = V(static_cast<T>(
          row_sum<T>(n, [&](int64_t i, int64_t k) FB_INLINE { return load_n(g + i, k); })));
      row_map<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
        store_n(dx + i, load_n(g + i, k) - exp_below(load_n(y + i, k)) * sum, k);
      });
      continue;
    }
    const V sum = V(static_cast<T>(row_sum<T>(
        n, [&](int64_t i, int64_t k) FB_INLINE { return load_n(g + i, k) * load_n(y + i, k); })));
    row_map<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      store_n(dx + i, load_n(y + i, k) * (load_n(g + i, k) - sum), k);
    });
  }
}

template <class T>
void exp_columns(const T* x, const T* shift, const T* scale, T* y, int64_t n, int64_t stride,
                 int64_t cols) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  for (int64_t r = 0; r < n; ++r, x += stride, y += stride)
    for (int64_t c = 0; c < cols; c += L) {
      const int64_t k = cols - c < L ? cols - c : L;
      store_n(y + c, exp_below(load_n(x + c, k) - load_n(shift + c, k)) * load_n(scale + c, k), k);
    }
}

}  // namespace soft

#define FB_DEFINE_SOFTMAX(suffix, T)                                                              \
  void softmax_rows_##suffix(const T* x, T* y, int64_t rows, int64_t n, bool log) {               \
    soft::rows<T>(x, y, rows, n, log);                                                            \
  }                                                                                               \
  void softmax_columns_##suffix(const T* x, T* y, int64_t n, int64_t stride, int64_t cols,        \
                                bool log) {                                                       \
    soft::columns<T>(x, y, n, stride, cols, log);                                                 \
  }                                                                                               \
  void softmax_grad_rows_##suffix(const T* g, const T* y, T* dx, int64_t rows, int64_t n,         \
                                  bool log) {                                                     \
    soft::grad_rows<T>(g, y, dx, rows, n, log);                                                   \
  }                                                                                               \
  void softmax_grad_columns_##suffix(const T* g, const T* y, T* dx, int64_t n, int64_t stride,    \
                                     int64_t cols, bool log) {                                    \
    soft::grad_columns<T>(g, y, dx, n, stride, cols, log);                                        \
  }                                                                                               \
  void exp_shifted_rows_##suffix(const T* x, const T* shift, const T* scale, T* y, int64_t rows,  \
                                 int64_t n) {                                                     \
    soft::exp_rows<T>(x, shift, scale, y, rows, n);                                               \
  }                                                                                               \
  void exp_shifted_columns_##suffix(const T* x, const T* shift, const T* scale, T* y, int64_t n,  \
                                    int64_t stride, int64_t cols) {                               \
    soft::exp_columns<T>(x, shift, scale, y, n, stride, cols);                                    \
  }
FB_DEFINE_SOFTMAX(f32, float)
FB_DEFINE_SOFTMAX(f64, double)

}  // namespace flambeau::FB_ISA
