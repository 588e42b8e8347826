#include "cpu/attention.h"

#include <algorithm>

#include "cpu/attention_parts.h"

namespace flambeau {

namespace {

using namespace attention;

constexpr int64_t kTasks = 8;       // at least so many, if there is work for them
constexpr int64_t kPanelGroup = 4;  // panels of queries that use a block of keys together

GemmStore<float> plain(float* c, int64_t ldc, float beta) {
  return {c, ldc, 1.0f, beta, nullptr, nullptr, false};
}

// Rows [first, first + n) of an operand as panels of a left (right) side, with k = features; or its
// features as lanes, with k = rows.
void pack_rows_a(const AttentionOperand& x, const float* p, int64_t first, int64_t n, int64_t width,
                 float* to) {
  gemm_pack_a_f32(GemmSource::Same, p + first * x.row, x.row, x.column, n, width, to);
}
void pack_rows_b(const AttentionOperand& x, const float* p, int64_t first, int64_t n, int64_t width,
                 float* to) {
  gemm_pack_b_f32(GemmSource::Same, p + first * x.row, x.row, x.column, n, width, to);
}
void pack_features_a(const AttentionOperand& x, const float* p, int64_t first, int64_t n,
                     int64_t width, float* to) {
  gemm_pack_a_f32(GemmSource::Same, p + first * x.row, x.column, x.row, width, n, to);
}
void pack_features_b(const AttentionOperand& x, const float* p, int64_t first, int64_t n,
                     int64_t width, float* to) {
  gemm_pack_b_f32(GemmSource::Same, p + first * x.row, x.column, x.row, width, n, to);
}
void scale_all(float* x, int64_t n, float scale) {
  for (int64_t i = 0; i < n; ++i) x[i] *= scale;
}

// Scores are held with queries as columns: the softmax over keys then works on whole vectors.
class Forward {
 public:
  Forward(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
          const AttentionOperand& v, const AttentionMask& mask, const AttentionOutput& out,
          float* lse)
      : s_(s),
        q_(q),
        k_(k),
        v_(v),
        mask_(mask),
        out_(out),
        lse_(lse),
        g_(gemm_shape_f32()),
        block_(g_.mr * 32),
        panels_((s.queries + g_.nr - 1) / g_.nr),
        shared_(s, mask, SharedBias::Lanes::Queries, g_.nr) {}

  void run() {
    const int64_t pairs = s_.batch * s_.heads;
    const int64_t shares = std::clamp<int64_t>((kTasks + pairs - 1) / pairs, 1, panels_);
    const int64_t per_share = (panels_ + shares - 1) / shares;
    const double work =
        2.0 * static_cast<double>(per_share) * g_.nr * s_.keys * (s_.width + s_.value_width + 8);
    const auto grain = static_cast<int64_t>(std::max(1.0, 1e6 / (work + 1)));
    parallel_for(pairs * shares, grain, [&](int64_t begin, int64_t end) {
      Buffers b(*this);
      int64_t packed_for = -1;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t pair = i / shares, first = i % shares * per_share;
        const int64_t last = std::min(first + per_share, panels_);
        if (first >= last) continue;
        const int64_t batch = pair / s_.heads, head = pair % s_.heads;
        const int64_t kv = batch * s_.kv_heads + head / (s_.heads / s_.kv_heads);
        // Under causality only the last share needs all keys; packing them all lets shares follow.
        if (kv != packed_for) pack(batch, kv % s_.kv_heads, b);
        packed_for = kv;
        for (int64_t p = first; p < last; p += kPanelGroup) {
          panels(batch, head, p, std::min(p + kPanelGroup, last), b);
        }
      }
    });
  }

