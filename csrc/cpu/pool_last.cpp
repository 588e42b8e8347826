#include "cpu/pool_last.h"

#include <algorithm>
#include <atomic>

#include "cpu/kernels/pool_channels.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

// The kernels of a type.
template <class T> struct Channels;
#define FB_CHANNELS(S, T)                                     \
  template <> struct Channels<T> {                            \
    static constexpr auto& max = channels_max_##S;            \
    static constexpr auto& mean = channels_mean_##S;          \
    static constexpr auto& taps = channels_taps_##S;          \
    static constexpr auto& argmax = channels_argmax_##S;      \
    static constexpr auto& share = channels_share_##S;        \
    static constexpr auto& route = channels_route_##S;        \
  };
FB_CHANNELS(f32, float)
FB_CHANNELS(f64, double)
FB_CHANNELS(i64, int64_t)
#undef FB_CHANNELS

// How many elements of a window along an axis lie before the image.
int64_t skipped(const PoolGeometry& g, const PoolKernel& k, int axis, int64_t window) {
  return (g.axis[axis].begin[window] - window * k.stride[axis] + k.pad[axis]) / k.dilation[axis];
}

// The pixels of a window as steps from its first one: windows of the same extent share them.
class WindowShape {
 public:
  WindowShape(const PoolGeometry& g, const PoolKernel* k) : g_(g), k_(k) {}

  // Moves to the window of an output pixel.
  void enter(const int64_t* out) {
    int64_t extent[3], skip[3], first[3];
    for (int d = 0; d < 3; ++d) {
      first[d] = g_.axis[d].begin[out[d]];
      extent[d] = std::max<int64_t>(0, g_.axis[d].end[out[d]] - first[d]);
      skip[d] = k_ ? skipped(g_, *k_, d, out[d]) : 0;
    }
    first_ = (first[0] * g_.in[1] + first[1]) * g_.in[2] + first[2];
    if (std::equal(extent, extent + 3, extent_) && std::equal(skip, skip + 3, skip_)) return;
    std::copy_n(extent, 3, extent_);
    std::copy_n(skip, 3, skip_);
    list();
  }
  int64_t first() const { return first_; }  // position of the first pixel
  int64_t count() const { return static_cast<int64_t>(position_.size()); }
  const int64_t* position() const { return position_.data(); }
  const int64_t* offset() const { return offset_.data(); }
  const uint8_t* number() const { return number_.data(); }

 private:
  void list() {
    const int64_t steps[3] = {g_.axis[0].step, g_.axis[1].step, g_.axis[2].step};
    int64_t count = 1;
    for (int d = 0; d < 3; ++d) count *= (extent_[d] + steps[d] - 1) / steps[d];
    position_.resize(static_cast<size_t>(count)), offset_.resize(position_.size());
    number_.resize(k_ ? position_.size() : 0);
    int64_t at = 0;
    for (int64_t i = 0, a = skip_[0]; i < extent_[0]; i += steps[0], ++a)
      for (int64_t j = 0, b = skip_[1]; j < extent_[1]; j += steps[1], ++b) {
        const int64_t row = (i * g_.in[1] + j) * g_.in[2];
        if (k_) {
          int64_t number = (a * k_->size[1] + b) * k_->size[2] + skip_[2], m = at;
          for (int64_t l = 0; l < extent_[2]; l += steps[2])
            number_[m++] = static_cast<uint8_t>(number++);
        }
        for (int64_t l = 0; l < extent_[2]; l += steps[2], ++at) {
          position_[at] = row + l;
          offset_[at] = (row + l) * g_.channels;
        }
      }
  }

  const PoolGeometry& g_;
  const PoolKernel* k_;
  int64_t extent_[3] = {-1, -1, -1}, skip_[3] = {0, 0, 0}, first_ = 0;
  std::vector<int64_t> position_, offset_;
  std::vector<uint8_t> number_;
};

int64_t window_size(const PoolGeometry& g) {
  int64_t n = 1;
  for (const PoolAxis& a : g.axis)
    if (!a.begin.empty()) n *= std::max<int64_t>(1, (a.end[0] - a.begin[0]) / a.step);
  return n;
}

int64_t grain_of(int64_t work) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(work, 1)); }

// Calls f(image, pixel, coordinates) for pixels [begin, end) of all images of the size.
template <class F>
void walk(const int64_t* size, int64_t begin, int64_t end, F&& f) {
  const int64_t pixels = size[0] * size[1] * size[2];
  int64_t n = begin / pixels, p = begin % pixels;
  int64_t at[3] = {p / (size[1] * size[2]), p / size[2] % size[1], p % size[2]};
  for (int64_t u = begin; u < end; ++u) {
    f(n, p, at);
    if (++p == pixels) p = 0, ++n;
    for (int d = 2; d >= 0 && ++at[d] == size[d]; --d) at[d] = 0;
  }
}

