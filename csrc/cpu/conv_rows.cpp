// Pixels are taken in groups, each with a table of what its pixels read for every tap; a panel of
// the weight is used for the whole group while it is in the nearest cache.
#include "cpu/conv_rows.h"

#include <algorithm>

#include "core/shape.h"
#include "cpu/kernels/conv_rows.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kPixels = 96, kBlock = 6;  // of a group, about; of the kernel
constexpr int64_t kTableEntries = 65536;     // of kernels with very many taps
constexpr int64_t kPanelBytes = 24576;       // the most of a panel that is used at once
constexpr int64_t kUnits = 12;               // of work, at least, where the columns allow it

template <class T>
struct Rows;
#define FB_ROWS_TABLE(T, S)                                    \
  template <>                                                  \
  struct Rows<T> {                                             \
    static constexpr auto& width = conv_rows_width_##S;        \
    static constexpr auto& multiply = conv_rows_multiply_##S;  \
    static constexpr auto& pack = conv_rows_pack_##S;          \
  }
FB_ROWS_TABLE(float, f32);
FB_ROWS_TABLE(double, f64);
#undef FB_ROWS_TABLE

int64_t divide_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit; }

// What a group of pixels reads and writes.
template <class T>
class Table {
 public:
  Table(const PixelSource<T>& s, const PixelTarget<T>& c, const T* zeros, int64_t most)
      : s_(s),
        c_(c),
        zeros_(zeros),
        most_(most),
        source_(s.taps.size() * static_cast<size_t>(most)),
        target_(static_cast<size_t>(most)) {}

  void fill(int64_t first, int64_t count) {
    const int64_t* grid = s_.grid;
    int64_t rest = first / grid[2], x = first % grid[2];
    for (int64_t done = 0; done < count; ++rest, x = 0) {  // row after row of the grid
      const int64_t now = std::min(count - done, grid[2] - x);
      const int64_t y = rest % grid[1], z = rest / grid[1] % grid[0], n = rest / grid[1] / grid[0];
      T* to = c_.data + n * c_.batch_stride + z * c_.stride[0] + y * c_.stride[1];
      for (int64_t i = 0; i < now; ++i) target_[done + i] = to + (x + i) * c_.stride[2];
      for (size_t t = 0; t < s_.taps.size(); ++t)
        fill_row(n, z, y, x, now, s_.taps[t], source_.data() + t * most_ + done);
      done += now;
    }
  }
  const T* const* source() const { return source_.data(); }
  T* const* target() const { return target_.data(); }

 private:
  void fill_row(int64_t n, int64_t z, int64_t y, int64_t x, int64_t count, const Tap& tap,
                const T** list) const {
    z = z * s_.step[0] + tap.offset[0], y = y * s_.step[1] + tap.offset[1];
    const int64_t step = s_.step[2], first = x * step + tap.offset[2], size = s_.size[2];
    int64_t begin = 0, end = 0;
    if (z >= 0 && z < s_.size[0] && y >= 0 && y < s_.size[1] && first < size) {
      begin = std::min(count, first >= 0 ? 0 : divide_up(-first, step));
      end = std::max(begin, std::min(count, (size - 1 - first) / step + 1));
    }
    const T* from = s_.data + n * s_.batch_stride + z * s_.stride[0] + y * s_.stride[1];
    const int64_t apart = step * s_.stride[2], at = first * s_.stride[2];
    for (int64_t i = 0; i < begin; ++i) list[i] = zeros_;
    for (int64_t i = begin; i < end; ++i) list[i] = from + at + i * apart;
    for (int64_t i = end; i < count; ++i) list[i] = zeros_;
  }

  const PixelSource<T>& s_;
  const PixelTarget<T>& c_;
  const T* const zeros_;
  const int64_t most_;
  std::vector<const T*> source_;  // of each tap, `most` pixels
  std::vector<T*> target_;
};

}  // namespace

template <class T>
PixelPanels<T>::PixelPanels(int64_t groups_, int64_t taps_, int64_t channels_, int64_t columns_)
    : groups(groups_),
      taps(taps_),
      channels(channels_),
      columns(columns_),
      width(Rows<T>::width()),
      per_group(divide_up(columns_, width)),
      space_(checked_nbytes(
          checked_numel({groups, per_group, taps, channels, width}, sizeof(T), "convolution"),
          sizeof(T))) {}

template <class T>
void PixelPanels<T>::pack_forward(const T* weight) {
  std::vector<int64_t> to;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t t = 0; t < taps; ++t) to.push_back((t * channels + c) * width);
  const int64_t k = taps * channels;
  parallel_for(groups * per_group, 1 + 4096 / (k + 1), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t group = u / per_group, j = u % per_group * width;
      Rows<T>::pack(weight + (group * columns + j) * k, k, std::min(width, columns - j), to.data(),
                    k, place(group, u % per_group));
    }
  });
}

