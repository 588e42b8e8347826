#include "cpu/kernels/sort_network.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace sorting {

using Words = vint64;
constexpr int64_t L = Words::lanes;

// The smaller ones into a.
FB_VEC void exchange(Words& a, Words& b) {
  const auto greater = a > b;
  const Words low = where(greater, b, a), high = where(greater, a, b);
  a = low, b = high;
}

FB_VEC Words reversed(Words v) {
  Words::Raw from;
  for (int64_t t = 0; t < L; ++t) from[t] = L - 1 - t;
  return __builtin_shuffle(v.v, from);
}

// Lanes t and t ^ kFlip, the smaller ones into lanes without the bit kLow.
template <int64_t kFlip, int64_t kLow>
FB_VEC Words exchange_lanes(Words v) {
  Words::Raw partner, smaller;
  for (int64_t t = 0; t < L; ++t) {
    partner[t] = t ^ kFlip;
    smaller[t] = (t & kLow) == 0 ? -1 : 0;
  }
  const Words w = __builtin_shuffle(v.v, partner);
  const auto greater = v > w;
  return where(Words::M(smaller), where(greater, w, v), where(greater, v, w));
}

FB_VEC Words sort_lanes(Words v) {
  v = exchange_lanes<1, 1>(v);
  if constexpr (L == 4) v = exchange_lanes<1, 1>(exchange_lanes<3, 2>(v));
  return v;
}

// The strides below a vector.
FB_VEC Words finish(Words v) {
  if constexpr (L == 4) v = exchange_lanes<2, 2>(v);
  return exchange_lanes<1, 1>(v);
}

// Merges two sorted runs in every k words: each word of the first half meets its mirror image in
// the second, and then the one k / 4 from it.
void mirror(int64_t* p, int64_t n, int64_t k) {
  for (int64_t* base = p; base < p + n; base += k)
    for (int64_t i = 0; i < k / 4; i += L) {
      int64_t *pa = base + i, *pb = pa + k / 4, *pd = base + k - L - i, *pc = pd - k / 4;
      Words a = load(pa), b = load(pb), c = reversed(load(pc)), d = reversed(load(pd));
      exchange(a, d);
      exchange(b, c);
      exchange(a, b);
      c = reversed(c), d = reversed(d);
      exchange(c, d);
      store(pa, a);
      store(pb, b);
      store(pc, c);
      store(pd, d);
    }
}

// Strides j and j / 2 in one pass.
void two_strides(int64_t* p, int64_t n, int64_t j) {
  const int64_t half = j / 2;
  for (int64_t* base = p; base < p + n; base += 2 * j)
    for (int64_t* q = base; q < base + half; q += L) {
      Words a = load(q), b = load(q + half), c = load(q + j), d = load(q + j + half);
      exchange(a, c);
      exchange(b, d);
      exchange(a, b);
      exchange(c, d);
      store(q, a);
      store(q + half, b);
      store(q + j, c);
      store(q + j + half, d);
    }
}

// What is left of a level: stride L if asked for, and those below.
template <bool kStride, bool kMirror>
void last_strides(int64_t* p, int64_t n, Words sign) {
  for (int64_t i = 0; i < n; i += 2 * L) {
    Words a = load(p + i), b = load(p + i + L);
    if constexpr (kMirror) b = reversed(b);
    if constexpr (kStride) exchange(a, b);
    if constexpr (kMirror) b = reversed(b);
    store(p + i, finish(a) ^ sign);
    store(p + i + L, finish(b) ^ sign);
  }
}

}  // namespace sorting

void sort_words(uint64_t* words, int64_t n) {
  using namespace sorting;
  constexpr int64_t kSign = INT64_MIN;  // lanes are compared as signed numbers
  auto* p = reinterpret_cast<int64_t*>(words);
  for (int64_t i = 0; i < n; i += L) store(p + i, sort_lanes(load(p + i) ^ Words(kSign)));
  for (int64_t k = 2 * L; k <= n; k *= 2) {
    const Words sign = k == n ? kSign : 0;
    if (k == 2 * L) {
      last_strides<true, true>(p, n, sign);
      continue;
    }
    mirror(p, n, k);
    int64_t j = k / 8;
    for (; j >= 2 * L; j /= 4) two_strides(p, n, j);
    if (j == L)
      last_strides<true, false>(p, n, sign);
    else
      last_strides<false, false>(p, n, sign);
  }
}

namespace sorting {

template <bool kBelow, class T>
int64_t beyond(const T* row, int64_t begin, int64_t n, T bound, int64_t* positions, int64_t room,
               int64_t* next) {
  constexpr int64_t kLanes = Vec<T>::lanes;
  const Vec<T> limit = bound;
  int64_t found = 0, i = begin;
  const auto passes = [&](Vec<T> v) { return kBelow ? !(v >= limit) : !(v <= limit); };
  for (; i + 4 * kLanes <= n && found + 4 * kLanes <= room; i += 4 * kLanes) {
    typename Vec<T>::M m[4];
    for (int b = 0; b < 4; ++b) m[b] = passes(load(row + i + b * kLanes));
    if (!any(m[0] | m[1] | m[2] | m[3])) continue;
    for (int b = 0; b < 4; ++b)
      for (int64_t t = 0; t < kLanes; ++t) {
        positions[found] = i + b * kLanes + t;
        found += m[b][static_cast<int>(t)];
      }
  }
  for (; i < n && found < room; ++i)
    if (kBelow ? !(row[i] >= bound) : !(row[i] <= bound)) positions[found++] = i;
  *next = i;
  return found;
}

}  // namespace sorting

#define FB_DEFINE_BEYOND(S, T)                                                                \
  int64_t positions_beyond_##S(const T* row, int64_t begin, int64_t n, T bound, bool below,   \
                               int64_t* positions, int64_t room, int64_t* next) {             \
    return below ? sorting::beyond<true>(row, begin, n, bound, positions, room, next)         \
                 : sorting::beyond<false>(row, begin, n, bound, positions, room, next);       \
  }
FB_DEFINE_BEYOND(f32, float)
FB_DEFINE_BEYOND(f64, double)
FB_DEFINE_BEYOND(i32, int32_t)
FB_DEFINE_BEYOND(i64, int64_t)
#undef FB_DEFINE_BEYOND

}  // namespace flambeau::FB_ISA
