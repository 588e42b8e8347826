// Chooses how a product is computed: as matrix times vector, directly for small operands, or
// packed; and maps dtypes to the types that kernels compute in.
#include "cpu/gemm.h"

#include <algorithm>
#include <cmath>

#include "core/allocator.h"
#include "core/check.h"
#include "cpu/kernels/convert_half.h"
#include "cpu/thread_pool.h"
#include "cpu/transpose_to.h"

namespace flambeau {
namespace {

// Multiply-adds up to which packing does not pay: where few rows or columns are better summed as
// vectors, and elsewhere. With few steps of k, packing never does.
constexpr double kDirectVectorWork = 48 * 48 * 48, kDirectWork = 64 * 64 * 64;
constexpr int64_t kDirectSteps = 16, kDirectLanes = 64;
constexpr int64_t kTurnedElements = 2048, kTurnedRows = 64;  // of B, turned on the stack, and of A
constexpr double kDirectChunk = 2.7e5;      // multiply-adds worth a thread's attention,
constexpr int64_t kDirectElements = 32768;  // and elements of C,
constexpr int64_t kDirectRows = 6, kDirectColumns = 16;  // in whole blocks of the kernel
// Operands with so few rows (columns) that the other operand is better read as it lies: where its
// lanes run along k, for one or two vectors or where k is long enough to make up for the adding of
// lanes at the end; and where they run across k.
constexpr int64_t kFewDots = 8, kDots = 128, kMoreDots = 16, kLongDots = 512, kFewSums = 8;
// A small C with a long k is summed in slices of k, which is all that threads could share. A tiny
// one in slices that need no packing.
constexpr int64_t kSlicedElements = 128 * 128, kTinyElements = 32 * 32;
constexpr int64_t kSlicedSteps = 512, kSlicedRatio = 8, kSlices = 16, kTinySlices = 256;
constexpr int64_t kSliceSteps = 256;  // to make up for writing C once more
// Operands of so few rows and columns are read as they lie in short slices, if not too many.
constexpr int64_t kShortSliceLanes = 64, kShortSliceSteps = 128;
constexpr double kSliceWork = 1.5e6, kTinySliceWork = 2e5;
constexpr int64_t kTinyBatch = 4;
constexpr int64_t kBatchWork = 128 * 128 * 128;  // products up to which threads divide the batch

template <class T>
T scalar_as(const GemmScalar& s) {
  if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(s.real);
  else
    return static_cast<T>(s.integer);
}

// ---- one product in a type that kernels compute in ----------------------------------------------

template <class T>
struct Product {
  GemmSource source = GemmSource::Same;
  int64_t m, n, k;
  const void* a;
  int64_t a_row, a_col;
  const void* b;
  int64_t b_row, b_col;
  GemmStore<T> store;
};

template <class T>
struct Vectors;  // the kernels for operands that are not packed
template <>
struct Vectors<float> {
  static constexpr auto& dot_rows = gemv_dot_rows_f32;
  static constexpr auto& sum_rows = gemv_sum_rows_f32;
  static constexpr auto& direct = gemm_direct_f32;
  static constexpr auto& tiny = gemm_tiny_f32;
  static constexpr auto& tiny_columns = gemm_tiny_columns_f32;
};
template <>
struct Vectors<double> {
  static constexpr auto& dot_rows = gemv_dot_rows_f64;
  static constexpr auto& sum_rows = gemv_sum_rows_f64;
  static constexpr auto& direct = gemm_direct_f64;
  static constexpr auto& tiny = gemm_tiny_f64;
  static constexpr auto& tiny_columns = gemm_tiny_columns_f64;
};

template <class T>
void finish(const T* sums, int64_t count, int64_t row_step, int64_t col_step,
            const GemmStore<T>& s) {
  const int64_t step = row_step * s.ldc + col_step;
  if (step == 1 && s.alpha == T(1) && !s.row_bias && !s.col_bias && !s.relu) {
    if (s.beta == T(0))
      std::copy_n(sums, count, s.c);
    else
      for (int64_t i = 0; i < count; ++i) s.c[i] = sums[i] + s.beta * s.c[i];
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    T value = s.alpha * sums[i];
    if (s.beta != T(0)) value += s.beta * s.c[i * step];
    if (s.row_bias) value += s.row_bias[i * row_step];
    if (s.col_bias) value += s.col_bias[i * col_step];
    if (s.relu && value < T(0)) value = T(0);
    s.c[i * step] = value;
  }
}

// Makes n elements, `stride` apart, adjacent and of type T.
template <class T>
void gather(GemmSource source, const void* x, int64_t stride, int64_t n, T* out) {
  if (source == GemmSource::Same) {
    const T* from = static_cast<const T*>(x);
    for (int64_t i = 0; i < n; ++i) out[i] = from[i * stride];
  } else if constexpr (std::is_same_v<T, float>) {
    const auto* from = static_cast<const uint16_t*>(x);
    const auto widen = source == GemmSource::F16 ? half_to_float.get() : bfloat16_to_float.get();
    if (stride == 1) return widen(from, out, n);
    for (int64_t i = 0; i < n; ++i) widen(from + i * stride, out + i, 1);
  }
}

// A product one of whose sides is short: the rows of the one operand ("few") times the other, whose
// `lanes` are read once.
template <class T>
struct Skinny {
  GemmSource source;
  const void* few;
  int64_t few_count, few_stride, few_k;
  const void* stream;
  int64_t lanes, lane_stride, lane_k;
  int64_t k;
  bool lanes_are_rows;  // of C
};

template <class T>
Skinny<T> skinny_of(const Product<T>& p) {
  if (p.m <= p.n)
    return {p.source, p.a, p.m, p.a_row, p.a_col, p.b, p.n, p.b_col, p.b_row, p.k, false};
  return {p.source, p.b, p.n, p.b_col, p.b_row, p.a, p.m, p.a_row, p.a_col, p.k, true};
}

// Whether reading the long operand as it lies beats packing it.
template <class T>
bool is_skinny(const Skinny<T>& s) {
  if (s.lane_k == 1 || s.k == 1)
    return s.few_count <= 2 || (s.few_count <= kFewDots && s.k >= kDots) ||
           (s.few_count <= kMoreDots && s.k >= kLongDots);
  return s.lane_stride == 1 && s.few_count <= kFewSums;
}

template <class T>
void multiply_skinny(const Skinny<T>& s, const GemmStore<T>& store) {
  const bool dots = s.lane_k == 1 || s.k == 1;
  const bool ready = s.source == GemmSource::Same && (s.few_k == 1 || s.k == 1);
  const int64_t item = s.source == GemmSource::Same ? sizeof(T) : 2;
  const Workspace gathered(ready ? 0 : s.few_count * s.k * sizeof(T));
  const T* few = ready ? static_cast<const T*>(s.few) : gathered.template as<T>();
  const int64_t few_stride = ready ? s.few_stride : s.k;
  if (!ready)
    for (int64_t i = 0; i < s.few_count; ++i)
      gather(s.source, static_cast<const char*>(s.few) + i * s.few_stride * item, s.few_k, s.k,
             gathered.template as<T>() + i * s.k);
  // Lanes worth a thread's attention; the shortest cost as much as longer ones.
  const int64_t enough = 65536 / std::max<int64_t>(s.k * s.few_count, 24) + 1;
  // Dots take four lanes together; sums want long runs of memory.
  const int64_t grain =
      dots ? (enough + 3) / 4 * 4
           : (std::max(enough, std::min<int64_t>(s.lanes / 8, 2048)) + 63) / 64 * 64;
  parallel_for(s.lanes, grain, [&](int64_t begin, int64_t end) {
    constexpr int64_t kSpace = 4096;
    alignas(64) T sums[kSpace];
    const int64_t piece = s.few_count == 1 ? 2048 : kSpace / s.few_count / 4 * 4;
    for (int64_t i = begin; i < end; i += piece) {
      const int64_t now = std::min(piece, end - i);
      const void* from = static_cast<const char*>(s.stream) + i * s.lane_stride * item;
      if (dots)
        Vectors<T>::dot_rows(s.source, from, s.lane_stride, now, few, few_stride, s.few_count, s.k,
                             sums, now, 0);
      else
        Vectors<T>::sum_rows(s.source, from, s.lane_k, now, few, few_stride, s.few_count, s.k, sums,
                             now, 0);
      for (int64_t f = 0; f < s.few_count; ++f)
        finish(sums + f * now, now, s.lanes_are_rows, !s.lanes_are_rows,
               s.lanes_are_rows ? store.at(i, f) : store.at(f, i));
    }
  });
}

template <class T>
void multiply_packed(const Product<T>& p, int64_t batch = 1, int64_t a_batch = 0,
                     int64_t b_batch = 0, int64_t c_batch = 0) {
  const StridedOperand<T> a{p.source, p.a, p.a_row, p.a_col, a_batch};
  const StridedOperand<T> b{p.source, p.b, p.b_col, p.b_row, b_batch};
  PackedGemm<T> job;
  job.batch = batch;
  job.m = p.m, job.n = p.n, job.k = p.k;
  job.a = a.as_a(), job.b = b.as_b();
  if (p.source == GemmSource::Same) {
    job.a_as_it_lies = static_cast<const T*>(p.a);
    job.a_row = p.a_row, job.a_col = p.a_col, job.a_batch = a_batch;
  }
  job.c = p.store.c, job.ldc = p.store.ldc, job.c_batch = c_batch;
  job.alpha = p.store.alpha, job.beta = p.store.beta;
  job.row_bias = p.store.row_bias, job.col_bias = p.store.col_bias, job.relu = p.store.relu;
  packed_gemm(job);
}

int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

template <class T>
void multiply_direct(const Product<T>& p, double work) {
  const auto* a = static_cast<const T*>(p.a);
  const auto* b = static_cast<const T*>(p.b);
  if (work <= kDirectChunk && p.m * p.n <= kDirectElements)
    return Vectors<T>::direct(a, p.a_row, p.a_col, b, p.b_row, p.m, p.n, p.k, p.store);
  const bool by_rows = p.m >= p.n;
  const int64_t other = by_rows ? p.n : p.m, unit = by_rows ? kDirectRows : kDirectColumns;
  const double lane_work = static_cast<double>(other) * p.k;
  const int64_t lanes = std::min(static_cast<int64_t>(kDirectChunk / lane_work),
                                 std::max<int64_t>(kDirectElements / other, 1));
  parallel_for(by_rows ? p.m : p.n, std::max(lanes / unit, int64_t{1}) * unit,
               [&](int64_t begin, int64_t end) {
                 if (by_rows)
                   Vectors<T>::direct(a + begin * p.a_row, p.a_row, p.a_col, b, p.b_row,
                                      end - begin, p.n, p.k, p.store.at(begin, 0));
                 else
                   Vectors<T>::direct(a, p.a_row, p.a_col, b + begin, p.b_row, p.m, end - begin,
                                      p.k, p.store.at(0, begin));
               });
}

template <class T>
bool is_direct(const Product<T>& p) {  // whether the operands may be read as they lie
  return p.source == GemmSource::Same && p.b_col == 1;
}

// A small B with adjacent columns is turned round, to be read as it then lies.
template <class T>
bool turns_small(const Product<T>& p) {
  return p.source == GemmSource::Same && p.b_col != 1 && p.m > 1 && p.n > 1 && p.m <= kTurnedRows &&
         p.n <= kTurnedElements && p.k <= kTurnedElements && p.n * p.k <= kTurnedElements;
}

template <class T>
void multiply_turned(Product<T> p) {
  alignas(64) T turned[kTurnedElements];
  const T* b = static_cast<const T*>(p.b);
  if (p.b_row == 1) {
    transpose_to(b, p.b_col, turned, p.n, p.n, p.k);
  } else {
    for (int64_t j = 0; j < p.n; ++j)
      for (int64_t i = 0; i < p.k; ++i) turned[i * p.n + j] = b[j * p.b_col + i * p.b_row];
  }
  p.b = turned, p.b_row = p.n, p.b_col = 1;
  multiply_direct(p, static_cast<double>(p.m) * p.n * p.k);
}

template <class T>
void multiply_at_once(const Product<T>& p) {
  if constexpr (std::is_floating_point_v<T>) {
    if (turns_small(p)) return multiply_turned(p);
    const double work = static_cast<double>(p.m) * p.n * p.k;
    const Skinny<T> skinny = skinny_of(p);
    const bool vectors = is_skinny(skinny);
    if (is_direct(p) && skinny.few_count > 1 &&
        (work <= (vectors && skinny.lanes >= kDirectLanes ? kDirectVectorWork : kDirectWork) ||
         p.k <= kDirectSteps))
      return multiply_direct(p, work);
    if (vectors) return multiply_skinny(skinny, p.store);
  }
  multiply_packed(p);
}

// The number of slices depends on the problem alone, and so does the result.
template <class T>
int64_t slices_of_k(const Product<T>& p) {
  if (p.k < kSlicedSteps) return 1;
  const int64_t side = std::max(p.m, p.n);
  if (p.k / kSlicedRatio < side || side > kSlicedElements || p.m * p.n > kSlicedElements) return 1;
  const double work = static_cast<double>(p.m) * p.n * p.k;
  const bool tiny = p.m * p.n <= kTinyElements;
  const int64_t shorts = (p.k + kShortSliceSteps - 1) / kShortSliceSteps;
  if (!tiny && side <= kShortSliceLanes && shorts <= kSlices && is_direct(p)) return shorts;
  const auto slices = static_cast<int64_t>(
      std::min<double>(std::ceil(work / (tiny ? kTinySliceWork : kSliceWork)), kTinySlices));
  return tiny ? slices : std::min({slices, (p.k + kSliceSteps - 1) / kSliceSteps, kSlices});
}

template <class T>
void multiply_in_slices(const Product<T>& p, int64_t slices) {
  const int64_t step = round_up((p.k + slices - 1) / slices, 8);
  slices = (p.k + step - 1) / step;
  const int64_t item = p.source == GemmSource::Same ? sizeof(T) : 2;
  const int64_t size = p.m * p.n;
  const Workspace space(slices * size * sizeof(T));
  T* parts = space.template as<T>();
  parallel_for(slices, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Product<T> part = p;
      part.k = std::min(step, p.k - i * step);
      part.a = static_cast<const char*>(p.a) + i * step * p.a_col * item;
      part.b = static_cast<const char*>(p.b) + i * step * p.b_row * item;
      part.store = {parts + i * size, p.n, T(1), T(0), nullptr, nullptr, false};
      if (step <= kShortSliceSteps && is_direct(part))
        multiply_direct(part, 0);
      else
        multiply_at_once(part);
    }
  });
  T ones[kTinySlices];
  std::fill_n(ones, slices, T(1));
  parallel_for(p.m, std::max<int64_t>(1, 32768 / (p.n * slices)), [&](int64_t begin, int64_t end) {
    constexpr int64_t kPiece = 1024;
    alignas(64) T sums[kPiece];
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < p.n; j += kPiece) {
        const int64_t now = std::min(kPiece, p.n - j);
        Vectors<T>::sum_rows(GemmSource::Same, parts + i * p.n + j, size, now, ones, slices, 1,
                             slices, sums, now, 0);
        finish(sums, now, 0, 1, p.store.at(i, j));
      }
  });
}

