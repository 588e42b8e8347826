#include "cpu/resample.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/allocator.h"
#include "cpu/kernels/image_rows.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kMostLines = 8;  // that pixels are made of at once
constexpr int64_t kShortRow = 8;   // inner rows up to which a call per weight does not pay

void row_add(const float* src, float w, float* dst, int64_t n) { row_add_f32(src, w, dst, n); }
void row_add(const double* src, double w, double* dst, int64_t n) { row_add_f64(src, w, dst, n); }
void row_blend(const float* a, float u, const float* b, float v, float* dst, int64_t n) {
  row_blend_f32(a, u, b, v, dst, n);
}
void row_blend(const double* a, double u, const double* b, double v, double* dst, int64_t n) {
  row_blend_f64(a, u, b, v, dst, n);
}

void row_pixels(const float* const* line, const float* line_w, int64_t lines, const int64_t* index,
                const float* w, int64_t taps, float* out, int64_t pixels, int64_t n) {
  row_pixels_f32(line, line_w, lines, index, w, taps, out, pixels, n);
}
void row_pixels(const double* const* line, const double* line_w, int64_t lines,
                const int64_t* index, const double* w, int64_t taps, double* out, int64_t pixels,
                int64_t n) {
  row_pixels_f64(line, line_w, lines, index, w, taps, out, pixels, n);
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
    if (o.antialias)
      add_antialiased(t, in, j, step, o.mode);
    else
      add_row<P>(t, in, j, step, o);
    t.first.push_back(static_cast<int64_t>(t.index.size()));
  }
}

}  // namespace

ResampleTable resample_table(int64_t in, int64_t out, const ResampleOptions& o) {
  ResampleTable t;
  t.in = in;
  if (in == out && (o.scale == 0 || o.scale == 1)) {
    for (int64_t j = 0; j < out; ++j) add(t, j, 1), t.first.push_back(j + 1);
    return t;
  }
  const bool nearest = o.mode == Resampling::Nearest || o.mode == Resampling::NearestExact;
  if (o.in_double && !nearest)
    fill<double>(t, in, out, o);
  else
    fill<float>(t, in, out, o);
  return t;
}

ResampleTable transposed(const ResampleTable& t) {
  ResampleTable r;
  r.in = t.out();
  r.first.assign(static_cast<size_t>(t.in) + 1, 0);
  for (int64_t i : t.index) ++r.first[static_cast<size_t>(i) + 1];
  for (size_t i = 1; i < r.first.size(); ++i) r.first[i] += r.first[i - 1];
  r.index.resize(t.index.size()), r.weight.resize(t.index.size());
  std::vector<int64_t> next(r.first.begin(), r.first.end() - 1);
  for (int64_t j = 0; j < t.out(); ++j)
    for (int64_t i = t.first[j]; i < t.first[j + 1]; ++i) {
      const auto at = static_cast<size_t>(next[static_cast<size_t>(t.index[i])]++);
      r.index[at] = j, r.weight[at] = t.weight[i];
    }
  return r;
}

namespace {

// A table with the weights in the type that is computed in, and what is known of it.
template <class T>
struct Axis {
  const ResampleTable& t;
  std::vector<T> weight;
  int64_t count = 0, begin = 0, end = 0;  // outputs [begin, end) have as many weights
  bool copies, doubles;                   // single weights of 1; every input twice

