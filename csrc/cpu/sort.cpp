#include "cpu/sort.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/kernels/sort_network.h"
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

// ---- words: a key above the position of its element, so that comparing is one instruction

// How the keys of a row of n become words. Keys count from the smallest one; what then does not fit
// beside the position is cut off below, and set right after sorting.
struct Packing {
  int at_bits, cut = 0, key_bits;
  uint64_t low = 0;

  // Keys from low to high.
  Packing(int64_t n, uint64_t from, uint64_t high)
      : at_bits(64 - __builtin_clzll(static_cast<uint64_t>(std::max<int64_t>(1, n - 1)))),
        key_bits(high == from ? 0 : 64 - __builtin_clzll(high - from)),
        low(from) {
    cut = std::max(0, key_bits + at_bits - 64);
    key_bits -= cut;
  }
  uint64_t word(uint64_t key, int64_t at) const {
    return (key - low) >> cut << at_bits | static_cast<uint64_t>(at);
  }
  int64_t place(uint64_t word) const {
    return static_cast<int64_t>(word & ((uint64_t{1} << at_bits) - 1));
  }
};

template <class T>
struct RowKeys {
  const T* row;
  key_t<T> flip;
  RowKeys(const T* r, bool descending)
      : row(r), flip(descending ? static_cast<key_t<T>>(~key_t<T>(0)) : key_t<T>(0)) {}
  key_t<T> operator[](int64_t i) const { return static_cast<key_t<T>>(key_of(row[i]) ^ flip); }
};

template <class T>
Packing packing_of(const RowKeys<T>& keys, int64_t n) {
  if constexpr (sizeof(T) < 8)
    if (n < (int64_t{1} << 32)) return Packing(n, 0, static_cast<key_t<T>>(~key_t<T>(0)));
  uint64_t low = keys[0], high = low;
  for (int64_t i = 1; i < n; ++i) {
    const uint64_t k = keys[i];
    low = std::min(low, k), high = std::max(high, k);
  }
  return Packing(n, low, high);
}

// ---- sorting words

constexpr int64_t kPart = 64 * 1024;  // of a long row, for one thread
constexpr int64_t kMaxParts = 16;
constexpr int kBuckets = 256;

struct Counts { int64_t of[kBuckets]; };

// One stable pass by one byte. Parts are counted, then placed, side by side.
void radix_pass(const uint64_t* from, uint64_t* to, int64_t n, int shift, int64_t parts,
                Counts* counts) {
  const int64_t size = (n + parts - 1) / parts;
  parallel_for(parts, 1, [&](int64_t p0, int64_t p1) {
    for (int64_t p = p0; p < p1; ++p) {
      Counts& c = counts[p];
      std::memset(&c, 0, sizeof(c));
      const int64_t end = std::min(n, (p + 1) * size);
      for (int64_t i = p * size; i < end; ++i) ++c.of[from[i] >> shift & 255];
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
      for (int64_t i = p * size; i < end; ++i) to[next[from[i] >> shift & 255]++] = from[i];
    }
  });
}

// Bits in which words differ: bytes without any need no pass.
uint64_t varying_bits(const uint64_t* p, int64_t n) {
  uint64_t all = ~uint64_t{0}, any = 0;
  for (int64_t i = 0; i < n; ++i) {
    all &= p[i];
    any |= p[i];
  }
  return any & ~all;
}

// A row for one thread: the bytes of all keys are counted in one go, and what all keys share needs
// no pass.
uint64_t* sort_alone(uint64_t* words, uint64_t* scratch, int64_t n, const Packing& k) {
  Counts counts[8];
  const int bytes = (k.key_bits + 7) / 8;
  std::memset(counts, 0, static_cast<size_t>(bytes) * sizeof(Counts));
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t key = words[i] >> k.at_bits;
    for (int b = 0; b < bytes; ++b) ++counts[b].of[key >> (8 * b) & 255];
  }
  for (int b = 0; b < bytes; ++b) {
    int64_t* next = counts[b].of;
    const int shift = k.at_bits + 8 * b;
    if (next[words[0] >> shift & 255] == n) continue;
    for (int64_t at = 0, v = 0; v < kBuckets; ++v) at += std::exchange(next[v], at);
    for (int64_t i = 0; i < n; ++i) scratch[next[words[i] >> shift & 255]++] = words[i];
    std::swap(words, scratch);
  }
  return words;
}

