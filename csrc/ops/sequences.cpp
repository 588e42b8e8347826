// Numbers in order: arange, linspace and their like, unit matrices, windows.
#include <algorithm>
#include <cmath>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/sequence.h"
#include "cpu/thread_pool.h"
#include "impl_create.h"

namespace flambeau::impl {

namespace {

// out[i] = value(i) for a fresh contiguous tensor; value gives the type computed in.
template <class T, class F>
void fill_from_index(const Tensor& out, F value) {
  T* p = out.data<T>();
  const int64_t n = out.numel();
  BlockingRegion region(n >= kBlockingWork);
  parallel_for(n, kParallelGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) p[i] = convert<T>(value(i));
  });
}

// The types whose sequences kernels write, a range at a time: fill(p, begin, end).
template <class T>
constexpr bool kHasKernels = std::is_same_v<T, float> || std::is_same_v<T, double>;
template <class T, class F>
void fill_ranges(const Tensor& out, F fill) {
  T* p = out.data<T>();
  const int64_t n = out.numel();
  BlockingRegion region(n >= kBlockingWork);
  parallel_for(n, kParallelGrain, [=](int64_t begin, int64_t end) { fill(p, begin, end); });
}

void check_range(const Scalar& start, const Scalar& end, const Scalar& step, const char* op) {
  for (const Scalar& s : {start, end, step}) {
    FB_CHECK(!s.is_complex(), op, "(): complex bounds are not supported");
  }
  const double a = start.to_double(), b = end.to_double(), d = step.to_double();
  FB_CHECK(d != 0, "step must be nonzero: ", op, "() got 0");
  FB_CHECK(std::isfinite(a) && std::isfinite(b), "unsupported range: ", op, "() got ", a, " -> ",
           b);
  FB_CHECK(!std::isnan(d), op, "(): step must not be NaN");
  FB_CHECK(d > 0 ? b >= a : b <= a, "upper bound and lower bound inconsistent with step sign: ", op,
           "() got ", start, " to ", end, " with step ", step);
}

// Numbers before `end`; exact for integers.
int64_t count_before(const Scalar& start, const Scalar& end, const Scalar& step) {
  if (start.is_integral() && end.is_integral() && step.is_integral()) {
    const __int128 span = static_cast<__int128>(end.to_int()) - start.to_int();
    const __int128 d = step.to_int();
    const __int128 n = (span + (d > 0 ? d - 1 : d + 1)) / d;
    FB_CHECK(n < (static_cast<__int128>(1) << 62), "arange(): invalid size, possible overflow?");
    return static_cast<int64_t>(n);
  }
  const double n = std::ceil((end.to_double() - start.to_double()) / step.to_double());
  FB_CHECK(n >= 0 && n < 0x1p62, "arange(): invalid size, possible overflow?");
  return static_cast<int64_t>(n);
}

DType sequence_type(std::optional<DType> dtype, std::initializer_list<Scalar> bounds) {
  if (dtype) return *dtype;
  bool integral = true;
  for (const Scalar& s : bounds) integral &= s.is_integral();
  return integral ? DType::Int64 : default_dtype();
}

// PyTorch adds the steps of a group of eight floats (four doubles, sixteen halves), one vector of
// AVX2, to the group's first element in the tensor's type, pairs of groups at a time, and the same
// bits are wanted here.
template <class T>
void fill_steps(const Tensor& out, double start, double step) {
  constexpr int64_t group = 32 / static_cast<int64_t>(sizeof(T));
  const int64_t n = out.numel(), grouped = n / (2 * group) * (2 * group);
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    T* p = out.data<T>();
    BlockingRegion region(n >= kBlockingWork);
    return parallel_for(n, kParallelGrain, [=](int64_t begin, int64_t end) {
      if constexpr (std::is_same_v<T, float>)
        steps_float(p, begin, end, grouped, start, step);
      else
        steps_double(p, begin, end, grouped, start, step);
    });
  }
  fill_from_index<T>(out, [=](int64_t i) {
    if (i >= grouped) return std::fma(step, static_cast<double>(i), start);
    const int64_t first = i / group * group;
    const T base = convert<T>(std::fma(step, static_cast<double>(first), start));
    return std::fma(step, static_cast<double>(i - first),
                    static_cast<double>(static_cast<compute_t<T>>(base)));
  });
}

