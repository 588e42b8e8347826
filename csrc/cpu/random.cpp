#include "cpu/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>

#include "cpu/kernels/convert_half.h"
#include "cpu/kernels/random.h"
#include "cpu/thread_pool.h"

namespace flambeau {

void fill_words(Generator& g, uint32_t* out, int64_t n) {
  const int64_t first = std::min<int64_t>(n, g.remaining());
  for (int64_t i = 0; i < first; ++i) out[i] = Generator::temper(g.unused()[i]);
  g.advance(static_cast<int>(first));
  out += first, n -= first;
  if (const int64_t blocks = n / Generator::kWords) {
    mt19937_blocks(g.block(), out, blocks);
    g.block_used();
    out += blocks * Generator::kWords, n -= blocks * Generator::kWords;
  }
  for (int64_t i = 0; i < n; ++i) out[i] = g.random();
}

namespace {

constexpr int64_t kRound = 1 << 16;  // words drawn at a time: they stay in the second-level cache
constexpr int64_t kCheap = 16384, kCostly = 1024;  // elements worth a thread, by the work on each

// Draws `per` words for each of n elements and calls f(words, first, count) on pieces, in parallel:
// the words are drawn in order, so the result does not depend on the threads.
template <class F>
void transform_words(Generator& g, int64_t n, int per, int64_t grain, F&& f) {
  const int64_t round = std::min<int64_t>(n, kRound / per);
  uint32_t small[512];
  std::unique_ptr<uint32_t[]> large;
  if (round * per > 512) large.reset(new uint32_t[round * per]);
  uint32_t* words = large ? large.get() : small;
  for (int64_t begin = 0; begin < n; begin += round) {
    const int64_t count = std::min(round, n - begin);
    fill_words(g, words, count * per);
    parallel_for(count, grain, [&](int64_t b, int64_t e) { f(words + b * per, begin + b, e - b); });
  }
}

uint64_t integer53(const uint32_t* pair) {
  return static_cast<uint64_t>(pair[0] & 0x1FFFFFu) << 32 | pair[1];
}
double uniform53(const uint32_t* pair) { return static_cast<double>(integer53(pair)) * 0x1p-53; }
float uniform24(uint32_t word) { return static_cast<float>(word & 0xFFFFFFu) * 0x1p-24f; }

// out[i] = f(a double uniform on [0, 1)).
template <class T, class F>
void from_uniforms(Generator& g, T* out, int64_t n, F f) {
  transform_words(g, n, 2, kCostly, [&](const uint32_t* words, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; ++i) out[first + i] = convert<T>(f(uniform53(words + 2 * i)));
  });
}

template <class T>
constexpr double largest() {
  if constexpr (std::is_same_v<T, Half>)
    return 65504;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return 0x1.FEp127;
  else
    return static_cast<double>(std::numeric_limits<T>::max());
}

// Bits of the significand, the hidden one included.
template <class T>
constexpr int digits() {
  if constexpr (std::is_same_v<T, Half>)
    return 11;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return 8;
  else
    return std::numeric_limits<T>::digits;
}

}  // namespace

// ---- uniform ----------------------------------------------------------------------------------

