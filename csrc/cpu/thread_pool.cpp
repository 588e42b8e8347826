#include "cpu/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <string>

#include "core/check.h"
#include "core/system.h"

namespace flambeau {
namespace {

constexpr int64_t kWorkerSpinNs = 50'000;  // idle worker: stay awake for the next operator
constexpr int64_t kCallerSpinNs = 20'000;  // caller: then give its core to whoever holds a chunk
constexpr int64_t kStallNs = 200'000;      // a longer wait for a preempted worker is a stall
constexpr int64_t kStallFactor = 4;        // after a stall work alone for so many times its length
constexpr int kWakeFan = 4;                // threads woken by one thread; those wake others in turn

thread_local bool tls_in_region = false;

// The job in progress. Its plain fields are written while no chunk can be claimed and read only by
// threads that hold a chunk, so the claim orders all accesses.
struct Job {
  detail::ChunkFunction f = nullptr;
  void* context = nullptr;
  int64_t n = 0, chunk = 0;
  std::exception_ptr error;
};

// The chunks [begin, end) that a thread comes to first and nobody has claimed. Each thread has a
// lane and each lane the same part of a loop every time, so that a thread finds in its own caches
// what it left there. Threads whose lane is empty claim from the far ends of the others.
struct alignas(64) Lane { std::atomic<uint64_t> ticket{0}; };

// Number of the job in the high half, so that a claim of another job fails; then end and begin.
constexpr uint64_t ticket_of(uint64_t number, uint64_t begin, uint64_t end) {
  return number << 32 | end << 16 | begin;
}
constexpr uint32_t ticket_begin(uint64_t t) { return static_cast<uint16_t>(t); }
constexpr uint32_t ticket_end(uint64_t t) { return static_cast<uint16_t>(t >> 16); }
static_assert(kMaxChunks < 1 << 16);

// Lives in static storage and is never destroyed: workers may look at it until the process ends.
struct Pool {
  alignas(64) std::atomic<uint32_t> number{0};   // of the job; changes when its lanes are filled
  std::atomic<uint32_t> lanes{0};                // lanes in use
  alignas(64) std::atomic<uint32_t> pending{0};  // chunks not finished; the caller sleeps on it
  std::atomic<uint32_t> caller_asleep{0};
  std::atomic<bool> failed{false};
  std::atomic<bool> stalled{false};
  alignas(64) std::atomic<uint32_t> epoch{0};  // workers sleep on it
  std::atomic<int> sleepers{0};
  std::atomic<int> threads{0};  // 0: not yet known
  std::atomic<int> started{0};  // workers alive
  alignas(64) std::atomic<bool> busy{false};
  std::atomic<int64_t> loops{0};  // written by the holder of busy
  int64_t alone_until = 0;        // guarded by busy
  int caller_cpu = -1;            // guarded by busy: where workers were last told not to run
  Job job;                        // guarded by busy and by claims
  std::mutex mutex;               // guards `alive` and changes of `threads`
  bool alive[kMaxThreads] = {};
  std::atomic<int64_t> thread[kMaxThreads] = {};  // the workers' numbers, 0: not started
  Lane lane[kMaxThreads];
};

alignas(Pool) unsigned char pool_storage[sizeof(Pool)];
Pool& pool() { return *std::launder(reinterpret_cast<Pool*>(pool_storage)); }

// The child of a fork has one thread: forget the workers and start afresh. Nothing is freed, since
// any lock or count may have been caught in the middle of a change.
void forget_workers() {
  const int threads = pool().threads.load(std::memory_order_relaxed);
  new (pool_storage) Pool;
  pool().threads.store(threads, std::memory_order_relaxed);
}

void construct_pool() {
  static const bool once = [] {
    new (pool_storage) Pool;
    pthread_atfork(nullptr, nullptr, forget_workers);
    return true;
  }();
  (void)once;
}

// A positive count from the environment; 0 when unset. Only our own variable may be an error.
int threads_from(const char* name, bool strict) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return 0;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  const bool ok = end != text && (*end == '\0' || (!strict && *end == ',')) && value >= 1;
  FB_CHECK(ok || !strict, name, ": expected a number of threads from 1 to ", kMaxThreads, ", got '",
           text, "'; correct or unset the variable");
  return ok ? static_cast<int>(std::min<long>(value, kMaxThreads)) : 0;
}

int default_threads() {
  if (const int n = threads_from("FLAMBEAU_NUM_THREADS", true)) return n;
  if (const int n = threads_from("OMP_NUM_THREADS", false)) return n;
  return std::min(system::available_cpus(), kMaxThreads);
}

// Claims one chunk of a lane: the first one for its owner, the last one for others.
bool claim_from(Lane& lane, bool owner, uint32_t& index) {
  uint64_t t = lane.ticket.load(std::memory_order_acquire);
  while (ticket_begin(t) < ticket_end(t)) {
    const uint64_t rest = owner ? t + 1 : t - (uint64_t{1} << 16);
    if (lane.ticket.compare_exchange_weak(t, rest, std::memory_order_acq_rel,
                                          std::memory_order_acquire)) {
      index = owner ? ticket_begin(t) : ticket_end(t) - 1;
      return true;
    }
  }
  return false;
}

// Claims one chunk of the current job, from the lane of thread `id` as long as it has some.
bool claim(Pool& p, uint32_t id, uint32_t& index) {
  const uint32_t lanes = p.lanes.load(std::memory_order_relaxed);
  for (uint32_t k = 0; k < lanes; ++k) {
    const uint32_t at = (id + k) % lanes;
    if (claim_from(p.lane[at], at == id, index)) return true;
  }
  return false;
}

void run_chunk(Pool& p, uint32_t index) {
  Job& job = p.job;
  if (p.failed.load(std::memory_order_relaxed)) return;
  const int64_t begin = index * job.chunk;
  try {
    job.f(job.context, begin, std::min(begin + job.chunk, job.n));
  } catch (...) {
    if (!p.failed.exchange(true)) job.error = std::current_exception();
  }
}

void wake_workers(Pool& p, uint32_t count) {
  const int asleep = p.sleepers.load();
  if (asleep <= 0) return;
  p.epoch.fetch_add(1);
  system::futex_wake(p.epoch, std::min({asleep, static_cast<int>(count), kWakeFan}));
}

// What a worker does when it has found work: the caller has not woken all who could help.
void wake_others(Pool& p) {
  const uint32_t lanes = p.lanes.load(std::memory_order_relaxed);
  if (lanes > kWakeFan + 1) wake_workers(p, lanes);
}

// The system likes to wake a thread on the processor of the one that wakes it. The two would then
// take turns there for milliseconds while another processor is idle.
void clear_own_cpu(Pool& p) {
  const int cpu = system::current_cpu();
  if (cpu == p.caller_cpu) return;
  int told = 0;
  for (const auto& number : p.thread) {
    if (const int64_t thread = number.load(std::memory_order_relaxed)) {
      system::keep_off(thread, cpu);
      ++told;
    }
  }
  // A worker that has just been started may not have said its number yet: tell it next time.
  p.caller_cpu = told >= p.started.load(std::memory_order_relaxed) ? cpu : -1;
}

// Spins a little, then sleeps, until there is another job than `seen`.
void wait_for_work(Pool& p, uint32_t seen) {
  const int64_t deadline = system::now_ns() + kWorkerSpinNs;
  do {
    for (int i = 0; i < 16; ++i) {
      if (p.number.load(std::memory_order_relaxed) != seen) return;
      system::spin_pause();
    }
  } while (system::now_ns() < deadline);
  p.sleepers.fetch_add(1);
  const uint32_t epoch = p.epoch.load();
  if (p.number.load() == seen) system::futex_wait(p.epoch, epoch);
  p.sleepers.fetch_sub(1);
}

// A worker whose number is not below the wanted count goes away.
bool retire(Pool& p, int id) {
  if (id < p.threads.load(std::memory_order_relaxed) - 1) return false;
  std::lock_guard<std::mutex> lock(p.mutex);
  if (id < p.threads.load() - 1) return false;
  p.alive[id] = false;
  p.thread[id].store(0);
  p.started.fetch_sub(1);
  return true;
}

void finish_chunks(Pool& p, uint32_t count, int64_t& switches) {
  // Only a waiting caller wants to know why it waits; asking costs a system call.
  if (p.caller_asleep.load(std::memory_order_relaxed)) {
    const int64_t now = system::involuntary_switches();
    if (now != switches) p.stalled.store(true, std::memory_order_relaxed);
    switches = now;
  }
  if (p.pending.fetch_sub(count) == count && p.caller_asleep.load())
    system::futex_wake(p.pending, 1);
}

void work(void* argument) {
  Pool& p = pool();
  const int id = static_cast<int>(reinterpret_cast<intptr_t>(argument));
  const auto lane = static_cast<uint32_t>(id + 1);  // the caller has the first
  int64_t switches = 0;
  tls_in_region = true;
  p.thread[id].store(system::thread_number());
  while (!retire(p, id)) {
    const uint32_t seen = p.number.load(std::memory_order_acquire);
    uint32_t done = 0;
    for (uint32_t index; claim(p, lane, index); ++done) {
      if (done == 0) wake_others(p);
      run_chunk(p, index);
    }
    if (done > 0)
      finish_chunks(p, done, switches);
    else
      wait_for_work(p, seen);
  }
}

void start_workers(Pool& p, int wanted) {
  std::lock_guard<std::mutex> lock(p.mutex);
  for (int id = 0; id < wanted; ++id) {
    if (p.alive[id]) continue;
    p.alive[id] = true;
    p.started.fetch_add(1);
    if (system::start_thread(work, reinterpret_cast<void*>(static_cast<intptr_t>(id)))) continue;
    // The system has no more threads for us: work with those we have, and say so in num_threads().
    p.alive[id] = false;
    p.started.fetch_sub(1);
    p.threads.store(id + 1);
    return;
  }
}

// Waits for the threads that hold a claimed chunk.
void wait_for_chunks(Pool& p, int64_t started_at) {
  if (p.pending.load(std::memory_order_acquire) == 0) return;
  const int64_t waiting_from = system::now_ns();
  int64_t now = waiting_from;
  while (now - waiting_from < kCallerSpinNs) {
    for (int i = 0; i < 16; ++i) {
      if (p.pending.load(std::memory_order_acquire) == 0) return;
      system::spin_pause();
    }
    now = system::now_ns();
  }
  p.caller_asleep.store(1);
  for (uint32_t left; (left = p.pending.load()) != 0;) system::futex_wait(p.pending, left);
  p.caller_asleep.store(0);
  now = system::now_ns();
  const int64_t waited = now - waiting_from;
  // A worker lost its core while it held a chunk, and that cost more than the work itself: the
  // cores are wanted by others, so do without workers for a while.
  if (p.stalled.load(std::memory_order_relaxed) && waited > kStallNs &&
      waited > waiting_from - started_at)
    p.alone_until = now + kStallFactor * waited;
}

void run_alone(int64_t n, int64_t chunk, detail::ChunkFunction f, void* context) {
  for (int64_t begin = 0; begin < n; begin += chunk) f(context, begin, std::min(begin + chunk, n));
}

class RegionGuard {
 public:
  RegionGuard() { tls_in_region = true; }
  ~RegionGuard() { tls_in_region = false; }
};

// The caller owns the pool (`busy`) and has published nothing yet.
void run_with_workers(Pool& p, int64_t n, int64_t chunk, detail::ChunkFunction f, void* context,
                      int64_t started_at) {
  const auto chunks = static_cast<uint32_t>((n + chunk - 1) / chunk);
  p.job.f = f, p.job.context = context, p.job.n = n, p.job.chunk = chunk;
  p.failed.store(false, std::memory_order_relaxed);
  p.stalled.store(false, std::memory_order_relaxed);
  p.pending.store(chunks, std::memory_order_relaxed);
  const uint32_t number = p.number.load(std::memory_order_relaxed) + 1;
  const uint32_t lanes = std::min(chunks, static_cast<uint32_t>(num_threads()));
  p.lanes.store(lanes, std::memory_order_relaxed);
  for (uint32_t k = 0; k < lanes; ++k) {
    p.lane[k].ticket.store(ticket_of(number, chunks * k / lanes, chunks * (k + 1) / lanes),
                           std::memory_order_release);
  }
  p.number.store(number);
  clear_own_cpu(p);
  wake_workers(p, lanes - 1);
  uint32_t done = 0;
  {
    RegionGuard guard;
    for (uint32_t index; claim(p, 0, index); ++done) run_chunk(p, index);
  }
  p.pending.fetch_sub(done);
  wait_for_chunks(p, started_at);
}

}  // namespace

