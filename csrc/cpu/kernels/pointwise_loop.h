// The one loop that all generated pointwise kernels share: contiguous operands of one type.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/complex_math.h"
#include "cpu/vec_math.h"
#include "cpu/vec_math/integer.h"

namespace flambeau {
using PointwiseFn = void (*)(void* out, const void* const* in, int64_t n, const void* params);
}

// Long names: operands and parameters of operators have short ones.
#define FB_LOOP_ARGS                                                          \
  void *loop_out, const void *const *loop_in, int64_t loop_count, \
      [[maybe_unused]] const void *loop_params
#define FB_LOOP_PASS loop_out, loop_in, loop_count

namespace flambeau::FB_ISA {

enum class Output { Same, Bool, Real };

// Real numbers are their own conjugates: gradients written for complex operands serve both.
template <class T> FB_VEC Vec<T> conj(Vec<T> x) { return x; }
template <Scalar T> FB_VEC T conj(T x) { return x; }
template <class T> FB_VEC Vec<T> real(Vec<T> x) { return x; }
template <Scalar T> FB_VEC T real(T x) { return x; }
template <class T> FB_VEC Vec<T> sgn(Vec<T> x) { return sign(x); }
template <Scalar T> FB_VEC T sgn(T x) { return sign(x); }
// pi for negative numbers; NaN stays.
template <class T> FB_VEC Vec<T> angle(Vec<T> x) {
  return where(isnan(x), x, where(x < Vec<T>(0), Vec<T>(3.14159265358979323846), Vec<T>(0)));
}
template <class T> FB_VEC Complex<T> where(bool c, Complex<T> a, Complex<T> b) { return c ? a : b; }

template <class V> struct LaneOf { using type = V; };
template <class T> struct LaneOf<Vec<T>> { using type = T; };
template <class T> struct RealOf { using type = T; };
template <class T> struct RealOf<std::complex<T>> { using type = T; };
template <class V> inline constexpr bool is_vector = !std::is_same_v<typename LaneOf<V>::type, V>;

// What a condition is beside operands of type V; in memory it is bytes of 0 or 1.
template <class V> struct MaskOf { using type = bool; };
template <class T> struct MaskOf<Vec<T>> { using type = Mask<sizeof(T)>; };
template <class V> using LoopMask = typename MaskOf<V>::type;

template <class V>
FB_VEC V loop_param(const void* params, int index) {
  typename LaneOf<V>::type value;
  std::memcpy(&value, static_cast<const char*>(params) + 16 * index, sizeof(value));
  return V(value);
}

// One operand at a position: n lanes of it, or as many as V has.
template <class V, bool kMask>
FB_VEC auto load_operand(const void* p, int64_t i) {
  using T = typename LaneOf<V>::type;
  if constexpr (kMask && is_vector<V>)
    return load_bool<T>(static_cast<const bool*>(p) + i);
  else if constexpr (kMask)
    return static_cast<const bool*>(p)[i];
  else if constexpr (is_vector<V>)
    return load(static_cast<const T*>(p) + i);
  else
    return static_cast<const T*>(p)[i];
}
template <class V, bool kMask>
FB_VEC auto load_operand(const void* p, int64_t i, int64_t n) {
  using T = typename LaneOf<V>::type;
  if constexpr (kMask)
    return load_bool<T>(static_cast<const bool*>(p) + i, n);
  else
    return load_n(static_cast<const T*>(p) + i, n, T(1));
}
// Calls f with the operands at one position; the index sequence unpacks the inputs.
template <class V, unsigned kMasks, class F, size_t... I>
FB_VEC auto call_at(const void* const* in, int64_t i, F& f, std::index_sequence<I...>) {
  return f(load_operand<V, (kMasks >> I & 1) != 0>(in[I], i)...);
}
template <class V, unsigned kMasks, class F, size_t... I>
FB_VEC auto call_tail(const void* const* in, int64_t i, int64_t n, F& f,
                      std::index_sequence<I...>) {
  return f(load_operand<V, (kMasks >> I & 1) != 0>(in[I], i, n)...);
}

// kMasks: bit k says that input k is a condition.
template <class V, int N, Output kOutput, unsigned kMasks, class F>
FB_VEC void map_loop(void* out, const void* const* in, int64_t n, F f) {
  using T = typename LaneOf<V>::type;
  const void* p[N];
  for (int k = 0; k < N; ++k) p[k] = in[k];
  constexpr auto all = std::make_index_sequence<N>{};
  if constexpr (is_vector<V>) {
    int64_t i = 0;
    if constexpr (kOutput == Output::Bool) {
      bool* o = static_cast<bool*>(out);
      for (; i + V::lanes <= n; i += V::lanes)
        store_bool(o + i, typename V::M(call_at<V, kMasks>(p, i, f, all)));
      if (i < n) store_bool(o + i, typename V::M(call_tail<V, kMasks>(p, i, n - i, f, all)), n - i);
    } else {
      T* o = static_cast<T*>(out);
      for (; i + V::lanes <= n; i += V::lanes) store(o + i, V(call_at<V, kMasks>(p, i, f, all)));
      if (i < n) store_n(o + i, V(call_tail<V, kMasks>(p, i, n - i, f, all)), n - i);
    }
  } else {
    using R = std::conditional_t<
        kOutput == Output::Bool, bool,
        std::conditional_t<kOutput == Output::Real, typename RealOf<T>::type, T>>;
    R* o = static_cast<R*>(out);
    for (int64_t i = 0; i < n; ++i) o[i] = static_cast<R>(call_at<V, kMasks>(p, i, f, all));
  }
}

}  // namespace flambeau::FB_ISA
