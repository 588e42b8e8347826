#include "core/generator.h"

#include <cmath>
#include <cstring>
#include <random>

#include "core/check.h"

namespace flambeau {
namespace {

// Offsets inside the 5056 bytes. Words are widened to 64 bits, as a C `unsigned long` would be;
// states of 5048 bytes, which lack the float cache at the end, come from old checkpoints.
constexpr size_t kSeed = 0, kLeft = 8, kSeeded = 12, kNext = 16, kBlock = 24;
constexpr size_t kNormal = kBlock + 8 * Generator::kWords + 8;
constexpr size_t kHasNormal = kNormal + 16;
constexpr size_t kFloatNormal = kHasNormal + 8, kHasFloatNormal = kFloatNormal + 4;
constexpr size_t kOldStateBytes = kFloatNormal;
static_assert(kHasFloatNormal + 4 == Generator::kStateBytes);

template <class T>
void put(uint8_t* bytes, size_t offset, T value) {
  std::memcpy(bytes + offset, &value, sizeof value);
}
template <class T>
T get(const uint8_t* bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

uint32_t twist(uint32_t high, uint32_t low) {
  const uint32_t y = (high & 0x80000000u) | (low & 0x7FFFFFFFu);
  return y >> 1 ^ ((0u - (low & 1u)) & 0x9908B0DFu);
}

}  // namespace

void Generator::manual_seed(uint64_t seed) {
  seed_ = seed;
  words_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < kWords; ++i) {
    words_[i] = 1812433253u * (words_[i - 1] ^ words_[i - 1] >> 30) + i;
  }
  left_ = 1;
  next_ = 0;
  has_normal_ = has_float_normal_ = false;
  cached_normal_ = cached_float_normal_ = 0;
}

uint64_t Generator::seed() {
  std::random_device entropy;
  const uint64_t high = entropy();
  manual_seed((high << 32 | entropy()) & 0x1FFFFFFFFFFFFFu);  // 53 bits pass through a double
  return seed_;
}

void Generator::refill() {
  constexpr int kShift = 397;
  int i = 0;
  for (; i < kWords - kShift; ++i) words_[i] = words_[i + kShift] ^ twist(words_[i], words_[i + 1]);
  for (; i < kWords - 1; ++i) {
    words_[i] = words_[i + kShift - kWords] ^ twist(words_[i], words_[i + 1]);
  }
  words_[i] = words_[kShift - 1] ^ twist(words_[i], words_[0]);
  left_ = kWords;
  next_ = 0;
}

double Generator::normal() {
  if (has_normal_) {
    has_normal_ = false;
    const double value = cached_normal_;
    cached_normal_ = 0;
    return value;
  }
  const double u = uniform(), v = uniform();
  double value;
  normal_pair(u, v, value, cached_normal_);
  has_normal_ = true;
  return value;
}

void Generator::normal_pair(double u, double v, double& first, double& second) {
  const double angle = 6.283185307179586 * u, radius = std::sqrt(-2 * std::log1p(-v));
  first = radius * std::cos(angle);
  second = radius * std::sin(angle);
}

std::optional<double> Generator::cached_normal() const {
  return has_normal_ ? std::optional(cached_normal_) : std::nullopt;
}
void Generator::set_cached_normal(std::optional<double> value) {
  has_normal_ = value.has_value();
  cached_normal_ = value.value_or(0);
}
std::optional<float> Generator::cached_float_normal() const {
  return has_float_normal_ ? std::optional(cached_float_normal_) : std::nullopt;
}
void Generator::set_cached_float_normal(std::optional<float> value) {
  has_float_normal_ = value.has_value();
  cached_float_normal_ = value.value_or(0);
}

void Generator::get_state(uint8_t out[kStateBytes]) const {
  std::memset(out, 0, kStateBytes);
  put<uint64_t>(out, kSeed, seed_);
  put<int32_t>(out, kLeft, left_);
  put<int32_t>(out, kSeeded, 1);
  put<uint64_t>(out, kNext, next_);
  for (size_t i = 0; i < kWords; ++i) put<uint64_t>(out, kBlock + 8 * i, words_[i]);
  put<double>(out, kNormal, cached_normal_);
  put<int32_t>(out, kHasNormal, has_normal_);
  put<float>(out, kFloatNormal, cached_float_normal_);
  put<uint8_t>(out, kHasFloatNormal, has_float_normal_);
}

void Generator::set_state(const uint8_t* bytes, size_t size) {
  FB_CHECK(size == kStateBytes || size == kOldStateBytes,
           "set_state: Expected a CPUGeneratorImplState of size ", kStateBytes,
           " but found the input RNG state size to be ", size);
  const int32_t left = get<int32_t>(bytes, kLeft);
  const uint64_t next = get<uint64_t>(bytes, kNext);
  // Either freshly seeded (nothing generated yet) or somewhere inside a block.
  const bool fresh = left == 1 && next == 0;
  FB_CHECK(get<int32_t>(bytes, kSeeded) == 1 && left >= 1 && left <= kWords &&
               (fresh || next + static_cast<uint64_t>(left) == kWords + 1),
           "set_state: Invalid mt19937 state");
  seed_ = get<uint64_t>(bytes, kSeed);
  left_ = left;
  next_ = static_cast<uint32_t>(next);
  for (size_t i = 0; i < kWords; ++i) {
    words_[i] = static_cast<uint32_t>(get<uint64_t>(bytes, kBlock + 8 * i));
  }
  const bool has_normal = get<int32_t>(bytes, kHasNormal) != 0;
  set_cached_normal(has_normal ? std::optional(get<double>(bytes, kNormal)) : std::nullopt);
  const bool has_float = size == kStateBytes && get<uint8_t>(bytes, kHasFloatNormal) != 0;
  set_cached_float_normal(has_float ? std::optional(get<float>(bytes, kFloatNormal))
                                    : std::nullopt);
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

}  // namespace flambeau
