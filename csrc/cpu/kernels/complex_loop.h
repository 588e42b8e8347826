// Loops over complex numbers that go by vectors, in which real and imaginary parts alternate.
#pragma once
#include "cpu/kernels/pointwise_loop.h"
#include "cpu/kernels/shuffle.h"

namespace flambeau::FB_ISA {

template <class T>
struct Pairs {
  using Index = typename Vec<T>::M::Raw;
  Index real, imag, swapped;
  Mask<sizeof(T)> odd;

  FB_VEC Pairs() {
    Index is_odd;
    for (int i = 0; i < Vec<T>::lanes; ++i) {
      real[i] = i & ~1;
      imag[i] = i | 1;
      swapped[i] = i ^ 1;
      is_odd[i] = i % 2 ? -1 : 0;
    }
    odd = Mask<sizeof(T)>(is_odd);
  }
  static FB_VEC Vec<T> pick(Vec<T> x, Index index) { return Vec<T>(__builtin_shuffle(x.v, index)); }
};

// Where the plain formula gives a NaN, the infinities of C99 annex G are looked for.
template <class T, class F>
[[gnu::noinline, gnu::cold]] inline void look_for_infinities(const T* x, const T* y, T* r, int n,
                                                             F one) {
  for (int i = 0; i < n; i += 2) {
    if (r[i] == r[i] && r[i + 1] == r[i + 1]) continue;
    const Complex<T> z = one(Complex<T>(x[i], x[i + 1]), Complex<T>(y[i], y[i + 1]));
    r[i] = z.real();
    r[i + 1] = z.imag();
  }
}

template <class T>
struct ComplexProduct {
  static FB_VEC Vec<T> plain(Vec<T> x, Vec<T> y) {
    using P = Pairs<T>;
    const P pairs;
    const Vec<T> p = P::pick(x, pairs.real) * y;
    const Vec<T> q = P::pick(x, pairs.imag) * P::pick(y, pairs.swapped);
    return p + where(pairs.odd, q, -q);
  }
  static inline Complex<T> one(Complex<T> a, Complex<T> b) { return mul(a, b); }
};

// x conj(y) / |y|^2, in double: the squares of floats neither overflow nor vanish there.
struct ComplexQuotient {
  static FB_VEC vfloat plain(vfloat x, vfloat y) {
    return through_double(x, y, [](vdouble a, vdouble b) {
      using P = Pairs<double>;
      const P pairs;
      const vdouble squares = b * b;
      const vdouble p = a * P::pick(b, pairs.real);
      const vdouble q = P::pick(a, pairs.swapped) * P::pick(b, pairs.imag);
      return (p + where(pairs.odd, -q, q)) / (squares + P::pick(squares, pairs.swapped));
    });
  }
  static inline Complex<float> one(Complex<float> a, Complex<float> b) { return div(a, b); }
};

template <class T, class Op>
FB_VEC void map_complex_pairs(void* out, const void* const* in, int64_t n) {
  constexpr int L = Vec<T>::lanes, kTogether = 4;
  auto *a = static_cast<const T*>(in[0]), *b = static_cast<const T*>(in[1]);
  auto* o = static_cast<T*>(out);
  int64_t left = 2 * n;
  for (; left >= kTogether * L; left -= kTogether * L) {
    Vec<T> r[kTogether];
    typename Vec<T>::M nan = false;
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) {
      r[j] = Op::plain(load(a + j * L), load(b + j * L));
      nan = nan | (r[j] != r[j]);
    }
    alignas(kVectorBytes) T block[kTogether * L];
    if (any(nan)) [[unlikely]] {  // in a block, since the result may take the place of an operand
      for (int j = 0; j < kTogether; ++j) store(block + j * L, r[j]);
      look_for_infinities(a, b, block, kTogether * L, Op::one);
      for (int j = 0; j < kTogether; ++j) r[j] = load(block + j * L);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) store(o + j * L, r[j]);
    a += kTogether * L, b += kTogether * L, o += kTogether * L;
  }
  for (int64_t m; left > 0; left -= m, a += m, b += m, o += m) {
    m = left < L ? left : L;
    alignas(kVectorBytes) T block[L];
    const Vec<T> r = Op::plain(load_n(a, m), load_n(b, m, T(1)));
    store(block, r);
    if (any(r != r)) look_for_infinities(a, b, block, static_cast<int>(m), Op::one);
    store_n(o, load(block), m);
  }
}

