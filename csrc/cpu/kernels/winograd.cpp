#include "cpu/kernels/winograd.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace winograd {

using V = vfloat;
constexpr int L = V::lanes;

// One dimension of each transform: the products by the rows of a matrix, common terms shared.
FB_VEC void multiply_bt(const V (&d)[6], V (&r)[6]) {
  const V four = 4.0f, five = 5.0f, two = 2.0f;
  const V even = d[4] - four * d[2], odd = d[3] - four * d[1];
  const V even2 = d[4] - d[2], odd2 = two * (d[3] - d[1]);
  r[0] = mad(four, d[0], d[4]) - five * d[2];
  r[1] = even + odd;
  r[2] = even - odd;
  r[3] = even2 + odd2;
  r[4] = even2 - odd2;
  r[5] = mad(four, d[1], d[5]) - five * d[3];
}

FB_VEC void multiply_at(const V (&m)[6], V (&r)[4]) {
  const V sum1 = m[1] + m[2], difference1 = m[1] - m[2];
  const V sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  r[0] = m[0] + sum1 + sum2;
  r[1] = mad(V(2.0f), difference2, difference1);
  r[2] = mad(V(4.0f), sum2, sum1);
  r[3] = mad(V(8.0f), difference2, difference1) + m[5];
}

FB_VEC void multiply_a(const V (&y)[4], V (&r)[6]) {
  const V even1 = y[0] + y[2], odd1 = y[1] + y[3];
  const V even2 = mad(V(4.0f), y[2], y[0]), odd2 = mad(V(8.0f), y[3], V(2.0f) * y[1]);
  r[0] = y[0];
  r[1] = even1 + odd1;
  r[2] = even1 - odd1;
  r[3] = even2 + odd2;
  r[4] = even2 - odd2;
  r[5] = y[3];
}

FB_VEC void multiply_g(const V (&w)[3], V (&r)[6]) {
  const V even1 = V(-1.0f / 6) * (w[0] + w[2]), odd1 = V(-1.0f / 6) * w[1];
  const V even2 = mad(V(1.0f / 24), w[0], V(1.0f / 6) * w[2]), odd2 = V(1.0f / 12) * w[1];
  r[0] = V(0.25f) * w[0];
  r[1] = even1 + odd1;
  r[2] = even1 - odd1;
  r[3] = even2 + odd2;
  r[4] = even2 - odd2;
  r[5] = w[2];
}

FB_VEC void multiply_gt(const V (&m)[6], V (&r)[3]) {
  const V sum1 = m[1] + m[2], difference1 = m[2] - m[1];
  const V sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  r[0] = mad(V(0.25f), m[0], V(-1.0f / 6) * sum1) + V(1.0f / 24) * sum2;
  r[1] = mad(V(1.0f / 6), difference1, V(1.0f / 12) * difference2);
  r[2] = mad(V(1.0f / 6), sum2 - sum1, m[5]);
}

}  // namespace winograd

void winograd_input(const float* const* pixel, int64_t n, float* v, int64_t step) {
  using namespace winograd;
  for (int64_t c = 0; c < n; c += L) {
    V half[6][6];
#pragma GCC unroll 6
    for (int x = 0; x < 6; ++x) {
      V d[6], r[6];
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) d[y] = load_n(pixel[y * 6 + x] + c, n - c);
      multiply_bt(d, r);
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) half[y][x] = r[y];
    }
#pragma GCC unroll 6
    for (int y = 0; y < 6; ++y) {
      V r[6];
      multiply_bt(half[y], r);
#pragma GCC unroll 6
      for (int x = 0; x < 6; ++x) store(v + (y * 6 + x) * step + c, r[x]);
    }
  }
}

void winograd_output(const float* m, int64_t step, int64_t n, const float* bias,
                     float* const* pixel) {
  using namespace winograd;
  for (int64_t c = 0; c < n; c += L) {
    V half[4][6];
#pragma GCC unroll 6
    for (int x = 0; x < 6; ++x) {
      V d[6], r[4];
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) d[y] = load_n(m + (y * 6 + x) * step + c, n - c);
      multiply_at(d, r);
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) half[y][x] = r[y];
    }
    const V add = bias ? load_n(bias + c, n - c) : V(0.0f);
#pragma GCC unroll 4
    for (int y = 0; y < 4; ++y) {
      V r[4];
      multiply_at(half[y], r);
#pragma GCC unroll 4
      for (int x = 0; x < 4; ++x)
        if (float* to = pixel[y * 4 + x]) store_n(to + c, r[x] + add, n - c);
    }
  }
}

void winograd_gradient(const float* const* pixel, int64_t n, float* p, int64_t step) {
  using namespace winograd;
  for (int64_t c = 0; c < n; c += L) {
    V half[6][4];
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      V d[4], r[6];
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) d[y] = load_n(pixel[y * 4 + x] + c, n - c);
      multiply_a(d, r);
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) half[y][x] = r[y];
    }
#pragma GCC unroll 6
    for (int y = 0; y < 6; ++y) {
      V r[6];
      multiply_a(half[y], r);
#pragma GCC unroll 6
      for (int x = 0; x < 6; ++x) store(p + (y * 6 + x) * step + c, r[x]);
    }
  }
}

void winograd_weight(const float* w, int64_t lane, bool turned, int64_t n, float* u, int64_t step) {
  using namespace winograd;
  for (int64_t c = 0; c < 16; c += L) {
    const float* from = w + c * lane;
    const int64_t some = n - c;
    V half[6][3];
#pragma GCC unroll 3
    for (int x = 0; x < 3; ++x) {
      V d[3], r[6];
#pragma GCC unroll 3
      for (int y = 0; y < 3; ++y) {
        const int t = turned ? 8 - (y * 3 + x) : y * 3 + x;
        d[y] = some >= L ? load_strided(from + t, lane) : load_strided(from + t, lane, some);
      }
      multiply_g(d, r);
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) half[y][x] = r[y];
    }
#pragma GCC unroll 6
    for (int y = 0; y < 6; ++y) {
      V r[6];
      multiply_g(half[y], r);
#pragma GCC unroll 6
      for (int x = 0; x < 6; ++x) store(u + (y * 6 + x) * step + c, r[x]);
    }
  }
}

void winograd_weight_gradient(const float* m, int64_t step, int64_t n, float* w) {
  using namespace winograd;
  for (int64_t c = 0; c < n; c += L) {
    V half[3][6];
#pragma GCC unroll 6
    for (int x = 0; x < 6; ++x) {
      V d[6], r[3];
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) d[y] = load_n(m + (y * 6 + x) * step + c, n - c);
      multiply_gt(d, r);
#pragma GCC unroll 3
      for (int y = 0; y < 3; ++y) half[y][x] = r[y];
    }
#pragma GCC unroll 3
    for (int y = 0; y < 3; ++y) {
      V r[3];
      multiply_gt(half[y], r);
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x)
        store_strided(w + c * 9 + y * 3 + x, 9, r[x], n - c < L ? n - c : int64_t{L});
    }
  }
}

}  // namespace flambeau::FB_ISA
