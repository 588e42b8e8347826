#include "cpu/kernels/grid.h"

#include "cpu/kernels/shuffle.h"
#include "cpu/vec_math.h"

namespace flambeau::FB_ISA {
namespace grid {

template <class T>
using Places = Vec<typename GridIndex<T>::type>;

FB_VEC vint32 to_index(vfloat a) { return to_int32(a); }
FB_VEC vint64 to_index(vdouble a) { return to_int64(a); }

// ---------------------------------------------------------------- pixels and weights

// The coefficients of a cubic after `order` derivatives, times (-1)^order if x falls as t grows.
template <class T>
struct Cubic {
  T at[4];

  void derive(int order, bool falling) {
    for (int o = 0; o < order; ++o) {
      for (int i = 0; i < 3; ++i) at[i] = static_cast<T>(i + 1) * at[i + 1] * (falling ? -1 : 1);
      at[3] = 0;
    }
  }
  FB_VEC Vec<T> operator()(Vec<T> x) const {
    return mad(mad(mad(Vec<T>(at[3]), x, Vec<T>(at[2])), x, Vec<T>(at[1])), x, Vec<T>(at[0]));
  }
};

// One dimension of the image.
template <class T, GridFilter kFilter>
struct Axis {
  using V = Vec<T>;
  static constexpr bool kCubic = kFilter == GridFilter::Cubic;
  static constexpr int kTaps = kFilter == GridFilter::Nearest ? 1 : kCubic ? 4 : 2;
  GridPadding padding;
  int order;
  int64_t size;
  bool align;
  T last, unit;       // the last pixel; pixels for a step of 1 in the grid
  Cubic<T> cubic[4];  // Keys (1981), with a = -0.75: of t + 1, t, 1 - t, 2 - t

  void set(const GridRule& g, int d) {
    padding = g.padding, align = g.align_corners;
    order = g.order[d], size = g.size[d];
    last = static_cast<T>(size - 1);
    unit = align ? last / 2 : static_cast<T>(size) / 2;
    if (!kCubic) return;
    const T a = T(-0.75);
    const Cubic<T> near{{1, 0, -(a + 3), a + 2}}, far{{-4 * a, 8 * a, -5 * a, a}};
    cubic[0] = cubic[3] = far;
    cubic[1] = cubic[2] = near;
    for (int k = 0; k < 4; ++k) cubic[k].derive(order, k >= 2);
  }

