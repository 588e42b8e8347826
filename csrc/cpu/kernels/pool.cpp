#include "cpu/kernels/pool.h"

#include <cstring>

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

// The largest so far and its number, lane by lane.
template <class T>
struct Best {
  using Raw = typename Mask<sizeof(T)>::Raw;
  typedef uint8_t Bytes __attribute__((vector_size(Vec<T>::lanes)));
  Vec<T> value;
  Raw number;

  FB_VEC void start(Vec<T> v, int64_t n) {
    value = v;
    number = static_cast<typename Mask<sizeof(T)>::Lane>(n) - Raw{};
  }
  FB_VEC void offer(Vec<T> v, int64_t n) {
    const auto wins = (v > value) | (v != v);
    value = where(wins, v, value);
    const Raw other = static_cast<typename Mask<sizeof(T)>::Lane>(n) - Raw{};
    number = (wins.v & other) | (~wins.v & number);
  }
  FB_VEC void put(T* values, uint8_t* taps) const {
    store(values, value);
    const Bytes bytes = __builtin_convertvector(number, Bytes);
    std::memcpy(taps, &bytes, sizeof bytes);
  }
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

template <class T, int kStep, bool kLast>
FB_VEC void taps_block(const T* const* rows, const int64_t* number, int64_t count, int64_t width,
                       int64_t dilation, int64_t i, T* values, uint8_t* taps) {
  const auto read = [](const T* p) {
    return kLast ? load_step_last<T, kStep>(p) : load_step<T, kStep>(p);
  };
  Best<T> best;
  best.start(read(rows[0] + i * kStep), number[0]);
  for (int64_t r = 0; r < count; ++r) {
    const T* p = rows[r] + i * kStep;
    for (int64_t l = r == 0; l < width; ++l) best.offer(read(p + l * dilation), number[r] + l);
  }
  best.put(values + i, taps + i);
}

template <class T, int kStep>
int64_t taps_blocks(const T* const* rows, const int64_t* number, int64_t count, int64_t width,
                    int64_t dilation, int64_t limit, T* values, uint8_t* taps, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  if (n < L) return 0;
  const int64_t room =
      limit - (width - 1) * dilation - L * kStep;  // where the last block may begin
  int64_t i = 0;
  for (; i + L <= n && i * kStep <= room; i += L)
    taps_block<T, kStep, false>(rows, number, count, width, dilation, i, values, taps);
  if (i < n) {  // what is left, together with some done before
    for (i = i + L <= n ? i : n - L; i < n; i = i + L < n && i + 2 * L > n ? n - L : i + L)
      taps_block<T, kStep, true>(rows, number, count, width, dilation, i, values, taps);
    i = n;
  }
  return i;
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
    i = taps_blocks<T, 1>(rows, number, count, width, dilation, limit, values, taps, n);
  else if (stride == 2)
    i = taps_blocks<T, 2>(rows, number, count, width, dilation, limit, values, taps, n);
  for (; i < n; ++i) {
    T best = rows[0][i * stride];
    int64_t at = number[0];
    for (int64_t r = 0; r < count; ++r) {
      const T* p = rows[r] + i * stride;
      for (int64_t l = 0; l < width; ++l) {
        const T v = p[l * dilation];
        const bool wins = v > best || v != v;
        best = wins ? v : best;
        at = wins ? number[r] + l : at;
      }
    }
    values[i] = best;
    taps[i] = static_cast<uint8_t>(at);
  }
}

template <class T>
void taps_channels(const T* const* src, const uint8_t* number, int64_t count, T* values,
                   uint8_t* taps, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    Best<T> best;
    best.start(load(src[0] + i), number[0]);
    for (int64_t t = 1; t < count; ++t) best.offer(load(src[t] + i), number[t]);
    best.put(values + i, taps + i);
  }
  for (; i < n; ++i) {
    T best = src[0][i];
    uint8_t at = number[0];
    for (int64_t t = 1; t < count; ++t) {
      const T v = src[t][i];
      if (v > best || v != v) best = v, at = number[t];
    }
    values[i] = best;
    taps[i] = at;
  }
}

template <class T>
T plane_sum(const T* src, int64_t n) {
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
  void pool_taps_channels_##S(const T* const* src, const uint8_t* number, int64_t count,        \
                              T* values, uint8_t* taps, int64_t n) {                            \
    pool::taps_channels<T>(src, number, count, values, taps, n);                                \
  }                                                                                             \
  T pool_plane_sum_##S(const T* src, int64_t n) { return pool::plane_sum<T>(src, n); }
FB_DEFINE_POOL(f32, float)
FB_DEFINE_POOL(f64, double)
#undef FB_DEFINE_POOL

}  // namespace flambeau::FB_ISA
