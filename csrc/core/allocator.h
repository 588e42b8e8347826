// Memory for tensors: a cache by size classes in front of the system, because on a CPU a fresh page
// costs more than computing on it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace flambeau {

// Blocks from this size on are mapped from the system one by one, aligned for huge pages.
inline constexpr size_t kLargeBlock = size_t{2} << 20;

// `nbytes` bytes, 64-byte aligned, not zeroed; null for 0. Throws Error (OutOfMemory) when the
// system refuses even after the cache was emptied.
// Takes no lock: allocate, deallocate, empty_cache and the statistics are for the holder of the GIL
// only. Kernels, which may run without it, use Workspace.
void* allocate(size_t nbytes);
// Gives back what allocate(nbytes) returned; `nbytes` must be the size asked for then.
void deallocate(void* p, size_t nbytes) noexcept;
// The size of an array, for allocate(). Throws Error (OutOfMemory) if it exceeds the address space.
size_t checked_nbytes(int64_t count, size_t item_size);

struct AllocatorStats {
  size_t allocated = 0;  // bytes of live blocks, sizes as asked, rounded up to 64
  size_t allocated_peak = 0;
  size_t reserved = 0;  // bytes held from the system, live or cached
  size_t reserved_peak = 0;
  uint64_t system_allocations = 0;
  uint64_t cache_hits = 0;
};
AllocatorStats allocator_stats();
void reset_peak_stats();
// Returns all cached blocks, those of Workspace too, to the system.
void empty_cache();
// The most bytes that allocate() may hold from the system; kNoMemoryLimit at the start. Blocks that
// are in use already stay. One Workspace may have as many again.
inline constexpr size_t kNoMemoryLimit = ~size_t{0};
void set_memory_limit(size_t nbytes);
size_t memory_limit();

// Scratch memory of a kernel: 64-byte aligned, not zeroed, given back by the destructor. May be
// used on any thread, with or without the GIL. Throws Error (OutOfMemory).
class Workspace {
 public:
  explicit Workspace(size_t nbytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
  size_t nbytes_;
};

}  // namespace flambeau
