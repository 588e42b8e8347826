#include "cpu/kernels/sequence.h"

#include "cpu/vec_math/exp_log.h"

namespace flambeau::FB_ISA {

namespace {

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline double mad(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline float mad(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
inline double mad(double a, double b, double c) { return a * b + c; }
inline float mad(float a, float b, float c) {
  return static_cast<float>(static_cast<double>(a) * b + c);  // the product is exact
}
#endif

template <class T, int kGroup>
inline void steps(T* out, int64_t begin, int64_t end, int64_t grouped, double start, double step) {
  int64_t i = begin;
  const int64_t whole = end < grouped ? end : grouped;
  for (; i < whole; i += kGroup) {
    const double base = static_cast<T>(mad(step, static_cast<double>(i), start));
    for (int k = 0; k < kGroup; ++k)
      out[i + k] = static_cast<T>(mad(step, static_cast<double>(k), base));
  }
  for (; i < end; ++i) out[i] = static_cast<T>(mad(step, static_cast<double>(i), start));
}

template <class T>
inline void line(T* out, int64_t begin, int64_t end, int64_t first, T from, T step) {
  for (int64_t i = begin; i < end; ++i) out[i] = mad(step, static_cast<T>(i - first), from);
}

}  // namespace

void steps_float(float* out, int64_t begin, int64_t end, int64_t grouped, double start,
                 double step) {
  steps<float, 8>(out, begin, end, grouped, start, step);
}
void steps_double(double* out, int64_t begin, int64_t end, int64_t grouped, double start,
                  double step) {
  steps<double, 4>(out, begin, end, grouped, start, step);
}
void steps_int64(int64_t* out, int64_t begin, int64_t end, uint64_t start, uint64_t step) {
  for (int64_t i = begin; i < end; ++i) {
    out[i] = static_cast<int64_t>(start + step * static_cast<uint64_t>(i));
  }
}

void line_float(float* out, int64_t begin, int64_t end, int64_t first, float from, float step) {
  // Indices below 2^31 convert eight at a time.
  if (end < (int64_t{1} << 31)) {
    const auto stop = static_cast<int32_t>(end), zero = static_cast<int32_t>(first);
    for (auto i = static_cast<int32_t>(begin); i < stop; ++i) {
      out[i] = mad(step, static_cast<float>(i - zero), from);
    }
    return;
  }
  line<float>(out, begin, end, first, from, step);
}
void line_double(double* out, int64_t begin, int64_t end, int64_t first, double from, double step) {
  line<double>(out, begin, end, first, from, step);
}

namespace {

// out[i] = f(i) for vectors of doubles.
template <class F>
FB_VEC void fill_indexed(float* out, int64_t begin, int64_t end, F f) {
  for (int64_t i = begin; i < end; i += vfloat::lanes) {
    const vdouble low = iota<double>() + static_cast<double>(i);
    const vdouble high = low + static_cast<double>(vdouble::lanes);
    store_n(out + i, narrow(f(low), f(high)), end - i);
  }
}
template <class F>
FB_VEC void fill_indexed(double* out, int64_t begin, int64_t end, F f) {
  for (int64_t i = begin; i < end; i += vdouble::lanes)
    store_n(out + i, f(iota<double>() + static_cast<double>(i)), end - i);
}

template <class T>
inline void powers(T* out, int64_t begin, int64_t end, const PowerLine& line) {
  const vdouble base = line.base, from = line.from, step = line.step;
  const double first = static_cast<double>(line.first);
  fill_indexed(out, begin, end, [&](vdouble i) { return pow(base, fma(step, i - first, from)); });
}
// cos(2 pi x) by the distance to the nearest half turn: exact at whole and half turns.
FB_VEC vdouble cos_turns(vdouble x) {
  const vdouble y = abs(x - round(x)), z = min_or_second(y, 0.5 - y), w = z * z;
  const vdouble p =
      poly(w, -19.739208802178716, 64.93939402266777, -85.456817206520512, 60.244641349688123,
           -26.426255387216411, 7.9034886414515046, -1.7134858351488411, 0.27305005367352159);
  const vdouble c = mad(w, p, vdouble(1));
  return where(y > 0.25, -c, c);
}
template <class T>
inline void cosines(T* out, int64_t begin, int64_t end, const CosineWindow& w) {
  const bool two = w.twice != 0;
  fill_indexed(out, begin, end, [&](vdouble i) {
    const vdouble x = i / w.last, y = w.mean - w.once * cos_turns(x);
    return two ? y + w.twice * cos_turns(2.0 * x) : y;
  });
}
template <class T>
inline void triangle(T* out, int64_t begin, int64_t end, double last) {
  fill_indexed(out, begin, end, [&](vdouble i) { return 1.0 - abs(2.0 * (i / last) - 1.0); });
}

}  // namespace

void powers_float(float* out, int64_t begin, int64_t end, const PowerLine& line) {
  powers(out, begin, end, line);
}
void powers_double(double* out, int64_t begin, int64_t end, const PowerLine& line) {
  powers(out, begin, end, line);
}
void cosines_float(float* out, int64_t begin, int64_t end, const CosineWindow& window) {
  cosines(out, begin, end, window);
}
void cosines_double(double* out, int64_t begin, int64_t end, const CosineWindow& window) {
  cosines(out, begin, end, window);
}
void triangle_float(float* out, int64_t begin, int64_t end, double last) {
  triangle(out, begin, end, last);
}
void triangle_double(double* out, int64_t begin, int64_t end, double last) {
  triangle(out, begin, end, last);
}

}  // namespace flambeau::FB_ISA
