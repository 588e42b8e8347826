#include "cpu/attention.h"

#include "cpu/attention_parts.h"

namespace flambeau {

namespace {

using namespace attention;

constexpr int64_t kTasks = 8;        // at least so many, if there is work for them:
constexpr int64_t kShareRows = 480;  // queries for whom packing the keys once more pays
constexpr int64_t kTileRows = 24;    // queries whose scores are made, used and forgotten
constexpr int64_t kGroup = 4;        // tiles of queries that use a block of keys together
constexpr int64_t kTileBytes = 832;  // the most of a row of scores: a tile stays in 32 KiB

template <class T>
class Forward {
 public:
  Forward(const AttentionInputs<T>& in, const AttentionOutput<T>& out, T* lse)
      : in_(in),
        s_(in.shape),
        out_(out),
        lse_(lse),
        g_(Kernels<T>::shape()),
        q_rows_(s_.width),
        v_rows_(s_.value_width),
        block_(block_of(s_.keys, g_.nr)),
        score_row_(block_ + 16),
        tiles_(divide_up(s_.queries, kTileRows)) {}

  void run() {
    const int64_t pairs = s_.batch * s_.heads;
    const int64_t most = std::max<int64_t>(1, s_.queries / kShareRows);
    const int64_t shares = std::min(divide_up(kTasks, pairs), most);
    const int64_t per_share = divide_up(tiles_, shares);
    const double work = 2.0 * static_cast<double>(per_share * kTileRows) * s_.keys *
                        (s_.width + s_.value_width + 8);
    const auto grain = static_cast<int64_t>(std::max(1.0, 1e6 / (work + 1)));
    parallel_for(pairs * shares, grain, [&](int64_t begin, int64_t end) {
      Buffers b(*this);
      int64_t packed_for = -1;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t pair = i / shares, first = i % shares * per_share;
        const int64_t last = std::min(first + per_share, tiles_);
        if (first >= last) continue;
        const int64_t batch = pair / s_.heads, head = pair % s_.heads;
        const int64_t kv = batch * s_.kv_heads + head / (s_.heads / s_.kv_heads);
        // Under causality only the last share needs all keys; packing them all lets shares follow.
        if (kv != packed_for) pack(batch, kv % s_.kv_heads, b);
        packed_for = kv;
        for (int64_t t = first; t < last; t += kGroup) {
          queries(batch, head, t * kTileRows,
                  std::min(std::min(t + kGroup, last) * kTileRows, s_.queries), b);
        }
      }
    });
  }

 private:
  // Blocks of keys are equal, and multiples of nr.
  static int64_t block_of(int64_t keys, int64_t nr) {
    const int64_t most = kTileBytes / static_cast<int64_t>(sizeof(T));
    return std::max(nr, round_up(divide_up(keys, std::max<int64_t>(1, divide_up(keys, most))), nr));
  }

  struct Buffers {
    static constexpr int64_t kRows = kGroup * kTileRows;
    explicit Buffers(const Forward& f)
        : arena(Arena<T>::padded(round_up(f.s_.keys, f.g_.nr) * f.s_.width) +
                Arena<T>::padded(f.s_.keys * f.v_rows_.row()) +
                Arena<T>::padded(kRows * f.q_rows_.row()) +
                Arena<T>::padded(kRows * f.v_rows_.row()) +
                Arena<T>::padded(kTileRows * f.score_row_) + 3 * Arena<T>::padded(kRows)),
          k(arena.take(round_up(f.s_.keys, f.g_.nr) * f.s_.width)),
          v(arena.take(f.s_.keys * f.v_rows_.row())),
          q(arena.take(kRows * f.q_rows_.row())),
          sum_v(arena.take(kRows * f.v_rows_.row())),
          scores(arena.take(kTileRows * f.score_row_)),
          largest(arena.take(kRows)),
          sum(arena.take(kRows)),
          factor(arena.take(kRows)) {}
    Arena<T> arena;
    T *k, *v, *q, *sum_v, *scores, *largest, *sum, *factor;
  };

