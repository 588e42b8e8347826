#include "autograd/engine.h"

#include <algorithm>

#include "autograd/accumulate.h"

namespace flambeau {

namespace {

// What backward knows of a node. The nodes stay alive: the edges from the roots hold them.
struct State {
  Node* node;
  uint32_t waiting = 0;        // edges that have not delivered yet
  uint32_t old_run, old_slot;  // of an enclosing backward, put back at the end
  int32_t capture = -1;        // the first of the inputs asked for that this node feeds
  bool needed = true;
  bool ready = false;
  SmallVec<Tensor, 1> gradients;  // per output, undefined until something arrives
};

// An input asked for: which output of its node, and the next input of the same node.
struct Capture {
  uint32_t nr = 0;
  int32_t next = -1;
};

struct Ready {
  uint64_t sequence;
  uint32_t slot;
  bool operator<(const Ready& o) const { return sequence < o.sequence; }
};

struct Visit {
  Node* node;
  size_t edge;
};

// The buffers of a run. They are kept for the next one: most graphs are small and run often.
struct Buffers {
  std::vector<State> states;
  std::vector<Visit> stack;
  std::vector<uint32_t> order;  // children before parents
  std::vector<Ready> heap;

  void clear() {
    states.clear();
    stack.clear();
    order.clear();
    heap.clear();
  }
};
constexpr size_t kKeptStates = 1 << 16;
thread_local std::unique_ptr<Buffers> spare_buffers;

std::unique_ptr<Buffers> take_buffers() {
  // A backward within a backward finds no spare ones.
  return spare_buffers ? std::move(spare_buffers) : std::make_unique<Buffers>();
}
void return_buffers(std::unique_ptr<Buffers> buffers) {
  if (buffers->states.capacity() > kKeptStates) return;
  buffers->clear();
  spare_buffers = std::move(buffers);
}

uint32_t last_run = 0;
thread_local Node* running = nullptr;
thread_local std::vector<std::shared_ptr<NodeHook>> callbacks;

class Backward {
 public:
  Backward(const TensorList& roots, const TensorList& grads, const TensorList& inputs,
           const BackwardOptions& options)
      : options_(options),
        run_(++last_run),
        restricted_(!inputs.empty()),
        captured_(inputs.size()) {
    for (const Tensor& t : roots) root_edges_.push_back(gradient_edge(t));
    for (const Edge& e : root_edges_) discover(e.node.get());
    if (restricted_) restrict_to(inputs);
    for (size_t i = 0; i < root_edges_.size(); ++i) deliver(root_edges_[i], grads[i]);
    for (Edge& e : root_edges_) {
      State& s = state(e.node.get());
      if (s.waiting == 0 && !s.ready) push(s);
    }
  }

  ~Backward() {
    for (State& s : states_) {
      s.node->run = s.old_run;
      s.node->slot = s.old_slot;
    }
    return_buffers(std::move(buffers_));
  }

  TensorList execute() {
    GradMode mode(options_.create_graph);
    while (!heap_.empty()) process(pop());
    return std::move(captured_);
  }

 private:
  State& state(Node* n) { return states_[n->slot]; }

  void enter(Node* n) {
    State& s = states_.emplace_back();
    s.node = n;
    s.old_run = n->run;
    s.old_slot = n->slot;
    s.gradients.resize(std::max<size_t>(1, n->outputs.size()));
    n->run = run_;
    n->slot = static_cast<uint32_t>(states_.size() - 1);
  }

  // Counts the edges into every node that can be reached.
  void discover(Node* root) {
    if (!root || root->run == run_) return;
    std::vector<Visit>& stack = buffers_->stack;
    enter(root);
    stack.push_back({root, 0});
    while (!stack.empty()) {
      Visit& visit = stack.back();
      if (visit.edge == visit.node->next.size()) {
        if (restricted_) buffers_->order.push_back(visit.node->slot);
        stack.pop_back();
        continue;
      }
      Node* to = visit.node->next[visit.edge++].node.get();
      if (!to) continue;
      const bool fresh = to->run != run_;
      if (fresh) enter(to);
      ++state(to).waiting;
      if (fresh && !to->next.empty()) {
        stack.push_back({to, 0});
      } else if (fresh && restricted_) {
        buffers_->order.push_back(to->slot);
      }
    }
  }

