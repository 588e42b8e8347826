#include "ops/grad_helpers.h"

#include "cpu/copy.h"
#include "ops_create.h"
#include "ops_pointwise.h"
#include "ops_shape.h"

namespace flambeau {

namespace grad {

Tensor scale(const Tensor& t, const Scalar& s) {
  if (!t.defined() || (!s.is_complex() && s.to_double() == 1.0)) return t;
  return ops::mul(t, number_tensor(s));
}

Tensor kept(const Tensor& t) {
  // The copy has the original's place in the graph, so second derivatives still find it.
  Tensor copy = clone_elements(t);
  if (requires_grad(t)) {
    const Edge e = gradient_edge(t);
    copy->requires_grad = true;
    copy->grad_fn = e.node.get();
    incref(copy->grad_fn);
    copy->output_nr = e.nr;
  }
  return copy;
}

Tensor filled(Node& node, Tensor* grads, size_t index) {
  if (grads[index].defined()) return grads[index];
  const OutputMeta& m = node.outputs[index];
  return engine_ops.zeros(m.sizes, m.dtype, m.device);
}

Tensor expand_reduced(const Tensor& g, const Dims& sizes, const std::optional<Dims>& dim,
                      bool keepdim) {
  if (!grad_enabled && g.dim() == 0 && !g.is_meta()) {
    // The sum of everything: one value seen from every position, without the views in between.
    return alias(g, sizes, Dims(sizes.size(), 0), g.offset());
  }
  Dims shape = g.sizes();
  if (!keepdim && !sizes.empty()) {
    shape = sizes;
    for (int64_t d :
         wrap_dims(dim.value_or(Dims()), static_cast<int64_t>(sizes.size()), "sum", true))
      shape[d] = 1;
  }
  return ops::expand(ops::reshape(g, shape), sizes);
}

Tensor as_strided_grad(const Tensor& g, const Dims& sizes, const Dims& strides, int64_t offset,
                       const Dims& view_sizes, const Dims& view_strides,
                       std::optional<int64_t> view_offset) {
  return ops::_as_strided_backward(g, sizes, strides, offset, view_sizes, view_strides,
                                   view_offset.value_or(offset));
}

Tensor complex_from_real(const Tensor& g) { return ops::_to_copy(g, to_complex(g.dtype())); }

std::vector<Dims> sizes_of(const TensorList& list) {
  std::vector<Dims> sizes;
  for (const Tensor& t : list) sizes.push_back(t.defined() ? t.sizes() : Dims());
  return sizes;
}

void SavedList::save(const TensorList& list) {
  items_.clear();
  for (const Tensor& t : list) {
    items_.push_back(std::make_unique<SavedTensor>());
    items_.back()->save(t);
  }
}

TensorList SavedList::unpack(Node* owner, const char* argument) const {
  TensorList list;
  for (const auto& item : items_) list.push_back(item->unpack(owner, argument));
  return list;
}

void SavedList::clear() {
  for (auto& item : items_) item->clear();
}

void visit(SavedTensor& saved, const char* name, void* context,
           void (*f)(void*, const char*, SavedTensor&)) {
  f(context, name, saved);
}

void visit(SavedList& saved, const char* name, void* context,
           void (*f)(void*, const char*, SavedTensor&)) {
  for (auto& item : saved.items()) f(context, name, *item);
}

void spread(const TensorList& gradients, Tensor* results, size_t count) {
  for (size_t i = 0; i < count && i < gradients.size(); ++i) results[i] = gradients[i];
}

void assign(const TensorList& gradients, Tensor* results, std::initializer_list<size_t> edges) {
  size_t i = 0;
  for (size_t edge : edges) {
    if (i < gradients.size()) results[edge] = gradients[i++];
  }
}

}  // namespace grad
}  // namespace flambeau
