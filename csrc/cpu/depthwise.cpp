// Channels first, a plane is copied into scratch memory with its border of zeros, and every row of
// the result is a correlation without edges. The adjoint does the same with the kernel turned round
// and the strides as zeros between the pixels. Channels last: depthwise_last.cpp.
#include "cpu/depthwise.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/allocator.h"
#include "core/shape.h"
#include "cpu/kernels/image_rows.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kBehind = 64;  // elements behind a plane that kernels may read

template <class T>
struct Rows;
#define FB_ROWS_TABLE(T, S)                                    \
  template <>                                                  \
  struct Rows<T> {                                             \
    static constexpr auto& correlate = correlate_##S;          \
    static constexpr auto& dot = plane_dot_##S;                \
  }
FB_ROWS_TABLE(float, f32);
FB_ROWS_TABLE(double, f64);
#undef FB_ROWS_TABLE

// A plane with a border: pixel p of the source stands at before + p * spread.
struct Padded {
  int64_t size[3], before[3], spread[3];

  int64_t numel() const { return checked_numel({size[0], size[1], size[2]}, 8, "convolution"); }
  // Pixels that fall outside (a border less than nothing) are left out.
  template <class T>
  void fill(const T* from, const int64_t* source, const int64_t* stride, T* to) const {
    std::fill(to, to + numel() + kBehind, T(0));
    const int64_t first = std::max<int64_t>(0, (-before[2] + spread[2] - 1) / spread[2]);
    const int64_t last =
        std::min(source[2], before[2] >= size[2] ? 0 : (size[2] - 1 - before[2]) / spread[2] + 1);
    for (int64_t z = 0; z < source[0]; ++z)
      for (int64_t y = 0; y < source[1]; ++y) {
        const int64_t tz = before[0] + z * spread[0], ty = before[1] + y * spread[1];
        if (tz < 0 || tz >= size[0] || ty < 0 || ty >= size[1] || first >= last) continue;
        const T* row = from + z * stride[0] + y * stride[1];
        T* out = to + (tz * size[1] + ty) * size[2] + before[2];
        if (stride[2] == 1 && spread[2] == 1)
          std::memcpy(out + first, row + first, static_cast<size_t>(last - first) * sizeof(T));
        else
          for (int64_t x = first; x < last; ++x) out[x * spread[2]] = row[x * stride[2]];
      }
  }
};

// Where the forward map reads: all that some tap of some output pixel reaches.
Padded padded_input(const ConvGeometry& g) {
  Padded p;
  for (int d = 0; d < 3; ++d) {
    p.size[d] = (g.out[d] - 1) * g.stride[d] + (g.kernel[d] - 1) * g.dilation[d] + 1;
    p.before[d] = g.pad[d];
    p.spread[d] = 1;
  }
  return p;
}

// The same for the adjoint, which is a map of stride 1 from the spread output.
Padded padded_output(const ConvGeometry& g) {
  Padded p;
  for (int d = 0; d < 3; ++d) {
    p.size[d] = g.in[d] + (g.kernel[d] - 1) * g.dilation[d];
    p.before[d] = (g.kernel[d] - 1) * g.dilation[d] - g.pad[d];
    p.spread[d] = g.stride[d];
  }
  return p;
}

// The taps as offsets into a padded plane.
std::vector<int64_t> tap_offsets(const ConvGeometry& g, const Padded& p) {
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < g.kernel[0]; ++i)
    for (int64_t j = 0; j < g.kernel[1]; ++j)
      for (int64_t l = 0; l < g.kernel[2]; ++l)
        offsets.push_back((i * g.dilation[0] * p.size[1] + j * g.dilation[1]) * p.size[2] +
                          l * g.dilation[2]);
  return offsets;
}

// Correlates a padded plane: rows of `size` pixels, read with `stride`.
template <class T>
void correlate_plane(const Padded& p, const T* plane, const std::vector<int64_t>& offsets,
                     const T* weight, const int64_t* size, const int64_t* stride, T bias, T* out) {
  const auto taps = static_cast<int64_t>(offsets.size());
  for (int64_t z = 0; z < size[0]; ++z)
    for (int64_t y = 0; y < size[1]; ++y, out += size[2]) {
      const T* row = plane + (z * stride[0] * p.size[1] + y * stride[1]) * p.size[2];
      if (stride[2] <= 2) {
        Rows<T>::correlate(row, offsets.data(), weight, taps, stride[2], bias, out, size[2]);
        continue;
      }
      for (int64_t x = 0; x < size[2]; ++x) {
        T sum = bias;
        for (int64_t t = 0; t < taps; ++t) sum += weight[t] * row[offsets[t] + x * stride[2]];
        out[x] = sum;
      }
    }
}

template <class F>
void for_planes(int64_t units, int64_t work, F&& f) {
  parallel_for(units, std::max<int64_t>(1, 65536 / std::max<int64_t>(work, 1)), f);
}

}  // namespace

