#include "cpu/kernels/convert.h"

#include "cpu/kernels/convert_half.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/kernels/shuffle.h"
#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace {

// ---------------------------------------------------------------- element types
// Stand-ins without functions of their own, so that nothing is shared between instruction sets.

struct F16 { uint16_t bits; };
struct BF16 { uint16_t bits; };
struct Flag { uint8_t byte; };
struct C64 { float re, im; };
struct C128 { double re, im; };

template <class T> inline constexpr bool is_narrow = false;  // half types
template <> inline constexpr bool is_narrow<F16> = true;
template <> inline constexpr bool is_narrow<BF16> = true;
template <class T> struct RealOf { using type = void; };
template <> struct RealOf<C64> { using type = float; };
template <> struct RealOf<C128> { using type = double; };
template <class T> inline constexpr bool is_pair = !std::is_void_v<typename RealOf<T>::type>;

// Toward zero; out of range and NaN give the most negative number, as the processor does.
template <class F>
FB_VEC int64_t truncate(F v) {
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
  if constexpr (std::is_same_v<F, float>) {
    typedef float V __attribute__((vector_size(16)));
    return __builtin_ia32_cvttss2si64(V{v});
  } else {
    typedef double V __attribute__((vector_size(16)));
    return __builtin_ia32_cvttsd2si64(V{v});
  }
#else
  constexpr F limit = static_cast<F>(9223372036854775808.0);
  return v >= -limit && v < limit ? static_cast<int64_t>(v) : INT64_MIN;
#endif
}

template <class To, class From>
FB_VEC To convert_one(From v) {
  if constexpr (std::is_same_v<From, Flag>) {
    return convert_one<To>(static_cast<uint8_t>(v.byte != 0));
  } else if constexpr (is_pair<From>) {
    if constexpr (is_pair<To>) {
      using R = typename RealOf<To>::type;
      return To{static_cast<R>(v.re), static_cast<R>(v.im)};
    } else if constexpr (std::is_same_v<To, Flag>) {
      return Flag{static_cast<uint8_t>((v.re != 0) | (v.im != 0))};
    } else {
      return convert_one<To>(v.re);
    }
  } else if constexpr (std::is_same_v<To, Flag>) {
    return Flag{static_cast<uint8_t>(v != 0)};
  } else if constexpr (is_pair<To>) {
    return To{static_cast<typename RealOf<To>::type>(v), 0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return static_cast<To>(truncate(v));
  } else {
    return static_cast<To>(v);
  }
}

// ---------------------------------------------------------------- contiguous runs

constexpr int64_t kChunk = 256;            // elements of a block on the stack
constexpr int64_t kCallBytes = 16 * 1024;  // from here on the C library copies as well as loops do

// Floating numbers toward zero as 32-bit integers; true iff some value is beyond them. One chunk.
FB_VEC bool truncate_chunk(const float* __restrict__ x, int32_t* __restrict__ t) {
  Mask<4> beyond = false;
  for (int64_t i = 0; i < kChunk; i += vint32::lanes) {
    const vint32 v = to_int32(load(x + i));
    beyond = beyond | (v == vint32(INT32_MIN));
    store(t + i, v);
  }
  return any(beyond);
}
FB_VEC bool truncate_chunk(const double* __restrict__ x, int32_t* __restrict__ t) {
#if defined(FB_X86_AVX2)
  typedef int Quarter __attribute__((vector_size(16)));
  Quarter beyond{};
  for (int64_t i = 0; i < kChunk; i += 4) {
    const Quarter v = (Quarter)__builtin_ia32_cvttpd2dq256(load(x + i).v);
    beyond |= v == INT32_MIN;
    __builtin_memcpy(t + i, &v, sizeof v);
  }
  return (beyond[0] | beyond[1] | beyond[2] | beyond[3]) != 0;
#else
  (void)x, (void)t;
  return true;
#endif
}

// Through 32-bit integers, whose conversions go by vectors, unless some value is beyond them.
template <class From, class To>
FB_VEC void truncate_run(const From* __restrict__ x, To* __restrict__ y, int64_t n) {
  alignas(kVectorBytes) int32_t t[kChunk];
  for (; n >= kChunk; n -= kChunk, x += kChunk, y += kChunk) {
    if (truncate_chunk(x, t)) {
      for (int64_t i = 0; i < kChunk; ++i) y[i] = static_cast<To>(truncate(x[i]));
    } else {
      for (int64_t i = 0; i < kChunk; ++i) y[i] = static_cast<To>(t[i]);
    }
  }
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(truncate(x[i]));
}
template <class To>
FB_VEC void float_run(const int64_t* __restrict__ x, To* __restrict__ y, int64_t n) {
  alignas(kVectorBytes) int32_t t[kChunk];
  for (; n >= kChunk; n -= kChunk, x += kChunk, y += kChunk) {
    int64_t beyond = 0;
    for (int64_t i = 0; i < kChunk; ++i) {
      t[i] = static_cast<int32_t>(x[i]);
      beyond |= x[i] ^ static_cast<int64_t>(t[i]);
    }
    if (beyond) {
      for (int64_t i = 0; i < kChunk; ++i) y[i] = static_cast<To>(x[i]);
    } else {
      for (int64_t i = 0; i < kChunk; ++i) y[i] = static_cast<To>(t[i]);
    }
  }
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i]);
}
// bool to floating numbers: bytes of 0 and 1 first.
template <class To>
FB_VEC void flag_run(const Flag* __restrict__ x, To* __restrict__ y, int64_t n) {
  uint8_t t[kChunk];
  for (; n > 0; n -= kChunk, x += kChunk, y += kChunk) {
    const int64_t m = n < kChunk ? n : kChunk;
    for (int64_t i = 0; i < m; ++i) t[i] = x[i].byte != 0;
    for (int64_t i = 0; i < m; ++i) y[i] = static_cast<To>(t[i]);
  }
}

