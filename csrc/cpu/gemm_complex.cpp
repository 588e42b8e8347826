// Complex products as one real product of twice the columns and steps. C and A lie in memory as
// real matrices with alternating real and imaginary parts; each element of B becomes the 2x2 matrix
// that multiplies by it, while it is packed.
#include <algorithm>
#include <complex>

#include "core/allocator.h"
#include "core/check.h"
#include "cpu/gemm.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

template <class T>
struct Kernels;
template <>
struct Kernels<float> {
  static constexpr auto& pack_a = gemm_pack_complex_a_f32;
  static constexpr auto& pack_b = gemm_pack_complex_b_f32;
};
template <>
struct Kernels<double> {
  static constexpr auto& pack_a = gemm_pack_complex_a_f64;
  static constexpr auto& pack_b = gemm_pack_complex_b_f64;
};

// Strides count complex elements. The driver asks for whole complex numbers: its blocks of k, and
// its panels of B, are of even size.
template <class T>
struct ComplexOperand {
  const std::complex<T>* data;
  int64_t lane_stride, k_stride;
  bool conj_a, conj_b;
};

template <class T>
void pack_a(const void* context, int64_t, int64_t lane, int64_t lanes, int64_t k0, int64_t k, int,
            T* packed) {
  const auto& o = *static_cast<const ComplexOperand<T>*>(context);
  Kernels<T>::pack_a(
      reinterpret_cast<const T*>(o.data + lane * o.lane_stride + k0 / 2 * o.k_stride),
      o.lane_stride, o.k_stride, lanes, k / 2, packed);
}

template <class T>
void pack_b(const void* context, int64_t, int64_t lane, int64_t lanes, int64_t k0, int64_t k, int,
            T* packed) {
  const auto& o = *static_cast<const ComplexOperand<T>*>(context);
  Kernels<T>::pack_b(
      reinterpret_cast<const T*>(o.data + lane / 2 * o.lane_stride + k0 / 2 * o.k_stride),
      o.lane_stride, o.k_stride, lanes / 2, k / 2, o.conj_a, o.conj_b, packed);
}

template <class T>
void multiply(const GemmArgs& g, std::complex<T>* c, int64_t c_row, T alpha, T beta,
              const std::complex<T>* col_bias) {
  using C = std::complex<T>;
  const ComplexOperand<T> a{static_cast<const C*>(g.a), g.a_row, g.a_col, g.conj_a, g.conj_b};
  const ComplexOperand<T> b{static_cast<const C*>(g.b), g.b_col, g.b_row, g.conj_a, g.conj_b};
  const StridedOperand<T> a_as_it_lies{GemmSource::Same, g.a, 2 * g.a_row, 1, 0};
  PackedGemm<T> job;
  job.m = g.m, job.n = 2 * g.n, job.k = 2 * g.k;
  job.b = {pack_b<T>, &b, true};
  if (g.a_col == 1) {
    job.a = a_as_it_lies.as_a();
    job.a_as_it_lies = static_cast<const T*>(g.a);
    job.a_row = 2 * g.a_row, job.a_col = 1;
  } else {
    job.a = {pack_a<T>, &a, true};
  }
  job.c = reinterpret_cast<T*>(c), job.ldc = 2 * c_row;
  job.alpha = alpha, job.beta = beta;
  job.col_bias = reinterpret_cast<const T*>(col_bias);
  packed_gemm(job);
}

}  // namespace

template <class T>
void gemm_complex(const GemmArgs& g) {
  using C = std::complex<T>;
  const C alpha(static_cast<T>(g.alpha.real), static_cast<T>(g.alpha.imag));
  const C beta(static_cast<T>(g.beta.real), static_cast<T>(g.beta.imag));
  const auto* row_bias = static_cast<const C*>(g.row_bias);
  const auto* col_bias = static_cast<const C*>(g.col_bias);
  auto* c = static_cast<C*>(g.c);
  if (alpha.imag() == 0 && beta.imag() == 0 && !row_bias)
    return multiply<T>(g, c, g.c_row, alpha.real(), beta.real(), col_bias);
  const Workspace space(checked_nbytes(g.m, checked_nbytes(g.n, sizeof(C))));
  multiply<T>(g, space.as<C>(), g.n, alpha == C(0) ? T(0) : T(1), T(0), nullptr);
  const C* product = space.as<C>();
  parallel_for(g.m, std::max<int64_t>(1, 16384 / g.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      C* row = c + i * g.c_row;
      for (int64_t j = 0; j < g.n; ++j) {
        C value = product[i * g.n + j];
        if (alpha != C(1)) value *= alpha;
        if (beta != C(0)) value += beta == C(1) ? row[j] : beta * row[j];
        if (row_bias) value += row_bias[i];
        if (col_bias) value += col_bias[j];
        row[j] = value;
      }
    }
  });
}

template void gemm_complex<float>(const GemmArgs&);
template void gemm_complex<double>(const GemmArgs&);

}  // namespace flambeau
