#include "cpu/kernels/attention.h"

#include "cpu/vec_math.h"

namespace flambeau::FB_ISA {

namespace {

constexpr int kLanes = vfloat::lanes;
constexpr int kWidth = 2 * kLanes;  // nr
constexpr int kRows = 6;            // mr

// Where no key has been allowed yet, exponentials must come out as zero, not as NaN.
FB_VEC vfloat finite_largest(vfloat m) { return where(m == vfloat(-kInf<float>), vfloat(0), m); }

// e^x for x below 88, zero where it would not be a normal number.
FB_VEC vfloat exp_below(vfloat x) {
  const vfloat e = exp_bounded(max_or_second(vfloat(-87.0f), x));
  return where(x < -87.0f, vfloat(0), e);
}

}  // namespace

void attention_softmax(float* s, const float* bias, int64_t keys, float* largest, float* sum,
                       float* factor) {
  for (int half = 0; half < kWidth; half += kLanes) {
    float* x = s + half;
    const vfloat before = load(largest + half);
    vfloat m0 = before, m1 = before;
    if (bias) {
      const float* b = bias + half;
      for (int64_t p = 0; p < keys; ++p) {
        const vfloat v = load(x + p * kWidth) + load(b + p * kWidth);
        store(x + p * kWidth, v);
        m0 = max_or_second(m0, v);
      }
    } else {
      int64_t p = 0;
      for (; p + 2 <= keys; p += 2) {
        m0 = max_or_second(m0, load(x + p * kWidth));
        m1 = max_or_second(m1, load(x + (p + 1) * kWidth));
      }
      if (p < keys) m0 = max_or_second(m0, load(x + p * kWidth));
    }
    const vfloat m = max_or_second(m0, m1), shift = finite_largest(m);
    vfloat total = 0;
    for (int64_t p = 0; p < keys; ++p) {
      const vfloat e = exp_below(load(x + p * kWidth) - shift);
      store(x + p * kWidth, e);
      total += e;
    }
    const vfloat f = exp_below(before - shift);
    store(factor + half, f);
    store(sum + half, load(sum + half) * f + total);
    store(largest + half, m);
  }
}

void attention_rescale(float* o, int64_t width, const float* factor) {
  const vfloat f0 = load(factor), f1 = load(factor + kLanes);
  if (all(f0 == vfloat(1)) && all(f1 == vfloat(1))) return;
  for (int64_t e = 0; e < width; ++e, o += kWidth) {
    store(o, load(o) * f0);
    store(o + kLanes, load(o + kLanes) * f1);
  }
}

void attention_finish(const float* o, int64_t width, int64_t queries, const float* largest,
                      const float* sum, float* out, int64_t out_row, float* lse) {
  for (int64_t q = 0; q < queries; ++q) {
    const bool none = sum[q] == 0;
    const float share = none ? 0.0f : 1.0f / sum[q];
    for (int64_t e = 0; e < width; ++e) out[q * out_row + e] = o[e * kWidth + q] * share;
    if (lse) lse[q] = none ? kInf<float> : largest[q] + __builtin_logf(sum[q]);
  }
}

void attention_mask_rows(const bool* m, int64_t row, int64_t column, int64_t queries, int64_t keys,
                         float* to, int64_t to_row) {
  for (int64_t i = 0; i < queries; ++i, m += row, to += to_row) {
    if (column == 1) {
      for (int64_t j = 0; j < keys; ++j) to[j] = m[j] ? 0.0f : -kInf<float>;
    } else {
      for (int64_t j = 0; j < keys; ++j) to[j] = m[j * column] ? 0.0f : -kInf<float>;
    }
  }
}

float attention_softmax_row(float* s, const float* bias, int64_t keys) {
  vfloat most = -kInf<float>;
  for (int64_t j = 0; j < keys; j += kLanes) {
    vfloat v = load_n(s + j, keys - j, -kInf<float>);
    if (bias) v += load_n(bias + j, keys - j);
    store_n(s + j, v, keys - j);
    most = max_or_second(most, v);
  }
  float largest = most[0];
  for (int i = 1; i < kLanes; ++i) largest = most[i] > largest ? most[i] : largest;
  const float shift = largest == -kInf<float> ? 0.0f : largest;
  vfloat total = 0;
  for (int64_t j = 0; j < keys; j += kLanes) {
    const vfloat e = exp_below(load_n(s + j, keys - j, -kInf<float>) - shift);
    store_n(s + j, e, keys - j);
    total += e;
  }
  const float sum = reduce_add(total);
  if (sum == 0) return kInf<float>;
  const vfloat share = 1.0f / sum;
  for (int64_t j = 0; j < keys; j += kLanes)
    store_n(s + j, load_n(s + j, keys - j) * share, keys - j);
  return largest + __builtin_logf(sum);
}

void attention_backward(float* s, float* g, const float* bias, int64_t rows, const float* lse,
                        const float* d) {
  for (int64_t r = 0; r < rows; ++r) {
    const vfloat shift = lse[r], mean = d[r];
    for (int half = 0; half < kWidth; half += kLanes) {
      const int64_t at = r * kWidth + half;
      vfloat x = load(s + at);
      if (bias) x += load(bias + at);
      const vfloat p = exp_below(x - shift);
      store(s + at, p);
      store(g + at, p * (load(g + at) - mean));
    }
  }
}

void attention_backward_row(float* s, float* g, const float* bias, int64_t keys, float lse,
                            float d) {
  for (int64_t j = 0; j < keys; j += kLanes) {
    const int64_t n = keys - j;
    vfloat x = load_n(s + j, n);
    if (bias) x += load_n(bias + j, n);
    const vfloat p = exp_below(x - lse);
    store_n(s + j, p, n);
    store_n(g + j, p * (load_n(g + j, n) - d), n);
  }
}

void attention_outer(const float* p, int64_t row, int64_t queries, int64_t keys, const float* x,
                     int64_t width, bool add, float* to) {
  for (int64_t j = 0; j < keys; ++j, to += width) {
    for (int64_t e = 0; e < width; e += kLanes) {
      const int64_t n = width - e;
      vfloat sum = add ? load_n(to + e, n) : vfloat(0);
      for (int64_t i = 0; i < queries; ++i)
        sum = mad(load_n(x + i * width + e, n), vfloat(p[i * row + j]), sum);
      store_n(to + e, sum, n);
    }
  }
}

void attention_turn(const float* panels, int64_t rows, int64_t keys, float* packed) {
  for (int64_t r0 = 0; r0 < rows; r0 += kRows) {
    const int64_t now = rows - r0 < kRows ? rows - r0 : kRows;
    for (int64_t k = 0; k < keys; ++k, packed += kRows) {
      const float* from = panels + (k / kWidth) * rows * kWidth + r0 * kWidth + k % kWidth;
      for (int64_t i = 0; i < kRows; ++i) packed[i] = i < now ? from[i * kWidth] : 0.0f;
    }
  }
}

}  // namespace flambeau::FB_ISA