template <class T>
void multiply(const Product<T>& p) {
  const bool empty = p.m <= 0 || p.n <= 0 || p.k <= 0 || p.store.alpha == T(0);
  if (empty) return multiply_packed(p);
  if constexpr (std::is_floating_point_v<T>) {
    if (const int64_t slices = slices_of_k(p); slices > 1) return multiply_in_slices(p, slices);
  }
  multiply_at_once(p);
}

// ---- dtypes ------------------------------------------------------------------------------------

template <class T>
Product<T> product_of(const GemmArgs& g, GemmSource source) {
  Product<T> p;
  p.source = source;
  p.m = g.m, p.n = g.n, p.k = g.k;
  p.a = g.a, p.a_row = g.a_row, p.a_col = g.a_col;
  p.b = g.b, p.b_row = g.b_row, p.b_col = g.b_col;
  return p;
}

template <class T>
Product<T> product_in_place(const GemmArgs& g) {
  Product<T> p = product_of<T>(g, GemmSource::Same);
  p.store = {static_cast<T*>(g.c),
             g.c_row,
             scalar_as<T>(g.alpha),
             scalar_as<T>(g.beta),
             static_cast<const T*>(g.row_bias),
             static_cast<const T*>(g.col_bias),
             g.activation == Activation::Relu};
  return p;
}

