// The source of randomness: MT19937 (Matsumoto and Nishimura, ACM TOMACS 8(1), 1998) with PyTorch's
// state layout and its rules for turning 32-bit words into uniforms and normals, so that one seed
// gives the same numbers there and here. docs/design/random_streams.md describes the streams.
//
// A Generator is not synchronised: callers hold the interpreter lock while they draw.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

namespace flambeau {

class Generator {
 public:
  static constexpr int kWords = 624;           // words per block of MT19937
  static constexpr size_t kStateBytes = 5056;  // torch.get_rng_state() of a CPU generator
  static constexpr uint64_t kDefaultSeed = 67280421310721;

  explicit Generator(uint64_t seed = kDefaultSeed) { manual_seed(seed); }

  // Starts the stream anew. MT19937 takes the low 32 bits; initial_seed() remembers all 64.
  void manual_seed(uint64_t seed);
  uint64_t initial_seed() const { return seed_; }
  uint64_t seed();  // a seed from the system's entropy; returns it

  // The next 32 bits; 64 bits are two words, the first one on top.
  uint32_t random() {
    if (left_ == 1)
      refill();
    else
      --left_;
    return temper(words_[next_++]);
  }
  uint64_t random64() {
    const uint64_t high = random();
    return high << 32 | random();
  }

  // Uniform on [0, 1): 24 bits of one word, 53 bits of two.
  float uniform_float() { return static_cast<float>(random() & 0xFFFFFFu) * 0x1p-24f; }
  double uniform() { return static_cast<double>(random64() & 0x1FFFFFFFFFFFFFu) * 0x1p-53; }

  // A standard normal by Box-Muller in double; the second of each pair is kept for the next call.
  double normal();
  static void normal_pair(double u, double v, double& first, double& second);

  std::optional<double> cached_normal() const;
  void set_cached_normal(std::optional<double> value);
  std::optional<float> cached_float_normal() const;  // part of the state; nothing here uses it
  void set_cached_float_normal(std::optional<float> value);

  // The state as bytes, interchangeable with torch.get_rng_state()/set_rng_state(). `set_state`
  // throws RuntimeError when the size or the contents are not those of a state.
  void get_state(uint8_t out[kStateBytes]) const;
  void set_state(const uint8_t* bytes, size_t size);

  // For bulk producers, which work on whole blocks: words not yet used of the current block, the
  // untempered block itself, and the position after `count` more words were taken from it.
  int remaining() const { return left_ - 1; }
  uint32_t* block() { return words_; }
  const uint32_t* unused() const { return words_ + next_; }
  void advance(int count) { left_ -= count, next_ += count; }
  void block_used() { left_ = 1, next_ = kWords; }

  static uint32_t temper(uint32_t y) {
    y ^= y >> 11;
    y ^= y << 7 & 0x9D2C5680u;
    y ^= y << 15 & 0xEFC60000u;
    return y ^ y >> 18;
  }

 private:
  void refill();  // the next block; leaves the position on its first word

  uint64_t seed_ = 0;
  int left_ = 1;  // words left in the block plus one: 1 means the block is used up
  uint32_t next_ = 0;
  uint32_t words_[kWords];
  double cached_normal_ = 0;
  float cached_float_normal_ = 0;
  bool has_normal_ = false, has_float_normal_ = false;
};

// The generator behind flambeau.manual_seed() and every operator without `generator=`.
Generator& default_generator();

}  // namespace flambeau
