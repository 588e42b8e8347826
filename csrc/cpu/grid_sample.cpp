#include "cpu/grid_sample.h"

#include <algorithm>

#include "core/allocator.h"
#include "cpu/thread_pool.h"
#include "cpu/transpose_to.h"

namespace flambeau {
namespace {

constexpr int64_t kChannels = 64;                    // that a block of points goes through at once
constexpr int64_t kGroup = 16;                       // channels of one image that a thread scatters
constexpr int64_t kPoints = kGridPairs / kGridTaps;  // in a block whose channels are side by side
constexpr int64_t kRowsAtOnce = 8;  // that a transposition takes without evicting any of them

template <class T> struct GridKernels;
#define FB_KERNELS_OF(S, T)                                               \
  template <> struct GridKernels<T> {                                     \
    static constexpr auto& taps = grid_taps_##S;                          \
    static constexpr auto& gather_rows = grid_gather_rows_##S;            \
    static constexpr auto& scatter_rows = grid_scatter_rows_##S;          \
    static constexpr auto& slopes_rows = grid_slopes_rows_##S;            \
    static constexpr auto& gather_planes = grid_gather_planes_##S;        \
    static constexpr auto& scatter_planes = grid_scatter_planes_##S;      \
    static constexpr auto& slopes_planes = grid_slopes_planes_##S;        \
  };
FB_KERNELS_OF(f32, float)
FB_KERNELS_OF(f64, double)
#undef FB_KERNELS_OF

// Calls f(first, count) for blocks of [0, n), in which each item is worth `work` elements.
template <class F>
void for_blocks(int64_t n, int64_t block, int64_t work, F&& f) {
  const int64_t grain = std::max<int64_t>(1, 16384 / (block * std::max<int64_t>(work, 1)));
  parallel_for((n + block - 1) / block, grain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b * block, std::min(block, n - b * block));
  });
}

// Calls f(image) for all. Many are divided among the threads, each of which keeps its image in its
// own cache; few one by one, and loops within f are divided.
template <class F>
void for_images(int64_t batch, F&& f) {
  if (batch >= 2 * num_threads())
    return parallel_for(batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) f(n);
    });
  for (int64_t n = 0; n < batch; ++n) f(n);
}

int64_t tap_count(const GridRule& r) {
  const int64_t along = r.filter == GridFilter::Nearest  ? 1
                        : r.filter == GridFilter::Linear ? 2
                                                         : 4;
  return r.dims == 2 ? along * along : along * along * along;
}

// Whole vectors.
template <class T>
int64_t padded(int64_t channels) {
  constexpr int64_t kLanes = 32 / sizeof(T);
  return (channels + kLanes - 1) / kLanes * kLanes;
}

// Whether single elements of planes are read: laying channels side by side takes a pass over the
// image, which many taps of many channels pay for. In quarters of what one element costs.
template <class T>
bool by_planes(const GridProblem& p) {
  const int64_t taps = tap_count(p.rule), few = p.channels < kRowsAtOnce ? 40 : 0;
  return 4 * taps * p.channels * p.points <
         2 * padded<T>(p.channels) * p.pixels + (5 * taps + 2 * p.channels + few) * p.points;
}

// Points in a block: of planes as many as there is room for, so that one stays in a cache.
int64_t block_of(const GridProblem& p, bool planes) {
  return planes ? kGridPairs / tap_count(p.rule) : kPoints;
}

// One image with its channels side by side: in place, or a copy whose rows are padded with zeros.
template <class T>
class RowImage {
 public:
  RowImage(const GridProblem& p, const T* image, bool channels_last)
      : row_(channels_last ? p.channels : padded<T>(p.channels)),
        room_(channels_last ? 0 : checked_nbytes(p.pixels, sizeof(T) * static_cast<size_t>(row_))),
        data_(channels_last ? image : room_.template as<T>()) {
    if (!channels_last) copy(p, image, room_.template as<T>());
  }
  const T* data() const { return data_; }
  int64_t row() const { return row_; }  // channels to compute and their distance from row to row

 private:
  // A few channels at a time: their distance is often a power of two, and lines of as many as the
  // nearest cache has ways would evict each other.
  void copy(const GridProblem& p, const T* from, T* to) const {
    for_blocks(p.pixels, kPoints, row_, [&](int64_t first, int64_t n) {
      T* block = to + first * row_;
      for (int64_t c = 0; c < p.channels; c += kRowsAtOnce) {
        const int64_t now = std::min(c, std::max<int64_t>(p.channels - kRowsAtOnce, 0));
        transpose_to(from + now * p.pixels + first, p.pixels, block + now, row_,
                     std::min(kRowsAtOnce, p.channels), n);
      }
      if (row_ == p.channels) return;
      for (int64_t i = 0; i < n; ++i)
        std::fill(block + i * row_ + p.channels, block + (i + 1) * row_, T(0));
    });
  }

  int64_t row_;
  Workspace room_;
  const T* data_;
};

template <class T>
constexpr T kNone[kChannels] = {};  // a pixel outside the image

}  // namespace

