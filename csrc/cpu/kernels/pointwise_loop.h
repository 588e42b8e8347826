// The one loop that all generated pointwise kernels share: contiguous operands of one type.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/complex_math.h"
#include "cpu/kernels/pointwise_fn.h"
#include "cpu/vec_half.h"
#include "cpu/vec_math.h"
#include "cpu/vec_math/integer.h"

// Long names: operands and parameters of operators have short ones.
#define FB_LOOP_ARGS                                                          \
  void *loop_out, const void *const *loop_in, int64_t loop_count, \
      unsigned loop_form, [[maybe_unused]] const void *loop_params
#define FB_LOOP_PASS loop_out, loop_in, loop_count, loop_form

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

// Elements as they lie in memory.
template <class T>
struct Plain {
  static constexpr int bytes = sizeof(T);
  static FB_VEC Vec<T> get(const char* p) { return load(reinterpret_cast<const T*>(p)); }
  static FB_VEC void put(char* p, Vec<T> a) { store(reinterpret_cast<T*>(p), a); }
};
template <Half H>
struct Halves {
  static constexpr int bytes = 2;
  static FB_VEC vfloat get(const char* p) {
    return load_half<H>(reinterpret_cast<const uint16_t*>(p));
  }
  static FB_VEC void put(char* p, vfloat a) { store_half<H>(reinterpret_cast<uint16_t*>(p), a); }
};
template <class T>
struct Conditions {
  static constexpr int bytes = 1;
  static FB_VEC auto get(const char* p) { return load_bool<T>(reinterpret_cast<const bool*>(p)); }
  static FB_VEC void put(char* p, typename Vec<T>::M m) {
    store_bool(reinterpret_cast<bool*>(p), m);
  }
};

// Elements behind the last whole vector of a loop over n. Inputs, which move by `step` bytes for
// 2^log_lanes elements, go back to where the last n make a vector; in copies if the output will be
// there by then, and among harmless ones where n is less. Out of line, since most expressions are
// shorter.
[[gnu::noinline]] inline void go_to_ends(const char** p, const int64_t* step, int inputs,
                                         int log_lanes, int64_t n, const void* out,
                                         char (*copies)[kVectorBytes]) {
  const int64_t lanes = int64_t{1} << log_lanes;
  for (int k = 0; k < inputs; ++k) {
    if (step[k] == 0) continue;
    const int64_t item = step[k] >> log_lanes;
    const char* from = n < lanes ? p[k] : p[k] + (n - lanes) * item;
    const bool stays = n >= lanes && p[k] != out;
    p[k] = stays ? from : copies[k];
    if (stays) continue;
    if (step[k] == kVectorBytes && n >= lanes) {
      __builtin_memcpy(copies[k], from, kVectorBytes);
    } else if (step[k] == kVectorBytes && item == 4) {
      auto* to = reinterpret_cast<float*>(copies[k]);
      store(to, load_n(reinterpret_cast<const float*>(from), n, 1.0f));
    } else {
      __builtin_memset(copies[k], 0x3c, kVectorBytes);  // a positive number in every type
      __builtin_memcpy(copies[k], from, n < lanes ? n * item : step[k]);
    }
  }
}

// The addresses of the inputs, which move on by vectors; step 0 is that of a repeated one.
// kMasks: bit k says that input k is a condition.
template <class T, class Store, int N, unsigned kMasks>
struct Inputs {
  template <int K>
  using Kind = std::conditional_t<(kMasks >> K & 1) != 0, Conditions<T>, Store>;
  static constexpr int L = Vec<T>::lanes;

  const char* p[N];
  int64_t step[N];

  template <size_t... K>
  FB_VEC Inputs(const void* const* in, unsigned form, std::index_sequence<K...>)
      : p{static_cast<const char*>(in[K])...},
        step{(form >> K & 1 ? 0 : int64_t{L} * Kind<K>::bytes)...} {
    // One by one: a load of two addresses at once would wait until the caller's stores of them, and
    // so all of the last row's results, have left for the cache.
    (single(p[K]), ...);
  }
  static FB_VEC void single(const char*& address) { asm("" : "+r"(address)); }
  // Vector j from here.
  template <int K>
  FB_VEC auto get(int j) const {
    const char* at = p[K] + j * step[K];
    if constexpr (std::is_same_v<Kind<K>, Store> && Store::bytes != sizeof(T))
      return step[K] == 0 ? Plain<T>::get(at) : Store::get(at);  // repeated halves are floats
    else
      return Kind<K>::get(at);
  }
  FB_VEC void forward(int vectors) {
    for (int k = 0; k < N; ++k) p[k] += vectors * step[k];
  }
};

template <class Out, class In, class F, size_t... K>
FB_VEC Out call(const In& in, int j, F& f, std::index_sequence<K...>) {
  return Out(f(in.template get<K>(j)...));
}