  void restrict_to(const TensorList& inputs) {
    for (State& s : states_) s.needed = false;
    captures_.resize(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Edge e = gradient_edge(inputs[i]);
      FB_CHECK(e.node, "One of the differentiated Tensors does not require grad");
      if (e.node->run != run_) continue;
      State& s = state(e.node.get());
      captures_[i] = {e.nr, s.capture};
      s.capture = static_cast<int32_t>(i);
      s.needed = true;
    }
    for (uint32_t slot : buffers_->order) {
      State& s = states_[slot];
      for (const Edge& e : s.node->next) {
        if (e.node && state(e.node.get()).needed) s.needed = true;
      }
    }
  }

  void push(State& s) {
    s.ready = true;
    heap_.push_back({s.node->sequence, s.node->slot});
    std::push_heap(heap_.begin(), heap_.end());
  }
  uint32_t pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const uint32_t slot = heap_.back().slot;
    heap_.pop_back();
    return slot;
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
    Node* node = states_[slot].node;
    SmallVec<Tensor, 1> grads = std::move(states_[slot].gradients);
    const bool any =
        std::any_of(grads.begin(), grads.end(), [](const Tensor& t) { return t.defined(); });
    if (any && node->hooks) run_tensor_hooks(node, grads);
    for (int32_t i = states_[slot].capture; i >= 0; i = captures_[i].next) {
      capture(i, node, grads[captures_[i].nr]);
    }
    SmallVec<Tensor, 2> results(node->next.size());
    const bool is_accumulator = node->cls == &accumulate_grad_class;
    const bool wanted =
        any && (restricted_ ? leads_on(node) : options_.accumulate || !is_accumulator);
    if (wanted) {
      node->skipped = restricted_ ? useless_edges(node) : 0;
      apply(node, grads, results);
    }
    for (size_t i = 0; i < node->next.size(); ++i) {
      const Edge& e = node->next[i];
      if (!e.node) continue;
      deliver(e, std::move(results[i]), node);
      State& s = state(e.node.get());
      if (--s.waiting == 0) push(s);
    }
  }

  // With inputs given, a node runs only if something behind it is wanted.
  bool leads_on(Node* n) {
    for (const Edge& e : n->next) {
      if (e.node && state(e.node.get()).needed) return true;
    }
    return false;
  }

  uint64_t useless_edges(Node* n) {
    uint64_t bits = 0;
    for (size_t i = 0; i < std::min(n->next.size(), Node::kSkippable); ++i) {
      const Edge& e = n->next[i];
      if (e.node && !state(e.node.get()).needed) bits |= uint64_t{1} << i;
    }
    return bits;
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
    if (anomaly_enabled && anomaly_check_nan) [[unlikely]]
      check_for_nan(node, results);
    if (!options_.retain_graph) node->cls->release(node);
  }

  static void check_for_nan(Node* node, const SmallVec<Tensor, 2>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      FB_CHECK(!results[i].defined() || !engine_ops.has_nan(results[i]), "Function '",
               node->cls->name, "' returned nan values in its ", i,
               "th output. The operation was "
               "recorded at ",
               node->location.describe());
    }
  }

  BackwardOptions options_;
  uint32_t run_;
  bool restricted_;
  SmallVec<Edge, 2> root_edges_;
  std::unique_ptr<Buffers> buffers_ = take_buffers();
  std::vector<State>& states_ = buffers_->states;
  std::vector<Ready>& heap_ = buffers_->heap;
  std::vector<Capture> captures_;  // by input
  TensorList captured_;
};

}  // namespace

Node* current_node() { return running; }
void queue_callback(std::shared_ptr<NodeHook> callback) {
  callbacks.push_back(std::move(callback));
}

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
      Tensor g =
          before.defined() ? engine_ops.add(before, captured[i]) : engine_ops.clone(captured[i]);
      AutogradMeta& meta = ensure_meta(*inputs[i].get());
      (meta.retained ? *meta.retained : meta.grad) = g;
    }
  }
  return captured;
}

}  // namespace flambeau
