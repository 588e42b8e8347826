// Tap by tap, rows of pixels are multiplied as they lie by panels of the weight. Images are copied
// with a border of zeros first, where taps reach over the edge.
#include "cpu/conv_rows.h"

#include <algorithm>
#include <cstring>

#include "core/allocator.h"
#include "core/shape.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kPixels = 96;  // of the grid that are computed together: whole blocks of rows
constexpr int64_t kLeastChannels = 32, kLeastColumns = 16;

template <class T>
struct Lying;
#define FB_LYING_TABLE(T, S)                               \
  template <>                                              \
  struct Lying<T> {                                        \
    static constexpr auto& multiply = gemm_direct_##S;     \
    static constexpr auto& pack_b = gemm_pack_b_##S;       \
    static GemmShape shape() { return gemm_shape_##S(); }  \
  }
FB_LYING_TABLE(float, f32);
FB_LYING_TABLE(double, f64);
#undef FB_LYING_TABLE

// The source with its border: dense pixels, `before` of them ahead of the first one.
struct Border {
  int64_t before[3], size[3];
  bool needed = false;
  int64_t pixels() const { return size[0] * size[1] * size[2]; }
};

template <class T>
Border border_of(const PixelRows<T>& r) {
  Border b;
  for (int d = 0; d < 3; ++d) {
    int64_t low = 0, high = r.size[d];
    for (const Tap& t : r.taps) {
      low = std::min(low, t.offset[d]);
      high = std::max(high, t.offset[d] + (r.grid[d] - 1) * r.step[d] + 1);
    }
    b.needed |= low < 0 || high > r.size[d];
    b.before[d] = -low;
    b.size[d] = high - low;
  }
  return b;
}

template <class T>
void copy_with_border(const PixelRows<T>& r, const Border& b, T* to) {
  const int64_t rows = b.size[0] * b.size[1], line = b.size[2] * r.channels;
  parallel_for(r.batch * rows, std::max<int64_t>(1, 16384 / line), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t z = u % rows / b.size[1] - b.before[0], y = u % b.size[1] - b.before[1];
      T* out = to + u * line;
      if (z < 0 || z >= r.size[0] || y < 0 || y >= r.size[1]) {
        std::fill_n(out, line, T(0));
        continue;
      }
      const T* from = r.data + u / rows * r.batch_stride + z * r.stride[0] + y * r.stride[1];
      out = std::fill_n(out, b.before[2] * r.channels, T(0));
      for (int64_t x = 0; x < r.size[2]; ++x, out += r.channels, from += r.stride[2])
        std::memcpy(out, from, static_cast<size_t>(r.channels) * sizeof(T));
      std::fill(out, to + (u + 1) * line, T(0));
    }
  });
}

// Rows whose end fills a block of pixels badly are better packed across their ends. A block takes
// as many steps as it has pixels, but no less than four.
bool fills_blocks(int64_t pixels, int64_t block) {
  const int64_t rest = pixels % block;
  return pixels * 16 >= 15 * (pixels - rest + (rest > 0 ? std::max<int64_t>(rest, 4) : 0));
}

}  // namespace

template <class T>
bool multiply_pixel_rows(const PixelRows<T>& r, const StridedOperand<T>& b, int64_t columns,
                         const T* bias, const PixelTarget<T>& c) {
  const GemmShape shape = Lying<T>::shape();
  const int64_t taps = static_cast<int64_t>(r.taps.size()), k = taps * r.channels;
  const int64_t grid_rows = r.grid[0] * r.grid[1], width = r.grid[2], nr = shape.nr;
  if (r.channels < kLeastChannels || columns < kLeastColumns || taps == 0 || r.batch == 0 ||
      grid_rows * width == 0 || !fills_blocks(width, shape.mr))
    return false;
  const Border border = border_of(r);
  // With a step, few pixels of the target share the cost of the copy.
  const bool stepped = r.step[0] > 1 || r.step[1] > 1 || r.step[2] > 1;
  if (border.needed && (stepped || border.pixels() > 2 * r.size[0] * r.size[1] * r.size[2]))
    return false;
  const Workspace copy(
      border.needed ? checked_nbytes(r.batch * border.pixels() * r.channels, sizeof(T)) : 0);
  int64_t stride[3] = {r.stride[0], r.stride[1], r.stride[2]}, batch_stride = r.batch_stride;
  const T* origin = r.data;
  if (border.needed) {
    copy_with_border(r, border, copy.as<T>());
    stride[2] = r.channels;
    stride[1] = border.size[2] * stride[2];
    stride[0] = border.size[1] * stride[1];
    batch_stride = border.size[0] * stride[0];
    origin = copy.as<T>();
    for (int d = 0; d < 3; ++d) origin += border.before[d] * stride[d];
  }
  const Workspace panels(checked_nbytes((columns + nr - 1) / nr * nr * k, sizeof(T)));
  Lying<T>::pack_b(GemmSource::Same, b.data, b.lane_stride, b.k_stride, columns, k, panels.as<T>());
  const int64_t together = std::max<int64_t>(1, kPixels / width), total = r.batch * grid_rows;
  parallel_for(total, together, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += together)
      for (int64_t j = 0; j < columns; j += nr)
        for (int64_t t = 0; t < taps; ++t)
          for (int64_t u = first; u < std::min(end, first + together); ++u) {
            const Tap& tap = r.taps[static_cast<size_t>(t)];
            const int64_t z = u % grid_rows / r.grid[1], y = u % r.grid[1];
            const T* from = origin + u / grid_rows * batch_stride +
                            (z * r.step[0] + tap.offset[0]) * stride[0] +
                            (y * r.step[1] + tap.offset[1]) * stride[1] + tap.offset[2] * stride[2];
            T* to = c.data + u / grid_rows * c.batch_stride + z * c.stride[0] + y * c.stride[1] + j;
            const GemmStore<T> store{to,      c.stride[2],
                                     T(1),    T(t > 0),
                                     nullptr, bias && t + 1 == taps ? bias + j : nullptr,
                                     false};
            Lying<T>::multiply(from, r.step[2] * stride[2], 1,
                               panels.as<T>() + (j * k + t * r.channels * nr), nr, width,
                               std::min(nr, columns - j), r.channels, store);
          }
  });
  return true;
}

template bool multiply_pixel_rows(const PixelRows<float>&, const StridedOperand<float>&, int64_t,
                                  const float*, const PixelTarget<float>&);
template bool multiply_pixel_rows(const PixelRows<double>&, const StridedOperand<double>&, int64_t,
                                  const double*, const PixelTarget<double>&);

}  // namespace flambeau
