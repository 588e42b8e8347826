#include "cpu/sort.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

// ---- keys: unsigned numbers in the order of the elements, with all zeros and all NaNs alike

template <class T> struct KeyOf { using type = std::make_unsigned_t<T>; };
template <> struct KeyOf<bool> { using type = uint8_t; };
template <> struct KeyOf<Half> { using type = uint16_t; };
template <> struct KeyOf<BFloat16> { using type = uint16_t; };
template <> struct KeyOf<float> { using type = uint32_t; };
template <> struct KeyOf<double> { using type = uint64_t; };
template <class T> using key_t = typename KeyOf<T>::type;

template <class T>
inline key_t<T> key_of(T v) {
  using K = key_t<T>;
  constexpr K sign = static_cast<K>(K(1) << (sizeof(K) * 8 - 1));
  K bits;
  std::memcpy(&bits, &v, sizeof(K));
  if constexpr (is_floating_v<T>) {
    K infinity;
    const T inf = T(__builtin_inff());
    std::memcpy(&infinity, &inf, sizeof(K));
    const K magnitude = static_cast<K>(bits & ~sign);
    if (magnitude > infinity) return static_cast<K>(~K(0));
    if (magnitude == 0) return sign;
    return static_cast<K>(bits & sign ? ~bits : bits | sign);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<K>(bits ^ sign);
  } else {
    return bits;
  }
}

// A key with its position. Narrow ones share a word, so that comparing is one instruction.
struct Wide {
  uint64_t key;
  int64_t at;
  bool operator<(const Wide& o) const { return key != o.key ? key < o.key : at < o.at; }
};
inline int64_t place(uint64_t e) { return static_cast<int64_t>(e & 0xFFFFFFFF); }
inline int64_t place(const Wide& e) { return e.at; }
inline uint64_t key(uint64_t e) { return e >> 32; }
inline uint64_t key(const Wide& e) { return e.key; }
template <class E>
inline E element(uint64_t k, int64_t at) {
  if constexpr (std::is_same_v<E, Wide>)
    return {k, at};
  else
    return k << 32 | static_cast<uint64_t>(at);
}

// Calls f<T, E>() with the element type and the kind of pair; rows beyond 2^32 need the wide one.
template <class F>
void visit_pairs(DType t, int64_t n, F&& f) {
  visit_dtype(t, [&]<class T>() {
    if constexpr (!is_complex_v<T>) {
      if (sizeof(T) == 8 || n >= (int64_t{1} << 32))
        f.template operator()<T, Wide>();
      else if constexpr (sizeof(T) < 8)
        f.template operator()<T, uint64_t>();
    }
  });
}

template <class T, class E>
void make_pairs(const T* row, int64_t begin, int64_t end, bool descending, E* out) {
  const key_t<T> flip = descending ? static_cast<key_t<T>>(~key_t<T>(0)) : key_t<T>(0);
  for (int64_t i = begin; i < end; ++i) {
    out[i] = element<E>(static_cast<key_t<T>>(key_of(row[i]) ^ flip), i);
  }
}

// ---- sorting pairs by key

constexpr int64_t kRadixFrom = 128;   // shorter rows are compared
constexpr int64_t kPart = 64 * 1024;  // of a long row, for one thread
constexpr int64_t kMaxParts = 16;
constexpr int kBuckets = 256;

struct Counts { int64_t of[kBuckets]; };

// One stable pass by one byte of the key. Parts are counted, then placed, side by side.
template <class E>
void radix_pass(const E* from, E* to, int64_t n, int shift, int64_t parts, Counts* counts) {
  const int64_t size = (n + parts - 1) / parts;
  parallel_for(parts, 1, [&](int64_t p0, int64_t p1) {
    for (int64_t p = p0; p < p1; ++p) {
      Counts& c = counts[p];
      std::memset(&c, 0, sizeof(c));
      const int64_t end = std::min(n, (p + 1) * size);
      for (int64_t i = p * size; i < end; ++i) ++c.of[key(from[i]) >> shift & 255];
    }
  });
  int64_t at = 0;
  for (int b = 0; b < kBuckets; ++b) {
    for (int64_t p = 0; p < parts; ++p) at += std::exchange(counts[p].of[b], at);
  }
  parallel_for(parts, 1, [&](int64_t p0, int64_t p1) {
    for (int64_t p = p0; p < p1; ++p) {
      int64_t* next = counts[p].of;
      const int64_t end = std::min(n, (p + 1) * size);
      for (int64_t i = p * size; i < end; ++i) to[next[key(from[i]) >> shift & 255]++] = from[i];
    }
  });
}

// Bits in which keys differ: bytes without any need no pass.
template <class E>
uint64_t varying_bits(const E* p, int64_t n) {
  uint64_t all = ~uint64_t{0}, any = 0;
  for (int64_t i = 0; i < n; ++i) {
    all &= key(p[i]);
    any |= key(p[i]);
  }
  return any & ~all;
}

