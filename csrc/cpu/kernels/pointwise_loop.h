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

#define FB_LOOP_ARGS \
  [[maybe_unused]] void *out, [[maybe_unused]] const void *const *in, int64_t n, \
      [[maybe_unused]] const void *params
#define FB_LOOP_PASS out, in, n

namespace flambeau::FB_ISA {

enum class Output { Same, Bool, Real };

// Real numbers are their own conjugates: gradients written for complex operands serve both.
template <class T> FB_VEC Vec<T> conj(Vec<T> x) { return x; }
template <Scalar T> FB_VEC T conj(T x) { return x; }
template <class T> FB_VEC Vec<T> real(Vec<T> x) { return x; }
template <Scalar T> FB_VEC T real(T x) { return x; }

template <class V> struct LaneOf { using type = V; };
template <class T> struct LaneOf<Vec<T>> { using type = T; };
template <class T> struct RealOf { using type = T; };
template <class T> struct RealOf<std::complex<T>> { using type = T; };
template <class V> inline constexpr bool is_vector = !std::is_same_v<typename LaneOf<V>::type, V>;

template <class V>
FB_VEC V loop_param(const void* params, int index) {
  typename LaneOf<V>::type value;
  std::memcpy(&value, static_cast<const char*>(params) + 16 * index, sizeof(value));
  return V(value);
}

// Calls f with the operands at one position; the index sequence unpacks the inputs.
template <class V, class F, size_t... I>
FB_VEC auto call_at(const typename LaneOf<V>::type* const* in, int64_t i, F& f,
                    std::index_sequence<I...>) {
  if constexpr (is_vector<V>) {
    return f(load(in[I] + i)...);
  } else {
    return f(in[I][i]...);
  }
}
template <class V, class F, size_t... I>
FB_VEC auto call_tail(const typename LaneOf<V>::type* const* in, int64_t i, int64_t n, F& f,
                      std::index_sequence<I...>) {
  return f(load_n(in[I] + i, n, typename LaneOf<V>::type(1))...);
}

template <class V, int N, Output kOutput, class F>
FB_VEC void map_loop(void* out, const void* const* in, int64_t n, F f) {
  using T = typename LaneOf<V>::type;
  const T* p[N];
  for (int k = 0; k < N; ++k) p[k] = static_cast<const T*>(in[k]);
  constexpr auto all = std::make_index_sequence<N>{};
  if constexpr (is_vector<V>) {
    int64_t i = 0;
    if constexpr (kOutput == Output::Bool) {
      bool* o = static_cast<bool*>(out);
      for (; i + V::lanes <= n; i += V::lanes) store_bool(o + i, typename V::M(call_at<V>(p, i, f, all)));
      if (i < n) store_bool(o + i, typename V::M(call_tail<V>(p, i, n - i, f, all)), n - i);
    } else {
      T* o = static_cast<T*>(out);
      for (; i + V::lanes <= n; i += V::lanes) store(o + i, V(call_at<V>(p, i, f, all)));
      if (i < n) store_n(o + i, V(call_tail<V>(p, i, n - i, f, all)), n - i);
    }
  } else {
    using R = std::conditional_t<kOutput == Output::Bool, bool,
                                 std::conditional_t<kOutput == Output::Real, typename RealOf<T>::type, T>>;
    R* o = static_cast<R*>(out);
    for (int64_t i = 0; i < n; ++i) o[i] = static_cast<R>(call_at<V>(p, i, f, all));
  }
}

}  // namespace flambeau::FB_ISA
