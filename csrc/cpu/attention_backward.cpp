// The gradients of attention: scores are made again, a tile of queries and a block of keys at a
// time.
#include "cpu/attention_parts.h"

namespace flambeau::attention {

namespace {

constexpr int64_t kTasks = 4;      // at least so many, if there is work for them
constexpr int64_t kTileRows = 48;  // queries
constexpr int64_t kBlock = 96;     // keys; tiles of scores and of their gradients stay near

template <class T>
class Backward {
 public:
  Backward(const AttentionInputs<T>& in, const AttentionGradients<T>& grads)
      : in_(in), s_(in.shape), grads_(grads), q_rows_(s_.width), v_rows_(s_.value_width) {}

  void run() {
    const int64_t pairs = s_.batch * s_.kv_heads;
    const int64_t blocks = divide_up(s_.keys, kBlock);
    // With few heads the keys are shared out too; each share then sums its own gradient of q.
    const int64_t shares = std::clamp<int64_t>(divide_up(kTasks, pairs), 1, blocks);
    const int64_t per_share = divide_up(blocks, shares);
    const int64_t q_size = grads_.g_q.data ? s_.batch * s_.heads * s_.queries * s_.width : 0;
    const Workspace parts(checked_nbytes(q_size * (shares - 1), sizeof(T)));
    const double work = 10.0 * static_cast<double>(s_.heads / s_.kv_heads) * s_.queries *
                        per_share * kBlock * s_.width;
    const auto grain = static_cast<int64_t>(std::max(1.0, 1e6 / (work + 1)));
    parallel_for(pairs * shares, grain, [&](int64_t begin, int64_t end) {
      Buffers b(*this);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t share = i % shares;
        const AttentionOutput<T> g_q =
            share ? part_of(parts.template as<T>() + (share - 1) * q_size) : grads_.g_q;
        run_share(i / shares, share * per_share * kBlock,
                  std::min((share + 1) * per_share * kBlock, s_.keys), g_q, b);
      }
    });
    if (q_size && shares > 1) add_parts(parts.template as<T>(), shares - 1, q_size);
  }

 private:
  AttentionOutput<T> part_of(T* data) const {
    if (!grads_.g_q.data) return {};
    const int64_t head = s_.queries * s_.width;
    return {data, s_.heads * head, head, s_.width};
  }

