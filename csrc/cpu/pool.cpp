// Channels first, a window's rows are first combined into one row of the image's width, which the
// windows along it then share; channels last is pool_last.cpp.
#include "cpu/pool.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#include "core/allocator.h"
#include "cpu/kernels/image_rows.h"
#include "cpu/kernels/pool.h"
#include "cpu/pool_last.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

template <class T>
T larger(T a, T b) {
  return b > a || b != b ? b : a;
}

template <class T>
void row_max(const T* row, T* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = larger(to[i], row[i]);
}
template <>
void row_max(const float* row, float* to, int64_t n) {
  pool_row_max_f32(row, to, n);
}
template <>
void row_max(const double* row, double* to, int64_t n) {
  pool_row_max_f64(row, to, n);
}

template <class T>
void row_add(const T* row, T* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] += row[i];
}
template <>
void row_add(const float* row, float* to, int64_t n) {
  row_add_f32(row, 1, to, n);
}
template <>
void row_add(const double* row, double* to, int64_t n) {
  row_add_f64(row, 1, to, n);
}

// Kernels for windows of two adjacent pixels, side by side; none for integers.
template <class T>
constexpr bool kPairs = false;
template <>
constexpr bool kPairs<float> = true;
template <>
constexpr bool kPairs<double> = true;

void pairs_max(const float* row, float* out, int64_t n) { pool_pairs_max_f32(row, out, n); }
void pairs_max(const double* row, double* out, int64_t n) { pool_pairs_max_f64(row, out, n); }
template <bool kMax>
void windows_row(const float* row, int64_t width, int64_t dilation, int64_t stride, int64_t limit,
                 float* out, int64_t n) {
  (kMax ? pool_width_max_f32 : pool_width_sum_f32)(row, width, dilation, stride, limit, out, n);
}
template <bool kMax>
void windows_row(const double* row, int64_t width, int64_t dilation, int64_t stride, int64_t limit,
                 double* out, int64_t n) {
  (kMax ? pool_width_max_f64 : pool_width_sum_f64)(row, width, dilation, stride, limit, out, n);
}

// Integers as wide as T, for numbers of rows.
template <class T>
using lane_t = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
void columns_argmax(const float* const* rows, int64_t count, float* values, int32_t* number,
                    int64_t n) {
  pool_columns_argmax_f32(rows, count, values, number, n);
}
void columns_argmax(const double* const* rows, int64_t count, double* values, int64_t* number,
                    int64_t n) {
  pool_columns_argmax_f64(rows, count, values, number, n);
}
void columns_argmax(const int64_t* const* rows, int64_t count, int64_t* values, int64_t* number,
                    int64_t n) {
  pool_columns_argmax_i64(rows, count, values, number, n);
}

int64_t find_best(const float* row, int64_t n) { return pool_find_best_f32(row, n); }
int64_t find_best(const double* row, int64_t n) { return pool_find_best_f64(row, n); }
int64_t find_best(const int64_t* row, int64_t n) { return pool_find_best_i64(row, n); }

void pairs_mean(const float* row, float* out, int64_t n, float divisor) {
  pool_pairs_mean_f32(row, out, n, divisor);
}
void pairs_mean(const double* row, double* out, int64_t n, double divisor) {
  pool_pairs_mean_f64(row, out, n, divisor);
}
void pairs_spread(const float* row, float* out, int64_t n, float divisor) {
  pool_pairs_spread_f32(row, out, n, divisor);
}
void pairs_spread(const double* row, double* out, int64_t n, double divisor) {
  pool_pairs_spread_f64(row, out, n, divisor);
}

template <class T>
T plane_sum(const T* src, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += src[i];
  return sum;
}
template <>
float plane_sum(const float* src, int64_t n) {
  return pool_plane_sum_f32(src, n);
}
template <>
double plane_sum(const double* src, int64_t n) {
  return pool_plane_sum_f64(src, n);
}

// True iff the first window is the whole image.
bool covers_all(const PoolGeometry& g) {
  for (int d = 0; d < 3; ++d)
    if (g.axis[d].step != 1 || g.axis[d].begin[0] != 0 || g.axis[d].end[0] != g.in[d]) return false;
  return true;
}

