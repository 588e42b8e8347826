#include "cpu/kernels/planes.h"

#include "cpu/vec.h"

// Placed after a lambda's parameters: vectors must not travel through memory.
#define FB_LAMBDA __attribute__((always_inline))

namespace flambeau::FB_ISA {
namespace planes {

template <class T>
void copy(const T* src, int64_t src_row, T* dst, int64_t dst_row, int64_t rows, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t y = 0; y < rows; ++y, src += src_row, dst += dst_row) {
    int64_t x = 0;
    for (; x + L <= n; x += L) store(dst + x, load(src + x));
    if (x < n) store(dst + x, load_n(src + x, n - x));
  }
}

template <class T>
struct Terms {
  const T* src;
  int64_t src_row;
  const int64_t* offset;
  const T* w;
  int64_t w_row, count;
  const T* bias;
};

// P planes by R rows by V vectors, which end at pixel n: the last one overlaps the one before, or
// is cut off where it is the only one. `spills`: what it writes behind a row is written later.
template <class T, int P, int R, int V>
FB_VEC void block(const Terms<T>& terms, const T* src, const T* w, const T* bias, T* out,
                  int64_t plane, int64_t row, int64_t n, bool spills) {
  constexpr int L = Vec<T>::lanes;
  const int64_t src_row = terms.src_row, w_row = terms.w_row;
  const int64_t last = V > 1 || n >= L ? n - L : 0;
  const auto at = [last](int v) { return v < V - 1 ? v * L : last; };
  Vec<T> sum[P][R][V];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[p][r][v] = bias ? bias[p] : T(0);
  for (int64_t i = 0; i < terms.count; ++i) {
    const T* from = src + terms.offset[i];
    if constexpr (P == 1) {
      const Vec<T> factor = w[i];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
          sum[0][r][v] = mad(factor, load(from + r * src_row + at(v)), sum[0][r][v]);
    } else {
      Vec<T> x[R][V];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) x[r][v] = load(from + r * src_row + at(v));
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const Vec<T> factor = w[p * w_row + i];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) sum[p][r][v] = mad(factor, x[r][v], sum[p][r][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      T* to = out + p * plane + r * row;
#pragma GCC unroll 8
      for (int v = 0; v < V - 1; ++v) store(to + v * L, sum[p][r][v]);
      if (V > 1 || n >= L || (spills && r < R - 1))
        store(to + last, sum[p][r][V - 1]);
      else
        store_n(to, sum[p][r][0], n);
    }
}

// The twelve sums of a block hide the latency of the multiply-add.
template <int P, int V>
inline constexpr int kRowsTogether = P * V > 6    ? 1
                                     : P * V == 1 ? 6
                                                  : 12 / (P * V);
template <int P>
inline constexpr int kMostVectors = P == 4   ? 3
                                    : P == 2 ? 4
                                             : 8;

// A strip V vectors wide, all its rows.
template <class T, int P, int V>
void strip(const Terms<T>& terms, const T* src, const T* w, const T* bias, T* out, int64_t plane,
           int64_t row, int64_t rows, int64_t n) {
  constexpr int R = kRowsTogether<P, V>;
  const bool spills = row == n;
  int64_t y = 0;
  if (R > 1 && rows >= R) {
    for (;;) {
      block<T, P, R, V>(terms, src + y * terms.src_row, w, bias, out + y * row, plane, row, n,
                        spills);
      if (y + R == rows) return;
      y = y + 2 * R > rows ? rows - R : y + R;  // the last block computes some rows once more
    }
  }
  for (; y < rows; ++y)
    block<T, P, 1, V>(terms, src + y * terms.src_row, w, bias, out + y * row, plane, row, n,
                      spills);
}

// P planes.
template <class T, int P>
void correlate_planes(const Terms<T>& terms, const T* w, const T* bias, T* out,
                      const PlaneRows<T>& shape) {
  constexpr int L = Vec<T>::lanes, most = kMostVectors<P>;
  const T* src = terms.src;
  for (int64_t n = shape.pixels; n > 0;) {
    const int64_t left = (n + L - 1) / L;
    const int64_t v = left <= most ? left : left >= 2 * most ? most : (left + 1) / 2;
    const auto with = [&]<int V>() {
      if constexpr (V <= most)
        strip<T, P, V>(terms, src, w, bias, out, shape.plane, shape.row, shape.rows,
                       n < V * L ? n : V * L);
    };
    switch (v) {
      case 1: with.template operator()<1>(); break;
      case 2: with.template operator()<2>(); break;
      case 3: with.template operator()<3>(); break;
      case 4: with.template operator()<4>(); break;
      case 5: with.template operator()<5>(); break;
      case 6: with.template operator()<6>(); break;
      case 7: with.template operator()<7>(); break;
      default: with.template operator()<8>(); break;
    }
    n -= v * L, src += v * L, out += v * L;
  }
}

template <class T>
void correlate(const Terms<T>& terms, const PlaneRows<T>& out) {
  for (int64_t p = 0; p < out.planes;) {
    const int64_t left = out.planes - p;
    const T* w = terms.w + p * terms.w_row;
    const T* bias = terms.bias ? terms.bias + p : nullptr;
    T* to = out.data + p * out.plane;
    if (left >= 4)
      correlate_planes<T, 4>(terms, w, bias, to, out), p += 4;
    else if (left >= 2)
      correlate_planes<T, 2>(terms, w, bias, to, out), p += 2;
    else
      correlate_planes<T, 1>(terms, w, bias, to, out), p += 1;
  }
}

// What the sums of products read; a: planes of rows, b: rows at offsets.
template <class T>
struct Factors {
  const T* a;
  int64_t a_plane, a_row;
  const T* b;
  int64_t b_row;
  int64_t rows, n;
};

// P planes by K offsets; two vectors of each sum where that fits the registers.
template <class T, int P, int K>
void dots_block(const Factors<T>& f, const int64_t* offset, T* sum, int64_t sum_row) {
  constexpr int L = Vec<T>::lanes, U = P * K <= 5 ? 2 : 1;
  const T *a = f.a, *from[K];
  Vec<T> s[P][K][U];
#pragma GCC unroll 8
  for (int k = 0; k < K; ++k) {
    from[k] = f.b + offset[k];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) s[p][k][u] = T(0);
  }
  for (int64_t y = 0; y < f.rows; ++y, a += f.a_row) {
    const int64_t at = y * f.b_row;
    const auto add = [&](int64_t x, int u, auto&& read_a, auto&& read_b) FB_LAMBDA {
      Vec<T> g[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) g[p] = read_a(a + p * f.a_plane + x);
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) {
        const Vec<T> v = read_b(from[k] + at + x);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) s[p][k][u] = mad(g[p], v, s[p][k][u]);
      }
    };
    const auto whole = [](const T* p) FB_LAMBDA { return load(p); };
    int64_t x = 0;
    for (; x + U * L <= f.n; x += U * L)
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) add(x + u * L, u, whole, whole);
    for (; x < f.n; x += L) {  // lanes beyond the row are not the row's
      const int64_t some = f.n - x;
      const auto inside = first_lanes<T>(some);
      add(
          x, 0, [some](const T* p) FB_LAMBDA { return load_n(p, some); },
          [inside](const T* p) FB_LAMBDA { return where(inside, load(p), Vec<T>(T(0))); });
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k)
      sum[p * sum_row + k] += reduce_add(U == 1 ? s[p][k][0] : s[p][k][0] + s[p][k][U - 1]);
}

