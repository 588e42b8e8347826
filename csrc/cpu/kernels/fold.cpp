// Reductions whose state is one number: sums, products, extremes, norms, conditions.
#include "cpu/kernels/fold.h"

#include "cpu/vec_half.h"
#include "cpu/vec_math.h"

namespace flambeau::FB_ISA {
namespace fold {

template <class T>
using StateOf = std::conditional_t<std::is_integral_v<T>, int64_t, double>;

template <class T>
FB_VEC bool is_nan(T x) {
  return x != x;
}

// Elements as they lie in memory.
template <class T>
struct Memory {
  using Element = T;
  using V = Vec<T>;
  static FB_VEC V get(const T* p) { return load(p); }
  static FB_VEC V get(const T* p, int64_t n) { return load_n(p, n); }
};
template <Half H>
struct HalfMemory {
  using Element = uint16_t;
  using V = vfloat;
  static FB_VEC V get(const uint16_t* p) { return load_half<H>(p); }
  static FB_VEC V get(const uint16_t* p, int64_t n) { return load_half<H>(p, n); }
};

template <class T, bool kLeast>
FB_VEC T extreme() {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(kLeast ? -__builtin_inf() : __builtin_inf());
  } else {
    constexpr T least = static_cast<T>(std::is_signed_v<T> ? 1ull << (8 * sizeof(T) - 1) : 0);
    return kLeast ? least : static_cast<T>(~least);
  }
}

// One operator: what an element contributes, and how contributions join, as vectors and as states.
template <class T>
struct AddBase : Memory<T> {
  using V = Vec<T>;
  using State = StateOf<T>;
  static FB_VEC T identity() { return 0; }
  static FB_VEC V join(V a, V b) { return a + b; }
  static FB_VEC State join_states(State a, State b) { return a + b; }
};
template <class T>
struct Sum : AddBase<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return x; }
};
template <class T>
struct NanSum : AddBase<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return where(x != x, Vec<T>(0), x); }
};
template <class T>
struct SumAbs : AddBase<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return abs(x); }
};
template <class T>
struct SumSquares : AddBase<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return x * x; }
};
template <class T>
struct SumAbsPow : AddBase<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double p) { return pow(abs(x), Vec<T>(p)); }
};
template <class T>
struct CountNonzero : AddBase<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return where(x != Vec<T>(0), Vec<T>(1), Vec<T>(0)); }
};
template <class T>
struct Prod : Memory<T> {
  using V = Vec<T>;
  using State = StateOf<T>;
  static FB_VEC T identity() { return 1; }
  static FB_VEC V map(V x, double) { return x; }
  static FB_VEC V join(V a, V b) { return a * b; }
  static FB_VEC State join_states(State a, State b) { return a * b; }
};
template <class T>
struct Max : Memory<T> {
  using V = Vec<T>;
  using State = StateOf<T>;
  static FB_VEC T identity() { return extreme<T, true>(); }
  static FB_VEC V map(V x, double) { return x; }
  static FB_VEC V join(V a, V b) { return maximum(a, b); }
  static FB_VEC State join_states(State a, State b) { return a > b || is_nan(a) ? a : b; }
};
template <class T>
struct Min : Memory<T> {
  using V = Vec<T>;
  using State = StateOf<T>;
  static FB_VEC T identity() { return extreme<T, false>(); }
  static FB_VEC V map(V x, double) { return x; }
  static FB_VEC V join(V a, V b) { return minimum(a, b); }
  static FB_VEC State join_states(State a, State b) { return a < b || is_nan(a) ? a : b; }
};
template <class T>
struct MaxAbs : Max<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return abs(x); }
};
template <class T>
struct MinAbs : Min<T> {
  static FB_VEC Vec<T> map(Vec<T> x, double) { return abs(x); }
};
struct All : Memory<uint8_t> {
  using V = Vec<uint8_t>;
  using State = uint8_t;
  static FB_VEC uint8_t identity() { return 1; }
  static FB_VEC V map(V x, double) { return x; }
  static FB_VEC V join(V a, V b) { return a & b; }
  static FB_VEC State join_states(State a, State b) { return a & b; }
};
struct Any : All {
  static FB_VEC uint8_t identity() { return 0; }
  static FB_VEC V join(V a, V b) { return a | b; }
  static FB_VEC State join_states(State a, State b) { return a | b; }
};