namespace {

constexpr int64_t kHalfPiece = 512;  // half types pass through a buffer of so many floats

void narrow(const float* x, Half* y, int64_t n) {
  float_to_half(x, reinterpret_cast<uint16_t*>(y), n);
}
void narrow(const float* x, BFloat16* y, int64_t n) {
  float_to_bfloat16(x, reinterpret_cast<uint16_t*>(y), n);
}

template <class T>
void check_uniform(double from, double to) {
  constexpr double limit = largest<T>();
  FB_CHECK(from >= -limit && from <= limit, "uniform_(): from is out of bounds for ",
           name(dtype_of<T>), ", got from=", from);
  FB_CHECK(to >= -limit && to <= limit, "uniform_(): to is out of bounds for ", name(dtype_of<T>),
           ", got to=", to);
  FB_CHECK(from <= to,
           "uniform_(): uniform_ expects to return a [from, to) range, but found from=", from,
           " > to=", to);
  FB_CHECK(to - from <= limit, "uniform_(): uniform_ expects to-from <= the largest ",
           name(dtype_of<T>), ", but found to=", to, " and from=", from);
}

void uniform(Generator& g, float* out, int64_t n, double from, double to) {
  const float low = static_cast<float>(from), high = static_cast<float>(to);
  transform_words(g, n, 1, kCheap, [&](const uint32_t* words, int64_t first, int64_t count) {
    std::memcpy(out + first, words, 4 * count);
    words_to_uniform(out + first, count, low, high);
  });
}

void uniform(Generator& g, double* out, int64_t n, double from, double to) {
  transform_words(g, n, 2, kCheap, [&](const uint32_t* words, int64_t first, int64_t count) {
    word_pairs_to_uniform(words, out + first, count, from, to);
  });
}

// Half types: a float sample, rounded; again the open end must not be reached.
template <class T>
void uniform(Generator& g, T* out, int64_t n, double from, double to) {
  const float from_float = static_cast<float>(from), to_float = static_cast<float>(to);
  const T low = T(from_float), high = T(to_float);
  transform_words(g, n, 1, kCheap, [&](const uint32_t* words, int64_t first, int64_t count) {
    float values[kHalfPiece];
    for (int64_t i = 0; i < count; i += kHalfPiece) {
      const int64_t m = std::min(kHalfPiece, count - i);
      T* piece = out + first + i;
      std::memcpy(values, words + i, 4 * m);
      words_to_uniform(values, m, from_float, to_float);
      narrow(values, piece, m);
      for (int64_t j = 0; j < m; ++j) {
        const bool zeros = ((piece[j].bits | high.bits) & 0x7FFF) == 0;  // -0 equals 0
        if (piece[j].bits == high.bits || zeros) piece[j] = low;
      }
    }
  });
}

}  // namespace

void fill_uniform(Generator& g, DType dtype, void* out, int64_t n, double from, double to) {
  if (is_complex(dtype)) return fill_uniform(g, to_real(dtype), out, 2 * n, from, to);
  visit_floating(dtype, "uniform_", [&]<class T>() {
    check_uniform<T>(from, to);
    uniform(g, static_cast<T*>(out), n, from, to);
  });
}

// ---- normal -----------------------------------------------------------------------------------

namespace {

constexpr int64_t kNormalBlock = 16;

// From 16 uniforms 16 normals; the halves of the block are radii and angles.
void normal_block(const uint32_t* words, double* out, double mean, double std) {
  for (int j = 0; j < 8; ++j) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform53(words + 2 * j)));
    const double angle = 6.283185307179586 * uniform53(words + 2 * (j + 8));
    out[j] = std::fma(radius * std::cos(angle), std, mean);
    out[j + 8] = std::fma(radius * std::sin(angle), std, mean);
  }
}

void normal_blocks(Generator& g, float* out, int64_t blocks, float mean, float std) {
  transform_words(g, blocks, kNormalBlock, kCostly / 4,
                  [&](const uint32_t* words, int64_t first, int64_t count) {
                    float* piece = out + first * kNormalBlock;
                    std::memcpy(piece, words, 4 * kNormalBlock * count);
                    words_to_normal(piece, kNormalBlock * count, mean, std);
                  });
}

// float32 and float64 draw for all n elements and transform whole blocks; then the last 16 elements
// are made again from fresh words. So the words under the ragged end are drawn and dropped.
void normal(Generator& g, float* out, int64_t n, double mean, double std) {
  const float m = static_cast<float>(mean), s = static_cast<float>(std);
  normal_blocks(g, out, n / kNormalBlock, m, s);
  if (const int64_t tail = n % kNormalBlock) {
    for (int64_t i = 0; i < tail; ++i) g.random();
    normal_blocks(g, out + n - kNormalBlock, 1, m, s);
  }
}

void normal(Generator& g, double* out, int64_t n, double mean, double std) {
  const auto blocks = [&](double* to, int64_t count) {
    transform_words(
        g, count, 2 * kNormalBlock, 32, [&](const uint32_t* words, int64_t first, int64_t pieces) {
          for (int64_t i = 0; i < pieces; ++i) {
            normal_block(words + 2 * kNormalBlock * i, to + kNormalBlock * (first + i), mean, std);
          }
        });
  };
  blocks(out, n / kNormalBlock);
  if (const int64_t tail = n % kNormalBlock) {
    for (int64_t i = 0; i < 2 * tail; ++i) g.random();
    blocks(out + n - kNormalBlock, 1);
  }
}

