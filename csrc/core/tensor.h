// The tensor: a typed, strided window onto a storage.
#pragma once
#include <new>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"
#include "core/object.h"
#include "core/scalar.h"
#include "core/shape.h"
#include "core/storage.h"

namespace flambeau {

struct AutogradMeta;                        // see autograd/
void destroy_autograd_meta(AutogradMeta*);  // defined there

struct TensorImpl : Object {
  StorageRef storage;
  int64_t offset = 0;  // in elements
  int64_t numel = 0;
  Dims sizes, strides;  // strides in elements
  DType dtype = DType::Float32;
  Device device;
  bool contiguous = true;      // row-major without gaps; kept by set_geometry()
  bool requires_grad = false;  // asked for on a leaf, or follows from the history
  bool is_number = false;      // made from a Python number: takes part in promotion as one
  bool untracked = false;      // writes through it do not count (x.data, inference mode)
  bool is_view = false;        // a differentiable view: autograd->base is set
  bool inference = false;
  bool collector_memory = false;     // from Python's own allocator, as objects of subclasses are
  uint32_t output_nr = 0;            // which output of grad_fn this is
  Object* grad_fn = nullptr;         // owned autograd Node, null for leaves
  AutogradMeta* autograd = nullptr;  // gradient, hooks, view base: null when unused

  ~TensorImpl();
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(std::nullptr_t) {}
  static Tensor steal(TensorImpl* p) {
    Tensor t;
    t.ref_ = Ref<TensorImpl>::steal(p);
    return t;
  }
  static Tensor borrow(TensorImpl* p) {
    Tensor t;
    t.ref_ = Ref<TensorImpl>::borrow(p);
    return t;
  }

  bool defined() const { return static_cast<bool>(ref_); }
  explicit operator bool() const { return defined(); }
  TensorImpl* get() const { return ref_.get(); }
  TensorImpl* release() { return ref_.release(); }
  TensorImpl* operator->() const { return ref_.get(); }
  bool is(const Tensor& other) const { return get() == other.get(); }

  int64_t dim() const { return static_cast<int64_t>(get()->sizes.size()); }
  int64_t numel() const { return get()->numel; }
  const Dims& sizes() const { return get()->sizes; }
  const Dims& strides() const { return get()->strides; }
  int64_t size(int64_t d) const { return get()->sizes[d]; }  // d already wrapped
  int64_t stride(int64_t d) const { return get()->strides[d]; }
  int64_t offset() const { return get()->offset; }
  DType dtype() const { return get()->dtype; }
  Device device() const { return get()->device; }
  bool is_meta() const { return get()->device.is_meta(); }
  bool is_contiguous() const { return get()->contiguous; }
  bool requires_grad() const { return get()->requires_grad; }
  int64_t itemsize() const { return element_size(get()->dtype); }

  // The first element. Null for meta and empty storages.
  void* raw() const {
    char* base = static_cast<char*>(get()->storage->data);
    return base ? base + get()->offset * itemsize() : nullptr;
  }
  template <class T>
  T* data() const {
    return static_cast<T*>(raw());
  }

 private:
  Ref<TensorImpl> ref_;
};

using TensorList = std::vector<Tensor>;

// Uninitialised, contiguous. Raises for negative sizes and overflow, naming `op`.
Tensor empty(const Dims& sizes, DType dtype, Device device = kCpu, const char* op = "empty");
Tensor empty_strided(const Dims& sizes, const Dims& strides, DType dtype, Device device = kCpu,
                     const char* op = "empty_strided");
Tensor empty_like(const Tensor& self);  // keeps the layout of a dense tensor
Tensor empty_like(const Tensor& self, DType dtype);
Tensor scalar_tensor(const Scalar& value, DType dtype, Device device = kCpu);  // 0-d
Tensor number_tensor(const Scalar& value);  // 0-d that promotes as a Python number

// A window onto the same storage. Checks that it lies within unless the storage is meta.
Tensor alias(const Tensor& self, const Dims& sizes, const Dims& strides, int64_t offset);
Tensor alias(const Tensor& self);  // same geometry, no history
Tensor tensor_from_storage(StorageRef storage, DType dtype, const Dims& sizes, const Dims& strides,
                           int64_t offset);
// Changes the geometry of an existing tensor and recomputes what follows from it.
void set_geometry(TensorImpl& t, const Dims& sizes, const Dims& strides, int64_t offset);
// Bytes that the window reaches to, from the start of the storage; raises on overflow.
size_t required_bytes(const Dims& sizes, const Dims& strides, int64_t offset, int64_t item,
                      const char* op);

// True iff two positions of the tensor are the same memory (an expanded dimension, say). Exact for
// dense and expanded layouts, conservative (false) otherwise, as PyTorch's check is.
bool has_internal_overlap(const Tensor& t);
enum class Overlap : uint8_t { None, Full, Partial };
Overlap overlap_of(const Tensor& a, const Tensor& b);

Scalar item_at(const void* element, DType dtype);
Scalar item(const Tensor& t);  // of a one-element tensor; raises otherwise
void store_scalar(void* element, DType dtype, const Scalar& value);

}  // namespace flambeau
