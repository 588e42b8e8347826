#include "cpu/depthwise.h"

#include <algorithm>

#include "core/allocator.h"
#include "cpu/kernels/conv_pack.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kChannelBlock = 64;  // channels of a channels-last image that one thread takes

template <class T>
struct Rows;
#define FB_ROWS_TABLE(T, S)                                \
  template <>                                              \
  struct Rows<T> {                                         \
    static constexpr auto& add = conv_row_add_##S;         \
    static constexpr auto& products = conv_products_add_##S; \
    static constexpr auto& dot = conv_row_dot_##S;         \
  }
FB_ROWS_TABLE(float, f32);
FB_ROWS_TABLE(double, f64);
#undef FB_ROWS_TABLE

// Calls f(tap, out row, in row, first, in column of the first, count) for every row of the output
// and every tap: the output pixels [first, first + count) of the row read inside the image.
template <class F>
void for_rows(const ConvGeometry& g, F&& f) {
  for (int64_t z = 0; z < g.out[0]; ++z)
    for (int64_t y = 0; y < g.out[1]; ++y)
      for (int64_t t = 0; t < g.taps(); ++t) {
        const int64_t i = t / (g.kernel[1] * g.kernel[2]), j = t / g.kernel[2] % g.kernel[1];
        const int64_t l = t % g.kernel[2];
        const int64_t iz = z * g.stride[0] - g.pad[0] + i * g.dilation[0];
        const int64_t iy = y * g.stride[1] - g.pad[1] + j * g.dilation[1];
        if (iz < 0 || iz >= g.in[0] || iy < 0 || iy >= g.in[1]) continue;
        const int64_t start = l * g.dilation[2] - g.pad[2], step = g.stride[2];
        const int64_t first = start >= 0 ? 0 : (-start + step - 1) / step;
        const int64_t end =
            start >= g.in[2] ? 0 : std::min(g.out[2], (g.in[2] - 1 - start) / step + 1);
        if (first < end)
          f(t, z * g.out[1] + y, iz * g.in[1] + iy, first, start + first * step, end - first);
      }
}

// Planes: units are (image, channel), of the output or of the input.
template <class T, class F>
void for_planes(int64_t units, int64_t pixels, F&& f) {
  parallel_for(units, std::max<int64_t>(1, 8192 / std::max<int64_t>(pixels, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) f(u);
               });
}

// Channels last: units are (image, block of channels); f(image, first channel, channels).
template <class F>
void for_blocks(int64_t batch, int64_t channels, F&& f) {
  const int64_t blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  parallel_for(batch * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t c = u % blocks * kChannelBlock;
      f(u / blocks, c, std::min(kChannelBlock, channels - c));
    }
  });
}

// weight (c, t) as (t, c).
template <class T>
void taps_first(const T* weight, int64_t channels, int64_t taps, T* to) {
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t c = 0; c < channels; ++c) *to++ = weight[c * taps + t];
}

}  // namespace

template <class T>
void depthwise_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                       const T* bias, const ConvImage<T>& y) {
  const int64_t taps = g.taps(), pixels = g.out_pixels(), per_input = g.group_out();
  if (!y.channels_last) {
    for_planes<T>(g.batch * g.out_channels, pixels * taps, [&](int64_t u) {
      const int64_t n = u / g.out_channels, o = u % g.out_channels;
      const T* from = x.data + n * x.batch + o / per_input * x.channel;
      T* to = y.data + u * pixels;
      std::fill(to, to + pixels, bias ? bias[o] : T(0));
      for_rows(g, [&](int64_t t, int64_t row, int64_t in_row, int64_t first, int64_t at,
                      int64_t n) {
        Rows<T>::add(
            from + in_row / g.in[1] * x.pixel[0] + in_row % g.in[1] * x.pixel[1] + at * x.pixel[2],
            g.stride[2] * x.pixel[2], weight[o * taps + t], to + row * g.out[2] + first, 1, n);
      });
    });
    return;
  }
  const Workspace turned(checked_nbytes(g.out_channels * taps, sizeof(T)));
  taps_first(weight, g.out_channels, taps, turned.as<T>());
  for_blocks(g.batch, g.out_channels, [&](int64_t n, int64_t c, int64_t channels) {
    T* to = y.data + n * y.batch + c;
    for (int64_t p = 0; p < pixels; ++p) {
      T* line = to + p * g.out_channels;
      for (int64_t i = 0; i < channels; ++i) line[i] = bias ? bias[c + i] : T(0);
    }
    const T* from = x.data + n * x.batch + c;
    for_rows(g,
             [&](int64_t t, int64_t row, int64_t in_row, int64_t first, int64_t at, int64_t count) {
               for (int64_t i = 0; i < count; ++i)
                 Rows<T>::products(from + (in_row * g.in[2] + at + i * g.stride[2]) * g.in_channels,
                                   turned.as<T>() + t * g.out_channels + c,
                                   to + (row * g.out[2] + first + i) * g.out_channels, channels);
             });
  });
}

