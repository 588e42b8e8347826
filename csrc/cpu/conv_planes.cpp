// The planes of a group are copied into scratch memory with their borders of zeros, and every row
// of the result is a correlation without edges. Strides take rows apart: those of the source in the
// forward map, those of the target in the adjoint.
#include "cpu/conv_planes.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/allocator.h"
#include "core/shape.h"
#include "cpu/kernels/image_rows.h"
#include "cpu/kernels/planes.h"
#include "cpu/kernels/transpose.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kBehind = 64;       // elements behind a plane that kernels may read
constexpr int64_t kMostOfGroup = 16;  // channels on either side
constexpr int64_t kTogether = 4;      // planes that are computed at once
constexpr int64_t kUnits = 4;         // of work, at least, where there are planes for them
constexpr int64_t kStrip = 256;       // pixels or channels that are turned together

template <class T>
struct Planes;
#define FB_PLANES_TABLE(T, S)                                   \
  template <>                                                   \
  struct Planes<T> {                                            \
    static constexpr auto& copy = plane_copy_##S;               \
    static constexpr auto& correlate = plane_correlate_##S;     \
    static constexpr auto& dots = plane_dots_##S;               \
    static constexpr auto& deinterleave = row_deinterleave_##S; \
    static constexpr auto& interleave = row_interleave_##S;    \
  }
FB_PLANES_TABLE(float, f32);
FB_PLANES_TABLE(double, f64);
#undef FB_PLANES_TABLE

// A plane with a border. Pixel x of a row stands at x / split of the part x % split of the row, so
// that what a map of that stride reads is adjacent.
struct Padded {
  int64_t size[3], before[3], split;
  int64_t part, row, numel;

  Padded(const int64_t* size_, const int64_t* before_, int64_t split_) : split(split_) {
    for (int d = 0; d < 3; ++d) size[d] = size_[d], before[d] = before_[d];
    part = (size[2] + split - 1) / split;
    row = part * split;
    numel = checked_numel({size[0], size[1], row}, 8, "convolution");
  }
  int64_t offset(int64_t z, int64_t y, int64_t x) const {
    return (z * size[1] + y) * row + (split == 1 ? x : x % split * part + x / split);
  }
  // Copies a plane, whose pixels are adjacent, between the zeros of the border. Pixels that do not
  // fit are left out: nothing reads them.
  template <class T>
  void fill(const T* from, const int64_t* source, const int64_t* stride, T* to) const {
    const int64_t rows = std::min(source[1], size[1] - before[1]);
    const int64_t count = std::min(source[2], size[2] - before[2]);
    if (rows <= 0 || count <= 0) return;
    for (int64_t z = 0; z < std::min(source[0], size[0] - before[0]); ++z) {
      const T* line = from + z * stride[0];
      T* out = to + offset(before[0] + z, before[1], 0);
      if (split == 1) {
        Planes<T>::copy(line, stride[1], out + before[2], row, rows, count);
        continue;
      }
      for (int64_t y = 0; y < rows; ++y, line += stride[1], out += row) {
        if (split == 2) {
          const int64_t odd = before[2] % 2, at = before[2] / 2;
          Planes<T>::deinterleave(line, count, out + odd * part + at,
                                  out + (1 - odd) * part + at + odd);
        } else {
          for (int64_t x = 0; x < count; ++x) out[offset(0, 0, before[2] + x)] = line[x];
        }
      }
    }
  }
};

// Where the forward map reads: all that some tap of some output pixel reaches.
Padded padded_input(const ConvGeometry& g) {
  int64_t size[3];
  for (int d = 0; d < 3; ++d)
    size[d] = (g.out[d] - 1) * g.stride[d] + (g.kernel[d] - 1) * g.dilation[d] + 1;
  return {size, g.pad, g.stride[2]};
}

// Where the adjoint reads: input pixel i takes from output pixel (i + pad - tap * dilation) /
// stride what divides.
Padded padded_output(const ConvGeometry& g) {
  int64_t size[3], before[3];
  for (int d = 0; d < 3; ++d) {
    const int64_t reach = std::max<int64_t>(0, (g.kernel[d] - 1) * g.dilation[d] - g.pad[d]);
    before[d] = (reach + g.stride[d] - 1) / g.stride[d];
    size[d] = before[d] + (g.in[d] - 1 + g.pad[d]) / g.stride[d] + 1;
  }
  return {size, before, 1};
}

