#include <algorithm>

#include <sys/resource.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "core/allocator.h"
#include "core/check.h"
#include "testing.h"

using namespace flambeau;

namespace {

constexpr size_t MiB = size_t{1} << 20;

int64_t page_faults() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

}  // namespace

TEST(allocator_aligns_and_counts) {
  empty_cache();
  const AllocatorStats before = allocator_stats();
  EXPECT(allocate(0) == nullptr);
  deallocate(nullptr, 0);
  std::vector<std::pair<char*, size_t>> blocks;
  size_t sum = 0;
  for (size_t n = 1; n < 40 * MiB; n = n + n / 3 + 1) {
    char* p = static_cast<char*>(allocate(n));
    EXPECT(reinterpret_cast<uintptr_t>(p) % 64 == 0);
    if (n >= kLargeBlock) EXPECT(reinterpret_cast<uintptr_t>(p) % (2 * MiB) == 0);
    p[0] = static_cast<char>(n);
    p[n - 1] = static_cast<char>(n);
    blocks.emplace_back(p, n);
    sum += (n + 63) / 64 * 64;
  }
  EXPECT(allocator_stats().allocated == before.allocated + sum);
  EXPECT(allocator_stats().reserved >= allocator_stats().allocated);
  for (auto& [p, n] : blocks) {
    EXPECT(p[n - 1] == static_cast<char>(n));
    deallocate(p, n);
  }
  EXPECT(allocator_stats().allocated == before.allocated);
  EXPECT(allocator_stats().allocated_peak >= before.allocated + sum);
  empty_cache();
  EXPECT(allocator_stats().reserved == before.reserved);
  reset_peak_stats();
  EXPECT(allocator_stats().allocated_peak == before.allocated);
  EXPECT(allocator_stats().reserved_peak == before.reserved);
}

TEST(allocator_blocks_do_not_overlap) {
  std::vector<std::pair<unsigned char*, size_t>> live;
  uint64_t state = 12345;
  const auto next = [&state] {
    return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33;
  };
  for (int step = 0; step < 20000; ++step) {
    if (live.size() > 50 || (!live.empty() && next() % 3 == 0)) {
      const size_t i = next() % live.size();
      auto [p, n] = live[i];
      const unsigned char mark = static_cast<unsigned char>(n * 31);
      EXPECT(p[0] == mark && p[n / 2] == mark && p[n - 1] == mark);
      deallocate(p, n);
      live[i] = live.back();
      live.pop_back();
    } else {
      const size_t n = 1 + next() % (size_t{1} << (next() % 23));
      auto* p = static_cast<unsigned char*>(allocate(n));
      p[0] = p[n / 2] = p[n - 1] = static_cast<unsigned char>(n * 31);
      live.emplace_back(p, n);
    }
  }
  for (auto [p, n] : live) deallocate(p, n);
}

TEST(allocator_steady_loop_makes_no_page_fault) {
  const size_t n = 64 * MiB;
  const auto touch = [n] {
    char* p = static_cast<char*>(allocate(n));
    for (size_t i = 0; i < n; i += 4096) p[i] = 1;
    deallocate(p, n);
  };
  touch();
  const int64_t before = page_faults();
  for (int i = 0; i < 20; ++i) touch();
#ifndef __SANITIZE_ADDRESS__  // the sanitizer's shadow memory takes pages of its own
  EXPECT_IN(page_faults() - before == 0, "%ld faults", static_cast<long>(page_faults() - before));
#else
  (void)before;
#endif
  const uint64_t calls = allocator_stats().system_allocations;
  for (int i = 0; i < 1000; ++i) deallocate(allocate(i + 1), i + 1);
  for (int i = 0; i < 1000; ++i) deallocate(allocate(i + 1), i + 1);
  EXPECT(allocator_stats().system_allocations - calls <= 16);
}

TEST(allocator_limits_waste) {
  empty_cache();
  void* p = allocate(10 * MiB);
  deallocate(p, 10 * MiB);
  uint64_t hits = allocator_stats().cache_hits;
  void* q = allocate(7 * MiB);  // a block 43% larger is not taken
  EXPECT(allocator_stats().cache_hits == hits);
  void* r = allocate(9 * MiB);
  EXPECT(allocator_stats().cache_hits == hits + 1 && r == p);
  deallocate(q, 7 * MiB);
  deallocate(r, 9 * MiB);
  empty_cache();
}

TEST(allocator_bounds_the_cache) {
  empty_cache();
  // Sizes that never fit each other, freed at once: what is kept stays near one GiB.
  for (size_t n = 64 * MiB; n < 600 * MiB; n += n / 3) deallocate(allocate(n), n);
  // Other tests may have used more before: the limit is half as much again as the most ever used.
  const size_t used = static_cast<size_t>(allocator_stats().allocated_peak);
  EXPECT(allocator_stats().reserved <= std::max(size_t{1024} * MiB, used + used / 2));
  empty_cache();
}

TEST(allocator_reports_exhaustion) {
  EXPECT_THROW(allocate(size_t{1} << 60), "1152921504606846976 bytes");
  EXPECT_THROW(allocate(~size_t{0}), "can't allocate memory");
  EXPECT_THROW(checked_nbytes(INT64_MAX, 8), "elements of 8 bytes");
  EXPECT(checked_nbytes(1000, 8) == 8000);
  try {
    allocate(size_t{1} << 50);
    EXPECT(false);
  } catch (const Error& e) { EXPECT(e.kind() == ErrorKind::OutOfMemory); }
  deallocate(allocate(100), 100);
}

TEST(allocator_keeps_a_limit) {
  empty_cache();
  const size_t limit = allocator_stats().reserved + 64 * MiB;
  set_memory_limit(limit);
  void* p = allocate(40 * MiB);
  EXPECT_THROW(allocate(40 * MiB), "that are allowed");
  EXPECT_THROW(Workspace(limit + 1), "that are allowed");
  deallocate(p, 40 * MiB);
  p = allocate(60 * MiB);  // the cached 40 MiB make room
  set_memory_limit(0);     // what is in use stays
  EXPECT_THROW(allocate(3 * MiB), "can't allocate memory");
  deallocate(p, 60 * MiB);
  set_memory_limit(kNoMemoryLimit);
  deallocate(allocate(80 * MiB), 80 * MiB);
  empty_cache();
}

TEST(workspace_is_for_all_threads) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t, &wrong] {
      for (int i = 1; i < 3000; ++i) {
        const size_t n = static_cast<size_t>(i) * (i % 100 == 0 ? 1000 : 7);
        Workspace a(n), b(n);
        auto *pa = a.as<unsigned char>(), *pb = b.as<unsigned char>();
        pa[0] = pa[n - 1] = static_cast<unsigned char>(t);
        pb[0] = pb[n - 1] = static_cast<unsigned char>(t + 100);
        if (pa[0] != t || pa[n - 1] != t || reinterpret_cast<uintptr_t>(pa) % 64) ++wrong[t];
      }
    });
  for (auto& t : threads) t.join();
  for (int w : wrong) EXPECT(w == 0);
  Workspace none(0);
  EXPECT(none.data() == nullptr);
  EXPECT_THROW(Workspace(~size_t{0}), "workspace");
  empty_cache();
}
