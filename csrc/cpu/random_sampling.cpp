// Permutations, and draws whose parameters differ from element to element.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "cpu/random.h"
#include "cpu/thread_pool.h"

namespace flambeau {

// ---- permutations -----------------------------------------------------------------------------

namespace {

// Up to here one word gives an index and each place swaps with one behind it; beyond, two words and
// a place before it (both are Fisher-Yates shuffles).
constexpr int64_t kLongPermutation = 0xFFFFFFFF / 20;

template <class T>
int64_t exact_integers() {  // 0 ... this are exact in T
  if constexpr (std::is_same_v<T, Half>)
    return int64_t{1} << 11;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return int64_t{1} << 8;
  else if constexpr (is_floating_v<T>)
    return int64_t{1} << std::numeric_limits<T>::digits;
  else
    return static_cast<int64_t>(std::numeric_limits<T>::max());
}

}  // namespace

void fill_randperm(Generator& g, DType dtype, void* out, int64_t n) {
  FB_CHECK(n >= 0, "randperm(): n must be non-negative, got ", n);
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (is_complex_v<T> || std::is_same_v<T, bool>) {
      fail(ErrorKind::Runtime, "randperm(): not implemented for ", name(dtype));
    } else {
      FB_CHECK(n - 1 <= exact_integers<T>(), "randperm(): n cannot be greater than ",
               exact_integers<T>(), " + 1 for ", name(dtype), ", got ", n);
      T* order = static_cast<T*>(out);
      for (int64_t i = 0; i < n; ++i) order[i] = convert<T>(i);
      if (n < kLongPermutation) {
        for (int64_t i = 0; i < n - 1; ++i) {
          std::swap(order[i], order[i + g.random() % static_cast<uint32_t>(n - i)]);
        }
      } else {
        for (int64_t i = 0; i < n; ++i) {
          std::swap(order[i], order[g.random64() % (static_cast<uint64_t>(i) + 1)]);
        }
      }
    }
  });
}

// ---- multinomial ------------------------------------------------------------------------------

namespace {

struct WeightCheck {
  bool valid = true, some = false;
  template <class C>
  void add(C weight) {
    valid &= static_cast<bool>((weight >= 0) & (weight <= std::numeric_limits<C>::max()));
    some |= weight > 0;
  }
  void require() const {
    FB_CHECK(valid,
             "multinomial(): probability tensor contains either `inf`, `nan` or element < 0");
    FB_CHECK(some, "multinomial(): invalid multinomial distribution (sum of probabilities <= 0)");
  }
};

template <class T>
void check_weights(const T* p, int64_t rows, int64_t n) {
  parallel_for(rows, std::max<int64_t>(1, 16384 / n), [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      WeightCheck check;
      for (int64_t i = r * n; i < (r + 1) * n; ++i) check.add(static_cast<compute_t<T>>(p[i]));
      check.require();
    }
  });
}

// Apart, or the sum lives in memory. The checks cost nothing beside the chain of additions.
template <class T, class C>
[[gnu::noinline]] C running_sum(const T* p, int64_t n, C* cumulative, WeightCheck& result) {
  C sum = 0;
  WeightCheck check;
  for (int64_t i = 0; i < n; ++i) {
    const C weight = static_cast<C>(p[i]);
    check.add(weight);
    cumulative[i] = sum += weight;
  }
  result = check;
  return sum;
}

// The distribution function by a running sum, then one search for each uniform. It is the quotient
// by the sum that decides; a product finds the place, or one near it.
template <class T, class C>
void with_replacement(Generator& g, const T* p, int64_t n, int64_t samples, C* cumulative,
                      int64_t* out) {
  WeightCheck check;
  const C sum = running_sum(p, n, cumulative, check);
  check.require();
  const auto below = [=](int64_t i, double u) {
    return static_cast<double>(cumulative[i] / sum) < u;
  };
  for (int64_t s = 0; s < samples; ++s) {
    const double u = g.uniform(), target = u * static_cast<double>(sum);
    int64_t i = std::lower_bound(cumulative, cumulative + n - 1, target,
                                 [](C c, double t) { return static_cast<double>(c) < t; }) -
                cumulative;
    while (i > 0 && !below(i - 1, u)) --i;
    while (i < n - 1 && below(i, u)) ++i;
    out[s] = i;
  }
}