// Where each (channel, tap) of a group reads.
std::vector<int64_t> forward_offsets(const ConvGeometry& g, const Padded& p) {
  std::vector<int64_t> offset;
  for (int64_t c = 0; c < g.group_in(); ++c)
    for (int64_t i = 0; i < g.kernel[0]; ++i)
      for (int64_t j = 0; j < g.kernel[1]; ++j)
        for (int64_t l = 0; l < g.kernel[2]; ++l)
          offset.push_back(c * p.numel +
                           p.offset(i * g.dilation[0], j * g.dilation[1], l * g.dilation[2]));
  return offset;
}

// Taps, and where they read.
struct Taps { std::vector<int64_t> offset, index; };

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

// The adjoint of one group. The input pixels of a residue (mod stride) are reached by taps of
// their own and computed together; residues of a row are then merged.
template <class T>
class Adjoint {
 public:
  Adjoint(const ConvGeometry& g, const Padded& p) : g_(g), p_(p) {
    for (int64_t z = 0; z < std::min(g.stride[0], g.in[0]); ++z)
      for (int64_t y = 0; y < std::min(g.stride[1], g.in[1]); ++y)
        for (int64_t x = 0; x < std::min(g.stride[2], g.in[2]); ++x) {
          Residue r{{z, y, x}, {}, {}, {}};
          const Taps taps = adjoint_taps(g, p, r.first);
          for (int64_t o = 0; o < g.group_out(); ++o)
            for (size_t t = 0; t < taps.offset.size(); ++t) {
              r.offset.push_back(o * p.numel + taps.offset[t]);
              r.index.push_back(o * g.group_in() * g.taps() + taps.index[t]);
            }
          residues_.push_back(std::move(r));
        }
  }
  // Elements of scratch memory that run() wants.
  int64_t scratch() const { return g_.stride[2] == 1 ? 0 : g_.in[1] * row_part() * g_.stride[2]; }

  // weight: the group's.
  void set_weight(const T* weight) {
    for (Residue& r : residues_) {
      r.factor.clear();
      for (int64_t c = 0; c < g_.group_in(); ++c)
        for (const int64_t i : r.index) r.factor.push_back(weight[c * g_.taps() + i]);
    }
  }
  // planes: the padded ones of y; out: the group's dense planes, `apart` from each other, of which
  // [begin, end) are made.
  void run(const T* planes, const T* bias, T* scratch, T* out, int64_t apart, int64_t begin,
           int64_t end) const {
    const int64_t width = g_.in[2], s = g_.stride[2], part = row_part();
    // Planes that need no merging are computed together.
    const int64_t together = s == 1 ? end - begin : 1;
    for (int64_t c = begin; c < end; c += together) {
      for (int64_t z = 0; z < g_.in[0]; ++z) {
        T* to = out + c * apart + z * g_.in[1] * width;
        for (const Residue& r : residues_) {
          if (z % g_.stride[0] != r.first[0]) continue;
          const int64_t rows = (g_.in[1] - 1 - r.first[1]) / g_.stride[1] + 1;
          PlaneRows<T> made{
              to + r.first[1] * width, apart, g_.stride[1] * width, together, rows, width};
          if (s > 1) {
            made.data = scratch + r.first[1] * part * s + r.first[2] * part;
            made.row = g_.stride[1] * part * s;
            made.pixels = (width - 1 - r.first[2]) / s + 1;
          }
          const auto count = static_cast<int64_t>(r.offset.size());
          Planes<T>::correlate(planes + p_.offset(z / g_.stride[0], 0, 0), p_.row, r.offset.data(),
                               r.factor.data() + c * count, count, count, bias ? bias + c : nullptr,
                               made);
        }
        for (int64_t y = 0; s > 1 && y < g_.in[1]; ++y) {
          const T* from = scratch + y * part * s;
          if (s == 2)
            Planes<T>::interleave(from, from + part, width, to + y * width);
          else
            for (int64_t x = 0; x < width; ++x) to[y * width + x] = from[x % s * part + x / s];
        }
      }
    }
  }

 private:
  struct Residue {
    int64_t first[3];
    std::vector<int64_t> offset, index;  // of (channel of y, tap): in the planes, in the weight
    std::vector<T> factor;               // of each channel of x
  };
  int64_t row_part() const { return (g_.in[2] + g_.stride[2] - 1) / g_.stride[2]; }

  const ConvGeometry& g_;
  const Padded& p_;
  std::vector<Residue> residues_;
};

