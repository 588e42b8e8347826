// The rows of the image that one row of the output reads are laid side by side: strip[x][row][c].
// What a tap-by-tap walk would collect for an output pixel is then one run of memory, and the next
// pixel's run begins `stride` strip pixels further on, so the matrix kernel for operands as they
// lie reads patches without copying them:
//   forward          y[x][o]   = sum_k patch[x][k] weight[k][o]
//   weight gradient  dw[o][k] += sum_x y[x][o] patch[x][k]
//   adjoint          patch[x][k] = sum_o y[x][o] weight[o][k], added to the rows of the image.
// k runs over (tap along x, row, channel) in the first two, (row, tap along x, channel) in the
// last.
#include "cpu/conv_few.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/allocator.h"
#include "cpu/gemm.h"
#include "cpu/kernels/conv_pack.h"
#include "cpu/thread_pool.h"
#include "cpu/transpose_to.h"

namespace flambeau {
namespace {

constexpr int64_t kMostChannels = 8, kLeastOut = 4;
constexpr int64_t kBandRows = 8;      // of the output, added by one thread
constexpr int64_t kMostPatch = 2048;  // elements
constexpr int64_t kSegment = 256;     // output pixels of a row that are computed together
constexpr int64_t kBehind = 16;       // elements that may be written behind a strip
constexpr int64_t kParts = 16;        // sums of the gradient of the weight, at most

template <class T>
struct Few;
#define FB_FEW_TABLE(T, S)                                    \
  template <>                                                 \
  struct Few<T> {                                             \
    static constexpr auto& interleave = conv_interleave_##S;  \
    static constexpr auto& add_runs = conv_add_runs_##S;      \
    static constexpr auto& multiply = gemm_direct_##S;        \
    static int64_t width() { return gemm_shape_##S().nr; }    \
  }
FB_FEW_TABLE(float, f32);
FB_FEW_TABLE(double, f64);
#undef FB_FEW_TABLE

// A matrix (k, n) as panels of adjacent columns, value(k, column) of them.
template <class T>
class Panels {
 public:
  template <class F>
  Panels(int64_t k, int64_t n, F&& value)
      : k_(k),
        n_(n),
        width_(Few<T>::width()),
        space_(checked_nbytes((n + width_ - 1) / width_ * width_ * k, sizeof(T))) {
    T* to = space_.template as<T>();
    for (int64_t j = 0; j < n; j += width_)
      for (int64_t p = 0; p < k; ++p)
        for (int64_t i = 0; i < width_; ++i) *to++ = j + i < n ? value(p, j + i) : T(0);
  }
  // c[m, n] = a[m, k] * this + bias
  void multiply(const T* a, int64_t a_row, int64_t m, const T* bias, T* c, int64_t ldc) const {
    for (int64_t j = 0; j < n_; j += width_) {
      const GemmStore<T> store{c + j, ldc, T(1), T(0), nullptr, bias ? bias + j : nullptr, false};
      Few<T>::multiply(a, a_row, 1, space_.template as<T>() + j * k_, width_, m,
                       std::min(width_, n_ - j), k_, store);
    }
  }

 private:
  const int64_t k_, n_, width_;
  const Workspace space_;
};

// A segment of a row of the output.
struct Segment { int64_t n, z, y, x, count; };

class Geometry {
 public:
  explicit Geometry(const ConvGeometry& given)
      : g(given),
        rows(g.kernel[0] * g.kernel[1]),
        unit(rows * g.in_channels),
        patch(unit * g.kernel[2]),
        longest(std::min(g.out[2], kSegment)),
        per_image(g.out[0] * g.out[1] * ((g.out[2] + kSegment - 1) / kSegment)) {}

  const ConvGeometry& g;
  const int64_t rows, unit, patch, longest, per_image;