// p / e with e exponential of rate one: its descending order is that of draws without replacement.
// Equal keys, common in half types, come out as PyTorch's topk leaves them: partial sort for few
// samples, else selection and sort, all of them unstable.
template <class T>
void without_replacement(Generator& g, const T* p, int64_t rows, int64_t n, int64_t samples,
                         int64_t* out) {
  using C = compute_t<T>;
  struct Entry {
    C key;
    int64_t index;
  };
  std::unique_ptr<T[]> keys(new T[n]);
  std::vector<Entry> entries(n);
  const auto begin = entries.begin();
  const auto before = [](const Entry& a, const Entry& b) { return a.key > b.key; };
  for (int64_t r = 0; r < rows; ++r, p += n, out += samples) {
    fill_exponential(g, dtype_of<T>, keys.get(), n, 1);
    for (int64_t i = 0; i < n; ++i) {
      // 0 / 0, from the one uniform in 2^53 that is zero, is a category that cannot be drawn.
      const C key = static_cast<C>(T(static_cast<C>(p[i]) / static_cast<C>(keys[i])));
      entries[i] = {key == key ? key : C(0), i};
    }
    if (samples == 1) {
      out[0] = std::min_element(begin, entries.end(), before)->index;
      continue;
    }
    if (samples * 64 <= n) {
      std::partial_sort(begin, begin + samples, entries.end(), before);
    } else {
      std::nth_element(begin, begin + samples - 1, entries.end(), before);
      std::sort(begin, begin + samples - 1, before);
    }
    for (int64_t i = 0; i < samples; ++i) out[i] = entries[i].index;
  }
}

}  // namespace

void multinomial(Generator& g, DType dtype, const void* p, int64_t rows, int64_t n, int64_t samples,
                 bool replacement, int64_t* out) {
  FB_CHECK(samples > 0, "multinomial(): cannot sample n_sample <= 0 samples, got ", samples);
  FB_CHECK(n > 0, "multinomial(): the distribution has no categories");
  FB_CHECK(replacement || samples <= n,
           "multinomial(): cannot sample n_sample > "
           "prob_dist.size(-1) samples without replacement, got ",
           samples, " of ", n);
  visit_floating(dtype, "multinomial", [&]<class T>() {
    const T* weights = static_cast<const T*>(p);
    if (!replacement || samples == 1) {
      check_weights(weights, rows, n);
      return without_replacement(g, weights, rows, n, samples, out);
    }
    std::unique_ptr<compute_t<T>[]> cumulative(new compute_t<T>[n]);
    for (int64_t r = 0; r < rows; ++r) {
      with_replacement(g, weights + r * n, n, samples, cumulative.get(), out + r * samples);
    }
  });
}

// ---- Poisson ----------------------------------------------------------------------------------

namespace {

// W. Hoermann, "The transformed rejection method for generating Poisson random variables",
// Insurance: Mathematics and Economics 12 (1993), algorithm PTRS; for rates of 10 and more.
double poisson_rejection(Generator& g, double rate) {
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root;
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double inside = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = g.uniform() - 0.5, v = g.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= inside) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
        -rate + k * log_rate - std::lgamma(k + 1)) {
      return k;
    }
  }
}

// Small rates: uniforms are multiplied until the product falls to exp(-rate) (Knuth, TAOCP 3.4.1).
double poisson(Generator& g, double rate) {
  if (rate >= 10) return poisson_rejection(g, rate);
  if (rate == 0) return 0;
  const double limit = std::exp(-rate);
  double product = g.uniform();
  int64_t count = 0;
  for (; product > limit; ++count) product *= g.uniform();
  return static_cast<double>(count);
}

}  // namespace

void fill_poisson(Generator& g, DType dtype, const void* rates, void* out, int64_t n) {
  visit_floating(dtype, "poisson", [&]<class T>() {
    const T* rate = static_cast<const T*>(rates);
    T* counts = static_cast<T*>(out);
    for (int64_t i = 0; i < n; ++i) {
      const double r = static_cast<double>(rate[i]);
      FB_CHECK(r >= 0 && r <= std::numeric_limits<double>::max(),
               "poisson(): invalid Poisson rate, expected rate to be non-negative, got ", r);
      counts[i] = convert<T>(poisson(g, r));
    }
  });
}

// ---- gamma ------------------------------------------------------------------------------------

