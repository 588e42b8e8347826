#include "cpu/kernels/index_rows.h"

#include "core/dtype.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace {

constexpr int64_t kAhead = 8;         // rows that are fetched before they are needed
constexpr int64_t kAheadBytes = 512;  // of each: the processor sees where longer ones lead
constexpr int64_t kLine = 64;

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

// Vectors of B bytes at any address.
template <RowOp op, class T, int B>
struct Lanes {
  // Integers wrap: their sums are those of unsigned lanes.
  static constexpr bool kWraps = op == RowOp::Add || op == RowOp::Mul;
  using Lane = std::conditional_t<kWraps, typename UnsignedLane<T>::type, T>;
  typedef Lane Raw __attribute__((vector_size(B), aligned(alignof(T)), may_alias));
  static constexpr int64_t count = B / sizeof(T);
  static FB_VEC Raw sum(const T* t, const T* f) {
    const Raw a = *reinterpret_cast<const Raw*>(t), b = *reinterpret_cast<const Raw*>(f);
    if constexpr (op == RowOp::Add) return a + b;
    if constexpr (op == RowOp::Mul) return a * b;
    const Raw best = op == RowOp::Min ? (b < a ? b : a) : (b > a ? b : a);
    return b != b ? b : best;
  }
  static FB_VEC void put(T* t, Raw a) { *reinterpret_cast<Raw*>(t) = a; }
};

// The end of a row is a vector that overlaps the one before it, read before that is written.
template <RowOp op, class T, int B>
FB_VEC void row_of_vectors(T* t, const T* f, int64_t n) {
  using V = Lanes<op, T, B>;
  const int64_t whole = n / V::count * V::count;
  typename V::Raw last{};
  if (whole < n) last = V::sum(t + n - V::count, f + n - V::count);
  int64_t i = 0;
  for (; i + 4 * V::count <= whole; i += 4 * V::count) {
    typename V::Raw r[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) r[k] = V::sum(t + i + k * V::count, f + i + k * V::count);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) V::put(t + i + k * V::count, r[k]);
  }
  for (; i < whole; i += V::count) V::put(t + i, V::sum(t + i, f + i));
  if (whole < n) V::put(t + n - V::count, last);
}

template <class T>
inline constexpr bool has_lanes = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

