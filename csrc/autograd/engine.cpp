#include "autograd/engine.h"

#include <algorithm>

#include "autograd/accumulate.h"

namespace flambeau {

namespace {

struct State {
  Ref<Node> node;
  uint32_t waiting = 0;         // edges that have not delivered yet
  uint32_t old_run, old_slot;   // of an enclosing backward, put back at the end
  bool needed = true;
  bool ready = false;
  SmallVec<int32_t, 1> captures;      // indices into the inputs asked for
  SmallVec<Tensor, 1> gradients;      // per output, undefined until something arrives
};

uint32_t last_run = 0;
thread_local Node* running = nullptr;
thread_local std::vector<std::shared_ptr<NodeHook>> callbacks;

class Backward {
 public:
  Backward(const TensorList& roots, const TensorList& grads, const TensorList& inputs,
           const BackwardOptions& options)
      : options_(options), run_(++last_run), captured_(inputs.size()) {
    // A root of the graph that points at all the tensors to differentiate.
    for (const Tensor& t : roots) root_edges_.push_back(gradient_edge(t));
    for (const Edge& e : root_edges_) discover(e.node.get());
    if (!inputs.empty()) restrict_to(inputs);
    for (size_t i = 0; i < root_edges_.size(); ++i) deliver(root_edges_[i], grads[i]);
    for (Edge& e : root_edges_) {
      State& s = state(e.node.get());
      if (s.waiting == 0 && !s.ready) push(e.node->slot);
    }
  }

  ~Backward() {
    for (State& s : states_) {
      s.node->run = s.old_run;
      s.node->slot = s.old_slot;
    }
  }

  TensorList execute() {
    GradMode mode(options_.create_graph);
    while (!heap_.empty()) {
      const uint32_t slot = pop();
      process(slot);
    }
    return std::move(captured_);
  }

 private:
  State& state(Node* n) { return states_[n->slot]; }

  void enter(Node* n) {
    State s;
    s.node = Ref<Node>::borrow(n);
    s.old_run = n->run;
    s.old_slot = n->slot;
    s.gradients.resize(std::max<size_t>(1, n->outputs.size()));
    n->run = run_;
    n->slot = static_cast<uint32_t>(states_.size());
    states_.push_back(std::move(s));
  }

  // Counts the edges into every node that can be reached; `order_` gets children before parents.
  void discover(Node* root) {
    if (!root || root->run == run_) return;
    std::vector<std::pair<Node*, size_t>> stack;
    enter(root);
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto& [node, i] = stack.back();
      if (i == node->next.size()) {
        order_.push_back(node->slot);
        stack.pop_back();
        continue;
      }
      Node* to = node->next[i++].node.get();
      if (!to) continue;
      const bool fresh = to->run != run_;
      if (fresh) enter(to);
      ++state(to).waiting;
      if (fresh) stack.push_back({to, 0});
    }
  }

  void restrict_to(const TensorList& inputs) {
    for (State& s : states_) s.needed = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Edge e = gradient_edge(inputs[i]);
      FB_CHECK(e.node, "One of the differentiated Tensors does not require grad");
      if (e.node->run != run_) continue;
      State& s = state(e.node.get());
      s.captures.push_back(static_cast<int32_t>(i));
      capture_nr_.resize(inputs.size());
      capture_nr_[i] = e.nr;
      s.needed = true;
    }
    for (uint32_t slot : order_) {
      State& s = states_[slot];
      for (const Edge& e : s.node->next) {
        if (e.node && state(e.node.get()).needed) s.needed = true;
      }
    }
    restricted_ = true;
  }
  void push(uint32_t slot) {
    states_[slot].ready = true;
    heap_.push_back(slot);
    std::push_heap(heap_.begin(), heap_.end(), [this](uint32_t a, uint32_t b) { return less(a, b); });
  }
  uint32_t pop() {
    std::pop_heap(heap_.begin(), heap_.end(), [this](uint32_t a, uint32_t b) { return less(a, b); });
    const uint32_t slot = heap_.back();
    heap_.pop_back();
    return slot;
  }
  bool less(uint32_t a, uint32_t b) const {
    return states_[a].node->sequence < states_[b].node->sequence;
  }

  // Brings a gradient to the form that its receiver expects: broadcasting is undone here, once.
  Tensor conform(Tensor g, const OutputMeta& meta, const Node* from) {
    if (g.sizes() != meta.sizes) {
      FB_CHECK(is_expandable(meta.sizes, g.sizes()), from ? from->cls->name : "backward",
               " returned an invalid gradient: got ", g.sizes(),
               " but expected shape compatible with ", meta.sizes);
      g = engine_ops.sum_to(g, meta.sizes);
    }
    if (g.dtype() != meta.dtype) {
      FB_CHECK(is_differentiable(g.dtype()), from ? from->cls->name : "backward",
               " returned a gradient of type ", name(g.dtype()), ", expected ", name(meta.dtype));
      g = engine_ops.cast(g, meta.dtype);
    }
    return g;
  }

  void deliver(const Edge& e, Tensor g, const Node* from = nullptr) {
    if (!g.defined()) return;
    State& s = state(e.node.get());
    if (!s.needed) return;
    Tensor& slot = s.gradients[e.nr];
    g = conform(std::move(g), e.node->outputs[e.nr], from);
    if (!slot.defined()) {
      slot = std::move(g);
    } else if (!grad_enabled && slot->head.refcount == 1 && slot->storage->refcount == 1 &&
               !has_internal_overlap(slot)) {
      engine_ops.add_in_place(slot, g);
    } else {
      slot = engine_ops.add(slot, g);
    }
  }