template <class T>
void depthwise_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                       const T* bias, const ConvImage<T>& y) {
  const int64_t taps = g.taps(), pixels = g.out_pixels(), per_input = g.group_out();
  if (g.batch == 0 || pixels == 0) return;
  if (y.channels_last) return depthwise_last_forward(g, x.data, weight, bias, y.data);
  {
    const Padded p = padded_input(g);
    const std::vector<int64_t> offsets = tap_offsets(g, p);
    for_planes(g.batch * g.in_channels, pixels * taps * per_input, [&](int64_t begin, int64_t end) {
      const Workspace space(checked_nbytes(p.numel() + kBehind, sizeof(T)));
      for (int64_t u = begin; u < end; ++u) {
        const int64_t n = u / g.in_channels, c = u % g.in_channels;
        p.fill(x.data + n * x.batch + c * x.channel, g.in, x.pixel, space.as<T>());
        for (int64_t o = c * per_input; o < (c + 1) * per_input; ++o)
          correlate_plane(p, space.as<T>(), offsets, weight + o * taps, g.out, g.stride,
                          bias ? bias[o] : T(0), y.data + n * y.batch + o * pixels);
      }
    });
  }
}

template <class T>
void depthwise_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                       const T* bias, const ConvImage<T>& x) {
  const int64_t taps = g.taps(), pixels = g.in_pixels(), per_input = g.group_out();
  if (g.batch == 0 || pixels == 0) return;
  if (x.channels_last) return depthwise_last_adjoint(g, y.data, weight, bias, x.data);
  {
    const Padded p = padded_output(g);
    const std::vector<int64_t> offsets = tap_offsets(g, p);
    const Workspace turned(checked_nbytes(g.out_channels * taps, sizeof(T)));
    for (int64_t o = 0; o < g.out_channels; ++o)
      std::reverse_copy(weight + o * taps, weight + (o + 1) * taps, turned.as<T>() + o * taps);
    const int64_t ones[3] = {1, 1, 1};
    for_planes(g.batch * g.in_channels, pixels * taps * per_input, [&](int64_t begin, int64_t end) {
      const Workspace space(checked_nbytes(p.numel() + kBehind, sizeof(T)));
      const Workspace sum(checked_nbytes(per_input > 1 ? pixels : 0, sizeof(T)));
      for (int64_t u = begin; u < end; ++u) {
        const int64_t n = u / g.in_channels, c = u % g.in_channels;
        T* to = x.data + u * pixels;
        for (int64_t o = c * per_input; o < (c + 1) * per_input; ++o) {
          const bool first = o == c * per_input;
          T* out = first ? to : sum.as<T>();
          p.fill(y.data + n * y.batch + o * y.channel, g.out, y.pixel, space.as<T>());
          correlate_plane(p, space.as<T>(), offsets, turned.as<T>() + o * taps, g.in, ones,
                          bias && first ? bias[c] : T(0), out);
          if (!first)
            for (int64_t i = 0; i < pixels; ++i) to[i] += out[i];
        }
      }
    });
  }
}

template <class T>
void depthwise_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                           const ConvImage<const T>& x, T* weight) {
  const int64_t taps = g.taps(), per_input = g.group_out();
  if (y.channels_last) return depthwise_last_weight_grad(g, y.data, x.data, weight);
  {
    const Padded p = padded_input(g);
    const std::vector<int64_t> offsets = tap_offsets(g, p);
    const bool empty = g.batch == 0 || g.out_pixels() == 0;
    for_planes(g.in_channels, g.out_pixels() * taps * g.batch * per_input,
               [&](int64_t begin, int64_t end) {
                 std::fill(weight + begin * per_input * taps, weight + end * per_input * taps,
                           T(0));
                 if (empty) return;
                 const Workspace space(checked_nbytes(p.numel() + kBehind, sizeof(T)));
                 const T* plane = space.as<T>();
                 for (int64_t u = begin; u < end; ++u)
                   for (int64_t n = 0; n < g.batch; ++n) {
                     p.fill(x.data + n * x.batch + u * x.channel, g.in, x.pixel, space.as<T>());
                     for (int64_t o = u * per_input; o < (u + 1) * per_input; ++o)
                       for (int64_t z = 0; z < g.out[0]; ++z) {
                         const T* grad = y.data + n * y.batch + o * y.channel + z * y.pixel[0];
                         const T* from = plane + z * g.stride[0] * p.size[1] * p.size[2];
                         const int64_t b_row = g.stride[1] * p.size[2];
                         for (int64_t t = 0; t < taps; ++t) {
                           T sum = 0;
                           if (g.stride[2] <= 2) {
                             sum = Rows<T>::dot(grad, y.pixel[1], from + offsets[t], b_row,
                                                g.stride[2], g.out[1], g.out[2]);
                           } else {
                             for (int64_t r = 0; r < g.out[1]; ++r)
                               for (int64_t i = 0; i < g.out[2]; ++i)
                                 sum += grad[r * y.pixel[1] + i] *
                                        from[offsets[t] + r * b_row + i * g.stride[2]];
                           }
                           weight[o * taps + t] += sum;
                         }
                       }
                   }
               });
  }
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
