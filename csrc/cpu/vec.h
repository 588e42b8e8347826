// Vectors of the width of the instruction set, for the files of csrc/cpu/kernels only.
//
// A file that includes this is compiled once per instruction set, with these flags (never with
// -ffast-math: NaN, infinity and the sign of zero count):
//   common    -std=c++20 -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off
//   baseline  -DFB_ISA=baseline
//   avx2      -DFB_ISA=avx2 -mavx2 -mfma -mf16c
// Contraction is off so that a*b+c rounds the same in a main loop and in its tail; `mad` asks for
// a fused multiply-add where the processor has one.
//
// Vec<T>   Lanes of T; scalars of any arithmetic type broadcast when they meet a vector.
// Mask<B>  The result of a comparison of lanes of B bytes: all bits of a lane set, or none.
#pragma once
#include <cstdint>
#include <type_traits>

#ifndef FB_ISA
#error "FB_ISA must name the instruction set: baseline or avx2"
#endif
// True iff FB_ISA is avx2. The compiler's own __AVX2__ does not follow `#pragma GCC target`.
#define FB_ISA_IS_AVX2_baseline 0
#define FB_ISA_IS_AVX2_avx2 1
#define FB_ISA_IS_AVX2_NAMED(isa) FB_ISA_IS_AVX2_##isa
#define FB_ISA_IS_AVX2(isa) FB_ISA_IS_AVX2_NAMED(isa)

// The processor's own instructions are reached through GCC's builtins (<immintrin.h> would cost
// half a second per file); every use has a portable version beside it.
#if defined(__GNUC__) && !defined(__clang__) && FB_ISA_IS_AVX2(FB_ISA)
#define FB_X86_AVX2 1
#elif defined(__GNUC__) && !defined(__clang__) && defined(__SSE2__)
#define FB_X86_SSE2 1
#endif

#define FB_VEC inline __attribute__((always_inline))

namespace flambeau::FB_ISA {

#if FB_ISA_IS_AVX2(FB_ISA)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

#if FB_ISA_IS_AVX2(FB_ISA) || defined(__ARM_FEATURE_FMA)
inline constexpr bool kHasFma = true;
#else
inline constexpr bool kHasFma = false;
#endif

template <class T>
concept Scalar = std::is_arithmetic_v<T>;

template <int Bytes>
struct IntOfSize;
template <> struct IntOfSize<1> { using type = int8_t; };
template <> struct IntOfSize<2> { using type = int16_t; };
template <> struct IntOfSize<4> { using type = int32_t; };
template <> struct IntOfSize<8> { using type = int64_t; };

template <class T>
struct UnsignedLane {
  using type = T;
};
template <> struct UnsignedLane<int8_t> { using type = uint8_t; };
template <> struct UnsignedLane<int16_t> { using type = uint16_t; };
template <> struct UnsignedLane<int32_t> { using type = uint32_t; };
template <> struct UnsignedLane<int64_t> { using type = uint64_t; };

typedef char RawBytes __attribute__((vector_size(kVectorBytes)));
typedef float RawFloat __attribute__((vector_size(kVectorBytes)));
typedef double RawDouble __attribute__((vector_size(kVectorBytes)));
typedef int RawInt32 __attribute__((vector_size(kVectorBytes)));
typedef long long RawInt64 __attribute__((vector_size(kVectorBytes)));

// ---------------------------------------------------------------- masks

template <int Bytes>
struct Mask {
  using Lane = typename IntOfSize<Bytes>::type;
  typedef Lane Raw __attribute__((vector_size(kVectorBytes)));
  static constexpr int lanes = kVectorBytes / Bytes;
  Raw v;

  Mask() = default;
  FB_VEC explicit Mask(Raw raw) : v(raw) {}
  FB_VEC Mask(bool all) : v(all ? ~Raw{} : Raw{}) {}
  FB_VEC bool operator[](int i) const { return v[i] != 0; }