  // Mirrors at the centres or at the edges of the outermost pixels.
  FB_VEC V reflected(V c, V& slope) const {
    const T low = align ? T(0) : T(-0.5), span = align ? last : last + 1;
    if (span == 0) return V(0);
    const V from = c - low, distance = abs(from);
    const V flips = floor(distance / span), rest = distance - flips * span;
    const auto odd = flips - floor(flips * T(0.5)) * T(2) != V(0);
    slope = where(odd ^ (from < V(0)), -slope, slope);
    return where(odd, V(span) - rest, rest) + low;
  }
  // Moved into the image by the rule of padding; NaN becomes 0. `slope` is multiplied by that of
  // the move.
  FB_VEC V padded(V c, V& slope) const {
    if (padding == GridPadding::Zeros) return c;
    if (padding == GridPadding::Reflection) c = reflected(c, slope);
    const auto above = c > V(0), below = c < V(last);
    slope = where(above & below, slope, V(0));
    return where(above, where(below, c, V(last)), V(0));
  }
  FB_VEC Places<T> place(V at, V& weight) const {
    const auto inside = (at >= V(0)) & (at <= V(last));
    weight = where(inside, weight, V(0));
    const Places<T> i = to_index(where(inside, at, V(0)));
    // Where T cannot tell the last pixels apart, rounding must not lead behind them.
    return where(inside, minimum(i, Places<T>(size - 1)), Places<T>(-1));
  }
  FB_VEC void find(V x, Places<T>* places, V* weight) const {
    V c = align ? (x + T(1)) * T(0.5) * last : ((x + T(1)) * static_cast<T>(size) - T(1)) * T(0.5);
    V slope = unit;
    if constexpr (!kCubic) c = padded(c, slope);
    if constexpr (kFilter == GridFilter::Nearest) {
      weight[0] = V(order == 0 ? T(1) : T(0));
      places[0] = place(round(c), weight[0]);
      return;
    }
    const V whole = floor(c), t = c - whole;
    if constexpr (kFilter == GridFilter::Linear) {
      weight[0] = order == 0 ? V(1) - t : order == 1 ? -slope : V(0);
      weight[1] = order == 0 ? t : order == 1 ? slope : V(0);
      places[0] = place(whole, weight[0]);
      places[1] = place(whole + T(1), weight[1]);
    }
    if constexpr (kCubic) {
      V factor = T(1);
      for (int i = 0; i < order; ++i) factor = factor * slope;
      const V from[4] = {t + T(1), t, V(1) - t, V(2) - t};
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        V unused = T(0);
        weight[k] = cubic[k](from[k]) * factor;
        places[k] = place(padded(whole + static_cast<T>(k - 1), unused), weight[k]);
      }
    }
  }
};

// The numbers of L points, or of what is left of them, for each dimension of the image.
template <class T, int D>
FB_VEC void read_points(const T* grid, int64_t left, Vec<T>* x) {
  constexpr int L = Vec<T>::lanes;
  if (left >= L && D == 2) {
    const Vec<T> a = load(grid), b = load(grid + L);
    x[1] = evens(a, b), x[0] = odds(a, b);
    return;
  }
#pragma GCC unroll 3
  for (int d = 0; d < D; ++d)
    x[d] = left >= L ? load_strided(grid + D - 1 - d, D) : load_strided(grid + D - 1 - d, D, left);
}

template <class T, GridFilter kFilter, int D>
void taps_of(const GridRule& g, const T* grid, int64_t points, GridTaps<T>& out) {
  constexpr int L = Vec<T>::lanes, kSign = 8 * sizeof(T) - 1;
  using A = Axis<T, kFilter>;
  constexpr int K = A::kTaps, kCount = D == 2 ? K * K : K * K * K;
  A axis[D];
  for (int d = 0; d < D; ++d) axis[d].set(g, d);
  out.points = points, out.count = kCount;
  for (int64_t p = 0; p < points; p += L, grid += L * D) {
    Vec<T> x[D], weight[kCount], factor[K];
    Places<T> at[kCount], place[K];
    read_points<T, D>(grid, points - p, x);
    at[0] = Places<T>(0), weight[0] = Vec<T>(1);
#pragma GCC unroll 3
    for (int d = 0, count = 1; d < D; ++d, count *= K) {
      axis[d].find(x[d], place, factor);
#pragma GCC unroll 4
      for (int i = count - 1; i >= 0; --i) {
        const Places<T> first = at[i];
        const Vec<T> w = weight[i];
#pragma GCC unroll 4
        for (int k = K - 1; k >= 0; --k) {  // either being -1, so is what they make
          at[i * K + k] = (first * Places<T>(g.size[d]) + place[k]) | ((first | place[k]) >> kSign);
          weight[i * K + k] = w * factor[k];
        }
      }
    }
#pragma GCC unroll 16
    for (int t = 0; t < kCount; ++t) {
      store(out.index + t * out.step + p, at[t]);
      store(out.weight + t * out.step + p, weight[t]);
    }
  }
}

template <class T>
void taps(const GridRule& g, const T* grid, int64_t points, GridTaps<T>& out) {
  const bool flat = g.dims == 2;
  const auto f = g.filter == GridFilter::Cubic     ? taps_of<T, GridFilter::Cubic, 2>
                 : g.filter == GridFilter::Nearest ? flat ? taps_of<T, GridFilter::Nearest, 2>
                                                          : taps_of<T, GridFilter::Nearest, 3>
                 : flat                            ? taps_of<T, GridFilter::Linear, 2>
                                                   : taps_of<T, GridFilter::Linear, 3>;
  f(g, grid, points, out);
}

// ---------------------------------------------------------------- channels side by side

// The rows of pixels that a point is the sum of, and their weights.
template <class T>
struct Rows {
  const T* from[kGridTaps];
  FB_VEC Rows(const GridTaps<T>& taps, int64_t p, const T* image, int64_t row, const T* zeros) {
    for (int64_t t = 0; t < taps.count; ++t) {
      const int64_t at = taps.index[t * taps.step + p];
      from[t] = at < 0 ? zeros : image + at * row;
    }
  }
};

// Calls f<V, whole>(c, n) for all channels: V vectors of n lanes from channel c on.
template <class T, class F>
FB_VEC void for_channels(int64_t channels, F&& f) {
  constexpr int L = Vec<T>::lanes;
  int64_t c = 0;
  for (; c + 4 * L <= channels; c += 4 * L) f.template operator()<4, true>(c, L);
  for (; c + 2 * L <= channels; c += 2 * L) f.template operator()<2, true>(c, L);
  for (; c + L <= channels; c += L) f.template operator()<1, true>(c, L);
  if (c < channels) f.template operator()<1, false>(c, channels - c);
}
template <bool kWhole, class T>
FB_VEC Vec<T> read(const T* p, int64_t n) {
  if constexpr (kWhole) return load(p);
  return load_n(p, n);
}
template <bool kWhole, class T>
FB_VEC void write(T* p, Vec<T> v, int64_t n) {
  if constexpr (kWhole)
    store(p, v);
  else
    store_n(p, v, n);
}

template <class T>
void gather_rows(const GridTaps<T>& taps, const T* image, int64_t row, int64_t channels,
                 const T* zeros, T* out, int64_t out_row) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t p = 0; p < taps.points; ++p, out += out_row) {
    const Rows<T> rows(taps, p, image, row, zeros);
    for_channels<T>(channels, [&]<int V, bool kWhole>(int64_t c, int64_t n) {
      Vec<T> sum[V];
      for (int v = 0; v < V; ++v)
        sum[v] = Vec<T>(taps.weight[p]) * read<kWhole>(rows.from[0] + c + v * L, n);
      for (int64_t t = 1; t < taps.count; ++t) {
        const Vec<T> w = taps.weight[t * taps.step + p];
        for (int v = 0; v < V; ++v)
          sum[v] = mad(w, read<kWhole>(rows.from[t] + c + v * L, n), sum[v]);
      }
      for (int v = 0; v < V; ++v) write<kWhole>(out + c + v * L, sum[v], n);
    });
  }
}

