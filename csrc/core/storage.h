// The memory behind one or several tensors, with the counter that reveals in-place changes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/device.h"
#include "core/source_location.h"

namespace flambeau {

struct Storage {
  int64_t refcount = 1;
  void* data = nullptr;
  size_t nbytes = 0;
  Device device;
  bool resizable = true;
  bool shared = false;        // the memory is common with forked processes
  uint32_t exports = 0;       // buffers of Python that point here: the memory may not move
  uint32_t version = 0;       // grows with every in-place write through a tracked tensor
  SourceLocation last_write;  // where the latest of these happened
  void (*release)(void* context) = nullptr;  // for borrowed memory (NumPy, DLPack, mmap)
  void* context = nullptr;
};

class StorageRef {
 public:
  StorageRef() = default;
  static StorageRef steal(Storage* s) {
    StorageRef r;
    r.p_ = s;
    return r;
  }
  static StorageRef borrow(Storage* s) {
    if (s) ++s->refcount;
    return steal(s);
  }
  StorageRef(const StorageRef& o) : p_(o.p_) {
    if (p_) ++p_->refcount;
  }
  StorageRef(StorageRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  StorageRef& operator=(StorageRef o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~StorageRef() {
    if (p_ && --p_->refcount == 0) destroy(p_);
  }
  Storage* get() const { return p_; }
  Storage* operator->() const { return p_; }
  explicit operator bool() const { return p_ != nullptr; }
  bool operator==(const StorageRef& o) const { return p_ == o.p_; }

 private:
  static void destroy(Storage* s);
  Storage* p_ = nullptr;
};

// Uninitialised memory from the caching allocator; on the meta device only the size is kept.
StorageRef new_storage(size_t nbytes, Device device = kCpu);
// Memory owned by someone else; `release(context)` is called when the last tensor has gone.
StorageRef borrow_storage(void* data, size_t nbytes, void (*release)(void*), void* context);
// Keeps the common prefix of the contents. Raises for borrowed memory.
void resize_storage(Storage& storage, size_t nbytes);
// Moves the contents to memory that processes forked from now on share. Raises for memory that is
// in use by other libraries.
void share_storage(Storage& storage);

}  // namespace flambeau