// Windows of two adjacent pixels, side by side.
bool is_pairs(const PoolAxis& axis, int64_t in) {
  const auto n = static_cast<int64_t>(axis.begin.size());
  if (axis.step != 1 || 2 * n > in) return false;
  for (int64_t o = 0; o < n; ++o)
    if (axis.begin[o] != 2 * o || axis.end[o] != 2 * o + 2) return false;
  return true;
}

// The windows along a combined row. Most are alike and go through vectors.
struct WidthWindows {
  const PoolAxis& axis;
  int64_t in, outputs, first = 0, last = 0, width = 0, stride = 0;  // [first, last) are alike
  bool pairs;

  WidthWindows(const PoolAxis& a, int64_t size)
      : axis(a), in(size), outputs(static_cast<int64_t>(a.begin.size())), pairs(is_pairs(a, size)) {
    for (int64_t o = 0; o < outputs; ++o)
      width = std::max(width, (a.end[o] - a.begin[o] + a.step - 1) / a.step);
    if (width == 0) return;
    const auto whole = [&](int64_t o) {
      return (a.end[o] - a.begin[o] + a.step - 1) / a.step == width;
    };
    while (first < outputs && !whole(first)) ++first;
    if (first + 1 < outputs) stride = a.begin[first + 1] - a.begin[first];
    for (last = first; last < outputs && whole(last); ++last)
      if (a.begin[last] != a.begin[first] + (last - first) * stride) break;
  }

  template <class T, bool kMax>
  void combine(const T* row, T* out) const {
    int64_t begin = first, end = first;
    if constexpr (kPairs<T>) {
      if (kMax && pairs) return pairs_max(row, out, outputs);
      end = last;
      if (end > begin) {
        const int64_t start = axis.begin[begin];
        windows_row<kMax>(row + start, width, axis.step, stride, in - start, out + begin,
                          end - begin);
      }
    }
    for (int64_t x = 0; x < outputs; ++x) {
      if (x == begin) x = end;  // done above
      if (x >= outputs) break;
      T all = kMax && axis.begin[x] < axis.end[x] ? row[axis.begin[x]] : T(0);
      for (int64_t i = axis.begin[x] + (kMax ? axis.step : 0); i < axis.end[x]; i += axis.step)
        all = kMax ? larger(all, row[i]) : all + row[i];
      out[x] = all;
    }
  }
};

// Windows that lie side by side and cover everything.
bool is_tiled(const PoolAxis& axis, int64_t in) {
  int64_t next = 0;
  for (size_t o = 0; o < axis.begin.size(); ++o) {
    if (axis.begin[o] != next || axis.end[o] <= next) return false;
    next = axis.end[o];
  }
  return axis.step == 1 && next == in;
}

template <class T, bool kMax>
void combine_rows(const T* row, T* to, int64_t n) {
  if constexpr (kMax)
    row_max(row, to, n);
  else
    row_add(row, to, n);
}

int64_t grain_of(int64_t pixels) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(pixels, 1));
}

// A divisor is the product of what its windows count along three axes.
int64_t counted_at(const PoolGeometry& g, const PoolDivisor& d, int axis, int64_t at) {
  const PoolAxis& a = g.axis[axis];
  return d.with_padding ? a.counted[at] : a.end[at] - a.begin[at];
}

// The factors along the width, computed once, and what speeds a row up.
struct MeanRows {
  std::vector<int64_t> factors;
  bool pairs, tiled;  // pairs: windows of two, all with the same divisor
  const WidthWindows width;
  const PoolGeometry& g;
  const PoolDivisor& d;

  MeanRows(const PoolGeometry& geometry, const PoolDivisor& divisor)
      : width(geometry.axis[2], geometry.in[2]), g(geometry), d(divisor) {
    for (int64_t x = 0; x < g.out[2]; ++x)
      factors.push_back(d.fixed ? d.fixed : counted_at(g, d, 2, x));
    const bool same =
        std::adjacent_find(factors.begin(), factors.end(), std::not_equal_to<>()) == factors.end();
    pairs = same && !factors.empty() && is_pairs(g.axis[2], g.in[2]);
    tiled = true;
    for (int i = 0; i < 3; ++i) tiled = tiled && is_tiled(g.axis[i], g.in[i]);
  }
  int64_t row_factor(int64_t z, int64_t y) const {
    return d.fixed ? 1 : counted_at(g, d, 0, z) * counted_at(g, d, 1, y);
  }
};