 private:
  struct Buffers {
    explicit Buffers(const Forward& f)
        : arena(Arena::padded(round_up(f.s_.keys, f.g_.mr) * f.s_.width) +
                Arena::padded(round_up(f.s_.value_width, f.g_.mr) * f.s_.keys) +
                kPanelGroup *
                    (Arena::padded(f.g_.nr * f.s_.width) +
                     Arena::padded(f.g_.nr * f.s_.value_width) + 2 * Arena::padded(f.g_.nr)) +
                3 * Arena::padded(f.block_ * f.g_.nr) + Arena::padded(f.g_.nr)),
          k(arena.take(round_up(f.s_.keys, f.g_.mr) * f.s_.width)),
          v(arena.take(round_up(f.s_.value_width, f.g_.mr) * f.s_.keys)),
          scores(arena.take(f.block_ * f.g_.nr)),
          bias(arena.take(f.block_ * f.g_.nr)),
          mask_rows(arena.take(f.block_ * f.g_.nr)),
          factor(arena.take(f.g_.nr)) {
      for (int64_t i = 0; i < kPanelGroup; ++i) {
        q[i] = arena.take(f.g_.nr * f.s_.width);
        sum_v[i] = arena.take(f.g_.nr * f.s_.value_width);
        largest[i] = arena.take(f.g_.nr);
        sum[i] = arena.take(f.g_.nr);
      }
    }
    Arena arena;
    float *k, *v, *scores, *bias, *mask_rows, *factor;
    float *q[kPanelGroup], *sum_v[kPanelGroup], *largest[kPanelGroup], *sum[kPanelGroup];
  };

  void pack(int64_t batch, int64_t kv_head, Buffers& b) const {
    pack_rows_a(k_, at(k_, batch, kv_head), 0, s_.keys, s_.width, b.k);
    pack_features_a(v_, at(v_, batch, kv_head), 0, s_.keys, s_.value_width, b.v);
  }

  void panels(int64_t batch, int64_t head, int64_t first, int64_t last, Buffers& b) const {
    const int64_t nr = g_.nr;
    const Bias bias(s_, mask_, batch, head);
    for (int64_t p = first; p < last; ++p) {
      const int64_t i = p - first;
      pack_rows_b(q_, at(q_, batch, head), p * nr, std::min(nr, s_.queries - p * nr), s_.width,
                  b.q[i]);
      scale_all(b.q[i], nr * s_.width, s_.scale);
      std::fill_n(b.sum_v[i], nr * s_.value_width, 0.0f);
      std::fill_n(b.largest[i], nr, kMasked);
      std::fill_n(b.sum[i], nr, 0.0f);
    }
    const int64_t seen = s_.causal ? std::min(s_.keys, last * nr) : s_.keys;
    for (int64_t k0 = 0; k0 < seen; k0 += block_) {
      for (int64_t p = first; p < last; ++p) {
        const int64_t n = std::min({block_, s_.keys - k0, s_.causal ? (p + 1) * nr - k0 : block_});
        if (n > 0) block(bias, batch, p * nr, p - first, k0, n, b);
      }
    }
    for (int64_t p = first; p < last; ++p) {
      const int64_t i = p - first, q0 = p * nr;
      attention_finish(b.sum_v[i], s_.value_width, std::min(nr, s_.queries - q0), b.largest[i],
                       b.sum[i], out_.data + batch * out_.batch + head * out_.head + q0 * out_.row,
                       out_.row,
                       lse_ ? lse_ + (batch * s_.heads + head) * s_.queries + q0 : nullptr);
    }
  }

  // Keys [k0, k0 + n) and one panel of queries.
  void block(const Bias& bias, int64_t batch, int64_t q0, int64_t i, int64_t k0, int64_t n,
             Buffers& b) const {
    const int64_t mr = g_.mr, nr = g_.nr;
    gemm_tile_f32(b.k + k0 * s_.width, mr * s_.width, b.q[i], nr * s_.width, n, nr, s_.width,
                  plain(b.scores, nr, 0));
    const float* added = shared_ ? shared_.panel(batch, q0, k0) : nullptr;
    if (!shared_ && bias.touches(q0, k0, n)) {
      bias.panel(q0, std::min(nr, s_.queries - q0), k0, n, b.mask_rows, b.bias);
      added = b.bias;
    }
    attention_softmax(b.scores, added, n, b.largest[i], b.sum[i], b.factor);
    if (k0) attention_rescale(b.sum_v[i], s_.value_width, b.factor);
    gemm_tile_f32(b.v + k0 * mr, mr * s_.keys, b.scores, nr * n, s_.value_width, nr, n,
                  plain(b.sum_v[i], nr, 1));
  }