int64_t rows_grain(int64_t n) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(n, 1)); }

// The product alone, in a wider type, to a buffer from which it is then narrowed.
template <class T>
const T* wide_product(const GemmArgs& g, GemmSource source, const Workspace& space) {
  Product<T> p = product_of<T>(g, source);
  p.store = {space.as<T>(), g.n,     g.alpha.real == 0 && g.alpha.integer == 0 ? T(0) : T(1),
             T(0),          nullptr, nullptr,
             false};
  multiply(p);
  return space.as<T>();
}

size_t elements_of_c(const GemmArgs& g, size_t item) {
  const size_t row = checked_nbytes(g.n, item);
  return checked_nbytes(g.m, row);
}

void gemm_half(const GemmArgs& g) {
  const bool f16 = g.dtype == DType::Float16;
  const auto widen = f16 ? half_to_float.get() : bfloat16_to_float.get();
  const auto narrow = f16 ? float_to_half.get() : float_to_bfloat16.get();
  const Workspace space(elements_of_c(g, sizeof(float)));
  const float* sums = wide_product<float>(g, f16 ? GemmSource::F16 : GemmSource::BF16, space);
  const auto* row_bias = static_cast<const uint16_t*>(g.row_bias);
  const auto* col_bias = static_cast<const uint16_t*>(g.col_bias);
  const auto alpha = static_cast<float>(g.alpha.real), beta = static_cast<float>(g.beta.real);
  parallel_for(g.m, rows_grain(g.n), [&](int64_t begin, int64_t end) {
    constexpr int64_t kPiece = 512;
    alignas(64) float value[kPiece], other[kPiece];
    for (int64_t i = begin; i < end; ++i) {
      float bias = 0;
      if (row_bias) widen(row_bias + i, &bias, 1);
      for (int64_t j0 = 0; j0 < g.n; j0 += kPiece) {
        const int64_t now = std::min(kPiece, g.n - j0);
        uint16_t* c = static_cast<uint16_t*>(g.c) + i * g.c_row + j0;
        const float* from = sums + i * g.n + j0;
        for (int64_t j = 0; j < now; ++j) value[j] = alpha * from[j];
        if (beta != 0) {
          widen(c, other, now);
          for (int64_t j = 0; j < now; ++j) value[j] += beta * other[j];
        }
        if (row_bias)
          for (int64_t j = 0; j < now; ++j) value[j] += bias;
        if (col_bias) {
          widen(col_bias + j0, other, now);
          for (int64_t j = 0; j < now; ++j) value[j] += other[j];
        }
        if (g.activation == Activation::Relu)
          for (int64_t j = 0; j < now; ++j) value[j] = value[j] < 0 ? 0 : value[j];
        narrow(value, c, now);
      }
    }
  });
}