FB_VEC void widen(const F16* x, float* y, int64_t n) {
  half_to_float(reinterpret_cast<const uint16_t*>(x), y, n);
}
FB_VEC void widen(const BF16* x, float* y, int64_t n) {
  bfloat16_to_float(reinterpret_cast<const uint16_t*>(x), y, n);
}
FB_VEC void narrow(const float* x, F16* y, int64_t n) {
  float_to_half(x, reinterpret_cast<uint16_t*>(y), n);
}
FB_VEC void narrow(const float* x, BF16* y, int64_t n) {
  float_to_bfloat16(x, reinterpret_cast<uint16_t*>(y), n);
}

template <class From, class To>
void convert_run(const From* __restrict__ x, To* __restrict__ y, int64_t n) {
  if constexpr (std::is_same_v<From, To>) {
    const auto bytes = static_cast<int64_t>(n * sizeof(To));
    if (bytes < kCallBytes)
      copy_row(reinterpret_cast<char*>(y), reinterpret_cast<const char*>(x), bytes);
    else
      __builtin_memcpy(y, x, static_cast<uint64_t>(bytes));
  } else if constexpr (is_narrow<From> && std::is_same_v<To, float>) {
    widen(x, y, n);
  } else if constexpr (std::is_same_v<From, float> && is_narrow<To>) {
    narrow(x, y, n);
  } else if constexpr (is_narrow<From> || is_narrow<To>) {
    alignas(kVectorBytes) float t[kChunk];
    for (; n > 0; n -= kChunk, x += kChunk, y += kChunk) {
      const int64_t m = n < kChunk ? n : kChunk;
      convert_run<From, float>(x, t, m);
      convert_run<float, To>(t, y, m);
    }
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    truncate_run(x, y, n);
  } else if constexpr (std::is_same_v<From, int64_t> && std::is_floating_point_v<To>) {
    float_run(x, y, n);
  } else if constexpr (std::is_same_v<From, Flag> && std::is_floating_point_v<To>) {
    flag_run(x, y, n);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = convert_one<To>(x[i]);
  }
}

// ---------------------------------------------------------------- strided runs

struct Item16 { int64_t part[2]; };
template <int B> struct ItemOfSize : IntOfSize<B> {};
template <> struct ItemOfSize<16> { using type = Item16; };

constexpr int64_t kAheadBytes = 2048;  // fetched ahead; into the next row, where rows follow

// Every other item: two vectors become one. The last item is left to the caller, so that nothing
// behind it is read.
template <int B>
int64_t gather_evens(const char* __restrict__ src, char* __restrict__ dst, int64_t n) {
  using T = std::conditional_t<B == 4, int32_t, int64_t>;
  constexpr int L = Vec<T>::lanes;
  auto* from = reinterpret_cast<const T*>(src);
  auto* to = reinterpret_cast<T*>(dst);
  int64_t i = 0;
  for (; i + L < n; i += L) {
    __builtin_prefetch(from + 2 * i + kAheadBytes / B);
    store(to + i, evens(load(from + 2 * i), load(from + 2 * i + L)));
  }
  return i;
}

template <int B>
void gather_items(const char* __restrict__ src, int64_t stride, char* __restrict__ dst, int64_t n) {
  int64_t i = 0;
  if constexpr (B == 4 || B == 8)
    if (stride == 2 * B) i = gather_evens<B>(src, dst, n);
  for (; i < n; ++i) __builtin_memcpy(dst + i * B, src + i * stride, B);
}
template <int B>
void scatter_items(const char* __restrict__ src, char* __restrict__ dst, int64_t stride,
                   int64_t n) {
  for (int64_t i = 0; i < n; ++i) __builtin_memcpy(dst + i * stride, src + i * B, B);
}
template <int B>
void move_items(const char* __restrict__ src, int64_t src_stride, char* __restrict__ dst,
                int64_t dst_stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) __builtin_memcpy(dst + i * dst_stride, src + i * src_stride, B);
}
template <int B>
void fill_items(const char* src, char* __restrict__ dst, int64_t stride, int64_t n) {
  typename ItemOfSize<B>::type v;
  __builtin_memcpy(&v, src, B);
  if (stride == B) {
    for (int64_t i = 0; i < n; ++i) __builtin_memcpy(dst + i * B, &v, B);
  } else {
    for (int64_t i = 0; i < n; ++i) __builtin_memcpy(dst + i * stride, &v, B);
  }
}

