#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "core/generator.h"
#include "cpu/random.h"
#include "cpu/thread_pool.h"
#include "testing.h"

using namespace flambeau;

namespace {

template <class T>
constexpr DType dtype = dtype_of<T>;

bool close(double a, double b, double tolerance) { return std::fabs(a - b) <= tolerance; }

template <class T>
std::vector<T> normals(uint64_t seed, int64_t n, bool contiguous = true) {
  Generator g(seed);
  std::vector<T> x(n);
  fill_normal(g, dtype<T>, x.data(), n, 0, 1, contiguous);
  return x;
}

}  // namespace

// The published check value of MT19937, also in the C++ standard: [rand.predef] of mt19937.
TEST(generator_is_mt19937) {
  Generator g(5489);
  EXPECT(g.random() == 3499211612u);
  for (int i = 2; i < 10000; ++i) g.random();
  EXPECT(g.random() == 4123659995u);
}

TEST(generator_takes_the_low_half_of_a_seed) {
  Generator a(7), b((uint64_t{1} << 32) + 7);
  EXPECT(a.random() == b.random());
  EXPECT(b.initial_seed() == (uint64_t{1} << 32) + 7);
}

TEST(generator_words_in_bulk_are_the_same_stream) {
  Generator one(3), bulk(3);
  for (int64_t n : {1, 5, 623, 624, 625, 1, 1248, 2000, 618, 0, 7}) {
    std::vector<uint32_t> words(n);
    fill_words(bulk, words.data(), n);
    for (uint32_t word : words) EXPECT_IN(word == one.random(), "n %ld", static_cast<long>(n));
  }
}

TEST(generator_state_layout_and_round_trip) {
  std::vector<uint8_t> state(Generator::kStateBytes), again(Generator::kStateBytes);
  Generator g(123);
  g.get_state(state.data());
  int32_t left;
  uint64_t seed, next, first_word;
  std::memcpy(&seed, &state[0], 8);
  std::memcpy(&left, &state[8], 4);
  std::memcpy(&next, &state[16], 8);
  std::memcpy(&first_word, &state[24], 8);
  EXPECT(seed == 123 && left == 1 && next == 0 && first_word == 123);

  for (int i = 0; i < 700; ++i) g.random();
  g.normal();  // leaves the second of the pair behind
  g.set_cached_float_normal(0.25f);
  g.get_state(state.data());
  Generator h(0);
  h.set_state(state.data(), state.size());
  h.get_state(again.data());
  EXPECT(state == again);
  EXPECT(h.cached_normal().has_value() && h.cached_float_normal() == 0.25f);
  EXPECT(h.normal() == g.normal() && h.random64() == g.random64());

  EXPECT_THROW(h.set_state(state.data(), 10), "size");
  left = 0;
  std::memcpy(&state[8], &left, 4);
  EXPECT_THROW(h.set_state(state.data(), state.size()), "Invalid");
  std::fill(state.begin(), state.end(), uint8_t{255});
  EXPECT_THROW(h.set_state(state.data(), state.size()), "Invalid");
}

TEST(generator_default_stream) {
  // Seed 123: words 2991312382, 3062119789, 1228959102, 1840268610.
  Generator g(123);
  EXPECT(g.uniform_float() == static_cast<float>(2991312382u & 0xFFFFFFu) / 16777216.0f);
  g.manual_seed(123);
  const uint64_t pair = uint64_t{2991312382u} << 32 | 3062119789u;
  EXPECT(g.random64() == pair);
  g.manual_seed(123);
  EXPECT(g.uniform() == std::ldexp(static_cast<double>(pair & ((uint64_t{1} << 53) - 1)), -53));
  g.manual_seed(123);
  EXPECT(close(g.normal(), -0.11146711634581082, 1e-15));
}