Tensor make_sequence(int64_t n, const Scalar& start, const Scalar& step, DType dtype, Device device,
                     const char* op) {
  FB_CHECK(dtype != DType::Bool && !is_complex(dtype), "\"", op, "\" not implemented for '",
           name(dtype), "'");
  const Tensor out = flambeau::empty({n}, dtype, device, op);
  if (out.is_meta()) return out;
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (is_floating_v<T>) {
      fill_steps<T>(out, start.to_double(), step.to_double());
    } else if constexpr (!is_complex_v<T>) {
      const auto a = static_cast<uint64_t>(start.to_int()),
                 d = static_cast<uint64_t>(step.to_int());
      if constexpr (std::is_same_v<T, int64_t>) {
        int64_t* p = out.data<int64_t>();
        BlockingRegion region(n >= kBlockingWork);
        return parallel_for(n, kParallelGrain,
                            [=](int64_t begin, int64_t end) { steps_int64(p, begin, end, a, d); });
      }
      fill_from_index<T>(
          out, [=](int64_t i) { return static_cast<int64_t>(a + d * static_cast<uint64_t>(i)); });
    }
  });
  return out;
}

}  // namespace

Tensor arange(const Scalar& end, std::optional<DType> dtype, std::optional<Device> device) {
  return arange_start(0, end, 1, dtype, device);
}

Tensor arange_start(const Scalar& start, const Scalar& end, const Scalar& step,
                    std::optional<DType> dtype, std::optional<Device> device) {
  check_range(start, end, step, "arange");
  const DType type = sequence_type(dtype, {start, end, step});
  // Integer results count in integers, whatever the bounds were.
  const bool truncated = dtype && is_integral(type);
  if (truncated) {
    const Scalar a = start.to_int(), b = end.to_int(), d = step.to_int();
    FB_CHECK_VALUE(d.to_int() != 0, "step must be nonzero: arange() got ", step, " for ",
                   name(type));
    // Only int64 counts its elements so: the others have as many as the bounds given.
    const int64_t n = type == DType::Int64 ? count_before(a, b, d) : count_before(start, end, step);
    return make_sequence(n, a, d, type, device.value_or(kCpu), "arange");
  }
  return make_sequence(count_before(start, end, step), start, step, type, device.value_or(kCpu),
                       "arange");
}

Tensor range(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype,
             std::optional<Device> device) {
  check_range(start, end, step, "range");
  const double n = std::floor((end.to_double() - start.to_double()) / step.to_double()) + 1;
  FB_CHECK(n >= 0 && n < 0x1p62, "range(): invalid size, possible overflow?");
  return make_sequence(static_cast<int64_t>(n), start, step, dtype.value_or(default_dtype()),
                       device.value_or(kCpu), "range");
}