namespace {

// G. Marsaglia, W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000;
// shapes below one are raised by one and brought back by a power of a uniform.
// C, the type of alpha, holds only what is computed from alpha alone; the rest is double.
template <class C>
double standard_gamma(Generator& g, C alpha) {
  double scale = 1;
  if (alpha < 1) {
    if (alpha == 0) return 0;
    scale = std::pow(1 - g.uniform(), 1 / alpha);
    alpha += 1;
  }
  const double d = alpha - 1.0f / 3.0f;  // a float third for double too
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x, y;
    do {
      x = g.normal();
      y = 1 + c * x;
    } while (y <= 0);
    const double v = y * y * y, u = 1 - g.uniform(), xx = x * x;
    if (u < 1 - 0.0331 * xx * xx || std::log(u) < 0.5 * xx + d * (1 - v + std::log(v))) {
      return scale * d * v;
    }
  }
}

template <class T>
double smallest_normal() {
  if constexpr (std::is_same_v<T, Half>)
    return 0x1p-14;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return 0x1p-126;
  else
    return std::numeric_limits<T>::min();
}

}  // namespace

void fill_standard_gamma(Generator& g, DType dtype, const void* alphas, void* out, int64_t n) {
  visit_floating(dtype, "_standard_gamma", [&]<class T>() {
    const T* alpha = static_cast<const T*>(alphas);
    T* samples = static_cast<T*>(out);
    for (int64_t i = 0; i < n; ++i) {
      const compute_t<T> a = static_cast<compute_t<T>>(alpha[i]);
      FB_CHECK(!(a < 0), "_standard_gamma(): the concentration must be non-negative, got ", a);
      samples[i] =
          a == a ? convert<T>(std::max(standard_gamma(g, a), smallest_normal<T>())) : alpha[i];
    }
  });
}

// ---- binomial ---------------------------------------------------------------------------------

namespace {

// log k! minus Stirling's approximation of it.
double stirling_error(double k) {
  static const double kTable[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983,
                                  0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
                                  0.0118967099458917,  0.0104112652619720, 0.00925546218271273,
                                  0.00833056343336287};
  if (k <= 9) return kTable[static_cast<int>(k)];
  const double square = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

// W. Hoermann, "The generation of binomial random variates", J. Stat. Comput. Simul. 46 (1993),
// algorithm BTRS, for count * p >= 10 and p <= 1/2.
double binomial_rejection(Generator& g, double count, double p) {
  const double deviation = std::sqrt(count * p * (1 - p));
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double center = count * p + 0.5;
  const double inside = 0.92 - 4.2 / b;
  const double odds = p / (1 - p);
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double mode = std::floor((count + 1) * p);
  for (;;) {
    const double u = g.uniform() - 0.5;
    double v = g.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + center);
    if (us >= 0.07 && v <= inside) return k;
    if (k < 0 || k > count) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = (mode + 0.5) * std::log((mode + 1) / (odds * (count - mode + 1))) +
                         (count + 1) * std::log((count - mode + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(odds * (count - k + 1) / (k + 1)) +
                         stirling_error(mode) + stirling_error(count - mode) - stirling_error(k) -
                         stirling_error(count - k);
    if (v <= bound) return k;
  }
}

// Few successes: the gaps between them are geometric.
double binomial_gaps(Generator& g, double count, double p) {
  const double failure = std::log1p(-p);
  double position = 0, successes = 0;
  for (;;) {
    position += std::ceil(std::log(g.uniform()) / failure);
    if (position > count) return successes;
    successes += 1;
  }
}

double binomial(Generator& g, double count, double p) {
  if (!(count > 0) || !(p > 0)) return 0;
  if (p >= 1) return count;
  if (p > 0.5) return count - binomial(g, count, 1 - p);
  return count * p >= 10 ? binomial_rejection(g, count, p) : binomial_gaps(g, count, p);
}

}  // namespace

void fill_binomial(Generator& g, DType dtype, const void* counts, const void* p, void* out,
                   int64_t n) {
  visit_floating(dtype, "binomial", [&]<class T>() {
    const T* count = static_cast<const T*>(counts);
    const T* chance = static_cast<const T*>(p);
    T* successes = static_cast<T*>(out);
    for (int64_t i = 0; i < n; ++i) {
      const double c = static_cast<double>(count[i]), q = static_cast<double>(chance[i]);
      FB_CHECK(c != std::numeric_limits<double>::infinity(),
               "binomial(): the count must be finite, got ", c);
      FB_CHECK(!(q < 0 || q > 1), "binomial(): the probability must lie in [0, 1], got ", q);
      if (c != c)
        successes[i] = count[i];
      else if (q != q)
        successes[i] = chance[i];
      else
        successes[i] = convert<T>(binomial(g, c, q));
    }
  });
}

}  // namespace flambeau