  friend FB_VEC Mask operator&(Mask a, Mask b) { return Mask(a.v & b.v); }
  friend FB_VEC Mask operator|(Mask a, Mask b) { return Mask(a.v | b.v); }
  friend FB_VEC Mask operator^(Mask a, Mask b) { return Mask(a.v ^ b.v); }
  friend FB_VEC Mask operator&&(Mask a, Mask b) { return Mask(a.v & b.v); }
  friend FB_VEC Mask operator||(Mask a, Mask b) { return Mask(a.v | b.v); }
  friend FB_VEC Mask operator==(Mask a, Mask b) { return Mask(~(a.v ^ b.v)); }
  friend FB_VEC Mask operator!=(Mask a, Mask b) { return Mask(a.v ^ b.v); }
  friend FB_VEC Mask operator!(Mask a) { return Mask(~a.v); }
  friend FB_VEC Mask operator~(Mask a) { return Mask(~a.v); }
};

// True iff some lane is set.
template <int B>
FB_VEC bool any(Mask<B> m) {
#if defined(FB_X86_AVX2)
  return !__builtin_ia32_ptestz256((RawInt64)m.v, (RawInt64)m.v);
#elif defined(FB_X86_SSE2)
  return __builtin_ia32_pmovmskb128((RawBytes)m.v) != 0;
#else
  RawInt64 words = (RawInt64)m.v;
  long long bits = 0;
  for (int i = 0; i < kVectorBytes / 8; ++i) bits |= words[i];
  return bits != 0;
#endif
}
template <int B>
FB_VEC bool all(Mask<B> m) {
  return !any(!m);
}

// ---------------------------------------------------------------- vectors

template <class T>
struct Vec {
  using value_type = T;
  typedef T Raw __attribute__((vector_size(kVectorBytes)));
  typedef T Loose __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
  using M = Mask<sizeof(T)>;
  static constexpr int lanes = kVectorBytes / sizeof(T);
  Raw v;

  Vec() = default;
  FB_VEC Vec(Raw raw) : v(raw) {}
  // s - 0, since 0 + s would lose the sign of -0.
  template <Scalar S>
  FB_VEC Vec(S s) : v(static_cast<T>(s) - Raw{}) {}
  FB_VEC T operator[](int i) const { return v[i]; }
  FB_VEC void set(int i, T x) { v[i] = x; }

  // Integers wrap: their sums are those of unsigned lanes.
  typedef typename UnsignedLane<T>::type Wrapping __attribute__((vector_size(kVectorBytes)));
  friend FB_VEC Vec operator+(Vec a, Vec b) { return (Raw)((Wrapping)a.v + (Wrapping)b.v); }
  friend FB_VEC Vec operator-(Vec a, Vec b) { return (Raw)((Wrapping)a.v - (Wrapping)b.v); }
  friend FB_VEC Vec operator*(Vec a, Vec b) { return (Raw)((Wrapping)a.v * (Wrapping)b.v); }
  friend FB_VEC Vec operator/(Vec a, Vec b) { return a.v / b.v; }
  friend FB_VEC Vec operator-(Vec a) { return (Raw)(-(Wrapping)a.v); }
  friend FB_VEC Vec operator+(Vec a) { return a; }
  FB_VEC Vec& operator+=(Vec b) { return *this = *this + b; }
  FB_VEC Vec& operator-=(Vec b) { return *this = *this - b; }
  FB_VEC Vec& operator*=(Vec b) { return *this = *this * b; }
  FB_VEC Vec& operator/=(Vec b) { return *this = *this / b; }

  friend FB_VEC M operator<(Vec a, Vec b) { return M((typename M::Raw)(a.v < b.v)); }
  friend FB_VEC M operator<=(Vec a, Vec b) { return M((typename M::Raw)(a.v <= b.v)); }
  friend FB_VEC M operator>(Vec a, Vec b) { return M((typename M::Raw)(a.v > b.v)); }
  friend FB_VEC M operator>=(Vec a, Vec b) { return M((typename M::Raw)(a.v >= b.v)); }
  friend FB_VEC M operator==(Vec a, Vec b) { return M((typename M::Raw)(a.v == b.v)); }
  friend FB_VEC M operator!=(Vec a, Vec b) { return M((typename M::Raw)(a.v != b.v)); }