TEST(random_integers_of_the_documented_stream) {
  Generator g(123);
  int64_t x[4];
  fill_randint(g, DType::Int64, x, 2, 0, 10);
  EXPECT(x[0] == 2 && x[1] == 9);
  g.manual_seed(123);
  fill_randint(g, DType::Int64, x, 2, 0, 1 << 28);  // from 2^28 on, two words each
  EXPECT(x[0] == 109329773 && x[1] == 229655874);
  g.manual_seed(123);
  fill_randint_from(g, DType::Int64, x, 1, INT64_MIN);
  EXPECT(static_cast<uint64_t>(x[0]) == (uint64_t{2991312382u} << 32 | 3062119789u));
  uint8_t bytes[5];
  g.manual_seed(123);
  fill_random(g, DType::UInt8, bytes, 5);
  EXPECT(bytes[0] == 254 && bytes[1] == 109 && bytes[4] == 220);
  g.manual_seed(123);
  int64_t order[10];
  const int64_t expected[10] = {2, 0, 8, 1, 3, 7, 4, 9, 5, 6};
  fill_randperm(g, DType::Int64, order, 10);
  EXPECT(std::equal(order, order + 10, expected));
}

// The block transform against Box-Muller written out in double, the ragged end included.
TEST(random_normals_follow_box_muller) {
  for (int64_t n : {16, 17, 31, 32, 100, 1000}) {
    Generator g(11);
    std::vector<uint32_t> words(n + 16);
    fill_words(g, words.data(), n + 16);
    std::vector<double> expected(n);
    const auto block = [&](const uint32_t* w, double* out) {
      for (int j = 0; j < 8; ++j) {
        const double u = std::ldexp(static_cast<double>(w[j] & 0xFFFFFF), -24);
        const double v = std::ldexp(static_cast<double>(w[j + 8] & 0xFFFFFF), -24);
        const double radius = std::sqrt(-2 * std::log(1 - u));
        out[j] = radius * std::cos(6.283185307179586 * v);
        out[j + 8] = radius * std::sin(6.283185307179586 * v);
      }
    };
    for (int64_t i = 0; i + 16 <= n; i += 16) block(&words[i], &expected[i]);
    if (n % 16) block(&words[n], &expected[n - 16]);
    const std::vector<float> x = normals<float>(11, n);
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_IN(close(x[i], expected[i], 1e-6 * (1 + std::fabs(expected[i]))), "n %ld, element %ld",
                static_cast<long>(n), static_cast<long>(i));
    }
  }
}

TEST(random_short_and_strided_normals_take_the_paired_path) {
  const std::vector<double> strided = normals<double>(5, 101, false);
  Generator g(5);
  for (double x : strided) EXPECT(close(x, g.normal(), 1e-15));
  // A pair broken by the end of one call is completed by the next one.
  Generator a(5);
  double first[3], second[4];
  fill_normal(a, DType::Float64, first, 3, 0, 1);
  fill_normal(a, DType::Float64, second, 4, 0, 1);
  for (int i = 0; i < 7; ++i) EXPECT(strided[i] == (i < 3 ? first[i] : second[i - 3]));
}

TEST(random_results_do_not_depend_on_threads) {
  const int before = num_threads();
  set_num_threads(1);
  const std::vector<float> one = normals<float>(9, 300007);
  const std::vector<double> wide = normals<double>(9, 50005);
  const std::vector<double> strided = normals<double>(9, 50005, false);
  set_num_threads(4);
  EXPECT(one == normals<float>(9, 300007));
  EXPECT(wide == normals<double>(9, 50005));
  EXPECT(strided == normals<double>(9, 50005, false));
  set_num_threads(before);
}

