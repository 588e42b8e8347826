// Recording: what generated operators call to join the graph, and in-place and view rules.
#pragma once
#include "autograd/grad_mode.h"
#include "autograd/node.h"
#include "autograd/saved_tensor.h"

namespace flambeau {

// The few tensor operations that the engine and the rules for views need. csrc/ops fills the table,
// so that this folder includes no operator header.
struct EngineOps {
  Tensor (*sum_to)(const Tensor& t, const Dims& sizes);
  Tensor (*cast)(const Tensor& t, DType dtype);
  Tensor (*add)(const Tensor& a, const Tensor& b);
  void (*add_in_place)(Tensor& a, const Tensor& b);
  Tensor (*clone)(const Tensor& t);
  Tensor (*zeros)(const Dims& sizes, DType dtype, Device device);
  Tensor (*ones_like)(const Tensor& t);
  Tensor (*as_strided)(const Tensor& t, const Dims& sizes, const Dims& strides, int64_t offset);
  void (*copy_in_place)(Tensor& to, const Tensor& from);
  bool (*has_nan)(const Tensor& t);
};
extern EngineOps engine_ops;

// A view whose base was written to gets its history from the base, when someone asks.
bool stale_view(const TensorImpl& t);
Node* refreshed_grad_fn(TensorImpl& t);

inline bool requires_grad(const Tensor& t) {
  return t.defined() && (t->requires_grad || (t->is_view && t->autograd->base->requires_grad));
}
inline Node* grad_fn(const Tensor& t) {
  if (t->is_view && stale_view(*t.get())) [[unlikely]]
    return refreshed_grad_fn(*t.get());
  return static_cast<Node*>(t->grad_fn);
}
inline bool is_leaf(const Tensor& t) { return !requires_grad(t) || !grad_fn(t); }

inline bool needs_grad(const Tensor& t) { return grad_enabled && requires_grad(t); }
template <class... Ts>
bool needs_grad(const Tensor& a, const Ts&... rest) {
  return grad_enabled && (requires_grad(a) || (requires_grad(rest) || ...));
}
inline bool needs_grad(const TensorList& list) {
  if (grad_enabled) {
    for (const Tensor& t : list) {
      if (requires_grad(t)) return true;
    }
  }
  return false;
}

// Where the gradient of `t` goes: its grad_fn, the accumulator of a leaf, or nowhere.
Edge gradient_edge(const Tensor& t);
inline void add_edge(Node& node, const Tensor& t) { node.next.push_back(gradient_edge(t)); }
Node* gradient_accumulator(const Tensor& leaf);  // borrowed; null when no gradient is required

// Makes `t` the next output of `node`. Only floating and complex outputs join.
void set_history(const Tensor& t, Node& node);

// In-place: check first, then compute, bump the version, and replace the history.
void check_in_place(const Tensor& self, const char* op);
void rebase_history(const Tensor& self, Node& node);
inline void bump_version(const Tensor& t) {
  if (t->untracked) return;
  ++t->storage->version;
  if (grad_enabled) t->storage->last_write = SourceLocation::here();
}

// Marks `view` as a window onto `self` for in-place purposes.
void set_view(const Tensor& view, const Tensor& self);

Tensor detach(const Tensor& t);  // shares the storage, no history
void set_requires_grad(const Tensor& t, bool value);
void retain_grad(const Tensor& t);
// The gradient that has been collected, by accumulation or by retain_grad().
Tensor get_grad(const Tensor& t);
void set_grad(const Tensor& t, const Tensor& grad);

}  // namespace flambeau
