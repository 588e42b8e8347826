#include "core/storage.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "core/allocator.h"
#include "core/check.h"
#include "core/object.h"
#include "core/system.h"

namespace flambeau {

SourceLocationHooks source_location_hooks;

namespace {
Storage* new_record() { return new (object_allocate(sizeof(Storage))) Storage(); }
}  // namespace

StorageRef new_storage(size_t nbytes, Device device) {
  StorageRef ref = StorageRef::steal(new_record());
  ref->device = device;
  ref->nbytes = nbytes;
  if (!device.is_meta() && nbytes) {
    ref->nbytes = 0;
    ref->data = allocate(nbytes);
    ref->nbytes = nbytes;
  }
  return ref;
}

StorageRef borrow_storage(void* data, size_t nbytes, void (*release)(void*), void* context) {
  Storage* s = new_record();
  s->data = data;
  s->nbytes = nbytes;
  s->resizable = false;
  s->release = release;
  s->context = context;
  return StorageRef::steal(s);
}

void resize_storage(Storage& s, size_t nbytes) {
  if (nbytes == s.nbytes) return;
  FB_CHECK(s.resizable,
           "resize_: this storage is not resizable (it borrows memory from another "
           "library); clone() the tensor first");
  FB_CHECK(s.exports == 0, "resize_: this storage cannot be resized while ", s.exports,
           " memoryviews point into it; release them first");
  if (!s.device.is_meta()) {
    void* fresh = nbytes ? allocate(nbytes) : nullptr;
    if (fresh && s.data) std::memcpy(fresh, s.data, std::min(nbytes, s.nbytes));
    if (s.data) deallocate(s.data, s.nbytes);
    s.data = fresh;
  }
  s.nbytes = nbytes;
}

namespace {

struct SharedBlock {
  void* data;
  size_t nbytes;
};
void release_shared(void* context) {
  auto* block = static_cast<SharedBlock*>(context);
  system::unmap_pages(block->data, block->nbytes);
  delete block;
}

}  // namespace

void share_storage(Storage& s) {
  if (s.shared || s.nbytes == 0) return;
  FB_CHECK(!s.device.is_meta(), "share_memory_: a meta tensor has no memory");
  FB_CHECK(s.resizable && s.exports == 0,
           "share_memory_: other libraries point into this memory, it "
           "cannot be moved; clone() the tensor first");
  auto block = std::make_unique<SharedBlock>(SharedBlock{system::map_shared(s.nbytes), s.nbytes});
  FB_CHECK_KIND(ErrorKind::OutOfMemory, block->data, "share_memory_: the system has no ", s.nbytes,
                " bytes of shared memory left");
  std::memcpy(block->data, s.data, s.nbytes);
  deallocate(s.data, s.nbytes);
  s.data = block->data;
  s.release = release_shared;
  s.context = block.release();
  s.resizable = false;
  s.shared = true;
}

void StorageRef::destroy(Storage* s) {
  if (s->release) {
    s->release(s->context);
  } else if (s->data) {
    deallocate(s->data, s->nbytes);
  }
  s->~Storage();
  object_free(s, sizeof(Storage));
}

}  // namespace flambeau