// Half types transform block by block in float and draw nothing for the ragged end.
template <class T>
void normal(Generator& g, T* out, int64_t n, double mean, double std) {
  constexpr int64_t kPiece = kHalfPiece / kNormalBlock;
  const float m = static_cast<float>(mean), s = static_cast<float>(std);
  const auto blocks = [&](T* to, int64_t total) {
    transform_words(g, total, kNormalBlock, kCostly / 4,
                    [&](const uint32_t* words, int64_t first, int64_t count) {
                      float values[kHalfPiece];
                      for (int64_t i = 0; i < count; i += kPiece) {
                        const int64_t size = kNormalBlock * std::min(kPiece, count - i);
                        std::memcpy(values, words + kNormalBlock * i, 4 * size);
                        words_to_normal(values, size, m, s);
                        narrow(values, to + kNormalBlock * (first + i), size);
                      }
                    });
  };
  blocks(out, n / kNormalBlock);
  if (n % kNormalBlock) blocks(out + n - kNormalBlock, 1);
}

// One after the other, as Generator::normal() gives them: out[i] = f(standard normal). The pairs
// are drawn in bulk; a value left over by an earlier call comes first, one too many is kept.
template <class T, class F>
void from_normals(Generator& g, T* out, int64_t n, F f) {
  if (n > 0 && g.cached_normal()) *out++ = convert<T>(f(g.normal())), --n;
  transform_words(g, n / 2, 4, kCostly / 2,
                  [&](const uint32_t* words, int64_t first, int64_t count) {
                    T* to = out + 2 * first;
                    for (int64_t i = 0; i < count; ++i, words += 4, to += 2) {
                      double x, y;
                      Generator::normal_pair(uniform53(words), uniform53(words + 2), x, y);
                      to[0] = convert<T>(f(x));
                      to[1] = convert<T>(f(y));
                    }
                  });
  if (n % 2) out[n - 1] = convert<T>(f(g.normal()));
}

}  // namespace

void fill_normal(Generator& g, DType dtype, void* out, int64_t n, double mean, double std,
                 bool contiguous) {
  FB_CHECK(std >= 0, "normal_(): normal expects std >= 0.0, but found std ", std);
  if (is_complex(dtype)) {
    return fill_normal(g, to_real(dtype), out, 2 * n, mean, std / std::sqrt(2.0), contiguous);
  }
  visit_floating(dtype, "normal_", [&]<class T>() {
    T* samples = static_cast<T*>(out);
    if (contiguous && n >= kNormalBlock) return normal(g, samples, n, mean, std);
    from_normals(g, samples, n, [=](double x) { return std::fma(x, std, mean); });
  });
}

// ---- other continuous distributions -----------------------------------------------------------

void fill_exponential(Generator& g, DType dtype, void* out, int64_t n, double rate) {
  FB_CHECK(rate > 0, "exponential_(): exponential_ expects lambda > 0.0, but found lambda=", rate);
  visit_floating(dtype, "exponential_", [&]<class T>() {
    const double scale = -1 / rate;
    from_uniforms(g, static_cast<T*>(out), n, [=](double u) { return scale * std::log1p(-u); });
  });
}

void fill_log_normal(Generator& g, DType dtype, void* out, int64_t n, double mean, double std) {
  FB_CHECK(std > 0, "log_normal_(): log_normal_ expects std > 0.0, but found std=", std);
  visit_floating(dtype, "log_normal_", [&]<class T>() {
    from_normals(g, static_cast<T*>(out), n,
                 [=](double x) { return std::exp(std::fma(x, std, mean)); });
  });
}

void fill_cauchy(Generator& g, DType dtype, void* out, int64_t n, double median, double sigma) {
  FB_CHECK(sigma > 0, "cauchy_(): cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  visit_floating(dtype, "cauchy_", [&]<class T>() {
    constexpr double pi = 3.141592653589793;
    from_uniforms(g, static_cast<T*>(out), n,
                  [=](double u) { return std::fma(sigma, std::tan(pi * (u - 0.5)), median); });
  });
}