template <class T>
void grid_sample(const GridProblem& p, const T* image, bool channels_last, const T* grid,
                 T* values) {
  using K = GridKernels<T>;
  const bool planes = !channels_last && by_planes<T>(p);
  const int64_t work = p.channels * tap_count(p.rule), step = block_of(p, planes);
  for_images(p.batch, [&](int64_t n) {
    const T* from = image + n * p.channels * p.pixels;
    const T* at = grid + n * p.points * p.rule.dims;
    T* to = values + n * p.channels * p.points;
    if (planes)
      return for_blocks(p.points, step, work, [&](int64_t first, int64_t count) {
        GridTaps<T> taps;
        taps.step = step;
        K::taps(p.rule, at + first * p.rule.dims, count, taps);
        K::gather_planes(taps, from, p.pixels, p.channels, to + first, p.points);
      });
    const RowImage<T> rows(p, from, channels_last);
    for_blocks(p.points, step, work, [&](int64_t first, int64_t count) {
      GridTaps<T> taps;
      taps.step = step;
      alignas(64) T block[kPoints * kChannels];
      K::taps(p.rule, at + first * p.rule.dims, count, taps);
      for (int64_t c = 0; c < p.channels; c += kChannels) {
        const int64_t width = std::min(kChannels, rows.row() - c);
        K::gather_rows(taps, rows.data() + c, rows.row(), width, kNone<T>, block, width);
        transpose_to(block, width, to + c * p.points + first, p.points, count,
                     std::min(kChannels, p.channels - c));
      }
    });
  });
}

template <class T>
void grid_sample_scatter(const GridProblem& p, const T* values, const T* grid, T* image) {
  using K = GridKernels<T>;
  const bool planes = by_planes<T>(p);
  const bool whole = p.batch >= 2 * num_threads();
  const int64_t group = whole ? kChannels : planes ? 4 : kGroup;
  const int64_t groups = (p.channels + group - 1) / group, step = block_of(p, planes);
  parallel_for(p.batch * groups, 1, [&](int64_t begin, int64_t end) {
    const int64_t room = planes ? 0 : padded<T>(std::min(group, p.channels));
    const Workspace space(checked_nbytes(p.pixels, sizeof(T) * static_cast<size_t>(room)));
    alignas(64) T block[kPoints * kChannels] = {};
    GridTaps<T> taps;
    taps.step = step;
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u / groups, c = u % groups * group, count = std::min(group, p.channels - c);
      const int64_t row = padded<T>(count);
      const T* from = values + (n * p.channels + c) * p.points;
      T* to = image + (n * p.channels + c) * p.pixels;
      T* rows = space.as<T>();
      if (planes)
        std::fill_n(to, count * p.pixels, T(0));
      else
        std::fill_n(rows, row * p.pixels, T(0));
      for (int64_t first = 0; first < p.points; first += step) {
        const int64_t some = std::min(step, p.points - first);
        K::taps(p.rule, grid + (n * p.points + first) * p.rule.dims, some, taps);
        if (planes) {
          K::scatter_planes(taps, from + first, p.points, count, to, p.pixels);
          continue;
        }
        transpose_to(from + first, p.points, block, row, count, some);
        K::scatter_rows(taps, block, row, row, rows, row);
      }
      if (!planes) transpose_to(rows, row, to, p.pixels, p.pixels, count);
    }
  });
}

template <class T>
void grid_sample_slopes(const GridProblem& p, const T* values, const T* image, bool channels_last,
                        const T* grid, T* grid_grad) {
  using K = GridKernels<T>;
  const int dims = p.rule.dims;
  const bool planes = !channels_last && by_planes<T>(p);
  const int64_t work = p.channels * tap_count(p.rule) * dims, step = block_of(p, planes);
  std::fill_n(grid_grad, p.batch * p.points * dims, T(0));
  for_images(p.batch, [&](int64_t n) {
    const T* from = image + n * p.channels * p.pixels;
    const T* factor = values + n * p.channels * p.points;
    const auto for_taps = [&](auto&& f) {
      for_blocks(p.points, step, work, [&](int64_t first, int64_t count) {
        GridTaps<T> taps[3];
        const int64_t at = (n * p.points + first) * dims;
        for (int d = 0; d < dims; ++d) {
          GridRule rule = p.rule;
          ++rule.order[d];
          taps[d].step = step;
          K::taps(rule, grid + at, count, taps[d]);
        }
        f(first, count, taps, grid_grad + at);
      });
    };
    if (planes)
      return for_taps([&](int64_t first, int64_t, const GridTaps<T>* taps, T* to) {
        K::slopes_planes(taps, dims, factor + first, p.points, from, p.pixels, p.channels, to);
      });
    const RowImage<T> rows(p, from, channels_last);
    for_taps([&](int64_t first, int64_t count, const GridTaps<T>* taps, T* to) {
      alignas(64) T block[kPoints * kChannels] = {};
      for (int64_t c = 0; c < p.channels; c += kChannels) {
        const int64_t width = std::min(kChannels, rows.row() - c);
        const int64_t some = std::min(kChannels, p.channels - c);
        if (some < width) std::fill(block, block + count * width, T(0));
        transpose_to(factor + c * p.points + first, p.points, block, width, some, count);
        K::slopes_rows(taps, dims, block, width, rows.data() + c, rows.row(), width, kNone<T>, to);
      }
    });
  });
}

#define FB_GRID_INSTANCES(T)                                                                   \
  template void grid_sample(const GridProblem&, const T*, bool, const T*, T*);                 \
  template void grid_sample_scatter(const GridProblem&, const T*, const T*, T*);               \
  template void grid_sample_slopes(const GridProblem&, const T*, const T*, bool, const T*, T*)
FB_GRID_INSTANCES(float);
FB_GRID_INSTANCES(double);
#undef FB_GRID_INSTANCES

}  // namespace flambeau