  void add_parts(const T* parts, int64_t count, int64_t size) const {
    const int64_t rows = s_.batch * s_.heads * s_.queries;
    parallel_for(rows, divide_up(16384, s_.width), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t pair = r / s_.queries;
        T* to = at(grads_.g_q, pair / s_.heads, pair % s_.heads, r % s_.queries);
        for (int64_t part = 0; part < count; ++part) {
          const T* from = parts + part * size + r * s_.width;
          for (int64_t e = 0; e < s_.width; ++e) to[e] += from[e];
        }
      }
    });
  }

  struct Buffers {
    static constexpr int64_t kScoreRow = kBlock + 16;
    explicit Buffers(const Backward& f)
        : arena(total(f)),
          q(arena.take(f.s_.queries * f.q_rows_.row())),
          g(arena.take(f.s_.queries * f.v_rows_.row())),
          d(arena.take(f.s_.queries)),
          k(arena.take(kBlock * f.q_rows_.row())),
          k_columns(arena.take(kBlock * f.s_.width)),
          v_columns(arena.take(kBlock * f.s_.value_width)),
          g_k(arena.take(kBlock * f.q_rows_.row())),
          g_v(arena.take(kBlock * f.v_rows_.row())),
          scores(arena.take(kTileRows * kScoreRow)),
          g_scores(arena.take(kTileRows * kScoreRow)) {}
    static int64_t total(const Backward& f) {
      const auto p = Arena<T>::padded;
      const int64_t q = f.q_rows_.row(), v = f.v_rows_.row(), L = f.s_.queries;
      return p(L * q) + p(L * v) + p(L) + 2 * p(kBlock * q) + p(kBlock * v) +
             p(kBlock * f.s_.width) + p(kBlock * f.s_.value_width) + 2 * p(kTileRows * kScoreRow);
    }
    Arena<T> arena;
    T *q, *g, *d, *k, *k_columns, *v_columns, *g_k, *g_v, *scores, *g_scores;
  };

  // A head of keys, the keys [first, last), and all the heads of queries that share it.
  void run_share(int64_t pair, int64_t first, int64_t last, const AttentionOutput<T>& g_q,
                 Buffers& b) const {
    const int64_t batch = pair / s_.kv_heads, kv_head = pair % s_.kv_heads;
    const int64_t group = s_.heads / s_.kv_heads;
    for (int64_t member = 0; member < group; ++member) {
      const int64_t head = kv_head * group + member;
      for (int64_t i = 0; g_q.data && i < s_.queries; ++i)
        std::fill_n(at(g_q, batch, head, i), s_.width, T(0));
      if (first >= last) continue;
      copy_queries(batch, head, b);
      for (int64_t k0 = first; k0 < last; k0 += kBlock) {
        const int64_t n = std::min(kBlock, last - k0);
        keys(batch, head, kv_head, k0, n, g_q, b);
        store_rows(b.g_k, q_rows_.row(), n, s_.width, member > 0, grads_.g_k,
                   at(grads_.g_k, batch, kv_head, k0));
        store_rows(b.g_v, v_rows_.row(), n, s_.value_width, member > 0, grads_.g_v,
                   at(grads_.g_v, batch, kv_head, k0));
      }
    }
  }

  void copy_queries(int64_t batch, int64_t head, Buffers& b) const {
    q_rows_.copy(in_.q, at(in_.q, batch, head), s_.queries, b.q);
    v_rows_.copy(grads_.g_out, at(grads_.g_out, batch, head), s_.queries, b.g);
    Kernels<T>::dot(at(grads_.out, batch, head), grads_.out.row, b.g, v_rows_.row(), s_.queries,
                    s_.value_width, b.d);
  }

  void keys(int64_t batch, int64_t head, int64_t kv_head, int64_t k0, int64_t n,
            const AttentionOutput<T>& g_q, Buffers& b) const {
    const T* k = at(in_.k, batch, kv_head, k0);
    q_rows_.copy(in_.k, k, n, b.k);
    pack_columns(in_.k, k, n, s_.width, b.k_columns);
    pack_columns(in_.v, at(in_.v, batch, kv_head, k0), n, s_.value_width, b.v_columns);
    std::fill_n(b.g_k, n * q_rows_.row(), T(0));
    std::fill_n(b.g_v, n * v_rows_.row(), T(0));
    // Queries before the first key of the block see none of it.
    for (int64_t q0 = s_.causal ? k0 : 0; q0 < s_.queries; q0 += kTileRows) {
      const int64_t m = std::min(kTileRows, s_.queries - q0);
      const T* lse = grads_.lse + (batch * s_.heads + head) * s_.queries + q0;
      tile(tile_of(in_, batch, head, q0, m, k0, n, Buffers::kScoreRow), q0, lse,
           at(g_q, batch, head, q0), g_q.row, b);
    }
  }

  void tile(const AttentionTile<T>& t, int64_t q0, const T* lse, T* g_q, int64_t g_q_row,
            Buffers& b) const {
    const int64_t q_row = q_rows_.row(), v_row = v_rows_.row(), E = q_rows_.padded(),
                  V = v_rows_.padded();
    const T *q = b.q + q0 * q_row, *g = b.g + q0 * v_row;
    multiply_columns(q, q_row, b.k_columns, t.rows, t.keys, s_.width, t.seen, b.scores, t.row);
    multiply_columns(g, v_row, b.v_columns, t.rows, t.keys, s_.value_width, t.seen, b.g_scores,
                     t.row);
    Kernels<T>::backward(b.scores, b.g_scores, t, lse, b.d + q0);
    if (grads_.g_v.data)
      multiply_turned(b.scores, t.row, g, v_row, t.rows, V, t.keys, t.seen, b.g_v, v_row);
    if (grads_.g_k.data)
      multiply_turned(b.g_scores, t.row, q, q_row, t.rows, E, t.keys, t.seen, b.g_k, q_row);
    if (g_q)
      multiply_rows(b.g_scores, t.row, b.k, q_row, t.rows, s_.width, t.keys, t.seen,
                    plain(g_q, g_q_row, true));
  }

  // The first member of a group of heads writes, the others add.
  static void store_rows(const T* from, int64_t from_row, int64_t n, int64_t width, bool add,
                         const AttentionOutput<T>& out, T* to) {
    if (!to) return;
    for (int64_t j = 0; j < n; ++j, from += from_row, to += out.row) {
      if (add)
        for (int64_t e = 0; e < width; ++e) to[e] += from[e];
      else
        std::copy_n(from, width, to);
    }
  }

  const AttentionInputs<T>& in_;
  const AttentionShape& s_;
  const AttentionGradients<T>& grads_;
  const Rows<T> q_rows_, v_rows_;
};

}  // namespace

template <class T>
void backward(const AttentionInputs<T>& in, const AttentionGradients<T>& grads) {
  Backward<T>(in, grads).run();
}

template void backward(const AttentionInputs<float>&, const AttentionGradients<float>&);
template void backward(const AttentionInputs<double>&, const AttentionGradients<double>&);

}  // namespace flambeau::attention
