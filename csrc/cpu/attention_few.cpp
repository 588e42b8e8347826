// Attention of one to a few queries, as in generation step by step: products of matrices with
// vectors, a row of scores per query.
#include "cpu/attention_parts.h"

namespace flambeau::attention {

namespace {

constexpr int64_t kFewQueries = 4;
constexpr int64_t kNearBytes = int64_t{2} << 20;  // keys and values that caches are fast enough for
constexpr int64_t kAheadBytes = 4096;

// Keys that some query sees.
int64_t seen_keys(const AttentionShape& s) {
  static_assert(kFewQueries <= kAttentionSlack);
  return s.causal ? std::min(s.keys, s.queries) : s.keys;
}
int64_t score_row(const AttentionShape& s) { return round_up(s.keys, 16) + 16; }

// How many rows of keys or values, of `width` features, are fetched before they are used.
template <class T>
int64_t rows_ahead(const AttentionShape& s, int64_t width) {
  constexpr auto item = static_cast<int64_t>(sizeof(T));
  const double all = static_cast<double>(s.batch * s.kv_heads * s.keys) * (s.width + s.value_width);
  return width > 0 && all * item > kNearBytes ? kAheadBytes / (width * item) : 0;
}

// Features side by side, as they lie or copied to `space`.
template <class T>
struct Vectors {
  const T* data;
  int64_t row;
  Vectors(const AttentionOperand<T>& x, int64_t b, int64_t h, int64_t n, int64_t width, T* space)
      : data(at(x, b, h)), row(x.row) {
    if (x.column == 1) return;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t e = 0; e < width; ++e) space[i * width + e] = data[i * x.row + e * x.column];
    data = space;
    row = width;
  }
};

}  // namespace

template <class T>
bool are_few(const AttentionInputs<T>& in) {
  return in.shape.queries <= kFewQueries && in.k.column == 1 && in.v.column == 1;
}

template <class T>
void forward_few(const AttentionInputs<T>& in, const AttentionOutput<T>& out, T* lse) {
  const AttentionShape& s = in.shape;
  const int64_t row = score_row(s), L = s.queries, n = seen_keys(s), group = s.heads / s.kv_heads;
  const int64_t grain = std::max<int64_t>(1, 65536 / ((n + 1) * (s.width + s.value_width)));
  parallel_for(s.batch * s.heads, grain, [&](int64_t begin, int64_t end) {
    Arena<T> arena(Arena<T>::padded(L * row) + Arena<T>::padded(L * s.width));
    T *scores = arena.take(L * row), *space = arena.take(L * s.width);
    T largest[kFewQueries], sum[kFewQueries];
    for (int64_t pair = begin; pair < end; ++pair) {
      const int64_t batch = pair / s.heads, head = pair % s.heads;
      const Vectors<T> q(in.q, batch, head, L, s.width, space);
      Kernels<T>::dot_rows(GemmSource::Same, at(in.k, batch, head / group), in.k.row, n, q.data,
                           q.row, L, s.width, scores, row, rows_ahead<T>(s, s.width));
      Kernels<T>::softmax(scores, tile_of(in, batch, head, 0, L, 0, n, row), true, largest, sum,
                          nullptr);
      T* to = at(out, batch, head);
      Kernels<T>::sum_rows(GemmSource::Same, at(in.v, batch, head / group), in.v.row, s.value_width,
                           scores, row, L, n, to, out.row, rows_ahead<T>(s, s.value_width));
      Kernels<T>::finish(to, out.row, L, s.value_width, largest, sum, to, out.row,
                         lse ? lse + pair * L : nullptr);
    }
  });
}

namespace {

// The gradients of one head of queries; those of its keys and values are added to when a head of
// the same group has been there before.
template <class T>
void head_back(const AttentionInputs<T>& in, const AttentionGradients<T>& grads, int64_t batch,
               int64_t head, bool add) {
  const AttentionShape& s = in.shape;
  const auto p = Arena<T>::padded;
  const int64_t row = score_row(s), L = s.queries, n = seen_keys(s),
                kv = head / (s.heads / s.kv_heads);
  Arena<T> arena(2 * p(L * row) + p(L * s.width) + p(L * s.value_width));
  T *scores = arena.take(L * row), *g_scores = arena.take(L * row), *q = arena.take(L * s.width),
    *g = arena.take(L * s.value_width);
  const auto gather = [&](const AttentionOperand<T>& x, int64_t width, T* to) {
    for (int64_t i = 0; i < L; ++i)
      for (int64_t e = 0; e < width; ++e)
        to[i * width + e] = at(x, batch, head)[i * x.row + e * x.column];
  };
  gather(in.q, s.width, q);
  gather(grads.g_out, s.value_width, g);
  const T *keys = at(in.k, batch, kv), *values = at(in.v, batch, kv);
  Kernels<T>::dot_rows(GemmSource::Same, keys, in.k.row, n, q, s.width, L, s.width, scores, row,
                       rows_ahead<T>(s, s.width));
  Kernels<T>::dot_rows(GemmSource::Same, values, in.v.row, n, g, s.value_width, L, s.value_width,
                       g_scores, row, rows_ahead<T>(s, s.value_width));
  T d[kFewQueries];
  Kernels<T>::dot(at(grads.out, batch, head), grads.out.row, g, s.value_width, L, s.value_width, d);
  Kernels<T>::backward(scores, g_scores, tile_of(in, batch, head, 0, L, 0, n, row),
                       grads.lse + (batch * s.heads + head) * L, d);
  if (T* to = at(grads.g_q, batch, head))
    Kernels<T>::sum_rows(GemmSource::Same, keys, in.k.row, s.width, g_scores, row, L, n, to,
                         grads.g_q.row, 0);
  const auto keep = [&](const T* p, const T* x, int64_t width, const AttentionOutput<T>& to) {
    if (!to.data) return;
    Kernels<T>::outer(p, row, L, n, x, width, add, at(to, batch, kv), to.row);
    for (int64_t j = n; j < s.keys && !add; ++j) std::fill_n(at(to, batch, kv, j), width, T(0));
  };
  keep(g_scores, q, s.width, grads.g_k);
  keep(scores, g, s.value_width, grads.g_v);
}

}  // namespace

template <class T>
void backward_few(const AttentionInputs<T>& in, const AttentionGradients<T>& grads) {
  const AttentionShape& s = in.shape;
  const int64_t group = s.heads / s.kv_heads;
  const int64_t grain = std::max<int64_t>(1, 32768 / ((s.keys + 1) * (s.width + s.value_width)));
  parallel_for(s.batch * s.kv_heads, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t member = 0; member < group; ++member)
        head_back(in, grads, i / s.kv_heads, i % s.kv_heads * group + member, member > 0);
    }
  });
}

#define FB_INSTANTIATE(T)                                                                    \
  template bool are_few(const AttentionInputs<T>&);                                          \
  template void forward_few(const AttentionInputs<T>&, const AttentionOutput<T>&, T*);       \
  template void backward_few(const AttentionInputs<T>&, const AttentionGradients<T>&);
FB_INSTANTIATE(float)
FB_INSTANTIATE(double)
#undef FB_INSTANTIATE

}  // namespace flambeau::attention
