// Reductions whose state is more than one number: first extremes, moments, log-sum-exp, complex.
#include "cpu/kernels/fold.h"

#include "cpu/kernels/inline_loops.h"

namespace flambeau::FB_ISA {
namespace fold {

template <class T>
const T* row_at(const void* x, int64_t stride, int64_t r) {
  return reinterpret_cast<const T*>(static_cast<const char*>(x) + r * stride);
}

// ---------------------------------------------------------------- sums over one row

template <class T, class Map>
FB_VEC Vec<T> sum_row(const T* x, int64_t n, Map map) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  V a = V(0), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * L <= n; i += 4 * L) {
    a += map(load(x + i));
    b += map(load(x + i + L));
    c += map(load(x + i + 2 * L));
    d += map(load(x + i + 3 * L));
  }
  for (; i + L <= n; i += L) a += map(load(x + i));
  if (i < n) b += where(first_lanes<T>(n - i), map(load_n(x + i, n - i)), V(0));
  return (a + b) + (c + d);
}

// ---------------------------------------------------------------- index of the extreme

template <class T, bool kMax>
struct Arg {
  using V = Vec<T>;
  using I = typename IntOfSize<sizeof(T)>::type;
  using Value = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
  using State = ArgState<Value>;
  static constexpr int L = V::lanes;

  static FB_VEC V join(V a, V b) {
    if constexpr (kMax)
      return maximum(a, b);
    else
      return minimum(a, b);
  }
  template <class X>
  static FB_VEC bool better(X a, X b) {
    if (a != a) return b == b;
    return kMax ? a > b : a < b;
  }
  static FB_VEC Mask<sizeof(T)> beats(V a, V b) {
    if constexpr (std::is_integral_v<T>)
      return kMax ? a > b : a < b;
    else
      return (kMax ? a > b : a < b) | ((a != a) & (b == b));
  }

  static State of_row(const T* x, int64_t n) {
    V best = V(x[0]);
    int64_t i = 0;
    if (n >= 4 * L) {
      V b = best, c = best, d = best;
      for (; i + 4 * L <= n; i += 4 * L) {
        best = join(best, load(x + i));
        b = join(b, load(x + i + L));
        c = join(c, load(x + i + 2 * L));
        d = join(d, load(x + i + 3 * L));
      }
      best = join(join(best, b), join(c, d));
    }
    for (; i + L <= n; i += L) best = join(best, load(x + i));
    if (i < n) best = join(best, load_n(x + i, n - i, x[0]));
    const T value = fold_lanes<L / 2>(best, [](V a, V b) { return join(a, b); }).v[0];
    return {static_cast<Value>(value), find(x, n, value)};
  }
  static int64_t find(const T* x, int64_t n, T value) {
    const bool nan = value != value;
    int64_t i = 0;
    for (; i + L <= n; i += L) {
      const V v = load(x + i);
      if (any(nan ? v != v : v == V(value))) break;
    }
    while (i < n - 1 && !(nan ? x[i] != x[i] : x[i] == value)) ++i;
    return i;
  }

  static void rows(const void* x, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    auto* s = static_cast<State*>(states);
    for (int64_t r = 0; r < rows; ++r) {
      const T* p = row_at<T>(x, stride, r);
      s[r] = n < L ? of_few(p, n) : of_row(p, n);
    }
  }
  static FB_VEC State of_few(const T* x, int64_t n) {
    T value = x[0];
    int64_t at = 0;
    for (int64_t i = 1; i < n; ++i)
      if (better(x[i], value)) {
        value = x[i];
        at = i;
      }
    return {static_cast<Value>(value), at};
  }

