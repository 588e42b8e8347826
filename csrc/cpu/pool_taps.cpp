// Max pooling that remembers which element of each window won, by its number in the window.
#include <algorithm>
#include <atomic>
#include <vector>

#include "cpu/kernels/pool.h"
#include "cpu/pool.h"
#include "cpu/pool_last.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kChannelBlock = 64;  // adjacent channels that one thread takes together

void taps_row(const float* const* rows, const int64_t* number, int64_t count, int64_t width,
              int64_t dilation, int64_t stride, int64_t limit, float* values, uint8_t* taps,
              int64_t n) {
  pool_taps_row_f32(rows, number, count, width, dilation, stride, limit, values, taps, n);
}
void taps_row(const double* const* rows, const int64_t* number, int64_t count, int64_t width,
              int64_t dilation, int64_t stride, int64_t limit, double* values, uint8_t* taps,
              int64_t n) {
  pool_taps_row_f64(rows, number, count, width, dilation, stride, limit, values, taps, n);
}
void taps_row(const int64_t* const* rows, const int64_t* number, int64_t count, int64_t width,
              int64_t dilation, int64_t stride, int64_t, int64_t* values, uint8_t* taps,
              int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    int64_t best = rows[0][i * stride], at = number[0];
    for (int64_t r = 0; r < count; ++r)
      for (int64_t l = 0; l < width; ++l)
        if (rows[r][i * stride + l * dilation] > best)
          best = rows[r][i * stride + l * dilation], at = number[r] + l;
    values[i] = best;
    taps[i] = static_cast<uint8_t>(at);
  }
}

int64_t grain_of(int64_t pixels) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(pixels, 1));
}

// The rows that the windows of output row (z, y) read: where they begin in a plane, and the number
// of each one's first tap.
struct WindowRows {
  std::vector<int64_t> start, number;

  WindowRows(const PoolGeometry& g, const PoolKernel& k, int64_t z, int64_t y) {
    for (int64_t i = 0; i < k.size[0]; ++i)
      for (int64_t j = 0; j < k.size[1]; ++j) {
        const int64_t iz = z * k.stride[0] - k.pad[0] + i * k.dilation[0];
        const int64_t iy = y * k.stride[1] - k.pad[1] + j * k.dilation[1];
        if (iz < 0 || iz >= g.in[0] || iy < 0 || iy >= g.in[1]) continue;
        start.push_back((iz * g.in[1] + iy) * g.in[2]);
        number.push_back((i * k.size[1] + j) * k.size[2]);
      }
  }
};

// All output rows of a plane; those of a batch are alike.
std::vector<WindowRows> all_rows(const PoolGeometry& g, const PoolKernel& k) {
  std::vector<WindowRows> rows;
  for (int64_t z = 0; z < g.out[0]; ++z)
    for (int64_t y = 0; y < g.out[1]; ++y) rows.emplace_back(g, k, z, y);
  return rows;
}

// The windows of an output row that lie inside the image: [first, last).
void whole_windows(const PoolGeometry& g, const PoolKernel& k, int64_t* first, int64_t* last) {
  const int64_t pad = k.pad[2], stride = k.stride[2], reach = (k.size[2] - 1) * k.dilation[2];
  *first = std::min(g.out[2], (pad + stride - 1) / stride);
  const int64_t room = g.in[2] - 1 - reach + pad;
  *last = room < 0 ? *first : std::clamp(room / stride + 1, *first, g.out[2]);
}

