#include "autograd/autograd.h"

#include "autograd/accumulate.h"

namespace flambeau {

namespace {

void accumulate(Node* node, Tensor* grads, Tensor*) {
  const Tensor& variable = static_cast<AccumulateGrad*>(node)->variable;
  AutogradMeta& meta = ensure_meta(*variable.get());
  Tensor g = grads[0];
  if (!g.defined()) return;
  for (auto& hook : meta.hooks) {
    Tensor changed = hook->call(g);
    if (changed.defined()) g = std::move(changed);
  }
  grads[0] = Tensor();
  if (!meta.grad.defined()) {
    // Only a gradient that nobody else holds may become `.grad` itself. `g` is one reference.
    const bool ours = g->head.refcount == 1 && g->storage->refcount == 1 && !g->is_view;
    if (grad_enabled) {
      meta.grad = engine_ops.clone(g);
    } else if (ours && is_dense(g.sizes(), g.strides())) {
      meta.grad = detach(g);
    } else {
      meta.grad = engine_ops.clone(detach(g));
    }
  } else if (grad_enabled) {
    meta.grad = engine_ops.add(meta.grad, g);
  } else {
    engine_ops.add_in_place(meta.grad, g);
  }
  for (auto& hook : meta.post_accumulate) hook->call(variable);
}

void destroy_accumulator(Node* n) {
  TensorImpl* variable = static_cast<AccumulateGrad*>(n)->variable.get();
  if (variable && variable->autograd) variable->autograd->accumulator = nullptr;
  destroy_node<AccumulateGrad>(n);
}

void visit_nothing(Node*, void*, void (*)(void*, const char*, SavedTensor&)) {}

struct RetainHook : TensorHook {
  std::shared_ptr<Tensor> slot;
  Tensor call(const Tensor& grad) override {
    *slot = grad_enabled ? grad : engine_ops.clone(grad);
    return Tensor();
  }
};

// The gradient of a tensor part of which was overwritten: the part goes through the node that wrote
// it, the rest passes unchanged.
struct CopySlices : Node {
  CopySlices();
  Ref<Node> writer;
  Dims base_sizes, base_strides, view_sizes, view_strides;
  int64_t shift = 0;  // of the view within the base, in elements
};

void apply_copy_slices(Node* node, Tensor* grads, Tensor* results) {
  auto* self = static_cast<CopySlices*>(node);
  if (!grads[0].defined()) return;
  FB_CHECK(self->writer, "Trying to backward through the graph a second time: ", node->cls->name,
           " dropped what it saved. Specify retain_graph=True");
  Tensor whole = engine_ops.clone(grads[0]);
  if (whole.strides() != self->base_strides) {
    Tensor arranged =
        empty_strided(self->base_sizes, self->base_strides, whole.dtype(), whole.device());
    engine_ops.copy_in_place(arranged, whole);
    whole = arranged;
  }
  Tensor part = engine_ops.as_strided(whole, self->view_sizes, self->view_strides, self->shift);
  std::vector<Tensor> inner(self->writer->next.size());
  Tensor grad_part = engine_ops.clone(part);
  self->writer->cls->apply(self->writer.get(), &grad_part, inner.data());
  for (size_t i = 1; i < inner.size(); ++i) results[i] = std::move(inner[i]);
  if (!node->wants(0)) return;
  if (inner.empty() || !inner[0].defined()) {
    inner.resize(1);
    inner[0] = engine_ops.zeros(part.sizes(), part.dtype(), part.device());
  } else if (inner[0].sizes() != part.sizes()) {
    inner[0] = engine_ops.sum_to(inner[0], part.sizes());
  }
  engine_ops.copy_in_place(part, inner[0]);
  results[0] = whole;
}

void release_copy_slices(Node* node) { static_cast<CopySlices*>(node)->writer = nullptr; }

const NodeClass copy_slices_class = {"CopySlices", apply_copy_slices, release_copy_slices,
                                     destroy_node<CopySlices>, visit_nothing};
CopySlices::CopySlices() : Node(copy_slices_class) {}

OutputMeta meta_of(const Tensor& t) { return {t.sizes(), t.dtype(), t.device()}; }

void replace_grad_fn(TensorImpl& t, Node* node, uint32_t nr) {
  incref(node);
  if (t.grad_fn) decref(t.grad_fn);
  t.grad_fn = node;
  t.output_nr = nr;
  t.requires_grad = true;
}

}  // namespace

const NodeClass accumulate_grad_class = {"AccumulateGrad", accumulate, [](Node*) {},
                                         destroy_accumulator, visit_nothing};

AccumulateGrad::AccumulateGrad() : Node(accumulate_grad_class) {
  sequence = UINT64_MAX;  // leaves collect as soon as their gradient is complete
}

Node* gradient_accumulator(const Tensor& leaf) {
  if (!leaf->requires_grad) return nullptr;
  AutogradMeta& meta = ensure_meta(*leaf.get());
  return meta.accumulator;
}

Edge gradient_edge(const Tensor& t) {
  if (!requires_grad(t)) return {};
  if (Node* fn = grad_fn(t)) return {Ref<Node>::borrow(fn), t->output_nr};
  AutogradMeta& meta = ensure_meta(*t.get());
  if (meta.accumulator) return {Ref<Node>::borrow(meta.accumulator), 0};
  Ref<AccumulateGrad> node = make_node<AccumulateGrad>();
  node->variable = t;
  node->outputs.push_back(meta_of(t));
  meta.accumulator = node.get();
  return {Ref<Node>::steal(node.release()), 0};
}

void set_history(const Tensor& t, Node& node) {
  node.outputs.push_back(meta_of(t));
  if (!is_differentiable(t.dtype())) return;
  replace_grad_fn(*t.get(), &node, static_cast<uint32_t>(node.outputs.size() - 1));
}

bool stale_view(const TensorImpl& t) {
  const AutogradMeta& meta = *t.autograd;
  const AutogradMeta* base = meta.base->autograd;
  return base && base->generation != meta.base_generation;
}

Node* refreshed_grad_fn(TensorImpl& t) {
  AutogradMeta& meta = *t.autograd;
  meta.base_generation = meta.base->autograd->generation;
  GradMode on(true);
  // Raw memory order: a view is always expressible as strides over its base's storage.
  Tensor again = engine_ops.as_strided(meta.base, t.sizes, t.strides, t.offset);
  replace_grad_fn(t, static_cast<Node*>(again->grad_fn), again->output_nr);
  return static_cast<Node*>(t.grad_fn);
}

void set_view(const Tensor& view, const Tensor& self) {
  if (!grad_enabled || !is_differentiable(view.dtype()) || self->untracked) return;
  AutogradMeta& meta = ensure_meta(*view.get());
  meta.base = self->is_view ? self->autograd->base : self;
  meta.base_generation = meta.base->autograd ? meta.base->autograd->generation : 0;
  view->is_view = true;
}

void check_in_place(const Tensor& self, const char* op) {
  FB_CHECK(!has_internal_overlap(self), op,
           "(): unsupported operation: more than one element of "
           "the written-to tensor refers to a single memory location. Please clone() the tensor "
           "before performing the operation.");
  if (!grad_enabled) return;
  if (self->requires_grad && !self->grad_fn && !self->is_view) {
    fail(ErrorKind::Runtime, op,
         "(): a leaf Variable that requires grad is being used in an "
         "in-place operation. Wrap it in no_grad(), or work on a clone()");
  }
  if (self->is_view) {
    const Tensor& base = self->autograd->base;
    FB_CHECK(!base->requires_grad || base->grad_fn, op,
             "(): a view of a leaf Variable that "
             "requires grad is being used in an in-place operation. Wrap it in no_grad(), or work "
             "on a clone()");
  }
}

void rebase_history(const Tensor& self, Node& node) {
  if (!self->is_view) {
    set_history(self, node);
    // Views of `self` must now ask it for their history.
    ++ensure_meta(*self.get()).generation;
    return;
  }
  const Tensor& base = self->autograd->base;
  Ref<CopySlices> slices = make_node<CopySlices>();
  slices->writer = Ref<Node>::borrow(&node);
  slices->base_sizes = base.sizes();
  slices->base_strides = base.strides();
  slices->view_sizes = self.sizes();
  slices->view_strides = self.strides();
  slices->shift = self.offset() - base.offset();
  node.outputs.push_back(meta_of(self));
  add_edge(*slices, base);
  for (size_t i = 1; i < node.next.size(); ++i) slices->next.push_back(std::move(node.next[i]));
  // The writer still has to know which of its gradients are wanted.
  for (size_t i = 1; i < node.next.size(); ++i) node.next[i].node = slices->next[i].node;
  if (!node.next.empty()) node.next[0].node = slices->next[0].node;
  set_history(base, *slices);
  ++ensure_meta(*base.get()).generation;
  self->requires_grad = true;
}

Tensor detach(const Tensor& t) { return alias(t); }

void set_requires_grad(const Tensor& t, bool value) {
  if (value == requires_grad(t)) return;
  FB_CHECK(!value || is_differentiable(t.dtype()),
           "only Tensors of floating point and complex "
           "dtype can require gradients, got ",
           name(t.dtype()));
  FB_CHECK(value || is_leaf(t),
           "you can only change requires_grad flags of leaf variables. If you "
           "want to use a computed variable in a subgraph that doesn't require differentiation use "
           "var_no_grad = var.detach().");
  t->requires_grad = value;
}

void retain_grad(const Tensor& t) {
  FB_CHECK(requires_grad(t), "can't retain_grad on Tensor that has requires_grad=False");
  Node* fn = grad_fn(t);
  if (!fn) return;
  AutogradMeta& meta = ensure_meta(*t.get());
  if (meta.retained) return;
  meta.retained = std::make_shared<Tensor>();
  auto hook = std::make_shared<RetainHook>();
  hook->slot = meta.retained;
  fn->ensure_hooks().retain.push_back({t->output_nr, std::move(hook)});
}

Tensor get_grad(const Tensor& t) {
  if (!t->autograd) return Tensor();
  return t->autograd->retained ? *t->autograd->retained : t->autograd->grad;
}

void set_grad(const Tensor& t, const Tensor& grad) {
  if (!grad.defined()) {
    if (t->autograd) {
      t->autograd->grad = Tensor();
      if (t->autograd->retained) *t->autograd->retained = Tensor();
    }
    return;
  }
  FB_CHECK(!grad.is(t), "can't assign Variable as its own grad");
  FB_CHECK(grad.dtype() == t.dtype(),
           "assigned grad has data of a different type: ", name(grad.dtype()), " for a tensor of ",
           name(t.dtype()));
  FB_CHECK(grad.device() == t.device(), "assigned grad has data located on a different device");
  FB_CHECK(grad.sizes() == t.sizes(), "assigned grad has data of a different size: ", grad.sizes(),
           " for a tensor of ", t.sizes());
  AutogradMeta& meta = ensure_meta(*t.get());
  (meta.retained ? *meta.retained : meta.grad) = grad;
}

}  // namespace flambeau
