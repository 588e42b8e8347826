// Second derivatives of fused operators: where a graph of the gradient is asked for, the operator
// is computed again from public operators, which know their own gradients, and differentiated.
#pragma once
#include <utility>

#include "autograd/engine.h"
#include "ops/op_types.h"
#include "ops_shape.h"

namespace flambeau::grad {

// The same values behind a node of their own. While a Shadow lives, that node leads nowhere: a
// backward that starts behind it ends there. Then it is connected to where `t` came from.
class Shadow {
 public:
  explicit Shadow(const Tensor& t) {
    if (!t.defined()) return;
    tensor_ = ops::view(t, t.sizes());
    if (!requires_grad(tensor_)) return;
    node_ = Ref<Node>::borrow(grad_fn(tensor_));
    edge_ = std::exchange(node_->next[0].node, nullptr);
  }
  Shadow(Shadow&&) = default;
  ~Shadow() {
    if (node_) node_->next[0].node = std::move(edge_);
  }
  const Tensor& tensor() const { return tensor_; }
  bool tracked() const { return static_cast<bool>(node_); }

 private:
  Tensor tensor_;
  Ref<Node> node_, edge_;
};

// Gradients, one per input, of sum(f(inputs)[i] * grads[i]), with a graph; undefined for inputs
// that need none. `f` maps a TensorList to a TensorList; undefined grads stand for zero.
template <class F>
TensorList recompute_gradients(const TensorList& inputs, const TensorList& grads, F&& f) {
  GradMode on(true);
  std::vector<Shadow> shadows;
  shadows.reserve(inputs.size());
  TensorList tensors, wanted;
  for (const Tensor& t : inputs) {
    shadows.emplace_back(t);
    tensors.push_back(shadows.back().tensor());
    if (shadows.back().tracked()) wanted.push_back(tensors.back());
  }
  const TensorList outputs = f(tensors);
  TensorList roots, arriving;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!grads[i].defined() || !requires_grad(outputs[i])) continue;
    roots.push_back(outputs[i]);
    arriving.push_back(grads[i]);
  }
  TensorList result(inputs.size());
  if (roots.empty() || wanted.empty()) return result;
  BackwardOptions options;
  options.retain_graph = options.create_graph = true;
  options.accumulate = false;
  const TensorList found = run_backward(roots, arriving, wanted, options);
  for (size_t i = 0, k = 0; i < inputs.size(); ++i) {
    if (shadows[i].tracked()) result[i] = found[k++];
  }
  return result;
}

}  // namespace flambeau::grad
