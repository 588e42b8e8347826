#include "cpu/count.h"

#include <algorithm>
#include <cstring>

#include "core/allocator.h"
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kPart = 16 * 1024;  // elements for one thread
constexpr int64_t kMostParts = 16;

// Two tables in turn: a number that repeats does not wait for its last count.
template <class T>
void count_part(const T* p, int64_t n, int64_t low, int64_t* a, int64_t* b) {
  int64_t i = 0;
  for (; i + 2 <= n; i += 2) {
    ++a[static_cast<int64_t>(p[i]) - low];
    ++b[static_cast<int64_t>(p[i + 1]) - low];
  }
  if (i < n) ++a[static_cast<int64_t>(p[i]) - low];
}

// Several chains of comparisons, so that they do not wait for one another.
template <class T>
IntRange range_of_part(const T* p, int64_t n) {
  constexpr int kChains = 4;
  T low[kChains], high[kChains];
  std::fill_n(low, kChains, p[0]);
  std::fill_n(high, kChains, p[0]);
  int64_t i = 0;
  for (; i + kChains <= n; i += kChains) {
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c) {
      low[c] = std::min(low[c], p[i + c]);
      high[c] = std::max(high[c], p[i + c]);
    }
  }
  for (; i < n; ++i) low[0] = std::min(low[0], p[i]), high[0] = std::max(high[0], p[i]);
  return {static_cast<int64_t>(*std::min_element(low, low + kChains)),
          static_cast<int64_t>(*std::max_element(high, high + kChains))};
}

}  // namespace

int64_t IntRange::size() const {
  int64_t n = 0;
  if (__builtin_sub_overflow(high, low, &n) || n == INT64_MAX) return INT64_MAX;
  return n + 1;
}

IntRange range_of_integers(const Tensor& t) {
  const int64_t n = t.numel();
  IntRange all;
  if (n == 0) return all;
  const int64_t parts = std::clamp<int64_t>(n / kPart, 1, kMostParts),
                size = (n + parts - 1) / parts;
  IntRange found[kMostParts];
  visit_dtype(t.dtype(), [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      const T* p = t.data<T>();
      parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          found[k] = range_of_part(p + k * size, std::min(size, n - k * size));
        }
      });
    }
  });
  all = found[0];
  for (int64_t k = 1; k < parts; ++k)
    all = {std::min(all.low, found[k].low), std::max(all.high, found[k].high)};
  return all;
}

void count_integers(const Tensor& t, const IntRange& range, const Tensor& counts) {
  const int64_t n = t.numel(), size = range.size();
  int64_t* total = counts.data<int64_t>();
  BlockingRegion region(n > kBlockingWork);
  // Tables of their own for the parts, where they are small beside the elements.
  const bool own = 8 * size <= n;
  const int64_t most = own ? std::min(kMostParts, n / (4 * size)) : 1;
  const int64_t parts = std::clamp<int64_t>(n / kPart, 1, most);
  const int64_t step = (n + parts - 1) / parts;
  const Workspace tables(own ? static_cast<size_t>(2 * parts * size) * 8 : 8);
  visit_dtype(t.dtype(), [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      const T* p = t.data<T>();
      if (!own) {
        std::memset(total, 0, static_cast<size_t>(size) * 8);
        count_part(p, n, range.low, total, total);
        return;
      }
      auto* table = tables.as<int64_t>();
      parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          int64_t* a = table + 2 * k * size;
          std::memset(a, 0, static_cast<size_t>(2 * size) * 8);
          const int64_t from = k * step;
          if (from < n) count_part(p + from, std::min(step, n - from), range.low, a, a + size);
        }
      });
      std::copy_n(table, size, total);
      for (int64_t k = 1; k < 2 * parts; ++k)
        for (int64_t v = 0; v < size; ++v) total[v] += table[k * size + v];
    }
  });
}

}  // namespace flambeau