template <class V>
FB_VEC void map_complex_products(FB_LOOP_ARGS) {
  (void)loop_form;
  using T = typename RealOf<V>::type;
  map_complex_pairs<T, ComplexProduct<T>>(loop_out, loop_in, loop_count);
}
template <class V>
FB_VEC void map_complex_quotients(FB_LOOP_ARGS) {
  if constexpr (std::is_same_v<V, std::complex<float>>)
    map_complex_pairs<float, ComplexQuotient>(loop_out, loop_in, loop_count);
  else
    map_loop<V, 2, Output::Same, 0, false>(FB_LOOP_PASS, [](V x, V y) { return x / y; });
}

// x and alpha y joined; without a factor sums and differences are those of the parts.
template <class V, class F>
FB_VEC void map_complex_linear(FB_LOOP_ARGS, F join) {
  using P = Vec<typename RealOf<V>::type>;
  const V alpha = loop_param<V>(loop_params, 0);
  if (alpha == V(1))
    return map_loop<P, 2, Output::Same, 0, true>(loop_out, loop_in, 2 * loop_count, 0, join);
  map_loop<V, 2, Output::Same, 0, false>(FB_LOOP_PASS,
                                         [=](V x, V y) { return join(x, alpha * y); });
}
template <class V>
FB_VEC void map_complex_sums(FB_LOOP_ARGS) {
  map_complex_linear<V>(FB_LOOP_PASS, loop_params, [](auto x, auto y) { return x + y; });
}
template <class V>
FB_VEC void map_complex_differences(FB_LOOP_ARGS) {
  map_complex_linear<V>(FB_LOOP_PASS, loop_params, [](auto x, auto y) { return x - y; });
}
template <class V>
FB_VEC void map_complex_squares(FB_LOOP_ARGS) {
  const void* twice[] = {loop_in[0], loop_in[0]};
  map_complex_products<V>(loop_out, twice, loop_count, loop_form, loop_params);
}
template <class V>
FB_VEC void map_complex_reciprocals(FB_LOOP_ARGS) {
  (void)loop_form;
  constexpr int64_t kBlock = 128;
  V ones[kBlock];
  for (V& one : ones) one = V(1);
  for (int64_t i = 0; i < loop_count; i += kBlock) {
    const void* in[] = {ones, static_cast<const V*>(loop_in[0]) + i};
    const int64_t n = loop_count - i < kBlock ? loop_count - i : kBlock;
    map_complex_quotients<V>(static_cast<V*>(loop_out) + i, in, n, 0, loop_params);
  }
}
// Exponents that are 2 throughout, as a number is, make squares.
template <class V>
FB_VEC void map_complex_powers(FB_LOOP_ARGS) {
  auto* exponent = static_cast<const V*>(loop_in[1]);
  if (exponent[0] == V(2) &&
      __builtin_memcmp(exponent, exponent + 1, (loop_count - 1) * sizeof(V)) == 0)
    return map_complex_squares<V>(FB_LOOP_PASS, loop_params);
  map_loop<V, 2, Output::Same, 0, false>(FB_LOOP_PASS, [](V x, V y) { return power(x, y); });
}

template <class V>
FB_VEC void map_complex_angles(FB_LOOP_ARGS) {
  using T = typename RealOf<V>::type;
  constexpr int L = Vec<T>::lanes;
  auto* z = static_cast<const T*>(loop_in[0]);
  auto* o = static_cast<T*>(loop_out);
  int64_t i = 0;
  if constexpr (sizeof(T) == 4) {
    for (; i + L <= loop_count; i += L) {
      const Vec<T> a = load(z + 2 * i), b = load(z + 2 * i + L);
      store(o + i, atan2(odds(a, b), evens(a, b)));
    }
  }
  const void* rest[] = {z + 2 * i};
  map_loop<V, 1, Output::Real, 0, false>(o + i, rest, loop_count - i, loop_form,
                                         [](V x) { return angle(x); });
}

}  // namespace flambeau::FB_ISA