  explicit Axis(const ResampleTable& table)
      : t(table), weight(table.weight.begin(), table.weight.end()) {
    const int64_t out = t.out();
    for (int64_t j = 0; j < out;) {
      int64_t k = j;
      while (k < out && size(k) == size(j)) ++k;
      if (k - j > end - begin) begin = j, end = k, count = size(j);
      j = k;
    }
    copies = count == 1 && end - begin == out &&
             std::all_of(weight.begin(), weight.end(), [](T w) { return w == T(1); });
    doubles = copies && out == 2 * t.in;
    for (int64_t j = 0; doubles && j < out; ++j) doubles = t.index[j] == j / 2;
  }
  int64_t size(int64_t j) const { return t.first[j + 1] - t.first[j]; }
  // The longest run of outputs within [begin, end) in which each has the weights of the one
  // `phases` before it, `step` inputs further on.
  std::pair<int64_t, int64_t> periodic(int64_t phases, int64_t step) const {
    std::pair<int64_t, int64_t> best{0, 0};
    int64_t from = begin;
    for (int64_t j = begin + phases; j <= end; ++j) {
      bool same = j < end;
      for (int64_t k = 0; same && k < count; ++k) {
        const int64_t i = t.first[j] + k, before = t.first[j - phases] + k;
        same = weight[i] == weight[before] && t.index[i] == t.index[before] + step;
      }
      if (same) continue;
      if (j - from > best.second - best.first) best = {from, j};
      from = j - phases + 1;
    }
    return best;
  }
  bool repeats(int64_t j) const { return copies && t.index[j] == t.index[j - 1]; }
};

// Pixels side by side: N inputs become one output.
template <int N, class T>
void line(const int64_t* index, const T* w, int64_t out, const T* x, T* y) {
  for (int64_t j = 0; j < out; ++j, index += N, w += N) {
    T sum = w[0] * x[index[0]];
    for (int k = 1; k < N; ++k) sum += w[k] * x[index[k]];
    y[j] = sum;
  }
}

template <class T>
void any_line(const Axis<T>& a, int64_t begin, int64_t end, const T* x, T* y) {
  for (int64_t j = begin; j < end; ++j) {
    T sum = 0;
    for (int64_t i = a.t.first[j]; i < a.t.first[j + 1]; ++i) sum += a.weight[i] * x[a.t.index[i]];
    y[j] = sum;
  }
}

void interleave(const float* a, const float* b, int64_t n, float* y) {
  row_interleave_f32(a, b, n, y);
}
void interleave(const double* a, const double* b, int64_t n, double* y) {
  row_interleave_f64(a, b, n, y);
}

void deinterleave(const float* x, int64_t n, float* even, float* odd) {
  row_deinterleave_f32(x, n, even, odd);
}
void deinterleave(const double* x, int64_t n, double* even, double* odd) {
  row_deinterleave_f64(x, n, even, odd);
}

// Doubling and halving: outputs of the same phase are sums of whole rows of inputs.
template <class T>
struct Phases {
  const Axis<T>& a;
  int64_t count = 1, step = 1, begin = 0, end = 0;  // outputs [begin, end)

  explicit Phases(const Axis<T>& axis) : a(axis) {
    if (a.copies || a.count < 1 || a.count > 8) return;
    for (const int64_t k : {1, 2}) {
      const auto [from, to] = a.periodic(k, 3 - k);
      if (to - from < 16 || to - from <= end - begin) continue;
      count = k, step = 3 - k, begin = from, end = to - (to - from) % k;
    }
  }
  int64_t scratch() const { return end > begin ? 2 * (a.t.in + a.t.out()) + 8 : 0; }

  // dst[m] = the sum over taps of output j's weights and inputs, m steps further on.
  template <class Source>
  void rows(int64_t j, int64_t n, const Source& source, T* dst) const {
    const int64_t first = a.t.first[j];
    const auto from = [&](int64_t k) { return source(a.t.index[first + k]); };
    const T* w = a.weight.data() + first;
    if (a.count == 1) {
      const T* x = from(0);
      for (int64_t m = 0; m < n; ++m) dst[m] = w[0] * x[m];
      return;
    }
    row_blend(from(0), w[0], from(1), w[1], dst, n);
    for (int64_t k = 2; k < a.count; ++k) row_add(from(k), w[k], dst, n);
  }