  Segment segment(int64_t index) const {
    const int64_t per_row = (g.out[2] + kSegment - 1) / kSegment;
    const int64_t row = index / per_row % (g.out[0] * g.out[1]);
    const int64_t x = index % per_row * kSegment;
    return {index / per_image, row / g.out[1], row % g.out[1], x, std::min(kSegment, g.out[2] - x)};
  }
  int64_t strip_elements() const {
    return ((longest - 1) * g.stride[2] + g.kernel[2]) * unit + kBehind;
  }
  int64_t first_pixel(const Segment& s) const { return s.x * g.stride[2] - g.pad[2]; }
  // The row of the image that kernel row r reads; false if it lies outside.
  bool source_row(const Segment& s, int64_t r, int64_t* z, int64_t* y) const {
    *z = s.z * g.stride[0] - g.pad[0] + r / g.kernel[1] * g.dilation[0];
    *y = s.y * g.stride[1] - g.pad[1] + r % g.kernel[1] * g.dilation[1];
    return *z >= 0 && *z < g.in[0] && *y >= 0 && *y < g.in[1];
  }
};

// Lays the rows that a segment reads side by side, zeros outside the image.
template <class T>
void fill_strip(const Geometry& f, const ConvImage<const T>& x, const Segment& s, const T* zeros,
                std::vector<const T*>* list, T* strip) {
  const ConvGeometry& g = f.g;
  const int64_t width = (s.count - 1) * g.stride[2] + g.kernel[2], first = f.first_pixel(s);
  const int64_t begin = std::clamp<int64_t>(-first, 0, width);
  const int64_t end = std::clamp<int64_t>(g.in[2] - first, begin, width);
  T* to = strip + begin * f.unit;
  std::fill(strip, to, T(0));
  list->clear();
  for (int64_t r = 0; r < f.rows; ++r) {
    int64_t z, y;
    const bool inside = f.source_row(s, r, &z, &y);
    const T* row = x.data + s.n * x.batch + (first + begin) * x.pixel[2];
    if (inside) row += z * x.pixel[0] + y * x.pixel[1];
    if (x.channels_last)
      list->push_back(inside ? row : zeros);
    else
      transpose_to(inside ? row : zeros, inside ? x.channel : 0, to + r * g.in_channels, f.unit,
                   g.in_channels, end - begin);
  }
  if (x.channels_last) Few<T>::interleave(list->data(), f.rows, g.in_channels, end - begin, to);
  std::fill(strip + end * f.unit, strip + width * f.unit, T(0));
}

}  // namespace

bool conv_reads_few_channels(const ConvGeometry& g) {
  return g.groups == 1 && g.in_channels <= kMostChannels && g.out_channels >= kLeastOut &&
         g.taps() > 1 && g.dilation[2] == 1 && g.in_channels * g.taps() <= kMostPatch &&
         g.stride[2] <= g.kernel[2] && g.batch > 0 && g.in_pixels() > 0 && g.out_pixels() > 0;
}

template <class T>
void conv_few_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                      const T* bias, const ConvImage<T>& y) {
  const Geometry f(g);
  const int64_t out = g.out_channels, taps = g.taps();
  const Panels<T> panels(f.patch, out, [&](int64_t k, int64_t o) {
    const int64_t tap = k % f.unit / g.in_channels * g.kernel[2] + k / f.unit;
    return weight[(o * g.in_channels + k % g.in_channels) * taps + tap];
  });
  const std::vector<T> zeros(static_cast<size_t>(g.in[2] * g.in_channels), T(0));
  const double work = static_cast<double>(f.longest) * f.patch * out;
  parallel_for(
      g.batch * f.per_image, 1 + static_cast<int64_t>(1e6 / work), [&](int64_t begin, int64_t end) {
        const Workspace space(checked_nbytes(f.strip_elements(), sizeof(T)));
        const Workspace product(y.channels_last ? 0 : checked_nbytes(f.longest * out, sizeof(T)));
        std::vector<const T*> list;
        for (int64_t u = begin; u < end; ++u) {
          const Segment s = f.segment(u);
          fill_strip(f, x, s, zeros.data(), &list, space.as<T>());
          T* to = y.data + s.n * y.batch + s.z * y.pixel[0] + s.y * y.pixel[1] + s.x * y.pixel[2];
          panels.multiply(space.as<T>(), g.stride[2] * f.unit, s.count, bias,
                          y.channels_last ? to : product.as<T>(), out);
          if (!y.channels_last) transpose_to(product.as<T>(), out, to, y.channel, s.count, out);
        }
      });
}

template <class T>
void conv_few_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                      const T* bias, const ConvImage<T>& x) {
  const Geometry f(g);
  const int64_t out = g.out_channels, in = g.in_channels, taps = g.taps(), run = g.kernel[2] * in;
  const int64_t pixels = g.in_pixels(), elements = pixels * in;
  const Panels<T> panels(out, f.patch, [&](int64_t o, int64_t k) {
    return weight[(o * in + k % in) * taps + k / in];
  });
  const Workspace space(x.channels_last ? 0 : checked_nbytes(g.batch * elements, sizeof(T)));
  T* images = x.channels_last ? x.data : space.as<T>();
  parallel_for(g.batch * pixels, 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = 0; c < in; ++c) images[i * in + c] = bias ? bias[c] : T(0);
  });
  // Bands of rows of y; every other one adds to rows of x that no other of them adds to.
  const int64_t reach = (g.kernel[1] - 1) * g.dilation[1] / g.stride[1] + 1;
  const int64_t per_row = f.per_image / (g.out[0] * g.out[1]);
  const int64_t band = g.out[0] > 1 ? f.per_image : std::max(reach, kBandRows) * per_row;
  const int64_t bands = (f.per_image + band - 1) / band;
  const auto add_segment = [&](int64_t u, T* turned, T* patches) {
    const Segment s = f.segment(u);
    const T* from = y.data + s.n * y.batch + s.z * y.pixel[0] + s.y * y.pixel[1] + s.x * y.pixel[2];
    if (!y.channels_last) transpose_to(from, y.channel, turned, out, out, s.count);
    panels.multiply(y.channels_last ? from : turned, out, s.count, nullptr, patches, f.patch);
    for (int64_t r = 0; r < f.rows; ++r) {
      int64_t z, row;
      if (!f.source_row(s, r, &z, &row)) continue;
      Few<T>::add_runs(patches + r * run, f.patch, s.count, run,
                       images + s.n * elements + (z * g.in[1] + row) * g.in[2] * in,
                       f.first_pixel(s) * in, g.stride[2] * in, g.in[2] * in);
    }
  };
  for (int64_t odd = 0; odd < std::min<int64_t>(bands, 2); ++odd) {
    const int64_t half = (bands + 1 - odd) / 2;
    parallel_for(g.batch * half, 1, [&](int64_t begin, int64_t end) {
      const Workspace patches(checked_nbytes(f.longest * f.patch, sizeof(T)));
      const Workspace turned(y.channels_last ? 0 : checked_nbytes(f.longest * out, sizeof(T)));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = (i % half * 2 + odd) * band, base = i / half * f.per_image;
        for (int64_t u = first; u < std::min(first + band, f.per_image); ++u)
          add_segment(base + u, turned.as<T>(), patches.as<T>());
      }
    });
  }
  if (x.channels_last) return;
  parallel_for(g.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      transpose_to(images + n * elements, in, x.data + n * x.batch, x.channel, pixels, in);
  });
}

