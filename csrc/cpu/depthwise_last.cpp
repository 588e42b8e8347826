// Depthwise convolution of channels-last images: a pixel is a row of channels, and every tap adds
// the product of two such rows. Target rows are cut into segments whose pixels are reached by the
// same taps, so that the kernels meet no border.
#include <algorithm>
#include <numeric>
#include <vector>

#include "core/allocator.h"
#include "cpu/depthwise_last.h"
#include "cpu/kernels/image_rows.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kChunks = 32;                   // of rows, about
constexpr int64_t kNearBytes = int64_t{2} << 20;  // a source that the caches are fast enough for
constexpr int64_t kParts = 16;                    // sums of the gradient of the weight, at most

template <class T>
struct Channels;
#define FB_CHANNELS_TABLE(T, S)                                  \
  template <>                                                    \
  struct Channels<T> {                                           \
    static constexpr auto& correlate = channels_correlate_##S;   \
    static constexpr auto& products = channels_products_add_##S; \
  }
FB_CHANNELS_TABLE(float, f32);
FB_CHANNELS_TABLE(double, f64);
#undef FB_CHANNELS_TABLE

struct TapSource {
  int64_t tap, source;  // along one dimension
  bool operator==(const TapSource&) const = default;
};

// Target pixels at, at + step, ... (`count` of them), which the same taps reach; `taps` holds the
// sources of the first one, and those of the next lie `advance` further on.
struct Segment {
  int64_t at, count;
  std::vector<TapSource> taps;
};

// One map from a source image to a target: the forward map, or its adjoint.
struct Map {
  const ConvGeometry& g;
  bool adjoint;

  int64_t target(int d) const { return adjoint ? g.in[d] : g.out[d]; }
  int64_t source(int d) const { return adjoint ? g.out[d] : g.in[d]; }
  int64_t step() const { return adjoint ? g.stride[2] : 1; }
  int64_t advance() const { return adjoint ? 1 : g.stride[2]; }

  void reach(int d, int64_t at, std::vector<TapSource>* taps) const {
    taps->clear();
    for (int64_t k = 0; k < g.kernel[d]; ++k) {
      int64_t p = at * g.stride[d] - g.pad[d] + k * g.dilation[d];
      if (adjoint) {
        p = at + g.pad[d] - k * g.dilation[d];
        if (p % g.stride[d] != 0) continue;
        p /= g.stride[d];
      }
      if (p >= 0 && p < source(d)) taps->push_back({k, p});
    }
  }

  // Whether tap k along dimension d is the first to read a pixel, targets being made in order.
  bool first_to_read(int d, int64_t k) const {
    if (adjoint) return k < (d == 2 ? g.stride[d] : 1);
    return k + g.stride[d] / std::gcd(g.stride[d], g.dilation[d]) >= g.kernel[d];
  }
  bool first_to_read(int64_t tap) const {
    const int64_t row = tap / g.kernel[2];
    return first_to_read(2, tap % g.kernel[2]) && first_to_read(1, row % g.kernel[1]) &&
           first_to_read(0, row / g.kernel[1]);
  }

  std::vector<Segment> segments() const {
    std::vector<Segment> list;
    std::vector<TapSource> taps, expected;
    for (int64_t r = 0; r < std::min(step(), target(2)); ++r)
      for (int64_t p = r; p < target(2); p += step()) {
        reach(2, p, &taps);
        for (TapSource& t : expected) t.source += advance();
        if (p != r && taps == expected) {
          ++list.back().count;
        } else {
          list.push_back({p, 1, taps});
          expected = taps;
        }
      }
    return list;
  }
};

// Calls f(first target pixel, segment, sources, taps) for each segment of target row `row`; sources
// are pixels of the source image that the taps read for the first target pixel.
class Rows {
 public:
  explicit Rows(const Map& map) : map_(map), segments_(map.segments()) {}

  template <class F>
  void visit(int64_t row, F&& f) {
    const ConvGeometry& g = map_.g;
    map_.reach(0, row / map_.target(1), &z_);
    map_.reach(1, row % map_.target(1), &y_);
    for (const Segment& s : segments_) {
      source_.clear(), tap_.clear();
      for (const TapSource& z : z_)
        for (const TapSource& y : y_)
          for (const TapSource& x : s.taps) {
            source_.push_back((z.source * map_.source(1) + y.source) * map_.source(2) + x.source);
            tap_.push_back((z.tap * g.kernel[1] + y.tap) * g.kernel[2] + x.tap);
          }
      f(row * map_.target(2) + s.at, s, source_, tap_);
    }
  }

 private:
  const Map map_;
  const std::vector<Segment> segments_;
  std::vector<TapSource> z_, y_;
  std::vector<int64_t> source_, tap_;
};