template <class Narrow>
void gemm_narrow_int(const GemmArgs& g, GemmSource source) {
  const Workspace space(elements_of_c(g, sizeof(uint32_t)));
  const uint32_t* sums = wide_product<uint32_t>(g, source, space);
  const auto* row_bias = static_cast<const Narrow*>(g.row_bias);
  const auto* col_bias = static_cast<const Narrow*>(g.col_bias);
  const auto alpha = scalar_as<uint32_t>(g.alpha), beta = scalar_as<uint32_t>(g.beta);
  parallel_for(g.m, rows_grain(g.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Narrow* c = static_cast<Narrow*>(g.c) + i * g.c_row;
      for (int64_t j = 0; j < g.n; ++j) {
        uint32_t value = alpha * sums[i * g.n + j];
        if (beta != 0) value += beta * static_cast<uint32_t>(c[j]);
        if (row_bias) value += static_cast<uint32_t>(row_bias[i]);
        if (col_bias) value += static_cast<uint32_t>(col_bias[j]);
        c[j] = static_cast<Narrow>(value);
      }
    }
  });
}

// One orientation only: adjacent rows of C. A C with adjacent columns is computed transposed.
GemmArgs with_rows_adjacent(GemmArgs g) {
  if (g.c_col == 1 || g.n <= 1) return g;
  FB_CHECK(g.c_row == 1 || g.m <= 1, "gemm: the result has strides (", g.c_row, ", ", g.c_col,
           "), but elements of its rows or of its columns must be adjacent; make it contiguous");
  std::swap(g.m, g.n);
  std::swap(g.a, g.b);
  std::swap(g.conj_a, g.conj_b);
  const int64_t a_row = g.a_row, a_col = g.a_col;
  g.a_row = g.b_col, g.a_col = g.b_row;
  g.b_row = a_col, g.b_col = a_row;
  std::swap(g.c_row, g.c_col);
  std::swap(g.row_bias, g.col_bias);
  return g;
}

