#include "core/tensor.h"

#include <cstring>

namespace flambeau {

TensorImpl::~TensorImpl() {
  if (autograd) destroy_autograd_meta(autograd);
  if (grad_fn) decref(grad_fn);
}

namespace {

TensorImpl* new_impl() {
  TensorImpl* p = new (object_allocate(sizeof(TensorImpl))) TensorImpl;
  p->head = {1, object_hooks.tensor_type};
  p->kind = ObjectKind::Tensor;
  return p;
}

// The memory has been sized for exactly this geometry.
Tensor fresh(const Dims& sizes, Dims strides, bool contiguous, int64_t numel, DType dtype,
             Device device) {
  TensorImpl* p = new_impl();
  Tensor t = Tensor::steal(p);
  p->sizes = sizes;
  p->strides = std::move(strides);
  p->numel = numel;
  p->contiguous = contiguous;
  p->dtype = dtype;
  p->device = device;
  p->storage = new_storage(static_cast<size_t>(numel * element_size(dtype)), device);
  return t;
}

}  // namespace

Tensor empty(const Dims& sizes, DType dtype, Device device, const char* op) {
  const int64_t n = checked_numel(sizes, element_size(dtype), op);
  return fresh(sizes, contiguous_strides(sizes), true, n, dtype, device);
}

Tensor empty_strided(const Dims& sizes, const Dims& strides, DType dtype, Device device,
                     const char* op) {
  FB_CHECK(sizes.size() == strides.size(), op, "(): dimensionality of sizes (", sizes.size(),
           ") must match dimensionality of strides (", strides.size(), ")");
  checked_numel(sizes, element_size(dtype), op);
  for (int64_t s : strides) {
    FB_CHECK(s >= 0, op, "(): as_strided: Negative strides are not supported, got ", strides);
  }
  const size_t nbytes = required_bytes(sizes, strides, 0, element_size(dtype), op);
  return tensor_from_storage(new_storage(nbytes, device), dtype, sizes, strides, 0);
}

Tensor empty_like(const Tensor& self, DType dtype) {
  if (self.is_contiguous()) {
    return fresh(self.sizes(), self.strides(), true, self.numel(), dtype, self.device());
  }
  if (is_dense(self.sizes(), self.strides())) {
    return fresh(self.sizes(), self.strides(), false, self.numel(), dtype, self.device());
  }
  return empty(self.sizes(), dtype, self.device(), "empty_like");
}

Tensor empty_like(const Tensor& self) { return empty_like(self, self.dtype()); }

Tensor scalar_tensor(const Scalar& value, DType dtype, Device device) {
  Tensor t = empty({}, dtype, device);
  if (!device.is_meta()) store_scalar(t.raw(), dtype, value);
  return t;
}

Tensor number_tensor(const Scalar& value) {
  // A Python float keeps double precision until the type of the operation is known.
  const DType dtype = value.is_float()     ? DType::Float64
                      : value.is_complex() ? DType::Complex128
                                           : value.dtype();
  // Numbers come and go all the time: the last one of each type is used again if nobody kept it.
  static Tensor* const last = new Tensor[kDTypes];  // outlives the interpreter
  Tensor& spare = last[static_cast<int>(dtype)];
  if (spare.defined() && spare->head.refcount == 1 && spare->storage->refcount == 1) {
    store_scalar(spare.raw(), dtype, value);
    return spare;
  }
  spare = scalar_tensor(value, dtype);
  spare->is_number = true;
  return spare;
}

size_t required_bytes(const Dims& sizes, const Dims& strides, int64_t offset, int64_t item,
                      const char* op) {
  int64_t last = offset;
  bool overflow = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return 0;
    int64_t reach;
    overflow |= __builtin_mul_overflow(sizes[i] - 1, strides[i], &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  int64_t bytes = 0;
  overflow |= __builtin_add_overflow(last, int64_t{1}, &last);
  overflow |= __builtin_mul_overflow(last, item, &bytes);
  FB_CHECK(!overflow && bytes >= 0, op,
           "(): Storage size calculation overflowed with sizes=", sizes, " and strides=", strides);
  return static_cast<size_t>(bytes);
}

void set_geometry(TensorImpl& t, const Dims& sizes, const Dims& strides, int64_t offset) {
  t.sizes = sizes;
  t.strides = strides;
  t.offset = offset;
  t.numel = product(sizes);
  t.contiguous = is_contiguous(sizes, strides);
}

Tensor tensor_from_storage(StorageRef storage, DType dtype, const Dims& sizes, const Dims& strides,
                           int64_t offset) {
  Tensor t = Tensor::steal(new_impl());
  t->device = storage->device;
  t->storage = std::move(storage);
  t->dtype = dtype;
  set_geometry(*t.get(), sizes, strides, offset);
  return t;
}

Tensor alias(const Tensor& self, const Dims& sizes, const Dims& strides, int64_t offset) {
  Tensor t = tensor_from_storage(self->storage, self.dtype(), sizes, strides, offset);
  t->untracked = self->untracked;
  return t;
}

Tensor alias(const Tensor& self) {
  return alias(self, self.sizes(), self.strides(), self.offset());
}

bool has_internal_overlap(const Tensor& t) {
  if (t.is_contiguous()) return false;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (t.size(d) > 1 && t.stride(d) == 0) return true;
  }
  return false;
}

Overlap overlap_of(const Tensor& a, const Tensor& b) {
  if (a.is(b)) return Overlap::Full;
  if (!(a->storage == b->storage) || a.numel() == 0 || b.numel() == 0) return Overlap::None;
  if (!is_dense(a.sizes(), a.strides()) || !is_dense(b.sizes(), b.strides())) {
    const bool same = a.sizes() == b.sizes() && a.strides() == b.strides() &&
                      a.offset() == b.offset() && a.dtype() == b.dtype();
    return same ? Overlap::Full : Overlap::None;  // gaps: may interleave without touching
  }
  const int64_t a0 = a.offset() * a.itemsize(), a1 = a0 + a.numel() * a.itemsize();
  const int64_t b0 = b.offset() * b.itemsize(), b1 = b0 + b.numel() * b.itemsize();
  if (a0 == b0 && a1 == b1 && a.strides() == b.strides()) return Overlap::Full;
  return a0 < b1 && b0 < a1 ? Overlap::Partial : Overlap::None;
}

Scalar item_at(const void* element, DType dtype) {
  return visit_dtype(dtype, [&]<class T>() -> Scalar {
    T v;
    std::memcpy(&v, element, sizeof(T));
    if constexpr (std::is_same_v<T, bool>)
      return Scalar(v);
    else if constexpr (is_complex_v<T>)
      return Scalar(Complex128(v.real(), v.imag()));
    else if constexpr (is_floating_v<T>)
      return Scalar(static_cast<double>(static_cast<compute_t<T>>(v)));
    else
      return Scalar(static_cast<int64_t>(v));
  });
}

Scalar item(const Tensor& t) {
  FB_CHECK(t.numel() == 1, "item(): a Tensor with ", t.numel(),
           " elements cannot be converted to Scalar");
  FB_CHECK(!t.is_meta(), "item(): Tensor.item() cannot be called on meta tensors");
  return item_at(t.raw(), t.dtype());
}

void store_scalar(void* element, DType dtype, const Scalar& value) {
  visit_dtype(dtype, [&]<class T>() {
    const T v = value.to<T>();
    std::memcpy(element, &v, sizeof(T));
  });
}

}  // namespace flambeau