  // Lane by lane `m ? a : b`.
  friend FB_VEC Vec where(M m, Vec a, Vec b) {
#if defined(FB_X86_AVX2)
    if constexpr (sizeof(T) == 4)
      return (Raw)__builtin_ia32_blendvps256((RawFloat)b.v, (RawFloat)a.v, (RawFloat)m.v);
    else if constexpr (sizeof(T) == 8)
      return (Raw)__builtin_ia32_blendvpd256((RawDouble)b.v, (RawDouble)a.v, (RawDouble)m.v);
    else
      return (Raw)__builtin_ia32_pblendvb256((RawBytes)b.v, (RawBytes)a.v, (RawBytes)m.v);
#else
    using I = typename M::Raw;
    return (Raw)(((I)a.v & m.v) | ((I)b.v & ~m.v));
#endif
  }

  // a where a > b, else b (b if either is NaN): one instruction.
  friend FB_VEC Vec max_or_second(Vec a, Vec b) {
#if defined(FB_X86_AVX2)
    if constexpr (std::is_same_v<T, float>) return __builtin_ia32_maxps256(a.v, b.v);
    if constexpr (std::is_same_v<T, double>) return __builtin_ia32_maxpd256(a.v, b.v);
#elif defined(FB_X86_SSE2)
    if constexpr (std::is_same_v<T, float>) return __builtin_ia32_maxps(a.v, b.v);
    if constexpr (std::is_same_v<T, double>) return __builtin_ia32_maxpd(a.v, b.v);
#endif
    return a.v > b.v ? a.v : b.v;
  }
  friend FB_VEC Vec min_or_second(Vec a, Vec b) {
#if defined(FB_X86_AVX2)
    if constexpr (std::is_same_v<T, float>) return __builtin_ia32_minps256(a.v, b.v);
    if constexpr (std::is_same_v<T, double>) return __builtin_ia32_minpd256(a.v, b.v);
#elif defined(FB_X86_SSE2)
    if constexpr (std::is_same_v<T, float>) return __builtin_ia32_minps(a.v, b.v);
    if constexpr (std::is_same_v<T, double>) return __builtin_ia32_minpd(a.v, b.v);
#endif
    return a.v < b.v ? a.v : b.v;
  }

  // NaN if either is NaN.
  friend FB_VEC Vec maximum(Vec a, Vec b) {
    if constexpr (std::is_floating_point_v<T>)
      return where(a != a, a, max_or_second(a, b));
    else
      return max_or_second(a, b);
  }
  friend FB_VEC Vec minimum(Vec a, Vec b) {
    if constexpr (std::is_floating_point_v<T>)
      return where(a != a, a, min_or_second(a, b));
    else
      return min_or_second(a, b);
  }
  // The other operand if one is NaN.
  friend FB_VEC Vec fmaximum(Vec a, Vec b) {
    if constexpr (std::is_floating_point_v<T>)
      return where(b != b, a, max_or_second(a, b));
    else
      return max_or_second(a, b);
  }
  friend FB_VEC Vec fminimum(Vec a, Vec b) {
    if constexpr (std::is_floating_point_v<T>)
      return where(b != b, a, min_or_second(a, b));
    else
      return min_or_second(a, b);
  }

  // Integer lanes only; shifts of signed lanes are arithmetic.
  friend FB_VEC Vec operator&(Vec a, Vec b)
    requires std::is_integral_v<T>
  {
    return a.v & b.v;
  }
  friend FB_VEC Vec operator|(Vec a, Vec b)
    requires std::is_integral_v<T>
  {
    return a.v | b.v;
  }
  friend FB_VEC Vec operator^(Vec a, Vec b)
    requires std::is_integral_v<T>
  {
    return a.v ^ b.v;
  }
  friend FB_VEC Vec operator~(Vec a)
    requires std::is_integral_v<T>
  {
    return ~a.v;
  }
  friend FB_VEC Vec operator<<(Vec a, int n)
    requires std::is_integral_v<T>
  {
    return (Raw)((Wrapping)a.v << n);
  }
  friend FB_VEC Vec operator>>(Vec a, int n)
    requires std::is_integral_v<T>
  {
    return a.v >> n;
  }
};

using vfloat = Vec<float>;
using vdouble = Vec<double>;
using vint8 = Vec<int8_t>;
using vint16 = Vec<int16_t>;
using vint32 = Vec<int32_t>;
using vint64 = Vec<int64_t>;
using vuint8 = Vec<uint8_t>;
using vuint32 = Vec<uint32_t>;
using vuint64 = Vec<uint64_t>;

// Reinterprets the bits.
template <class To, class T>
FB_VEC To bit_cast(Vec<T> a) {
  return (typename To::Raw)a.v;
}

// Both branches literal: the lanes are float or double, as wide as the mask's.
template <Scalar A, Scalar B>
FB_VEC vfloat where(Mask<4> m, A a, B b) {
  return where(m, vfloat(a), vfloat(b));
}
template <Scalar A, Scalar B>
FB_VEC vdouble where(Mask<8> m, A a, B b) {
  return where(m, vdouble(a), vdouble(b));
}

// ---------------------------------------------------------------- memory

// 0, 1, 2, ...
template <class T>
FB_VEC Vec<T> iota() {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::lanes; ++i) r.v[i] = static_cast<T>(i);
  return r;
}

