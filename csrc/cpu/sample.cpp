#include "cpu/sample.h"

#include <algorithm>

#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kChannels = 4;  // that share the look-up of positions and weights
constexpr int64_t kPoints = 512;

int64_t grain_of(int64_t work) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(work, 1)); }

// Calls f(image, first channel, end) for all channels, a few at a time.
template <class F>
void for_channels(const SampleGeometry& g, F&& f) {
  const int64_t groups = (g.channels + kChannels - 1) / kChannels;
  parallel_for(g.batch * groups, grain_of(g.points * g.taps * kChannels),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t c = u % groups * kChannels;
                   f(u / groups, c, std::min(c + kChannels, g.channels));
                 }
               });
}

// N channels whose images lie `pixels` apart, their values `points`.
template <int N, class T>
void sample_channels(const SampleGeometry& g, const T* image, const int32_t* index, const T* weight,
                     T* values) {
  const int64_t step = g.batch * g.points;
  for (int64_t p = 0; p < g.points; ++p) {
    T sum[N] = {};
    for (int64_t t = 0; t < g.taps; ++t) {
      const int64_t at = index[t * step + p];
      if (at < 0) continue;
      const T w = weight[t * step + p];
      for (int c = 0; c < N; ++c) sum[c] += w * image[c * g.pixels + at];
    }
    for (int c = 0; c < N; ++c) values[c * g.points + p] = sum[c];
  }
}

template <int N, class T>
void scatter_channels(const SampleGeometry& g, const T* values, const int32_t* index,
                      const T* weight, T* image) {
  const int64_t step = g.batch * g.points;
  std::fill_n(image, N * g.pixels, T(0));
  for (int64_t p = 0; p < g.points; ++p)
    for (int64_t t = 0; t < g.taps; ++t) {
      const int64_t at = index[t * step + p];
      if (at < 0) continue;
      const T w = weight[t * step + p];
      for (int c = 0; c < N; ++c) image[c * g.pixels + at] += w * values[c * g.points + p];
    }
}

}  // namespace

template <class T>
void sample(const SampleGeometry& g, const T* image, const int32_t* index, const T* weight,
            T* values) {
  for_channels(g, [&](int64_t n, int64_t c0, int64_t c1) {
    const T* from = image + (n * g.channels + c0) * g.pixels;
    T* to = values + (n * g.channels + c0) * g.points;
    const int64_t at = n * g.points;
    if (c1 - c0 == kChannels)
      return sample_channels<kChannels>(g, from, index + at, weight + at, to);
    for (int64_t c = c0; c < c1; ++c, from += g.pixels, to += g.points)
      sample_channels<1>(g, from, index + at, weight + at, to);
  });
}

template <class T>
void sample_scatter(const SampleGeometry& g, const T* values, const int32_t* index, const T* weight,
                    T* image) {
  for_channels(g, [&](int64_t n, int64_t c0, int64_t c1) {
    const T* from = values + (n * g.channels + c0) * g.points;
    T* to = image + (n * g.channels + c0) * g.pixels;
    const int64_t at = n * g.points;
    if (c1 - c0 == kChannels)
      return scatter_channels<kChannels>(g, from, index + at, weight + at, to);
    for (int64_t c = c0; c < c1; ++c, from += g.points, to += g.pixels)
      scatter_channels<1>(g, from, index + at, weight + at, to);
  });
}

template <class T>
void sample_dot(const SampleGeometry& g, const T* values, const T* image, const int32_t* index,
                T* weight) {
  const int64_t blocks = (g.points + kPoints - 1) / kPoints;
  parallel_for(g.batch * blocks, grain_of(kPoints * g.taps * g.channels),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t n = u / blocks, p0 = u % blocks * kPoints;
                   const int64_t p1 = std::min(p0 + kPoints, g.points);
                   for (int64_t t = 0; t < g.taps; ++t) {
                     const int64_t row = (t * g.batch + n) * g.points;
                     std::fill(weight + row + p0, weight + row + p1, T(0));
                     for (int64_t c = 0; c < g.channels; ++c) {
                       const T* from = values + (n * g.channels + c) * g.points;
                       const T* pixels = image + (n * g.channels + c) * g.pixels;
                       for (int64_t p = p0; p < p1; ++p) {
                         const int64_t at = index[row + p];
                         if (at >= 0) weight[row + p] += from[p] * pixels[at];
                       }
                     }
                   }
                 }
               });
}

#define FB_SAMPLE_INSTANCES(T)                                                                  \
  template void sample(const SampleGeometry&, const T*, const int32_t*, const T*, T*);          \
  template void sample_scatter(const SampleGeometry&, const T*, const int32_t*, const T*, T*);  \
  template void sample_dot(const SampleGeometry&, const T*, const T*, const int32_t*, T*)
FB_SAMPLE_INSTANCES(float);
FB_SAMPLE_INSTANCES(double);
#undef FB_SAMPLE_INSTANCES

}  // namespace flambeau
