// Gradients of normalisation and losses.
#pragma once
#include "autograd/node.h"
#include "ops/op_types.h"

namespace flambeau::grad {

// All give the gradients of input, weight and bias, in this order, undefined where nobody wants
// them. Those named _fast are fused and cannot be differentiated.
TensorList layer_norm_grad(const Node& node, const Tensor& g, const Tensor& x, const Tensor& weight,
                           bool has_bias, int64_t ndim, double eps, bool rms);
TensorList layer_norm_grad_fast(const Node& node, const Tensor& g, const Tensor& x,
                                const Tensor& weight, const Tensor& mean, const Tensor& rstd,
                                int64_t ndim, bool rms);
TensorList group_norm_grad(const Node& node, const Tensor& g, const Tensor& x, const Tensor& weight,
                           bool has_bias, int64_t groups, double eps);
TensorList group_norm_grad_fast(const Node& node, const Tensor& g, const Tensor& x,
                                const Tensor& weight, const Tensor& mean, const Tensor& rstd,
                                int64_t groups);
TensorList batch_norm_grad(const Node& node, const Tensor& g, const Tensor& x, const Tensor& weight,
                           bool has_bias, const Tensor& mean, const Tensor& var, bool training,
                           double eps);
TensorList batch_norm_grad_fast(const Node& node, const Tensor& g, const Tensor& x,
                                const Tensor& weight, const Tensor& mean, const Tensor& var,
                                bool training, double eps);

// cross_entropy with class numbers: (softmax(x) - onehot(target)) times each sample's share of g.
Tensor cross_entropy_grad(const Tensor& g, const Tensor& x, const Tensor& target,
                          const Tensor& weight, int64_t ignore_index, const std::string& reduction,
                          const Tensor& total);
Tensor cross_entropy_grad_fast(const Tensor& g, const Tensor& x, const Tensor& target,
                               const Tensor& weight, int64_t ignore_index,
                               const std::string& reduction, const Tensor& lse,
                               const Tensor& total);

// ctc_loss by log_probs themselves, which need not come from a log_softmax.
Tensor ctc_grad(const Tensor& g, const Tensor& log_probs, const Tensor& targets,
                const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank);
Tensor ctc_grad_fast(const Tensor& g, const Tensor& log_probs, const Tensor& targets,
                     const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank,
                     const Tensor& alpha);

}  // namespace flambeau::grad
