// One pool of threads for the whole process. Work is cut into chunks that threads claim one by one;
// the caller claims too, so a thread that wakes late, or never, costs nothing but its help.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace flambeau {

inline constexpr int kMaxThreads = 256;

// Threads that may work on one parallel_for, the caller included. The first answer comes from
// FLAMBEAU_NUM_THREADS, else OMP_NUM_THREADS, else the processors this process may use.
int num_threads();
// Throws Error (Runtime) unless 1 <= n <= kMaxThreads.
void set_num_threads(int64_t n);
// True while the calling thread runs a chunk of a parallel_for that was cut in more than one.
bool in_parallel_region();
// How many loops have been cut into chunks for several threads so far: for tests.
int64_t divided_loops();

// The rule of the chunks, which knows nothing of threads, so that results cannot depend on them:
// every chunk begins at a multiple of `grain`, and has `grain` elements as long as that makes no
// more than kMaxChunks chunks, else the smallest multiple of `grain` that does. Only the last one
// may be shorter.
inline constexpr int64_t kMaxChunks = 256;
constexpr int64_t chunk_size(int64_t n, int64_t grain) {
  if (grain < 1) grain = 1;
  const int64_t units = n / grain + (n % grain != 0);
  return units <= kMaxChunks ? grain : grain * ((units + kMaxChunks - 1) / kMaxChunks);
}

namespace detail {
using ChunkFunction = void (*)(void* context, int64_t begin, int64_t end);
void run_chunks(int64_t n, int64_t chunk, ChunkFunction f, void* context);
}  // namespace detail

// Calls f(begin, end) once for each chunk of [0, n), in no particular order, and returns when all
// are done. `grain` is the least number of elements worth a thread's attention (some 10 us of
// work). Within a chunk, and while another thread's loop has the pool, it runs in the calling
// thread alone. After an exception the chunks not yet begun are skipped and the exception is
// thrown again here.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  const int64_t chunk = chunk_size(n, grain);
  if (n <= chunk) {
    f(int64_t{0}, n);
    return;
  }
  using Body = std::remove_reference_t<F>;
  detail::run_chunks(
      n, chunk,
      [](void* context, int64_t begin, int64_t end) { (*static_cast<Body*>(context))(begin, end); },
      const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace flambeau
