// Views of the whole tensor, and copies: geometry is computed here, elements are moved by cpu/copy.
#include <bitset>

#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "impl_shape.h"
#include "ops/layout.h"
#include "ops_complex.h"
#include "ops_shape.h"

namespace flambeau::impl {

void copy_(const Tensor& self, const Tensor& src, bool) { copy_elements(self, src); }

Tensor clone(const Tensor& self, std::optional<MemoryFormat> format) {
  Tensor out =
      empty_in_format(self, self.dtype(), self.device(), format.value_or(MemoryFormat::Preserve));
  if (!out.is_meta()) copy_elements(out, self, "clone");
  return out;
}

Tensor _to_copy(const Tensor& self, DType dtype, std::optional<Device> device,
                std::optional<MemoryFormat> format) {
  const Device target = device.value_or(self.device());
  FB_CHECK(target == self.device() || target.is_meta(),
           "to(): Cannot copy out of meta tensor; no "
           "data! Make a tensor with empty_like(t, device='cpu') instead.");
  Tensor out = empty_in_format(self, dtype, target, format.value_or(MemoryFormat::Preserve));
  if (!out.is_meta()) copy_elements(out, self, "to");
  return out;
}

Tensor as_strided(const Tensor& self, const Dims& size, const Dims& stride,
                  std::optional<int64_t> storage_offset) {
  const int64_t offset = storage_offset.value_or(self.offset());
  FB_CHECK(size.size() == stride.size(),
           "as_strided(): mismatch in length of strides and shape: ", stride, " and ", size);
  for (int64_t s : stride) {
    FB_CHECK(
        s >= 0,
        "as_strided(): Negative strides are not supported at the moment, got strides: ", stride);
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

Tensor view_dtype(const Tensor& self, DType dtype) {
  const int64_t from = self.itemsize(), to = element_size(dtype);
  Dims sizes = self.sizes(), strides = self.strides();
  int64_t offset = self.offset();
  if (from != to) {
    FB_CHECK(self.dim() > 0, "self.dim() cannot be 0 to view ", name(self.dtype()), " as ",
             name(dtype), " (different element sizes)");
    FB_CHECK(strides.back() == 1 || sizes.back() == 1, "self.stride(-1) must be 1 to view ",
             name(self.dtype()), " as ", name(dtype), " (different element sizes), but got ",
             strides.back());
  }
  if (from > to) {
    const int64_t ratio = from / to;
    for (int64_t& s : strides) s *= ratio;
    strides.back() = 1;
    sizes.back() *= ratio;
    offset *= ratio;
  } else if (from < to) {
    const int64_t ratio = to / from;
    FB_CHECK(sizes.back() % ratio == 0, "self.size(-1) must be divisible by ", ratio, " to view ",
             name(self.dtype()), " as ", name(dtype), " (different element sizes), but got ",
             sizes.back());
    FB_CHECK(offset % ratio == 0, "self.storage_offset() must be divisible by ", ratio, " to view ",
             name(self.dtype()), " as ", name(dtype), " (different element sizes), but got ",
             offset);
    for (size_t d = 0; d + 1 < strides.size(); ++d) {
      FB_CHECK(strides[d] % ratio == 0, "self.stride(", d, ") must be divisible by ", ratio,
               " to view ", name(self.dtype()), " as ", name(dtype),
               " (different element sizes), but got ", strides[d]);
      strides[d] /= ratio;
    }
    strides.back() = 1;
    sizes.back() /= ratio;
    offset /= ratio;
  }
  Tensor out = tensor_from_storage(self->storage, dtype, sizes, strides, offset);
  out->untracked = self->untracked;
  return out;
}

Tensor reshape(const Tensor& self, const Dims& shape) {
  const Dims sizes = infer_size(shape, self.numel(), "reshape");
  Dims strides;
  if (view_strides(self.sizes(), self.strides(), sizes, &strides)) return ops::view(self, sizes);
  return ops::view(ops::clone(self, MemoryFormat::Contiguous), sizes);
}

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  start_dim = wrap_dim(start_dim, self.dim(), "flatten");
  end_dim = wrap_dim(end_dim, self.dim(), "flatten");
  FB_CHECK(start_dim <= end_dim, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (self.dim() == 0) return ops::reshape(self, {1});
  if (start_dim == end_dim) return self;
  Dims shape;
  int64_t merged = 1;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d < start_dim || d > end_dim) {
      shape.push_back(self.size(d));
    } else {
      merged *= self.size(d);
      if (d == end_dim) shape.push_back(merged);
    }
  }
  return ops::reshape(self, shape);
}

Tensor unflatten(const Tensor& self, int64_t dim, const Dims& sizes) {
  dim = wrap_dim(dim, self.dim(), "unflatten");
  FB_CHECK(!sizes.empty(), "unflatten: sizes must be non-empty");
  FB_CHECK(self.dim() > 0, "unflatten: a 0-d tensor has no dimension to cut");
  int64_t known = 1, missing = -1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == -1) {
      FB_CHECK(missing < 0, "only one dimension can be inferred: unflatten() got sizes ", sizes);
      missing = static_cast<int64_t>(i);
    } else {
      FB_CHECK(sizes[i] >= 0 && !__builtin_mul_overflow(known, sizes[i], &known),
               "unflatten: sizes ", sizes, " are out of range");
    }
  }
  Dims parts = sizes;
  const int64_t whole = self.size(dim);
  const bool fits = missing < 0 ? known == whole : known != 0 && whole % known == 0;
  FB_CHECK(fits, "unflatten: Provided sizes ", sizes, " don't multiply up to the size of dim ", dim,
           " (", whole, ") in the input tensor");
  if (missing >= 0) parts[missing] = whole / known;
  Dims shape(self.sizes().begin(), self.sizes().begin() + dim);
  shape.append(parts.begin(), parts.end());
  shape.append(self.sizes().begin() + dim + 1, self.sizes().end());
  return ops::view(self, shape);
}