namespace {

// The point i of n from a to b, counted from the nearer end. Half types round the step and the
// way from the end as well.
template <class T>
struct Line {
  using C = compute_t<T>;
  C a, b, step;
  int64_t n;
  Line(C first, C last, int64_t count) : a(first), b(last), step(0), n(count) {
    if (n > 1) step = rounded(rounded(b - a) / rounded(number(n - 1)));
  }
  C operator()(int64_t i) const {
    if (i < n / 2 || n == 1) return at(a, step, i);
    return at(b, -step, n - 1 - i);
  }
  static C rounded(C v) { return static_cast<C>(static_cast<T>(v)); }
  static C number(int64_t i) {
    if constexpr (is_complex_v<C>)
      return C(static_cast<typename C::value_type>(i));
    else
      return static_cast<C>(i);
  }
  static C at(C from, C by, int64_t i) {
    if constexpr (is_complex_v<C>)
      return from + by * number(i);
    else if constexpr (std::is_same_v<C, T>)
      return std::fma(by, number(i), from);
    else
      return from + rounded(by * number(i));
  }
};

DType line_type(const Scalar& start, const Scalar& end, std::optional<DType> dtype,
                const char* op) {
  if (start.is_complex() || end.is_complex()) {
    const DType type = dtype.value_or(to_complex(default_dtype()));
    FB_CHECK(is_complex(type), op, "(): inferred dtype ", name(to_complex(default_dtype())),
             " can't be safely cast to passed dtype ", name(type));
    return type;
  }
  return dtype.value_or(default_dtype());
}

// The same for types that the processor counts in, a half of the line at a time.
template <class T>
void fill_line(const Tensor& out, T a, T b) {
  const Line<T> line(a, b, out.numel());
  const int64_t n = out.numel(), half = n == 1 ? 1 : n / 2;
  T* p = out.data<T>();
  BlockingRegion region(n >= kBlockingWork);
  parallel_for(n, kParallelGrain, [=](int64_t begin, int64_t end) {
    const int64_t middle = std::clamp(half, begin, end);
    if constexpr (std::is_same_v<T, float>) {
      line_float(p, begin, middle, 0, line.a, line.step);
      line_float(p, middle, end, n - 1, line.b, line.step);
    } else {
      line_double(p, begin, middle, 0, line.a, line.step);
      line_double(p, middle, end, n - 1, line.b, line.step);
    }
  });
}

void check_steps(int64_t steps, DType dtype, const char* op) {
  FB_CHECK(steps >= 0, "number of steps must be non-negative: ", op, "() got ", steps);
  FB_CHECK(dtype != DType::Bool, "\"", op, "\" not implemented for 'Bool'");
}

}  // namespace

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype,
                std::optional<Device> device) {
  const DType type = line_type(start, end, dtype, "linspace");
  check_steps(steps, type, "linspace");
  const Tensor out = flambeau::empty({steps}, type, device.value_or(kCpu), "linspace");
  if (out.is_meta()) return out;
  visit_dtype(type, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      return;
    } else if constexpr (std::is_integral_v<T>) {
      const auto a = static_cast<double>(start.to<T>()), b = static_cast<double>(end.to<T>());
      const double step = (b - a) / static_cast<double>(std::max<int64_t>(steps - 1, 1));
      fill_from_index<T>(out, [=](int64_t i) {
        const bool early = i < steps / 2 || steps == 1;
        return early ? a + step * static_cast<double>(i)
                     : b - step * static_cast<double>(steps - 1 - i);
      });
    } else {
      using C = compute_t<T>;
      if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
        return fill_line<T>(out, start.to<T>(), end.to<T>());
      }
      fill_from_index<T>(out, Line<T>(start.to<C>(), end.to<C>(), steps));
    }
  });
  return out;
}

Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base,
                std::optional<DType> dtype, std::optional<Device> device) {
  const DType type = line_type(start, end, dtype, "logspace");
  check_steps(steps, type, "logspace");
  const Tensor out = flambeau::empty({steps}, type, device.value_or(kCpu), "logspace");
  if (out.is_meta()) return out;
  visit_dtype(type, [&]<class T>() {
    if constexpr (is_complex_v<T>) {
      const Line<Complex128> line(start.to<Complex128>(), end.to<Complex128>(), steps);
      fill_from_index<T>(out, [=](int64_t i) { return std::pow(Complex128(base), line(i)); });
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      const Line<double> line(static_cast<double>(start.to<T>()), static_cast<double>(end.to<T>()),
                              steps);
      fill_from_index<T>(out, [=](int64_t i) { return std::pow(base, line(i)); });
    } else if constexpr (!std::is_same_v<T, bool>) {
      // Integer results have integer exponents at both ends.
      constexpr bool whole = std::is_integral_v<T>;
      const double a = whole ? static_cast<double>(start.to_int()) : start.to_double();
      const double b = whole ? static_cast<double>(end.to_int()) : end.to_double();
      const Line<double> line(a, b, steps);
      if constexpr (kHasKernels<T>) {
        const int64_t half = steps == 1 ? 1 : steps / 2;
        return fill_ranges<T>(out, [=](T* p, int64_t begin, int64_t end) {
          const int64_t middle = std::clamp(half, begin, end);
          const PowerLine up{base, line.a, line.step, 0}, down{base, line.b, line.step, steps - 1};
          if constexpr (std::is_same_v<T, float>) {
            powers_float(p, begin, middle, up);
            powers_float(p, middle, end, down);
          } else {
            powers_double(p, begin, middle, up);
            powers_double(p, middle, end, down);
          }
        });
      }
      fill_from_index<T>(out, [=](int64_t i) { return std::pow(base, line(i)); });
    }
  });
  return out;
}

Tensor eye(int64_t n, std::optional<int64_t> m, std::optional<DType> dtype,
           std::optional<Device> device) {
  const int64_t cols = m.value_or(n);
  FB_CHECK(n >= 0, "n must be greater or equal to 0, got ", n);
  FB_CHECK(cols >= 0, "m must be greater or equal to 0, got ", cols);
  const Tensor out =
      flambeau::empty({n, cols}, dtype.value_or(default_dtype()), device.value_or(kCpu), "eye");
  if (out.is_meta()) return out;
  fill_elements(out, 0);
  const int64_t length = std::min(n, cols);
  if (length) fill_elements(alias(out, {length}, {cols + 1}, 0), 1);
  return out;
}

