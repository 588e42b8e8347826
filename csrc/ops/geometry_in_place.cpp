// Tensors that take another shape, order or size themselves: x.t_(), x.unsqueeze_(0), x.resize_(3).
#include "autograd/accumulate.h"
#include "autograd/autograd.h"
#include "impl_shape.h"
#include "ops/layout.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

void check_leaf(const Tensor& self, const char* op) {
  if (!grad_enabled || !requires_grad(self)) return;
  const bool leaf = self->is_view ? is_leaf(Tensor(self->autograd->base)) : is_leaf(self);
  FB_CHECK(!leaf, op, "(): a ", self->is_view ? "view of a " : "",
           "leaf Variable that requires grad "
           "is being used in an in-place operation. Wrap it in no_grad(), or work on a clone()");
}

void follow(const Tensor& self) {
  // The accumulator of a leaf expects gradients of the new shape.
  if (self->autograd && self->autograd->accumulator) {
    self->autograd->accumulator->outputs[0] = {self.sizes(), self.dtype(), self.device()};
  }
}

// `self` becomes what `view` makes of it, history included.
template <class F>
Tensor become(const Tensor& self, const char* op, F view) {
  check_leaf(self, op);
  const Tensor before = alias(self);
  if (grad_enabled && requires_grad(self)) {
    const Edge e = gradient_edge(self);
    before->requires_grad = true;
    before->grad_fn = e.node.get();
    incref(before->grad_fn);
    before->output_nr = e.nr;
  }
  const Tensor after = view(before);
  set_geometry(*self.get(), after.sizes(), after.strides(), after.offset());
  if (after->grad_fn) {
    incref(after->grad_fn);
    if (self->grad_fn) decref(self->grad_fn);
    self->grad_fn = after->grad_fn;
    self->output_nr = after->output_nr;
    self->requires_grad = true;
  }
  follow(self);
  bump_version(self);
  return self;
}

}  // namespace

Tensor squeeze_(const Tensor& self) {
  return become(self, "squeeze_", [](const Tensor& t) { return ops::squeeze(t); });
}
Tensor squeeze__dim(const Tensor& self, int64_t dim) {
  return become(self, "squeeze_", [=](const Tensor& t) { return ops::squeeze_dim(t, dim); });
}
Tensor squeeze__dims(const Tensor& self, const Dims& dim) {
  return become(self, "squeeze_", [&](const Tensor& t) { return ops::squeeze_dims(t, dim); });
}
Tensor unsqueeze_(const Tensor& self, int64_t dim) {
  return become(self, "unsqueeze_", [=](const Tensor& t) { return ops::unsqueeze(t, dim); });
}
Tensor transpose_(const Tensor& self, int64_t dim0, int64_t dim1) {
  return become(self, "transpose_", [=](const Tensor& t) { return ops::transpose(t, dim0, dim1); });
}
Tensor t_(const Tensor& self) {
  return become(self, "t_", [](const Tensor& t) { return ops::t(t); });
}
Tensor as_strided_(const Tensor& self, const Dims& size, const Dims& stride,
                   std::optional<int64_t> storage_offset) {
  return become(self, "as_strided_",
                [&](const Tensor& t) { return ops::as_strided(t, size, stride, storage_offset); });
}

Tensor resize_(const Tensor& self, const Dims& size, std::optional<MemoryFormat> format) {
  FB_CHECK(!requires_grad(self), "cannot resize variables that require grad");
  FB_CHECK(!format || *format != MemoryFormat::Preserve, "resize_(): Unsupported memory format");
  checked_numel(size, self.itemsize(), "resize_");
  if (self.sizes() == size && (!format || *format == MemoryFormat::Contiguous)) return self;
  const Dims strides =
      strides_in_format(size, format.value_or(MemoryFormat::Contiguous), "resize_");
  const size_t bytes = required_bytes(size, strides, self.offset(), self.itemsize(), "resize_");
  if (bytes > self->storage->nbytes) resize_storage(*self->storage.get(), bytes);
  set_geometry(*self.get(), size, strides, self.offset());
  bump_version(self);
  return self;
}

Tensor resize_as_(const Tensor& self, const Tensor& the_template,
                  std::optional<MemoryFormat> format) {
  FB_CHECK(!requires_grad(self), "cannot resize variables that require grad");
  resize_(self, the_template.sizes(), std::nullopt);
  if (!format || *format == MemoryFormat::Contiguous) return self;
  if (*format == MemoryFormat::Preserve) {
    if (is_dense(the_template.sizes(), the_template.strides())) {
      set_geometry(*self.get(), the_template.sizes(), the_template.strides(), self.offset());
    }
    return self;
  }
  set_geometry(*self.get(), self.sizes(), strides_in_format(self.sizes(), *format, "resize_as_"),
               self.offset());
  return self;
}

}  // namespace flambeau::impl
