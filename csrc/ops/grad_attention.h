// Gradients of attention.
#pragma once
#include "autograd/autograd.h"
#include "ops/op_types.h"

namespace flambeau::grad {

// In the order query, key, value. The first computes attention again from public operators and can
// be differentiated further; the second makes the scores again block by block.
TensorList attention_composed(Node& node, const Tensor& g_output, const Tensor& query,
                              const Tensor& key, const Tensor& value, const Tensor& mask,
                              const Tensor& kept, bool causal, double scale);
TensorList attention_fused(Node& node, const Tensor& g_output, const Tensor& query,
                           const Tensor& key, const Tensor& value, const Tensor& mask,
                           const Tensor& kept, bool causal, double scale, const Tensor& output,
                           const Tensor& logsumexp);

}  // namespace flambeau::grad
