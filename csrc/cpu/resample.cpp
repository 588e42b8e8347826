#include "cpu/resample.h"

#include <algorithm>
#include <cmath>

#include "cpu/kernels/image_rows.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kShortRow = 8;  // inner rows up to which a call per weight does not pay

void row_add(const float* src, float w, float* dst, int64_t n) { row_add_f32(src, w, dst, n); }
void row_add(const double* src, double w, double* dst, int64_t n) { row_add_f64(src, w, dst, n); }
void row_blend(const float* a, float u, const float* b, float v, float* dst, int64_t n) {
  row_blend_f32(a, u, b, v, dst, n);
}
void row_blend(const double* a, double u, const double* b, double v, double* dst, int64_t n) {
  row_blend_f64(a, u, b, v, dst, n);
}

double sinc(double x) { return x == 0 ? 1 : std::sin(M_PI * x) / (M_PI * x); }

// Keys (1981), with the free parameter a.
double cubic(double x, double a) {
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double filter(Resampling mode, double x) {
  switch (mode) {
    case Resampling::Linear: return std::max(0.0, 1 - std::fabs(x));
    case Resampling::Cubic: return cubic(x, -0.5);
    default: return std::fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
  }
}

// The distance of neighbouring outputs, in pixels of the input.
template <class P>
P step_of(int64_t in, int64_t out, const ResampleOptions& o) {
  if (o.align_corners) return out > 1 ? static_cast<P>(in - 1) / static_cast<P>(out - 1) : P(0);
  return o.scale > 0 ? static_cast<P>(1.0 / o.scale) : static_cast<P>(in) / static_cast<P>(out);
}

void add(ResampleTable& t, int64_t index, double weight) {
  t.index.push_back(index);
  t.weight.push_back(weight);
}

void add_antialiased(ResampleTable& t, int64_t in, int64_t j, double step, Resampling mode) {
  const double width = mode == Resampling::Linear ? 1 : mode == Resampling::Cubic ? 2 : 3;
  const double stretch = std::max(step, 1.0), reach = width * stretch;
  const double center = step * (static_cast<double>(j) + 0.5);
  const int64_t begin = std::max<int64_t>(static_cast<int64_t>(center - reach + 0.5), 0);
  const int64_t end = std::min<int64_t>(static_cast<int64_t>(center + reach + 0.5), in);
  const size_t from = t.weight.size();
  double sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    const double w = filter(mode, (static_cast<double>(i) - center + 0.5) / stretch);
    add(t, i, w);
    sum += w;
  }
  if (sum != 0)
    for (size_t i = from; i < t.weight.size(); ++i) t.weight[i] /= sum;
}

template <class P>
void add_row(ResampleTable& t, int64_t in, int64_t j, P step, const ResampleOptions& o) {
  const auto at = static_cast<P>(j);
  switch (o.mode) {
    case Resampling::Nearest:
      return add(t, std::min(static_cast<int64_t>(std::floor(at * step)), in - 1), 1);
    case Resampling::NearestExact:
      return add(t, std::min(static_cast<int64_t>(std::floor((at + P(0.5)) * step)), in - 1), 1);
    case Resampling::Linear: {
      const P x = o.align_corners ? step * at : std::max(P(0), step * (at + P(0.5)) - P(0.5));
      const int64_t left = std::min(static_cast<int64_t>(x), in - 1);
      const P share = std::clamp(x - static_cast<P>(left), P(0), P(1));
      add(t, left, P(1) - share);
      return add(t, std::min(left + 1, in - 1), share);
    }
    default: {
      const P x = o.align_corners ? step * at : step * (at + P(0.5)) - P(0.5);
      const P floor = std::floor(x), share = std::clamp(x - floor, P(0), P(1));
      for (int64_t i = -1; i < 3; ++i)
        add(t, std::clamp<int64_t>(static_cast<int64_t>(floor) + i, 0, in - 1),
            static_cast<P>(cubic(static_cast<double>(share) - static_cast<double>(i), -0.75)));
    }
  }
}

template <class P>
void fill(ResampleTable& t, int64_t in, int64_t out, const ResampleOptions& o) {
  const P step = step_of<P>(in, out, o);
  for (int64_t j = 0; j < out; ++j) {
    t.first.push_back(static_cast<int64_t>(t.index.size()));
    if (o.antialias)
      add_antialiased(t, in, j, step, o.mode);
    else
      add_row<P>(t, in, j, step, o);
  }
  t.first.push_back(static_cast<int64_t>(t.index.size()));
}

}  // namespace

ResampleTable resample_table(int64_t in, int64_t out, const ResampleOptions& o) {
  ResampleTable t;
  const bool nearest = o.mode == Resampling::Nearest || o.mode == Resampling::NearestExact;
  if (o.in_double && !nearest)
    fill<double>(t, in, out, o);
  else
    fill<float>(t, in, out, o);
  return t;
}