// ---- integers ---------------------------------------------------------------------------------

namespace {

// From this many values on an integer takes two words, so that the remainder's bias stays small.
constexpr uint64_t kWideRange = uint64_t{1} << 28;

template <class T>
constexpr bool is_real = !is_complex_v<T>;

template <class F>
void visit_real(DType dtype, const char* op, F&& f) {
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (is_real<T>)
      f.template operator()<T>();
    else
      fail(ErrorKind::Runtime, op, "(): complex tensors are not supported, got ", name(dtype));
  });
}

// base + (word or pair of words) % range; range 0 stands for 2^64, where the words are the integer.
template <class T>
void integers(Generator& g, T* out, int64_t n, uint64_t range, int64_t base, bool wide) {
  if (wide) {
    transform_words(g, n, 2, kCostly, [&](const uint32_t* words, int64_t first, int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        const uint64_t word = static_cast<uint64_t>(words[2 * i]) << 32 | words[2 * i + 1];
        const uint64_t value = range ? word % range + static_cast<uint64_t>(base) : word;
        out[first + i] = convert<T>(static_cast<int64_t>(value));
      }
    });
    return;
  }
  transform_words(g, n, 1, kCheap, [&](const uint32_t* words, int64_t first, int64_t count) {
    if constexpr (std::is_same_v<T, int64_t>) {
      words_to_range(words, out + first, count, static_cast<uint32_t>(range), base);
    } else {
      int64_t values[256];
      for (int64_t i = 0; i < count; i += 256) {
        const int64_t m = std::min<int64_t>(256, count - i);
        words_to_range(words + i, values, m, static_cast<uint32_t>(range), base);
        for (int64_t j = 0; j < m; ++j) out[first + i + j] = convert<T>(values[j]);
      }
    }
  });
}

// The largest value of random_(): that of the integer type, 2^digits for floats.
template <class T>
constexpr int64_t random_limit() {
  if constexpr (is_floating_v<T>)
    return int64_t{1} << digits<T>();
  else
    return static_cast<int64_t>(std::numeric_limits<T>::max());
}

template <class T>
bool holds(int64_t value) {
  if constexpr (is_floating_v<T>)
    return std::fabs(static_cast<double>(value)) <= largest<T>();
  else
    return value >= static_cast<int64_t>(std::numeric_limits<T>::min()) &&
           value <= static_cast<int64_t>(std::numeric_limits<T>::max());
}

// Float types with bounds beyond their exact integers: a sample near a bound could round out of the
// interval, so the bound moves inwards by one spacing of the type.
template <class T>
int64_t rounded(int64_t value) {
  return convert<int64_t>(convert<T>(value));
}

template <class T>
int64_t spacing(int64_t value) {
  const uint64_t bits = static_cast<uint64_t>(value);
  const uint64_t magnitude = value < 0 ? 0 - bits : bits;
  return int64_t{1} << std::max(0, static_cast<int>(std::bit_width(magnitude)) - digits<T>());
}

template <class T>
int64_t inner_low(int64_t low) {
  if constexpr (is_floating_v<T>) {
    const int64_t next = rounded<T>(low + 1);
    if (next < low) return next + spacing<T>(low + 1);
  }
  return low;
}

template <class T>
int64_t inner_high(int64_t high) {
  if constexpr (is_floating_v<T>) {
    const int64_t last = rounded<T>(high - 1);
    if (last >= high) return last - spacing<T>(high - 1);
  }
  return high;
}

}  // namespace

void fill_randint(Generator& g, DType dtype, void* out, int64_t n, int64_t low, int64_t high) {
  FB_CHECK(low < high, "random_(): random_ expects 'from' to be less than 'to', but got from=", low,
           " >= to=", high);
  visit_real(dtype, "random_", [&]<class T>() {
    low = inner_low<T>(low);
    high = inner_high<T>(high);
    FB_CHECK(low < high,
             "random_(): random_ expects 'from' casted to dtype to be less than 'to' "
             "casted to dtype, but got from=",
             low, " >= to=", high);
    FB_CHECK(holds<T>(low), "random_(): from is out of bounds for ", name(dtype), ", got ", low);
    FB_CHECK(holds<T>(high - 1), "random_(): to - 1 is out of bounds for ", name(dtype), ", got ",
             high - 1);
    const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    integers(g, static_cast<T*>(out), n, range, low, range >= kWideRange);
  });
}

