// Channels first, a plane is copied into scratch memory with its border of zeros, and every row of
// the result is a correlation without edges. Strides take rows apart: those of the source in the
// forward map, those of the target in the adjoint. Channels last: depthwise_last.cpp.
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
    static constexpr auto& deinterleave = row_deinterleave_##S; \
    static constexpr auto& interleave = row_interleave_##S;    \
  }
FB_ROWS_TABLE(float, f32);
FB_ROWS_TABLE(double, f64);
#undef FB_ROWS_TABLE

// A plane with a border. Pixel x of a row stands at x / split of the part x % split of the row, so
// that what a map of that stride reads is adjacent.
struct Padded {
  int64_t size[3], before[3], split;

  int64_t part() const { return (size[2] + split - 1) / split; }
  int64_t row() const { return part() * split; }
  int64_t numel() const { return checked_numel({size[0], size[1], row()}, 8, "convolution"); }
  int64_t offset(int64_t z, int64_t y, int64_t x) const {
    return (z * size[1] + y) * row() + x % split * part() + x / split;
  }
  // Pixels of the source that do not fit are left out: nothing reads them.
  template <class T>
  void fill(const T* from, const int64_t* source, const int64_t* stride, T* to) const {
    std::fill(to, to + numel() + kBehind, T(0));
    const int64_t count = std::min(source[2], size[2] - before[2]);
    for (int64_t z = 0; z < source[0]; ++z)
      for (int64_t y = 0; y < source[1]; ++y) {
        const int64_t tz = before[0] + z, ty = before[1] + y;
        if (tz >= size[0] || ty >= size[1] || count <= 0) continue;
        const T* line = from + z * stride[0] + y * stride[1];
        T* out = to + offset(tz, ty, 0);
        if (split == 1) {
          std::memcpy(out + before[2], line, static_cast<size_t>(count) * sizeof(T));
        } else if (split == 2) {
          const int64_t odd = before[2] % 2, at = before[2] / 2;
          Rows<T>::deinterleave(line, count, out + odd * part() + at,
                                out + (1 - odd) * part() + at + odd);
        } else {
          for (int64_t x = 0; x < count; ++x) out[offset(0, 0, before[2] + x)] = line[x];
        }
      }
  }
};

// Where the forward map reads: all that some tap of some output pixel reaches.
Padded padded_input(const ConvGeometry& g) {
  Padded p;
  for (int d = 0; d < 3; ++d) {
    p.size[d] = (g.out[d] - 1) * g.stride[d] + (g.kernel[d] - 1) * g.dilation[d] + 1;
    p.before[d] = g.pad[d];
  }
  p.split = g.stride[2];
  return p;
}

// Where the adjoint reads: input pixel i takes from output pixel (i + pad - tap * dilation) /
// stride what divides.
Padded padded_output(const ConvGeometry& g) {
  Padded p;
  for (int d = 0; d < 3; ++d) {
    const int64_t reach = std::max<int64_t>(0, (g.kernel[d] - 1) * g.dilation[d] - g.pad[d]);
    p.before[d] = (reach + g.stride[d] - 1) / g.stride[d];
    p.size[d] = p.before[d] + (g.in[d] - 1 + g.pad[d]) / g.stride[d] + 1;
  }
  p.split = 1;
  return p;
}

// The taps that reach a pixel, and where they read, counted from where the pixel's own place is.
struct Taps { std::vector<int64_t> offset, index; };

Taps forward_taps(const ConvGeometry& g, const Padded& p) {
  Taps taps;
  for (int64_t i = 0; i < g.kernel[0]; ++i)
    for (int64_t j = 0; j < g.kernel[1]; ++j)
      for (int64_t l = 0; l < g.kernel[2]; ++l) {
        taps.offset.push_back(p.offset(i * g.dilation[0], j * g.dilation[1], l * g.dilation[2]));
        taps.index.push_back(static_cast<int64_t>(taps.index.size()));
      }
  return taps;
}