// What the taps of a segment read, as the kernels want it.
template <class T>
class Sources {
 public:
  explicit Sources(const Map& map)
      : channels_(map.g.in_channels), step_(map.advance() * channels_) {
    const int64_t pixels = map.g.batch * map.source(0) * map.source(1) * map.source(2);
    const bool far = pixels * channels_ * static_cast<int64_t>(sizeof(T)) > kNearBytes;
    for (int64_t t = 0; t < map.g.taps(); ++t) is_first_.push_back(far && map.first_to_read(t));
  }
  TapRows<T> of(const T* image, const std::vector<int64_t>& pixels,
                const std::vector<int64_t>& taps, const T* const* factors) {
    from_.clear(), first_read_.clear();
    for (size_t i = 0; i < taps.size(); ++i) {
      from_.push_back(image + pixels[i] * channels_);
      if (is_first_[taps[i]]) first_read_.push_back(from_.back());
    }
    return {from_.data(),
            step_,
            factors,
            static_cast<int64_t>(from_.size()),
            first_read_.data(),
            static_cast<int64_t>(first_read_.size())};
  }

 private:
  const int64_t channels_, step_;
  std::vector<char> is_first_;  // of each tap
  std::vector<const T*> from_, first_read_;
};

template <class T>
void correlate(const Map& map, const T* source, const T* weight, const T* bias, T* target) {
  const ConvGeometry& g = map.g;
  const int64_t channels = g.in_channels, taps = g.taps();
  const int64_t rows = map.target(0) * map.target(1);
  const int64_t source_pixels = map.source(0) * map.source(1) * map.source(2);
  const Workspace turned(checked_nbytes(channels * taps, sizeof(T)));
  for (int64_t t = 0; t < taps; ++t)  // (c, t) as (t, c)
    for (int64_t c = 0; c < channels; ++c) turned.as<T>()[t * channels + c] = weight[c * taps + t];
  const int64_t work = map.target(2) * channels * taps, units = g.batch * rows;
  // Rows next to each other read the same: long chunks load less twice.
  const int64_t grain = std::max(65536 / std::max<int64_t>(work, 1), units / kChunks + 1);
  parallel_for(units, grain, [&](int64_t begin, int64_t end) {
    Rows walk(map);
    Sources<T> from(map);
    std::vector<const T*> factor;
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u / rows;
      const T* image = source + n * source_pixels * channels;
      T* to = target + n * rows * map.target(2) * channels;
      walk.visit(u % rows, [&](int64_t first, const Segment& s, const std::vector<int64_t>& sources,
                               const std::vector<int64_t>& list) {
        factor.clear();
        for (const int64_t t : list) factor.push_back(turned.as<T>() + t * channels);
        Channels<T>::correlate(from.of(image, sources, list, factor.data()), bias,
                               to + first * channels, map.step() * channels, s.count, channels);
      });
    }
  });
}

}  // namespace

template <class T>
void depthwise_last_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias,
                            T* y) {
  correlate<T>({g, false}, x, weight, bias, y);
}

template <class T>
void depthwise_last_adjoint(const ConvGeometry& g, const T* y, const T* weight, const T* bias,
                            T* x) {
  correlate<T>({g, true}, y, weight, bias, x);
}

template <class T>
void depthwise_last_weight_grad(const ConvGeometry& g, const T* y, const T* x, T* weight) {
  const Map map{g, false};
  const int64_t channels = g.in_channels, taps = g.taps(), rows = g.out[0] * g.out[1];
  const int64_t units = g.batch * rows, total = taps * channels;
  const auto work = static_cast<int64_t>(static_cast<double>(units * g.out[2]) * total / 65536);
  const int64_t parts = std::clamp<int64_t>(std::min(work, units), 1, kParts);
  const Workspace space(checked_nbytes(parts * total, sizeof(T)));  // (part, tap, channel)
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    Rows walk(map);
    Sources<T> from(map);
    std::vector<T*> to;
    for (int64_t part = begin; part < end; ++part) {
      T* sums = space.as<T>() + part * total;
      std::fill(sums, sums + total, T(0));
      for (int64_t u = units * part / parts; u < units * (part + 1) / parts; ++u) {
        const int64_t n = u / rows;
        const T* image = x + n * g.in_pixels() * channels;
        const T* grad = y + n * g.out_pixels() * channels;
        walk.visit(u % rows,
                   [&](int64_t first, const Segment& s, const std::vector<int64_t>& sources,
                       const std::vector<int64_t>& list) {
                     to.clear();
                     for (const int64_t t : list) to.push_back(sums + t * channels);
                     Channels<T>::products(grad + first * channels, channels,
                                           from.of(image, sources, list, nullptr), to.data(),
                                           s.count, channels);
                   });
      }
    }
  });
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t c = 0; c < channels; ++c) {
      T sum = 0;
      for (int64_t part = 0; part < parts; ++part)
        sum += space.as<T>()[part * total + t * channels + c];
      weight[c * taps + t] = sum;
    }
}

#define FB_DEPTHWISE_LAST_INSTANCES(T)                                                            \
  template void depthwise_last_forward(const ConvGeometry&, const T*, const T*, const T*, T*);    \
  template void depthwise_last_adjoint(const ConvGeometry&, const T*, const T*, const T*, T*);    \
  template void depthwise_last_weight_grad(const ConvGeometry&, const T*, const T*, T*)
FB_DEPTHWISE_LAST_INSTANCES(float);
FB_DEPTHWISE_LAST_INSTANCES(double);
#undef FB_DEPTHWISE_LAST_INSTANCES

}  // namespace flambeau
