#include "core/system.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#if defined(__linux__)
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#endif

namespace flambeau::system {

void* map_pages(size_t nbytes) {
  // The system aligns to small pages only: ask for more and give the ends back.
  const size_t total = nbytes + kHugePage;
  if (total < nbytes) return nullptr;
  void* raw = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t aligned = (start + kHugePage - 1) & ~(uintptr_t{kHugePage} - 1);
  const size_t head = aligned - start, tail = total - head - nbytes;
  if (head) munmap(raw, head);
  if (tail) munmap(reinterpret_cast<void*>(aligned + nbytes), tail);
#if defined(MADV_HUGEPAGE)
  // Only advice: a system without huge pages still gives usable memory.
  (void)madvise(reinterpret_cast<void*>(aligned), nbytes, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<void*>(aligned);
}

void unmap_pages(void* p, size_t nbytes) { munmap(p, nbytes); }

void* map_shared(size_t nbytes) {
  void* p = mmap(nullptr, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

void* allocate_aligned(size_t nbytes) { return std::aligned_alloc(64, nbytes); }
void free_aligned(void* p) { std::free(p); }

#if defined(__linux__)

namespace {

int quota_to_cpus(double quota, double period, int limit) {
  if (quota <= 0 || period <= 0) return limit;
  return std::min(limit, std::max(1, static_cast<int>(quota / period)));
}

// Limits of one control group directory; files that are not there set no limit.
int limit_of_group(const std::string& dir, int limit) {
  double quota = 0, period = 0;
  if (std::ifstream v1(dir + "/cpu.cfs_quota_us"); v1 >> quota) {
    std::ifstream file(dir + "/cpu.cfs_period_us");
    if (file >> period) limit = quota_to_cpus(quota, period, limit);
  }
  // "max 100000" has no number in front and so sets no limit.
  if (std::ifstream v2(dir + "/cpu.max"); v2 >> quota >> period)
    limit = quota_to_cpus(quota, period, limit);
  return limit;
}

struct Mount { std::string root, point, type, options; };

// One line of /proc/self/mountinfo; see proc(5) for the fields.
bool parse_mount(const std::string& line, Mount& mount) {
  const size_t dash = line.find(" - ");
  if (dash == std::string::npos) return false;
  std::istringstream left(line.substr(0, dash)), right(line.substr(dash + 3));
  std::string id, parent, device, source;
  return left >> id >> parent >> device >> mount.root >> mount.point &&
         right >> mount.type >> source >> mount.options;
}

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');)
    if (item == word) return true;
  return false;
}

// The path of this process in the v2 hierarchy (empty controllers) or in v1's `cpu` controller.
std::string group_path(bool v2) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? controllers.empty() : has_word(controllers, "cpu")) return line.substr(second + 1);
  }
  return "/";
}

// The group and all its ancestors up to the mount point may each carry a limit.
int limit_of_mount(const Mount& mount, int limit) {
  std::string path = group_path(mount.type == "cgroup2");
  if (mount.root != "/" && path.compare(0, mount.root.size(), mount.root) == 0)
    path.erase(0, mount.root.size());
  while (true) {
    limit = limit_of_group(mount.point + path, limit);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || path.size() <= 1) break;
    path.erase(slash);
  }
  return limit_of_group(mount.point, limit);
}

int affinity_count() {
  for (int bits = 1024; bits <= (1 << 18); bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(bits);
    if (set == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(bits);
    const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

int available_cpus() {
  int limit = affinity_count();
  std::ifstream mounts("/proc/self/mountinfo");
  Mount mount;
  for (std::string line; std::getline(mounts, line);) {
    if (line.find("cgroup") == std::string::npos || !parse_mount(line, mount)) continue;
    if (mount.type == "cgroup2" || (mount.type == "cgroup" && has_word(mount.options, "cpu")))
      limit = limit_of_mount(mount, limit);
  }
  return limit;
}

void futex_wait(std::atomic<uint32_t>& word, uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

int64_t involuntary_switches() {
  rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

int64_t thread_number() { return syscall(SYS_gettid); }
int current_cpu() { return sched_getcpu(); }
void keep_off(int64_t thread, int cpu) {
  cpu_set_t allowed;
  if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  CPU_CLR(cpu, &allowed);
  if (CPU_COUNT(&allowed) > 0)
    sched_setaffinity(static_cast<pid_t>(thread), sizeof allowed, &allowed);
}

#else

int64_t thread_number() { return 0; }
int current_cpu() { return -1; }
void keep_off(int64_t, int) {}
int available_cpus() { return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); }
void futex_wait(std::atomic<uint32_t>& word, uint32_t expected) { word.wait(expected); }
void futex_wake(std::atomic<uint32_t>& word, int count) {
  count == 1 ? word.notify_one() : word.notify_all();
}
int64_t involuntary_switches() { return 0; }

#endif

namespace {
struct Start {
  void (*run)(void*);
  void* argument;
};
void* trampoline(void* p) {
  const Start start = *static_cast<Start*>(p);
  delete static_cast<Start*>(p);
  start.run(start.argument);
  return nullptr;
}
}  // namespace

bool start_thread(void (*run)(void*), void* argument) {
  auto* start = new Start{run, argument};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals belong to the program's own threads
  pthread_t thread;
  const bool ok = pthread_create(&thread, nullptr, trampoline, start) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (ok)
    pthread_detach(thread);
  else
    delete start;
  return ok;
}

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace flambeau::system