// The planes that a group makes, cut into parts where groups and images alone are few units. Each
// part needs the planes that the group reads.
struct Parts {
  int64_t each, count;
  Parts(int64_t planes, int64_t units) {
    const int64_t most = (planes + kTogether - 1) / kTogether;
    const int64_t some = std::clamp<int64_t>((kUnits + units - 1) / units, 1, most);
    each = (most + some - 1) / some * kTogether;
    count = (planes + each - 1) / each;
  }
};

// Calls f(begin, end) for units of which each takes `work` multiply-adds.
template <class F>
void for_units(int64_t units, int64_t work, F&& f) {
  parallel_for(units, std::max<int64_t>(1, 65536 / std::max<int64_t>(work, 1)), f);
}

// Turns dense images of (rows, cols) to (cols, rows).
template <class T>
void turn(const T* from, int64_t batch, int64_t rows, int64_t cols, T* to) {
  const int64_t strips = (rows + kStrip - 1) / kStrip;
  parallel_for(batch * strips, std::max<int64_t>(1, 16384 / (kStrip * cols)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t n = u / strips, r = u % strips * kStrip;
                   const auto* src = reinterpret_cast<const char*>(from + (n * rows + r) * cols);
                   auto* dst = reinterpret_cast<char*>(to + n * rows * cols + r);
                   constexpr auto item = static_cast<int64_t>(sizeof(T));
                   transpose(src, cols * item, dst, rows * item, std::min(kStrip, rows - r), cols,
                             static_cast<int>(item), false);
                 }
               });
}

// An image with its channels first: itself or a turned copy.
template <class T>
class Turned {
 public:
  Turned(const ConvImage<const T>& image, int64_t batch, int64_t channels, const int64_t* size)
      : space_(image.channels_last
                   ? checked_nbytes(batch * channels * size[0] * size[1] * size[2], sizeof(T))
                   : 0),
        image_(image) {
    if (!image.channels_last) return;
    const int64_t pixels = size[0] * size[1] * size[2];
    turn(image.data, batch, pixels, channels, space_.template as<T>());
    image_ = {
        space_.template as<T>(), channels * pixels, pixels, {size[1] * size[2], size[2], 1}, false};
  }
  const ConvImage<const T>& image() const { return image_; }

 private:
  const Workspace space_;
  ConvImage<const T> image_;
};

}  // namespace

bool conv_has_small_groups(const ConvGeometry& g) {
  return g.groups > 1 &&
         (g.group_in() == 1 || (g.group_in() <= kMostOfGroup && g.group_out() <= kMostOfGroup));
}

bool conv_is_small_group(const ConvGeometry& g) {
  return g.groups == 1 && g.in_channels <= kMostOfGroup && g.out_channels <= kMostOfGroup &&
         g.taps() > 1 && g.stride[0] == 1 && g.stride[1] == 1 && g.stride[2] == 1;
}

template <class T>
void conv_planes_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                         const T* bias, const ConvImage<T>& y) {
  const int64_t pixels = g.out_pixels(), in = g.group_in(), out = g.group_out();
  if (g.batch == 0 || pixels == 0) return;
  const Padded p = padded_input(g);
  const std::vector<int64_t> offset = forward_offsets(g, p);
  const auto count = static_cast<int64_t>(offset.size());
  const Parts part(out, g.batch * g.groups);
  const int64_t parts = part.count;
  for_units(g.batch * g.groups * parts, pixels * count * part.each,
            [&](int64_t begin, int64_t end) {
              const Workspace space(checked_nbytes(in * p.numel + kBehind, sizeof(T)));
              std::fill_n(space.as<T>(), in * p.numel + kBehind, T(0));
              for (int64_t u = begin; u < end; ++u) {
                const int64_t n = u / parts / g.groups, group = u / parts % g.groups;
                for (int64_t c = 0; (u == begin || u % parts == 0) && c < in; ++c)
                  p.fill(x.data + n * x.batch + (group * in + c) * x.channel, g.in, x.pixel,
                         space.as<T>() + c * p.numel);
                const int64_t o = u % parts * part.each, now = std::min(part.each, out - o);
                const int64_t first = group * out + o;
                for (int64_t z = 0; z < g.out[0]; ++z)
                  Planes<T>::correlate(space.as<T>() + p.offset(z * g.stride[0], 0, 0),
                                       g.stride[1] * p.row, offset.data(), weight + first * count,
                                       count, count, bias ? bias + first : nullptr,
                                       {y.data + n * y.batch + first * y.channel + z * y.pixel[0],
                                        y.channel, y.pixel[1], now, g.out[1], g.out[2]});
              }
            });
}