  void run(const T* x, T* y, T* space) const {
    const int64_t n = (end - begin) / count;
    if (count == 2) {
      T *even = space, *odd = space + n;
      const auto source = [&](int64_t i) { return x + i; };
      rows(begin, n, source, even);
      rows(begin + 1, n, source, odd);
      return interleave(even, odd, end - begin, y + begin);
    }
    const int64_t half = (a.t.in + 1) / 2;
    T *even = space, *odd = space + half;
    deinterleave(x, a.t.in, even, odd);
    rows(begin, n, [&](int64_t i) { return (i % 2 ? odd : even) + i / 2; }, y + begin);
  }
};

template <class T>
void whole_line(const Axis<T>& a, const Phases<T>& phases, const T* x, T* y, T* space) {
  const int64_t out = a.t.out(), n = a.end - a.begin;
  const int64_t* index = a.t.index.data();
  if (a.doubles) return interleave(x, x, out, y);
  if (a.copies) {
    for (int64_t j = 0; j < out; ++j) y[j] = x[index[j]];
    return;
  }
  if (phases.end > phases.begin) {
    any_line(a, 0, phases.begin, x, y);
    phases.run(x, y, space);
    return any_line(a, phases.end, out, x, y);
  }
  index += a.t.first[a.begin];
  const T* w = a.weight.data() + a.t.first[a.begin];
  any_line(a, 0, a.begin, x, y);
  switch (a.count) {
    case 1: line<1>(index, w, n, x, y + a.begin); break;
    case 2: line<2>(index, w, n, x, y + a.begin); break;
    case 3: line<3>(index, w, n, x, y + a.begin); break;
    case 4: line<4>(index, w, n, x, y + a.begin); break;
    default: any_line(a, a.begin, a.end, x, y);
  }
  any_line(a, a.end, out, x, y);
}

// Output j of blocks of n elements: a block of x where it is one, else their sum in `y`.
template <class T>
const T* blend(const Axis<T>& a, int64_t j, int64_t n, const T* x, T* y) {
  const int64_t from = a.t.first[j], end = a.t.first[j + 1];
  const auto block = [&](int64_t i) { return x + a.t.index[i] * n; };
  if (end - from == 1 && a.weight[from] == T(1)) return block(from);
  int64_t i = from;
  if (end - from >= 2) {
    row_blend(block(i), a.weight[i], block(i + 1), a.weight[i + 1], y, n);
    i += 2;
  } else {
    std::fill_n(y, n, T(0));
  }
  for (; i < end; ++i) row_add(block(i), a.weight[i], y, n);
  return y;
}

// Short blocks, for which calls do not pay.
template <class T>
void blend_short(const Axis<T>& a, int64_t j, int64_t n, const T* x, T* y) {
  std::fill_n(y, n, T(0));
  for (int64_t i = a.t.first[j]; i < a.t.first[j + 1]; ++i) {
    const T* block = x + a.t.index[i] * n;
    for (int64_t q = 0; q < n; ++q) y[q] += a.weight[i] * block[q];
  }
}

// Outputs [begin, end) of blocks of n elements, from the weighted sum of some lines.
template <class T>
void blend_pixels(const Axis<T>& a, int64_t begin, int64_t end, int64_t n, const T* const* line,
                  const T* line_w, int64_t lines, T* y) {
  for (int64_t j = begin, next; j < end; j = next) {
    const int64_t first = a.t.first[j];
    next = j >= a.begin && j < a.end ? std::min(end, a.end) : j + 1;
    row_pixels(line, line_w, lines, a.t.index.data() + first, a.weight.data() + first, a.size(j),
               y + j * n, next - j, n);
  }
}

// The outer dimension first: what it yields lies in a block of scratch while the inner ones read
// it.
template <class T>
struct Resampler {
  std::vector<Axis<T>> axes;
  Phases<T> phases;                          // of the last dimension
  std::vector<int64_t> in_block, out_block;  // elements below each dimension
  int64_t inner, scratch;
  bool at_once = false;  // whether the last two dimensions are

