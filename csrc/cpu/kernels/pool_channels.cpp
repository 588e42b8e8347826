#include "cpu/kernels/pool_channels.h"

#include "cpu/kernels/pool_best.h"

namespace flambeau::FB_ISA {
namespace pool {

// B vectors of channels at a time, then one, then what is left of one.
template <class T, int B, class F>
FB_VEC void for_vectors(int64_t n, F&& f) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + B * L <= n; i += B * L) f.template operator()<B, false>(i, L);
  for (; i + L <= n; i += L) f.template operator()<1, false>(i, L);
  if (i < n) f.template operator()<1, true>(i, n - i);
}

template <bool kPart, class T>
FB_VEC Vec<T> read(const T* p, int64_t n) {
  if constexpr (kPart) return load_n(p, n);
  return load(p);
}
template <bool kPart, class T>
FB_VEC void write(T* p, Vec<T> v, int64_t n) {
  if constexpr (kPart)
    store_n(p, v, n);
  else
    store(p, v);
}

// A few pixels at a time, so that their channels are still in the nearest cache when the next
// vectors of them are read; sums of many pixels are those of sums of few.
template <class T, bool kMax>
void combine(const T* base, const int64_t* offset, int64_t count, T divisor, T* out, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  constexpr int64_t kTogether = 8;
  for (int64_t from = 0; from < count; from += kTogether) {
    const int64_t to = count - from < kTogether ? count : from + kTogether;
    for_vectors<T, 4>(n, [&]<int B, bool kPart>(int64_t i, int64_t m) {
      Vec<T> all[B];
      for (int b = 0; b < B; ++b) all[b] = read<kPart>(base + offset[from] + i + b * L, m);
      for (int64_t t = from + 1; t < to; ++t)
        for (int b = 0; b < B; ++b) {
          const Vec<T> v = read<kPart>(base + offset[t] + i + b * L, m);
          all[b] = kMax ? maximum(all[b], v) : all[b] + v;
        }
      for (int b = 0; b < B; ++b) {
        if (from > 0) {
          const Vec<T> before = read<kPart>(out + i + b * L, m);
          all[b] = kMax ? maximum(before, all[b]) : before + all[b];
        }
        if (!kMax && to == count) all[b] = all[b] / divisor;
        write<kPart>(out + i + b * L, all[b], m);
      }
    });
  }
}

// The best of B vectors of channels.
template <class T, int B, bool kPart>
FB_VEC void find_best(const T* base, const int64_t* offset, const uint8_t* number, int64_t count,
                      int64_t i, int64_t m, Best<T>* best) {
  constexpr int L = Vec<T>::lanes;
  for (int b = 0; b < B; ++b)
    best[b].start(read<kPart>(base + offset[0] + i + b * L, m), number ? number[0] : 0);
  for (int64_t t = 1; t < count; ++t)
    for (int b = 0; b < B; ++b)
      best[b].offer(read<kPart>(base + offset[t] + i + b * L, m), number ? number[t] : t);
}

template <class T>
void taps(const T* base, const int64_t* offset, const uint8_t* number, int64_t count, T* values,
          uint8_t* taps, int64_t n) {
  for_vectors<T, 4>(n, [&]<int B, bool kPart>(int64_t i, int64_t m) {
    constexpr int L = Vec<T>::lanes;
    Best<T> best[B];
    find_best<T, B, kPart>(base, offset, number, count, i, m, best);
    if constexpr (kPart) {
      store_n(values + i, best[0].value, m);
      for (int64_t j = 0; j < m; ++j) taps[i + j] = static_cast<uint8_t>(best[0].number[j]);
    } else {
      for (int b = 0; b < B; ++b) best[b].put(values + i + b * L, taps + i + b * L);
    }
  });
}

