// Recurrent layers: checks, memory, and the stack of layers around cpu/rnn.
#include "cpu/rnn.h"

#include "autograd/autograd.h"
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "impl_rnn.h"
#include "ops/dropout_mask.h"
#include "ops/grad_rnn.h"
#include "ops/recompute.h"
#include "ops/rnn_compose.h"
#include "ops_join.h"
#include "ops_pointwise.h"
#include "ops_rnn.h"
#include "ops_shape.h"

namespace flambeau {

namespace {

const char* op_name(RnnMode mode) {
  static const char* const names[] = {"rnn_tanh", "rnn_relu", "lstm", "gru"};
  return names[static_cast<int>(mode)];
}

// The lengths of a RnnShape with the arrays that it points to.
struct Steps {
  std::vector<int64_t> sizes, first_row;
  RnnShape shape{};

  Steps(RnnMode mode, const Tensor& input, const Dims& batch_sizes, bool reverse, int64_t hidden) {
    const char* op = op_name(mode);
    if (batch_sizes.empty()) {
      FB_CHECK(input.dim() == 3, op,
               "(): input must have 3 dimensions (steps, batch, input), got "
               "shape ",
               input.sizes());
      sizes.assign(input.size(0), input.size(1));
    } else {
      FB_CHECK(input.dim() == 2, op, "(): packed input must have 2 dimensions, got shape ",
               input.sizes());
      sizes.assign(batch_sizes.begin(), batch_sizes.end());
    }
    FB_CHECK(!sizes.empty(), op, "(): Expected sequence length to be larger than 0");
    first_row.push_back(0);
    for (size_t t = 0; t < sizes.size(); ++t) {
      FB_CHECK(sizes[t] > 0 || batch_sizes.empty(), op, "(): batch sizes must be positive");
      FB_CHECK(t == 0 || sizes[t] <= sizes[t - 1], op,
               "(): batch sizes must not grow; sort the "
               "sequences by length");
      FB_CHECK(batch_sizes.empty() || sizes[t] <= input.size(0) - first_row[t], op,
               "(): batch sizes need more rows than the ", input.size(0), " of the packed input");
      first_row.push_back(first_row[t] + sizes[t]);
    }
    FB_CHECK(batch_sizes.empty() || first_row.back() == input.size(0), op,
             "(): batch sizes add up "
             "to ",
             first_row.back(), ", the packed input has ", input.size(0), " rows");
    shape = {mode,
             reverse,
             static_cast<int64_t>(sizes.size()),
             input.size(input.dim() - 1),
             hidden,
             sizes.data(),
             first_row.data()};
  }
  int64_t batch() const { return sizes[0]; }
};

void check_shape(const char* op, const char* what, const Tensor& t, const Dims& wanted,
                 const Tensor& input) {
  FB_CHECK(t.sizes() == wanted, op, "(): expected ", what, " of shape ", wanted, ", got ",
           t.sizes());
  FB_CHECK(t.dtype() == input.dtype() && t.device() == input.device(), op, "(): ", what, " is ",
           name(t.dtype()), " and the input ", name(input.dtype()),
           "; both must have the same type");
}

// Raises unless all tensors of a layer fit; returns the size of the hidden state.
int64_t check_layer(RnnMode mode, const RnnLayerTensors& t, int64_t batch) {
  const char* op = op_name(mode);
  FB_CHECK(is_floating(t.input.dtype()), op, "(): expects floating point tensors, got ",
           name(t.input.dtype()));
  const int64_t gates = mode == RnnMode::Lstm ? 4 : mode == RnnMode::Gru ? 3 : 1;
  FB_CHECK(t.w_ih.dim() == 2 && t.w_ih.size(0) > 0 && t.w_ih.size(0) % gates == 0, op,
           "(): expected w_ih of shape (", gates, " hidden, input), got ", t.w_ih.sizes());
  const int64_t hidden = t.w_ih.size(0) / gates;
  const int64_t out = t.w_hr.defined() && t.w_hr.dim() == 2 ? t.w_hr.size(0) : hidden;
  if (t.w_hr.defined()) check_shape(op, "w_hr", t.w_hr, {out, hidden}, t.input);
  check_shape(op, "w_ih", t.w_ih, {gates * hidden, t.input.size(t.input.dim() - 1)}, t.input);
  check_shape(op, "w_hh", t.w_hh, {gates * hidden, out}, t.input);
  FB_CHECK(t.b_ih.defined() == t.b_hh.defined(), op, "(): expected both biases or none");
  if (t.b_ih.defined()) {
    check_shape(op, "b_ih", t.b_ih, {gates * hidden}, t.input);
    check_shape(op, "b_hh", t.b_hh, {gates * hidden}, t.input);
  }
  check_shape(op, "a hidden state", t.h0, {batch, out}, t.input);
  if (mode == RnnMode::Lstm) {
    FB_CHECK(t.c0.defined(), op, "(): expected a cell state");
    check_shape(op, "a cell state", t.c0, {batch, hidden}, t.input);
  }
  return hidden;
}

bool is_native(DType t) { return t == DType::Float32 || t == DType::Float64; }

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
Tensor packed_or_none(const Tensor& t) { return t.defined() ? contiguous(t) : t; }

RnnLayerTensors in_rows(const RnnLayerTensors& t) {
  return {contiguous(t.input), contiguous(t.h0),       packed_or_none(t.c0),   contiguous(t.w_ih),
          contiguous(t.w_hh),  packed_or_none(t.b_ih), packed_or_none(t.b_hh), Tensor()};
}

bool is_long(const RnnShape& s) { return s.rows() * s.gate_row() * (s.input + s.hidden) > 1 << 20; }

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> _rnn_layer(
    const Tensor& input, const Tensor& h0, const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
    const Tensor& b_ih, const Tensor& b_hh, int64_t mode_number, const Dims& batch_sizes,
    bool reverse, bool keep) {
  FB_CHECK(mode_number >= 0 && mode_number <= 3, "_rnn_layer(): unknown mode ", mode_number);
  const auto mode = static_cast<RnnMode>(mode_number);
  FB_CHECK(is_native(input.dtype()), "_rnn_layer(): expects float32 or float64, got ",
           name(input.dtype()));
  const bool lstm = mode == RnnMode::Lstm;
  const RnnLayerTensors all{input, h0, lstm ? c0 : Tensor(), w_ih, w_hh, b_ih, b_hh, Tensor()};
  Steps steps(mode, input, batch_sizes, reverse, 0);
  const int64_t H = steps.shape.hidden = check_layer(mode, all, steps.batch());
  const DType dtype = input.dtype();
  const Device device = input.device();
  Dims out_sizes = input.sizes();
  out_sizes[out_sizes.size() - 1] = H;
  const int64_t rows = steps.shape.rows();
  Tensor out = empty(out_sizes, dtype, device, op_name(mode));
  Tensor h_n = empty({steps.batch(), H}, dtype, device), gates, cells;
  Tensor c_n = empty({lstm ? steps.batch() : 0, H}, dtype, device);
  cells = empty({lstm && keep ? rows : 0, H}, dtype, device);
  const Tensor work = empty({rows, steps.shape.gate_row()}, dtype, device, op_name(mode));
  gates = keep ? work : empty({0}, dtype, device);
  if (out.is_meta()) return {out, h_n, c_n, gates, cells};
  copy_elements(h_n, h0);
  if (lstm) copy_elements(c_n, c0);
  const RnnLayerTensors t = in_rows(all);
  const auto run = [&]<class T>() {
    const RnnWeights<T> weights{t.w_ih.data<T>(), t.w_hh.data<T>(), data_or_null<T>(t.b_ih),
                                data_or_null<T>(t.b_hh)};
    T *h = h_n.data<T>(), *c = lstm ? c_n.data<T>() : nullptr, *to = out.data<T>(),
      *g = work.data<T>(), *kept = lstm && keep ? cells.data<T>() : nullptr;
    const T* x = t.input.data<T>();
    BlockingRegion region(is_long(steps.shape));
    rnn_layer_forward<T>(steps.shape, x, weights, h, c, to, g, kept);
  };
  dtype == DType::Float32 ? run.template operator()<float>() : run.template operator()<double>();
  return {out, h_n, c_n, gates, cells};
}

}  // namespace impl

namespace grad {

TensorList rnn_layer_composed(Node&, const Tensor& g_output, const Tensor& g_h_n,
                              const Tensor& g_c_n, const Tensor& input, const Tensor& h0,
                              const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
                              const Tensor& b_ih, const Tensor& b_hh, int64_t mode,
                              const Dims& batch_sizes, bool reverse) {
  return recompute_gradients(
      {input, h0, c0, w_ih, w_hh, b_ih, b_hh}, {g_output, g_h_n, g_c_n}, [&](const TensorList& t) {
        TensorList outs = compose_rnn_layer(static_cast<RnnMode>(mode),
                                            {t[0], t[1], t[2], t[3], t[4], t[5], t[6], Tensor()},
                                            batch_sizes, reverse);
        if (!outs[2].defined()) outs.pop_back();
        return outs;
      });
}

TensorList rnn_layer_fused(Node& node, const Tensor& g_output, const Tensor& g_h_n,
                           const Tensor& g_c_n, const Tensor& input, const Tensor& h0,
                           const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
                           const Tensor& b_ih, const Tensor& b_hh, int64_t mode_number,
                           const Dims& batch_sizes, bool reverse, const Tensor& output,
                           const Tensor& gates, const Tensor& cells) {
  const auto mode = static_cast<RnnMode>(mode_number);
  FB_CHECK(gates.numel() || !output.numel(), op_name(mode),
           "(): nothing was kept for the gradient");
  const bool lstm = mode == RnnMode::Lstm;
  const RnnLayerTensors t = in_rows({input, h0, lstm ? c0 : Tensor(), w_ih, w_hh, b_ih, b_hh, {}});
  Steps steps(mode, t.input, batch_sizes, reverse, output.size(output.dim() - 1));
  const Tensor g_out = contiguous(g_output);
  const Tensor g_h = clone_elements(contiguous(g_h_n));
  const Tensor g_c = lstm ? clone_elements(contiguous(g_c_n)) : Tensor();
  const auto wanted = [&](size_t i, const Tensor& like) {
    return like.defined() && node.wants(i) ? empty(like.sizes(), like.dtype(), like.device())
                                           : Tensor();
  };
  TensorList result{
      wanted(0, t.input), g_h, g_c, wanted(3, t.w_ih), wanted(4, t.w_hh), wanted(5, t.b_ih),
      wanted(6, t.b_hh)};
  if (output.is_meta()) return result;
  const auto run = [&]<class T>() {
    const RnnWeights<T> weights{t.w_ih.data<T>(), t.w_hh.data<T>(), data_or_null<T>(t.b_ih),
                                data_or_null<T>(t.b_hh)};
    const RnnGradients<T> grads{g_out.data<T>(),
                                g_h.data<T>(),
                                data_or_null<T>(g_c),
                                data_or_null<T>(result[0]),
                                data_or_null<T>(result[3]),
                                data_or_null<T>(result[4]),
                                data_or_null<T>(result[5]),
                                data_or_null<T>(result[6])};
    const T *x = t.input.data<T>(), *h = t.h0.data<T>(), *c = data_or_null<T>(t.c0),
            *out = output.data<T>(), *g = gates.data<T>(), *kept = lstm ? cells.data<T>() : nullptr;
    BlockingRegion region(is_long(steps.shape));
    rnn_layer_backward<T>(steps.shape, x, weights, h, c, out, g, kept, grads);
  };
  output.dtype() == DType::Float32 ? run.template operator()<float>()
                                   : run.template operator()<double>();
  return result;
}

}  // namespace grad

namespace {

// One direction of one layer by the fused operator where it serves. c_n is undefined without cells.
TensorList run_layer(RnnMode mode, const RnnLayerTensors& t, const Dims& batch_sizes,
                     bool reverse) {
  if (t.w_hr.defined() || !is_native(t.input.dtype())) {
    Steps steps(mode, t.input, batch_sizes, reverse, 0);
    check_layer(mode, t, steps.batch());
    return compose_rnn_layer(mode, t, batch_sizes, reverse);
  }
  const bool keep = needs_grad(t.input, t.h0, t.c0, t.w_ih, t.w_hh, t.b_ih, t.b_hh);
  auto [out, h, c, gates, cells] =
      ops::_rnn_layer(t.input, t.h0, t.c0, t.w_ih, t.w_hh, t.b_ih, t.b_hh,
                      static_cast<int64_t>(mode), batch_sizes, reverse, keep);
  return {out, h, mode == RnnMode::Lstm ? c : Tensor()};
}

struct Stack {
  RnnMode mode;
  const TensorList& params;
  bool has_biases;
  int64_t layers;
  double dropout;
  bool train, bidirectional;
};

// (output, h_n, c_n or undefined) of all layers.
TensorList run_stack(const Stack& s, Tensor x, const Tensor& h0, const Tensor& c0,
                     const Dims& batch_sizes) {
  const char* op = op_name(s.mode);
  const int64_t directions = s.bidirectional ? 2 : 1;
  FB_CHECK(s.layers > 0, op, "(): num_layers must be greater than zero, got ", s.layers);
  const int64_t parts = s.layers * directions;
  const int64_t plain = s.has_biases ? 4 : 2;
  const auto count = static_cast<int64_t>(s.params.size());
  const bool projected = s.mode == RnnMode::Lstm && count == parts * (plain + 1);
  const int64_t each = plain + projected;
  FB_CHECK(count == parts * each, op, "(): expected ", parts * plain, " parameters for ", s.layers,
           " layers and ", directions, " directions, got ", count);
  for (const Tensor* state : {&h0, &c0}) {
    FB_CHECK(!state->defined() || (state->dim() == 3 && state->size(0) == parts), op,
             "(): expected a state of shape (", parts, ", batch, hidden), got ", state->sizes());
  }
  TensorList last_h, last_c;
  for (int64_t layer = 0; layer < s.layers; ++layer) {
    TensorList outputs;
    for (int64_t d = 0; d < directions; ++d) {
      const int64_t k = layer * directions + d;
      const Tensor* w = &s.params[k * each];
      TensorList r =
          run_layer(s.mode,
                    {x, ops::select(h0, 0, k), c0.defined() ? ops::select(c0, 0, k) : Tensor(),
                     w[0], w[1], s.has_biases ? w[2] : Tensor(), s.has_biases ? w[3] : Tensor(),
                     projected ? w[plain] : Tensor()},
                    batch_sizes, d == 1);
      outputs.push_back(r[0]);
      last_h.push_back(r[1]);
      if (c0.defined()) last_c.push_back(r[2]);
    }
    x = directions == 1 ? outputs[0] : ops::cat(outputs, -1);
    if (s.train && s.dropout > 0 && layer + 1 < s.layers)
      x = ops::mul(x, dropout_mask(x, s.dropout));
  }
  return {x, ops::stack(last_h, 0), c0.defined() ? ops::stack(last_c, 0) : Tensor()};
}

TensorList run_input(const Stack& s, const Tensor& input, const Tensor& h0, const Tensor& c0,
                     bool batch_first) {
  FB_CHECK(input.dim() == 3, op_name(s.mode), "(): input must have 3 dimensions, got ",
           input.dim());
  const Tensor x = batch_first ? ops::transpose(input, 0, 1) : input;
  TensorList r = run_stack(s, x, h0, c0, {});
  if (batch_first) r[0] = ops::transpose(r[0], 0, 1);
  return r;
}

Dims read_sizes(const Tensor& batch_sizes, const char* op) {
  FB_CHECK(batch_sizes.dim() == 1 && batch_sizes.dtype() == DType::Int64 && batch_sizes.numel() > 0,
           op, "(): batch_sizes must be a non-empty int64 vector, got ", name(batch_sizes.dtype()),
           " of shape ", batch_sizes.sizes());
  const Tensor t = contiguous(batch_sizes);
  return Dims(t.data<int64_t>(), t.data<int64_t>() + t.numel());
}

const TensorList& state_pair(const TensorList& hx, const char* op) {
  FB_CHECK(hx.size() == 2, op, "(): expects two hidden states, got ", hx.size());
  return hx;
}

TensorList run_cell(RnnMode mode, const Tensor& input, const Tensor& h, const Tensor& c,
                    const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih,
                    const Tensor& b_hh) {
  FB_CHECK(input.dim() == 2, op_name(mode), "_cell(): expects input of shape (batch, input), got ",
           input.sizes());
  return run_layer(mode, {ops::unsqueeze(input, 0), h, c, w_ih, w_hh, b_ih, b_hh, Tensor()}, {},
                   false);
}

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor, Tensor> lstm_input(const Tensor& input, const TensorList& hx,
                                              const TensorList& params, bool has_biases,
                                              int64_t num_layers, double dropout, bool train,
                                              bool bidirectional, bool batch_first) {
  state_pair(hx, "lstm");
  const TensorList r =
      run_input({RnnMode::Lstm, params, has_biases, num_layers, dropout, train, bidirectional},
                input, hx[0], hx[1], batch_first);
  return {r[0], r[1], r[2]};
}

std::tuple<Tensor, Tensor, Tensor> lstm_data(const Tensor& data, const Tensor& batch_sizes,
                                             const TensorList& hx, const TensorList& params,
                                             bool has_biases, int64_t num_layers, double dropout,
                                             bool train, bool bidirectional) {
  state_pair(hx, "lstm");
  const TensorList r =
      run_stack({RnnMode::Lstm, params, has_biases, num_layers, dropout, train, bidirectional},
                data, hx[0], hx[1], read_sizes(batch_sizes, "lstm"));
  return {r[0], r[1], r[2]};
}

#define FB_RNN(op, mode)                                                                         \
  std::tuple<Tensor, Tensor> op##_input(const Tensor& input, const Tensor& hx,                   \
                                        const TensorList& params, bool has_biases,               \
                                        int64_t num_layers, double dropout, bool train,          \
                                        bool bidirectional, bool batch_first) {                  \
    const TensorList r =                                                                         \
        run_input({mode, params, has_biases, num_layers, dropout, train, bidirectional}, input, hx, \
                  Tensor(), batch_first);                                                        \
    return {r[0], r[1]};                                                                         \
  }                                                                                              \
  std::tuple<Tensor, Tensor> op##_data(const Tensor& data, const Tensor& batch_sizes,            \
                                       const Tensor& hx, const TensorList& params,               \
                                       bool has_biases, int64_t num_layers, double dropout,      \
                                       bool train, bool bidirectional) {                         \
    const TensorList r =                                                                         \
        run_stack({mode, params, has_biases, num_layers, dropout, train, bidirectional}, data, hx, \
                  Tensor(), read_sizes(batch_sizes, #op));                                       \
    return {r[0], r[1]};                                                                         \
  }                                                                                              \
  Tensor op##_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh, \
                   const Tensor& b_ih, const Tensor& b_hh) {                                     \
    return run_cell(mode, input, hx, Tensor(), w_ih, w_hh, b_ih, b_hh)[1];                       \
  }
FB_RNN(gru, RnnMode::Gru)
FB_RNN(rnn_tanh, RnnMode::Tanh)
FB_RNN(rnn_relu, RnnMode::Relu)
#undef FB_RNN

std::tuple<Tensor, Tensor> lstm_cell(const Tensor& input, const TensorList& hx, const Tensor& w_ih,
                                     const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {
  state_pair(hx, "lstm_cell");
  const TensorList r = run_cell(RnnMode::Lstm, input, hx[0], hx[1], w_ih, w_hh, b_ih, b_hh);
  return {r[1], r[2]};
}

}  // namespace impl
}  // namespace flambeau