// ---- windows

namespace {

constexpr double kPi = 3.14159265358979323846;

// value(x) for x = i / (points - 1), computed in double; kernel(p, begin, end, points - 1) fills a
// range of floats or doubles with the same.
template <class F, class K>
Tensor window(const char* op, int64_t length, bool periodic, std::optional<DType> dtype,
              std::optional<Device> device, F value, K kernel) {
  const DType type = dtype.value_or(default_dtype());
  FB_CHECK(is_floating(type), op, " expects floating point dtypes, got: ", name(type));
  FB_CHECK(length >= 0, op, " requires non-negative window_length, got window_length=", length);
  const Tensor out = flambeau::empty({length}, type, device.value_or(kCpu), op);
  if (out.is_meta() || length == 0) return out;
  if (length == 1) {
    fill_elements(out, 1);
    return out;
  }
  const double last = static_cast<double>(periodic ? length : length - 1);
  visit_dtype(type, [&]<class T>() {
    if constexpr (kHasKernels<T> && !std::is_same_v<K, std::nullptr_t>) {
      return fill_ranges<T>(out,
                            [=](T* p, int64_t begin, int64_t end) { kernel(p, begin, end, last); });
    }
    fill_from_index<T>(out, [=](int64_t i) { return value(static_cast<double>(i) / last); });
  });
  return out;
}

// mean - once cos(2 pi x) + twice cos(4 pi x).
Tensor cosine_window(const char* op, int64_t length, bool periodic, std::optional<DType> dtype,
                     std::optional<Device> device, double mean, double once, double twice) {
  return window(
      op, length, periodic, dtype, device,
      [=](double x) { return mean - once * std::cos(2 * kPi * x) + twice * std::cos(4 * kPi * x); },
      [=](auto* p, int64_t begin, int64_t end, double last) {
        const CosineWindow w{last, mean, once, twice};
        if constexpr (std::is_same_v<decltype(p), float*>)
          cosines_float(p, begin, end, w);
        else
          cosines_double(p, begin, end, w);
      });
}

// The modified Bessel function of the first kind of order zero, by its power series.
double bessel_i0(double x) {
  const double q = x * x / 4;
  double term = 1, sum = 1;
  for (int k = 1; k < 1000 && term > sum * 1e-17; ++k)
    sum += term *= q / (static_cast<double>(k) * k);
  return sum;
}

}  // namespace

Tensor hann_window(int64_t length, bool periodic, std::optional<DType> dtype,
                   std::optional<Device> device) {
  return cosine_window("hann_window", length, periodic, dtype, device, 0.5, 0.5, 0);
}
Tensor hamming_window(int64_t length, bool periodic, double alpha, double beta,
                      std::optional<DType> dtype, std::optional<Device> device) {
  return cosine_window("hamming_window", length, periodic, dtype, device, alpha, beta, 0);
}
Tensor bartlett_window(int64_t length, bool periodic, std::optional<DType> dtype,
                       std::optional<Device> device) {
  return window(
      "bartlett_window", length, periodic, dtype, device,
      [](double x) { return 1 - std::abs(2 * x - 1); },
      [](auto* p, int64_t begin, int64_t end, double last) {
        if constexpr (std::is_same_v<decltype(p), float*>)
          triangle_float(p, begin, end, last);
        else
          triangle_double(p, begin, end, last);
      });
}
Tensor blackman_window(int64_t length, bool periodic, std::optional<DType> dtype,
                       std::optional<Device> device) {
  return cosine_window("blackman_window", length, periodic, dtype, device, 0.42, 0.5, 0.08);
}
Tensor kaiser_window(int64_t length, bool periodic, double beta, std::optional<DType> dtype,
                     std::optional<Device> device) {
  FB_CHECK(std::isfinite(beta) && std::abs(beta) < 700,
           "kaiser_window: beta must lie in (-700, 700), "
           "got ",
           beta);
  const double top = bessel_i0(beta);
  return window(
      "kaiser_window", length, periodic, dtype, device,
      [=](double x) {
        const double y = 2 * x - 1;
        return bessel_i0(beta * std::sqrt(std::max(0.0, 1 - y * y))) / top;
      },
      nullptr);
}

}  // namespace flambeau::impl
