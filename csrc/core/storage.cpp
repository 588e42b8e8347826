#include "core/storage.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/allocator.h"
#include "core/check.h"
#include "core/object.h"

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
  FB_CHECK(s.resizable, "resize_: this storage is not resizable (it borrows memory from another "
           "library); clone() the tensor first");
  if (!s.device.is_meta()) {
    void* fresh = nbytes ? allocate(nbytes) : nullptr;
    if (fresh && s.data) std::memcpy(fresh, s.data, std::min(nbytes, s.nbytes));
    if (s.data) deallocate(s.data, s.nbytes);
    s.data = fresh;
  }
  s.nbytes = nbytes;
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