  static void columns(const void* x, int64_t stride, int64_t rows, int64_t cols, void* states,
                      double) {
    T best[kFoldColumns];
    I where_[kFoldColumns];
    for (int64_t c = 0; c < cols; ++c) {
      best[c] = row_at<T>(x, stride, 0)[c];
      where_[c] = 0;
    }
    int64_t r = 1;
    for (; r + 4 <= rows; r += 4) step<4>(x, stride, r, cols, best, where_);
    for (; r < rows; ++r) step<1>(x, stride, r, cols, best, where_);
    auto* s = static_cast<State*>(states);
    for (int64_t c = 0; c < cols; ++c) s[c] = {static_cast<Value>(best[c]), where_[c]};
  }
  template <int N>
  static void step(const void* x, int64_t stride, int64_t r, int64_t cols, T* best, I* at) {
    const T* p[N];
    for (int k = 0; k < N; ++k) p[k] = row_at<T>(x, stride, r + k);
    int64_t c = 0;
    for (; c + L <= cols; c += L) {
      V b = load(best + c);
      Vec<I> i = load(at + c);
#pragma GCC unroll 4
      for (int k = 0; k < N; ++k) {
        const V v = load(p[k] + c);
        const auto m = beats(v, b);
        b = where(m, v, b);
        i = where(m, Vec<I>(r + k), i);
      }
      store(best + c, b);
      store(at + c, i);
    }
    for (; c < cols; ++c)
      for (int k = 0; k < N; ++k)
        if (better(p[k][c], best[c])) {
          best[c] = p[k][c];
          at[c] = static_cast<I>(r + k);
        }
  }

  static void combine(void* into, const void* from, int64_t count, int64_t offset) {
    auto* a = static_cast<State*>(into);
    auto* b = static_cast<const State*>(from);
    for (int64_t i = 0; i < count; ++i)
      if (better(b[i].value, a[i].value)) a[i] = {b[i].value, b[i].index + offset};
  }
  static FoldFns table() { return {rows, columns, combine, sizeof(State), 4096}; }
};

// ---------------------------------------------------------------- mean and squared deviations

// Two passes over a block in the cache. The second one also sums the deviations, which corrects for
// the rounding of the first mean (Chan, Golub & LeVeque 1983).
template <class T>
struct MomentsOf {
  using V = Vec<T>;
  static constexpr int L = V::lanes;

