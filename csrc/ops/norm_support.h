// How channels lie in memory, for batch_norm and its gradient.
#pragma once
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "ops/axis.h"

namespace flambeau {

// Channels last, and (N, C): rows of `count` neighbours. Else runs of `spread` elements each.
struct Channels {
  int64_t count, spread;
  bool last;
  int64_t rows;  // if last
};
Channels channels_of(const Tensor& x);
// `x` itself where channels are runs or columns, else a contiguous copy.
Tensor with_channels(const Tensor& x);

// A parameter as contiguous elements of the type computed in, or n times `otherwise`.
Tensor parameter(const Tensor& t, DType dtype, int64_t n, double otherwise);

// Calls columns(at, rows) for stretches of rows, or runs(at, channel, count) for stretches of runs
// that begin at `channel` and stay within one sample; `at` counts elements.
template <class Columns, class Runs>
void for_channels(const Tensor& x, const Channels& c, const Columns& columns, const Runs& runs) {
  BlockingRegion region(x.numel() >= kBlockingWork);
  if (c.last) {
    parallel_for(c.rows, std::max<int64_t>(kParallelGrain / c.count, 1),
                 [&](int64_t begin, int64_t end) { columns(begin * c.count, end - begin); });
    return;
  }
  parallel_for(x.numel() / c.spread, std::max<int64_t>(kParallelGrain / c.spread, 1),
               [&](int64_t begin, int64_t end) {
                 while (begin < end) {
                   const int64_t channel = begin % c.count;
                   const int64_t stop = std::min(end, begin - channel + c.count);
                   runs(begin * c.spread, channel, stop - begin);
                   begin = stop;
                 }
               });
}

}  // namespace flambeau