template <class T>
void depthwise_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                       const T* bias, const ConvImage<T>& x) {
  const int64_t taps = g.taps(), pixels = g.in_pixels(), per_input = g.group_out();
  if (!x.channels_last) {
    for_planes<T>(g.batch * g.in_channels, g.out_pixels() * taps * per_input, [&](int64_t u) {
      const int64_t n = u / g.in_channels, c = u % g.in_channels;
      T* to = x.data + u * pixels;
      std::fill(to, to + pixels, bias ? bias[c] : T(0));
      for (int64_t o = c * per_input; o < (c + 1) * per_input; ++o) {
        const T* from = y.data + n * y.batch + o * y.channel;
        for_rows(g, [&](int64_t t, int64_t row, int64_t in_row, int64_t first, int64_t at,
                        int64_t n) {
          Rows<T>::add(
              from + row / g.out[1] * y.pixel[0] + row % g.out[1] * y.pixel[1] + first * y.pixel[2],
              y.pixel[2], weight[o * taps + t], to + in_row * g.in[2] + at, g.stride[2], n);
        });
      }
    });
    return;
  }
  const Workspace turned(checked_nbytes(g.out_channels * taps, sizeof(T)));
  taps_first(weight, g.out_channels, taps, turned.as<T>());
  for_blocks(g.batch, g.in_channels, [&](int64_t n, int64_t c, int64_t channels) {
    T* to = x.data + n * x.batch + c;
    for (int64_t p = 0; p < pixels; ++p) {
      T* line = to + p * g.in_channels;
      for (int64_t i = 0; i < channels; ++i) line[i] = bias ? bias[c + i] : T(0);
    }
    const T* from = y.data + n * y.batch + c;
    for_rows(g, [&](int64_t t, int64_t row, int64_t in_row, int64_t first, int64_t at,
                    int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        Rows<T>::products(from + (row * g.out[2] + first + i) * g.out_channels,
                          turned.as<T>() + t * g.out_channels + c,
                          to + (in_row * g.in[2] + at + i * g.stride[2]) * g.in_channels, channels);
    });
  });
}

template <class T>
void depthwise_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                           const ConvImage<const T>& x, T* weight) {
  const int64_t taps = g.taps(), per_input = g.group_out();
  if (!y.channels_last) {
    for_planes<T>(g.out_channels, g.out_pixels() * taps * g.batch, [&](int64_t o) {
      T* to = weight + o * taps;
      std::fill(to, to + taps, T(0));
      for (int64_t n = 0; n < g.batch; ++n) {
        const T* grad = y.data + n * y.batch + o * y.channel;
        const T* from = x.data + n * x.batch + o / per_input * x.channel;
        for_rows(g,
                 [&](int64_t t, int64_t row, int64_t in_row, int64_t first, int64_t at, int64_t n) {
                   to[t] += Rows<T>::dot(grad + row * g.out[2] + first,
                                         from + in_row / g.in[1] * x.pixel[0] +
                                             in_row % g.in[1] * x.pixel[1] + at * x.pixel[2],
                                         g.stride[2] * x.pixel[2], n);
                 });
      }
    });
    return;
  }
  for_blocks(1, g.out_channels, [&](int64_t, int64_t c, int64_t channels) {
    const Workspace space(checked_nbytes(taps * channels, sizeof(T)));
    T* sums = space.as<T>();
    std::fill(sums, sums + taps * channels, T(0));
    for (int64_t n = 0; n < g.batch; ++n)
      for_rows(g, [&](int64_t t, int64_t row, int64_t in_row, int64_t first, int64_t at,
                      int64_t count) {
        for (int64_t i = 0; i < count; ++i)
          Rows<T>::products(
              y.data + n * y.batch + (row * g.out[2] + first + i) * g.out_channels + c,
              x.data + n * x.batch + (in_row * g.in[2] + at + i * g.stride[2]) * g.in_channels + c,
              sums + t * channels, channels);
      });
    for (int64_t i = 0; i < channels; ++i)
      for (int64_t t = 0; t < taps; ++t) weight[(c + i) * taps + t] = sums[t * channels + i];
  });
}

#define FB_DEPTHWISE_INSTANCES(T)                                                                   \
  template void depthwise_forward(const ConvGeometry&, const ConvImage<const T>&, const T*, const T*, \
                                  const ConvImage<T>&);                                             \
  template void depthwise_adjoint(const ConvGeometry&, const ConvImage<const T>&, const T*, const T*, \
                                  const ConvImage<T>&);                                             \
  template void depthwise_weight_grad(const ConvGeometry&, const ConvImage<const T>&,               \
                                      const ConvImage<const T>&, T*)
FB_DEPTHWISE_INSTANCES(float);
FB_DEPTHWISE_INSTANCES(double);
#undef FB_DEPTHWISE_INSTANCES

}  // namespace flambeau
