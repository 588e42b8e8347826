#include "cpu/rnn.h"

#include <algorithm>
#include <cstring>

#include "core/allocator.h"
#include "cpu/gemm.h"
#include "cpu/thread_pool.h"

namespace flambeau {

namespace {

constexpr int64_t kPackedSteps = 4;    // from here on packing the weights pays
constexpr int64_t kFewSequences = 2;   // up to here products with vectors read them faster unpacked
constexpr int64_t kStepBlock = 256;    // values of k whose panels stay in the first-level cache
constexpr double kParallelStep = 3e6;  // operations of a step worth waking a thread for
constexpr int64_t kShares = 8;
// Sequences do not meet. Where a core keeps the weights in its own cache, each thread takes some
// sequences through all steps, and threads wait for each other once, not at every step.
constexpr int64_t kResidentBytes = 384 << 10;
constexpr int64_t kLeastRows = 3, kManyRows = 32;  // ... the latter for weights from further away

template <class T>
struct Kernels;
#define FB_RNN_TABLE(T, S)                               \
  template <>                                            \
  struct Kernels<T> {                                    \
    static constexpr DType dtype = dtype_of<T>;          \
    static GemmShape shape() { return gemm_shape_##S(); } \
    static constexpr auto& tile = gemm_tile_##S;         \
    static constexpr auto& pack_a = gemm_pack_a_##S;     \
    static constexpr auto& pack_b = gemm_pack_b_##S;     \
    static constexpr auto& forward = rnn_forward_##S;    \
    static constexpr auto& backward = rnn_backward_##S;  \
  }
FB_RNN_TABLE(float, f32);
FB_RNN_TABLE(double, f64);
#undef FB_RNN_TABLE

int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

// Rows in panels of equal height, which beats full ones and a rest.
struct Panels { int64_t rows, height; };
Panels even_panels(int64_t rows, int64_t mr) {
  const int64_t count = (rows + mr - 1) / mr;
  return {rows, (rows + count - 1) / count};
}

template <class T>
void pack_rows(const T* x, int64_t row, Panels panels, int64_t k, T* to) {
  const int64_t mr = Kernels<T>::shape().mr;
  for (int64_t r = 0; r < panels.rows; r += panels.height, to += mr * k) {
    const int64_t now = std::min(panels.height, panels.rows - r);
    Kernels<T>::pack_a(GemmSource::Same, x + r * row, row, 1, now, k, to);
  }
}

// C = beta C + A B + bias from operands packed over all of k, A by pack_rows.
template <class T>
void multiply_packed(const T* a, Panels panels, const T* b, int64_t n, int64_t k,
                     GemmStore<T> store) {
  const GemmShape s = Kernels<T>::shape();
  const T* bias = store.col_bias;
  for (int64_t k0 = 0; k0 < k; k0 += kStepBlock) {
    const int64_t now = std::min(kStepBlock, k - k0);
    store.col_bias = k0 + now == k ? bias : nullptr;
    for (int64_t j = 0; j < n; j += s.nr) {
      const T *panel_a = a + k0 * s.mr, *panel_b = b + j * k + k0 * s.nr;
      for (int64_t r = 0; r < panels.rows; r += panels.height, panel_a += s.mr * k) {
        Kernels<T>::tile(panel_a, s.mr * k, panel_b, s.nr * k,
                         std::min(panels.height, panels.rows - r), std::min<int64_t>(s.nr, n - j),
                         now, store.at(r, j));
      }
    }
    store.beta = T(1);
  }
}

// C[m,n] = A B + beta C over the whole sequence; B is given by its strides.
template <class T>
GemmArgs product(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row, int64_t b_col,
                 T* c, int64_t c_row, int64_t m, int64_t n, int64_t k) {
  GemmArgs g;
  g.dtype = Kernels<T>::dtype;
  g.m = m, g.n = n, g.k = k;
  g.a = a, g.a_row = a_row, g.a_col = a_col;
  g.b = b, g.b_row = b_row, g.b_col = b_col;
  g.c = c, g.c_row = c_row;
  return g;
}

// The hidden state before the step: of the sequences [0, carried) it is what the step before left,
// the others begin here.
struct Previous { int64_t first_row, carried; };
Previous previous_of(const RnnShape& s, int64_t i) {
  if (i == 0) return {0, 0};
  const int64_t t = s.step_at(i), before = s.step_at(i - 1);
  return {s.first_row[before], std::min(s.batch_sizes[t], s.batch_sizes[before])};
}

// Units per share of a step; all of them where threads would not pay.
template <class T>
int64_t unit_grain(const RnnShape& s, int64_t batch) {
  const int64_t nr = Kernels<T>::shape().nr;
  const double work = 2.0 * static_cast<double>(batch) * s.weight_gates() * s.hidden * s.hidden;
  if (work < kParallelStep) return s.hidden;
  return std::max(nr, round_up(s.hidden / kShares, nr));
}

// Sequences per share where each share runs through all steps alone, else all of them. Every row is
// computed in the same way in every share, so their number may follow that of the threads.
template <class T>
int64_t rows_per_share(const RnnShape& s) {
  const int64_t weights = s.weight_gates() * s.hidden * s.hidden, batch = s.batch();
  if (2.0 * static_cast<double>(weights) * s.rows() < kParallelStep) return batch;
  const bool resident = weights * static_cast<int64_t>(sizeof(T)) <= kResidentBytes;
  const int64_t most = batch / (resident ? kLeastRows : kManyRows);
  const int64_t shares = std::clamp<int64_t>(most, 1, num_threads());
  return (batch + shares - 1) / shares;
}

template <class T>
class Forward {
 public:
  Forward(const RnnShape& s, const RnnWeights<T>& w, T* h, T* c, T* out, T* gates, T* cells)
      : s_(s),
        w_(w),
        h_(h),
        c_(c),
        out_(out),
        gates_(gates),
        cells_(cells),
        shape_(Kernels<T>::shape()),
        panels_(round_up(s.hidden, shape_.nr) / shape_.nr),
        packed_(s.steps >= kPackedSteps && s.batch() > kFewSequences),
        weight_space_(packed_ ? bytes(s.weight_gates() * panels_ * shape_.nr * s.hidden) : 0) {}