// ---------------------------------------------------------------- rows

// The operator of floats over elements of a half type.
template <class Op, Half H>
struct OfHalves : Op {
  using Element = typename HalfMemory<H>::Element;
  static FB_VEC vfloat get(const Element* p) { return HalfMemory<H>::get(p); }
  static FB_VEC vfloat get(const Element* p, int64_t n) { return HalfMemory<H>::get(p, n); }
};

// The type of a lane.
template <class Op>
using LaneOf = typename Op::V::value_type;

template <class Op>
FB_VEC typename Op::V tail(const typename Op::Element* x, int64_t n, double param) {
  using V = typename Op::V;
  return where(first_lanes<LaneOf<Op>>(n), Op::map(Op::get(x, n), param), V(Op::identity()));
}

template <class Op>
FB_VEC LaneOf<Op> fold_row(const typename Op::Element* x, int64_t n, double param) {
  using V = typename Op::V;
  constexpr int L = V::lanes;
  V a = V(Op::identity());
  int64_t i = 0;
  if (n >= 4 * L) {
    V b = a, c = a, d = a;
    for (; i + 4 * L <= n; i += 4 * L) {
      a = Op::join(a, Op::map(Op::get(x + i), param));
      b = Op::join(b, Op::map(Op::get(x + i + L), param));
      c = Op::join(c, Op::map(Op::get(x + i + 2 * L), param));
      d = Op::join(d, Op::map(Op::get(x + i + 3 * L), param));
    }
    a = Op::join(Op::join(a, b), Op::join(c, d));
  }
  for (; i + L <= n; i += L) a = Op::join(a, Op::map(Op::get(x + i), param));
  if (i < n) a = Op::join(a, tail<Op>(x + i, n - i, param));
  return fold_lanes<L / 2>(a, [](V p, V q) { return Op::join(p, q); }).v[0];
}

template <class Op>
void rows(const void* xv, int64_t stride, int64_t rows, int64_t n, void* states, double param) {
  using T = typename Op::Element;
  auto* s = static_cast<typename Op::State*>(states);
  auto* x = static_cast<const char*>(xv);
  for (int64_t r = 0; r < rows; ++r, x += stride)
    s[r] = static_cast<typename Op::State>(fold_row<Op>(reinterpret_cast<const T*>(x), n, param));
}

// ---------------------------------------------------------------- columns

// N rows joined in pairs, then joined to acc.
template <class Op, int N>
FB_VEC typename Op::V join_rows(const typename Op::V* v) {
  if constexpr (N == 1)
    return v[0];
  else
    return Op::join(join_rows<Op, N / 2>(v), join_rows<Op, N / 2>(v + N / 2));
}

template <class Op, int N>
void add_rows(const char* x, int64_t stride, int64_t cols, LaneOf<Op>* acc, bool first,
              double param) {
  using T = typename Op::Element;
  using V = typename Op::V;
  constexpr int L = V::lanes;
  const T* p[N];
  for (int k = 0; k < N; ++k) p[k] = reinterpret_cast<const T*>(x + k * stride);
  V v[N];
  int64_t c = 0;
  for (; c + L <= cols; c += L) {
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) v[k] = Op::map(Op::get(p[k] + c), param);
    const V joined = join_rows<Op, N>(v);
    store(acc + c, first ? joined : Op::join(load(acc + c), joined));
  }
  if (c < cols) {
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) v[k] = Op::map(Op::get(p[k] + c, cols - c), param);
    const V joined = join_rows<Op, N>(v);
    store_n(acc + c, first ? joined : Op::join(load_n(acc + c, cols - c), joined), cols - c);
  }
}