#define FB_FOR_ITEM(item, call)      \
  switch (item) {                    \
    case 1: { constexpr int B = 1; return call; }  \
    case 2: { constexpr int B = 2; return call; }  \
    case 4: { constexpr int B = 4; return call; }  \
    case 8: { constexpr int B = 8; return call; }  \
    default: { constexpr int B = 16; return call; } \
  }

void gather(int item, const char* src, int64_t stride, char* dst, int64_t n) {
  FB_FOR_ITEM(item, gather_items<B>(src, stride, dst, n))
}
void scatter(int item, const char* src, char* dst, int64_t stride, int64_t n) {
  FB_FOR_ITEM(item, scatter_items<B>(src, dst, stride, n))
}
void fill(int item, const char* src, char* dst, int64_t stride, int64_t n) {
  FB_FOR_ITEM(item, fill_items<B>(src, dst, stride, n))
}

// The strides apart: any layout is brought to one where the loop over types is contiguous.
using Run = void (*)(const void*, void*, int64_t);
void convert_strided(Run run, int from_item, int to_item, const char* src, int64_t src_stride,
                     char* dst, int64_t dst_stride, int64_t n) {
  alignas(64) char x[kChunk * 16], y[kChunk * 16];
  if (src_stride == 0) {
    run(src, y, 1);
    return fill(to_item, y, dst, dst_stride, n);
  }
  for (int64_t i = 0; i < n; i += kChunk) {
    const int64_t m = n - i < kChunk ? n - i : kChunk;
    const char* s = src + i * src_stride;
    char* d = dst + i * dst_stride;
    if (src_stride != from_item) {
      gather(from_item, s, src_stride, x, m);
      s = x;
    }
    if (dst_stride == to_item) {
      run(s, d, m);
    } else {
      run(s, y, m);
      scatter(to_item, y, d, dst_stride, m);
    }
  }
}

template <class From, class To>
void run_untyped(const void* x, void* y, int64_t n) {
  convert_run(static_cast<const From*>(x), static_cast<To*>(y), n);
}

template <class From, class To>
void convert_any(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t n) {
  constexpr int kFrom = sizeof(From), kTo = sizeof(To);
  if (n <= 0) return;
  if (src_stride == kFrom && dst_stride == kTo)
    return convert_run(static_cast<const From*>(src), static_cast<To*>(dst), n);
  const auto* s = static_cast<const char*>(src);
  auto* d = static_cast<char*>(dst);
  if constexpr (std::is_same_v<From, To>) {
    if (src_stride == 0) return fill_items<kTo>(s, d, dst_stride, n);
    if (dst_stride == kTo) return gather_items<kTo>(s, src_stride, d, n);
    if (src_stride == kTo) return scatter_items<kTo>(s, d, dst_stride, n);
    move_items<kTo>(s, src_stride, d, dst_stride, n);
  } else {
    convert_strided(run_untyped<From, To>, kFrom, kTo, s, src_stride, d, dst_stride, n);
  }
}

// ---------------------------------------------------------------- the table

// In the order of DType.
#define FB_ROW(From)                                                                      \
  {convert_any<From, uint8_t>, convert_any<From, int8_t>, convert_any<From, int16_t>,     \
   convert_any<From, int32_t>, convert_any<From, int64_t>, convert_any<From, F16>,        \
   convert_any<From, float>, convert_any<From, double>, convert_any<From, C64>,           \
   convert_any<From, C128>, convert_any<From, Flag>, convert_any<From, BF16>}
constexpr ConvertRun kTable[12][12] = {FB_ROW(uint8_t), FB_ROW(int8_t),  FB_ROW(int16_t),
                                       FB_ROW(int32_t), FB_ROW(int64_t), FB_ROW(F16),
                                       FB_ROW(float),   FB_ROW(double),  FB_ROW(C64),
                                       FB_ROW(C128),    FB_ROW(Flag),    FB_ROW(BF16)};
#undef FB_ROW

}  // namespace

ConvertRun find_convert(int from, int to) { return kTable[from][to]; }

void copy_streaming(const void* src, void* dst, int64_t nbytes) {
  const char* s = static_cast<const char*>(src);
  char* d = static_cast<char*>(dst);
#if defined(FB_X86_AVX2)
  for (; nbytes >= 32; nbytes -= 32, s += 32, d += 32)
    __builtin_ia32_movntdq256(reinterpret_cast<RawInt64*>(d),
                              (RawInt64)load(reinterpret_cast<const int8_t*>(s)).v);
#elif defined(FB_X86_SSE2)
  for (; nbytes >= 16; nbytes -= 16, s += 16, d += 16)
    __builtin_ia32_movntdq(reinterpret_cast<RawInt64*>(d),
                           (RawInt64)load(reinterpret_cast<const int8_t*>(s)).v);
#endif
  __builtin_memcpy(d, s, nbytes);
}

}  // namespace flambeau::FB_ISA