  void run(const T* x) {
    multiply_inputs(x);
    if (!packed_) {
      for (int64_t i = 0; i < s_.steps; ++i) step_plain(s_.step_at(i));
      return;
    }
    pack_weights();
    parallel_for(s_.batch(), rows_per_share<T>(s_), [&](int64_t row, int64_t end) {
      const bool shared_out = end - row < s_.batch();
      const Workspace state(bytes(round_up(end - row, shape_.mr) * s_.hidden));
      for (int64_t i = 0; i < s_.steps; ++i) {
        const int64_t t = s_.step_at(i), rows = std::min(end, s_.batch_sizes[t]) - row;
        const int64_t grain = shared_out ? s_.hidden : unit_grain<T>(s_, rows);
        if (rows > 0) step_packed(t, row, rows, grain, state.template as<T>());
      }
    });
  }

 private:
  static size_t bytes(int64_t n) { return checked_nbytes(n, sizeof(T)); }
  bool gru() const { return s_.mode == RnnMode::Gru; }

  // The input's share of all gates of all steps, with the biases that can be added here.
  void multiply_inputs(const T* x) {
    const int64_t H = s_.hidden, I = s_.input, rows = s_.rows(), row = s_.gate_row();
    const int64_t width = s_.weight_gates() * H;
    const Workspace space(bytes(width));
    T* bias = w_.b_ih ? space.as<T>() : nullptr;
    const int64_t shared =
        gru() ? 2 * H : width;  // gates that add both shares before anything else
    if (bias) {
      for (int64_t j = 0; j < width; ++j)
        bias[j] = j < shared ? w_.b_ih[j] + w_.b_hh[j] : w_.b_ih[j];
    }
    GemmArgs g = product(x, I, 1, w_.w_ih, 1, I, gates_, row, rows, shared, I);
    g.col_bias = bias;
    gemm(g);
    if (!gru()) return;
    g = product(x, I, 1, w_.w_ih + shared * I, 1, I, gates_ + 3 * H, row, rows, H, I);
    g.col_bias = bias ? bias + shared : nullptr;
    gemm(g);
  }

