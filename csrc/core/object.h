// Tensors and graph nodes are Python objects from birth: they begin with the head that CPython
// gives its objects, so there is one object and one count, wrapping costs nothing, and `x.grad is
// x.grad`. This file does not need Python: a C++ program gets plain heap objects with the same
// layout.
//
// Counts are not atomic. A handle is touched only with the interpreter lock held; kernels that run
// without it get raw pointers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace flambeau {

struct ObjectHead {
  intptr_t refcount;
  void* type;
};

// The fields every one of our objects starts with; the two pointers belong to the Python layer.
enum class ObjectKind : uint8_t { Tensor, Node };
struct Object {
  ObjectHead head;
  void* py_dict = nullptr;
  void* py_weakrefs = nullptr;
  ObjectKind kind;
};

// What the Python layer supplies. `type` is the Python type given to new objects.
struct ObjectHooks {
  void* tensor_type = nullptr;
  void* node_type = nullptr;
  void (*dealloc)(Object*) = nullptr;  // count reached zero, for objects whose type is not null
};
extern ObjectHooks object_hooks;

void destroy_object(Object* object);  // count reached zero

inline void incref(Object* o) { ++o->head.refcount; }
inline void decref(Object* o) {
  if (--o->head.refcount == 0) destroy_object(o);
}

// Raw memory for objects, from free lists by size, with the 16 bytes in front that CPython's cycle
// collector wants before an object it may track.
void* object_allocate(size_t size);
void object_free(void* memory, size_t size);

// An owning pointer to an Object (Tensor and Node derive from it).
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  static Ref steal(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  static Ref borrow(T* p) {
    if (p) incref(p);
    return steal(p);
  }
  Ref(const Ref& o) : p_(o.p_) {
    if (p_) incref(p_);
  }
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_) decref(p_);
  }
  T* get() const { return p_; }
  T* release() { return std::exchange(p_, nullptr); }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  bool operator==(const Ref& o) const { return p_ == o.p_; }

 private:
  T* p_ = nullptr;
};

}  // namespace flambeau