// Calls f(image, output pixel, coordinates, window) for all windows.
template <class F>
void for_windows(const PoolGeometry& g, const PoolKernel* k, F&& f) {
  parallel_for(g.batch * g.out_pixels(), grain_of(window_size(g) * g.channels),
               [&](int64_t begin, int64_t end) {
                 WindowShape window(g, k);
                 walk(g.out, begin, end, [&](int64_t n, int64_t p, const int64_t* at) {
                   window.enter(at);
                   f(n, p, at, window);
                 });
               });
}

// Along one axis, the windows that each pixel belongs to, with its place in them: that in the
// kernel where there is one.
struct Members {
  std::vector<int64_t> first, window, place;  // those of pixel i: [first[i], first[i + 1])

  Members(const PoolGeometry& g, const PoolKernel* k, int axis)
      : first(static_cast<size_t>(g.in[axis]) + 1, 0) {
    const PoolAxis& a = g.axis[axis];
    each(a, [&](int64_t, int64_t i, int64_t) { ++first[static_cast<size_t>(i) + 1]; });
    for (size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
    window.resize(static_cast<size_t>(first.back()));
    place.resize(window.size());
    std::vector<int64_t> next(first.begin(), first.end() - 1);
    each(a, [&](int64_t o, int64_t i, int64_t l) {
      const auto at = static_cast<size_t>(next[static_cast<size_t>(i)]++);
      window[at] = o, place[at] = k ? l + skipped(g, *k, axis, o) : l;
    });
  }

 private:
  template <class F>
  static void each(const PoolAxis& axis, F&& f) {
    for (size_t o = 0; o < axis.begin.size(); ++o)
      for (int64_t i = axis.begin[o], l = 0; i < axis.end[o]; i += axis.step, ++l)
        f(static_cast<int64_t>(o), i, l);
  }
};

// The sum of f(image, input pixel, each), where each(use) calls use(window's coordinates, place in
// it) for the windows that the pixel belongs to, in their order.
template <class F>
int64_t for_members(const PoolGeometry& g, const PoolKernel* k, F&& f) {
  const Members a(g, k, 0), b(g, k, 1), c(g, k, 2);
  std::atomic<int64_t> total = 0;
  parallel_for(g.batch * g.in_pixels(), grain_of(g.channels), [&](int64_t begin, int64_t end) {
    int64_t sum = 0;
    walk(g.in, begin, end, [&](int64_t n, int64_t p, const int64_t* at) {
      sum += f(n, p, [&](auto&& use) {
        for (int64_t i = a.first[at[0]]; i < a.first[at[0] + 1]; ++i)
          for (int64_t j = b.first[at[1]]; j < b.first[at[1] + 1]; ++j)
            for (int64_t l = c.first[at[2]]; l < c.first[at[2] + 1]; ++l) {
              const int64_t window[3] = {a.window[i], b.window[j], c.window[l]};
              const int64_t place[3] = {a.place[i], b.place[j], c.place[l]};
              use(window, place);
            }
      });
    });
    total += sum;
  });
  return total;
}

int64_t pixel_of(const int64_t* at, const int64_t* size) {
  return (at[0] * size[1] + at[1]) * size[2] + at[2];
}

}  // namespace

template <class T>
void pool_last_max(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y) {
  for_windows(g, nullptr, [&](int64_t n, int64_t p, const int64_t*, const WindowShape& w) {
    T* out = y.data + n * y.batch + p * g.channels;
    if (w.count() == 0) return void(std::fill_n(out, g.channels, T(0)));
    Channels<T>::max(x.data + n * x.batch + w.first() * g.channels, w.offset(), w.count(), out,
                     g.channels);
  });
}

template <class T>
void pool_last_indices(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y,
                       const ConvImage<int64_t>& indices) {
  for_windows(g, nullptr, [&](int64_t n, int64_t p, const int64_t*, const WindowShape& w) {
    const int64_t to = n * y.batch + p * g.channels;
    if (w.count() == 0) {
      std::fill_n(y.data + to, g.channels, T(0));
      return void(std::fill_n(indices.data + to, g.channels, int64_t{0}));
    }
    Channels<T>::argmax(x.data + n * x.batch + w.first() * g.channels, w.offset(), w.position(),
                        w.count(), w.first(), y.data + to, indices.data + to, g.channels);
  });
}

