#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/gemm.h"
#include "cpu/thread_pool.h"
#include "testing.h"

using namespace flambeau;

namespace {

uint64_t state = 1;
double uniform() {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return static_cast<double>(state >> 11) * 0x1p-53 * 2 - 1;
}

template <class T>
T random_value() {
  if constexpr (is_complex_v<T>) {
    const auto re = static_cast<typename T::value_type>(uniform());
    return T(re, static_cast<typename T::value_type>(uniform()));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<int64_t>(uniform() * 1e15));
  } else {
    return T(static_cast<float>(uniform()));
  }
}

// What the naive loop sums in: exact for integers, wider for floats.
template <class T>
struct Wide {
  using type = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
};
template <class R>
struct Wide<std::complex<R>> {
  using type = std::complex<double>;
};

template <class T>
typename Wide<T>::type widen(T x) {
  if constexpr (is_complex_v<T>)
    return {x.real(), x.imag()};
  else if constexpr (std::is_integral_v<T>)
    return static_cast<uint64_t>(x);
  else
    return static_cast<double>(static_cast<compute_t<T>>(x));
}

struct Case {
  int64_t m, n, k;
  bool ta = false, tb = false, tc = false;
  int a_gap = 1, b_gap = 1;  // distance of the innermost elements
  double alpha = 1, beta = 0;
  bool row_bias = false, col_bias = false, relu = false;
  int64_t batch = 0;
  bool share_a = false, share_b = false;
  bool dense_c = false;  // results side by side
};

// Room for rows x cols with a gap between elements and, unless dense, 3 elements more per row.
struct Layout {
  int64_t row, col, size;
  Layout(int64_t rows, int64_t cols, bool transposed, int gap, bool dense = false) {
    const int64_t inner = transposed ? rows : cols, outer = transposed ? cols : rows;
    const int64_t line = inner * gap + (dense ? 0 : 3);
    row = transposed ? gap : line;
    col = transposed ? line : gap;
    size = outer * line + (dense ? 0 : 1);
  }
};

template <class T>
double tolerance(int64_t k) {
  if constexpr (std::is_integral_v<T>) return 0;
  if constexpr (std::is_same_v<T, Half>) return 2e-3;
  if constexpr (std::is_same_v<T, BFloat16>) return 1.6e-2;
  const bool single = std::is_same_v<T, float> || std::is_same_v<T, Complex64>;
  return (single ? 1e-6 : 1e-15) * (4 + std::sqrt(static_cast<double>(k)) * 2);
}

template <class T>
void check_case(const Case& t) {
  const int64_t batch = t.batch ? t.batch : 1;
  const Layout la(t.m, t.k, t.ta, t.a_gap), lb(t.k, t.n, t.tb, t.b_gap),
      lc(t.m, t.n, t.tc, 1, t.dense_c);
  const auto fill = [](int64_t n) {
    std::vector<T> v(n);
    for (T& x : v) x = random_value<T>();
    return v;
  };
  const auto a = fill(la.size * batch), b = fill(lb.size * batch);
  const auto row_bias = fill(t.m), col_bias = fill(t.n);
  const auto before = fill(lc.size * batch);
  auto c = before;
  GemmArgs g;
  g.dtype = dtype_of<T>;
  g.m = t.m, g.n = t.n, g.k = t.k;
  g.a = a.data(), g.a_row = la.row, g.a_col = la.col;
  g.b = b.data(), g.b_row = lb.row, g.b_col = lb.col;
  g.c = c.data(), g.c_row = lc.row, g.c_col = lc.col;
  if constexpr (std::is_integral_v<T>) {
    g.alpha = static_cast<int64_t>(t.alpha);
    g.beta = static_cast<int64_t>(t.beta);
  } else {
    g.alpha = t.alpha, g.beta = t.beta;
  }
  if (t.row_bias) g.row_bias = row_bias.data();
  if (t.col_bias) g.col_bias = col_bias.data();
  if (t.relu) g.activation = Activation::Relu;
  const int64_t a_batch = t.share_a ? 0 : la.size, b_batch = t.share_b ? 0 : lb.size;
  if (t.batch)
    gemm_batched(g, batch, a_batch, b_batch, lc.size);
  else
    gemm(g);

  using W = typename Wide<T>::type;
  W alpha{}, beta{};
  if constexpr (std::is_integral_v<T>)
    alpha = static_cast<uint64_t>(g.alpha.integer), beta = static_cast<uint64_t>(g.beta.integer);
  else
    alpha = t.alpha, beta = t.beta;
  std::vector<T> expected = before;
  double worst = 0;
  for (int64_t z = 0; z < batch; ++z)
    for (int64_t i = 0; i < t.m; ++i)
      for (int64_t j = 0; j < t.n; ++j) {
        W sum{};
        for (int64_t p = 0; p < t.k; ++p)
          sum += widen(a[z * a_batch + i * la.row + p * la.col]) *
                 widen(b[z * b_batch + p * lb.row + j * lb.col]);
        const int64_t at = z * lc.size + i * lc.row + j * lc.col;
        sum *= alpha;
        if (t.beta != 0) sum += beta * widen(before[at]);
        if (t.row_bias) sum += widen(row_bias[i]);
        if (t.col_bias) sum += widen(col_bias[j]);
        if constexpr (std::is_floating_point_v<W>)
          if (t.relu && sum < 0) sum = 0;
        double error;
        if constexpr (std::is_integral_v<T>)
          error = static_cast<T>(sum) != c[at];
        else
          error = std::abs(widen(c[at]) - sum) / (1 + std::abs(sum));
        if (!(error <= worst)) worst = error;
        expected[at] = c[at];
      }
  EXPECT_IN(worst <= tolerance<T>(t.k),
            "%s %ldx%ldx%ld ta %d tb %d tc %d gaps %d %d alpha %g beta %g batch %ld: error %g",
            name(dtype_of<T>), long(t.m), long(t.n), long(t.k), t.ta, t.tb, t.tc, t.a_gap, t.b_gap,
            t.alpha, t.beta, long(t.batch), worst);
  // Nothing outside C may have changed.
  EXPECT(std::memcmp(expected.data(), c.data(), c.size() * sizeof(T)) == 0);
}