  static Moments finish(double n, T mean, double d, double dd) {
    return {n, static_cast<double>(mean) + d / n, dd - d * d / n};
  }
  static Moments of_row(const T* x, int64_t n) {
    const T mean = reduce_add(sum_row(x, n, [](V v) FB_INLINE { return v; })) / static_cast<T>(n);
    double sum = 0, squares = 0;
    for (int64_t begin = 0; begin < n; begin += 512) {
      const int64_t end = n - begin < 512 ? n : begin + 512;
      V d = V(0), dd = V(0), e = V(0), ee = V(0);
      int64_t i = begin;
      for (; i + 2 * L <= end; i += 2 * L) {
        const V u = load(x + i) - V(mean), v = load(x + i + L) - V(mean);
        d += u;
        dd = mad(u, u, dd);
        e += v;
        ee = mad(v, v, ee);
      }
      for (; i < end; i += L) {
        const int64_t k = end - i < L ? end - i : L;
        const V u = where(first_lanes<T>(k), load_n(x + i, k) - V(mean), V(0));
        d += u;
        dd = mad(u, u, dd);
      }
      sum += reduce_add(d + e);
      squares += reduce_add(dd + ee);
    }
    return finish(static_cast<double>(n), mean, sum, squares);
  }
  static void rows(const void* x, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    auto* s = static_cast<Moments*>(states);
    for (int64_t r = 0; r < rows; ++r) s[r] = of_row(row_at<T>(x, stride, r), n);
  }
  // Eight rows at a time; a leaf stays in the second-level cache for the second pass.
  static void columns(const void* x, int64_t stride, int64_t rows, int64_t cols, void* states,
                      double) {
    T mean[kFoldColumns], d[kFoldColumns], dd[kFoldColumns];
    for (int64_t c = 0; c < cols; ++c) mean[c] = d[c] = dd[c] = 0;
    int64_t r = 0;
    for (; r + 8 <= rows; r += 8) add_rows<8>(x, stride, r, cols, mean);
    for (; r < rows; ++r) add_rows<1>(x, stride, r, cols, mean);
    for (int64_t c = 0; c < cols; ++c) mean[c] /= static_cast<T>(rows);
    for (r = 0; r + 8 <= rows; r += 8) deviations<8>(x, stride, r, cols, mean, d, dd);
    for (; r < rows; ++r) deviations<1>(x, stride, r, cols, mean, d, dd);
    auto* s = static_cast<Moments*>(states);
    for (int64_t c = 0; c < cols; ++c)
      s[c] = finish(static_cast<double>(rows), mean[c], d[c], dd[c]);
  }
  template <int N>
  static void add_rows(const void* x, int64_t stride, int64_t r, int64_t cols, T* sum) {
    const T* p[N];
    for (int q = 0; q < N; ++q) p[q] = row_at<T>(x, stride, r + q);
    auto step = [&](int64_t c, int64_t k) FB_INLINE {
      V s = load_n(sum + c, k);
#pragma GCC unroll 8
      for (int q = 0; q < N; ++q) s += load_n(p[q] + c, k);
      store_n(sum + c, s, k);
    };
    int64_t c = 0;
    for (; c + L <= cols; c += L) step(c, L);
    if (c < cols) step(c, cols - c);
  }
  template <int N>
  static void deviations(const void* x, int64_t stride, int64_t r, int64_t cols, const T* origin,
                         T* d, T* dd) {
    const T* p[N];
    for (int q = 0; q < N; ++q) p[q] = row_at<T>(x, stride, r + q);
    auto step = [&](int64_t c, int64_t k) FB_INLINE {
      const V o = load_n(origin + c, k);
      V sum = V(0), squares = V(0);
#pragma GCC unroll 8
      for (int q = 0; q < N; ++q) {
        const V u = load_n(p[q] + c, k) - o;
        sum += u;
        squares = mad(u, u, squares);
      }
      store_n(d + c, load_n(d + c, k) + sum, k);
      store_n(dd + c, load_n(dd + c, k) + squares, k);
    };
    int64_t c = 0;
    for (; c + L <= cols; c += L) step(c, L);
    if (c < cols) step(c, cols - c);
  }
  static void combine(void* into, const void* from, int64_t count, int64_t) {
    auto* a = static_cast<Moments*>(into);
    auto* b = static_cast<const Moments*>(from);
    for (int64_t i = 0; i < count; ++i) {
      const double n = a[i].count + b[i].count, gap = b[i].mean - a[i].mean;
      a[i] = {n, a[i].mean + gap * (b[i].count / n),
              a[i].m2 + b[i].m2 + gap * gap * (a[i].count * (b[i].count / n))};
    }
  }
  static FoldFns table() { return {rows, columns, combine, sizeof(Moments), 4096}; }
};

// ---------------------------------------------------------------- log of a sum of exponentials

template <class T>
struct LogSumExpOf {
  using V = Vec<T>;
  static constexpr int L = V::lanes;