template <class T>
void scatter_rows(const GridTaps<T>& taps, const T* values, int64_t values_row, int64_t channels,
                  T* image, int64_t row) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t p = 0; p < taps.points; ++p, values += values_row)
    for (int64_t t = 0; t < taps.count; ++t) {
      const int64_t at = taps.index[t * taps.step + p];
      if (at < 0) continue;
      const Vec<T> w = taps.weight[t * taps.step + p];
      T* to = image + at * row;
      for_channels<T>(channels, [&]<int V, bool kWhole>(int64_t c, int64_t n) {
        for (int v = 0; v < V; ++v) {
          const int64_t i = c + v * L;
          write<kWhole>(to + i, mad(w, read<kWhole>(values + i, n), read<kWhole>(to + i, n)), n);
        }
      });
    }
}

template <class T, int D>
void slopes_rows(const GridTaps<T>* taps, const T* values, int64_t values_row, const T* image,
                 int64_t row, int64_t channels, const T* zeros, T* out) {
  for (int64_t p = 0; p < taps->points; ++p, values += values_row, out += D) {
    const Rows<T> rows(*taps, p, image, row, zeros);
    Vec<T> total[D];
    for (int d = 0; d < D; ++d) total[d] = T(0);
    for_channels<T>(channels, [&]<int V, bool kWhole>(int64_t c0, int64_t n) {
      for (int v = 0; v < V; ++v) {
        const int64_t c = c0 + v * Vec<T>::lanes;
        Vec<T> sum[D];
        for (int d = 0; d < D; ++d) sum[d] = T(0);
        for (int64_t t = 0; t < taps->count; ++t) {
          const Vec<T> x = read<kWhole>(rows.from[t] + c, n);
          for (int d = 0; d < D; ++d)
            sum[d] = mad(Vec<T>(taps[d].weight[t * taps->step + p]), x, sum[d]);
        }
        const Vec<T> g = read<kWhole>(values + c, n);
        for (int d = 0; d < D; ++d) total[d] = mad(g, sum[d], total[d]);
      }
    });
    for (int d = 0; d < D; ++d) out[D - 1 - d] += reduce_add(total[d]);
  }
}

// ---------------------------------------------------------------- channel after channel

// One pixel for each of the next lanes of a tap, whose indices have been made harmless; zero for
// none.
template <class T, class I>
FB_VEC Vec<T> picked(const T* image, const I* index, const I* harmless) {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::lanes; ++i) r.v[i] = image[harmless[i]];
  return where(load(index) < Vec<I>(0), Vec<T>(0), r);
}
template <class T, class I>
FB_VEC void make_harmless(const GridTaps<T>& taps, I* to) {
  for (int64_t i = 0; i < taps.count * taps.step; i += Vec<I>::lanes)
    store(to + i, maximum(load(taps.index + i), Vec<I>(0)));
}

template <class T>
void gather_planes(const GridTaps<T>& taps, const T* image, int64_t plane, int64_t channels, T* out,
                   int64_t out_plane) {
  constexpr int L = Vec<T>::lanes;
  typename GridIndex<T>::type harmless[kGridPairs];
  make_harmless(taps, harmless);
  for (int64_t c = 0; c < channels; ++c, image += plane, out += out_plane)
    for (int64_t p = 0; p < taps.points; p += L) {
      Vec<T> sum = load(taps.weight + p) * picked(image, taps.index + p, harmless + p);
      for (int64_t i = p + taps.step, t = 1; t < taps.count; ++t, i += taps.step)
        sum = mad(load(taps.weight + i), picked(image, taps.index + i, harmless + i), sum);
      store_n(out + p, sum, taps.points - p < L ? taps.points - p : L);
    }
}

