#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/system.h"
#include "cpu/thread_pool.h"
#include "testing.h"

using namespace flambeau;

namespace {

int64_t sum_up(int64_t n, int64_t grain) {
  std::atomic<int64_t> sum{0};
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    int64_t local = 0;
    for (int64_t i = begin; i < end; ++i) local += i;
    sum += local;
  });
  return sum;
}

void burn(double microseconds) {
  const int64_t end = system::now_ns() + static_cast<int64_t>(microseconds * 1000);
  while (system::now_ns() < end) {}
}

class Threads {
 public:
  explicit Threads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace

TEST(thread_pool_covers_every_element_once) {
  for (int threads : {1, 2, 5}) {
    Threads scope(threads);
    for (int64_t n : {0, 1, 7, 256, 257, 1000, 100003}) {
      std::vector<std::atomic<int>> seen(n);
      parallel_for(n, 3, [&](int64_t begin, int64_t end) {
        EXPECT(begin % 3 == 0 && begin < end && end <= n);
        for (int64_t i = begin; i < end; ++i) ++seen[i];
      });
      for (auto& s : seen) EXPECT(s == 1);
    }
  }
}

TEST(thread_pool_chunks_do_not_depend_on_threads) {
  static_assert(chunk_size(100, 1000) == 1000);
  static_assert(chunk_size(256 * 10, 10) == 10);
  static_assert(chunk_size(256 * 10 + 1, 10) == 20);
  static_assert(chunk_size(5, 0) == 1);
  std::vector<int64_t> first;
  for (int threads : {1, 2, 3}) {
    Threads scope(threads);
    std::vector<int64_t> ends(12345);
    parallel_for(12345, 7, [&](int64_t begin, int64_t end) { ends[begin] = end; });
    if (first.empty()) first = ends;
    EXPECT(ends == first);
  }
}

TEST(thread_pool_counts_divided_loops) {
  for (int threads : {1, 3}) {
    Threads scope(threads);
    const int64_t before = divided_loops();
    sum_up(1000, 1000);
    EXPECT(divided_loops() == before);
    sum_up(1000, 10);
    EXPECT(divided_loops() == before + (threads > 1));
  }
}

TEST(thread_pool_runs_nested_loops_inline) {
  Threads scope(3);
  EXPECT(!in_parallel_region());
  std::atomic<int> wrong{0}, inner{0};
  parallel_for(64, 1, [&](int64_t, int64_t) {
    if (!in_parallel_region()) ++wrong;
    const auto self = std::this_thread::get_id();
    parallel_for(10, 1, [&](int64_t begin, int64_t end) {
      inner += static_cast<int>(end - begin);
      if (std::this_thread::get_id() != self) ++wrong;
    });
  });
  EXPECT(wrong == 0 && inner == 640 && !in_parallel_region());
}

TEST(thread_pool_uses_several_threads) {
  Threads scope(2);
  std::atomic<int> helped{0};
  const auto self = std::this_thread::get_id();
  for (int i = 0; i < 50 && helped == 0; ++i)
    parallel_for(64, 1, [&](int64_t, int64_t) {
      burn(200);
      if (std::this_thread::get_id() != self) ++helped;
    });
  EXPECT(helped > 0);
}

TEST(thread_pool_rethrows) {
  Threads scope(2);
  for (int64_t bad : {0, 17, 99}) {
    EXPECT_THROW(parallel_for(100, 1,
                              [&](int64_t begin, int64_t end) {
                                burn(5);
                                if (begin <= bad && bad < end) throw std::runtime_error("chunk");
                              }),
                 "chunk");
    EXPECT(sum_up(1000, 1) == 499500);
  }
  EXPECT(!in_parallel_region());
  EXPECT_THROW(set_num_threads(0), "set_num_threads");
  EXPECT_THROW(set_num_threads(kMaxThreads + 1), "256");
}

TEST(thread_pool_changes_size) {
  Threads scope(2);
  for (int round = 0; round < 200; ++round) {
    const int n = 1 + (round * 7) % 9;
    set_num_threads(n);
    EXPECT(num_threads() == n);
    EXPECT(sum_up(5000, 10) == 12497500);
  }
}

TEST(thread_pool_takes_several_callers) {
  Threads scope(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i)
        if (sum_up(1000 + i, 10) != int64_t{1000 + i} * (999 + i) / 2) ++wrong;
    });
  for (auto& t : callers) t.join();
  EXPECT(wrong == 0);
}

TEST(thread_pool_survives_forks) {
  Threads scope(3);
  for (int i = 0; i < 100; ++i) {
    EXPECT(sum_up(100000, 100) == 4999950000);
    if (i % 2) burn(100);  // the workers are asleep at every other fork, else they spin
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);  // a hang kills the child, and the parent reports it
      const bool ok = sum_up(100000, 100) == 4999950000 && sum_up(100, 1) == 4950;
      _exit(ok && num_threads() == 3 ? 0 : 1);
    }
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT_IN(WIFEXITED(status) && WEXITSTATUS(status) == 0, "fork %d", i);
  }
}

TEST(thread_pool_survives_forks_during_jobs_of_other_threads) {
  Threads scope(3);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) sum_up(100000, 100);
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      _exit(sum_up(100000, 100) == 4999950000 ? 0 : 1);
    }
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT_IN(WIFEXITED(status) && WEXITSTATUS(status) == 0, "fork %d", i);
  }
  stop = true;
  other.join();
}