Tensor ravel(const Tensor& self) {
  if (self.dim() == 1 && self.is_contiguous()) return self;
  return ops::reshape(self, {self.numel()});
}

namespace {

Tensor without(const Tensor& self, const std::bitset<kMaxDims>& gone) {
  Dims sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (gone[d] && self.size(d) == 1) continue;
    sizes.push_back(self.size(d));
    strides.push_back(self.stride(d));
  }
  return alias(self, sizes, strides, self.offset());
}

}  // namespace

Tensor squeeze(const Tensor& self) { return without(self, std::bitset<kMaxDims>().set()); }

Tensor squeeze_dim(const Tensor& self, int64_t dim) {
  std::bitset<kMaxDims> gone;
  gone[wrap_dim(dim, self.dim(), "squeeze")] = true;
  return without(self, gone);
}

Tensor squeeze_dims(const Tensor& self, const Dims& dim) {
  std::bitset<kMaxDims> gone;
  for (int64_t d : wrap_dims(dim, self.dim(), "squeeze", false)) gone[d] = true;
  return without(self, gone);
}

Tensor unsqueeze(const Tensor& self, int64_t dim) {
  dim = wrap_dim(dim, self.dim() + 1, "unsqueeze");
  FB_CHECK(self.dim() < kMaxDims, "unsqueeze(): a tensor has at most ", kMaxDims, " dimensions");
  Dims sizes = self.sizes(), strides = self.strides();
  const int64_t step = dim < self.dim() ? self.size(dim) * self.stride(dim) : 1;
  sizes.insert(static_cast<size_t>(dim), 1);
  strides.insert(static_cast<size_t>(dim), step);
  return alias(self, sizes, strides, self.offset());
}

Tensor expand(const Tensor& self, const Dims& size, bool) {
  const int64_t extra = static_cast<int64_t>(size.size()) - self.dim();
  FB_CHECK(extra >= 0, "expand(): the number of sizes provided (", size.size(),
           ") must be greater "
           "or equal to the number of dimensions in the tensor (",
           self.dim(), ")");
  Dims sizes = size, strides(size.size());
  for (int64_t d = static_cast<int64_t>(size.size()) - 1; d >= 0; --d) {
    const int64_t own = d < extra ? 1 : self.size(d - extra);
    if (sizes[d] == -1) {
      FB_CHECK(d >= extra,
               "expand(): The expanded size of the tensor (-1) isn't allowed in a "
               "leading, non-existing dimension ",
               d);
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

Tensor t(const Tensor& self) {
  FB_CHECK(self.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", self.dim(),
           "D");
  return self.dim() < 2 ? self : ops::transpose(self, 0, 1);
}

Tensor permute(const Tensor& self, const Dims& dims) {
  FB_CHECK(static_cast<int64_t>(dims.size()) == self.dim(),
           "permute: number of "
           "dimensions in the tensor input does not match the length of the desired ordering of "
           "dimensions i.e. input.dim() = ",
           self.dim(), " is not equal to len(dims) = ", dims.size());
  Dims sizes(dims.size()), strides(dims.size());
  std::bitset<kMaxDims> seen;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], self.dim(), "permute");
    FB_CHECK(!seen[d], "permute(): duplicate dims are not allowed.");
    seen[d] = true;
    sizes[i] = self.size(d);
    strides[i] = self.stride(d);
  }
  return alias(self, sizes, strides, self.offset());
}

Tensor movedim(const Tensor& self, const Dims& source, const Dims& destination) {
  FB_CHECK(source.size() == destination.size(),
           "movedim: Invalid source or destination dims: "
           "source (",
           source, " dims) should contain the same number of dims as destination (", destination,
           " dims)");
  const Dims from = wrap_dims(source, self.dim(), "movedim", false);
  const Dims to = wrap_dims(destination, self.dim(), "movedim", false);
  if (self.dim() == 0) return self;
  Dims order(static_cast<size_t>(self.dim()), -1);
  std::bitset<kMaxDims> moved;
  for (size_t i = 0; i < from.size(); ++i) {
    order[to[i]] = from[i];
    moved[from[i]] = true;
  }
  int64_t next = 0;
  for (int64_t& d : order) {
    if (d >= 0) continue;
    while (moved[next]) ++next;
    d = next++;
  }
  return ops::permute(self, order);
}

Tensor adjoint(const Tensor& self) {
  FB_CHECK(self.dim() >= 2,
           "tensor.adjoint() is only supported on matrices or batches of matrices. "
           "Got ",
           self.dim(), "-D tensor.");
  return ops::conj(ops::transpose(self, -2, -1));
}

}  // namespace flambeau::impl