  void run_tensor_hooks(Node* n, SmallVec<Tensor, 1>& grads) {
    for (auto* list : {&n->hooks->tensor_hooks, &n->hooks->retain}) {
      // By index: a hook may register another one.
      for (size_t i = 0; i < list->size(); ++i) {
        auto hook = (*list)[i];
        Tensor& g = grads[hook.nr];
        if (!g.defined()) continue;
        Tensor changed = hook.hook->call(g);
        if (changed.defined()) g = std::move(changed);
      }
    }
  }

  void process(uint32_t slot) {
    Ref<Node> node = states_[slot].node;
    SmallVec<Tensor, 1> grads = std::move(states_[slot].gradients);
    const bool any = std::any_of(grads.begin(), grads.end(), [](const Tensor& t) { return t.defined(); });
    if (any && node->hooks) run_tensor_hooks(node.get(), grads);
    for (int32_t i : states_[slot].captures) capture(i, node.get(), grads[capture_nr_[i]]);
    SmallVec<Tensor, 2> results(node->next.size());
    const bool is_accumulator = node->cls == &accumulate_grad_class;
    const bool wanted = any && (restricted_ ? leads_on(node.get()) : options_.accumulate || !is_accumulator);
    if (wanted) apply(node.get(), grads, results);
    for (size_t i = 0; i < node->next.size(); ++i) {
      const Edge& e = node->next[i];
      if (!e.node) continue;
      deliver(e, std::move(results[i]), node.get());
      State& s = state(e.node.get());
      if (--s.waiting == 0) push(e.node->slot);
    }
  }

  // With inputs given, a node runs only if something behind it is wanted.
  bool leads_on(Node* n) {
    for (const Edge& e : n->next) {
      if (e.node && state(e.node.get()).needed) return true;
    }
    return false;
  }

  void capture(int32_t i, Node* node, const Tensor& g) {
    Tensor result = g;
    if (node->cls == &accumulate_grad_class && g.defined()) {
      const Tensor& variable = static_cast<AccumulateGrad*>(node)->variable;
      if (variable->autograd) {
        for (auto& hook : variable->autograd->hooks) {
          Tensor changed = hook->call(result);
          if (changed.defined()) result = std::move(changed);
        }
      }
    }
    captured_[i] = result;
  }

  void apply(Node* node, SmallVec<Tensor, 1>& grads, SmallVec<Tensor, 2>& results) {
    struct Running {
      Node* before = running;
      explicit Running(Node* n) { running = n; }
      ~Running() { running = before; }
    } scope(node);
    const bool hooked = node->hooks && !(node->hooks->pre.empty() && node->hooks->post.empty());
    TensorList arriving;
    if (hooked) [[unlikely]] {
      arriving.assign(grads.begin(), grads.end());
      TensorList none;
      for (size_t i = 0; i < node->hooks->pre.size(); ++i) {
        auto hook = node->hooks->pre[i];
        hook->call(none, arriving);
      }
      std::copy(arriving.begin(), arriving.end(), grads.begin());
    }
    node->cls->apply(node, grads.data(), results.data());
    if (hooked) [[unlikely]] {
      TensorList leaving(results.begin(), results.end());
      for (size_t i = 0; i < node->hooks->post.size(); ++i) {
        auto hook = node->hooks->post[i];
        hook->call(leaving, arriving);
      }
      std::copy(leaving.begin(), leaving.end(), results.begin());
    }
    if (anomaly_enabled && anomaly_check_nan) [[unlikely]] check_for_nan(node, results);
    if (!options_.retain_graph) node->cls->release(node);
  }

  static void check_for_nan(Node* node, const SmallVec<Tensor, 2>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      FB_CHECK(!results[i].defined() || !engine_ops.has_nan(results[i]), "Function '",
               node->cls->name, "' returned nan values in its ", i, "th output. The operation was "
               "recorded at ", node->location.describe());
    }
  }

  BackwardOptions options_;
  uint32_t run_;
  bool restricted_ = false;
  std::vector<Edge> root_edges_;
  std::vector<State> states_;
  std::vector<uint32_t> order_, heap_;
  std::vector<uint32_t> capture_nr_;
  TensorList captured_;
};

}  // namespace

Node* current_node() { return running; }
void queue_callback(std::shared_ptr<NodeHook> callback) { callbacks.push_back(std::move(callback)); }

TensorList run_backward(const TensorList& roots, const TensorList& grads, const TensorList& inputs,
                        const BackwardOptions& options) {
  static thread_local int depth = 0;
  struct Depth {
    Depth() { ++depth; }
    ~Depth() {
      if (--depth == 0) callbacks.clear();
    }
  } scope;
  TensorList captured;
  {
    Backward task(roots, grads, inputs, options);
    captured = task.execute();
  }
  if (depth == 1) {
    TensorList none;
    for (size_t i = 0; i < callbacks.size(); ++i) callbacks[i]->call(none, none);
  }
  if (!inputs.empty() && options.accumulate) {
    GradMode mode(options.create_graph);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!captured[i].defined()) continue;
      const Tensor before = get_grad(inputs[i]);
      Tensor g = before.defined() ? engine_ops.add(before, captured[i]) : engine_ops.clone(captured[i]);
      AutogradMeta& meta = ensure_meta(*inputs[i].get());
      (meta.retained ? *meta.retained : meta.grad) = g;
    }
  }
  return captured;
}

}  // namespace flambeau
