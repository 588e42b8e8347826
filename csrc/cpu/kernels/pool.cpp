#include "cpu/kernels/pool.h"

#include "cpu/kernels/pool_best.h"
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
void pairs_mean(const T* row, T* out, int64_t n, T divisor) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    const Vec<T> a = load(row + 2 * i), b = load(row + 2 * i + L);
    store(out + i, (evens(a, b) + odds(a, b)) / divisor);
  }
  for (; i < n; ++i) out[i] = (row[2 * i] + row[2 * i + 1]) / divisor;
}

template <class T>
void pairs_spread(const T* row, T* out, int64_t n, T divisor) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    const Vec<T> share = load(row + i) / divisor;
    store_interleaved(out + 2 * i, share, share);
  }
  for (; i < n; ++i) out[2 * i] = out[2 * i + 1] = row[i] / divisor;
}

// The largest so far alone, and the sum, in the manner of Best.
template <class T>
struct Largest {
  Vec<T> value;
  FB_VEC void start(Vec<T> v, int64_t) { value = v; }
  FB_VEC void offer(Vec<T> v, int64_t) { value = maximum(value, v); }
  FB_VEC void put(T* values, uint8_t*) const { store(values, value); }
};
template <class T>
struct Sum {
  Vec<T> value;
  FB_VEC void start(Vec<T> v, int64_t) { value = v; }
  FB_VEC void offer(Vec<T> v, int64_t) { value = value + v; }
  FB_VEC void put(T* values, uint8_t*) const { store(values, value); }
};

template <class T, int kStep>
FB_VEC Vec<T> load_step(const T* p) {
  if constexpr (kStep == 1)
    return load(p);
  else
    return evens(load(p), load(p + Vec<T>::lanes));
}

// The same without the element behind the last one of the step.
template <class T, int kStep>
FB_VEC Vec<T> load_step_last(const T* p) {
  constexpr int L = Vec<T>::lanes;
  if constexpr (kStep == 1)
    return load(p);
  else
    return evens(load(p), load_n(p + L, L - 1));
}

template <class T, class All, int kStep, bool kLast>
FB_VEC void taps_block(const T* const* rows, const int64_t* number, int64_t count, int64_t width,
                       int64_t dilation, int64_t i, T* values, uint8_t* taps) {
  const auto read = [](const T* p) {
    return kLast ? load_step_last<T, kStep>(p) : load_step<T, kStep>(p);
  };
  All best;
  best.start(read(rows[0] + i * kStep), number[0]);
  for (int64_t r = 0; r < count; ++r) {
    const T* p = rows[r] + i * kStep;
    for (int64_t l = r == 0; l < width; ++l) best.offer(read(p + l * dilation), number[r] + l);
  }
  best.put(values + i, taps + i);
}

template <class T, class All, int kStep>
int64_t taps_blocks(const T* const* rows, const int64_t* number, int64_t count, int64_t width,
                    int64_t dilation, int64_t limit, T* values, uint8_t* taps, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  if (n < L) return 0;
  const int64_t room =
      limit - (width - 1) * dilation - L * kStep;  // where the last block may begin
  int64_t i = 0;
  for (; i + L <= n && i * kStep <= room; i += L)
    taps_block<T, All, kStep, false>(rows, number, count, width, dilation, i, values, taps);
  if (i < n) {  // what is left, together with some done before
    for (i = i + L <= n ? i : n - L; i < n; i = i + L < n && i + 2 * L > n ? n - L : i + L)
      taps_block<T, All, kStep, true>(rows, number, count, width, dilation, i, values, taps);
    i = n;
  }
  return i;
}

// Where vectors run along a window, not along the windows of a row.
template <class T>
bool is_wide(int64_t width, int64_t dilation) {
  return dilation == 1 && width >= 2 * Vec<T>::lanes;
}

// Windows of 2 x 2, side by side.
template <class T>
int64_t taps_pairs(const T* row0, const T* row1, int64_t number0, int64_t number1, T* values,
                   uint8_t* taps, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  if (n < L) return 0;
  for (int64_t i = 0; i < n; i = i + L < n && i + 2 * L > n ? n - L : i + L) {
    const Vec<T> a = load(row0 + 2 * i), b = load(row0 + 2 * i + L);
    const Vec<T> c = load(row1 + 2 * i), d = load(row1 + 2 * i + L);
    Best<T> best;
    best.start(evens(a, b), number0);
    best.offer(odds(a, b), number0 + 1);
    best.offer(evens(c, d), number1);
    best.offer(odds(c, d), number1 + 1);
    best.put(values + i, taps + i);
  }
  return n;
}

template <class T>
void taps_row(const T* const* rows, const int64_t* number, int64_t count, int64_t width,
              int64_t dilation, int64_t stride, int64_t limit, T* values, uint8_t* taps,
              int64_t n) {
  int64_t i = 0;
  if (stride == 2 && width == 2 && dilation == 1 && count == 2)
    i = taps_pairs<T>(rows[0], rows[1], number[0], number[1], values, taps, n);
  else if (stride == 1)
    i = taps_blocks<T, Best<T>, 1>(rows, number, count, width, dilation, limit, values, taps, n);
  else if (stride == 2)
    i = taps_blocks<T, Best<T>, 2>(rows, number, count, width, dilation, limit, values, taps, n);
  const bool wide = is_wide<T>(width, dilation);
  for (; i < n; ++i) {
    T best = rows[0][i * stride];
    int64_t at = number[0];
    for (int64_t r = 0; r < count; ++r) {
      const T* p = rows[r] + i * stride;
      const auto offer = [&](T v, int64_t l) {
        const bool wins = v > best || v != v;
        best = wins ? v : best;
        at = wins ? number[r] + l : at;
      };
      if (wide) {
        const int64_t l = find_best(p, width);
        offer(p[l], l);
      } else {
        for (int64_t l = 0; l < width; ++l) offer(p[l * dilation], l);
      }
    }
    values[i] = best;
    taps[i] = static_cast<uint8_t>(at);
  }
}