template <class T>
void pool_last_taps(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& x,
                    const ConvImage<T>& y, const ConvImage<uint8_t>& taps) {
  for_windows(g, &k, [&](int64_t n, int64_t p, const int64_t*, const WindowShape& w) {
    const int64_t to = n * y.batch + p * g.channels;
    if (w.count() == 0) {
      std::fill_n(y.data + to, g.channels, T(0));
      return void(std::fill_n(taps.data + to, g.channels, uint8_t{0}));
    }
    Channels<T>::taps(x.data + n * x.batch + w.first() * g.channels, w.offset(), w.number(),
                      w.count(), y.data + to, taps.data + to, g.channels);
  });
}

template <class T>
void pool_last_mean(const PoolGeometry& g, const PoolDivisor& d, const ConvImage<const T>& x,
                    const ConvImage<T>& y) {
  for_windows(g, nullptr, [&](int64_t n, int64_t p, const int64_t* at, const WindowShape& w) {
    T* out = y.data + n * y.batch + p * g.channels;
    const int64_t divisor = divisor_at(g, d, at[0], at[1], at[2]);
    if (w.count() == 0 || divisor == 0) return void(std::fill_n(out, g.channels, T(0)));
    Channels<T>::mean(x.data + n * x.batch + w.first() * g.channels, w.offset(), w.count(),
                      static_cast<T>(divisor), out, g.channels);
  });
}

// Both gradients are gathered: every pixel is written once.
template <class T>
bool pool_last_spread(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& grad,
                      const ConvImage<const uint8_t>& taps, const ConvImage<T>& x_grad) {
  const int64_t routed = for_members(g, &k, [&](int64_t n, int64_t p, auto&& each) {
    const T* from[kMostTaps];
    const uint8_t* chosen[kMostTaps];
    uint8_t number[kMostTaps];
    int64_t count = 0;
    each([&](const int64_t* window, const int64_t* place) {
      const int64_t at = n * grad.batch + pixel_of(window, g.out) * g.channels;
      from[count] = grad.data + at;
      chosen[count] = taps.data + at;
      number[count++] = static_cast<uint8_t>(pixel_of(place, k.size));
    });
    return Channels<T>::route(from, chosen, number, count,
                              x_grad.data + n * x_grad.batch + p * g.channels, g.channels);
  });
  // A tap that leads outside the image reaches no pixel.
  return routed == g.batch * g.out_pixels() * g.channels;
}

template <class T>
void pool_last_mean_grad(const PoolGeometry& g, const PoolDivisor& d,
                         const ConvImage<const T>& grad, const ConvImage<T>& x_grad) {
  for_members(g, nullptr, [&](int64_t n, int64_t p, auto&& each) {
    constexpr int64_t kRoom = 64;
    const T* from[kRoom];
    T divisor[kRoom];
    int64_t count = 0;
    T* out = x_grad.data + n * x_grad.batch + p * g.channels;
    const T unit = 1;
    const auto flush = [&] {
      Channels<T>::share(from, divisor, count, out, g.channels);
      from[0] = out, divisor[0] = unit, count = 1;  // what follows is added to it
    };
    each([&](const int64_t* window, const int64_t*) {
      const int64_t by = divisor_at(g, d, window[0], window[1], window[2]);
      if (by == 0) return;
      if (count == kRoom) flush();
      from[count] = grad.data + n * grad.batch + pixel_of(window, g.out) * g.channels;
      divisor[count++] = static_cast<T>(by);
    });
    flush();
    return int64_t{0};
  });
}

#define FB_POOL_LAST_INSTANCES(T)                                                                  \
  template void pool_last_max(const PoolGeometry&, const ConvImage<const T>&, const ConvImage<T>&); \
  template void pool_last_indices(const PoolGeometry&, const ConvImage<const T>&,                  \
                                  const ConvImage<T>&, const ConvImage<int64_t>&);                 \
  template void pool_last_taps(const PoolGeometry&, const PoolKernel&, const ConvImage<const T>&,  \
                               const ConvImage<T>&, const ConvImage<uint8_t>&);                    \
  template bool pool_last_spread(const PoolGeometry&, const PoolKernel&, const ConvImage<const T>&, \
                                 const ConvImage<const uint8_t>&, const ConvImage<T>&);            \
  template void pool_last_mean(const PoolGeometry&, const PoolDivisor&, const ConvImage<const T>&, \
                               const ConvImage<T>&);                                               \
  template void pool_last_mean_grad(const PoolGeometry&, const PoolDivisor&,                       \
                                    const ConvImage<const T>&, const ConvImage<T>&)
FB_POOL_LAST_INSTANCES(float);
FB_POOL_LAST_INSTANCES(double);
FB_POOL_LAST_INSTANCES(int64_t);
#undef FB_POOL_LAST_INSTANCES

}  // namespace flambeau
