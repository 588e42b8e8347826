// The element types, their C++ representations and the promotion rules between them.
#pragma once
#include <complex>
#include <cstdint>
#include <cstring>
#include <ostream>

#include "core/check.h"

namespace flambeau {

enum class DType : uint8_t {
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  Float32,
  Float64,
  Complex64,
  Complex128,
  Bool,
  BFloat16
};
inline constexpr int kDTypes = 12;

// IEEE binary16 and the upper half of binary32. Arithmetic happens in float.
struct Half {
  uint16_t bits;
  Half() = default;
  Half(float value);
  operator float() const;
};
struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  BFloat16(float value) {
    uint32_t u;
    std::memcpy(&u, &value, 4);
    bits = value != value ? 0x7FC0 : static_cast<uint16_t>((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
  }
  operator float() const {
    const uint32_t u = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &u, 4);
    return value;
  }
};
using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;

struct DTypeInfo {
  const char* name;  // "float32"
  uint8_t size;      // bytes per element
  bool floating, complex, is_signed;
};
extern const DTypeInfo kDTypeInfo[kDTypes];

inline const DTypeInfo& info(DType t) { return kDTypeInfo[static_cast<int>(t)]; }
inline const char* name(DType t) { return info(t).name; }
inline int64_t element_size(DType t) { return info(t).size; }
inline bool is_floating(DType t) { return info(t).floating; }
inline bool is_complex(DType t) { return info(t).complex; }
inline bool is_integral(DType t) { return !info(t).floating && !info(t).complex; }  // bool too
inline bool is_half(DType t) { return t == DType::Float16 || t == DType::BFloat16; }
inline bool is_differentiable(DType t) { return info(t).floating || info(t).complex; }

DType promote(DType a, DType b);      // the smallest type that holds both, PyTorch's lattice
DType to_real(DType t);               // complex64 -> float32, others unchanged
DType to_complex(DType t);            // float64 -> complex128, others -> complex64
bool can_cast(DType from, DType to);  // complex->real and float->int are refused, and all->bool
DType default_dtype();                // float32 unless set
void set_default_dtype(DType t);

inline std::ostream& operator<<(std::ostream& out, DType t) { return out << name(t); }

template <class T> struct DTypeOf;
#define FB_FORALL_DTYPES(X)                                                                       \
  X(uint8_t, UInt8) X(int8_t, Int8) X(int16_t, Int16) X(int32_t, Int32) X(int64_t, Int64)         \
  X(Half, Float16) X(float, Float32) X(double, Float64) X(Complex64, Complex64)                   \
  X(Complex128, Complex128) X(bool, Bool) X(BFloat16, BFloat16)
#define FB_DTYPE_OF(T, Name) \
  template <> struct DTypeOf<T> { static constexpr DType value = DType::Name; };
FB_FORALL_DTYPES(FB_DTYPE_OF)
#undef FB_DTYPE_OF
template <class T> inline constexpr DType dtype_of = DTypeOf<T>::value;

// Calls f.template operator()<T>() with the C++ type of `t`.
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
#define FB_CASE(T, Name) \
  case DType::Name: return f.template operator()<T>();
    FB_FORALL_DTYPES(FB_CASE)
#undef FB_CASE
  }
  __builtin_unreachable();
}

// The same over a subset: the caller names the operator for the error.
template <class F>
decltype(auto) visit_floating(DType t, const char* op, F&& f) {
  switch (t) {
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    default: fail(ErrorKind::Runtime, op, "(): expects a floating point tensor, got ", name(t));
  }
}

// The type in which values of T are accumulated or computed.
template <class T> struct Compute { using type = T; };
template <> struct Compute<Half> { using type = float; };
template <> struct Compute<BFloat16> { using type = float; };
template <class T> using compute_t = typename Compute<T>::type;
template <class T> inline constexpr bool is_complex_v = false;
template <class T> inline constexpr bool is_complex_v<std::complex<T>> = true;
template <class T>
inline constexpr bool is_floating_v =
    std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Converts one element; complex to real drops the imaginary part, float to integer truncates and
// never traps (values out of range wrap as on x86 through int64).
template <class To, class From>
To convert(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) {
    return convert<To, float>(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(convert<float, From>(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (is_complex_v<From>) {
    if constexpr (is_complex_v<To>) {
      return To(static_cast<typename To::value_type>(v.real()),
                static_cast<typename To::value_type>(v.imag()));
    } else {
      return convert<To>(v.real());
    }
  } else if constexpr (is_complex_v<To>) {
    return To(static_cast<typename To::value_type>(v), 0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr From limit = static_cast<From>(9223372036854775808.0);
    const int64_t wide = v >= -limit && v < limit ? static_cast<int64_t>(v) : INT64_MIN;
    return static_cast<To>(wide);
  } else {
    return static_cast<To>(v);
  }
}

}  // namespace flambeau