TEST(random_moments) {
  constexpr int64_t n = 200000;
  Generator g(1);
  std::vector<float> x(n);
  const auto moments = [&](double& mean, double& variance) {
    mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    variance = 0;
    for (float v : x) variance += (v - mean) * (v - mean) / n;
  };
  double mean, variance;
  fill_uniform(g, DType::Float32, x.data(), n, -1, 3);
  moments(mean, variance);
  EXPECT(close(mean, 1, 0.02) && close(variance, 16.0 / 12, 0.02));
  fill_normal(g, DType::Float32, x.data(), n, 2, 3);
  moments(mean, variance);
  EXPECT(close(mean, 2, 0.03) && close(variance, 9, 0.2));
  fill_exponential(g, DType::Float32, x.data(), n, 2);
  moments(mean, variance);
  EXPECT(close(mean, 0.5, 0.01) && close(variance, 0.25, 0.01));
  fill_bernoulli(g, DType::Float32, x.data(), n, 0.3);
  moments(mean, variance);
  EXPECT(close(mean, 0.3, 0.01) && close(variance, 0.21, 0.01));
  fill_geometric(g, DType::Float32, x.data(), n, 0.25);
  moments(mean, variance);
  EXPECT(close(mean, 4, 0.05) && close(variance, 12, 0.4));
  for (float rate : {0.7f, 40.0f}) {
    const std::vector<float> rates(n, rate);
    fill_poisson(g, DType::Float32, rates.data(), x.data(), n);
    moments(mean, variance);
    EXPECT(close(mean, rate, 0.02 * rate) && close(variance, rate, 0.03 * rate));
  }
  for (float alpha : {0.4f, 5.0f}) {
    const std::vector<float> alphas(n, alpha);
    fill_standard_gamma(g, DType::Float32, alphas.data(), x.data(), n);
    moments(mean, variance);
    EXPECT(close(mean, alpha, 0.02 * alpha) && close(variance, alpha, 0.05 * alpha));
  }
  for (float p : {0.01f, 0.4f, 0.9f}) {
    const std::vector<float> counts(n, 100), chances(n, p);
    fill_binomial(g, DType::Float32, counts.data(), chances.data(), x.data(), n);
    moments(mean, variance);
    EXPECT(close(mean, 100 * p, 0.5) && close(variance, 100 * p * (1 - p), 1));
  }
}

TEST(random_permutations_and_multinomial) {
  Generator g(2);
  std::vector<int32_t> order(1000);
  fill_randperm(g, DType::Int32, order.data(), 1000);
  std::sort(order.begin(), order.end());
  for (int i = 0; i < 1000; ++i) EXPECT(order[i] == i);

  const float p[4] = {1, 0, 2, 5};
  std::vector<int64_t> draws(40000);
  multinomial(g, DType::Float32, p, 1, 4, 40000, true, draws.data());
  int64_t counts[4] = {};
  for (int64_t d : draws) ++counts[d];
  EXPECT(counts[1] == 0);
  EXPECT(close(counts[0], 5000, 300) && close(counts[2], 10000, 400));
  int64_t once[3];
  multinomial(g, DType::Float32, p, 1, 4, 3, false, once);
  std::sort(once, once + 3);
  EXPECT(once[0] == 0 && once[1] == 2 && once[2] == 3);
}

TEST(random_refuses_bad_parameters) {
  Generator g(0);
  float x[4];
  int64_t draws[8];
  EXPECT_THROW(fill_uniform(g, DType::Float32, x, 4, 2, 1), "from=2 > to=1");
  EXPECT_THROW(fill_uniform(g, DType::Float32, x, 4, 0, INFINITY), "out of bounds");
  EXPECT_THROW(fill_uniform(g, DType::Int64, draws, 4, 0, 1), "floating");
  EXPECT_THROW(fill_normal(g, DType::Float32, x, 4, 0, -1), "std >= 0.0");
  EXPECT_THROW(fill_normal(g, DType::Float32, x, 4, 0, NAN), "std >= 0.0");
  EXPECT_THROW(fill_exponential(g, DType::Float32, x, 4, 0), "lambda > 0.0");
  EXPECT_THROW(fill_geometric(g, DType::Float32, x, 4, 1), "(0, 1)");
  EXPECT_THROW(fill_bernoulli(g, DType::Float32, x, 4, 1.5), "[0, 1]");
  EXPECT_THROW(fill_randint(g, DType::Int64, draws, 4, 5, 5), "less than");
  EXPECT_THROW(fill_randint(g, DType::UInt8, x, 4, 0, 300), "out of bounds");
  EXPECT_THROW(fill_randperm(g, DType::UInt8, x, 300), "greater");
  const float p[4] = {1, 0, NAN, 5}, zeros[4] = {}, minus[1] = {-1};
  EXPECT_THROW(multinomial(g, DType::Float32, p, 1, 4, 1, true, draws), "nan");
  EXPECT_THROW(multinomial(g, DType::Float32, zeros, 1, 4, 1, true, draws), "sum");
  EXPECT_THROW(multinomial(g, DType::Float32, p, 1, 4, 5, false, draws), "replacement");
  EXPECT_THROW(fill_poisson(g, DType::Float32, minus, x, 1), "non-negative");
  EXPECT_THROW(fill_bernoulli_p(g, DType::Float32, x, DType::Float32, minus, 1), "p_in");
}