template <class T>
void check_layouts(int64_t m, int64_t n, int64_t k) {
  for (int bits = 0; bits < 8; ++bits) {
    Case t{m, n, k};
    t.ta = bits & 1, t.tb = bits & 2, t.tc = bits & 4;
    check_case<T>(t);
    t.alpha = 2, t.beta = 1, t.row_bias = bits & 1;
    check_case<T>(t);
    t.alpha = 1, t.beta = 3, t.col_bias = true, t.row_bias = false;
    t.a_gap = 1 + (bits & 1), t.b_gap = 1 + (bits >> 1 & 1) * 2;
    check_case<T>(t);
  }
}

template <class T>
void check_type() {
  const int64_t sizes[] = {0, 1, 2, 5, 7, 16, 33};
  for (int64_t m : sizes)
    for (int64_t n : sizes)
      for (int64_t k : {0, 1, 3, 8, 19, 70}) check_layouts<T>(m, n, k);
  check_layouts<T>(65, 50, 300);
  check_layouts<T>(1, 2100, 37);
  check_layouts<T>(2100, 1, 37);
  check_layouts<T>(200, 210, 70);  // both operands packed ahead
  check_layouts<T>(500, 20, 60);   // few columns
  check_layouts<T>(7, 50, 1030);   // few rows along a long k
  check_layouts<T>(50, 16, 600);
  check_layouts<T>(33, 20, 900);   // slices of a long k
  check_layouts<T>(45, 37, 1030);  // short ones
  check_layouts<T>(400, 130, 12);  // a short k is not packed, by rows
  check_layouts<T>(70, 500, 9);    // and by columns
  check_layouts<T>(250, 40, 50);   // few columns, A as it lies
}

class Level {
 public:
  explicit Level(int level) : before_(cpu_level) { cpu_level = level; }
  ~Level() { cpu_level = before_; }

 private:
  int before_;
};

}  // namespace

TEST(gemm_float32) { check_type<float>(); }
TEST(gemm_float64) { check_type<double>(); }
TEST(gemm_float16) { check_type<Half>(); }
TEST(gemm_bfloat16) { check_type<BFloat16>(); }
TEST(gemm_int8) { check_type<int8_t>(); }
TEST(gemm_uint8) { check_type<uint8_t>(); }
TEST(gemm_int16) { check_type<int16_t>(); }
TEST(gemm_int32) { check_type<int32_t>(); }
TEST(gemm_int64) { check_type<int64_t>(); }
TEST(gemm_complex64) { check_type<Complex64>(); }
TEST(gemm_complex128) { check_type<Complex128>(); }

TEST(gemm_baseline) {
  Level scope(0);
  check_type<float>();
  check_type<double>();
  check_type<Half>();
  check_type<BFloat16>();
  check_type<int32_t>();
  check_type<Complex64>();
}

TEST(gemm_large) {
  for (int bits = 0; bits < 4; ++bits) {
    Case t{301, 413, 777};
    t.ta = bits & 1, t.tb = bits & 2, t.beta = 1;
    check_case<float>(t);
    check_case<double>(t);
  }
  check_case<float>({5000, 200, 30});   // several parts in m
  check_case<float>({200, 5000, 30});   // and in n
  check_case<float>({10, 20, 100000});  // and in k
  check_case<float>({300, 310, 9000});
  check_case<Complex64>({150, 140, 400});
  check_case<Complex128>({301, 30, 500});
}

