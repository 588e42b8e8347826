// Views and copies: geometry is computed here, elements are moved by cpu/copy.
#include "cpu/copy.h"
#include "impl_shape.h"
#include "ops/layout.h"
#include "ops_shape.h"

namespace flambeau::impl {

void copy_(const Tensor& self, const Tensor& src, bool) { copy_elements(self, src); }

Tensor clone(const Tensor& self, std::optional<MemoryFormat> format) {
  Tensor out = empty_in_format(self, self.dtype(), self.device(), format.value_or(MemoryFormat::Preserve));
  if (!out.is_meta()) copy_elements(out, self, "clone");
  return out;
}

Tensor _to_copy(const Tensor& self, DType dtype) {
  Tensor out = empty_like(self, dtype);
  if (!out.is_meta()) copy_elements(out, self, "to");
  return out;
}

Tensor as_strided(const Tensor& self, const Dims& size, const Dims& stride,
                  std::optional<int64_t> storage_offset) {
  const int64_t offset = storage_offset.value_or(self.offset());
  FB_CHECK(size.size() == stride.size(), "as_strided(): mismatch in length of strides and shape: ",
           stride, " and ", size);
  for (int64_t s : stride) {
    FB_CHECK(s >= 0, "as_strided(): Negative strides are not supported at the moment, got strides: ",
             stride);
  }
  FB_CHECK(offset >= 0, "as_strided(): storage_offset must not be negative, got ", offset);
  checked_numel(size, self.itemsize(), "as_strided");
  const size_t bytes = required_bytes(size, stride, offset, self.itemsize(), "as_strided");
  FB_CHECK(bytes <= self->storage->nbytes, "as_strided(): setStorage: sizes ", size, ", strides ",
           stride, ", storage offset ", offset, ", and itemsize ", self.itemsize(),
           " requiring a storage size of ", bytes, " are out of bounds for storage of size ",
           self->storage->nbytes);
  return alias(self, size, stride, offset);
}

Tensor view(const Tensor& self, const Dims& size) {
  const Dims shape = infer_size(size, self.numel(), "view");
  Dims strides;
  FB_CHECK(view_strides(self.sizes(), self.strides(), shape, &strides),
           "view(): view size is not compatible with input tensor's size and stride (at least one "
           "dimension spans across two contiguous subspaces). Use .reshape(...) instead.");
  return alias(self, shape, strides, self.offset());
}

Tensor reshape(const Tensor& self, const Dims& shape) {
  const Dims sizes = infer_size(shape, self.numel(), "reshape");
  Dims strides;
  if (view_strides(self.sizes(), self.strides(), sizes, &strides)) return ops::view(self, sizes);
  return ops::view(ops::clone(self, MemoryFormat::Contiguous), sizes);
}

Tensor expand(const Tensor& self, const Dims& size, bool) {
  const int64_t extra = static_cast<int64_t>(size.size()) - self.dim();
  FB_CHECK(extra >= 0, "expand(): the number of sizes provided (", size.size(), ") must be greater "
           "or equal to the number of dimensions in the tensor (", self.dim(), ")");
  Dims sizes = size, strides(size.size());
  for (int64_t d = static_cast<int64_t>(size.size()) - 1; d >= 0; --d) {
    const int64_t own = d < extra ? 1 : self.size(d - extra);
    if (sizes[d] == -1) {
      FB_CHECK(d >= extra, "expand(): The expanded size of the tensor (-1) isn't allowed in a "
               "leading, non-existing dimension ", d);
      sizes[d] = own;
    }
    FB_CHECK(sizes[d] >= 0, "expand(): sizes must not be negative, got ", size);
    FB_CHECK(own == sizes[d] || own == 1, "The expanded size of the tensor (", sizes[d],
             ") must match the existing size (", own, ") at non-singleton dimension ", d,
             ".  Target sizes: ", size, ".  Tensor sizes: ", self.sizes());
    strides[d] = d >= extra && own == sizes[d] ? self.stride(d - extra) : 0;
  }
  checked_numel(sizes, self.itemsize(), "expand");
  return alias(self, sizes, strides, self.offset());
}

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  dim0 = wrap_dim(dim0, self.dim(), "transpose");
  dim1 = wrap_dim(dim1, self.dim(), "transpose");
  Dims sizes = self.sizes(), strides = self.strides();
  if (self.dim()) {
    std::swap(sizes[dim0], sizes[dim1]);
    std::swap(strides[dim0], strides[dim1]);
  }
  return alias(self, sizes, strides, self.offset());
}

}  // namespace flambeau::impl
