// Gradients of a recurrent layer.
#pragma once
#include "autograd/autograd.h"
#include "ops/op_types.h"

namespace flambeau::grad {

// In the order input, h0, c0, w_ih, w_hh, b_ih, b_hh. The first computes the layer again from
// public operators and can be differentiated further; the second uses what the layer kept.
TensorList rnn_layer_composed(Node& node, const Tensor& g_output, const Tensor& g_h_n,
                              const Tensor& g_c_n, const Tensor& input, const Tensor& h0,
                              const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
                              const Tensor& b_ih, const Tensor& b_hh, int64_t mode,
                              const Dims& batch_sizes, bool reverse);
TensorList rnn_layer_fused(Node& node, const Tensor& g_output, const Tensor& g_h_n,
                           const Tensor& g_c_n, const Tensor& input, const Tensor& h0,
                           const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
                           const Tensor& b_ih, const Tensor& b_hh, int64_t mode,
                           const Dims& batch_sizes, bool reverse, const Tensor& output,
                           const Tensor& gates, const Tensor& cells);

}  // namespace flambeau::grad
