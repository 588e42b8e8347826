#include "cpu/kernels/scan.h"

#include <type_traits>

#include "cpu/kernels/inline_loops.h"
#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace scans {

constexpr int64_t kTile = kScanTile;

template <class T> struct Wide { using type = T; };
template <> struct Wide<float> { using type = double; };

template <class R>
struct Complex {
  R re, im;
  Complex operator+(Complex b) const { return {re + b.re, im + b.im}; }
  Complex operator*(Complex b) const { return {re * b.re - im * b.im, re * b.im + im * b.re}; }
};
template <> struct Wide<Complex<float>> { using type = Complex<double>; };
template <class To, class From>
To to(From x) {
  if constexpr (std::is_arithmetic_v<From>)
    return static_cast<To>(x);
  else
    return {static_cast<decltype(To::re)>(x.re), static_cast<decltype(To::im)>(x.im)};
}

// What is carried from step to step, and how a step changes it.
template <class T>
struct Sum {
  using Carry = typename Wide<T>::type;
  static Carry first(T x, T) { return to<Carry>(x); }
  static Carry next(Carry c, T x, T) { return c + to<Carry>(x); }
};
template <class T>
struct Prod {
  using Carry = typename Wide<T>::type;
  static Carry first(T x, T) { return to<Carry>(x); }
  static Carry next(Carry c, T x, T) { return c * to<Carry>(x); }
};
template <class T>
struct Linear {
  using Carry = typename Wide<T>::type;
  static Carry first(T x, T) { return to<Carry>(x); }
  static Carry next(Carry c, T x, T a) { return to<Carry>(a) * c + to<Carry>(x); }
};
template <class T>
struct LogSumExp {
  using Carry = double;
  static Carry first(T x, T) { return x; }
  static Carry next(Carry c, T v, T) {
    const double x = v;
    if (c != c || x != x) return c + x;
    const double high = c > x ? c : x, low = c > x ? x : c;
    if (high == low && high - low != 0) return high;  // both infinite
    return high + __builtin_log1p(__builtin_exp(low - high));
  }
};

template <class Op, class T, bool kScaled>
void run(const void* xv, const void* av, void* yv, int64_t*, int64_t outer, int64_t n,
         int64_t inner, int64_t lines, bool reverse) {
  auto* x = static_cast<const T*>(xv);
  auto* a = static_cast<const T*>(av);
  auto* y = static_cast<T*>(yv);
  const int64_t from = reverse ? (n - 1) * inner : 0, step = reverse ? -inner : inner;
  for (int64_t o = 0; o < outer; ++o) {
    const int64_t base = o * n * inner + from;
    for (int64_t c = 0; c < lines; c += kTile) {
      const int64_t width = lines - c < kTile ? lines - c : kTile;
      typename Op::Carry carry[kTile];
      int64_t at = base + c;
      for (int64_t i = 0; i < width; ++i) {
        carry[i] = Op::first(x[at + i], T{});
        y[at + i] = to<T>(carry[i]);
      }
      for (int64_t k = 1; k < n; ++k) {
        at += step;
        for (int64_t i = 0; i < width; ++i) {
          carry[i] = Op::next(carry[i], x[at + i], kScaled ? a[at + i] : T{});
          y[at + i] = to<T>(carry[i]);
        }
      }
    }
  }
}

// Lines of neighbours: the carry stays in a register, and four lines hide each other's latency.
template <class Op, class T, bool kScaled>
void run_rows(const void* xv, const void* av, void* yv, int64_t* index, int64_t outer, int64_t n,
              int64_t inner, int64_t lines, bool reverse) {
  if (inner != 1) return run<Op, T, kScaled>(xv, av, yv, index, outer, n, inner, lines, reverse);
  auto* x = static_cast<const T*>(xv);
  auto* a = static_cast<const T*>(av);
  auto* y = static_cast<T*>(yv);
  const int64_t from = reverse ? n - 1 : 0, step = reverse ? -1 : 1;
  int64_t o = 0;
  for (; o + 4 <= outer; o += 4) {
    typename Op::Carry carry[4];
    int64_t at = o * n + from;
    for (int q = 0; q < 4; ++q) {
      carry[q] = Op::first(x[at + q * n], T{});
      y[at + q * n] = to<T>(carry[q]);
    }
    for (int64_t k = 1; k < n; ++k) {
      at += step;
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) {
        carry[q] = Op::next(carry[q], x[at + q * n], kScaled ? a[at + q * n] : T{});
        y[at + q * n] = to<T>(carry[q]);
      }
    }
  }
  for (; o < outer; ++o) {
    int64_t at = o * n + from;
    typename Op::Carry carry = Op::first(x[at], T{});
    y[at] = to<T>(carry);
    for (int64_t k = 1; k < n; ++k) {
      at += step;
      carry = Op::next(carry, x[at], kScaled ? a[at] : T{});
      y[at] = to<T>(carry);
    }
  }
}

