// x[...] and x[...] = value for tensors of indices, masks, and look-up by flat position.
#include "autograd/autograd.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_index.h"
#include "ops/index_support.h"
#include "ops/op_support.h"
#include "ops_index.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::impl {

void check_masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value) {
  FB_CHECK(mask.dtype() == DType::Bool,
           "masked_fill_ only supports boolean masks, but got mask with "
           "dtype ",
           mask.dtype(), "; compare with 0 or use mask.bool()");
  FB_CHECK(!value.is_complex() || is_complex(self.dtype()),
           "masked_fill(): value cannot be converted "
           "to type ",
           self.dtype(), " without overflow");
}

Tensor _window(const Tensor& self, const Dims& size, const Dims& stride, int64_t offset,
               const Dims&, int64_t) {
  FB_CHECK(static_cast<int64_t>(size.size()) <= kMaxDims, "index: ", size.size(),
           " dimensions asked for, at most ", kMaxDims, " are supported");
  return alias(self, size, stride, offset);
}

Tensor _window_scatter(const Tensor& self, const Dims& size, const Dims& stride, int64_t offset) {
  const Tensor out = zeros_of(self, size);
  if (out.is_meta()) return out;
  copy_elements(alias(out, self.sizes(), stride, offset), self, "index");
  return out;
}

Tensor _index(const Tensor& self, const TensorList& indices) {
  const Windows w = windows_of_indices(self, indices);
  const Tensor out = empty(w.sizes(), self.dtype(), self.device(), "index");
  if (!out.is_meta()) windows_get(w, self, out);
  return out;
}

Tensor _index_scatter(const Tensor& self, const Dims& size, const TensorList& indices) {
  const Tensor out = empty(size, self.dtype(), self.device(), "index");
  if (out.is_meta()) return out;
  sum_wide(windows_of_indices(out, indices), out, contiguous(self));
  return out;
}

namespace {

// A mask of the whole tensor reads and writes flat positions.
bool is_whole_mask(const Tensor& self, const TensorList& indices) {
  return indices.size() == 1 && indices[0].defined() && indices[0].dim() == self.dim() &&
         self.dim() > 1 && self.is_contiguous() && indices[0].sizes() == self.sizes() &&
         (indices[0].dtype() == DType::Bool || indices[0].dtype() == DType::UInt8);
}

}  // namespace

Tensor index(const Tensor& self, const TensorList& indices) {
  if (is_whole_mask(self, indices)) {
    return ops::_index(ops::view(self, {self.numel()}), {flat_positions(indices[0])});
  }
  return ops::_index(self, integer_indices(self, indices));
}

void index_put_(const Tensor& self, const TensorList& given, const Tensor& values,
                bool accumulate) {
  FB_CHECK(values.dtype() == self.dtype() || values->is_number,
           "Index put requires the source and "
           "destination dtypes match, got ",
           type_name(self.dtype()), " for the destination and ", type_name(values.dtype()),
           " for the source.");
  if (self.is_meta()) return;
  const bool whole = is_whole_mask(self, given);
  const Tensor target = whole ? alias(self, {self.numel()}, {1}, self.offset()) : self;
  const TensorList indices =
      whole ? TensorList{flat_positions(given[0])} : integer_indices(self, given);
  const Windows w = windows_of_indices(target, indices);
  const Dims sizes = w.sizes();
  FB_CHECK(is_expandable(values.sizes(), sizes), "shape mismatch: value tensor of shape ",
           values.sizes(), " cannot be broadcast to indexing result of shape ", sizes);
  Tensor v = to_dtype(values, self.dtype());
  v = separate_values(v.numel() == 1 ? v : expanded(v, sizes), self);
  if (!accumulate) {
    windows_put(w, target, v);
    return;
  }
  if (is_half(self.dtype())) {  // the table's offsets are those of self's layout
    const Tensor packed = contiguous(target);
    const Windows again = windows_of_indices(packed, indices);
    accumulate_wide(packed, v, [&](const Tensor& to, const Tensor& from) {
      windows_reduce(again, to, from, RowOp::Add);
    });
    if (!packed.is(target)) copy_elements(target, packed);
    return;
  }
  windows_reduce(w, target, v, RowOp::Add);
}

// ---- flat positions

Tensor take(const Tensor& self, const Tensor& index) {
  FB_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
           "take(): Expected a long tensor for index, but got ", type_name(index.dtype()));
  const int64_t n = self.numel();
  if (!index.is_meta()) {
    const Tensor i = contiguous(to_dtype(index, DType::Int64));
    const int64_t* p = i.data<int64_t>();
    int64_t low = 0, high = -1;
    for (int64_t k = 0; k < i.numel(); ++k) low = std::min(low, p[k]), high = std::max(high, p[k]);
    FB_CHECK_INDEX(low >= -n && high < n, "take(): out of range: tried to access index ",
                   high < n ? low : high, " on a tensor of ", n, " elements.");
  }
  return ops::_index(ops::reshape(self, {n}), {to_dtype(index, DType::Int64)});
}