  // Infinite maxima stand for themselves: inf - inf would be NaN.
  static FB_VEC V shift(V max) { return where(abs(max) == V(__builtin_inf()), V(0), max); }
  static ExpSum of_row(const T* x, int64_t n) {
    V m = V(x[0]);
    int64_t i = 0;
    for (; i + L <= n; i += L) m = maximum(m, load(x + i));
    if (i < n) m = maximum(m, load_n(x + i, n - i, x[0]));
    const T max = reduce_max(m);
    if (max == static_cast<T>(__builtin_inf())) return {max, 1};
    const V by = shift(V(max));
    return {max, reduce_add(sum_row(x, n, [by](V v) FB_INLINE { return exp_below(v - by); }))};
  }
  static void rows(const void* x, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    auto* s = static_cast<ExpSum*>(states);
    if (n <= kFewElements) return few(x, stride, rows, n, s);
    for (int64_t r = 0; r < rows; ++r) s[r] = of_row(row_at<T>(x, stride, r), n);
  }
  static void few(const void* x, int64_t stride, int64_t rows, int64_t n, ExpSum* s) {
    T block[kFewElements * L];
    for (int64_t r = 0; r < rows; r += L) {
      const int64_t now = rows - r < L ? rows - r : L;
      gather_rows(row_at<T>(x, stride, r), stride / int64_t{sizeof(T)}, now, n, block);
      columns(block, L * sizeof(T), n, now, s + r, 0);
    }
  }
  static void columns(const void* x, int64_t stride, int64_t rows, int64_t cols, void* states,
                      double) {
    T max[kFoldColumns], sum[kFoldColumns];
    for (int64_t r = 0; r < rows; r += 8) {
      const int64_t now = rows - r < 8 ? rows - r : 8;
      for (int64_t c = 0; c < cols; c += L)
        add_rows(x, stride, r, now, cols - c < L ? cols - c : L, c, max, sum);
    }
    auto* s = static_cast<ExpSum*>(states);
    for (int64_t c = 0; c < cols; ++c) {
      const bool infinite = max[c] == static_cast<T>(__builtin_inf());
      s[c] = {max[c], infinite ? 1.0 : sum[c]};
    }
  }
  static FB_VEC void add_rows(const void* x, int64_t stride, int64_t r, int64_t rows, int64_t k,
                              int64_t c, T* max, T* sum) {
    V m = load_n(row_at<T>(x, stride, r) + c, k);
    for (int64_t q = 1; q < rows; ++q) m = maximum(m, load_n(row_at<T>(x, stride, r + q) + c, k));
    V total = V(0);
    if (r > 0) {
      const V before = load_n(max + c, k);
      m = maximum(before, m);
      total = load_n(sum + c, k) * where(before == m, V(1), exp_below(before - m));
    }
    const V by = shift(m);
    for (int64_t q = 0; q < rows; ++q)
      total += exp_below(load_n(row_at<T>(x, stride, r + q) + c, k) - by);
    store_n(max + c, m, k);
    store_n(sum + c, total, k);
  }
  static double term(ExpSum s, double max) {
    return s.max == max ? s.sum : s.sum * __builtin_exp(s.max - max);
  }
  static void combine(void* into, const void* from, int64_t count, int64_t) {
    auto* a = static_cast<ExpSum*>(into);
    auto* b = static_cast<const ExpSum*>(from);
    for (int64_t i = 0; i < count; ++i) {
      const double max = a[i].max > b[i].max || a[i].max != a[i].max ? a[i].max : b[i].max;
      a[i] = {max, term(a[i], max) + term(b[i], max)};
    }
  }
  static FoldFns table() { return {rows, columns, combine, sizeof(ExpSum), 4096}; }
};

// ---------------------------------------------------------------- complex numbers

template <class T>
struct ComplexSum {
  static void rows(const void* x, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    using V = Vec<T>;
    auto* s = static_cast<ComplexState*>(states);
    for (int64_t r = 0; r < rows; ++r) {
      // Real and imaginary parts alternate, in the lanes too.
      V sum = sum_row(row_at<T>(x, stride, r), 2 * n, [](V v) FB_INLINE { return v; });
      T parts[2] = {0, 0};
      for (int i = 0; i < V::lanes; ++i) parts[i % 2] += sum.v[i];
      s[r] = {parts[0], parts[1]};
    }
  }
  static void columns(const void* x, int64_t stride, int64_t rows, int64_t cols, void* states,
                      double) {
    auto* s = static_cast<double*>(states);
    T acc[2 * kFoldColumns];
    for (int64_t c = 0; c < 2 * cols; ++c) acc[c] = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const T* p = row_at<T>(x, stride, r);
      for (int64_t c = 0; c < 2 * cols; ++c) acc[c] += p[c];
    }
    for (int64_t c = 0; c < 2 * cols; ++c) s[c] = acc[c];
  }
  static void combine(void* into, const void* from, int64_t count, int64_t) {
    auto* a = static_cast<double*>(into);
    auto* b = static_cast<const double*>(from);
    for (int64_t i = 0; i < 2 * count; ++i) a[i] += b[i];
  }
  static FoldFns table() { return {rows, columns, combine, sizeof(ComplexState), 512}; }
};