void check(const GemmArgs& g) {
  FB_CHECK(g.dtype != DType::Bool, "gemm: not implemented for bool; convert the operands first");
  FB_CHECK(g.activation == Activation::None || is_floating(g.dtype),
           "gemm: relu is for floating dtypes, got ", g.dtype);
  FB_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0, "gemm: negative size (", g.m, ", ", g.n, ", ", g.k,
           ")");
}

void run(const GemmArgs& g) {
  if (g.m == 0 || g.n == 0) return;
  switch (g.dtype) {
    case DType::Float32: return multiply(product_in_place<float>(g));
    case DType::Float64: return multiply(product_in_place<double>(g));
    case DType::Float16:
    case DType::BFloat16: return gemm_half(g);
    case DType::Int8: return gemm_narrow_int<int8_t>(g, GemmSource::I8);
    case DType::UInt8: return gemm_narrow_int<uint8_t>(g, GemmSource::U8);
    case DType::Int16: return gemm_narrow_int<int16_t>(g, GemmSource::I16);
    case DType::Int32: return multiply(product_in_place<uint32_t>(g));
    case DType::Int64: return multiply(product_in_place<uint64_t>(g));
    case DType::Complex64: return gemm_complex<float>(g);
    case DType::Complex128: return gemm_complex<double>(g);
    case DType::Bool: break;  // refused by check()
  }
}