TEST(gemm_relu_and_bias) {
  for (int64_t n : {1, 7, 16, 40, 300}) {
    Case t{37, n, 29};
    t.relu = t.row_bias = t.col_bias = true;
    check_case<float>(t);
    check_case<double>(t);
    check_case<BFloat16>(t);
    t.k = 0;
    check_case<float>(t);
    t.k = 600;  // the activation comes after the last block of k only
    check_case<float>(t);
    t.k = 5000;  // and after the last slice
    check_case<float>(t);
  }
}

TEST(gemm_batches_of_tiny_products) {
  const int64_t sizes[] = {1, 2, 3, 4, 7, 8, 9, 16, 17};
  for (int64_t m : sizes)
    for (int64_t n : sizes)
      for (int64_t k : {1, 3, 4, 8, 11, 16})
        for (int bits = 0; bits < 8; ++bits) {
          Case t{m, n, k};
          t.dense_c = true, t.batch = 1 + 4 * (bits & 1) + (m * n < 20 ? 300 : 4);
          t.ta = bits & 1, t.tb = bits & 2, t.share_a = bits & 4, t.beta = bits >> 2;
          t.a_gap = 1 + (bits == 3), t.b_gap = 1 + (bits == 5), t.tc = bits == 6;
          check_case<float>(t);
          t.share_a = false, t.share_b = bits & 1, t.beta = 0, t.alpha = -3;
          check_case<double>(t);
          check_case<float>(t);
        }
}

TEST(gemm_batches) {
  for (int bits = 0; bits < 8; ++bits)
    for (int64_t size : {3, 40, 140}) {
      Case t{size, size + 5, size};
      t.batch = size == 140 ? 3 : 9;
      t.tc = bits & 1, t.share_a = bits & 2, t.share_b = bits & 4;
      check_case<float>(t);
      if (size < 100) check_case<int64_t>(t), check_case<Complex64>(t);
    }
}

TEST(gemm_ignores_c_without_beta_and_passes_nan_on) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int64_t size : {1, 4, 20, 70, 300})
    for (int64_t k : {int64_t{0}, size}) {
      std::vector<float> a(size * size, 1), b(size * size, 1), c(size * size, nan);
      GemmArgs g;
      g.m = g.n = size, g.k = k;
      g.a = a.data(), g.a_row = size, g.a_col = 1;
      g.b = b.data(), g.b_row = size, g.b_col = 1;
      g.c = c.data(), g.c_row = size;
      gemm(g);
      for (float x : c) EXPECT(x == static_cast<float>(k));
      a[0] = nan;
      g.activation = Activation::Relu;
      gemm(g);
      for (int64_t j = 0; j < size; ++j) EXPECT(k == 0 || std::isnan(c[j]));
      for (int64_t j = size; j < size * size; ++j) EXPECT(c[j] == static_cast<float>(k));
      g.alpha = 0, g.beta = 1;
      c.assign(c.size(), 5);
      gemm(g);
      for (float x : c) EXPECT(x == 5);
    }
}

TEST(gemm_does_not_depend_on_threads) {
  const int before = num_threads();
  for (auto [m, n, k] : {std::array<int64_t, 3>{333, 444, 555},
                         {20, 900, 700},
                         {900, 20, 700},
                         {5, 3000, 900},
                         {128, 128, 128},
                         {1, 3000, 500},
                         {3000, 1, 500},
                         {64, 64, 64},
                         {2000, 150, 10},
                         {20, 20, 9000},
                         {150, 400, 3000},
                         {64, 64, 5000}}) {
    std::vector<float> a(m * k), b(k * n), first;
    for (float& x : a) x = random_value<float>();
    for (float& x : b) x = random_value<float>();
    for (int threads : {1, 2, 4}) {
      set_num_threads(threads);
      std::vector<float> c(m * n);
      GemmArgs g;
      g.m = m, g.n = n, g.k = k;
      g.a = a.data(), g.a_row = k, g.a_col = 1;
      g.b = b.data(), g.b_row = n, g.b_col = 1;
      g.c = c.data(), g.c_row = n;
      gemm(g);
      if (first.empty()) first = c;
      EXPECT(std::memcmp(first.data(), c.data(), c.size() * sizeof(float)) == 0);
    }
  }
  set_num_threads(before);
}

TEST(gemm_refuses) {
  GemmArgs g;
  g.dtype = DType::Bool;
  EXPECT_THROW(gemm(g), "not implemented for bool");
  g.dtype = DType::Float32;
  g.m = g.n = 2, g.c_row = 4, g.c_col = 2;
  EXPECT_THROW(gemm(g), "must be adjacent");
  g.dtype = DType::Int64;
  g.activation = Activation::Relu;
  EXPECT_THROW(gemm(g), "relu");
}