template <class T>
T row_sum(const T* src, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> a = T(0), b = T(0);
  int64_t i = 0;
  for (; i + 2 * L <= n; i += 2 * L) {
    a = a + load(src + i);
    b = b + load(src + i + L);
  }
  T sum = reduce_add(a + b);
  for (; i < n; ++i) sum += src[i];
  return sum;
}

// Of at least a vector of elements.
template <class T>
T row_largest(const T* row, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> most = load(row);
  int64_t i = L;
  for (; i + L <= n; i += L) most = maximum(most, load(row + i));
  return reduce_max(maximum(most, load(row + n - L)));
}

template <class T, class All, bool kMax>
void width_row(const T* row, int64_t width, int64_t dilation, int64_t stride, int64_t limit, T* out,
               int64_t n) {
  const int64_t number = 0;
  int64_t i = 0;
  if (stride == 1)
    i = taps_blocks<T, All, 1>(&row, &number, 1, width, dilation, limit, out, nullptr, n);
  else if (stride == 2)
    i = taps_blocks<T, All, 2>(&row, &number, 1, width, dilation, limit, out, nullptr, n);
  const bool wide = is_wide<T>(width, dilation);
  for (; i < n; ++i) {
    const T* p = row + i * stride;
    if (wide) {
      out[i] = kMax ? row_largest(p, width) : row_sum(p, width);
      continue;
    }
    T all = p[0];
    for (int64_t l = 1; l < width; ++l)
      all = kMax ? larger(all, p[l * dilation]) : all + p[l * dilation];
    out[i] = all;
  }
}

template <class T, class N>
void columns_argmax(const T* const* rows, int64_t count, T* values, N* number, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    Best<T> best;
    best.start(load(rows[0] + i), 0);
    for (int64_t r = 1; r < count; ++r) best.offer(load(rows[r] + i), r);
    store(values + i, best.value);
    store(number + i, Vec<N>(best.number));
  }
  if (i < n) {
    Best<T> best;
    best.start(load_n(rows[0] + i, n - i), 0);
    for (int64_t r = 1; r < count; ++r) best.offer(load_n(rows[r] + i, n - i), r);
    store_n(values + i, best.value, n - i);
    store_n(number + i, Vec<N>(best.number), n - i);
  }
}

}  // namespace pool

#define FB_DEFINE_POOL(S, T)                                                                    \
  void pool_row_max_##S(const T* row, T* to, int64_t n) { pool::row_max<T>(row, to, n); }       \
  void pool_pairs_max_##S(const T* row, T* out, int64_t n) { pool::pairs_max<T>(row, out, n); } \
  void pool_pairs_mean_##S(const T* row, T* out, int64_t n, T divisor) {                        \
    pool::pairs_mean<T>(row, out, n, divisor);                                                  \
  }                                                                                             \
  void pool_pairs_spread_##S(const T* row, T* out, int64_t n, T divisor) {                      \
    pool::pairs_spread<T>(row, out, n, divisor);                                                \
  }                                                                                             \
  void pool_taps_row_##S(const T* const* rows, const int64_t* number, int64_t count,            \
                         int64_t width, int64_t dilation, int64_t stride, int64_t limit,        \
                         T* values, uint8_t* taps, int64_t n) {                                 \
    pool::taps_row<T>(rows, number, count, width, dilation, stride, limit, values, taps, n);    \
  }                                                                                             \
  void pool_width_max_##S(const T* row, int64_t width, int64_t dilation, int64_t stride,        \
                          int64_t limit, T* out, int64_t n) {                                   \
    pool::width_row<T, pool::Largest<T>, true>(row, width, dilation, stride, limit, out, n);    \
  }                                                                                             \
  void pool_width_sum_##S(const T* row, int64_t width, int64_t dilation, int64_t stride,        \
                          int64_t limit, T* out, int64_t n) {                                   \
    pool::width_row<T, pool::Sum<T>, false>(row, width, dilation, stride, limit, out, n);       \
  }                                                                                             \
  T pool_plane_sum_##S(const T* src, int64_t n) { return pool::row_sum<T>(src, n); }
FB_DEFINE_POOL(f32, float)
FB_DEFINE_POOL(f64, double)
#undef FB_DEFINE_POOL

void pool_columns_argmax_f32(const float* const* rows, int64_t count, float* values,
                             int32_t* number, int64_t n) {
  pool::columns_argmax(rows, count, values, number, n);
}
void pool_columns_argmax_f64(const double* const* rows, int64_t count, double* values,
                             int64_t* number, int64_t n) {
  pool::columns_argmax(rows, count, values, number, n);
}
void pool_columns_argmax_i64(const int64_t* const* rows, int64_t count, int64_t* values,
                             int64_t* number, int64_t n) {
  pool::columns_argmax(rows, count, values, number, n);
}

int64_t pool_find_best_f32(const float* row, int64_t n) { return pool::find_best(row, n); }
int64_t pool_find_best_f64(const double* row, int64_t n) { return pool::find_best(row, n); }
int64_t pool_find_best_i64(const int64_t* row, int64_t n) { return pool::find_best(row, n); }

}  // namespace flambeau::FB_ISA