// One row. Most vectors hold nothing that wins and repeat the extreme so far; in the others a jump
// for each number is faster than a chain of choices.
template <class T, bool kMax>
FB_VEC void extremes_of_row(const T* x, int64_t n, T* y, int64_t* index) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  T value = x[0];
  int64_t best = 0, k = 0;
  const auto loses = [](auto v, auto extreme) FB_INLINE {
    return (kMax ? v < extreme : v > extreme) | ((extreme != extreme) & (v == v));
  };
  const auto enter = [&](int64_t at) FB_INLINE {
    if (!loses(x[at], value)) [[likely]] {
      value = x[at];
      best = at;
    }
    y[at] = value;
    index[at] = best;
  };
  for (; k + L <= n; k += L) {
    if (!all(loses(load(x + k), V(value)))) {
      for (int i = 0; i < L; ++i) enter(k + i);
      continue;
    }
    store(y + k, V(value));
    for (int i = 0; i < L; i += vint64::lanes) store(index + k + i, vint64(best));
  }
  for (; k < n; ++k) enter(k);
}

template <class T, bool kMax>
void extremes(const void* xv, const void*, void* yv, int64_t* index, int64_t outer, int64_t n,
              int64_t inner, int64_t lines, bool) {
  auto* x = static_cast<const T*>(xv);
  auto* y = static_cast<T*>(yv);
  // NaN stays from its first place on; of equals the last counts.
  const auto wins = [](T v, T value) {
    return (v != v) | ((value == value) & (kMax ? v >= value : v <= value));
  };
  if (inner == 1) {
    for (int64_t o = 0; o < outer; ++o)
      extremes_of_row<T, kMax>(x + o * n, n, y + o * n, index + o * n);
    return;
  }
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t c = 0; c < lines; c += kTile) {
      const int64_t width = lines - c < kTile ? lines - c : kTile;
      T value[kTile];
      int64_t best[kTile];
      int64_t at = o * n * inner + c;
      for (int64_t i = 0; i < width; ++i) value[i] = x[at + i], best[i] = 0;
      for (int64_t k = 0; k < n; ++k, at += inner)
        for (int64_t i = 0; i < width; ++i) {
          const T v = x[at + i];
          const bool won = wins(v, value[i]);
          value[i] = won ? v : value[i];
          best[i] = won ? k : best[i];
          y[at + i] = value[i];
          index[at + i] = best[i];
        }
    }
}

template <class T>
ScanFn real(ScanOp op) {
  switch (op) {
    case ScanOp::Sum: return run_rows<Sum<T>, T, false>;
    case ScanOp::Prod: return run_rows<Prod<T>, T, false>;
    case ScanOp::Linear: return run_rows<Linear<T>, T, true>;
    case ScanOp::Max: return extremes<T, true>;
    case ScanOp::Min: return extremes<T, false>;
    case ScanOp::LogSumExp:
      if constexpr (std::is_floating_point_v<T>) return run_rows<LogSumExp<T>, T, false>;
      return nullptr;
  }
  return nullptr;
}
template <class T>
ScanFn complex(ScanOp op) {
  if (op == ScanOp::Sum) return run_rows<Sum<T>, T, false>;
  if (op == ScanOp::Prod) return run_rows<Prod<T>, T, false>;
  if (op == ScanOp::Linear) return run_rows<Linear<T>, T, true>;
  return nullptr;
}

}  // namespace scans

ScanFn find_scan(int op, int type) {
  using namespace scans;
  const ScanOp o = static_cast<ScanOp>(op);
  switch (static_cast<ScanType>(type)) {
    case ScanType::Float: return real<float>(o);
    case ScanType::Double: return real<double>(o);
    case ScanType::Int64: return real<int64_t>(o);
    case ScanType::ComplexFloat: return complex<Complex<float>>(o);
    default: return complex<Complex<double>>(o);
  }
}

}  // namespace flambeau::FB_ISA
