// One direction of one recurrent layer on raw memory, forward and back. Runs without the
// interpreter lock, spreads over the thread pool, and gives the same bits for any number of
// threads.
#pragma once
#include <cstdint>

#include "cpu/kernels/rnn_cells.h"

namespace flambeau {

// Sequences are sorted by length: batch_sizes[t] of them, never growing with t, reach step t. Rows
// of step t lie behind those of the steps before it, whatever the direction of time.
struct RnnShape {
  RnnMode mode;
  bool reverse;
  int64_t steps, input, hidden;
  const int64_t* batch_sizes;
  const int64_t* first_row;  // of each step, and their number at [steps]

  int64_t rows() const { return first_row[steps]; }
  int64_t batch() const { return steps ? batch_sizes[0] : 0; }
  int64_t gate_row() const { return rnn_gates(mode) * hidden; }
  // Gates that read the hidden state; the weights have as many blocks of `hidden` rows.
  int64_t weight_gates() const { return mode == RnnMode::Gru ? 3 : mode == RnnMode::Lstm ? 4 : 1; }
  int64_t step_at(int64_t i) const { return reverse ? steps - 1 - i : i; }
};

// Everything is row-major without gaps. Biases may be null.
template <class T>
struct RnnWeights {
  const T* w_ih;  // (gates hidden, input)
  const T* w_hh;  // (gates hidden, hidden)
  const T* b_ih;
  const T* b_hh;
};

// h and c (batch, hidden) hold the initial state and get the last one of each sequence. gates
// (rows, gate_row), out (rows, hidden) and, if not null, cells (rows, hidden) are written.
template <class T>
void rnn_layer_forward(const RnnShape& shape, const T* x, const RnnWeights<T>& weights, T* h, T* c,
                       T* out, T* gates, T* cells);

template <class T>
struct RnnGradients {
  // In: what arrives; g_out may be null. Out: g_h and g_c belong to the initial state.
  const T* g_out;
  T* g_h;
  T* g_c;
  // Out, where not null.
  T* g_x;
  T* g_w_ih;
  T* g_w_hh;
  T* g_b_ih;
  T* g_b_hh;
};
// x, h0, c0 and what the forward pass wrote, unchanged.
template <class T>
void rnn_layer_backward(const RnnShape& shape, const T* x, const RnnWeights<T>& weights,
                        const T* h0, const T* c0, const T* out, const T* gates, const T* cells,
                        const RnnGradients<T>& grads);

}  // namespace flambeau
