#include "core/object.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace flambeau {

ObjectHooks object_hooks;

namespace {
constexpr size_t kCollectorHead = 16;  // room for CPython's PyGC_Head
constexpr size_t kStep = 32, kClasses = 32, kKeep = 512;

struct FreeList {
  void* items[kKeep];
  size_t count = 0;
};
FreeList free_lists[kClasses];

size_t size_class(size_t size) { return (size + kStep - 1) / kStep; }
}  // namespace

void* object_allocate(size_t size) {
  const size_t c = size_class(size);
  if (c < kClasses && free_lists[c].count) return free_lists[c].items[--free_lists[c].count];
  char* block = static_cast<char*>(std::malloc(kCollectorHead + c * kStep));
  if (!block) throw std::bad_alloc();
  std::memset(block, 0, kCollectorHead);
  return block + kCollectorHead;
}

void object_free(void* memory, size_t size) {
  const size_t c = size_class(size);
  if (c < kClasses && free_lists[c].count < kKeep) {
    free_lists[c].items[free_lists[c].count++] = memory;
  } else {
    std::free(static_cast<char*>(memory) - kCollectorHead);
  }
}

}  // namespace flambeau
