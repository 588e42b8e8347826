// The graph: a Node per recorded operation, edges to the operations that made its inputs.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/source_location.h"
#include "core/tensor.h"

namespace flambeau {

struct Node;

// What a kind of node does. Plain functions instead of virtual ones: a Node starts with the Python
// object head, where a C++ compiler would put its table pointer.
struct NodeClass {
  const char* name;  // "MulBackward0"
  // grads: one per output of the operation, undefined ones stand for zero. results: one per edge,
  // all undefined on entry; edges without a node need not be filled.
  void (*apply)(Node* self, Tensor* grads, Tensor* results);
  void (*release)(Node* self);  // drops what was saved for backward
  void (*destroy)(Node* self);  // runs the destructor and frees the memory
  // Calls visit(argument, tensor) for each saved tensor (cycle collection, `_saved_*`).
  void (*visit_saved)(Node* self, void* context,
                      void (*visit)(void* context, const char* name, class SavedTensor& saved));
};

struct Edge {
  Ref<Node> node;   // null: no gradient wanted here
  uint32_t nr = 0;  // which output of `node`
};

// What a gradient that arrives at an output must look like.
struct OutputMeta {
  Dims sizes;
  DType dtype;
  Device device;
};

struct TensorHook {
  virtual ~TensorHook() = default;
  virtual Tensor call(const Tensor& grad) = 0;  // undefined: leave the gradient as it is
  virtual int traverse(int (*visit)(void*, void*), void* arg) {
    (void)visit;
    (void)arg;
    return 0;
  }
};
struct NodeHook {
  virtual ~NodeHook() = default;
  // pre: changes `outputs` (the gradients that arrive). post: changes `inputs` (those that leave).
  virtual void call(TensorList& inputs, TensorList& outputs) = 0;
  virtual int traverse(int (*visit)(void*, void*), void* arg) {
    (void)visit;
    (void)arg;
    return 0;
  }
};

struct NodeHooks {
  struct OnOutput {
    uint32_t nr;
    std::shared_ptr<TensorHook> hook;
  };
  std::vector<OnOutput> tensor_hooks;
  std::vector<OnOutput> retain;  // fill `.grad` of intermediate tensors, after all others
  std::vector<std::shared_ptr<NodeHook>> pre, post;
};

struct Node : Object {
  const NodeClass* cls;
  uint64_t sequence;       // later operations first in backward
  SmallVec<Edge, 2> next;  // one per differentiable input, in order
  SmallVec<OutputMeta, 1> outputs;
  NodeHooks* hooks = nullptr;  // owned, null when unused
  SourceLocation location;     // the line that made it
  void* anomaly = nullptr;     // owned by the Python layer: stack of the forward call
  uint32_t run = 0, slot = 0;  // the engine's scratch
  uint64_t skipped = 0;        // of the first edges, those that this run has no use for

  bool wants(size_t i) const { return next[i].node && (i >= kSkippable || !(skipped >> i & 1)); }
  static constexpr size_t kSkippable = 64;
  NodeHooks& ensure_hooks() {
    if (!hooks) hooks = new NodeHooks();
    return *hooks;
  }
  explicit Node(const NodeClass& c);
  ~Node();
};

extern uint64_t next_sequence;
void (*&drop_anomaly())(void*);  // how the Python layer frees Node::anomaly

// Allocates a node of type T (derived from Node, default constructible).
template <class T>
Ref<T> make_node() {
  return Ref<T>::steal(new (object_allocate(sizeof(T))) T());
}
template <class T>
void destroy_node(Node* n) {
  static_cast<T*>(n)->~T();
  object_free(n, sizeof(T));
}

// Destruction never recurses: nodes whose count reaches zero wait in one queue that the outermost
// call drains, so a chain of a million operations goes away in constant stack.
void release_node(Node* n);

// What leaves and intermediate tensors carry beyond grad_fn.
struct AutogradMeta {
  Tensor grad;
  Node* accumulator = nullptr;                     // not owned: the node clears it when it goes
  std::shared_ptr<Tensor> retained;                // where retain_grad() collects
  std::vector<std::shared_ptr<TensorHook>> hooks;  // of a leaf
  std::vector<std::shared_ptr<TensorHook>> post_accumulate;
  Tensor base;                   // of a differentiable view
  uint32_t generation = 0;       // of a base: how often its history was replaced
  uint32_t base_generation = 0;  // of a view: the base's generation its grad_fn belongs to
};
AutogradMeta& ensure_meta(TensorImpl& t);

}  // namespace flambeau
