// The largest element so far and its number, lane by lane. Included by kernel sources only.
#pragma once
#include <cstring>
#include <limits>

#include "cpu/vec.h"

namespace flambeau::FB_ISA::pool {

// Lanes to bytes and back. GCC's own conversions go element by element through memory.
template <class Raw>
FB_VEC auto to_bytes(Raw lanes) {
  typedef uint8_t Bytes __attribute__((vector_size(sizeof(Raw) / sizeof(lanes[0]))));
#if defined(FB_X86_AVX2)
  if constexpr (sizeof(lanes[0]) == 4) {
    typedef int Quarter __attribute__((vector_size(16)));
    union {
      RawInt32 whole;
      Quarter half[2];
    } u{(RawInt32)lanes};
    const auto words = __builtin_ia32_packusdw128(u.half[0], u.half[1]);
    union {
      char whole __attribute__((vector_size(16)));
      Bytes low;
    } bytes{(decltype(bytes.whole))__builtin_ia32_packuswb128(words, words)};
    return bytes.low;
  }
#endif
  return __builtin_convertvector(lanes, Bytes);
}
template <class Raw>
FB_VEC Raw from_bytes(const uint8_t* p, int64_t n) {
  constexpr int lanes = sizeof(Raw) / sizeof(Raw{}[0]);
#if defined(FB_X86_AVX2)
  typedef char Sixteen __attribute__((vector_size(16)));
  typedef long long Words __attribute__((vector_size(16)));
  // By way of a register: a vector read right behind a shorter store would wait for it.
  long long word = 0;
  if (n == lanes)
    std::memcpy(&word, p, lanes);
  else
    for (int i = 0; i < lanes && i < n; ++i) word |= static_cast<long long>(p[i]) << (8 * i);
  const auto bytes = (Sixteen)Words{word, 0};
  if constexpr (lanes == 8)
    return (Raw)__builtin_ia32_pmovzxbd256(bytes);
  else
    return (Raw)__builtin_ia32_pmovzxbq256(bytes);
#else
  typedef uint8_t Bytes __attribute__((vector_size(sizeof(Raw) / sizeof(Raw{}[0]))));
  uint8_t some[lanes] = {};
  for (int i = 0; i < lanes && i < n; ++i) some[i] = p[i];
  Bytes bytes;
  std::memcpy(&bytes, some, lanes);
  return __builtin_convertvector(bytes, Raw);
#endif
}

// The first of equals; a NaN wins, the last of several.
template <class T>
struct Best {
  using Lane = typename Mask<sizeof(T)>::Lane;
  using Raw = typename Mask<sizeof(T)>::Raw;
  typedef uint8_t Bytes __attribute__((vector_size(Vec<T>::lanes)));
  Vec<T> value;
  Raw number;

  FB_VEC void start(Vec<T> v, int64_t n) {
    value = v;
    number = static_cast<Lane>(n) - Raw{};
  }
  FB_VEC void offer(Vec<T> v, int64_t n) {
    auto wins = v > value;
    if constexpr (std::is_floating_point_v<T>) wins = wins | (v != v);
    const Raw other = static_cast<Lane>(n) - Raw{};
    value = where(wins, v, value);
    number = (wins.v & other) | (~wins.v & number);
  }
  FB_VEC void put(T* values, uint8_t* taps) const {
    store(values, value);
    const Bytes bytes = to_bytes(number);
    std::memcpy(taps, &bytes, sizeof bytes);
  }
};

// The place of the largest of n adjacent elements, n > 0, by the rule of Best.
template <class T>
int64_t find_best(const T* row, int64_t n) {
  using Lane = typename Best<T>::Lane;
  constexpr int L = Vec<T>::lanes;
  if (n < L) {
    int64_t at = 0;
    for (int64_t i = 1; i < n; ++i)
      if (row[i] > row[at] || row[i] != row[i]) at = i;
    return at;
  }
  Best<T> best;
  best.start(load(row), 0);
  for (int64_t i = L; i + L <= n; i += L) best.offer(load(row + i), i);
  best.offer(load(row + n - L), n - L);
  const Vec<Lane> place = Vec<Lane>(best.number) + iota<Lane>();
  const T most = reduce_max(best.value);
  if (most == most)
    return reduce_min(
        where(best.value == most, place, Vec<Lane>(std::numeric_limits<Lane>::max())));
  return reduce_max(where(best.value != best.value, place, Vec<Lane>(Lane(-1))));
}

}  // namespace flambeau::FB_ISA::pool