template <class T>
struct ComplexProd {
  using V = Vec<T>;
  static constexpr int L = V::lanes;
  // Products of complex numbers whose parts lie in neighbouring lanes.
  static FB_VEC V multiply(V a, V x) {
    typename Mask<sizeof(T)>::Raw real, imag, swapped, odd;
    for (int i = 0; i < L; ++i) {
      real[i] = i & ~1, imag[i] = i | 1, swapped[i] = i ^ 1;
      odd[i] = -(i & 1);
    }
    const V p = a * V(__builtin_shuffle(x.v, real));
    const V q = V(__builtin_shuffle(a.v, swapped)) * V(__builtin_shuffle(x.v, imag));
    return where(Mask<sizeof(T)>(odd), p + q, p - q);
  }
  static ComplexState times(ComplexState a, double re, double im) {
    return {a.re * re - a.im * im, a.re * im + a.im * re};
  }
  // Four chains of products, so that they do not wait for one another.
  static FB_VEC ComplexState of_row(const T* p, int64_t n) {
    V one = T(0);
    for (int i = 0; i < L; i += 2) one.set(i, 1);
    V a = one, b = one, c = one, d = one;
    int64_t i = 0;
    for (; i + 4 * L <= 2 * n; i += 4 * L) {
      a = multiply(a, load(p + i)), b = multiply(b, load(p + i + L));
      c = multiply(c, load(p + i + 2 * L)), d = multiply(d, load(p + i + 3 * L));
    }
    ComplexState r = {1, 0};
    const V chains[] = {a, b, c, d};
    for (const V& v : chains)
      for (int k = 0; k < L; k += 2) r = times(r, v[k], v[k + 1]);
    for (; i < 2 * n; i += 2) r = times(r, p[i], p[i + 1]);
    return r;
  }
  static void rows(const void* x, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    auto* s = static_cast<ComplexState*>(states);
    for (int64_t r = 0; r < rows; ++r) s[r] = of_row(row_at<T>(x, stride, r), n);
  }
  static void columns(const void* x, int64_t stride, int64_t rows, int64_t cols, void* states,
                      double) {
    auto* s = static_cast<double*>(states);
    T acc[2 * kFoldColumns];
    for (int64_t c = 0; c < 2 * cols; ++c) acc[c] = static_cast<T>(1 - c % 2);
    for (int64_t r = 0; r < rows; ++r) {
      const T* p = row_at<T>(x, stride, r);
      for (int64_t c = 0; c < 2 * cols; c += L) {
        const int64_t n = 2 * cols - c;
        store_n(acc + c, multiply(load_n(acc + c, n), load_n(p + c, n)), n);
      }
    }
    for (int64_t c = 0; c < 2 * cols; ++c) s[c] = acc[c];
  }
  static void combine(void* into, const void* from, int64_t count, int64_t) {
    auto* a = static_cast<ComplexState*>(into);
    auto* b = static_cast<const ComplexState*>(from);
    for (int64_t i = 0; i < count; ++i) a[i] = times(a[i], b[i].re, b[i].im);
  }
  static FoldFns table() { return {rows, columns, combine, sizeof(ComplexState), 512}; }
};

template <class T>
FoldFns special_floats(FoldOp op) {
  switch (op) {
    case FoldOp::ArgMax: return Arg<T, true>::table();
    case FoldOp::ArgMin: return Arg<T, false>::table();
    case FoldOp::Moments: return MomentsOf<T>::table();
    case FoldOp::LogSumExp: return LogSumExpOf<T>::table();
    default: return {};
  }
}
template <class T>
FoldFns special_complex(FoldOp op) {
  if (op == FoldOp::Sum) return ComplexSum<T>::table();
  if (op == FoldOp::Prod) return ComplexProd<T>::table();
  return {};
}

}  // namespace fold

FoldFns find_fold_special(int op, int type) {
  using namespace fold;
  const FoldOp o = static_cast<FoldOp>(op);
  switch (static_cast<FoldType>(type)) {
    case FoldType::Float: return special_floats<float>(o);
    case FoldType::Double: return special_floats<double>(o);
    case FoldType::Int64:
      if (o == FoldOp::ArgMax) return Arg<int64_t, true>::table();
      if (o == FoldOp::ArgMin) return Arg<int64_t, false>::table();
      return {};
    case FoldType::ComplexFloat: return special_complex<float>(o);
    case FoldType::ComplexDouble: return special_complex<double>(o);
    default: return {};
  }
}

}  // namespace flambeau::FB_ISA