// Room for sort_network().
int64_t network_size(int64_t n) {
  int64_t size = kNetworkLeast;
  while (size < n) size *= 2;
  return size;
}

void sort_network(uint64_t* words, int64_t n) {
  const int64_t size = network_size(n);
  std::fill(words + n, words + size, ~uint64_t{0});
  sort_words(words, size);
}

// Sorts words whose positions ascend; returns where the result is: in `words` or in `scratch`.
uint64_t* sort_packed(uint64_t* words, uint64_t* scratch, int64_t n, const Packing& k) {
  if (n <= kNetworkMost) {
    sort_network(words, n);
    return words;
  }
  const int64_t parts = std::clamp<int64_t>(n / kPart, 1, kMaxParts);
  if (parts == 1) return sort_alone(words, scratch, n, k);
  Counts counts[kMaxParts];
  const uint64_t varying = varying_bits(words, n) >> k.at_bits;
  for (int bit = 0; bit < k.key_bits; bit += 8) {
    if (!(varying >> bit & 255)) continue;
    radix_pass(words, scratch, n, k.at_bits + bit, parts, counts);
    std::swap(words, scratch);
  }
  return words;
}

// Words that agree in what was kept of their keys are put in the order of the whole keys.
template <class T>
void sort_cut_off(const RowKeys<T>& keys, const Packing& k, uint64_t* words, int64_t n) {
  if (k.cut == 0) return;
  for (int64_t i = 0; i + 1 < n;) {
    int64_t end = i + 1;
    while (end < n && words[end] >> k.at_bits == words[i] >> k.at_bits) ++end;
    if (end - i > 1)
      std::stable_sort(words + i, words + end,
                       [&](uint64_t a, uint64_t b) { return keys[k.place(a)] < keys[k.place(b)]; });
    i = end;
  }
}

struct RowShape {
  int64_t n, rows;
  explicit RowShape(const Tensor& t)
      : n(t.dim() ? t.size(t.dim() - 1) : 1), rows(n ? t.numel() / n : 0) {}
};

int64_t rows_per_task(int64_t n) { return std::max<int64_t>(1, 4096 / std::max<int64_t>(1, n)); }

// Memory for one thread's words. One long row gets it from the tensors' allocator instead.
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

template <class F>
void visit_ordered(DType t, F&& f) {
  visit_dtype(t, [&]<class T>() {
    if constexpr (!is_complex_v<T>) f.template operator()<T>();
  });
}

// Words for a row and a copy of it, and room for the network.
int64_t words_for(int64_t n) { return n <= kNetworkMost ? network_size(n) : 2 * n; }

// The sorted words of a row, in `space` of words_for(n).
template <class T>
const uint64_t* sorted_words(const RowKeys<T>& keys, int64_t n, const Packing& k, uint64_t* space) {
  for (int64_t i = 0; i < n; ++i) space[i] = k.word(keys[i], i);
  uint64_t* sorted = sort_packed(space, space + n, n, k);
  sort_cut_off(keys, k, sorted, n);
  return sorted;
}

// Calls f(r, keys, place) for every row, several rows at a time: place(i) is where the element of
// rank i is.
template <class F>
void each_sorted_row(const Tensor& in, bool descending, const F& f) {
  const RowShape s(in);
  if (s.rows == 0) return;
  const void* from = in.raw();
  visit_ordered(in.dtype(), [&]<class T>() {
    const Tensor shared = shared_scratch(s, words_for(s.n) * 8);
    void* given = shared.defined() ? shared.raw() : nullptr;
    BlockingRegion region(s.rows * s.n > kBlockingWork / 8);
    parallel_for(s.rows, rows_per_task(s.n), [&](int64_t r0, int64_t r1) {
      Scratch<uint64_t> scratch(given, words_for(s.n));
      for (int64_t r = r0; r < r1; ++r) {
        const RowKeys<T> keys(static_cast<const T*>(from) + r * s.n, descending);
        const Packing k = packing_of(keys, s.n);
        const uint64_t* sorted = sorted_words(keys, s.n, k, scratch.data);
        f(r, keys, [&](int64_t i) { return k.place(sorted[i]); });
      }
    });
  });
}

}  // namespace