  Resampler(const std::vector<ResampleTable>& tables, int64_t n)
      : axes(tables.begin(), tables.end()),
        phases(axes.back()),
        in_block(tables.size(), n),
        out_block(tables.size(), n),
        inner(n),
        scratch(phases.scratch()) {
    for (size_t d = axes.size() - 1; d-- > 0;) {
      in_block[d] = in_block[d + 1] * axes[d + 1].t.in;
      out_block[d] = out_block[d + 1] * axes[d + 1].t.out();
      scratch += in_block[d];
    }
    if (axes.size() < 2 || n <= kShortRow) return;
    // Lines blended first cost a pass over what they are, which pays if enough pixels read them.
    const Axis<T>&rows = axes[axes.size() - 2], &columns = axes.back();
    const int64_t in = columns.t.in, out = columns.t.out();
    at_once = !rows.copies && rows.count <= kMostLines && !columns.copies &&
              out * rows.count * columns.count <= in * (rows.count + 1) + out * columns.count;
  }

  // Outputs [begin, end) of dimension d.
  void run(size_t d, int64_t begin, int64_t end, const T* x, T* y, T* space) const {
    const Axis<T>& a = axes[d];
    if (d + 1 == axes.size() && inner == 1 && begin == 0 && end == a.t.out())
      return whole_line(a, phases, x, y, space);
    if (d + 1 == axes.size() && inner > kShortRow && !a.copies) {
      const T one = 1;
      return blend_pixels(a, begin, end, inner, &x, &one, 1, y);
    }
    const int64_t in = in_block[d], out = out_block[d];
    for (int64_t j = begin; j < end; ++j) {
      T* to = y + j * out;
      if (j > begin && a.repeats(j)) {
        std::copy_n(to - out, out, to);
      } else if (at_once && d + 2 == axes.size() && a.size(j) <= kMostLines) {
        const T* lines[kMostLines];
        const int64_t from = a.t.first[j], n = a.size(j);
        for (int64_t i = 0; i < n; ++i) lines[i] = x + a.t.index[from + i] * in;
        blend_pixels(axes[d + 1], 0, axes[d + 1].t.out(), inner, lines, a.weight.data() + from, n,
                     to);
      } else if (d + 1 < axes.size()) {
        const T* block = blend(a, j, in, x, space);
        run(d + 1, 0, axes[d + 1].t.out(), block, to, space + in);
      } else if (in > kShortRow) {
        std::copy_n(x + a.t.index[j] * in, in, to);  // the others are blended above
      } else {
        blend_short(a, j, in, x, to);
      }
    }
  }
};

}  // namespace

template <class T>
void resample(const std::vector<ResampleTable>& tables, int64_t outer, int64_t inner, const T* x,
              T* y) {
  const Resampler<T> r(tables, inner);
  // Lines of one dimension are not cut.
  const bool lines = tables.size() == 1 && inner == 1;
  const int64_t out = tables[0].out(), units = lines ? 1 : out, width = lines ? out : 1;
  const int64_t in_size = tables[0].in * r.in_block[0], out_size = out * r.out_block[0];
  const int64_t work = std::max<int64_t>(1, width * std::max(r.in_block[0], r.out_block[0]));
  parallel_for(outer * units, std::max<int64_t>(1, 16384 / work), [&](int64_t begin, int64_t end) {
    const Workspace space(checked_nbytes(r.scratch + 1, sizeof(T)));
    for (int64_t u = begin; u < end;) {
      const int64_t o = u / units, j = u % units, n = std::min(units - j, end - u);
      r.run(0, j * width, lines ? out : j + n, x + o * in_size, y + o * out_size, space.as<T>());
      u += n;
    }
  });
}

template void resample(const std::vector<ResampleTable>&, int64_t, int64_t, const float*, float*);
template void resample(const std::vector<ResampleTable>&, int64_t, int64_t, const double*, double*);

}  // namespace flambeau
