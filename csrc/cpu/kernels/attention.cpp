#include "cpu/kernels/attention.h"

#include "cpu/vec_math.h"

// Placed after a lambda's parameters: vectors must not travel through memory.
#define FB_LAMBDA __attribute__((always_inline))

namespace flambeau::FB_ISA {

namespace {

// Scores are kept as logarithms of base two, whose exponentials take the fewest steps.
template <class T>
constexpr T kLog2E = T(1.44269504088896340736L);

template <class T>
FB_VEC int64_t seen_by(const AttentionTile<T>& t, int64_t r) {
  const int64_t n = t.seen + r;
  return n < 0 ? 0 : n < t.keys ? n : t.keys;
}

// A row of scores, in units of ln 2: the products and what the mask says of them.
template <MaskKind kKind, class T>
struct Row {
  T* x;
  const T* added = nullptr;
  const bool* allowed = nullptr;
  const T* kept = nullptr;
  int64_t n;  // keys that may be seen
  Vec<T> scale;

  Row(T* s, const AttentionTile<T>& t, int64_t r)
      : x(s + r * t.row), n(seen_by(t, r)), scale(t.scale * kLog2E<T>) {
    if (kKind == MaskKind::Float) added = static_cast<const T*>(t.mask) + r * t.mask_row;
    if (kKind == MaskKind::Bool) allowed = static_cast<const bool*>(t.mask) + r * t.mask_row;
    if (t.kept) kept = t.kept + r * t.kept_row;
  }
  // From key j on; where not all lanes exist, those that do not are hidden.
  FB_VEC Vec<T> whole(int64_t j) const {
    const Vec<T> v = load(x + j);
    if constexpr (kKind == MaskKind::Float) return mad(v, scale, load(added + j) * kLog2E<T>);
    if constexpr (kKind == MaskKind::Bool)
      return where(load_bool<T>(allowed + j), v * scale, Vec<T>(-kInf<T>));
    return v * scale;
  }
  FB_VEC Vec<T> rest(int64_t j) const {
    Vec<T> v = load(x + j) * scale;
    if constexpr (kKind == MaskKind::Float)
      v = mad(load(x + j), scale, load_n(added + j, n - j) * kLog2E<T>);
    Mask<sizeof(T)> m = first_lanes<T>(n - j);
    if constexpr (kKind == MaskKind::Bool) m = m & load_bool<T>(allowed + j, n - j);
    return where(m, v, Vec<T>(-kInf<T>));
  }
  FB_VEC Vec<T> kept_at(int64_t j) const { return load_n(kept + j, n - j); }
};

// Writes zeros from key `from` on, as far behind the n-th as products may read.
template <class T>
FB_VEC void clear_behind(T* x, int64_t from, int64_t n) {
  for (int64_t j = from; j < n + kAttentionSlack; j += Vec<T>::lanes) store(x + j, Vec<T>(T(0)));
}

// The largest score. Where a mask has a say the scores are stored, to be read by what follows.
template <MaskKind kKind, class T>
FB_VEC T largest_of(const Row<kKind, T>& row) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> most = -kInf<T>;
  const auto see = [&](int64_t j, Vec<T> score) FB_LAMBDA {
    if constexpr (kKind != MaskKind::None) store(row.x + j, score);
    most = max_or_second(most, score);
  };
  int64_t j = 0;
  for (; j + L <= row.n; j += L) see(j, row.whole(j));
  if (j < row.n) see(j, row.rest(j));
  return reduce_max(most);
}

// Scores become exponentials of their distance to `shift`, times `kept`. Returns their sum.
template <MaskKind kKind, class T>
FB_VEC T exponentials(const Row<kKind, T>& row, Vec<T> shift) {
  constexpr int L = Vec<T>::lanes;
  Vec<T> total = T(0);
  const auto step = [&](int64_t j, Vec<T> distance) FB_LAMBDA {
    Vec<T> e = exp2_below(distance);
    total += e;
    if (row.kept) e = e * row.kept_at(j);
    store(row.x + j, e);
  };
  int64_t j = 0;
  if constexpr (kKind == MaskKind::None) {
    for (; j + L <= row.n; j += L) step(j, mad(load(row.x + j), row.scale, -shift));
    if (j < row.n) step(j, row.rest(j) - shift), j += L;
  } else {
    for (; j < row.n; j += L) step(j, load(row.x + j) - shift);
  }
  clear_behind(row.x, j, row.n);
  return reduce_add(total);
}

// All rows find their largest score before any takes exponentials: nothing waits for the maxima.
template <MaskKind kKind, class T>
void softmax(T* s, const AttentionTile<T>& t, bool first, T* largest, T* sum, T* factor) {
  for (int64_t r = 0; r < t.rows; ++r) {
    T now = largest_of(Row<kKind, T>(s, t, r));
    if (!first) {
      const T before = largest[r];
      now = now > before ? now : before;
      factor[r] = before;
    }
    largest[r] = now;
  }
  for (int64_t r = 0; r < t.rows; ++r) {
    // Where no key has been allowed yet, exponentials must come out as zero, not as NaN.
    const Vec<T> shift = largest[r] == -kInf<T> ? T(0) : largest[r];
    const T gained = exponentials(Row<kKind, T>(s, t, r), shift);
    if (first) {
      sum[r] = gained;
    } else {
      factor[r] = exp2_below(Vec<T>(factor[r]) - shift)[0];
      sum[r] = sum[r] * factor[r] + gained;
    }
  }
}

template <MaskKind kKind, class T>
void backward(T* s, T* g, const AttentionTile<T>& t, const T* lse, const T* d) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t r = 0; r < t.rows; ++r) {
    const Row<kKind, T> row(s, t, r);
    T* y = g + r * t.row;
    const Vec<T> shift = lse[r] * kLog2E<T>, mean = d[r];
    const auto step = [&](int64_t j, Vec<T> score, Vec<T> arriving) FB_LAMBDA {
      Vec<T> p = exp2_below(score - shift);
      const Vec<T> share = p * t.scale;
      if (row.kept) {
        const Vec<T> kept = row.kept_at(j);
        arriving = arriving * kept;
        p = p * kept;
      }
      store(row.x + j, p);
      store(y + j, share * (arriving - mean));
    };
    int64_t j = 0;
    for (; j + L <= row.n; j += L) step(j, row.whole(j), load(y + j));
    if (j < row.n) {
      // Behind the last key anything may lie.
      step(j, row.rest(j), where(first_lanes<T>(row.n - j), load(y + j), Vec<T>(T(0))));
      j += L;
    }
    clear_behind(row.x, j, row.n);
    clear_behind(y, j, row.n);
  }
}