void sort_rows(const Tensor& in, bool descending, const Tensor& positions) {
  const int64_t n = RowShape(in).n;
  int64_t* out = positions.data<int64_t>();
  each_sorted_row(in, descending, [=](int64_t r, const auto&, auto&& place) {
    for (int64_t i = 0; i < n; ++i) out[r * n + i] = place(i);
  });
}

// ---- some of a row

namespace {

// A whole key with its position, for choosing without sorting.
struct Pair {
  uint64_t key;
  int64_t at;
  bool operator<(const Pair& o) const { return key != o.key ? key < o.key : at < o.at; }
};

template <class T>
int64_t positions_beyond(const T* row, int64_t begin, int64_t n, T bound, bool below,
                         int64_t* positions, int64_t room, int64_t* next) {
  if constexpr (std::is_same_v<T, float>)
    return positions_beyond_f32(row, begin, n, bound, below, positions, room, next);
  else if constexpr (std::is_same_v<T, double>)
    return positions_beyond_f64(row, begin, n, bound, below, positions, room, next);
  else if constexpr (std::is_same_v<T, int32_t>)
    return positions_beyond_i32(row, begin, n, bound, below, positions, room, next);
  else if constexpr (std::is_same_v<T, int64_t>)
    return positions_beyond_i64(row, begin, n, bound, below, positions, room, next);
  const int64_t found = std::min(room, n - begin);  // half types and bytes: the keys decide
  for (int64_t i = 0; i < found; ++i) positions[i] = begin + i;
  *next = begin + found;
  return found;
}

// Words where whole keys fit beside positions, so that a network can order them; else pairs.
template <class T>
constexpr bool kWords = sizeof(T) < 8;

template <class T>
struct Candidates {
  using E = std::conditional_t<kWords<T>, uint64_t, Pair>;
  static E make(uint64_t key, int64_t at) {
    if constexpr (kWords<T>)
      return key << 32 | static_cast<uint64_t>(at);
    else
      return {key, at};
  }
  static uint64_t key(const E& e) {
    if constexpr (kWords<T>)
      return e >> 32;
    else
      return e.key;
  }
  static int64_t at(const E& e) {
    if constexpr (kWords<T>)
      return static_cast<int64_t>(e & 0xFFFFFFFF);
    else
      return e.at;
  }
  // Brings the k smallest of n to the front, `sorted` or not.
  static void choose(E* p, int64_t n, int64_t k, bool sorted) {
    if constexpr (kWords<T>) {
      if (n <= (sorted ? kNetworkMost : kNetworkMost / 4)) return sort_network(p, n);
    }
    std::nth_element(p, p + k - 1, p + n);
    if (sorted) std::sort(p, p + k);
  }
};

// The k first of a row, in order. Elements are collected until there is no more room, and then all
// but the first k dropped: what does not come before the last of these is turned away.
template <class T>
void top_of_row(const T* row, int64_t n, int64_t k, bool largest, int64_t* found,
                typename Candidates<T>::E* held, int64_t capacity, int64_t* out) {
  using C = Candidates<T>;
  const RowKeys<T> keys(row, largest);
  int64_t count = std::min(n, capacity);
  for (int64_t i = 0; i < count; ++i) held[i] = C::make(keys[i], i);
  for (int64_t i = count; i < n;) {
    C::choose(held, count, k, false);
    count = k;
    const auto last = *std::max_element(held, held + k);
    const uint64_t limit = C::key(last);  // keys from here on are too late
    const T bound = row[C::at(last)];
    while (i < n && count < capacity) {
      const int64_t m = positions_beyond(row, i, n, bound, !largest, found, capacity - count, &i);
      for (int64_t j = 0; j < m; ++j) {
        const uint64_t key = keys[found[j]];
        if (key < limit) held[count++] = C::make(key, found[j]);
      }
    }
  }
  C::choose(held, count, k, true);
  for (int64_t i = 0; i < k; ++i) out[i] = C::at(held[i]);
}

}  // namespace

