// Packing of complex operands.
#include "cpu/kernels/gemm_micro.h"

namespace flambeau::FB_ISA {
namespace matmul {

template <class T>
void pack_complex_a(const T* src, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t k,
                    T* dst) {
  for (; lanes > 0; lanes -= kRows, src += kRows * 2 * lane_stride) {
    const T* from = src;
    for (int64_t p = 0; p < k; ++p, from += 2 * k_stride, dst += 2 * kRows)
      for (int i = 0; i < kRows; ++i) {
        dst[i] = i < lanes ? from[i * 2 * lane_stride] : T(0);
        dst[kRows + i] = i < lanes ? from[i * 2 * lane_stride + 1] : T(0);
      }
  }
}

template <class T, int... I>
[[gnu::always_inline]] inline Vector<T> swap_pairs(Vector<T> v, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(v, v, (I ^ 1)...);
}

template <class T>
void pack_complex_b(const T* src, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t k,
                    bool conj_a, bool conj_b, T* dst) {
  constexpr int L = kLanes<T>, W = kColumns<T>;
  const T a = conj_a ? T(-1) : T(1), b = conj_b ? T(-1) : T(1);
  Vector<T> first, second;  // signs of (re, im) and (im, re)
  for (int i = 0; i < L; i += 2)
    first[i] = 1, first[i + 1] = b, second[i] = -a * b, second[i + 1] = a;
  for (; lanes > 0; lanes -= W / 2, src += W * lane_stride) {
    const T* from = src;
    for (int64_t p = 0; p < k; ++p, from += 2 * k_stride, dst += 2 * W) {
      alignas(64) T gathered[W];
      const bool ready = lane_stride == 1 && lanes >= W / 2;
      if (!ready)
        for (int i = 0; i < W; ++i)
          gathered[i] = i / 2 < lanes ? from[i / 2 * 2 * lane_stride + i % 2] : T(0);
#pragma GCC unroll 2
      for (int i = 0; i < W; i += L) {
        const Vector<T> v = load<T>((ready ? from : gathered) + i);
        store<T>(dst + i, v * first);
        store<T>(dst + W + i, swap_pairs<T>(v, std::make_integer_sequence<int, L>()) * second);
      }
    }
  }
}

}  // namespace matmul

#define FB_DEFINE_GEMM_COMPLEX(S, T)                                                              \
  void gemm_pack_complex_a_##S(const T* a, int64_t lane_stride, int64_t k_stride, int64_t lanes,  \
                               int64_t k, T* packed) {                                            \
    matmul::pack_complex_a<T>(a, lane_stride, k_stride, lanes, k, packed);                        \
  }                                                                                               \
  void gemm_pack_complex_b_##S(const T* b, int64_t lane_stride, int64_t k_stride, int64_t lanes,  \
                               int64_t k, bool conj_a, bool conj_b, T* packed) {                  \
    matmul::pack_complex_b<T>(b, lane_stride, k_stride, lanes, k, conj_a, conj_b, packed);        \
  }
FB_DEFINE_GEMM_COMPLEX(f32, float)
FB_DEFINE_GEMM_COMPLEX(f64, double)

}  // namespace flambeau::FB_ISA