// One plane with adjacent rows: f(z, y, row) gets the combined row of each row of the output.
template <class T, bool kMax, class F>
void for_combined_rows(const PoolGeometry& g, const T* plane, T* row, F&& f) {
  const int64_t width = g.in[2];
  for (int64_t z = 0; z < g.out[0]; ++z)
    for (int64_t y = 0; y < g.out[1]; ++y) {
      bool first = true;
      for (int64_t i = g.axis[0].begin[z]; i < g.axis[0].end[z]; i += g.axis[0].step)
        for (int64_t j = g.axis[1].begin[y]; j < g.axis[1].end[y]; j += g.axis[1].step) {
          const T* from = plane + (i * g.in[1] + j) * width;
          if (first)
            std::memcpy(row, from, static_cast<size_t>(width) * sizeof(T));
          else
            combine_rows<T, kMax>(from, row, width);
          first = false;
        }
      f(z, y, first ? nullptr : row);
    }
}

template <class T>
void max_plane(const PoolGeometry& g, const WidthWindows& width, const T* from, T* row, T* to) {
  for_combined_rows<T, true>(g, from, row, [&](int64_t z, int64_t y, const T* all) {
    T* out = to + (z * g.out[1] + y) * g.out[2];
    if (!all) return void(std::fill_n(out, g.out[2], T(0)));  // padding alone
    width.combine<T, true>(all, out);
  });
}

template <class T>
void mean_plane(const PoolGeometry& g, const MeanRows& rows, const T* from, T* row, T* to) {
  for_combined_rows<T, false>(g, from, row, [&](int64_t z, int64_t y, const T* all) {
    T* out = to + (z * g.out[1] + y) * g.out[2];
    const int64_t factor = rows.row_factor(z, y);
    if constexpr (kPairs<T>)
      if (rows.pairs && all && factor)
        return pairs_mean(all, out, g.out[2], static_cast<T>(factor * rows.factors[0]));
    if (all)
      rows.width.combine<T, false>(all, out);
    else
      std::fill_n(out, g.out[2], T(0));
    for (int64_t x = 0; x < g.out[2]; ++x) {
      const int64_t n = factor * rows.factors[x];
      out[x] = n ? out[x] / static_cast<T>(n) : T(0);
    }
  });
}

}  // namespace

int64_t divisor_at(const PoolGeometry& g, const PoolDivisor& d, int64_t z, int64_t y, int64_t x) {
  if (d.fixed) return d.fixed;
  return counted_at(g, d, 0, z) * counted_at(g, d, 1, y) * counted_at(g, d, 2, x);
}

PoolAxis pool_windows(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                      int64_t dilation) {
  PoolAxis axis;
  axis.step = dilation;
  for (int64_t o = 0; o < out; ++o) {
    const int64_t start = o * stride - pad, end = start + (kernel - 1) * dilation + 1;
    axis.begin.push_back(start >= 0 ? start
                                    : start + (-start + dilation - 1) / dilation * dilation);
    axis.end.push_back(std::min(end, in));
    axis.counted.push_back(std::max<int64_t>(0, std::min(end, in + pad) - start));
  }
  return axis;
}

PoolAxis adaptive_windows(int64_t in, int64_t out) {
  PoolAxis axis;
  for (int64_t o = 0; o < out; ++o) {
    const int64_t begin = o * in / out;
    const int64_t end = ((o + 1) * in + out - 1) / out;
    axis.begin.push_back(begin);
    axis.end.push_back(end);
    axis.counted.push_back(end - begin);
  }
  return axis;
}

template <class T>
void pool_max(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y) {
  if (x.channels_last) return pool_last_max(g, x, y);
  const WidthWindows width(g.axis[2], g.in[2]);
  parallel_for(g.batch * g.channels, grain_of(g.in_pixels()), [&](int64_t begin, int64_t end) {
    const Workspace row(checked_nbytes(g.in[2], sizeof(T)));
    for (int64_t u = begin; u < end; ++u)
      max_plane(g, width, x.data + u * g.in_pixels(), row.as<T>(), y.data + u * g.out_pixels());
  });
}

namespace {

// Positions of the maxima of planes.
template <class T>
class MaxIndices {
 public:
  explicit MaxIndices(const PoolGeometry& g)
      : g_(g),
        axis_(g.axis[2]),
        best_(checked_nbytes(g.in[2], sizeof(T))),
        number_(checked_nbytes(g.in[2], sizeof(T))) {}