template <class T>
void PixelPanels<T>::pack_adjoint(const T* weight, int64_t kernel_taps,
                                  const std::vector<int64_t>& index) {
  std::vector<int64_t> to(static_cast<size_t>(kernel_taps), -1);
  for (int64_t t = 0; t < taps; ++t) to[index[t]] = t * channels * width;
  parallel_for(groups * per_group, 1 + 4096 / (taps * channels + 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t group = u / per_group, j = u % per_group * width;
                   const int64_t lanes = std::min(width, columns - j);
                   T* out = place(group, u % per_group);
                   if (kernel_taps == 1 && taps == 1) {  // lines of the weight, as they lie
                     for (int64_t c = 0; c < channels; ++c, out += width) {
                       std::copy_n(weight + (group * channels + c) * columns + j, lanes, out);
                       std::fill(out + lanes, out + width, T(0));
                     }
                     continue;
                   }
                   for (int64_t c = 0; c < channels; ++c)
                     Rows<T>::pack(weight + ((group * channels + c) * columns + j) * kernel_taps,
                                   kernel_taps, lanes, to.data(), kernel_taps, out + c * width);
                 }
               });
}

template <class T>
void multiply_pixels(const PixelSource<T>& s, const PixelPanels<T>& b, const T* bias,
                     const PixelTarget<T>& c) {
  const int64_t pixels = s.batch * s.grid[0] * s.grid[1] * s.grid[2];
  const int64_t channels = b.channels, panels = b.groups * b.per_group;
  if (pixels == 0 || panels == 0) return;
  const int64_t together =
      std::clamp(kTableEntries / std::max<int64_t>(b.taps, 1), kBlock, kPixels);
  const int64_t per = divide_up(divide_up(pixels, divide_up(pixels, together)), kBlock) * kBlock;
  const int64_t groups = divide_up(pixels, per);
  const int64_t parts = std::clamp<int64_t>(divide_up(kUnits, groups), 1, panels);
  // Several taps, or a part of the channels of one.
  const int64_t most = kPanelBytes / static_cast<int64_t>(sizeof(T)) / b.width;
  const int64_t some_taps = std::max<int64_t>(1, most / std::max<int64_t>(1, channels));
  const int64_t some = divide_up(channels, std::max<int64_t>(1, divide_up(channels, most)));
  const std::vector<T> zeros(static_cast<size_t>(b.groups * channels), T(0));
  const double work = static_cast<double>(per) * b.taps * channels * b.columns;
  parallel_for(
      groups * parts, 1 + static_cast<int64_t>(5e5 / (work + 1)), [&](int64_t begin, int64_t end) {
        Table<T> table(s, c, zeros.data(), per);
        for (int64_t u = begin; u < end; ++u) {
          const int64_t first = u / parts * per, count = std::min(per, pixels - first);
          const int64_t from = panels * (u % parts) / parts, to = panels * (u % parts + 1) / parts;
          if (u == begin || u % parts == 0) table.fill(first, count);
          const auto multiply = [&](int64_t t, int64_t taps, int64_t c0, int64_t now) {
            const bool last = t + taps >= b.taps && c0 + now == channels;
            for (int64_t p = from; p < to; ++p) {
              const int64_t group = p / b.per_group, j = p % b.per_group * b.width;
              const int64_t column = group * b.columns + j;
              Rows<T>::multiply({table.source() + t * per, per, taps, group * channels + c0, now},
                                b.at(group, p % b.per_group) + (t * channels + c0) * b.width,
                                {table.target(), count, column, std::min(b.width, b.columns - j),
                                 bias && last ? bias + column : nullptr, t > 0 || c0 > 0});
            }
          };
          if (b.taps == 0 || channels == 0) multiply(0, b.taps, 0, channels);
          for (int64_t t = 0; channels > 0 && t < b.taps; t += some_taps)
            for (int64_t c0 = 0; c0 < channels; c0 += some)
              multiply(t, std::min(some_taps, b.taps - t), c0, std::min(some, channels - c0));
        }
      });
}

#define FB_PIXEL_INSTANCES(T)                                                               \
  template class PixelPanels<T>;                                                            \
  template void multiply_pixels(const PixelSource<T>&, const PixelPanels<T>&, const T*,     \
                                const PixelTarget<T>&)
FB_PIXEL_INSTANCES(float);
FB_PIXEL_INSTANCES(double);
#undef FB_PIXEL_INSTANCES

}  // namespace flambeau