// Addresses need no more alignment than that of one element.
template <class T>
FB_VEC Vec<T> load(const T* p) {
  return (typename Vec<T>::Raw) * reinterpret_cast<const typename Vec<T>::Loose*>(p);
}
template <class T>
FB_VEC void store(T* p, std::type_identity_t<Vec<T>> a) {
  *reinterpret_cast<typename Vec<T>::Loose*>(p) = a.v;
}

// The first n lanes (0 <= n <= lanes); no byte beyond them is touched.
template <class T>
FB_VEC Mask<sizeof(T)> first_lanes(int64_t n) {
  using I = typename IntOfSize<sizeof(T)>::type;
  return iota<I>() < Vec<I>(n);
}

// The processor copies the first lanes of 4 and 8 bytes; else the C library does, since a test for
// each lane would be many instructions.
template <class T>
FB_VEC int64_t first_bytes(int64_t n) {
  return int64_t{sizeof(T)} * (n < 0 ? 0 : n < Vec<T>::lanes ? n : Vec<T>::lanes);
}

// The first n elements; the other lanes hold `fill`.
template <class T>
FB_VEC Vec<T> load_n(const T* p, int64_t n, std::type_identity_t<T> fill = T{}) {
#if defined(FB_X86_AVX2)
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8) {
    if (n >= Vec<T>::lanes) return load(p);
    auto m = first_lanes<T>(n);
    Vec<T> r;
    if constexpr (sizeof(T) == 4)
      r = (typename Vec<T>::Raw)__builtin_ia32_maskloadps256(reinterpret_cast<const RawFloat*>(p),
                                                             (RawInt32)m.v);
    else
      r = (typename Vec<T>::Raw)__builtin_ia32_maskloadpd256(reinterpret_cast<const RawDouble*>(p),
                                                             (RawInt64)m.v);
    return where(m, r, Vec<T>(fill));
  }
#endif
  Vec<T> r = fill;
  __builtin_memcpy(&r, p, first_bytes<T>(n));
  return r;
}
template <class T>
FB_VEC void store_n(T* p, std::type_identity_t<Vec<T>> a, int64_t n) {
#if defined(FB_X86_AVX2)
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8) {
    if (n >= Vec<T>::lanes) return store(p, a);
    auto m = first_lanes<T>(n);
    if constexpr (sizeof(T) == 4)
      __builtin_ia32_maskstoreps256(reinterpret_cast<RawFloat*>(p), (RawInt32)m.v, (RawFloat)a.v);
    else
      __builtin_ia32_maskstorepd256(reinterpret_cast<RawDouble*>(p), (RawInt64)m.v, (RawDouble)a.v);
    return;
  }
#endif
  __builtin_memcpy(p, &a, first_bytes<T>(n));
}

// Every stride-th element (stride in elements, may be 0 or negative), n of them at most.
template <class T>
FB_VEC Vec<T> load_strided(const T* p, int64_t stride, int64_t n = Vec<T>::lanes) {
  Vec<T> r = T{};
  for (int i = 0; i < Vec<T>::lanes; ++i)
    if (i < n) r.v[i] = p[i * stride];
  return r;
}
template <class T>
FB_VEC void store_strided(T* p, int64_t stride, std::type_identity_t<Vec<T>> a,
                          int64_t n = Vec<T>::lanes) {
  for (int i = 0; i < Vec<T>::lanes; ++i)
    if (i < n) p[i * stride] = a.v[i];
}