// A large batch that shares an operand packs it once.
template <class T>
bool run_shared(const GemmArgs& g, int64_t batch, int64_t a_batch, int64_t b_batch,
                int64_t c_batch) {
  if ((a_batch != 0) == (b_batch != 0) || g.m <= 1 || g.n <= 1) return false;
  multiply_packed(product_in_place<T>(g), batch, a_batch, b_batch, c_batch);
  return true;
}

// A batch of products that the kernel for tiny ones can take.
template <class T>
bool run_tiny(const GemmArgs& g, int64_t batch, int64_t a_batch, int64_t b_batch, int64_t c_batch) {
  const Product<T> p = product_in_place<T>(g);
  TinyProducts<T> t{.m = p.m,
                    .n = p.n,
                    .k = p.k,
                    .a = static_cast<const T*>(p.a),
                    .a_row = p.a_row,
                    .a_col = p.a_col,
                    .a_batch = a_batch,
                    .b = static_cast<const T*>(p.b),
                    .b_row = p.b_row,
                    .b_col = p.b_col,
                    .b_batch = b_batch,
                    .c = p.store.c,
                    .alpha = p.store.alpha,
                    .beta = p.store.beta};
  const bool plain = !p.store.row_bias && !p.store.col_bias && !p.store.relu && t.alpha != T(0);
  if (!plain || (p.m > 1 && p.store.ldc != p.n) || c_batch != p.m * p.n || p.k == 0) return false;
  if (t.n == 1) {  // the lanes of vectors are the rows of A
    std::swap(t.m, t.n);
    std::swap(t.a, t.b);
    std::swap(t.a_batch, t.b_batch);
    t.b_row = p.a_col, t.b_col = p.a_row;
    t.a_row = 0, t.a_col = p.b_row;
  }
  if (t.m > kTinyMost || t.k > kTinyMost || t.n > Vectors<T>::tiny_columns()) return false;
  const double cost = 25 + static_cast<double>(t.m) * t.n * t.k / 20;  // in nanoseconds, about
  parallel_for(batch, static_cast<int64_t>(2e4 / cost) + 1,
               [&](int64_t begin, int64_t end) { Vectors<T>::tiny(t, begin, end); });
  return true;
}

}  // namespace