  const AttentionShape& s_;
  const AttentionOperand &q_, &k_, &v_;
  const AttentionMask& mask_;
  const AttentionOutput& out_;
  float* const lse_;
  const GemmShape g_;
  const int64_t block_, panels_;
  const SharedBias shared_;
};

// Scores are held with keys as columns; of the five products two then need no other layout.
class Backward {
 public:
  Backward(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
           const AttentionOperand& v, const AttentionMask& mask, const AttentionOperand& out,
           const AttentionOperand& g_out, const float* lse, float* g_q, float* g_k, float* g_v)
      : s_(s),
        q_(q),
        k_(k),
        v_(v),
        mask_(mask),
        out_(out),
        g_out_(g_out),
        lse_(lse),
        g_q_(g_q),
        g_k_(g_k),
        g_v_(g_v),
        g_(gemm_shape_f32()),
        rows_(g_.mr * 16),
        block_(g_.nr * 8),
        shared_(s, mask, SharedBias::Lanes::Keys, g_.nr) {}

  void run() {
    const int64_t pairs = s_.batch * s_.kv_heads;
    const int64_t blocks = (s_.keys + block_ - 1) / block_;
    // With few heads the keys are shared out too; each share then sums its own gradient of q.
    const int64_t shares = std::clamp<int64_t>((kTasks / 2 + pairs - 1) / pairs, 1, blocks);
    const int64_t per_share = (blocks + shares - 1) / shares;
    const int64_t q_size = s_.batch * s_.heads * s_.queries * s_.width;
    const Workspace parts(checked_nbytes(q_size * (shares - 1), sizeof(float)));
    const double work = 10.0 * static_cast<double>(s_.heads / s_.kv_heads) * s_.queries *
                        per_share * block_ * s_.width;
    const auto grain = static_cast<int64_t>(std::max(1.0, 1e6 / (work + 1)));
    parallel_for(pairs * shares, grain, [&](int64_t begin, int64_t end) {
      Buffers b(*this);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t share = i % shares;
        float* g_q = share ? parts.as<float>() + (share - 1) * q_size : g_q_;
        run_share(i / shares, share * per_share * block_,
                  std::min((share + 1) * per_share * block_, s_.keys), g_q, b);
      }
    });
    if (!g_q_ || shares == 1) return;
    parallel_for(q_size, 16384, [&](int64_t begin, int64_t end) {
      for (int64_t part = 0; part + 1 < shares; ++part) {
        const float* from = parts.as<float>() + part * q_size;
        for (int64_t i = begin; i < end; ++i) g_q_[i] += from[i];
      }
    });
  }

 private:
  struct Buffers {
    explicit Buffers(const Backward& f)
        : e(f.s_.width),
          v(f.s_.value_width),
          l(f.s_.queries),
          rows(round_up(l, f.g_.mr)),
          arena(total(f)),
          q_rows(arena.take(rows * e)),
          g_rows(arena.take(rows * v)),
          q_features(arena.take(round_up(e, f.g_.mr) * l)),
          g_features(arena.take(round_up(v, f.g_.mr) * l)),
          d(arena.take(l)),
          k_rows(arena.take(f.block_ * e)),
          v_rows(arena.take(f.block_ * v)),
          k_features(arena.take(round_up(e, f.g_.nr) * f.block_)),
          g_k(arena.take(e * f.block_)),
          g_v(arena.take(v * f.block_)),
          scores(arena.take(f.rows_ * f.g_.nr)),
          g_scores(arena.take(f.rows_ * f.block_)),
          bias(arena.take(f.rows_ * f.g_.nr)),
          turned(arena.take(f.rows_ * f.block_)) {}
    int64_t total(const Backward& f) const {
      const auto p = Arena::padded;
      return p(rows * e) + p(rows * v) + p(round_up(e, f.g_.mr) * l) + p(round_up(v, f.g_.mr) * l) +
             p(l) + 2 * p(f.block_ * e) + 2 * p(f.block_ * v) + p(round_up(e, f.g_.nr) * f.block_) +
             2 * p(f.rows_ * f.g_.nr) + 2 * p(f.rows_ * f.block_);
    }
    int64_t e, v, l, rows;
    Arena arena;
    float *q_rows, *g_rows, *q_features, *g_features, *d, *k_rows, *v_rows, *k_features, *g_k, *g_v,
        *scores, *g_scores, *bias, *turned;
  };

