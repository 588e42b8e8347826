// Random tensors of any layout, and the element-by-element access that reference loops need.
#pragma once
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/tensor.h"
#include "cpu/pointwise.h"

namespace flambeau::testing {

struct Random {
  std::mt19937_64 engine;
  explicit Random(uint64_t seed) : engine(seed) {}
  int64_t below(int64_t n) { return static_cast<int64_t>(engine() % static_cast<uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
};

inline constexpr DType kAllTypes[] = {
    DType::UInt8, DType::Int8, DType::Int16, DType::Int32, DType::Int64, DType::Float16,
    DType::Float32, DType::Float64, DType::Complex64, DType::Complex128, DType::Bool,
    DType::BFloat16};

// The address of the element at `index` (of a shape the tensor broadcasts to).
inline char* element(const Tensor& t, const Dims& index) {
  int64_t at = 0;
  const int64_t shift = static_cast<int64_t>(index.size()) - t.dim();
  for (int64_t d = 0; d < t.dim(); ++d)
    if (t.size(d) != 1) at += index[d + shift] * t.stride(d);
  return static_cast<char*>(t.raw()) + at * t.itemsize();
}

// f(index) for every index of the shape, the last dimension fastest.
template <class F>
void for_each_index(const Dims& shape, F f) {
  if (product(shape) == 0) return;
  Dims index(shape.size(), 0);
  while (true) {
    f(index);
    int64_t d = static_cast<int64_t>(shape.size()) - 1;
    for (; d >= 0 && ++index[d] == shape[d]; --d) index[d] = 0;
    if (d < 0) return;
  }
}

// Small numbers that every type holds and that sum up exactly in every type.
inline void randomize(const Tensor& t, Random& random) {
  for_each_index(t.sizes(), [&](const Dims& index) {
    const auto re = static_cast<double>(random.below(50)), im = static_cast<double>(random.below(9));
    store_scalar(element(t, index), t.dtype(), Scalar(Complex128(re, im)));
  });
}

inline Dims random_shape(Random& random, int max_dims, int64_t max_size) {
  Dims shape(static_cast<size_t>(random.below(max_dims + 1)));
  for (auto& s : shape) s = random.chance(3) ? 0 : 1 + random.below(random.chance(70) ? 7 : max_size);
  return shape;
}

// A tensor of the given shape: contiguous, permuted, sliced, or both.
inline Tensor random_layout(const Dims& shape, DType dtype, Random& random) {
  const size_t n = shape.size();
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  if (random.chance(50)) std::shuffle(order.begin(), order.end(), random.engine);
  Dims strides(n);
  int64_t step = 1;
  const bool gaps = random.chance(40);
  for (size_t i = n; i-- > 0;) {
    if (gaps && random.chance(50)) step *= 2;
    strides[order[i]] = step;
    step *= std::max<int64_t>(shape[order[i]] + (gaps ? random.below(3) : 0), 1);
  }
  const int64_t offset = gaps ? random.below(5) : 0;
  const size_t bytes = static_cast<size_t>((step + offset + 1) * element_size(dtype));
  Tensor t = tensor_from_storage(new_storage(bytes), dtype, shape, strides, offset);
  std::memset(t->storage->data, 0, bytes);
  randomize(t, random);
  return t;
}

// The same with some dimensions of one element, or leading ones left out, to be broadcast.
inline Dims random_smaller(const Dims& shape, Random& random) {
  if (random.chance(50)) return shape;
  const size_t first = random.chance(40) ? static_cast<size_t>(random.below(shape.size() + 1)) : 0;
  Dims smaller(shape.begin() + first, shape.end());
  for (auto& s : smaller)
    if (random.chance(30)) s = 1;
  return smaller;
}

inline Complex128 value_at(const Tensor& t, const Dims& index) {
  return item_at(element(t, index), t.dtype()).to<Complex128>();
}

}  // namespace flambeau::testing
