// Recurrent layers out of public operators: for half types, for projections, and for gradients of
// gradients.
#pragma once
#include "cpu/rnn.h"
#include "ops/op_types.h"

namespace flambeau {

struct RnnLayerTensors {
  Tensor input, h0, c0, w_ih, w_hh, b_ih, b_hh;
  Tensor w_hr;  // LSTM with projection, else undefined
};

// (output, h_n, c_n); c_n is undefined unless the mode has one. With batch_sizes empty the input is
// (steps, batch, input).
TensorList compose_rnn_layer(RnnMode mode, const RnnLayerTensors& t, const Dims& batch_sizes,
                             bool reverse);

}  // namespace flambeau
