// What a recurrent cell does after its products: gates become activations, activations a new state;
// and the way back.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

enum class RnnMode : int { Tanh = 0, Relu = 1, Lstm = 2, Gru = 3 };

// Gates that lie side by side in a row of `gates`, each `hidden` wide. The GRU keeps four:
// reset r, update z, the hidden state's share of the new value (q), the new value n.
// LSTM: input i, forget f, value g, output o.
constexpr int rnn_gates(RnnMode mode) {
  return mode == RnnMode::Lstm || mode == RnnMode::Gru ? 4 : 1;
}

// `rows` sequences at one time, `units` neighbouring units of each. Rows are `hidden` apart, those
// of gates `gate_row`; all pointers are at the first unit.
template <class T>
struct RnnForward {
  T* gates;  // in: sums of the products and biases; out: activations
  int64_t gate_row, hidden, rows, units;
  T* h;      // state, in and out
  T* c;      // LSTM
  T* out;    // the new h once more
  T* cells;  // LSTM: the new c once more, or null
};
template <class T>
struct RnnBackward {
  const T* gates;  // activations
  int64_t gate_row, hidden, rows, units;
  const T* cells;  // LSTM: c after and before the step
  const T* c_before;
  const T* h_before;  // GRU
  const T* g_out;     // gradient of the output, or null
  T* g_h;      // gradient of the state; out, for the GRU: what passes through the update gate
  T* g_c;      // LSTM, in and out
  T* g_gates;  // out: gradients of the sums; GRU: of r, z, q and of the input's share of n
};

FB_KERNEL(void, rnn_forward_f32, (RnnMode mode, const RnnForward<float>& step));
FB_KERNEL(void, rnn_forward_f64, (RnnMode mode, const RnnForward<double>& step));
FB_KERNEL(void, rnn_backward_f32, (RnnMode mode, const RnnBackward<float>& step));
FB_KERNEL(void, rnn_backward_f64, (RnnMode mode, const RnnBackward<double>& step));

}  // namespace flambeau