// p[index[i]]; the caller has checked the indices.
template <class T, class I>
FB_VEC Vec<T> gather(const T* p, Vec<I> index) {
  static_assert(Vec<T>::lanes == Vec<I>::lanes, "one index per lane");
  Vec<T> r;
  for (int i = 0; i < Vec<T>::lanes; ++i) r.v[i] = p[index.v[i]];
  return r;
}

// Masks to and from arrays of bool, one byte a lane: 0 or 1.
template <int B>
FB_VEC void store_bool(bool* p, Mask<B> m) {
#if defined(FB_X86_AVX2)
  if constexpr (B == 4) {  // the compiler's own narrowing takes three times as long
    typedef int Quarter __attribute__((vector_size(16)));
    typedef char Sixteen __attribute__((vector_size(16)));
    union {
      RawInt32 whole;
      Quarter half[2];
    } u{(RawInt32)m.v};
    const auto words = __builtin_ia32_packssdw128(u.half[0], u.half[1]);
    const Sixteen bytes = (Sixteen)__builtin_ia32_packsswb128(words, words) & 1;
    __builtin_memcpy(p, &bytes, 8);
    return;
  }
#endif
  typedef int8_t Bytes __attribute__((vector_size(Mask<B>::lanes)));
  const Bytes bytes = __builtin_convertvector(m.v, Bytes) & 1;
  __builtin_memcpy(p, &bytes, sizeof(bytes));
}
template <class T>
FB_VEC Mask<sizeof(T)> load_bool(const bool* p) {
  using M = Mask<sizeof(T)>;
#if defined(FB_X86_AVX2)
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8) {  // the compiler would widen byte by byte
    typedef long long Words __attribute__((vector_size(16)));
    typedef char Packed __attribute__((vector_size(16)));
    Words words{};
    __builtin_memcpy(&words, p, M::lanes);
    const Packed packed = (Packed)words;
    if constexpr (sizeof(T) == 4)
      return M(-(typename M::Raw)__builtin_ia32_pmovsxbd256(packed));
    else
      return M(-(typename M::Raw)__builtin_ia32_pmovsxbq256(packed));
  }
#endif
  typedef int8_t Bytes __attribute__((vector_size(M::lanes)));
  Bytes bytes;
  __builtin_memcpy(&bytes, p, sizeof(bytes));
  return M(typename M::Raw(-__builtin_convertvector(bytes, typename M::Raw)));
}
template <class T>
FB_VEC Mask<sizeof(T)> load_bool(const bool* p, int64_t n) {
  bool first[Vec<T>::lanes] = {};
  __builtin_memcpy(first, p, first_bytes<T>(n) / int64_t{sizeof(T)});
  return load_bool<T>(first);
}

// ---------------------------------------------------------------- conversions

// Toward zero; lanes beyond int32 give the most negative number, as the processor does.
FB_VEC vint32 to_int32(vfloat a) {
#if defined(FB_X86_AVX2)
  return (vint32::Raw)__builtin_ia32_cvttps2dq256(a.v);
#elif defined(FB_X86_SSE2)
  return (vint32::Raw)__builtin_ia32_cvttps2dq(a.v);
#else
  return __builtin_convertvector(a.v, vint32::Raw);
#endif
}
FB_VEC vfloat to_float(vint32 a) { return __builtin_convertvector(a.v, vfloat::Raw); }
FB_VEC vint64 to_int64(vdouble a) { return __builtin_convertvector(a.v, vint64::Raw); }
FB_VEC vdouble to_double(vint64 a) { return __builtin_convertvector(a.v, vdouble::Raw); }