template <class F>
void with_kind(MaskKind kind, F f) {
  if (kind == MaskKind::None)
    f(std::integral_constant<MaskKind, MaskKind::None>{});
  else if (kind == MaskKind::Bool)
    f(std::integral_constant<MaskKind, MaskKind::Bool>{});
  else
    f(std::integral_constant<MaskKind, MaskKind::Float>{});
}

template <class T>
void rescale(T* o, int64_t o_row, int64_t rows, int64_t width, const T* factor) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t r = 0; r < rows; ++r, o += o_row) {
    if (factor[r] == T(1)) continue;
    for (int64_t e = 0; e < width; e += L)
      store_n(o + e, load_n(o + e, width - e) * factor[r], width - e);
  }
}

template <class T>
void finish(const T* o, int64_t o_row, int64_t rows, int64_t width, const T* largest, const T* sum,
            T* out, int64_t out_row, T* lse) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t r = 0; r < rows; ++r, o += o_row, out += out_row) {
    const T share = sum[r] == T(0) ? T(0) : T(1) / sum[r];
    for (int64_t e = 0; e < width; e += L)
      store_n(out + e, load_n(o + e, width - e) * share, width - e);
  }
  if (!lse) return;
  for (int64_t r = 0; r < rows; r += L) {
    const Vec<T> all = load_n(sum + r, rows - r, T(1));
    const Vec<T> l = mad(load_n(largest + r, rows - r), Vec<T>(T(1) / kLog2E<T>), log(all));
    store_n(lse + r, where(all == T(0), Vec<T>(kInf<T>), l), rows - r);
  }
}

template <class T>
void dot(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows, int64_t width, T* d) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t r = 0; r < rows; ++r, a += a_row, b += b_row) {
    Vec<T> sum = T(0);
    for (int64_t e = 0; e < width; e += L)
      sum = mad(load_n(a + e, width - e), load_n(b + e, width - e), sum);
    d[r] = reduce_add(sum);
  }
}

template <class T>
void outer(const T* p, int64_t row, int64_t queries, int64_t keys, const T* x, int64_t width,
           bool add, T* to, int64_t to_row) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t j = 0; j < keys; ++j, to += to_row) {
    for (int64_t e = 0; e < width; e += L) {
      const int64_t n = width - e;
      Vec<T> sum = add ? load_n(to + e, n) : Vec<T>(T(0));
      for (int64_t i = 0; i < queries; ++i)
        sum = mad(load_n(x + i * width + e, n), Vec<T>(p[i * row + j]), sum);
      store_n(to + e, sum, n);
    }
  }
}

}  // namespace

#define FB_ATTENTION(S, T)                                                                       \
  void attention_softmax_##S(T* s, const AttentionTile<T>& tile, bool first, T* largest, T* sum, \
                             T* factor) {                                                        \
    with_kind(tile.kind, [&](auto kind) {                                                        \
      softmax<decltype(kind)::value>(s, tile, first, largest, sum, factor);                      \
    });                                                                                          \
  }                                                                                              \
  void attention_rescale_##S(T* o, int64_t o_row, int64_t rows, int64_t width,                   \
                             const T* factor) {                                                  \
    rescale(o, o_row, rows, width, factor);                                                      \
  }                                                                                              \
  void attention_finish_##S(const T* o, int64_t o_row, int64_t rows, int64_t width,              \
                            const T* largest, const T* sum, T* out, int64_t out_row, T* lse) {   \
    finish(o, o_row, rows, width, largest, sum, out, out_row, lse);                              \
  }                                                                                              \
  void attention_dot_##S(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows,     \
                         int64_t width, T* d) {                                                  \
    dot(a, a_row, b, b_row, rows, width, d);                                                     \
  }                                                                                              \
  void attention_backward_##S(T* s, T* g, const AttentionTile<T>& tile, const T* lse,            \
                              const T* d) {                                                      \
    with_kind(tile.kind,                                                                         \
              [&](auto kind) { backward<decltype(kind)::value>(s, g, tile, lse, d); });          \
  }                                                                                              \
  void attention_outer_##S(const T* p, int64_t row, int64_t queries, int64_t keys, const T* x,   \
                           int64_t width, bool add, T* to, int64_t to_row) {                     \
    outer(p, row, queries, keys, x, width, add, to, to_row);                                     \
  }
FB_ATTENTION(f32, float)
FB_ATTENTION(f64, double)
#undef FB_ATTENTION

}  // namespace flambeau::FB_ISA