template <class Op>
void columns(const void* xv, int64_t stride, int64_t rows, int64_t cols, void* states,
             double param) {
  LaneOf<Op> acc[kFoldColumns];
  auto* x = static_cast<const char*>(xv);
  int64_t r = 0;
  for (; r + 8 <= rows; r += 8) add_rows<Op, 8>(x + r * stride, stride, cols, acc, r == 0, param);
  for (; r < rows; ++r) add_rows<Op, 1>(x + r * stride, stride, cols, acc, r == 0, param);
  auto* s = static_cast<typename Op::State*>(states);
  for (int64_t c = 0; c < cols; ++c) s[c] = static_cast<typename Op::State>(acc[c]);
}

template <class Op>
void combine(void* into, const void* from, int64_t count, int64_t) {
  auto* a = static_cast<typename Op::State*>(into);
  auto* b = static_cast<const typename Op::State*>(from);
  for (int64_t i = 0; i < count; ++i) a[i] = Op::join_states(a[i], b[i]);
}

// Products of floats are kept in double: they leave the range of float long before their result
// does.
struct FloatProducts {
  static constexpr int L = vfloat::lanes;

  static double of_row(const float* x, int64_t n) {
    // Eight chains cover the latency of a product.
    vdouble low[4] = {1.0, 1.0, 1.0, 1.0}, high[4] = {1.0, 1.0, 1.0, 1.0};
    int64_t i = 0;
    for (; i + 4 * L <= n; i += 4 * L) {
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        const vfloat u = load(x + i + k * L);
        low[k] *= low_double(u);
        high[k] *= high_double(u);
      }
    }
    for (; i < n; i += L) {
      const vfloat u = load_n(x + i, n - i < L ? n - i : L, 1.0f);
      low[0] *= low_double(u);
      high[0] *= high_double(u);
    }
    return reduce_mul((low[0] * high[0]) * (low[1] * high[1]) * (low[2] * high[2]) *
                      (low[3] * high[3]));
  }
  static void rows(const void* xv, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    auto* s = static_cast<double*>(states);
    auto* x = static_cast<const char*>(xv);
    for (int64_t r = 0; r < rows; ++r, x += stride)
      s[r] = of_row(reinterpret_cast<const float*>(x), n);
  }
  static void columns(const void* xv, int64_t stride, int64_t rows, int64_t cols, void* states,
                      double) {
    auto* s = static_cast<double*>(states);
    auto* x = static_cast<const char*>(xv);
    for (int64_t c = 0; c < cols; c += L) {
      const int64_t k = cols - c < L ? cols - c : L;
      vdouble low = 1.0, high = 1.0;
      for (int64_t r = 0; r < rows; ++r) {
        const vfloat v = load_n(reinterpret_cast<const float*>(x + r * stride) + c, k);
        low *= low_double(v);
        high *= high_double(v);
      }
      const int64_t half = L / 2;
      store_n(s + c, low, k < half ? k : half);
      if (k > half) store_n(s + c + half, high, k - half);
    }
  }
};

// Counts of true bytes: in a leaf they fit a byte per lane.
struct FlagSum : AddBase<uint8_t> {
  static constexpr int64_t kBlock = 2048;
  static_assert(kBlock / V::lanes < 256 && kFoldRows < 256);
  static FB_VEC V map(V x, double) { return minimum(x, V(1)); }