void gemm(const GemmArgs& args) {
  check(args);
  run(with_rows_adjacent(args));
}

void gemm_batched(const GemmArgs& args, int64_t batch, int64_t a_batch, int64_t b_batch,
                  int64_t c_batch) {
  check(args);
  GemmArgs g = with_rows_adjacent(args);
  if (g.a != args.a) std::swap(a_batch, b_batch);
  if (batch <= 0 || g.m == 0 || g.n == 0) return;
  const double m = static_cast<double>(g.m), n = static_cast<double>(g.n);
  const double k = static_cast<double>(std::max<int64_t>(g.k, 1)), work = m * n * k;
  if (batch >= kTinyBatch &&
      ((g.dtype == DType::Float32 && run_tiny<float>(g, batch, a_batch, b_batch, c_batch)) ||
       (g.dtype == DType::Float64 && run_tiny<double>(g, batch, a_batch, b_batch, c_batch))))
    return;
  const bool divide_batch = work <= kBatchWork || batch >= 32;
  if (!divide_batch && g.dtype == DType::Float32 &&
      run_shared<float>(g, batch, a_batch, b_batch, c_batch))
    return;
  const int64_t item = element_size(g.dtype);
  const auto one = [&](int64_t i) {
    GemmArgs now = g;
    now.a = static_cast<const char*>(g.a) + i * a_batch * item;
    now.b = static_cast<const char*>(g.b) + i * b_batch * item;
    now.c = static_cast<char*>(g.c) + i * c_batch * item;
    run(now);
  };
  if (!divide_batch) {
    for (int64_t i = 0; i < batch; ++i) one(i);
    return;
  }
  // Reading an element costs as much as some multiply-adds, and so does a call.
  const double cost = std::max(work, 8 * (m * k + k * n + m * n)) + 2000;
  parallel_for(batch, static_cast<int64_t>(std::max(1.0, 3e5 / cost)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) one(i);
               });
}

}  // namespace flambeau
