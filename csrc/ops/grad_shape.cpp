#include "ops/grad_shape.h"

#include "autograd/node.h"
#include "ops/grad_helpers.h"
#include "ops_create.h"
#include "ops_shape.h"

namespace flambeau::grad {

TensorList received(Node& node, Tensor* grads) {
  TensorList list;
  Tensor zero;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const OutputMeta& m = node.outputs[i];
    if (grads[i].defined()) {
      list.push_back(grads[i]);
      continue;
    }
    // One element stands for all: nothing is allocated for parts that were not used.
    if (!zero.defined()) zero = ops::zeros({}, m.dtype, m.device);
    list.push_back(ops::expand(zero, m.sizes));
  }
  return list;
}

Dims negated(const Dims& dims) {
  Dims result = dims;
  for (int64_t& d : result) d = -d;
  return result;
}

Tensor permute_grad(const Tensor& g, const Dims& dims) {
  const int64_t ndim = static_cast<int64_t>(dims.size());
  Dims inverse(dims.size());
  for (int64_t i = 0; i < ndim; ++i) inverse[wrap_dim(dims[i], ndim, "permute")] = i;
  return ops::permute(g, inverse);
}

TensorList cat_grad(const Tensor& g, const std::vector<Dims>& sizes, int64_t dim) {
  dim = wrap_dim(dim, g.dim(), "cat");
  TensorList list;
  int64_t start = 0;
  for (const Dims& s : sizes) {
    const bool skipped = s.size() == 1 && s[0] == 0 && g.dim() != 1;
    if (skipped) {
      list.push_back(ops::zeros(s, g.dtype(), g.device()));
      continue;
    }
    list.push_back(ops::slice(g, dim, start, start + s[dim], 1));
    start += s[dim];
  }
  return list;
}

TensorList block_diag_grad(const Tensor& g, const std::vector<Dims>& sizes) {
  TensorList list;
  int64_t row = 0, col = 0;
  for (const Dims& s : sizes) {
    const int64_t rows = s.size() == 2 ? s[0] : 1, cols = s.empty() ? 1 : s.back();
    const Tensor part = ops::slice(ops::slice(g, 0, row, row + rows, 1), 1, col, col + cols, 1);
    list.push_back(ops::reshape(part, s));
    row += rows;
    col += cols;
  }
  return list;
}

Tensor no_second_derivative(const Tensor&, const std::string& op) {
  fail(ErrorKind::NotImplemented, op,
       ": the derivative of its gradient is not implemented; call "
       "backward without create_graph=True, or detach the samples");
}

}  // namespace flambeau::grad
