#include "ops/rnn_compose.h"

#include <algorithm>

#include "ops_activation.h"
#include "ops_join.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau {

namespace {

struct State { Tensor h, c; };

Tensor gate(const Tensor& gates, int64_t k, int64_t hidden) {
  return ops::slice(gates, -1, k * hidden, (k + 1) * hidden);
}

// One step from the input's share of the gates, (batch, gates hidden).
State step(RnnMode mode, const RnnLayerTensors& t, const Tensor& x, const State& s) {
  const Tensor hidden_share = ops::linear(s.h, t.w_hh, t.b_hh);
  const int64_t H = t.w_hh.size(0) / (mode == RnnMode::Lstm ? 4 : mode == RnnMode::Gru ? 3 : 1);
  switch (mode) {
    case RnnMode::Tanh: return {ops::tanh(ops::add(x, hidden_share)), Tensor()};
    case RnnMode::Relu: return {ops::relu(ops::add(x, hidden_share)), Tensor()};
    case RnnMode::Lstm: {
      const Tensor sum = ops::add(x, hidden_share);
      const Tensor i = ops::sigmoid(gate(sum, 0, H)), f = ops::sigmoid(gate(sum, 1, H)),
                   g = ops::tanh(gate(sum, 2, H)), o = ops::sigmoid(gate(sum, 3, H));
      const Tensor c = ops::add(ops::mul(f, s.c), ops::mul(i, g));
      const Tensor h = ops::mul(o, ops::tanh(c));
      return {t.w_hr.defined() ? ops::linear(h, t.w_hr) : h, c};
    }
    case RnnMode::Gru: break;
  }
  const Tensor r = ops::sigmoid(ops::add(gate(x, 0, H), gate(hidden_share, 0, H)));
  const Tensor z = ops::sigmoid(ops::add(gate(x, 1, H), gate(hidden_share, 1, H)));
  const Tensor n = ops::tanh(ops::add(gate(x, 2, H), ops::mul(r, gate(hidden_share, 2, H))));
  return {ops::add(n, ops::mul(z, ops::sub(s.h, n))), Tensor()};
}

Tensor first_rows(const Tensor& t, int64_t begin, int64_t end) {
  return t.defined() ? ops::slice(t, 0, begin, end) : t;
}
Tensor join(const Tensor& a, const Tensor& b) { return a.defined() ? ops::cat({a, b}, 0) : a; }

// Steps over rows that are packed: sequences end, or with time reversed begin, at different steps.
TensorList run_packed(RnnMode mode, const RnnLayerTensors& t, const Tensor& gates,
                      const Dims& sizes, bool reverse) {
  const int64_t steps = static_cast<int64_t>(sizes.size());
  TensorList outputs(sizes.size());
  std::vector<int64_t> first(sizes.size() + 1, 0);
  for (int64_t i = 0; i < steps; ++i) first[i + 1] = first[i] + sizes[i];
  int64_t active = reverse ? sizes[steps - 1] : sizes[0];
  State s{first_rows(t.h0, 0, active), first_rows(t.c0, 0, active)};
  std::vector<State> finished;
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t at = reverse ? steps - 1 - i : i, size = sizes[at];
    if (size > active) {
      s = {join(s.h, first_rows(t.h0, active, size)), join(s.c, first_rows(t.c0, active, size))};
    } else if (size < active) {
      finished.push_back({first_rows(s.h, size, active), first_rows(s.c, size, active)});
      s = {first_rows(s.h, 0, size), first_rows(s.c, 0, size)};
    }
    active = size;
    s = step(mode, t, ops::slice(gates, 0, first[at], first[at + 1]), s);
    outputs[at] = s.h;
  }
  for (; !finished.empty(); finished.pop_back()) {
    s = {join(s.h, finished.back().h), join(s.c, finished.back().c)};
  }
  return {ops::cat(outputs, 0), s.h, s.c};
}

}  // namespace

TensorList compose_rnn_layer(RnnMode mode, const RnnLayerTensors& t, const Dims& batch_sizes,
                             bool reverse) {
  const Tensor gates = ops::linear(t.input, t.w_ih, t.b_ih);
  if (!batch_sizes.empty()) return run_packed(mode, t, gates, batch_sizes, reverse);
  TensorList steps = ops::unbind(gates, 0);
  TensorList outputs(steps.size());
  State s{t.h0, t.c0};
  for (size_t i = 0; i < steps.size(); ++i) {
    const size_t at = reverse ? steps.size() - 1 - i : i;
    s = step(mode, t, steps[at], s);
    outputs[at] = s.h;
  }
  return {ops::stack(outputs, 0), s.h, s.c};
}

}  // namespace flambeau
