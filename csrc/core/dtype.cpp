#include "core/dtype.h"

namespace flambeau {

const DTypeInfo kDTypeInfo[kDTypes] = {
    {"uint8", 1, false, false, false},   {"int8", 1, false, false, true},
    {"int16", 2, false, false, true},    {"int32", 4, false, false, true},
    {"int64", 8, false, false, true},    {"float16", 2, true, false, true},
    {"float32", 4, true, false, true},   {"float64", 8, true, false, true},
    {"complex64", 8, false, true, true}, {"complex128", 16, false, true, true},
    {"bool", 1, false, false, false},    {"bfloat16", 2, true, false, true},
};

namespace {
DType g_default_dtype = DType::Float32;

// bool < integers < floats < complex: a higher category wins whatever its width.
int category(DType t) { return t == DType::Bool ? 0 : is_complex(t) ? 3 : is_floating(t) ? 2 : 1; }

DType promote_integers(DType a, DType b) {
  // uint8 with a signed type needs the next wider signed one.
  if (a == DType::UInt8 || b == DType::UInt8) {
    const DType other = a == DType::UInt8 ? b : a;
    return other == DType::Int8 ? DType::Int16 : other;
  }
  return element_size(a) >= element_size(b) ? a : b;
}

DType promote_floats(DType a, DType b) {
  if (is_half(a) && is_half(b)) return DType::Float32;
  return element_size(a) >= element_size(b) ? a : b;
}
}  // namespace

DType promote(DType a, DType b) {
  if (a == b) return a;
  const int ca = category(a), cb = category(b);
  if (ca == 3 || cb == 3) {
    const bool wide = a == DType::Complex128 || b == DType::Complex128 || a == DType::Float64 ||
                      b == DType::Float64;
    return wide ? DType::Complex128 : DType::Complex64;
  }
  if (ca != cb) return ca > cb ? a : b;
  return ca == 1 ? promote_integers(a, b) : promote_floats(a, b);
}

DType to_real(DType t) {
  return t == DType::Complex64 ? DType::Float32 : t == DType::Complex128 ? DType::Float64 : t;
}

DType to_complex(DType t) {
  return t == DType::Float64 || t == DType::Complex128 ? DType::Complex128 : DType::Complex64;
}

bool can_cast(DType from, DType to) {
  const int f = category(from), t = category(to);
  return f <= t || (f == 1 && t == 1);
}

DType default_dtype() { return g_default_dtype; }
void set_default_dtype(DType t) {
  FB_CHECK_TYPE(is_floating(t),
                "set_default_dtype(): only floating-point types are supported as "
                "the default type, got ",
                name(t));
  g_default_dtype = t;
}

Half::Half(float value) {
  uint32_t u;
  std::memcpy(&u, &value, 4);
  const uint32_t sign = (u >> 16) & 0x8000u, magnitude = u & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) {
    bits = static_cast<uint16_t>(sign | 0x7E00u);
  } else if (magnitude >= 0x47800000u) {
    bits = static_cast<uint16_t>(sign | 0x7C00u);  // infinity, or beyond 65519
  } else if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 lets the float unit do the shift and the rounding to even.
    float f;
    std::memcpy(&f, &magnitude, 4);
    f += 0.5f;
    uint32_t r;
    std::memcpy(&r, &f, 4);
    bits = static_cast<uint16_t>(sign | (r - 0x3F000000u));
  } else {
    const uint32_t odd = (magnitude >> 13) & 1u;
    bits = static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xFFFu + odd) >> 13));
  }
}

Half::operator float() const {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1Fu, mantissa = bits & 0x3FFu;
  uint32_t u;
  float value;
  if (exponent == 0x1F) {
    u = sign | 0x7F800000u | (mantissa << 13);
  } else if (exponent == 0) {
    value = static_cast<float>(mantissa) * 5.9604644775390625e-8f;  // 2^-24
    std::memcpy(&u, &value, 4);
    u |= sign;
  } else {
    u = sign | ((exponent + 112) << 23) | (mantissa << 13);
  }
  std::memcpy(&value, &u, 4);
  return value;
}

}  // namespace flambeau