void fill_randint_from(Generator& g, DType dtype, void* out, int64_t n, int64_t low) {
  visit_real(dtype, "random_", [&]<class T>() {
    constexpr int64_t limit = random_limit<T>();
    FB_CHECK(holds<T>(low) && low <= limit, "random_(): from is out of bounds for ", name(dtype),
             ", got ", low);
    low = inner_low<T>(low);
    const uint64_t range = static_cast<uint64_t>(limit) - static_cast<uint64_t>(low) + 1;
    integers(g, static_cast<T*>(out), n, range, low, range == 0 || range >= kWideRange);
  });
}

void fill_random(Generator& g, DType dtype, void* out, int64_t n) {
  visit_real(dtype, "random_", [&]<class T>() {
    // Here the type alone decides: eight bytes take two words, all others one.
    const uint64_t range = static_cast<uint64_t>(random_limit<T>()) + 1;
    integers(g, static_cast<T*>(out), n, range, 0, sizeof(T) == 8);
  });
}

void fill_geometric(Generator& g, DType dtype, void* out, int64_t n, double p) {
  FB_CHECK(p > 0 && p < 1, "geometric_(): geometric_ expects p to be in (0, 1), but got p=", p);
  visit_real(dtype, "geometric_", [&]<class T>() {
    const double failure = std::log1p(-p);
    from_uniforms(g, static_cast<T*>(out), n,
                  [=](double u) { return std::ceil(std::log(u) / failure); });
  });
}

// ---- Bernoulli --------------------------------------------------------------------------------

namespace {

// u < p for u = k 2^-53 is k < p 2^53, and with an integer k that is k < ceil(p 2^53).
uint64_t threshold53(double p) { return static_cast<uint64_t>(std::ceil(p * 0x1p53)); }

}  // namespace

void fill_bernoulli(Generator& g, DType dtype, void* out, int64_t n, double p) {
  FB_CHECK(p >= 0 && p <= 1, "bernoulli_(): bernoulli_ expects p to be in [0, 1], but got p=", p);
  const uint64_t threshold = threshold53(p);
  visit_dtype(dtype, [&]<class T>() {
    T* samples = static_cast<T*>(out);
    transform_words(g, n, 2, kCheap, [&](const uint32_t* words, int64_t first, int64_t count) {
      if constexpr (std::is_same_v<T, float>) {
        word_pairs_below_float(words, samples + first, count, threshold);
      } else if constexpr (sizeof(T) == 1) {
        word_pairs_below_byte(words, reinterpret_cast<uint8_t*>(samples + first), count, threshold);
      } else {
        for (int64_t i = 0; i < count; ++i) {
          samples[first + i] = convert<T>(integer53(words + 2 * i) < threshold);
        }
      }
    });
  });
}

void fill_bernoulli_p(Generator& g, DType dtype, void* out, DType p_dtype, const void* p,
                      int64_t n) {
  visit_floating(p_dtype, "bernoulli_", [&]<class P>() {
    const P* chances = static_cast<const P*>(p);
    for (int64_t i = 0; i < n; ++i) {
      const double chance = static_cast<double>(chances[i]);
      FB_CHECK(chance >= 0 && chance <= 1,
               "bernoulli_(): Expected p_in >= 0 && p_in <= 1 to be "
               "true, but got p=",
               chance, " at position ", i);
    }
    visit_dtype(dtype, [&]<class T>() {
      T* samples = static_cast<T*>(out);
      constexpr int per = std::is_same_v<P, double> ? 2 : 1;
      transform_words(g, n, per, kCheap, [&](const uint32_t* words, int64_t first, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          bool success;
          if constexpr (per == 2)
            success = uniform53(words + 2 * i) < chances[first + i];
          else
            success = uniform24(words[i]) < static_cast<float>(chances[first + i]);
          samples[first + i] = convert<T>(success);
        }
      });
    });
  });
}

}  // namespace flambeau