// A row for one thread: the bytes of all keys are counted in one go, and what all keys share needs
// no pass.
template <class E>
E* sort_alone(E* pairs, E* scratch, int64_t n, int key_bytes) {
  Counts counts[8];
  std::memset(counts, 0, static_cast<size_t>(key_bytes) * sizeof(Counts));
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t k = key(pairs[i]);
    for (int b = 0; b < key_bytes; ++b) ++counts[b].of[k >> (8 * b) & 255];
  }
  for (int b = 0; b < key_bytes; ++b) {
    int64_t* next = counts[b].of;
    const int shift = 8 * b;
    if (next[key(pairs[0]) >> shift & 255] == n) continue;
    for (int64_t at = 0, k = 0; k < kBuckets; ++k) at += std::exchange(next[k], at);
    for (int64_t i = 0; i < n; ++i) scratch[next[key(pairs[i]) >> shift & 255]++] = pairs[i];
    std::swap(pairs, scratch);
  }
  return pairs;
}

// Sorts `pairs`, whose positions ascend; returns where the result is: in `pairs` or in `scratch`.
template <class E>
E* sort_pairs(E* pairs, E* scratch, int64_t n, int key_bytes) {
  if (n < kRadixFrom) {
    std::sort(pairs, pairs + n);
    return pairs;
  }
  const int64_t parts = std::clamp<int64_t>(n / kPart, 1, kMaxParts);
  if (parts == 1) return sort_alone(pairs, scratch, n, key_bytes);
  Counts counts[kMaxParts];
  const uint64_t varying = varying_bits(pairs, n);
  for (int byte = 0; byte < key_bytes; ++byte) {
    if (!(varying >> (8 * byte) & 255)) continue;
    radix_pass(pairs, scratch, n, 8 * byte, parts, counts);
    std::swap(pairs, scratch);
  }
  return pairs;
}

struct RowShape {
  int64_t n, rows;
  explicit RowShape(const Tensor& t)
      : n(t.dim() ? t.size(t.dim() - 1) : 1), rows(n ? t.numel() / n : 0) {}
};

int64_t rows_per_task(int64_t n) { return std::max<int64_t>(1, 4096 / std::max<int64_t>(1, n)); }

// Memory for one thread's pairs. One long row gets it from the tensors' allocator instead.
template <class E>
struct Scratch {
  std::unique_ptr<E[]> own;
  E* data;
  Scratch(void* given, int64_t n)
      : own(given ? nullptr : std::make_unique_for_overwrite<E[]>(static_cast<size_t>(n))),
        data(given ? static_cast<E*>(given) : own.get()) {}
};

Tensor shared_scratch(const RowShape& s, int64_t bytes) {
  return s.rows == 1 ? empty({bytes}, DType::UInt8) : Tensor();
}

// Calls f.operator()<T>(r, sorted) with the sorted pairs of every row, several rows at a time.
template <class F>
void each_sorted_row(const Tensor& in, bool descending, const F& f) {
  const RowShape s(in);
  if (s.rows == 0) return;
  const void* from = in.raw();
  visit_pairs(in.dtype(), s.n, [&]<class T, class E>() {
    const Tensor shared = shared_scratch(s, 2 * s.n * static_cast<int64_t>(sizeof(E)));
    void* given = shared.defined() ? shared.raw() : nullptr;
    BlockingRegion region(s.rows * s.n > kBlockingWork / 8);
    parallel_for(s.rows, rows_per_task(s.n), [&](int64_t r0, int64_t r1) {
      Scratch<E> scratch(given, 2 * s.n);
      for (int64_t r = r0; r < r1; ++r) {
        const T* row = static_cast<const T*>(from) + r * s.n;
        make_pairs(row, 0, s.n, descending, scratch.data);
        const E* sorted =
            sort_pairs(scratch.data, scratch.data + s.n, s.n, static_cast<int>(sizeof(T)));
        f.template operator()<T>(r, sorted);
      }
    });
  });
}

}  // namespace

void sort_rows(const Tensor& in, bool descending, const Tensor& positions) {
  const int64_t n = RowShape(in).n;
  int64_t* out = positions.data<int64_t>();
  each_sorted_row(in, descending, [=]<class T>(int64_t r, const auto* sorted) {
    for (int64_t i = 0; i < n; ++i) out[r * n + i] = place(sorted[i]);
  });
}