// The lower and the upper half of the lanes, widened.
typedef float RawHalfFloat __attribute__((vector_size(kVectorBytes / 2)));
union FloatHalves {
  RawFloat whole;
  RawHalfFloat half[2];
};
// GCC makes four pieces through memory of what AVX converts by one instruction.
FB_VEC vdouble widen(RawHalfFloat a) {
#ifdef FB_X86_AVX2
  return __builtin_ia32_cvtps2pd256(a);
#else
  return __builtin_convertvector(a, RawDouble);
#endif
}
FB_VEC RawHalfFloat narrow(vdouble a) {
#ifdef FB_X86_AVX2
  return __builtin_ia32_cvtpd2ps256(a.v);
#else
  return __builtin_convertvector(a.v, RawHalfFloat);
#endif
}
FB_VEC vdouble low_double(vfloat a) { return widen(FloatHalves{a.v}.half[0]); }
FB_VEC vdouble high_double(vfloat a) { return widen(FloatHalves{a.v}.half[1]); }
FB_VEC vfloat narrow(vdouble low, vdouble high) {
  FloatHalves u;
  u.half[0] = narrow(low);
  u.half[1] = narrow(high);
  return u.whole;
}

// ---------------------------------------------------------------- fused multiply-add

// a * b + c with one rounding, on every instruction set.
FB_VEC vfloat fma(vfloat a, vfloat b, vfloat c) {
#if defined(FB_X86_AVX2)
  return __builtin_ia32_vfmaddps256(a.v, b.v, c.v);
#else
  vfloat r;
  for (int i = 0; i < vfloat::lanes; ++i) r.v[i] = __builtin_fmaf(a.v[i], b.v[i], c.v[i]);
  return r;
#endif
}
FB_VEC vdouble fma(vdouble a, vdouble b, vdouble c) {
#if defined(FB_X86_AVX2)
  return __builtin_ia32_vfmaddpd256(a.v, b.v, c.v);
#else
  vdouble r;
  for (int i = 0; i < vdouble::lanes; ++i) r.v[i] = __builtin_fma(a.v[i], b.v[i], c.v[i]);
  return r;
#endif
}
// a * b + c, fused where that is one instruction.
template <class T>
FB_VEC Vec<T> mad(Vec<T> a, std::type_identity_t<Vec<T>> b, std::type_identity_t<Vec<T>> c) {
  if constexpr (kHasFma && std::is_floating_point_v<T>)
    return fma(a, b, c);
  else
    return a * b + c;
}

// ---------------------------------------------------------------- across lanes

// Lanes rotated by W towards lane 0.
template <int W, class T>
FB_VEC Vec<T> rotate(Vec<T> a) {
  typename Mask<sizeof(T)>::Raw index;
  for (int i = 0; i < Vec<T>::lanes; ++i) index[i] = (i + W) % Vec<T>::lanes;
  return __builtin_shuffle(a.v, index);
}
// Folds halves onto each other: the order of the operations depends on the width alone.
template <int W, class T, class Op>
FB_VEC Vec<T> fold_lanes(Vec<T> a, Op op) {
  if constexpr (W == 0)
    return a;
  else
    return fold_lanes<W / 2>(op(a, rotate<W>(a)), op);
}
template <class T>
FB_VEC T reduce_add(Vec<T> a) {
  return fold_lanes<Vec<T>::lanes / 2>(a, [](Vec<T> x, Vec<T> y) { return x + y; }).v[0];
}
template <class T>
FB_VEC T reduce_mul(Vec<T> a) {
  return fold_lanes<Vec<T>::lanes / 2>(a, [](Vec<T> x, Vec<T> y) { return x * y; }).v[0];
}
// NaN if some lane is NaN.
template <class T>
FB_VEC T reduce_max(Vec<T> a) {
  return fold_lanes<Vec<T>::lanes / 2>(a, [](Vec<T> x, Vec<T> y) { return maximum(x, y); }).v[0];
}
template <class T>
FB_VEC T reduce_min(Vec<T> a) {
  return fold_lanes<Vec<T>::lanes / 2>(a, [](Vec<T> x, Vec<T> y) { return minimum(x, y); }).v[0];
}

// f applied to each lane; f takes and gives the lane's type.
template <class T, class F>
FB_VEC Vec<T> map_lanes(Vec<T> a, F f) {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::lanes; ++i) r.v[i] = f(a.v[i]);
  return r;
}
template <class T, class F>
FB_VEC Vec<T> map_lanes(Vec<T> a, std::type_identity_t<Vec<T>> b, F f) {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::lanes; ++i) r.v[i] = f(a.v[i], b.v[i]);
  return r;
}

}  // namespace flambeau::FB_ISA