template <class T>
void conv_planes_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                         const T* bias, const ConvImage<T>& x) {
  const int64_t pixels = g.in_pixels(), in = g.group_in(), out = g.group_out();
  if (g.batch == 0 || pixels == 0) return;
  const Padded p = padded_output(g);
  const Adjoint<T> prepared(g, p);
  const Parts part(in, g.batch * g.groups);
  const int64_t parts = part.count, per_group = g.batch * parts;
  const int64_t work = pixels * g.taps() * part.each * out;
  for_units(g.groups * per_group, work, [&](int64_t begin, int64_t end) {
    Adjoint<T> adjoint = prepared;
    const Workspace space(checked_nbytes(out * p.numel + kBehind, sizeof(T)));
    const Workspace scratch(checked_nbytes(adjoint.scratch() + kBehind, sizeof(T)));
    std::fill_n(space.as<T>(), out * p.numel + kBehind, T(0));
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u % per_group / parts, group = u / per_group, c = u % parts * part.each;
      if (u == begin || u % per_group == 0)
        adjoint.set_weight(weight + group * out * in * g.taps());
      for (int64_t o = 0; (u == begin || u % parts == 0) && o < out; ++o)
        p.fill(y.data + n * y.batch + (group * out + o) * y.channel, g.out, y.pixel,
               space.as<T>() + o * p.numel);
      adjoint.run(space.as<T>(), bias ? bias + group * in : nullptr, scratch.as<T>(),
                  x.data + n * x.batch + group * in * x.channel, x.channel, c,
                  std::min(c + part.each, in));
    }
  });
}

template <class T>
void conv_planes_weight_grad(const ConvGeometry& g, const ConvImage<const T>& given_y,
                             const ConvImage<const T>& given_x, T* weight) {
  const int64_t in = g.group_in(), out = g.group_out(), total = out * in * g.taps();
  if (g.batch == 0 || g.out_pixels() == 0) {
    std::fill_n(weight, g.groups * total, T(0));
    return;
  }
  const Turned<T> turned_x(given_x, g.batch, g.in_channels, g.in),
      turned_y(given_y, g.batch, g.out_channels, g.out);
  const ConvImage<const T>&x = turned_x.image(), &y = turned_y.image();
  const Padded p = padded_input(g);
  const std::vector<int64_t> offset = forward_offsets(g, p);
  const auto count = static_cast<int64_t>(offset.size());
  const Parts part(out, g.groups);
  const int64_t parts = part.count, work = g.out_pixels() * count * part.each * g.batch;
  for_units(g.groups * parts, work, [&](int64_t begin, int64_t end) {
    const Workspace space(checked_nbytes(in * p.numel + kBehind, sizeof(T)));
    std::fill_n(space.as<T>(), in * p.numel + kBehind, T(0));
    for (int64_t u = begin; u < end; ++u) {
      const int64_t group = u / parts, first = group * out + u % parts * part.each;
      const int64_t planes = std::min(part.each, (group + 1) * out - first);
      std::fill_n(weight + first * count, planes * count, T(0));
      for (int64_t n = 0; n < g.batch; ++n) {
        for (int64_t c = 0; c < in; ++c)
          p.fill(x.data + n * x.batch + (group * in + c) * x.channel, g.in, x.pixel,
                 space.as<T>() + c * p.numel);
        for (int64_t z = 0; z < g.out[0]; ++z)
          Planes<T>::dots(y.data + n * y.batch + first * y.channel + z * y.pixel[0], y.channel,
                          y.pixel[1], planes, space.as<T>() + p.offset(z * g.stride[0], 0, 0),
                          g.stride[1] * p.row, offset.data(), count, g.out[1], g.out[2],
                          weight + first * count);
      }
    }
  });
}

#define FB_CONV_PLANES_INSTANCES(T)                                                              \
  template void conv_planes_forward(const ConvGeometry&, const ConvImage<const T>&, const T*,    \
                                    const T*, const ConvImage<T>&);                              \
  template void conv_planes_adjoint(const ConvGeometry&, const ConvImage<const T>&, const T*,    \
                                    const T*, const ConvImage<T>&);                              \
  template void conv_planes_weight_grad(const ConvGeometry&, const ConvImage<const T>&,          \
                                        const ConvImage<const T>&, T*)
FB_CONV_PLANES_INSTANCES(float);
FB_CONV_PLANES_INSTANCES(double);
#undef FB_CONV_PLANES_INSTANCES

}  // namespace flambeau