template <class T>
void plane_taps(const PoolGeometry& g, const PoolKernel& k, const std::vector<WindowRows>& all,
                const T* from, std::vector<const T*>& pointers, T* values, uint8_t* taps) {
  int64_t first, last;
  whole_windows(g, k, &first, &last);
  for (const WindowRows& rows : all) {
    const auto count = static_cast<int64_t>(rows.start.size());
    const int64_t start = first * k.stride[2] - k.pad[2];
    pointers.resize(static_cast<size_t>(count));
    for (int64_t r = 0; r < count; ++r) pointers[r] = from + rows.start[r] + start;
    if (last > first && count > 0)
      taps_row(pointers.data(), rows.number.data(), count, k.size[2], k.dilation[2], k.stride[2],
               g.in[2] - start, values + first, taps + first, last - first);
    for (int64_t x = 0; x < g.out[2]; ++x) {
      if (x == first && count > 0) x = last;  // done above
      if (x >= g.out[2]) break;
      const int64_t at = x * k.stride[2] - k.pad[2], begin = g.axis[2].begin[x];
      const int64_t skipped = (begin - at) / k.dilation[2];
      if (count == 0 || begin >= g.axis[2].end[x]) {  // padding alone
        values[x] = T(0), taps[x] = 0;
        continue;
      }
      T best = from[rows.start[0] + begin];
      int64_t tap = rows.number[0] + skipped;
      for (int64_t r = 0; r < count; ++r)
        for (int64_t i = begin, l = skipped; i < g.axis[2].end[x]; i += k.dilation[2], ++l) {
          const T v = from[rows.start[r] + i];
          if (v > best || v != v) best = v, tap = rows.number[r] + l;
        }
      values[x] = best;
      taps[x] = static_cast<uint8_t>(tap);
    }
    values += g.out[2];
    taps += g.out[2];
  }
}

// The taps as steps from the first pixel of a window, and where the windows begin, both as
// positions in a plane; taps that no window has inside the image are caught by the bounds of the
// plane.
std::vector<int64_t> tap_steps(const PoolGeometry& g, const PoolKernel& k) {
  std::vector<int64_t> steps;
  for (int64_t i = 0; i < k.size[0]; ++i)
    for (int64_t j = 0; j < k.size[1]; ++j)
      for (int64_t l = 0; l < k.size[2]; ++l)
        steps.push_back((i * k.dilation[0] * g.in[1] + j * k.dilation[1]) * g.in[2] +
                        l * k.dilation[2]);
  steps.resize(kMostTaps, INT64_MIN / 2);
  return steps;
}

// Runs f<channels last>(image, first channel, end), which says whether all positions were inside.
template <class F>
bool for_channels(const PoolGeometry& g, bool channels_last, F&& f) {
  const int64_t block = channels_last ? kChannelBlock : 1,
                blocks = (g.channels + block - 1) / block;
  std::atomic<bool> good = true;
  parallel_for(
      g.batch * blocks, grain_of((g.out_pixels() + g.in_pixels()) * block),
      [&](int64_t begin, int64_t end) {
        for (int64_t u = begin; u < end; ++u)
          if (!f(u / blocks, u % blocks * block, std::min(u % blocks * block + block, g.channels)))
            good = false;
      });
  return good;
}

// Where the window of the first output pixel of a row begins.
int64_t row_start(const PoolGeometry& g, const PoolKernel& k, int64_t row) {
  const int64_t z = row / g.out[1] * k.stride[0] - k.pad[0],
                y = row % g.out[1] * k.stride[1] - k.pad[1];
  return (z * g.in[1] + y) * g.in[2] - k.pad[2];
}

// Calls move(image element, window element) for all windows of the channels [c0, c1) of an image;
// both are pointers. False if a tap leads outside the plane.
template <class A, class B, class F>
bool move_taps(const PoolGeometry& g, const PoolKernel& k, const std::vector<int64_t>& steps,
               const uint8_t* taps, A* image, B* windows, int64_t channels, int64_t pixel,
               const F& move) {
  const int64_t* step = steps.data();
  const auto pixels = static_cast<uint64_t>(g.in_pixels());
  const int64_t rows = g.out[0] * g.out[1], width = g.out[2], stride = k.stride[2];
  bool inside = true;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t start = row_start(g, k, r);
    for (int64_t x = 0; x < width; ++x, start += stride, taps += pixel, windows += pixel)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t at = start + step[taps[c]];
        if (static_cast<uint64_t>(at) >= pixels)
          inside = false;
        else
          move(image[at * pixel + c], windows[c]);
      }
  }
  return inside;
}