void top_rows(const Tensor& in, int64_t k, bool largest, const Tensor& positions) {
  const RowShape s(in);
  if (s.rows == 0 || k == 0) return;
  int64_t* out = positions.data<int64_t>();
  // Sorting everything is faster than choosing much; positions in words have 32 bits.
  if (k > s.n / 8 || s.n <= 64 || s.n >= (int64_t{1} << 32)) {
    return each_sorted_row(in, largest, [=](int64_t r, const auto&, auto&& place) {
      for (int64_t i = 0; i < k; ++i) out[r * k + i] = place(i);
    });
  }
  const void* from = in.raw();
  // Short rows are ordered in no more room than they need, long ones drop less often in more.
  const int64_t capacity = network_size(2 * k + (s.n <= 256 ? 16 : 56));
  visit_ordered(in.dtype(), [&]<class T>() {
    using E = typename Candidates<T>::E;
    BlockingRegion region(s.rows * s.n > kBlockingWork / 2);
    parallel_for(s.rows, rows_per_task(s.n), [&](int64_t r0, int64_t r1) {
      const Scratch<E> held(nullptr, capacity);
      const Scratch<int64_t> found(nullptr, capacity);
      for (int64_t r = r0; r < r1; ++r)
        top_of_row(static_cast<const T*>(from) + r * s.n, s.n, k, largest, found.data, held.data,
                   capacity, out + r * k);
    });
  });
}

namespace {

// Long rows are narrowed down to what lies between two of their own elements first.
constexpr int64_t kNarrowed = 2048;

// Two keys between which the element of this rank most likely lies, by a sample at equal distances:
// 2.5 standard deviations of the sample's rank to either side.
template <class T>
std::pair<key_t<T>, key_t<T>> bounds_of_rank(const RowKeys<T>& keys, int64_t n, int64_t rank) {
  constexpr int64_t kMost = 4096;
  key_t<T> sample[kMost];
  const int64_t count = std::clamp<int64_t>(n / 64, 64, kMost), step = n / count;
  for (int64_t i = 0; i < count; ++i) sample[i] = keys[i * step + step / 2];
  const double at = static_cast<double>(rank) / static_cast<double>(n) * static_cast<double>(count);
  const double margin = 1.25 * std::sqrt(static_cast<double>(count)) + 1;
  const auto low = static_cast<int64_t>(std::max(0.0, at - margin));
  const auto high = static_cast<int64_t>(std::min(at + margin, static_cast<double>(count - 1)));
  std::nth_element(sample, sample + low, sample + count);
  if (high > low) std::nth_element(sample + low + 1, sample + high, sample + count);
  const bool first = low == 0, last = high == count - 1;
  return {first ? key_t<T>(0) : sample[low],
          last ? static_cast<key_t<T>>(~key_t<T>(0)) : sample[high]};
}

// The elements between the bounds, packed in order at the front of `held`.
struct Between { int64_t before, count; };

template <class T>
Between collect_between(const RowKeys<T>& keys, int64_t n, key_t<T> low, key_t<T> high,
                        typename Candidates<T>::E* held) {
  const int64_t parts = std::clamp<int64_t>(n / (kPart / 4), 1, kMaxParts),
                size = (n + parts - 1) / parts;
  Between found[kMaxParts];
  const auto width = static_cast<key_t<T>>(high - low);
  parallel_for(parts, 1, [&](int64_t part, int64_t stop) {
    for (; part < stop; ++part) {
      const int64_t begin = part * size, end = std::min(n, begin + size);
      int64_t before = 0, count = 0;
      for (int64_t i = begin; i < end; ++i) {
        const key_t<T> key = keys[i];
        held[begin + count] = Candidates<T>::make(key, i);
        count += static_cast<key_t<T>>(key - low) <= width;
        before += key < low;
      }
      found[part] = {before, count};
    }
  });
  Between all = found[0];
  for (int64_t part = 1; part < parts; ++part) {
    std::copy_n(held + part * size, found[part].count, held + all.count);
    all = {all.before + found[part].before, all.count + found[part].count};
  }
  return all;
}

// Where the element of a rank is; `held` has room for the row.
template <class T>
int64_t place_of_rank(const RowKeys<T>& keys, int64_t n, int64_t rank,
                      typename Candidates<T>::E* held) {
  using C = Candidates<T>;
  if (n >= kNarrowed) {
    const auto [low, high] = bounds_of_rank(keys, n, rank);
    const Between found = collect_between(keys, n, low, high, held);
    const int64_t left = rank - found.before;
    if (left >= 0 && left < found.count) {
      if (low != high) C::choose(held, found.count, left + 1, false);
      return C::at(held[left]);
    }
  }
  for (int64_t i = 0; i < n; ++i) held[i] = C::make(keys[i], i);
  C::choose(held, n, rank + 1, false);
  return C::at(held[rank]);
}

struct Nans { int64_t count = 0, first = -1; };

template <class T>
Nans nans_of(const T* row, int64_t n) {
  Nans nans;
  if constexpr (is_floating_v<T>) {
    const auto is_nan = [row](int64_t i) {
      const auto x = static_cast<compute_t<T>>(row[i]);
      return x != x;
    };
    for (int64_t i = 0; i < n; ++i) nans.count += is_nan(i);
    if (nans.count)
      while (!is_nan(++nans.first)) {}
  }
  return nans;
}

}  // namespace

