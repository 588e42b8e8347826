#include "cpu/kernels/index_rows.h"

#include "core/dtype.h"

namespace flambeau::FB_ISA {
namespace {

template <RowOp op, class T>
inline T combine(T a, T b) {
  if constexpr (op == RowOp::Add) {
    return static_cast<T>(a + b);
  } else if constexpr (op == RowOp::Mul) {
    return static_cast<T>(a * b);
  } else {
    const T best = (op == RowOp::Min ? b < a : b > a) ? b : a;
    return b != b ? b : best;
  }
}

template <RowOp op, class T>
void row(void* to, int64_t to_step, const void* from, int64_t from_step, int64_t n) {
  T* t = static_cast<T*>(to);
  const T* f = static_cast<const T*>(from);
  if (to_step == 1 && from_step == 1) {
    for (int64_t i = 0; i < n; ++i) t[i] = combine<op>(t[i], f[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) {
      T& place = t[i * to_step];
      place = combine<op>(place, f[i * from_step]);
    }
  }
}

template <RowOp op, class T>
int64_t place(void* to, int64_t to_step, const int64_t* index, int64_t scale, int64_t bound,
              const void* from, int64_t from_step, int64_t n) {
  T* t = static_cast<T*>(to);
  const T* f = static_cast<const T*>(from);
  for (int64_t j = 0; j < n; ++j) {
    const int64_t i = index[j];
    if (static_cast<uint64_t>(i) >= static_cast<uint64_t>(bound)) return j;
    T& at = t[j * to_step + i * scale];
    at = combine<op>(at, f[j * from_step]);
  }
  return n;
}

template <class Fn, RowOp op, template <RowOp, class> class Pick>
Fn by_type(int dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::UInt8: return Pick<op, uint8_t>::value;
    case DType::Int8: return Pick<op, int8_t>::value;
    case DType::Int16: return Pick<op, int16_t>::value;
    case DType::Int32: return Pick<op, int32_t>::value;
    case DType::Int64: return Pick<op, int64_t>::value;
    case DType::Float32: return Pick<op, float>::value;
    case DType::Float64: return Pick<op, double>::value;
    case DType::Bool: return Pick<op, bool>::value;
    default: break;
  }
  if constexpr (op == RowOp::Add || op == RowOp::Mul) {
    if (static_cast<DType>(dtype) == DType::Complex64) return Pick<op, Complex64>::value;
    if (static_cast<DType>(dtype) == DType::Complex128) return Pick<op, Complex128>::value;
  }
  return nullptr;
}

template <class Fn, template <RowOp, class> class Pick>
Fn by_op(int dtype, RowOp op) {
  switch (op) {
    case RowOp::Add: return by_type<Fn, RowOp::Add, Pick>(dtype);
    case RowOp::Mul: return by_type<Fn, RowOp::Mul, Pick>(dtype);
    case RowOp::Min: return by_type<Fn, RowOp::Min, Pick>(dtype);
    default: return by_type<Fn, RowOp::Max, Pick>(dtype);
  }
}

template <RowOp op, class T>
struct RowPick {
  static constexpr RowFn value = row<op, T>;
};
template <RowOp op, class T>
struct PlacePick {
  static constexpr PlaceFn value = place<op, T>;
};

}  // namespace

RowFn find_row_op(int dtype, RowOp op) { return by_op<RowFn, RowPick>(dtype, op); }
PlaceFn find_place_op(int dtype, RowOp op) { return by_op<PlaceFn, PlacePick>(dtype, op); }

}  // namespace flambeau::FB_ISA