template <class A, class B, class F>
bool for_taps(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const uint8_t>& taps,
              const ConvImage<A>& image, const ConvImage<B>& windows, const F& move) {
  const std::vector<int64_t> steps = tap_steps(g, k);
  return for_channels(g, taps.channels_last, [&](int64_t n, int64_t c0, int64_t c1) {
    const uint8_t* numbers = taps.data + n * taps.batch + c0 * taps.channel;
    A* pixels = image.data + n * image.batch + c0 * image.channel;
    B* results = windows.data + n * windows.batch + c0 * windows.channel;
    // A stride of 1 that the compiler knows lets it drop the inner loop and the multiplications.
    return taps.channels_last
               ? move_taps(g, k, steps, numbers, pixels, results, c1 - c0, g.channels, move)
               : move_taps(g, k, steps, numbers, pixels, results, 1, 1, move);
  });
}

}  // namespace

template <class T>
void pool_max_taps(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& x,
                   const ConvImage<T>& y, const ConvImage<uint8_t>& taps) {
  if (x.channels_last) return pool_last_taps(g, k, x, y, taps);
  const std::vector<WindowRows> rows = all_rows(g, k);
  parallel_for(g.batch * g.channels, grain_of(g.in_pixels()), [&](int64_t begin, int64_t end) {
    std::vector<const T*> pointers;
    for (int64_t u = begin; u < end; ++u)
      plane_taps(g, k, rows, x.data + u * g.in_pixels(), pointers, y.data + u * g.out_pixels(),
                 taps.data + u * g.out_pixels());
  });
}

template <class T>
bool pool_taps_spread(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& grad,
                      const ConvImage<const uint8_t>& taps, const ConvImage<T>& x_grad) {
  if (grad.channels_last) return pool_last_spread(g, k, grad, taps, x_grad);
  const int64_t total = g.batch * g.channels * g.in_pixels();
  parallel_for(total, 65536, [&](int64_t begin, int64_t end) {
    std::fill(x_grad.data + begin, x_grad.data + end, T(0));
  });
  return for_taps(g, k, taps, x_grad, grad, [](T& pixel, const T& value) { pixel += value; });
}

template <class T>
bool pool_taps_collect(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& x,
                       const ConvImage<const uint8_t>& taps, const ConvImage<T>& y) {
  return for_taps(g, k, taps, x, y, [](const T& pixel, T& value) { value = pixel; });
}

void pool_taps_indices(const PoolGeometry& g, const PoolKernel& k,
                       const ConvImage<const uint8_t>& taps, const ConvImage<int64_t>& indices) {
  const std::vector<int64_t> steps = tap_steps(g, k);
  for_channels(g, taps.channels_last, [&](int64_t n, int64_t c0, int64_t c1) {
    const int64_t pixel = taps.channels_last ? g.channels : 1, width = g.out[2];
    const uint8_t* numbers = taps.data + n * taps.batch + c0 * taps.channel;
    int64_t* to = indices.data + n * indices.batch + c0 * indices.channel;
    for (int64_t r = 0; r < g.out[0] * g.out[1]; ++r) {
      const int64_t start = row_start(g, k, r);
      for (int64_t x = 0; x < width; ++x, numbers += pixel, to += pixel)
        for (int64_t c = 0; c < c1 - c0; ++c) to[c] = start + x * k.stride[2] + steps[numbers[c]];
    }
    return true;
  });
}

#define FB_POOL_TAPS_INSTANCES(T)                                                                   \
  template void pool_max_taps(const PoolGeometry&, const PoolKernel&, const ConvImage<const T>&,    \
                              const ConvImage<T>&, const ConvImage<uint8_t>&);                      \
  template bool pool_taps_spread(const PoolGeometry&, const PoolKernel&, const ConvImage<const T>&, \
                                 const ConvImage<const uint8_t>&, const ConvImage<T>&);             \
  template bool pool_taps_collect(const PoolGeometry&, const PoolKernel&, const ConvImage<const T>&, \
                                  const ConvImage<const uint8_t>&, const ConvImage<T>&)
FB_POOL_TAPS_INSTANCES(float);
FB_POOL_TAPS_INSTANCES(double);
FB_POOL_TAPS_INSTANCES(int64_t);
#undef FB_POOL_TAPS_INSTANCES

}  // namespace flambeau