namespace {

// The k smallest pairs in order: a pair enters the buffer only when it beats the worst one that can
// still count.
template <class T, class E>
void top_of_row(const T* row, int64_t n, int64_t k, bool largest, E* buffer, int64_t capacity,
                int64_t* out) {
  const key_t<T> flip = largest ? static_cast<key_t<T>>(~key_t<T>(0)) : key_t<T>(0);
  int64_t held = 0;
  uint64_t limit = ~uint64_t{0};  // keys from here on are too late
  bool limited = false;
  T bound = row[0];
  // Most elements are turned away by one comparison of values; a NaN passes it.
  const auto too_late = [&](T v) {
    if constexpr (sizeof(T) >= 4) return limited && (largest ? v <= bound : v >= bound);
    return false;
  };
  for (int64_t i = 0; i < n; ++i) {
    if (too_late(row[i])) continue;
    const uint64_t k_i = static_cast<key_t<T>>(key_of(row[i]) ^ flip);
    if (limited && k_i >= limit) continue;
    buffer[held++] = element<E>(k_i, i);
    if (held == capacity) {
      std::nth_element(buffer, buffer + k - 1, buffer + held);
      held = k;
      limit = key(buffer[k - 1]);
      bound = row[place(buffer[k - 1])];
      limited = true;
    }
  }
  std::nth_element(buffer, buffer + k - 1, buffer + held);
  std::sort(buffer, buffer + k);
  for (int64_t i = 0; i < k; ++i) out[i] = place(buffer[i]);
}

}  // namespace

void top_rows(const Tensor& in, int64_t k, bool largest, const Tensor& positions) {
  const RowShape s(in);
  if (s.rows == 0 || k == 0) return;
  const void* from = in.raw();
  int64_t* out = positions.data<int64_t>();
  const int64_t capacity = std::min(s.n, 2 * k + 48);
  const bool all = k > s.n / 8 && s.n > 1024;  // sorting everything is faster than choosing
  visit_pairs(in.dtype(), s.n, [&]<class T, class E>() {
    const int64_t room = all ? 2 * s.n : std::max<int64_t>(capacity, k);
    const Tensor shared = shared_scratch(s, room * static_cast<int64_t>(sizeof(E)));
    void* given = shared.defined() ? shared.raw() : nullptr;
    BlockingRegion region(s.rows * s.n > kBlockingWork / 2);
    parallel_for(s.rows, rows_per_task(s.n), [&](int64_t r0, int64_t r1) {
      Scratch<E> scratch(given, room);
      for (int64_t r = r0; r < r1; ++r) {
        const T* row = static_cast<const T*>(from) + r * s.n;
        if (!all) {
          top_of_row(row, s.n, k, largest, scratch.data, capacity, out + r * k);
          continue;
        }
        make_pairs(row, 0, s.n, largest, scratch.data);
        const E* sorted =
            sort_pairs(scratch.data, scratch.data + s.n, s.n, static_cast<int>(sizeof(T)));
        for (int64_t i = 0; i < k; ++i) out[r * k + i] = place(sorted[i]);
      }
    });
  });
}

void rank_rows(const Tensor& in, int64_t k, bool skip_nan, const Tensor& positions) {
  const RowShape s(in);
  if (s.rows == 0) return;
  const void* from = in.raw();
  int64_t* out = positions.data<int64_t>();
  visit_pairs(in.dtype(), s.n, [&]<class T, class E>() {
    const Tensor shared = shared_scratch(s, s.n * static_cast<int64_t>(sizeof(E)));
    void* given = shared.defined() ? shared.raw() : nullptr;
    BlockingRegion region(s.rows * s.n > kBlockingWork / 2);
    parallel_for(s.rows, rows_per_task(s.n), [&](int64_t r0, int64_t r1) {
      Scratch<E> scratch(given, s.n);
      for (int64_t r = r0; r < r1; ++r) {
        make_pairs(static_cast<const T*>(from) + r * s.n, 0, s.n, false, scratch.data);
        int64_t rank = k;
        if (k < 0) {
          int64_t nans = 0, first = -1;
          if constexpr (is_floating_v<T>) {
            constexpr key_t<T> nan = static_cast<key_t<T>>(~key_t<T>(0));
            for (int64_t i = 0; i < s.n; ++i) {
              if (key(scratch.data[i]) != nan) continue;
              ++nans;
              if (first < 0) first = i;
            }
          }
          if (nans && (!skip_nan || nans == s.n)) {
            out[r] = first;
            continue;
          }
          rank = (s.n - nans - 1) / 2;
        }
        std::nth_element(scratch.data, scratch.data + rank, scratch.data + s.n);
        out[r] = place(scratch.data[rank]);
      }
    });
  });
}

void mode_rows(const Tensor& in, const Tensor& positions) {
  const int64_t n = RowShape(in).n;
  int64_t* out = positions.data<int64_t>();
  each_sorted_row(in, false, [=]<class T>(int64_t r, const auto* sorted) {
    int64_t best = 0, start = 0;
    for (int64_t i = 0; i < n; ++i) {
      bool alike = i > 0 && key(sorted[i]) == key(sorted[i - 1]);
      if constexpr (is_floating_v<T>) {  // a NaN equals nothing
        alike = alike && key(sorted[i]) != static_cast<key_t<T>>(~key_t<T>(0));
      }
      if (!alike) start = i;
      if (i - start + 1 > best) {
        best = i - start + 1;
        out[r] = place(sorted[i]);
      }
    }
  });
}

}  // namespace flambeau
