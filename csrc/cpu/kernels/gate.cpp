#include "cpu/kernels/gate.h"

#include "cpu/kernels/inline_loops.h"

namespace flambeau::FB_ISA {
namespace gate {

template <class T>
void forward(const T* x, int64_t half, T* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += 2 * half, y += half)
    row_map<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      store_n(y + i, load_n(x + i, k) * sigmoid(load_n(x + half + i, k)), k);
    });
}

template <class T>
void backward(const T* g, const T* x, int64_t half, T* dx, int64_t rows, int64_t n) {
  using V = Vec<T>;
  for (int64_t r = 0; r < rows; ++r, g += half, x += 2 * half, dx += 2 * half)
    row_map<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      const V s = sigmoid(load_n(x + half + i, k)), first = load_n(g + i, k) * s;
      const V second = first * load_n(x + i, k) * (V(1) - s);
      store_n(dx + i, first, k);
      store_n(dx + half + i, second, k);
    });
}

}  // namespace gate

#define FB_DEFINE_GATE(S, T)                                                                  \
  void gate_rows_##S(const T* x, int64_t half, T* y, int64_t rows, int64_t n) {                             \
    gate::forward<T>(x, half, y, rows, n);                                                          \
  }                                                                                           \
  void gate_grad_rows_##S(const T* g, const T* x, int64_t half, T* dx, int64_t rows, int64_t n) {           \
    gate::backward<T>(g, x, half, dx, rows, n);                                                     \
  }
FB_DEFINE_GATE(f32, float)
FB_DEFINE_GATE(f64, double)
#undef FB_DEFINE_GATE

}  // namespace flambeau::FB_ISA