  T* weights_at(int64_t gate, int64_t unit) const {
    return weight_space_.template as<T>() +
           (gate * panels_ + unit / shape_.nr) * shape_.nr * s_.hidden;
  }

  void pack_weights() {
    const int64_t H = s_.hidden;
    parallel_for(s_.weight_gates() * panels_, std::max<int64_t>(1, 65536 / (H * shape_.nr + 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t p = begin; p < end; ++p) {
                     const int64_t gate = p / panels_, unit = p % panels_ * shape_.nr;
                     Kernels<T>::pack_b(GemmSource::Same, w_.w_hh + (gate * H + unit) * H, H, 1,
                                        std::min<int64_t>(shape_.nr, H - unit), H,
                                        weights_at(gate, unit));
                   }
                 });
  }

  RnnForward<T> part(int64_t t, int64_t row, int64_t rows, int64_t unit, int64_t units) const {
    const int64_t H = s_.hidden, first = s_.first_row[t] + row;
    return {gates_ + first * s_.gate_row() + unit,
            s_.gate_row(),
            H,
            rows,
            units,
            h_ + row * H + unit,
            c_ ? c_ + row * H + unit : nullptr,
            out_ + first * H + unit,
            cells_ ? cells_ + first * H + unit : nullptr};
  }
  const T* q_bias() const { return gru() && w_.b_hh ? w_.b_hh + 2 * s_.hidden : nullptr; }

  // Sequences [row, row + rows). Each share of the units computes all its gates, then its new
  // state.
  void step_packed(int64_t t, int64_t row, int64_t rows, int64_t grain, T* state) {
    const int64_t H = s_.hidden;
    const Panels panels = even_panels(rows, shape_.mr);
    pack_rows(h_ + row * H, H, panels, H, state);
    parallel_for(H, grain, [&](int64_t u, int64_t end) {
      for (int64_t gate = 0; gate < s_.weight_gates(); ++gate) {
        const bool apart = gru() && gate == 2;
        T* to = gates_ + (s_.first_row[t] + row) * s_.gate_row() + gate * H + u;
        multiply_packed(state, panels, weights_at(gate, u), end - u, H,
                        GemmStore<T>{to, s_.gate_row(), T(1), T(apart ? 0 : 1), nullptr,
                                     apart && q_bias() ? q_bias() + u : nullptr, false});
      }
      Kernels<T>::forward(s_.mode, part(t, row, rows, u, end - u));
    });
  }

  void step_plain(int64_t t) {
    const int64_t n = s_.batch_sizes[t], H = s_.hidden, row = s_.gate_row();
    T* gates = gates_ + s_.first_row[t] * row;
    const int64_t shared = (gru() ? 2 : s_.weight_gates()) * H;
    GemmArgs g = product<T>(h_, H, 1, w_.w_hh, 1, H, gates, row, n, shared, H);
    g.beta = 1;
    gemm(g);
    if (gru()) {
      g = product<T>(h_, H, 1, w_.w_hh + shared * H, 1, H, gates + shared, row, n, H, H);
      g.col_bias = q_bias();
      gemm(g);
    }
    parallel_for(n, std::max<int64_t>(1, 4096 / (H + 1)), [&](int64_t r, int64_t end) {
      Kernels<T>::forward(s_.mode, part(t, r, end - r, 0, H));
    });
  }

  const RnnShape& s_;
  const RnnWeights<T>& w_;
  T *h_, *c_, *out_, *gates_, *cells_;
  const GemmShape shape_;
  const int64_t panels_;
  const bool packed_;
  const Workspace weight_space_;
};

template <class T>
class Backward {
 public:
  Backward(const RnnShape& s, const RnnWeights<T>& w, const T* h0, const T* c0, const T* out,
           const T* gates, const T* cells, const RnnGradients<T>& g)
      : s_(s),
        w_(w),
        h0_(h0),
        c0_(c0),
        out_(out),
        gates_(gates),
        cells_(cells),
        g_(g),
        shape_(Kernels<T>::shape()),
        depth_(s.weight_gates() * s.hidden),
        packed_(s.steps >= kPackedSteps && s.batch() > kFewSequences),
        gate_space_(bytes(s.rows() * s.gate_row())),
        weight_space_(packed_ ? bytes(round_up(s.hidden, shape_.nr) * depth_) : 0),
        g_gates_(gate_space_.template as<T>()) {}

