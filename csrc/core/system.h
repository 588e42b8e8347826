// What is special to an operating system: pages of memory, processor counts, sleeping on a word.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace flambeau::system {

// Pages straight from the system, zeroed, aligned to kHugePage and marked for huge pages.
// `nbytes` must be a multiple of the page size. Null when the system has none left.
inline constexpr size_t kHugePage = size_t{2} << 20;
void* map_pages(size_t nbytes);
void unmap_pages(void* p, size_t nbytes);
// Zeroed memory that stays common to this process and the children it forks. Null on failure.
void* map_shared(size_t nbytes);

// Ordinary memory, 64-byte aligned; `nbytes` must be a multiple of 64. Null on failure.
void* allocate_aligned(size_t nbytes);
void free_aligned(void* p);

// Processors this process may keep busy: the smaller of its affinity mask and of the processor
// quotas of its control groups (v1 and v2, all ancestors), a quota being rounded down but not
// below 1.
int available_cpus();

// Sleeps while `word == expected`; may return early. `wake` wakes up to `count` sleepers.
void futex_wait(std::atomic<uint32_t>& word, uint32_t expected);
void futex_wake(std::atomic<uint32_t>& word, int count);

// Starts a detached thread with all signals blocked. False if the system refuses.
bool start_thread(void (*run)(void*), void* argument);

// How often the calling thread was taken off its processor against its will, since it started.
int64_t involuntary_switches();

// The calling thread's number for `keep_off`, and the processor it runs on (-1: not known).
int64_t thread_number();
int current_cpu();
// Asks that a thread of this process stay off a processor, among those that the calling thread may
// use, if there are others. A hint: where the system refuses, it places the thread as it likes.
void keep_off(int64_t thread, int cpu);

// Nanoseconds of a monotonic clock.
int64_t now_ns();

inline void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace flambeau::system