void put_(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
  FB_CHECK_INDEX(source.numel() == index.numel(),
                 "put_(): Expected source and index to have the same "
                 "number of elements, but got source.numel() = ",
                 source.numel(), ", index.numel() = ", index.numel());
  FB_CHECK(source.dtype() == self.dtype(),
           "put_(): self and source expected to have the same dtype, "
           "but got self.dtype = ",
           type_name(self.dtype()), " and source.dtype = ", type_name(source.dtype()));
  const Tensor flat_index = checked_index(index, "put_");
  if (self.is_meta()) return;
  const Tensor packed = contiguous(self),
               n_index = alias(flat_index, {index.numel()}, {1}, flat_index.offset());
  const Tensor flat = alias(packed, {self.numel()}, {1}, packed.offset());
  const Tensor from = separate_values(source, self);
  const Tensor values = alias(from, {index.numel()}, {1}, from.offset());
  index_put_(flat, {n_index}, values, accumulate);
  if (!packed.is(self)) copy_elements(self, packed);
}

// ---- masks

Tensor masked_fill_Tensor(const Tensor& self, const Tensor& mask, const Tensor& value) {
  FB_CHECK(value.dim() == 0,
           "masked_fill_ only supports a 0-dimensional value tensor, but got "
           "tensor with ",
           value.dim(), " dimension(s).");
  if (!needs_grad(value) && !value.is_meta()) return ops::masked_fill(self, mask, item(value));
  check_masked_fill(self, mask, 0);
  return ops::_masked_fill_tensor(self, mask, ops::_to_copy(value, self.dtype()));
}

Tensor masked_select(const Tensor& self, const Tensor& mask) {
  FB_CHECK(mask.dtype() == DType::Bool, "masked_select: expected BoolTensor for mask, got ",
           mask.dtype());
  const Dims sizes = broadcast_shapes(self.sizes(), mask.sizes(), "masked_select");
  const Tensor wide = self.sizes() == sizes ? self : ops::expand(self, sizes);
  if (sizes.empty()) return ops::_index(ops::view(wide, {1}), {flat_positions(mask)});
  return index(wide, {expanded(mask, sizes)});
}

void masked_scatter_(const Tensor& self, const Tensor& mask, const Tensor& source) {
  FB_CHECK(mask.dtype() == DType::Bool,
           "masked_scatter_ only supports boolean masks, but got mask "
           "with dtype ",
           mask.dtype());
  FB_CHECK(source.dtype() == self.dtype(),
           "masked_scatter: expected self and source to have same "
           "dtypes but got ",
           type_name(self.dtype()), " and ", type_name(source.dtype()));
  FB_CHECK(is_expandable(mask.sizes(), self.sizes()), "masked_scatter_(): the mask ", mask.sizes(),
           " does not broadcast to ", self.sizes());
  if (self.is_meta()) return;
  const Tensor packed = contiguous(self), positions = flat_positions(expanded(mask, self.sizes()));
  const int64_t n = positions.numel();
  FB_CHECK(source.numel() >= n,
           "masked_scatter: expected self to have number of elements not larger "
           "than the source: the mask has ",
           n, " true elements, source has ", source.numel());
  const Tensor flat = alias(packed, {self.numel()}, {1}, packed.offset());
  const Tensor from = separate_values(source, self);
  windows_put(windows_of_indices(flat, {positions}), flat, alias(from, {n}, {1}, from.offset()));
  if (!packed.is(self)) copy_elements(self, packed);
}

Tensor _nonzero(const Tensor& self) {
  const Tensor flat = flat_positions(self);
  const int64_t n = flat.numel(), ndim = self.dim();
  const Tensor out = empty({n, ndim}, DType::Int64);
  if (ndim == 0) return out;
  const int64_t* p = flat.data<int64_t>();
  int64_t* to = out.data<int64_t>();
  parallel_for(n, kParallelGrain / 4, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      auto rest = static_cast<uint64_t>(p[k]);
      for (int64_t d = ndim; d-- > 1;) {
        const auto size = static_cast<uint64_t>(self.size(d)), next = rest / size;
        to[k * ndim + d] = static_cast<int64_t>(rest - next * size);
        rest = next;
      }
      to[k * ndim] = static_cast<int64_t>(rest);
    }
  });
  return out;
}

TensorList _nonzero_columns(const Tensor& self) {
  return position_columns(flat_positions(self), self.dim() ? self.sizes() : Dims{1});
}

Tensor count_nonzero(const Tensor& self, const std::optional<Dims>& dim) {
  Tensor mask = self.is_meta() ? empty(self.sizes(), DType::Bool, self.device())
                               : to_dtype(alias(self), DType::Bool);
  return ops::sum(mask, dim);
}

}  // namespace flambeau::impl