  void run(const T* x) {
    if (packed_) pack_weights();
    const int64_t share = packed_ ? rows_per_share<T>(s_) : s_.batch();
    parallel_for(s_.batch(), share, [&](int64_t row, int64_t end) {
      const Workspace state(packed_ ? bytes(round_up(end - row, shape_.mr) * depth_) : 0);
      for (int64_t i = s_.steps - 1; i >= 0; --i) {
        const int64_t rows = std::min(end, s_.batch_sizes[s_.step_at(i)]) - row;
        if (rows > 0) step(i, row, rows, state.template as<T>());
      }
    });
    finish_inputs(x);
    finish_hidden();
    finish_biases();
  }

 private:
  static size_t bytes(int64_t n) { return checked_nbytes(n, sizeof(T)); }
  bool gru() const { return s_.mode == RnnMode::Gru; }

  void pack_weights() {
    parallel_for(s_.hidden, shape_.nr, [&](int64_t u, int64_t end) {
      Kernels<T>::pack_b(GemmSource::Same, w_.w_hh + u, 1, s_.hidden, end - u, depth_,
                         weight_space_.template as<T>() + u * depth_);
    });
  }

  void cells_back(int64_t t, int64_t row, int64_t rows, const T* h_before, const T* c_before) {
    if (rows <= 0) return;
    const int64_t H = s_.hidden, first = s_.first_row[t] + row, gate = first * s_.gate_row();
    Kernels<T>::backward(s_.mode,
                         RnnBackward<T>{gates_ + gate, s_.gate_row(), H, rows, H,
                                        cells_ ? cells_ + first * H : nullptr, c_before, h_before,
                                        g_.g_out ? g_.g_out + first * H : nullptr, g_.g_h + row * H,
                                        g_.g_c ? g_.g_c + row * H : nullptr, g_gates_ + gate});
  }

  // Sequences [row, row + rows).
  void step(int64_t i, int64_t row, int64_t rows, T* packed) {
    const int64_t t = s_.step_at(i), H = s_.hidden, gate_row = s_.gate_row();
    const Previous before = previous_of(s_, i);
    const bool shared_out = rows < s_.batch_sizes[t];
    const Panels panels = even_panels(rows, shape_.mr);
    const int64_t grain = std::max<int64_t>(1, 4096 / (H + 1)) * panels.height;
    const T* g_gates = g_gates_ + (s_.first_row[t] + row) * gate_row;
    parallel_for(rows, shared_out ? rows : grain, [&](int64_t r, int64_t end) {
      const int64_t carried = std::clamp(before.carried, row + r, row + end);
      const int64_t at = (before.first_row + row + r) * H;
      cells_back(t, row + r, carried - row - r, out_ + at, cells_ ? cells_ + at : nullptr);
      cells_back(t, carried, row + end - carried, h0_ + carried * H,
                 c0_ ? c0_ + carried * H : nullptr);
      if (packed_) {
        pack_rows(g_gates + r * gate_row, gate_row, {end - r, panels.height}, depth_,
                  packed + r / panels.height * shape_.mr * depth_);
      }
    });
    T* g_h = g_.g_h + row * H;
    const T beta = gru() ? T(1) : T(0);
    if (!packed_) {
      GemmArgs g = product<T>(g_gates, gate_row, 1, w_.w_hh, H, 1, g_h, H, rows, H, depth_);
      g.beta = static_cast<double>(beta);
      return gemm(g);
    }
    parallel_for(H, shared_out ? H : unit_grain<T>(s_, rows), [&](int64_t u, int64_t end) {
      multiply_packed<T>(packed, panels, weight_space_.template as<T>() + u * depth_, end - u,
                         depth_, GemmStore<T>{g_h + u, H, T(1), beta, nullptr, nullptr, false});
    });
  }