  static int64_t of_row(const uint8_t* x, int64_t n) {
    V a = V(0), b = V(0);
    int64_t i = 0;
    for (; i + 2 * V::lanes <= n; i += 2 * V::lanes) {
      a += map(load(x + i), 0);
      b += map(load(x + i + V::lanes), 0);
    }
    int64_t sum = 0;
    if (i > 0)
      for (int k = 0; k < V::lanes; ++k) sum += (a + b).v[k];
    for (; i < n; ++i) sum += x[i] != 0;
    return sum;
  }
  static void rows(const void* xv, int64_t stride, int64_t rows, int64_t n, void* states, double) {
    auto* s = static_cast<int64_t*>(states);
    auto* x = static_cast<const uint8_t*>(xv);
    for (int64_t r = 0; r < rows; ++r, x += stride) s[r] = of_row(x, n);
  }
};

template <class Op>
FoldFns table() {
  constexpr int64_t block = sizeof(LaneOf<Op>) == 1 ? 4096 : 1024;
  return {rows<Op>, columns<Op>, combine<Op>, sizeof(typename Op::State), block};
}

template <class T>
FoldFns of_floats(FoldOp op) {
  switch (op) {
    case FoldOp::Sum: return table<Sum<T>>();
    case FoldOp::NanSum: return table<NanSum<T>>();
    case FoldOp::Prod:
      if constexpr (sizeof(T) == 4)
        return {FloatProducts::rows, FloatProducts::columns, combine<Prod<T>>, sizeof(double),
                1024};
      else
        return table<Prod<T>>();
    case FoldOp::Max: return table<Max<T>>();
    case FoldOp::Min: return table<Min<T>>();
    case FoldOp::SumAbs: return table<SumAbs<T>>();
    case FoldOp::SumSquares: return table<SumSquares<T>>();
    case FoldOp::SumAbsPow: return table<SumAbsPow<T>>();
    case FoldOp::CountNonzero: return table<CountNonzero<T>>();
    case FoldOp::MaxAbs: return table<MaxAbs<T>>();
    case FoldOp::MinAbs: return table<MinAbs<T>>();
    default: return {};
  }
}

template <Half H>
FoldFns of_halves(FoldOp op) {
  switch (op) {
    case FoldOp::Sum: return table<OfHalves<Sum<float>, H>>();
    case FoldOp::Max: return table<OfHalves<Max<float>, H>>();
    case FoldOp::Min: return table<OfHalves<Min<float>, H>>();
    default: return {};
  }
}
template <class T>
FoldFns of_narrow_integers(FoldOp op) {
  if (op == FoldOp::Max) return table<Max<T>>();
  if (op == FoldOp::Min) return table<Min<T>>();
  return {};
}

}  // namespace fold

FoldFns find_fold(int op, int type) {
  using namespace fold;
  const FoldOp o = static_cast<FoldOp>(op);
  switch (static_cast<FoldType>(type)) {
    case FoldType::Float: return of_floats<float>(o);
    case FoldType::Double: return of_floats<double>(o);
    case FoldType::Int64:
      switch (o) {
        case FoldOp::Sum: return table<Sum<int64_t>>();
        case FoldOp::Prod: return table<Prod<int64_t>>();
        case FoldOp::Max: return table<Max<int64_t>>();
        case FoldOp::Min: return table<Min<int64_t>>();
        default: return {};
      }
    case FoldType::Int32: return of_narrow_integers<int32_t>(o);
    case FoldType::Int16: return of_narrow_integers<int16_t>(o);
    case FoldType::Int8: return of_narrow_integers<int8_t>(o);
    case FoldType::UInt8: return of_narrow_integers<uint8_t>(o);
    case FoldType::Flag:
      if (o != FoldOp::Sum) return {};
      return {FlagSum::rows, columns<FlagSum>, combine<FlagSum>, sizeof(int64_t), FlagSum::kBlock};
    case FoldType::Float16: return of_halves<Half::Float16>(o);
    case FoldType::BFloat16: return of_halves<Half::BFloat16>(o);
    case FoldType::Byte:
      if (o == FoldOp::All) return table<All>();
      if (o == FoldOp::Any) return table<Any>();
      return {};
    default: return {};
  }
}

}  // namespace flambeau::FB_ISA