  // A head of keys, the keys [first, last), and all the heads of queries that share it.
  void run_share(int64_t pair, int64_t first, int64_t last, float* g_q, Buffers& b) const {
    const int64_t batch = pair / s_.kv_heads, kv_head = pair % s_.kv_heads;
    const int64_t group = s_.heads / s_.kv_heads;
    for (int64_t member = 0; member < group; ++member) {
      const int64_t head = kv_head * group + member;
      float* to = g_q ? g_q + (batch * s_.heads + head) * s_.queries * s_.width : nullptr;
      if (to) std::fill_n(to, s_.queries * s_.width, 0.0f);
      if (first >= last) continue;
      pack_queries(batch, head, b);
      for (int64_t k0 = first; k0 < last; k0 += block_) {
        keys(batch, head, kv_head, k0, std::min(block_, last - k0), member, to, b);
      }
    }
  }

  void pack_queries(int64_t batch, int64_t head, Buffers& b) const {
    const float *q = at(q_, batch, head), *g = at(g_out_, batch, head), *o = at(out_, batch, head);
    pack_rows_a(q_, q, 0, s_.queries, s_.width, b.q_rows);
    pack_features_a(q_, q, 0, s_.queries, s_.width, b.q_features);
    scale_all(b.q_rows, b.rows * s_.width, s_.scale);
    scale_all(b.q_features, round_up(s_.width, g_.mr) * s_.queries, s_.scale);
    pack_rows_a(g_out_, g, 0, s_.queries, s_.value_width, b.g_rows);
    pack_features_a(g_out_, g, 0, s_.queries, s_.value_width, b.g_features);
    for (int64_t i = 0; i < s_.queries; ++i) {
      float sum = 0;
      for (int64_t e = 0; e < s_.value_width; ++e) {
        sum += o[i * out_.row + e * out_.column] * g[i * g_out_.row + e * g_out_.column];
      }
      b.d[i] = sum;
    }
  }

  void keys(int64_t batch, int64_t head, int64_t kv_head, int64_t k0, int64_t n, int64_t member,
            float* g_q, Buffers& b) const {
    const float *k = at(k_, batch, kv_head), *v = at(v_, batch, kv_head);
    pack_rows_b(k_, k, k0, n, s_.width, b.k_rows);
    pack_rows_b(v_, v, k0, n, s_.value_width, b.v_rows);
    pack_features_b(k_, k, k0, n, s_.width, b.k_features);
    scale_all(b.k_features, round_up(s_.width, g_.nr) * n, s_.scale);
    std::fill_n(b.g_k, s_.width * block_, 0.0f);
    std::fill_n(b.g_v, s_.value_width * block_, 0.0f);
    const Bias bias(s_, mask_, batch, head);
    const float* lse = lse_ + (batch * s_.heads + head) * s_.queries;
    // Queries before the first key of the block see none of it; blocks start at panels.
    const int64_t start = s_.causal ? k0 / g_.mr * g_.mr : 0;
    for (int64_t q0 = start; q0 < s_.queries; q0 += rows_) {
      tile(bias, batch, q0, std::min(rows_, s_.queries - q0), k0, n, lse + q0, g_q, b);
    }
    if (g_k_) add_turned(b.g_k, s_.width, n, member, g_k_ + place(batch, kv_head, k0) * s_.width);
    if (g_v_)
      add_turned(b.g_v, s_.value_width, n, member,
                 g_v_ + place(batch, kv_head, k0) * s_.value_width);
  }
  int64_t place(int64_t batch, int64_t kv_head, int64_t k0) const {
    return (batch * s_.kv_heads + kv_head) * s_.keys + k0;
  }

