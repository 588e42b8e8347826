#include "core/allocator.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/check.h"
#include "core/system.h"

namespace flambeau {
namespace {

// ---- size classes ------------------------------------------------------------------------------
// In units of 64 bytes: every size up to 16 units, then four classes to a doubling.

constexpr int kClasses = 60;
constexpr size_t kUnit = 64;

int class_of(size_t nbytes) {
  const size_t last = (nbytes - 1) / kUnit;  // units, less one
  if (last < 16) return static_cast<int>(last);
  const int top = std::bit_width(last) - 1;
  return 16 + (top - 4) * 4 + static_cast<int>((last >> (top - 2)) & 3);
}

constexpr size_t class_bytes(int c) {
  if (c < 16) return static_cast<size_t>(c + 1) * kUnit;
  const int step = (c - 16) / 4;
  return static_cast<size_t>((c - 16) % 4 + 5) << (step + 2) << 6;
}
static_assert(class_bytes(kClasses - 1) == kLargeBlock);

// Large blocks: whole small pages in steps that keep nearby sizes alike.
size_t large_bytes(size_t nbytes) {
  const size_t step = nbytes < (size_t{16} << 20) ? size_t{64} << 10 : system::kHugePage;
  return (nbytes + step - 1) / step * step;
}

constexpr size_t kMaxBytes = ~size_t{0} >> 2;  // beyond any address space; keeps sums from overflow

struct FreeBlock { FreeBlock* next; };

// ---- the cache of tensors' memory --------------------------------------------------------------

struct LargeFree {
  void* p;
  uint64_t freed_at;
};

struct LargeBlocks {
  std::multimap<size_t, LargeFree> free;   // by size
  std::unordered_map<void*, size_t> live;  // sizes of blocks in use
  uint64_t clock = 0;
};

// Never destroyed: tensors may outlive static destructors.
LargeBlocks& large_blocks() {
  static LargeBlocks& blocks = *new LargeBlocks;
  return blocks;
}

struct Cache {
  FreeBlock* free[kClasses] = {};
  size_t small_cached = 0;  // bytes in the free lists
  size_t high_water = 0;    // most bytes ever in use; unlike the statistics never reset
  AllocatorStats stats;
};
constinit Cache the_cache;
constinit std::atomic<size_t> the_limit{kNoMemoryLimit};  // read by kernels, too

size_t reserve_limit(size_t high_water) {
  return std::max(size_t{1} << 30, high_water + high_water / 2);
}

void count_live(Cache& c, size_t nbytes) {
  AllocatorStats& s = c.stats;
  s.allocated += (nbytes + kUnit - 1) & ~(kUnit - 1);
  if (s.allocated > s.allocated_peak) s.allocated_peak = s.allocated;
}

void count_reserved(Cache& c, size_t nbytes) {
  AllocatorStats& s = c.stats;
  s.reserved += nbytes;
  s.reserved_peak = std::max(s.reserved_peak, s.reserved);
  ++s.system_allocations;
}

void release_small(Cache& c) {
  for (int i = 0; i < kClasses; ++i) {
    for (FreeBlock* b = c.free[i]; b != nullptr;) {
      FreeBlock* next = b->next;
      system::free_aligned(b);
      b = next;
    }
    c.free[i] = nullptr;
  }
  c.stats.reserved -= c.small_cached;
  c.small_cached = 0;
}

void release_large(Cache& c, LargeBlocks& large, std::multimap<size_t, LargeFree>::iterator it) {
  system::unmap_pages(it->second.p, it->first);
  c.stats.reserved -= it->first;
  large.free.erase(it);
}

void release_all(Cache& c) {
  LargeBlocks& large = large_blocks();
  while (!large.free.empty()) release_large(c, large, large.free.begin());
  release_small(c);
}

// Keeps reserved memory within its limit before it grows by `nbytes`: the large blocks that have
// lain idle longest go first, then all small ones.
void make_room(Cache& c, size_t nbytes) {
  const size_t limit = reserve_limit(std::max(c.high_water, c.stats.allocated + nbytes));
  if (c.stats.reserved + nbytes <= limit) return;
  LargeBlocks& large = large_blocks();
  while (c.stats.reserved + nbytes > limit && !large.free.empty()) {
    auto oldest = large.free.begin();
    for (auto it = large.free.begin(); it != large.free.end(); ++it)
      if (it->second.freed_at < oldest->second.freed_at) oldest = it;
    release_large(c, large, oldest);
  }
  if (c.stats.reserved + nbytes > limit && c.small_cached > 0) release_small(c);
}

[[noreturn, gnu::cold]] void out_of_memory(const char* who, size_t nbytes, size_t in_use) {
  const size_t limit = memory_limit();
  const std::string allowed =
      limit == kNoMemoryLimit ? "" : " of the " + std::to_string(limit) + " that are allowed";
  fail(ErrorKind::OutOfMemory, who, ": can't allocate memory: you tried to allocate ", nbytes,
       " bytes (", static_cast<double>(nbytes) / (1 << 30), " GiB) while ", in_use, " bytes",
       allowed, " are in use; use a smaller batch or free tensors that are no longer needed");
}

void* system_allocate(size_t nbytes) {
  return nbytes < kLargeBlock ? system::allocate_aligned(nbytes) : system::map_pages(nbytes);
}

// From the system; empties the cache and tries again if there is no memory left.
void* reserve(Cache& c, size_t nbytes, size_t asked) {
  make_room(c, nbytes);
  const auto get = [&c, nbytes, asked]() -> void* {
    const size_t limit = memory_limit();
    if (c.stats.reserved > limit || nbytes > limit - c.stats.reserved) return nullptr;
    return asked < kLargeBlock ? system::allocate_aligned(nbytes) : system::map_pages(nbytes);
  };
  void* p = get();
  if (p == nullptr) {
    release_all(c);
    p = get();
    if (p == nullptr) out_of_memory("allocate", asked, c.stats.allocated);
  }
  count_reserved(c, nbytes);
  c.high_water = std::max(c.high_water, c.stats.allocated + nbytes);
  return p;
}

[[gnu::noinline]] void* allocate_small_miss(Cache& c, int size_class, size_t nbytes) {
  void* p = reserve(c, class_bytes(size_class), nbytes);
  count_live(c, nbytes);
  return p;
}

[[gnu::noinline]] void* allocate_large(Cache& c, size_t nbytes) {
  if (nbytes > kMaxBytes) out_of_memory("allocate", nbytes, c.stats.allocated);
  LargeBlocks& large = large_blocks();
  const size_t size = large_bytes(nbytes);
  void* p;
  size_t got = size;
  const auto it = large.free.lower_bound(size);
  if (it != large.free.end() && it->first <= size + size / 4) {
    got = it->first;
    // The block freed last is the likeliest to be in the processor's caches still.
    const auto last = std::prev(large.free.upper_bound(got));
    p = last->second.p;
    large.live.emplace(p, got);
    large.free.erase(last);
    ++c.stats.cache_hits;
  } else {
    p = reserve(c, size, nbytes);
    large.live.emplace(p, got);
  }
  count_live(c, nbytes);
  return p;
}

// ---- the cache of scratch memory ---------------------------------------------------------------
// Blocks of classes only, large ones included, so that freeing needs no look-up.

constexpr int kScratchClasses = kClasses + 4 * 24;
constexpr size_t kScratchLimit = size_t{256} << 20;  // idle bytes kept

size_t scratch_bytes(int c) {
  return c < kClasses ? class_bytes(c)
                      : static_cast<size_t>((c - 16) % 4 + 5) << ((c - 16) / 4 + 2) << 6;
}

struct ScratchCache {
  std::mutex mutex;
  FreeBlock* free[kScratchClasses] = {};
  size_t idle = 0;
};

ScratchCache& scratch() {
  static ScratchCache& s = *[] {
    auto* made = new ScratchCache;
    // A fork must not catch another thread in the middle of a change.
    static ScratchCache* registered = made;
    pthread_atfork([] { registered->mutex.lock(); }, [] { registered->mutex.unlock(); },
                   [] { registered->mutex.unlock(); });
    return made;
  }();
  return s;
}

void scratch_to_system(void* p, size_t nbytes) {
  if (nbytes < kLargeBlock)
    system::free_aligned(p);
  else
    system::unmap_pages(p, nbytes);
}

void empty_scratch() {
  ScratchCache& s = scratch();
  for (int c = 0; c < kScratchClasses; ++c) {
    FreeBlock* list;
    {
      std::lock_guard<std::mutex> lock(s.mutex);
      list = s.free[c];
      s.free[c] = nullptr;
      for (FreeBlock* b = list; b != nullptr; b = b->next) s.idle -= scratch_bytes(c);
    }
    while (list != nullptr) {
      FreeBlock* next = list->next;
      scratch_to_system(list, scratch_bytes(c));
      list = next;
    }
  }
}

}  // namespace

void* allocate(size_t nbytes) {
  if (nbytes == 0) return nullptr;
  Cache& c = the_cache;
  if (nbytes >= kLargeBlock) return allocate_large(c, nbytes);
  const int size_class = class_of(nbytes);
  FreeBlock* block = c.free[size_class];
  if (block == nullptr) [[unlikely]]
    return allocate_small_miss(c, size_class, nbytes);
  c.free[size_class] = block->next;
  c.small_cached -= class_bytes(size_class);
  ++c.stats.cache_hits;
  count_live(c, nbytes);
  return block;
}

void deallocate(void* p, size_t nbytes) noexcept {
  if (p == nullptr) return;
  Cache& c = the_cache;
  c.stats.allocated -= (nbytes + kUnit - 1) & ~(kUnit - 1);
  if (nbytes < kLargeBlock) {
    const int size_class = class_of(nbytes);
    auto* block = static_cast<FreeBlock*>(p);
    block->next = c.free[size_class];
    c.free[size_class] = block;
    c.small_cached += class_bytes(size_class);
    return;
  }
  LargeBlocks& large = large_blocks();
  const auto it = large.live.find(p);
  large.free.emplace(it->second, LargeFree{p, ++large.clock});
  large.live.erase(it);
}

size_t checked_nbytes(int64_t count, size_t item_size) {
  size_t nbytes = 0;
  if (count < 0 || __builtin_mul_overflow(static_cast<size_t>(count), item_size, &nbytes) ||
      nbytes > kMaxBytes)
    fail(ErrorKind::OutOfMemory, "allocate: can't allocate memory: you tried to allocate ", count,
         " elements of ", item_size, " bytes each, more than can be addressed");
  return nbytes;
}

AllocatorStats allocator_stats() { return the_cache.stats; }

void reset_peak_stats() {
  AllocatorStats& s = the_cache.stats;
  s.allocated_peak = s.allocated;
  s.reserved_peak = s.reserved;
}

void empty_cache() {
  release_all(the_cache);
  empty_scratch();
}

void set_memory_limit(size_t nbytes) { the_limit.store(nbytes, std::memory_order_relaxed); }
size_t memory_limit() { return the_limit.load(std::memory_order_relaxed); }

Workspace::Workspace(size_t nbytes) : data_(nullptr), nbytes_(nbytes) {
  if (nbytes == 0) return;
  ScratchCache& s = scratch();
  const int c = class_of(nbytes);
  if (nbytes > std::min(kMaxBytes, memory_limit()) || c >= kScratchClasses)
    out_of_memory("workspace", nbytes, 0);
  {
    std::lock_guard<std::mutex> lock(s.mutex);
    if (FreeBlock* block = s.free[c]) {
      s.free[c] = block->next;
      s.idle -= scratch_bytes(c);
      data_ = block;
      return;
    }
  }
  data_ = system_allocate(scratch_bytes(c));
  if (data_ == nullptr) {
    empty_scratch();
    data_ = system_allocate(scratch_bytes(c));
    if (data_ == nullptr) out_of_memory("workspace", nbytes, 0);
  }
}

Workspace::~Workspace() {
  if (data_ == nullptr) return;
  ScratchCache& s = scratch();
  const int c = class_of(nbytes_);
  const size_t size = scratch_bytes(c);
  {
    std::lock_guard<std::mutex> lock(s.mutex);
    if (s.idle + size <= kScratchLimit) {
      auto* block = static_cast<FreeBlock*>(data_);
      block->next = s.free[c];
      s.free[c] = block;
      s.idle += size;
      return;
    }
  }
  scratch_to_system(data_, size);
}

}  // namespace flambeau