// P planes, and offsets in parts of equal size.
template <class T, int P, int most>
void dots_of(const Factors<T>& f, const int64_t* offset, int64_t count, T* sum, int64_t sum_row) {
  for (int64_t parts = (count + most - 1) / most; parts > 0; --parts) {
    const int64_t k = (count + parts - 1) / parts;
    const auto with = [&]<int K>() {
      if constexpr (K <= most) dots_block<T, P, K>(f, offset, sum, sum_row);
    };
    switch (k) {
      case 1: with.template operator()<1>(); break;
      case 2: with.template operator()<2>(); break;
      case 3: with.template operator()<3>(); break;
      case 4: with.template operator()<4>(); break;
      case 5: with.template operator()<5>(); break;
      case 6: with.template operator()<6>(); break;
      case 7: with.template operator()<7>(); break;
      default: with.template operator()<8>(); break;
    }
    count -= k, offset += k, sum += k;
  }
}

template <class T>
void dots(Factors<T> f, int64_t planes, const int64_t* offset, int64_t count, T* sum,
          int64_t sum_row) {
  while (planes > 0) {
    const int64_t now = planes >= 4 ? 4 : 1;
    if (now == 4)
      dots_of<T, 4, 3>(f, offset, count, sum, sum_row);
    else
      dots_of<T, 1, 8>(f, offset, count, sum, sum_row);
    planes -= now, f.a += now * f.a_plane, sum += now * sum_row;
  }
}

}  // namespace planes

#define FB_DEFINE_PLANES(S, T)                                                                   \
  void plane_copy_##S(const T* src, int64_t src_row, T* dst, int64_t dst_row, int64_t rows,      \
                      int64_t n) {                                                               \
    planes::copy<T>(src, src_row, dst, dst_row, rows, n);                                        \
  }                                                                                              \
  void plane_correlate_##S(const T* src, int64_t src_row, const int64_t* offset, const T* w,     \
                           int64_t w_row, int64_t count, const T* bias,                          \
                           const PlaneRows<T>& out) {                                            \
    planes::correlate<T>({src, src_row, offset, w, w_row, count, bias}, out);                    \
  }                                                                                              \
  void plane_dots_##S(const T* a, int64_t a_plane, int64_t a_row, int64_t planes, const T* b,     \
                      int64_t b_row, const int64_t* offset, int64_t count, int64_t rows,         \
                      int64_t n, T* sum) {                                                       \
    planes::dots<T>({a, a_plane, a_row, b, b_row, rows, n}, planes, offset, count, sum, count); \
  }
FB_DEFINE_PLANES(f32, float)
FB_DEFINE_PLANES(f64, double)
#undef FB_DEFINE_PLANES

}  // namespace flambeau::FB_ISA