  void plane(const T* from, T* values, int64_t* indices) {
    for (int64_t z = 0; z < g_.out[0]; ++z)
      for (int64_t y = 0; y < g_.out[1]; ++y, values += g_.out[2], indices += g_.out[2]) {
        rows_.clear();
        for (int64_t i = g_.axis[0].begin[z]; i < g_.axis[0].end[z]; i += g_.axis[0].step)
          for (int64_t j = g_.axis[1].begin[y]; j < g_.axis[1].end[y]; j += g_.axis[1].step)
            rows_.push_back(from + (i * g_.in[1] + j) * g_.in[2]);
        if (rows_.empty()) {  // padding alone
          std::fill_n(values, g_.out[2], T(0));
          std::fill_n(indices, g_.out[2], int64_t{0});
        } else {
          search(from, values, indices);
        }
      }
  }

 private:
  // Every column of a window is searched first, all columns of the image side by side.
  void search(const T* from, T* values, int64_t* indices) const {
    const T* row = rows_[0];
    lane_t<T>* number = nullptr;
    if (rows_.size() > 1) {
      T* best = best_.template as<T>();
      number = number_.template as<lane_t<T>>();
      columns_argmax(rows_.data(), static_cast<int64_t>(rows_.size()), best, number, g_.in[2]);
      row = best;
    }
    for (int64_t x = 0; x < g_.out[2]; ++x) {
      const int64_t begin = axis_.begin[x], end = axis_.end[x];
      if (begin >= end) {
        values[x] = T(0), indices[x] = 0;
        continue;
      }
      int64_t at = best_column(row, begin, end);
      if (number) at = by_rows(row, number, begin, end, at);
      values[x] = row[at];
      indices[x] = rows_[number ? static_cast<size_t>(number[at]) : 0] - from + at;
    }
  }

  // The first of the largest, or the last NaN.
  int64_t best_column(const T* row, int64_t begin, int64_t end) const {
    if (axis_.step == 1) return begin + find_best(row + begin, end - begin);
    int64_t at = begin;
    for (int64_t i = begin; i < end; i += axis_.step)
      if (row[i] > row[at] || row[i] != row[i]) at = i;
    return at;
  }

  // Among columns as good as `at`, the one whose best comes first row by row, or last for NaN.
  int64_t by_rows(const T* row, const lane_t<T>* number, int64_t begin, int64_t end,
                  int64_t at) const {
    const T best = row[at];
    for (int64_t i = begin; i < end; i += axis_.step) {
      if (best == best
              ? row[i] == best && number[i] < number[at]
              : row[i] != row[i] && (number[i] > number[at] || (number[i] == number[at] && i > at)))
        at = i;
    }
    return at;
  }

  const PoolGeometry& g_;
  const PoolAxis& axis_;
  const Workspace best_, number_;  // of each column: the largest, and in which row it is
  std::vector<const T*> rows_;
};

}  // namespace

template <class T>
void pool_max_indices(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y,
                      const ConvImage<int64_t>& indices) {
  if (x.channels_last) return pool_last_indices(g, x, y, indices);
  parallel_for(g.batch * g.channels, grain_of(g.in_pixels()), [&](int64_t begin, int64_t end) {
    MaxIndices<T> search(g);
    for (int64_t u = begin; u < end; ++u)
      search.plane(x.data + u * g.in_pixels(), y.data + u * g.out_pixels(),
                   indices.data + u * g.out_pixels());
  });
}

template <class T>
void pool_mean(const PoolGeometry& g, const PoolDivisor& d, const ConvImage<const T>& x,
               const ConvImage<T>& y) {
  if (x.channels_last) return pool_last_mean(g, d, x, y);
  const bool whole = g.out_pixels() == 1 && covers_all(g);
  const MeanRows rows(g, d);
  parallel_for(g.batch * g.channels, grain_of(g.in_pixels()), [&](int64_t begin, int64_t end) {
    if (whole) {
      const int64_t n = divisor_at(g, d, 0, 0, 0);
      for (int64_t u = begin; u < end; ++u) {
        const T sum = plane_sum(x.data + u * g.in_pixels(), g.in_pixels());
        y.data[u] = n ? sum / static_cast<T>(n) : T(0);
      }
      return;
    }
    const Workspace row(checked_nbytes(g.in[2], sizeof(T)));
    for (int64_t u = begin; u < end; ++u)
      mean_plane(g, rows, x.data + u * g.in_pixels(), row.as<T>(), y.data + u * g.out_pixels());
  });
}