template <RowOp op, class T>
FB_VEC void row(T* t, int64_t to_step, const T* f, int64_t from_step, int64_t n) {
  if constexpr (has_lanes<T>) {
    if (to_step == 1 && from_step == 1) {
      if (n >= Lanes<op, T, kVectorBytes>::count)
        return row_of_vectors<op, T, kVectorBytes>(t, f, n);
      if (n >= Lanes<op, T, 16>::count) return row_of_vectors<op, T, 16>(t, f, n);
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    T& place = t[i * to_step];
    place = combine<op>(place, f[i * from_step]);
  }
}

template <RowOp op, class T>
void rows(void* to, int64_t to_step, const RowList& list, const void* from, int64_t from_row,
          int64_t from_step, int64_t length) {
  T* t = static_cast<T*>(to);
  const T* f = static_cast<const T*>(from);
  const int64_t bytes = length * int64_t{sizeof(T)};
  const int64_t ahead = from_step != 1 ? 0 : bytes < kAheadBytes ? bytes : kAheadBytes;
  for (int64_t k = 0; k < list.n; ++k) {
    const auto source = [&](int64_t i) {
      const int64_t entry = list.entries ? list.entries[i] : i;
      return f + (list.source ? list.source[entry] : entry) * from_row;
    };
    if (list.entries && k + kAhead < list.n) {
      const char* next = reinterpret_cast<const char*>(source(k + kAhead));
      for (int64_t at = 0; at < ahead; at += kLine) __builtin_prefetch(next + at);
    }
    const int64_t entry = list.entries ? list.entries[k] : k;
    row<op>(t + list.table[entry], to_step, source(k), from_step, length);
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
struct RowsPick {
  static constexpr RowsFn value = rows<op, T>;
};
template <RowOp op, class T>
struct PlacePick {
  static constexpr PlaceFn value = place<op, T>;
};

// Rows of at least one vector of B bytes: whole ones, and one that ends where the row does.
template <int B>
FB_VEC void copy_vectors(char* to, const char* from, int64_t n) {
  typedef char Raw __attribute__((vector_size(B), aligned(1), may_alias));
  const auto move = [=](int64_t i) {
    *reinterpret_cast<Raw*>(to + i) = *reinterpret_cast<const Raw*>(from + i);
  };
  int64_t i = 0;
  for (; i + B <= n; i += B) move(i);
  if (i < n) move(n - B);
}

// The same for a number of vectors that is known, which for most rows is the whole of the work.
template <int V>
FB_VEC void copy_some(char* to, const char* from, int64_t n) {
  typedef char Raw __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));
  Raw whole[V];
  const auto at = [=](int i) { return i + 1 < V ? int64_t{i} * kVectorBytes : n - kVectorBytes; };
#pragma GCC unroll 4
  for (int i = 0; i < V; ++i) whole[i] = *reinterpret_cast<const Raw*>(from + at(i));
#pragma GCC unroll 4
  for (int i = 0; i < V; ++i) *reinterpret_cast<Raw*>(to + at(i)) = whole[i];
}

// Calls run(copy) with what copies one row of so many bytes.
template <class Run>
FB_VEC void with_copy(int64_t row_bytes, Run run) {
  if (row_bytes >= 4096)
    return run([](char* t, const char* f, int64_t m) {
      __builtin_memcpy(t, f, static_cast<uint64_t>(m));
    });
  if (row_bytes > 512) return run([](char* t, const char* f, int64_t m) { copy_row(t, f, m); });
  const auto by = [&]<int B>() __attribute__((always_inline)) {
    run([](char* t, const char* f, int64_t m)
            __attribute__((always_inline)) { copy_vectors<B>(t, f, m); });
  };
  const auto some = [&]<int V>() __attribute__((always_inline)) {
    run([](char* t, const char* f, int64_t m)
            __attribute__((always_inline)) { copy_some<V>(t, f, m); });
  };
  if (row_bytes > 4 * kVectorBytes) return by.template operator()<kVectorBytes>();
  if (row_bytes > 3 * kVectorBytes) return some.template operator()<4>();
  if (row_bytes > 2 * kVectorBytes) return some.template operator()<3>();
  if (row_bytes > kVectorBytes) return some.template operator()<2>();
  if (row_bytes == kVectorBytes) return some.template operator()<1>();
  if (row_bytes >= 16) return by.template operator()<16>();
  if (row_bytes >= 8) return by.template operator()<8>();
  if (row_bytes >= 4) return by.template operator()<4>();
  run([](char* t, const char* f, int64_t m) {
    for (int64_t i = 0; i < m; ++i) t[i] = f[i];
  });
}

// Lanes of bad indices set a bit.
template <bool kAdd>
bool offsets(int64_t* to, const int64_t* p, int64_t n, int64_t size, int64_t least,
             int64_t stride) {
  constexpr int64_t L = vint64::lanes;
  const vint64 wrap(-least), last(size - 1), step(stride);
  Mask<8> bad(false);
  int64_t k = 0;
  for (; k + L <= n; k += L) {
    const vint64 i = load(p + k), wrapped = i + (i >> 63 & wrap), offset = wrapped * step;
    bad = bad | (wrapped < vint64(0)) | (wrapped > last);
    store(to + k, kAdd ? load(to + k) + offset : offset);
  }
  bool any_bad = any(bad);
  for (; k < n; ++k) {
    const int64_t i = p[k], wrapped = i + (i >> 63 & -least);
    any_bad |= wrapped < 0 || wrapped >= size;
    if (!any_bad) to[k] = wrapped * stride + (kAdd ? to[k] : 0);
  }
  return !any_bad;
}

}  // namespace

bool index_offsets(int64_t* to, bool add, const int64_t* p, int64_t n, int64_t size, int64_t least,
                   int64_t stride) {
  return (add ? offsets<true> : offsets<false>)(to, p, n, size, least, stride);
}

RowsFn find_rows_op(int dtype, RowOp op) { return by_op<RowsFn, RowsPick>(dtype, op); }
PlaceFn find_place_op(int dtype, RowOp op) { return by_op<PlaceFn, PlacePick>(dtype, op); }

void gather_rows(char* to, const char* from, const int64_t* table, int64_t item, int64_t n,
                 int64_t row_bytes) {
  const int64_t ahead = row_bytes < kAheadBytes ? row_bytes : kAheadBytes;
  with_copy(row_bytes, [&](auto copy) __attribute__((always_inline)) {
    char* t = to;
    for (int64_t k = 0; k < n; ++k, t += row_bytes) {
      if (k + kAhead < n) {
        const char* next = from + table[k + kAhead] * item;
        for (int64_t at = 0; at < ahead; at += kLine) __builtin_prefetch(next + at);
      }
      copy(t, from + table[k] * item, row_bytes);
    }
  });
}

void put_rows(char* to, const RowList& list, const char* from, int64_t from_row, int64_t item,
              int64_t row_bytes) {
  with_copy(row_bytes, [&](auto copy) __attribute__((always_inline)) {
    for (int64_t k = 0; k < list.n; ++k) {
      const int64_t entry = list.entries ? list.entries[k] : k;
      copy(to + list.table[entry] * item, from + entry * from_row, row_bytes);
    }
  });
}

}  // namespace flambeau::FB_ISA