void rank_rows(const Tensor& in, int64_t k, bool skip_nan, const Tensor& positions) {
  const RowShape s(in);
  if (s.rows == 0) return;
  FB_CHECK(s.n < (int64_t{1} << 32), "median(): rows of ", s.n, " elements are too long");
  const void* from = in.raw();
  int64_t* out = positions.data<int64_t>();
  visit_ordered(in.dtype(), [&]<class T>() {
    using E = typename Candidates<T>::E;
    const int64_t room = std::max(s.n, s.n <= kNetworkMost ? network_size(s.n) : 0);
    const Tensor shared = shared_scratch(s, room * static_cast<int64_t>(sizeof(E)));
    void* given = shared.defined() ? shared.raw() : nullptr;
    BlockingRegion region(s.rows * s.n > kBlockingWork / 2);
    parallel_for(s.rows, rows_per_task(s.n), [&](int64_t r0, int64_t r1) {
      const Scratch<E> scratch(given, room);
      for (int64_t r = r0; r < r1; ++r) {
        const T* row = static_cast<const T*>(from) + r * s.n;
        int64_t rank = k;
        if (k < 0) {
          const Nans nans = nans_of(row, s.n);
          if (nans.count && (!skip_nan || nans.count == s.n)) {
            out[r] = nans.first;
            continue;
          }
          rank = (s.n - nans.count - 1) / 2;
        }
        out[r] = place_of_rank(RowKeys<T>(row, false), s.n, rank, scratch.data);
      }
    });
  });
}

void mode_rows(const Tensor& in, const Tensor& positions) {
  const int64_t n = RowShape(in).n;
  int64_t* out = positions.data<int64_t>();
  each_sorted_row(in, false, [=]<class T>(int64_t r, const RowKeys<T>& keys, auto&& place) {
    int64_t best = 0, start = 0;
    for (int64_t i = 0; i < n; ++i) {
      bool alike = i > 0 && keys[place(i)] == keys[place(i - 1)];
      if constexpr (is_floating_v<T>)  // a NaN equals nothing
        alike = alike && keys[place(i)] != static_cast<key_t<T>>(~key_t<T>(0));
      if (!alike) start = i;
      if (i - start + 1 > best) {
        best = i - start + 1;
        out[r] = place(i);
      }
    }
  });
}

}  // namespace flambeau