template <class T>
void conv_few_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                          const ConvImage<const T>& x, T* weight) {
  const Geometry f(g);
  const int64_t out = g.out_channels, taps = g.taps(), total = out * f.patch;
  const int64_t parts = std::min(g.batch * f.per_image, kParts);
  const Workspace sums(checked_nbytes(parts * total, sizeof(T)));
  const std::vector<T> zeros(static_cast<size_t>(g.in[2] * g.in_channels), T(0));
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    const Workspace space(checked_nbytes(f.strip_elements(), sizeof(T)));
    std::vector<const T*> list;
    for (int64_t part = begin; part < end; ++part) {
      const int64_t units = g.batch * f.per_image;
      const int64_t first = units * part / parts, last = units * (part + 1) / parts;
      for (int64_t u = first; u < last; ++u) {
        const Segment s = f.segment(u);
        fill_strip(f, x, s, zeros.data(), &list, space.as<T>());
        const T* grad =
            y.data + s.n * y.batch + s.z * y.pixel[0] + s.y * y.pixel[1] + s.x * y.pixel[2];
        const GemmStore<T> store{
            sums.as<T>() + part * total, f.patch, T(1), T(u > first), nullptr, nullptr, false};
        Few<T>::multiply(grad, y.channel, y.pixel[2], space.as<T>(), g.stride[2] * f.unit, out,
                         f.patch, s.count, store);
      }
    }
  });
  for (int64_t o = 0; o < out; ++o)
    for (int64_t k = 0; k < f.patch; ++k) {
      const int64_t tap = k % f.unit / g.in_channels * g.kernel[2] + k / f.unit;
      T sum = 0;
      for (int64_t p = 0; p < parts; ++p) sum += sums.as<T>()[p * total + o * f.patch + k];
      weight[(o * g.in_channels + k % g.in_channels) * taps + tap] = sum;
    }
}

bool conv_makes_few_channels(const ConvGeometry& g) {
  bool mirrors = g.in_channels > kMostChannels;
  for (int d = 0; d < 3; ++d)
    mirrors &= g.stride[d] == 1 && g.pad[d] <= (g.kernel[d] - 1) * g.dilation[d];
  return mirrors && conv_reads_few_channels(conv_mirrored(g));
}

ConvGeometry conv_mirrored(const ConvGeometry& g) {
  ConvGeometry m = g;
  std::swap(m.in_channels, m.out_channels);
  for (int d = 0; d < 3; ++d) {
    std::swap(m.in[d], m.out[d]);
    m.pad[d] = (g.kernel[d] - 1) * g.dilation[d] - g.pad[d];
  }
  return m;
}

template <class T>
void conv_mirror_weight(const ConvGeometry& g, const T* weight, T* to) {
  const int64_t taps = g.taps();
  for (int64_t c = 0; c < g.in_channels; ++c)
    for (int64_t o = 0; o < g.out_channels; ++o)
      for (int64_t t = 0; t < taps; ++t)
        *to++ = weight[(o * g.in_channels + c) * taps + taps - 1 - t];
}

#define FB_CONV_FEW_INSTANCES(T)                                                                 \
  template void conv_mirror_weight(const ConvGeometry&, const T*, T*);                           \
  template void conv_few_forward(const ConvGeometry&, const ConvImage<const T>&, const T*,       \
                                 const T*, const ConvImage<T>&);                                 \
  template void conv_few_adjoint(const ConvGeometry&, const ConvImage<const T>&, const T*,       \
                                 const T*, const ConvImage<T>&);                                 \
  template void conv_few_weight_grad(const ConvGeometry&, const ConvImage<const T>&,             \
                                     const ConvImage<const T>&, T*)
FB_CONV_FEW_INSTANCES(float);
FB_CONV_FEW_INSTANCES(double);
#undef FB_CONV_FEW_INSTANCES

}  // namespace flambeau