  void finish_inputs(const T* x) {
    const int64_t H = s_.hidden, I = s_.input, rows = s_.rows(), row = s_.gate_row();
    const int64_t shared = gru() ? 2 * H : depth_;  // the GRU's n lies apart, behind q
    if (g_.g_x) {
      gemm(product<T>(g_gates_, row, 1, w_.w_ih, I, 1, g_.g_x, I, rows, I, shared));
      if (gru()) {
        GemmArgs g =
            product<T>(g_gates_ + 3 * H, row, 1, w_.w_ih + shared * I, I, 1, g_.g_x, I, rows, I, H);
        g.beta = 1;
        gemm(g);
      }
    }
    if (g_.g_w_ih) {
      gemm(product<T>(g_gates_, 1, row, x, I, 1, g_.g_w_ih, I, shared, I, rows));
      if (gru()) {
        gemm(product<T>(g_gates_ + 3 * H, 1, row, x, I, 1, g_.g_w_ih + shared * I, I, H, I, rows));
      }
    }
  }

  void finish_hidden() {
    if (!g_.g_w_hh) return;
    const int64_t H = s_.hidden, rows = s_.rows();
    const Workspace space(bytes(rows * H));
    T* before = space.as<T>();
    for (int64_t i = 0; i < s_.steps; ++i) {
      const int64_t t = s_.step_at(i);
      const Previous p = previous_of(s_, i);
      T* to = before + s_.first_row[t] * H;
      std::copy_n(out_ + p.first_row * H, p.carried * H, to);
      std::copy_n(h0_ + p.carried * H, (s_.batch_sizes[t] - p.carried) * H, to + p.carried * H);
    }
    gemm(product<T>(g_gates_, 1, s_.gate_row(), before, H, 1, g_.g_w_hh, H, depth_, H, rows));
  }

  // Sums over the rows of gates, as products with ones.
  void sum_rows(const T* gates, int64_t n, T* to) {
    static constexpr T one = 1;
    gemm(product<T>(&one, 0, 0, gates, s_.gate_row(), 1, to, n, 1, n, s_.rows()));
  }
  void finish_biases() {
    const int64_t H = s_.hidden;
    if (g_.g_b_hh) sum_rows(g_gates_, depth_, g_.g_b_hh);
    if (!g_.g_b_ih) return;
    if (g_.g_b_hh)
      std::copy_n(g_.g_b_hh, depth_, g_.g_b_ih);
    else
      sum_rows(g_gates_, depth_, g_.g_b_ih);
    if (gru()) sum_rows(g_gates_ + 3 * H, H, g_.g_b_ih + 2 * H);
  }

  const RnnShape& s_;
  const RnnWeights<T>& w_;
  const T *h0_, *c0_, *out_, *gates_, *cells_;
  const RnnGradients<T>& g_;
  const GemmShape shape_;
  const int64_t depth_;
  const bool packed_;
  const Workspace gate_space_, weight_space_;
  T* const g_gates_;
};

}  // namespace

template <class T>
void rnn_layer_forward(const RnnShape& shape, const T* x, const RnnWeights<T>& weights, T* h, T* c,
                       T* out, T* gates, T* cells) {
  Forward<T>(shape, weights, h, c, out, gates, cells).run(x);
}

template <class T>
void rnn_layer_backward(const RnnShape& shape, const T* x, const RnnWeights<T>& weights,
                        const T* h0, const T* c0, const T* out, const T* gates, const T* cells,
                        const RnnGradients<T>& grads) {
  Backward<T>(shape, weights, h0, c0, out, gates, cells, grads).run(x);
}

#define FB_INSTANTIATE(T)                                                                        \
  template void rnn_layer_forward<T>(const RnnShape&, const T*, const RnnWeights<T>&, T*, T*, T*, \
                                     T*, T*);                                                    \
  template void rnn_layer_backward<T>(const RnnShape&, const T*, const RnnWeights<T>&, const T*, \
                                      const T*, const T*, const T*, const T*,                    \
                                      const RnnGradients<T>&);
FB_INSTANTIATE(float)
FB_INSTANTIATE(double)
#undef FB_INSTANTIATE

}  // namespace flambeau