template <class T>
void argmax(const T* base, const int64_t* offset, const int64_t* position, int64_t count,
            int64_t first, T* values, int64_t* indices, int64_t n) {
  for_vectors<T, 4>(n, [&]<int B, bool kPart>(int64_t i, int64_t m) {
    constexpr int L = Vec<T>::lanes;
    Best<T> best[B];
    find_best<T, B, kPart>(base, offset, nullptr, count, i, m, best);
    for (int b = 0; b < B; ++b) {
      write<kPart>(values + i + b * L, best[b].value, m);
      for (int64_t j = 0; j < m; ++j) indices[i + b * L + j] = first + position[best[b].number[j]];
    }
  });
}

template <class T>
void share(const T* const* src, const T* divisor, int64_t count, T* out, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  for_vectors<T, 2>(n, [&]<int B, bool kPart>(int64_t i, int64_t m) {
    Vec<T> sum[B];
    for (int b = 0; b < B; ++b) sum[b] = T(0);
    for (int64_t t = 0; t < count; ++t)
      for (int b = 0; b < B; ++b) sum[b] = sum[b] + read<kPart>(src[t] + i + b * L, m) / divisor[t];
    for (int b = 0; b < B; ++b) write<kPart>(out + i + b * L, sum[b], m);
  });
}

template <class T>
int64_t route(const T* const* grad, const uint8_t* const* taps, const uint8_t* number,
              int64_t count, T* out, int64_t n) {
  using Raw = typename Mask<sizeof(T)>::Raw;
  Raw hits{};
  for_vectors<T, 1>(n, [&]<int B, bool kPart>(int64_t i, int64_t m) {
    Vec<T> sum = T(0);
    for (int64_t t = 0; t < count; ++t) {
      const Raw tap = from_bytes<Raw>(taps[t] + i, kPart ? m : Vec<T>::lanes);
      auto chosen = Mask<sizeof(T)>((Raw)(tap == number[t]));
      if constexpr (kPart) chosen = chosen & first_lanes<T>(m);
      sum = sum + where(chosen, read<kPart>(grad[t] + i, m), Vec<T>(T(0)));
      hits = hits - chosen.v;
    }
    write<kPart>(out + i, sum, m);
  });
  int64_t total = 0;
  for (int j = 0; j < Vec<T>::lanes; ++j) total += hits[j];
  return total;
}

}  // namespace pool

#define FB_DEFINE_POOL_CHANNELS(S, T)                                                             \
  void channels_max_##S(const T* base, const int64_t* offset, int64_t count, T* out, int64_t n) { \
    pool::combine<T, true>(base, offset, count, T(1), out, n);                                    \
  }                                                                                               \
  void channels_mean_##S(const T* base, const int64_t* offset, int64_t count, T divisor, T* out,  \
                         int64_t n) {                                                             \
    pool::combine<T, false>(base, offset, count, divisor, out, n);                                \
  }                                                                                               \
  void channels_taps_##S(const T* base, const int64_t* offset, const uint8_t* number,             \
                         int64_t count, T* values, uint8_t* taps, int64_t n) {                    \
    pool::taps<T>(base, offset, number, count, values, taps, n);                                  \
  }                                                                                               \
  void channels_argmax_##S(const T* base, const int64_t* offset, const int64_t* position,         \
                           int64_t count, int64_t first, T* values, int64_t* indices, int64_t n) { \
    pool::argmax<T>(base, offset, position, count, first, values, indices, n);                    \
  }                                                                                               \
  void channels_share_##S(const T* const* src, const T* divisor, int64_t count, T* out,           \
                          int64_t n) {                                                            \
    pool::share<T>(src, divisor, count, out, n);                                                  \
  }                                                                                               \
  int64_t channels_route_##S(const T* const* grad, const uint8_t* const* taps,                    \
                             const uint8_t* number, int64_t count, T* out, int64_t n) {           \
    return pool::route<T>(grad, taps, number, count, out, n);                                     \
  }
FB_DEFINE_POOL_CHANNELS(f32, float)
FB_DEFINE_POOL_CHANNELS(f64, double)
FB_DEFINE_POOL_CHANNELS(i64, int64_t)
#undef FB_DEFINE_POOL_CHANNELS

}  // namespace flambeau::FB_ISA
