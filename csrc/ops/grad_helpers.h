// Functions that gradient expressions of the table may call besides operators.
#pragma once
#include <initializer_list>

#include "autograd/autograd.h"
#include "ops/op_types.h"
#include "ops/scalar_math.h"

namespace flambeau {

namespace grad {

// t * s, or t itself when s is 1.
Tensor scale(const Tensor& t, const Scalar& s);
// An input that is about to be overwritten by its own operator: a copy tied to the same history.
Tensor kept(const Tensor& t);
// The gradient of one of several outputs, zeros when nothing arrived.
Tensor filled(Node& node, Tensor* grads, size_t index);
// The gradients of an operator that returns a list, zeros for those that did not arrive.
TensorList received(Node& node, Tensor* grads);
inline int64_t at(const Dims& dims, int64_t i) {
  const int64_t n = static_cast<int64_t>(dims.size());
  return n == 0 ? 1 : dims[i < 0 ? i + n : i];
}
std::vector<Dims> sizes_of(const TensorList& list);

// Gradients of a reduction and of views.
Tensor expand_reduced(const Tensor& g, const Dims& sizes, const std::optional<Dims>& dim,
                      bool keepdim);
Tensor as_strided_grad(const Tensor& g, const Dims& sizes, const Dims& strides, int64_t offset,
                       const Dims& view_sizes, const Dims& view_strides,
                       std::optional<int64_t> view_offset);
Tensor complex_from_real(const Tensor& g);

// Tensors of a list argument kept for backward.
class SavedList {
 public:
  void save(const TensorList& list);
  TensorList unpack(Node* owner, const char* argument) const;
  void clear();
  std::vector<std::unique_ptr<SavedTensor>>& items() { return items_; }

 private:
  std::vector<std::unique_ptr<SavedTensor>> items_;
};

void visit(SavedTensor& saved, const char* name, void* context,
           void (*f)(void*, const char*, SavedTensor&));
void visit(SavedList& saved, const char* name, void* context,
           void (*f)(void*, const char*, SavedTensor&));

// Hands the gradients of a list argument to its edges.
void spread(const TensorList& gradients, Tensor* results, size_t count);
// Hands several gradients computed at once to their edges.
void assign(const TensorList& gradients, Tensor* results, std::initializer_list<size_t> edges);
template <class... Ts>
void assign(std::tuple<Ts...> gradients, Tensor* results, std::initializer_list<size_t> edges) {
  std::apply([&](auto&... t) { assign(TensorList{t...}, results, edges); }, gradients);
}

}  // namespace grad
}  // namespace flambeau

#include "ops/grad_attention.h"
#include "ops/grad_conv.h"
#include "ops/grad_index.h"
#include "ops/grad_linalg.h"
#include "ops/grad_matmul.h"
#include "ops/grad_norm.h"
#include "ops/grad_pointwise.h"
#include "ops/grad_pool.h"
#include "ops/grad_reduce.h"
#include "ops/grad_rnn.h"
#include "ops/grad_shape.h"