  void pack(int64_t batch, int64_t kv_head, Buffers& b) const {
    pack_columns(in_.k, at(in_.k, batch, kv_head), s_.keys, s_.width, b.k);
    v_rows_.copy(in_.v, at(in_.v, batch, kv_head), s_.keys, b.v);
  }

  // Queries [first, last): at most a group of tiles.
  void queries(int64_t batch, int64_t head, int64_t first, int64_t last, Buffers& b) const {
    q_rows_.copy(in_.q, at(in_.q, batch, head, first), last - first, b.q);
    const int64_t seen = s_.causal ? std::min(s_.keys, last) : s_.keys;
    if (seen == 0) {
      std::fill_n(b.sum, last - first, T(0));
      std::fill_n(b.sum_v, (last - first) * v_rows_.row(), T(0));
    }
    for (int64_t k0 = 0; k0 < seen; k0 += block_) {
      const int64_t n = std::min(block_, s_.keys - k0);
      for (int64_t q0 = first; q0 < last; q0 += kTileRows) {
        const int64_t m = std::min(kTileRows, last - q0);
        if (s_.causal && q0 + m <= k0) continue;
        tile(tile_of(in_, batch, head, q0, m, k0, n, score_row_), q0 - first, k0, b);
      }
    }
    T* lse = lse_ ? lse_ + (batch * s_.heads + head) * s_.queries + first : nullptr;
    Kernels<T>::finish(b.sum_v, v_rows_.row(), last - first, s_.value_width, b.largest, b.sum,
                       at(out_, batch, head, first), out_.row, lse);
  }

  // `r` is the first row of the tile in its group.
  void tile(const AttentionTile<T>& t, int64_t r, int64_t k0, Buffers& b) const {
    const bool first = k0 == 0;
    const int64_t o_row = v_rows_.row();
    T* sum_v = b.sum_v + r * o_row;
    multiply_columns(b.q + r * q_rows_.row(), q_rows_.row(), b.k + k0 * s_.width, t.rows, t.keys,
                     s_.width, t.seen, b.scores, t.row);
    Kernels<T>::softmax(b.scores, t, first, b.largest + r, b.sum + r, b.factor + r);
    if (!first) Kernels<T>::rescale(sum_v, o_row, t.rows, v_rows_.padded(), b.factor + r);
    multiply_rows(b.scores, t.row, b.v + k0 * o_row, o_row, t.rows, v_rows_.padded(), t.keys,
                  t.seen, plain(sum_v, o_row, !first));
  }

  const AttentionInputs<T>& in_;
  const AttentionShape& s_;
  const AttentionOutput<T>& out_;
  T* const lse_;
  const GemmShape g_;
  const Rows<T> q_rows_, v_rows_;
  const int64_t block_, score_row_, tiles_;
};

}  // namespace

template <class T>
void attention_forward(const AttentionInputs<T>& in, const AttentionOutput<T>& out, T* lse) {
  const AttentionShape& s = in.shape;
  if (s.batch * s.heads * s.queries == 0) return;
  if (are_few(in)) return forward_few(in, out, lse);
  Forward<T>(in, out, lse).run();
}

template <class T>
void attention_backward_pass(const AttentionInputs<T>& in, const AttentionGradients<T>& grads) {
  const AttentionShape& s = in.shape;
  if (s.batch * s.kv_heads * s.keys == 0) return;
  are_few(in) ? backward_few(in, grads) : backward(in, grads);
}

template void attention_forward(const AttentionInputs<float>&, const AttentionOutput<float>&,
                                float*);
template void attention_forward(const AttentionInputs<double>&, const AttentionOutput<double>&,
                                double*);
template void attention_backward_pass(const AttentionInputs<float>&,
                                      const AttentionGradients<float>&);
template void attention_backward_pass(const AttentionInputs<double>&,
                                      const AttentionGradients<double>&);

}  // namespace flambeau