// The taps of the adjoint that reach the input pixels of a residue (mod stride).
Taps adjoint_taps(const ConvGeometry& g, const Padded& p, const int64_t* residue) {
  Taps taps;
  int64_t index = 0;
  for (int64_t i = 0; i < g.kernel[0]; ++i)
    for (int64_t j = 0; j < g.kernel[1]; ++j)
      for (int64_t l = 0; l < g.kernel[2]; ++l, ++index) {
        const int64_t tap[3] = {i, j, l};
        int64_t at[3];
        bool reaches = true;
        for (int d = 0; d < 3; ++d) {
          at[d] = residue[d] + g.pad[d] - tap[d] * g.dilation[d];
          reaches &= at[d] % g.stride[d] == 0;
          at[d] = at[d] / g.stride[d] + p.before[d];
        }
        if (!reaches) continue;
        taps.offset.push_back(p.offset(at[0], at[1], at[2]));
        taps.index.push_back(index);
      }
  return taps;
}

// The adjoint of one plane, row by row; the residues of a row are computed apart and then merged.
template <class T>
class AdjointPlane {
 public:
  AdjointPlane(const ConvGeometry& g, const Padded& p) : g_(g), p_(p) {
    for (int64_t z = 0; z < g.stride[0]; ++z)
      for (int64_t y = 0; y < g.stride[1]; ++y)
        for (int64_t x = 0; x < g.stride[2]; ++x) {
          const int64_t residue[3] = {z, y, x};
          taps_.push_back(adjoint_taps(g, p, residue));
        }
  }
  int64_t row_part() const { return (g_.in[2] + g_.stride[2] - 1) / g_.stride[2]; }

  // rows: scratch memory for the residues of a row.
  void run(const T* plane, const T* weight, T bias, T* rows, T* out) {
    for (int64_t z = 0; z < g_.in[0]; ++z)
      for (int64_t y = 0; y < g_.in[1]; ++y, out += g_.in[2]) {
        const T* from = plane + p_.offset(z / g_.stride[0], y / g_.stride[1], 0);
        const int64_t s = g_.stride[2], part = row_part();
        for (int64_t x = 0; x < std::min(s, g_.in[2]); ++x) {
          const Taps& t = taps_[static_cast<size_t>(
              (z % g_.stride[0] * g_.stride[1] + y % g_.stride[1]) * s + x)];
          factors_.clear();
          for (const int64_t i : t.index) factors_.push_back(weight[i]);
          Rows<T>::correlate(from, t.offset.data(), factors_.data(),
                             static_cast<int64_t>(t.offset.size()), bias,
                             s == 1 ? out : rows + x * part, (g_.in[2] - 1 - x) / s + 1);
        }
        if (s == 2)
          Rows<T>::interleave(rows, rows + part, g_.in[2], out);
        else if (s > 2)
          for (int64_t x = 0; x < g_.in[2]; ++x) out[x] = rows[x % s * part + x / s];
      }
  }

 private:
  const ConvGeometry& g_;
  const Padded& p_;
  std::vector<Taps> taps_;
  std::vector<T> factors_;
};

template <class F>
void for_planes(int64_t units, int64_t work, F&& f) {
  parallel_for(units, std::max<int64_t>(1, 65536 / std::max<int64_t>(work, 1)), f);
}

}  // namespace