namespace {

// The weights in the type that is computed in, and what most tables have in common.
template <class T>
struct Weights {
  int64_t count = 0;  // per output; 0: they differ
  bool copies = false;
  std::vector<T> of;
  explicit Weights(const ResampleTable& t) : of(t.weight.begin(), t.weight.end()) {
    const size_t outputs = t.first.size() - 1;
    if (outputs == 0) return;
    count = t.first[1] - t.first[0];
    for (size_t j = 1; j < outputs; ++j)
      if (t.first[j + 1] - t.first[j] != count) count = 0;
    copies = count == 1 && std::all_of(of.begin(), of.end(), [](T w) { return w == T(1); });
  }
};

// Pixels side by side: a line of inputs becomes a line of outputs.
template <int N, class T>
void line(const int64_t* index, const T* w, int64_t out, const T* x, T* y) {
  for (int64_t j = 0; j < out; ++j, index += N, w += N) {
    T sum = w[0] * x[index[0]];
    for (int k = 1; k < N; ++k) sum += w[k] * x[index[k]];
    y[j] = sum;
  }
}

template <class T>
void line_of(const ResampleTable& t, const Weights<T>& w, const T* x, T* y) {
  const auto out = static_cast<int64_t>(t.first.size()) - 1;
  const int64_t* index = t.index.data();
  if (w.copies) {
    for (int64_t j = 0; j < out; ++j) y[j] = x[index[j]];
    return;
  }
  if (w.count == 2) return line<2>(index, w.of.data(), out, x, y);
  if (w.count == 4) return line<4>(index, w.of.data(), out, x, y);
  for (int64_t j = 0; j < out; ++j) {
    T sum = 0;
    for (int64_t i = t.first[j]; i < t.first[j + 1]; ++i) sum += w.of[i] * x[index[i]];
    y[j] = sum;
  }
}

// Rows of pixels, or of channels: an output row is a sum of input rows.
template <class T>
void rows_of(const ResampleTable& t, const Weights<T>& w, int64_t inner, const T* x, T* y) {
  const auto out = static_cast<int64_t>(t.first.size()) - 1;
  for (int64_t j = 0; j < out; ++j, y += inner) {
    const int64_t from = t.first[j], end = t.first[j + 1];
    const T* first = x + (from < end ? t.index[from] : 0) * inner;
    if (w.copies) {
      std::copy_n(first, inner, y);
      continue;
    }
    if (w.count == 2 && inner > kShortRow) {
      row_blend(first, w.of[from], x + t.index[from + 1] * inner, w.of[from + 1], y, inner);
      continue;
    }
    std::fill_n(y, inner, T(0));
    for (int64_t i = from; i < end; ++i) {
      const T* row = x + t.index[i] * inner;
      if (inner > kShortRow)
        row_add(row, w.of[i], y, inner);
      else
        for (int64_t q = 0; q < inner; ++q) y[q] += w.of[i] * row[q];
    }
  }
}

}  // namespace

template <class T>
void resample(const ResampleTable& t, int64_t outer, int64_t in, int64_t inner, const T* x, T* y) {
  const auto out = static_cast<int64_t>(t.first.size()) - 1;
  const Weights<T> weights(t);
  parallel_for(outer, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, out * inner)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t o = begin; o < end; ++o) {
                   const T* from = x + o * in * inner;
                   T* to = y + o * out * inner;
                   if (inner == 1)
                     line_of(t, weights, from, to);
                   else
                     rows_of(t, weights, inner, from, to);
                 }
               });
}

template <class T>
void resample_adjoint(const ResampleTable& t, int64_t outer, int64_t in, int64_t inner, const T* y,
                      T* x) {
  const auto out = static_cast<int64_t>(t.first.size()) - 1;
  parallel_for(outer, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, out * inner)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t o = begin; o < end; ++o) {
                   const T* from = y + o * out * inner;
                   T* to = x + o * in * inner;
                   for (int64_t q = 0; q < in * inner; ++q) to[q] = T(0);
                   for (int64_t j = 0; j < out; ++j, from += inner)
                     for (int64_t i = t.first[j]; i < t.first[j + 1]; ++i) {
                       const T w = static_cast<T>(t.weight[i]);
                       T* row = to + t.index[i] * inner;
                       if (inner > kShortRow)
                         row_add(from, w, row, inner);
                       else
                         for (int64_t q = 0; q < inner; ++q) row[q] += w * from[q];
                     }
                 }
               });
}

template void resample(const ResampleTable&, int64_t, int64_t, int64_t, const float*, float*);
template void resample(const ResampleTable&, int64_t, int64_t, int64_t, const double*, double*);
template void resample_adjoint(const ResampleTable&, int64_t, int64_t, int64_t, const float*,
                               float*);
template void resample_adjoint(const ResampleTable&, int64_t, int64_t, int64_t, const double*,
                               double*);

}  // namespace flambeau