template <class T>
void scatter_planes(const GridTaps<T>& taps, const T* values, int64_t values_plane,
                    int64_t channels, T* image, int64_t plane) {
  for (int64_t c = 0; c < channels; ++c, values += values_plane, image += plane)
    for (int64_t p = 0; p < taps.points; ++p)
      for (int64_t t = 0; t < taps.count; ++t) {
        const int64_t at = taps.index[t * taps.step + p];
        if (at >= 0) image[at] += taps.weight[t * taps.step + p] * values[p];
      }
}

template <class T, int D>
void slopes_planes(const GridTaps<T>* taps, const T* values, int64_t values_plane, const T* image,
                   int64_t plane, int64_t channels, T* out) {
  constexpr int L = Vec<T>::lanes;
  typename GridIndex<T>::type harmless[kGridPairs];
  make_harmless(*taps, harmless);
  for (int64_t p = 0; p < taps->points; p += L) {
    const int64_t n = taps->points - p < L ? taps->points - p : L;
    Vec<T> total[D];
    for (int d = 0; d < D; ++d) total[d] = T(0);
    for (int64_t c = 0; c < channels; ++c) {
      Vec<T> sum[D];
      for (int d = 0; d < D; ++d) sum[d] = T(0);
      for (int64_t t = 0; t < taps->count; ++t) {
        const int64_t i = t * taps->step + p;
        const Vec<T> x = picked(image + c * plane, taps->index + i, harmless + i);
        for (int d = 0; d < D; ++d) sum[d] = mad(load(taps[d].weight + i), x, sum[d]);
      }
      const Vec<T> g = load_n(values + c * values_plane + p, n);
      for (int d = 0; d < D; ++d) total[d] = mad(g, sum[d], total[d]);
    }
    for (int d = 0; d < D; ++d)
      for (int64_t i = 0; i < n; ++i) out[(p + i) * D + D - 1 - d] += total[d][static_cast<int>(i)];
  }
}

}  // namespace grid

#define FB_DEFINE_GRID(S, T)                                                                       \
  void grid_taps_##S(const GridRule& rule, const T* grid, int64_t points, GridTaps<T>& taps) {     \
    grid::taps<T>(rule, grid, points, taps);                                                       \
  }                                                                                                \
  void grid_gather_rows_##S(const GridTaps<T>& taps, const T* image, int64_t image_row,            \
                            int64_t channels, const T* zeros, T* out, int64_t out_row) {           \
    grid::gather_rows<T>(taps, image, image_row, channels, zeros, out, out_row);                   \
  }                                                                                                \
  void grid_scatter_rows_##S(const GridTaps<T>& taps, const T* values, int64_t values_row,         \
                             int64_t channels, T* image, int64_t image_row) {                      \
    grid::scatter_rows<T>(taps, values, values_row, channels, image, image_row);                   \
  }                                                                                                \
  void grid_slopes_rows_##S(const GridTaps<T>* taps, int dims, const T* values,                    \
                            int64_t values_row, const T* image, int64_t image_row,                 \
                            int64_t channels, const T* zeros, T* out) {                            \
    const auto f = dims == 2 ? grid::slopes_rows<T, 2> : grid::slopes_rows<T, 3>;                  \
    f(taps, values, values_row, image, image_row, channels, zeros, out);                           \
  }                                                                                                \
  void grid_gather_planes_##S(const GridTaps<T>& taps, const T* image, int64_t image_plane,        \
                              int64_t channels, T* out, int64_t out_plane) {                       \
    grid::gather_planes<T>(taps, image, image_plane, channels, out, out_plane);                    \
  }                                                                                                \
  void grid_scatter_planes_##S(const GridTaps<T>& taps, const T* values, int64_t values_plane,     \
                               int64_t channels, T* image, int64_t image_plane) {                  \
    grid::scatter_planes<T>(taps, values, values_plane, channels, image, image_plane);             \
  }                                                                                                \
  void grid_slopes_planes_##S(const GridTaps<T>* taps, int dims, const T* values,                  \
                              int64_t values_plane, const T* image, int64_t image_plane,           \
                              int64_t channels, T* out) {                                          \
    const auto f = dims == 2 ? grid::slopes_planes<T, 2> : grid::slopes_planes<T, 3>;              \
    f(taps, values, values_plane, image, image_plane, channels, out);                              \
  }
FB_DEFINE_GRID(f32, float)
FB_DEFINE_GRID(f64, double)
#undef FB_DEFINE_GRID

}  // namespace flambeau::FB_ISA
