// Attention of one to a few queries, as in generation step by step: products of matrices with
// vectors, a row of scores per query.
#include "cpu/attention_parts.h"

namespace flambeau::attention {

namespace {
constexpr int64_t kFewQueries = 4;
}

bool are_few(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
             const AttentionOperand& v) {
  return s.queries <= kFewQueries && q.column == 1 && k.column == 1 && v.column == 1;
}

void forward_few(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
                 const AttentionOperand& v, const AttentionMask& mask, const AttentionOutput& out,
                 float* lse) {
  const int64_t row = round_up(s.keys, 16), L = s.queries, group = s.heads / s.kv_heads;
  const int64_t grain = std::max<int64_t>(1, 65536 / ((s.keys + 1) * (s.width + s.value_width)));
  parallel_for(s.batch * s.heads, grain, [&](int64_t begin, int64_t end) {
    Arena arena(Arena::padded(L * row) + Arena::padded(row) + Arena::padded(L * s.width));
    float *scores = arena.take(L * row), *added = arena.take(row),
          *scaled = arena.take(L * s.width);
    for (int64_t pair = begin; pair < end; ++pair) {
      const int64_t batch = pair / s.heads, head = pair % s.heads;
      const float* from = at(q, batch, head);
      for (int64_t i = 0; i < L; ++i) {
        for (int64_t e = 0; e < s.width; ++e)
          scaled[i * s.width + e] = from[i * q.row + e] * s.scale;
      }
      gemv_dot_rows_f32(GemmSource::Same, at(k, batch, head / group), k.row, s.keys, scaled,
                        s.width, L, s.width, scores, row);
      const Bias bias(s, mask, batch, head);
      for (int64_t i = 0; i < L; ++i) {
        const bool touched = bias.touches(i, 0, s.keys);
        if (touched) bias.rows(i, 1, 0, s.keys, added, row);
        const float sum =
            attention_softmax_row(scores + i * row, touched ? added : nullptr, s.keys);
        if (lse) lse[pair * L + i] = sum;
      }
      gemv_sum_rows_f32(GemmSource::Same, at(v, batch, head / group), v.row, s.value_width, scores,
                        row, L, s.keys, out.data + batch * out.batch + head * out.head, out.row);
    }
  });
}

namespace {

// The gradients of one head of queries; those of its keys and values are added to when a head of
// the same group has been there before.
class FewGradients {
 public:
  FewGradients(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
               const AttentionOperand& v, const AttentionMask& mask, const AttentionOperand& out,
               const AttentionOperand& g_out, const float* lse)
      : s_(s), q_(q), k_(k), v_(v), mask_(mask), out_(out), g_out_(g_out), lse_(lse) {}

  int64_t row() const { return round_up(s_.keys, 16); }
  int64_t floats() const {
    const auto p = Arena::padded;
    return 2 * p(s_.queries * row()) + p(row()) + p(s_.queries * s_.width) +
           p(s_.queries * s_.value_width);
  }

  void head(int64_t batch, int64_t head, bool add, float* g_q, float* g_k, float* g_v) const {
    const int64_t L = s_.queries, group = s_.heads / s_.kv_heads, pair = batch * s_.heads + head;
    Arena arena(floats());
    float *p = arena.take(L * row()), *d = arena.take(L * row()), *added = arena.take(row()),
          *q = arena.take(L * s_.width), *g = arena.take(L * s_.value_width);
    gather(q_, batch, head, s_.width, s_.scale, q);
    gather(g_out_, batch, head, s_.value_width, 1.0f, g);
    const float *keys = at(k_, batch, head / group), *values = at(v_, batch, head / group);
    gemv_dot_rows_f32(GemmSource::Same, keys, k_.row, s_.keys, q, s_.width, L, s_.width, p, row());
    gemv_dot_rows_f32(GemmSource::Same, values, v_.row, s_.keys, g, s_.value_width, L,
                      s_.value_width, d, row());
    const Bias bias(s_, mask_, batch, head);
    for (int64_t i = 0; i < L; ++i) {
      const bool touched = bias.touches(i, 0, s_.keys);
      if (touched) bias.rows(i, 1, 0, s_.keys, added, row());
      attention_backward_row(p + i * row(), d + i * row(), touched ? added : nullptr, s_.keys,
                             lse_[pair * L + i], mean(batch, head, i, g + i * s_.value_width));
    }
    if (g_q) {
      float* to = g_q + pair * L * s_.width;
      gemv_sum_rows_f32(GemmSource::Same, keys, k_.row, s_.width, d, row(), L, s_.keys, to,
                        s_.width);
      for (int64_t i = 0; i < L * s_.width; ++i) to[i] *= s_.scale;
    }
    const int64_t place = (batch * s_.kv_heads + head / group) * s_.keys;
    if (g_k) attention_outer(d, row(), L, s_.keys, q, s_.width, add, g_k + place * s_.width);
    if (g_v)
      attention_outer(p, row(), L, s_.keys, g, s_.value_width, add, g_v + place * s_.value_width);
  }

 private:
  void gather(const AttentionOperand& x, int64_t batch, int64_t head, int64_t width, float scale,
              float* to) const {
    const float* from = at(x, batch, head);
    for (int64_t i = 0; i < s_.queries; ++i) {
      for (int64_t e = 0; e < width; ++e)
        to[i * width + e] = from[i * x.row + e * x.column] * scale;
    }
  }
  // The sum of gradients times outputs: what every score's gradient loses.
  float mean(int64_t batch, int64_t head, int64_t i, const float* g) const {
    const float* o = at(out_, batch, head) + i * out_.row;
    float sum = 0;
    for (int64_t e = 0; e < s_.value_width; ++e) sum += o[e * out_.column] * g[e];
    return sum;
  }

  const AttentionShape& s_;
  const AttentionOperand &q_, &k_, &v_;
  const AttentionMask& mask_;
  const AttentionOperand &out_, &g_out_;
  const float* const lse_;
};

}  // namespace

void backward_few(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
                  const AttentionOperand& v, const AttentionMask& mask, const AttentionOperand& out,
                  const AttentionOperand& g_out, const float* lse, float* g_q, float* g_k,
                  float* g_v) {
  const FewGradients gradients(s, q, k, v, mask, out, g_out, lse);
  const int64_t group = s.heads / s.kv_heads;
  const int64_t grain = std::max<int64_t>(1, 32768 / ((s.keys + 1) * (s.width + s.value_width)));
  parallel_for(s.batch * s.kv_heads, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t member = 0; member < group; ++member) {
        gradients.head(i / s.kv_heads, i % s.kv_heads * group + member, member > 0, g_q, g_k, g_v);
      }
    }
  });
}

}  // namespace flambeau::attention
