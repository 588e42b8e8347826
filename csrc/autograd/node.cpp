#include "autograd/node.h"

#include "autograd/autograd.h"

namespace flambeau {

uint64_t next_sequence = 1;
EngineOps engine_ops;
thread_local bool grad_enabled = true;
thread_local bool inference_enabled = false;
bool anomaly_enabled = false, anomaly_check_nan = true;

void (*&drop_anomaly())(void*) {
  static void (*drop)(void*) = nullptr;
  return drop;
}

Node::Node(const NodeClass& c) : cls(&c), sequence(next_sequence++) {
  head = {1, object_hooks.node_type};
  kind = ObjectKind::Node;
  location = SourceLocation::here();
}

Node::~Node() {
  delete hooks;
  if (anomaly) drop_anomaly()(anomaly);
}

void release_node(Node* n) {
  static std::vector<Node*> waiting;
  static bool draining = false;
  waiting.push_back(n);
  if (draining) return;
  draining = true;
  while (!waiting.empty()) {
    Node* last = waiting.back();
    waiting.pop_back();
    last->cls->destroy(last);
  }
  draining = false;
}

void destroy_object(Object* o) {
  if (object_hooks.dealloc) {
    object_hooks.dealloc(o);
  } else if (o->kind == ObjectKind::Node) {
    release_node(static_cast<Node*>(o));
  } else {
    TensorImpl* t = static_cast<TensorImpl*>(o);
    t->~TensorImpl();
    object_free(t, sizeof(TensorImpl));
  }
}

AutogradMeta& ensure_meta(TensorImpl& t) {
  if (!t.autograd) t.autograd = new (object_allocate(sizeof(AutogradMeta))) AutogradMeta();
  return *t.autograd;
}

void destroy_autograd_meta(AutogradMeta* m) {
  m->~AutogradMeta();
  object_free(m, sizeof(AutogradMeta));
}

}  // namespace flambeau