// kTogether: vectors of one turn. The fewer instructions there are to a vector, the more of them
// the processor has under way while it waits for memory. The end goes through the same code, so
// that it is compiled once, together with elements before it, which come out as they did.
template <class T, class Store, int N, class Sink, unsigned kMasks, int kTogether, class F>
FB_VEC void map_vectors(void* out, const void* const* inputs, int64_t n, unsigned form, F f) {
  constexpr int L = Vec<T>::lanes;
  using Value = decltype(Sink::get(nullptr));
  constexpr auto all = std::make_index_sequence<N>{};
  Inputs<T, Store, N, kMasks> in(inputs, form, all), end = in;
  alignas(kVectorBytes) char copies[N][kVectorBytes], few[kVectorBytes] = {};
  if (n % L != 0) go_to_ends(end.p, end.step, N, __builtin_ctz(L), n, out, copies);
  char* o = static_cast<char*>(out);
  int64_t left = n;
  if constexpr (kTogether > 1) {
    for (; left >= kTogether * L; left -= kTogether * L, in.forward(kTogether)) {
      Value r[kTogether];
#pragma GCC unroll 4
      for (int j = 0; j < kTogether; ++j) r[j] = call<Value>(in, j, f, all);
#pragma GCC unroll 4
      for (int j = 0; j < kTogether; ++j) Sink::put(o + j * L * Sink::bytes, r[j]);
      o += kTogether * L * Sink::bytes;
    }
  }
#pragma GCC unroll 1
  while (left > 0) {
    if (left < L) {
      in = end;
      o = n < L ? few : static_cast<char*>(out) + (n - L) * Sink::bytes;
      left = L;
      asm("" : "+r"(left));  // unknown to the compiler, which would compile the last turn apart
    }
    Sink::put(o, call<Value>(in, 0, f, all));
    left -= L;
    in.forward(1);
    o += L * Sink::bytes;
  }
  if (n < L) __builtin_memcpy(out, few, n * Sink::bytes);
}

template <class V, bool kMask>
FB_VEC auto element(const void* p, int64_t i) {
  if constexpr (kMask)
    return static_cast<const bool*>(p)[i];
  else
    return static_cast<const V*>(p)[i];
}
template <class V, unsigned kMasks, class R, class F, size_t... K>
FB_VEC void map_elements(R* out, const void* const* in, int64_t n, F f, std::index_sequence<K...>) {
  const void* p[] = {in[K]...};
  for (int64_t i = 0; i < n; ++i)
    out[i] = static_cast<R>(f(element<V, (kMasks >> K & 1) != 0>(p[K], i)...));
}

// kShort: the expression is short and so compiled several times: for vectors taken together, and
// the one of floats for half types.
template <class V, int N, Output kOutput, unsigned kMasks, bool kShort, class F>
FB_VEC void map_loop(void* out, const void* const* in, int64_t n, unsigned form, F f) {
  using T = typename LaneOf<V>::type;
  constexpr bool kBool = kOutput == Output::Bool;
  if constexpr (is_vector<V>) {
    const auto map = [&]<class Store, int kTogether>() __attribute__((always_inline)) {
      using Sink = std::conditional_t<kBool, Conditions<T>, Store>;
      map_vectors<T, Store, N, Sink, kMasks, kTogether>(out, in, n, form, f);
    };
    if constexpr (kShort && std::is_same_v<T, float>) {
      constexpr int kHalves = N <= 2 && FB_ISA_IS_AVX2(FB_ISA) ? 2 : 1;
      if (form & kBFloat16Form) return map.template operator()<Halves<Half::BFloat16>, kHalves>();
      if (form & kFloat16Form) return map.template operator()<Halves<Half::Float16>, kHalves>();
    }
    constexpr bool kMany = kShort && sizeof(T) >= 4 && FB_ISA_IS_AVX2(FB_ISA);
    map.template operator()<Plain<T>, !kMany ? 1 : N <= 2 ? 4 : N == 3 ? 2 : 1>();
  } else {
    using R = std::conditional_t<
        kBool, bool, std::conditional_t<kOutput == Output::Real, typename RealOf<T>::type, T>>;
    map_elements<V, kMasks>(static_cast<R*>(out), in, n, f, std::make_index_sequence<N>{});
  }
}

// Powers. An exponent that is one number for all is looked at once: squares and the like are as
// fast as the operator that they are.
template <class V>
FB_VEC void map_powers(FB_LOOP_ARGS) {
  using T = typename LaneOf<V>::type;
  if constexpr (std::is_floating_point_v<T>) {
    const T exponent = *static_cast<const T*>(loop_in[1]);
    if (loop_form & 2) {
      if (exponent == 2)
        return map_loop<V, 1, Output::Same, 0, true>(FB_LOOP_PASS, [](V x) { return x * x; });
      if (exponent == 3)
        return map_loop<V, 1, Output::Same, 0, true>(FB_LOOP_PASS, [](V x) { return x * x * x; });
      if (exponent == -1)
        return map_loop<V, 1, Output::Same, 0, true>(FB_LOOP_PASS, [](V x) { return V(1) / x; });
    }
  }
  map_loop<V, 2, Output::Same, 0, false>(FB_LOOP_PASS, [](V x, V y) { return power(x, y); });
}

}  // namespace flambeau::FB_ISA