namespace {

// What one row of outputs gives to each pixel of the image's width.
template <class T>
void spread_row(const PoolAxis& axis, int64_t outputs, const T* share, int64_t width, T* row) {
  std::fill(row, row + width, T(0));
  for (int64_t x = 0; x < outputs; ++x)
    for (int64_t i = axis.begin[x]; i < axis.end[x]; ++i) row[i] += share[x];
}

// The gradient of one row of outputs, for every row of its windows.
template <class T>
void mean_grad_row(const PoolGeometry& g, const MeanRows& rows, int64_t factor, const T* from,
                   T* share, T* row) {
  if constexpr (kPairs<T>)
    if (rows.pairs && factor) {
      pairs_spread(from, row, g.out[2], static_cast<T>(factor * rows.factors[0]));
      return std::fill(row + 2 * g.out[2], row + g.in[2], T(0));
    }
  for (int64_t x = 0; x < g.out[2]; ++x) {
    const int64_t n = factor * rows.factors[x];
    share[x] = n ? from[x] / static_cast<T>(n) : T(0);
  }
  spread_row(g.axis[2], g.out[2], share, g.in[2], row);
}

template <class T>
void mean_grad_plane(const PoolGeometry& g, const MeanRows& rows, const T* from, T* share, T* row,
                     T* to) {
  const int64_t width = g.in[2];
  if (!rows.tiled) std::fill(to, to + g.in_pixels(), T(0));
  for (int64_t z = 0; z < g.out[0]; ++z)
    for (int64_t y = 0; y < g.out[1]; ++y, from += g.out[2]) {
      mean_grad_row(g, rows, rows.row_factor(z, y), from, share, row);
      for (int64_t i = g.axis[0].begin[z]; i < g.axis[0].end[z]; ++i)
        for (int64_t j = g.axis[1].begin[y]; j < g.axis[1].end[y]; ++j) {
          T* pixels = to + (i * g.in[1] + j) * width;
          if (rows.tiled)
            std::memcpy(pixels, row, static_cast<size_t>(width) * sizeof(T));
          else
            row_add(row, pixels, width);
        }
    }
}

}  // namespace

template <class T>
void pool_mean_grad(const PoolGeometry& g, const PoolDivisor& d, const ConvImage<const T>& grad,
                    const ConvImage<T>& x_grad) {
  if (grad.channels_last) return pool_last_mean_grad(g, d, grad, x_grad);
  const int64_t pixels = g.in_pixels();
  const MeanRows rows(g, d);
  parallel_for(g.batch * g.channels, grain_of(pixels), [&](int64_t begin, int64_t end) {
    const Workspace space(checked_nbytes(g.in[2] + g.out[2], sizeof(T)));
    for (int64_t u = begin; u < end; ++u) {
      T* to = x_grad.data + u * pixels;
      if (g.out_pixels() == 1 && covers_all(g)) {
        const int64_t n = divisor_at(g, d, 0, 0, 0);
        std::fill(to, to + pixels, n ? grad.data[u] / static_cast<T>(n) : T(0));
      } else {
        mean_grad_plane(g, rows, grad.data + u * g.out_pixels(), space.as<T>(),
                        space.as<T>() + g.out[2], to);
      }
    }
  });
}

#define FB_POOL_INSTANCES(T)                                                                         \
  template void pool_max(const PoolGeometry&, const ConvImage<const T>&, const ConvImage<T>&);       \
  template void pool_max_indices(const PoolGeometry&, const ConvImage<const T>&, const ConvImage<T>&, \
                                 const ConvImage<int64_t>&);                                         \
  template void pool_mean(const PoolGeometry&, const PoolDivisor&, const ConvImage<const T>&,        \
                          const ConvImage<T>&);                                                      \
  template void pool_mean_grad(const PoolGeometry&, const PoolDivisor&, const ConvImage<const T>&,   \
                               const ConvImage<T>&)
FB_POOL_INSTANCES(float);
FB_POOL_INSTANCES(double);
FB_POOL_INSTANCES(int64_t);
#undef FB_POOL_INSTANCES

}  // namespace flambeau