template <class T>
void depthwise_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                       const T* bias, const ConvImage<T>& y) {
  const int64_t count = g.taps(), pixels = g.out_pixels(), per_input = g.group_out();
  if (g.batch == 0 || pixels == 0) return;
  if (y.channels_last) return depthwise_last_forward(g, x.data, weight, bias, y.data);
  const Padded p = padded_input(g);
  const Taps taps = forward_taps(g, p);
  for_planes(g.batch * g.in_channels, pixels * count * per_input, [&](int64_t begin, int64_t end) {
    const Workspace space(checked_nbytes(p.numel() + kBehind, sizeof(T)));
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u / g.in_channels, c = u % g.in_channels;
      p.fill(x.data + n * x.batch + c * x.channel, g.in, x.pixel, space.as<T>());
      for (int64_t o = c * per_input; o < (c + 1) * per_input; ++o) {
        T* out = y.data + n * y.batch + o * pixels;
        for (int64_t r = 0; r < g.out[0] * g.out[1]; ++r, out += g.out[2])
          Rows<T>::correlate(
              space.as<T>() + p.offset(r / g.out[1] * g.stride[0], r % g.out[1] * g.stride[1], 0),
              taps.offset.data(), weight + o * count, count, bias ? bias[o] : T(0), out, g.out[2]);
      }
    }
  });
}

template <class T>
void depthwise_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                       const T* bias, const ConvImage<T>& x) {
  const int64_t taps = g.taps(), pixels = g.in_pixels(), per_input = g.group_out();
  if (g.batch == 0 || pixels == 0) return;
  if (x.channels_last) return depthwise_last_adjoint(g, y.data, weight, bias, x.data);
  const Padded p = padded_output(g);
  const AdjointPlane<T> prepared(g, p);
  for_planes(g.batch * g.in_channels, pixels * taps * per_input, [&](int64_t begin, int64_t end) {
    AdjointPlane<T> plane = prepared;
    const Workspace space(checked_nbytes(p.numel() + kBehind, sizeof(T)));
    const Workspace rows(checked_nbytes(plane.row_part() * g.stride[2], sizeof(T)));
    const Workspace sum(checked_nbytes(per_input > 1 ? pixels : 0, sizeof(T)));
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u / g.in_channels, c = u % g.in_channels;
      T* to = x.data + u * pixels;
      for (int64_t o = c * per_input; o < (c + 1) * per_input; ++o) {
        const bool first = o == c * per_input;
        T* out = first ? to : sum.as<T>();
        p.fill(y.data + n * y.batch + o * y.channel, g.out, y.pixel, space.as<T>());
        plane.run(space.as<T>(), weight + o * taps, bias && first ? bias[c] : T(0), rows.as<T>(),
                  out);
        if (!first)
          for (int64_t i = 0; i < pixels; ++i) to[i] += out[i];
      }
    }
  });
}

template <class T>
void depthwise_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                           const ConvImage<const T>& x, T* weight) {
  const int64_t count = g.taps(), per_input = g.group_out();
  if (y.channels_last) return depthwise_last_weight_grad(g, y.data, x.data, weight);
  const Padded p = padded_input(g);
  const Taps taps = forward_taps(g, p);
  const bool empty = g.batch == 0 || g.out_pixels() == 0;
  const auto add_plane = [&](const T* grad, const T* plane, T* sums) {
    for (int64_t z = 0; z < g.out[0]; ++z)
      for (int64_t t = 0; t < count; ++t)
        sums[t] += Rows<T>::dot(grad + z * y.pixel[0], y.pixel[1],
                                plane + p.offset(z * g.stride[0], 0, 0) + taps.offset[t],
                                g.stride[1] * p.row(), g.out[1], g.out[2]);
  };
  for_planes(
      g.in_channels, g.out_pixels() * count * g.batch * per_input, [&](int64_t begin, int64_t end) {
        std::fill(weight + begin * per_input * count, weight + end * per_input * count, T(0));
        if (empty) return;
        const Workspace space(checked_nbytes(p.numel() + kBehind, sizeof(T)));
        for (int64_t u = begin; u < end; ++u)
          for (int64_t n = 0; n < g.batch; ++n) {
            p.fill(x.data + n * x.batch + u * x.channel, g.in, x.pixel, space.as<T>());
            for (int64_t o = u * per_input; o < (u + 1) * per_input; ++o)
              add_plane(y.data + n * y.batch + o * y.channel, space.as<T>(), weight + o * count);
          }
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