  // from: (width, block). The first member of a group of heads writes, the others add.
  void add_turned(const float* from, int64_t width, int64_t n, int64_t member, float* to) const {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t e = 0; e < width; ++e) {
        const float g = from[e * block_ + j];
        to[j * width + e] = member ? to[j * width + e] + g : g;
      }
    }
  }

  void tile(const Bias& bias, int64_t batch, int64_t q0, int64_t m, int64_t k0, int64_t n,
            const float* lse, float* g_q, Buffers& b) const {
    const int64_t mr = g_.mr, nr = g_.nr, E = s_.width, V = s_.value_width, L = s_.queries;
    for (int64_t j = 0; j < n; j += nr) {
      float* g_scores = b.g_scores + j * m;
      gemm_tile_f32(b.q_rows + q0 * E, mr * E, b.k_rows + j * E, nr * E, m, nr, E,
                    plain(b.scores, nr, 0));
      gemm_tile_f32(b.g_rows + q0 * V, mr * V, b.v_rows + j * V, nr * V, m, nr, V,
                    plain(g_scores, nr, 0));
      const int64_t columns = std::min(nr, n - j);
      const float* added = shared_ ? shared_.panel(batch, k0 + j, q0) : nullptr;
      if (!shared_ && bias.touches(q0, k0 + j, columns)) {
        if (columns < nr) std::fill_n(b.bias, m * nr, 0.0f);
        bias.rows(q0, m, k0 + j, columns, b.bias, nr);
        added = b.bias;
      }
      attention_backward(b.scores, g_scores, added, m, lse, b.d + q0);
      gemm_tile_f32(b.g_features + q0 * mr, mr * L, b.scores, nr * m, V, nr, m,
                    plain(b.g_v + j, block_, 1));
      gemm_tile_f32(b.q_features + q0 * mr, mr * L, g_scores, nr * m, E, nr, m,
                    plain(b.g_k + j, block_, 1));
    }
    if (!g_q) return;
    attention_turn(b.g_scores, m, n, b.turned);
    gemm_tile_f32(b.turned, mr * n, b.k_features, nr * n, m, E, n, plain(g_q + q0 * E, E, 1));
  }

  const AttentionShape& s_;
  const AttentionOperand &q_, &k_, &v_;
  const AttentionMask& mask_;
  const AttentionOperand &out_, &g_out_;
  const float* const lse_;
  float *const g_q_, *const g_k_, *const g_v_;
  const GemmShape g_;
  const int64_t rows_, block_;
  const SharedBias shared_;
};

}  // namespace

void attention_forward(const AttentionShape& shape, const AttentionOperand& q,
                       const AttentionOperand& k, const AttentionOperand& v,
                       const AttentionMask& mask, const AttentionOutput& out, float* lse) {
  if (shape.batch * shape.heads * shape.queries == 0) return;
  if (are_few(shape, q, k, v)) return forward_few(shape, q, k, v, mask, out, lse);
  Forward(shape, q, k, v, mask, out, lse).run();
}

void attention_backward_pass(const AttentionShape& shape, const AttentionOperand& q,
                             const AttentionOperand& k, const AttentionOperand& v,
                             const AttentionMask& mask, const AttentionOperand& out,
                             const AttentionOperand& g_out, const float* lse, float* g_q,
                             float* g_k, float* g_v) {
  if (shape.batch * shape.kv_heads * shape.keys == 0) return;
  if (are_few(shape, q, k, v))
    return backward_few(shape, q, k, v, mask, out, g_out, lse, g_q, g_k, g_v);
  Backward(shape, q, k, v, mask, out, g_out, lse, g_q, g_k, g_v).run();
}

}  // namespace flambeau