int num_threads() {
  construct_pool();
  Pool& p = pool();
  int threads = p.threads.load(std::memory_order_relaxed);
  if (threads == 0) [[unlikely]] {
    const int found = default_threads();
    std::lock_guard<std::mutex> lock(p.mutex);
    if (p.threads.load() == 0) p.threads.store(found);
    threads = p.threads.load();
  }
  return threads;
}

void set_num_threads(int64_t n) {
  FB_CHECK(n >= 1 && n <= kMaxThreads, "set_num_threads: expected a number from 1 to ", kMaxThreads,
           ", got ", n);
  construct_pool();
  Pool& p = pool();
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.threads.store(static_cast<int>(n));
  }
  p.epoch.fetch_add(1);
  system::futex_wake(p.epoch, kMaxThreads);  // those who are too many go away
}

bool in_parallel_region() { return tls_in_region; }

int64_t divided_loops() {
  construct_pool();
  return pool().loops.load(std::memory_order_relaxed);
}

namespace detail {

void run_chunks(int64_t n, int64_t chunk, ChunkFunction f, void* context) {
  if (tls_in_region) return run_alone(n, chunk, f, context);
  const int threads = num_threads();
  Pool& p = pool();
  if (threads == 1 || p.busy.exchange(true, std::memory_order_acquire))
    return run_alone(n, chunk, f, context);
  p.loops.store(p.loops.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const int64_t now = system::now_ns();
  if (now < p.alone_until) {
    p.busy.store(false, std::memory_order_release);
    return run_alone(n, chunk, f, context);
  }
  if (p.started.load(std::memory_order_relaxed) < threads - 1) {
    p.caller_cpu = -1;  // new workers have not been told
    start_workers(p, threads - 1);
  }
  run_with_workers(p, n, chunk, f, context, now);
  std::exception_ptr error;
  std::swap(error, p.job.error);
  p.busy.store(false, std::memory_order_release);
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace flambeau
