#include "ops/matmul_core.h"

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr double kBlockingProducts = 1 << 18;  // multiply-adds from which the GIL is let go
constexpr int64_t kColumnsWorthCopy = 32;      // of B, for which A may be copied

// The batch dimensions of a product, merged where all three operands walk them as one.
struct BatchDim { int64_t size, a, b, c; };
using BatchDims = SmallVec<BatchDim, 4>;

BatchDims batch_dims(const Tensor& out, const Tensor& a, const Tensor& b) {
  const auto stride_at = [&](const Tensor& t, int64_t d) {
    const int64_t at = d - (out.dim() - t.dim());
    return at < 0 || t.size(at) == 1 ? 0 : t.stride(at);
  };
  BatchDims dims;
  for (int64_t d = 0; d < out.dim() - 2; ++d) {
    if (out.size(d) == 1) continue;
    const BatchDim now{out.size(d), stride_at(a, d), stride_at(b, d), out.stride(d)};
    if (!dims.empty()) {
      BatchDim& last = dims.back();
      if (last.a == now.a * now.size && last.b == now.b * now.size && last.c == now.c * now.size) {
        last = {last.size * now.size, now.a, now.b, now.c};
        continue;
      }
    }
    dims.push_back(now);
  }
  return dims;
}

void run(const GemmArgs& g, const BatchDims& dims) {
  if (dims.empty()) return gemm(g);
  if (dims.size() == 1 && (dims[0].size > 1 || dims[0].a || dims[0].b)) {
    return gemm_batched(g, dims[0].size, dims[0].a, dims[0].b, dims[0].c);
  }
  int64_t total = 1;
  for (const BatchDim& d : dims) total *= d.size;
  const int64_t item = element_size(g.dtype);
  const auto one = [&](int64_t index) {
    GemmArgs now = g;
    int64_t a = 0, b = 0, c = 0;
    for (size_t i = dims.size(); i-- > 0;) {
      const int64_t at = index % dims[i].size;
      index /= dims[i].size;
      a += at * dims[i].a, b += at * dims[i].b, c += at * dims[i].c;
    }
    now.a = static_cast<const char*>(g.a) + a * item;
    now.b = static_cast<const char*>(g.b) + b * item;
    now.c = static_cast<char*>(g.c) + c * item;
    gemm(now);
  };
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) *
                      static_cast<double>(std::max<int64_t>(g.k, 1));
  if (total < 16 && work > 2e6) {  // few and large: threads share each product
    for (int64_t i = 0; i < total; ++i) one(i);
    return;
  }
  parallel_for(total, static_cast<int64_t>(std::max(1.0, 3e5 / work)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) one(i);
               });
}

// Whether the whole batch shares B, but no one stride reaches all rows of A.
bool rows_are_scattered(const Tensor& out, const Tensor& a, const Tensor& b) {
  const int64_t n = a.dim();
  if (n != out.dim() || out.size(n - 1) < kColumnsWorthCopy) return false;
  for (int64_t d = 0; d < b.dim() - 2; ++d)
    if (b.size(d) != 1 && b.stride(d) != 0) return false;
  int64_t next = -1;  // the stride that goes on where the dimension behind ends
  bool scattered = false;
  for (int64_t d = n - 2; d >= 0; --d) {
    if (a.size(d) != out.size(d)) return false;
    if (a.size(d) == 1) continue;
    scattered |= next >= 0 && a.stride(d) != next;
    next = a.stride(d) * a.size(d);
  }
  return scattered;
}

}  // namespace

void multiply_into(const Tensor& out, const Tensor& given, const Tensor& b,
                   const ProductOptions& options) {
  // Side by side the rows are those of one product.
  const bool copied = out.dim() > 2 && options.a == Orient::Plain && out.numel() > 0 &&
                      rows_are_scattered(out, given, b);
  const Tensor a = copied ? contiguous(given) : given;
  FB_CHECK_KIND(
      ErrorKind::NotImplemented, out.dtype() != DType::Bool,
      "matrix product: \"addmm_impl_cpu_\" not implemented for 'Bool'; convert the operands first");
  GemmArgs g;
  g.dtype = out.dtype();
  const int64_t ad = a.dim(), bd = b.dim(), od = out.dim();
  const bool at = options.a != Orient::Plain, bt = options.b != Orient::Plain;
  g.m = out.size(od - 2);
  g.n = out.size(od - 1);
  g.k = a.size(at ? ad - 2 : ad - 1);
  g.a = a.raw();
  g.a_row = a.stride(at ? ad - 1 : ad - 2);
  g.a_col = a.stride(at ? ad - 2 : ad - 1);
  g.b = b.raw();
  g.b_row = b.stride(bt ? bd - 1 : bd - 2);
  g.b_col = b.stride(bt ? bd - 2 : bd - 1);
  g.c = out.raw();
  g.c_row = g.n;
  g.alpha = options.alpha;
  g.beta = options.beta;
  g.conj_a = options.a == Orient::Adjoint && is_complex(g.dtype);
  g.conj_b = options.b == Orient::Adjoint && is_complex(g.dtype);
  g.col_bias = options.col_bias ? options.col_bias->raw() : nullptr;
  if (out.numel() == 0) return;
  if (g.n == 1) g.b_col = 1;  // a stride that is never taken must not hide adjacent elements
  if (g.k == 1) g.b_row = g.n, g.a_col = 1;
  BatchDims dims = od > 2 ? batch_dims(out, a, b) : BatchDims();
  if (!dims.empty() && dims.back().b == 0 && (g.m == 1 || dims.back().a == g.m * g.a_row) &&
      dims.back().c == g.m * g.n) {  // a shared B: the batch only makes A taller
    if (g.m == 1) g.a_row = dims.back().a;
    g.m *= dims.back().size;
    dims.pop_back();
  }
  const double work = static_cast<double>(out.numel()) * static_cast<double>(g.k);
  BlockingRegion region(work >= kBlockingProducts);
  run(g, dims);
}

Tensor multiply(const Tensor& a, const Tensor& b, const ProductOptions& options, const char* op) {
  const bool at = options.a != Orient::Plain, bt = options.b != Orient::Plain;
  const int64_t m = a.size(at ? a.dim() - 1 : a.dim() - 2);
  const int64_t n = b.size(bt ? b.dim() - 2 : b.dim() - 1);
  Dims sizes;
  if (a.dim() > 2 || b.dim() > 2) {
    const Dims a_batch(a.sizes().begin(), a.sizes().end() - 2);
    const Dims b_batch(b.sizes().begin(), b.sizes().end() - 2);
    sizes = broadcast_shapes(a_batch, b_batch, op);
  }
  sizes.push_back(m);
  sizes.push_back(n);
  Tensor out = empty(sizes, a.dtype(), common_device({&a, &b}), op);
  if (!out.is_meta()) multiply_into(out, a, b, options);
  return out;
}

std::string shape_text(const Dims& sizes) {
  std::string text;
  for (size_t i = 0; i < sizes.size(); ++i) text += (i ? "x" : "") + std::to_string(sizes[i]);
  return text;
}

const char* type_word(DType t) {
  static constexpr const char* words[kDTypes] = {"unsigned char",
                                                 "signed char",
                                                 "short",
                                                 "int",
                                                 "long",
                                                 "c10::Half",
                                                 "float",
                                                 "double",
                                                 "c10::complex<float>",
                                                 "c10::complex<double>",
                                                 "bool",
                                                 "c10::BFloat16"};
  return words[static_cast<int>(t)];
}

GemmScalar gemm_scalar(const Scalar& s) {
  if (s.is_integral()) return GemmScalar(s.to_int());
  const auto z = s.to<Complex128>();
  return GemmScalar(z.real(), z.imag());
}

Device common_device(std::initializer_list<const Tensor*> tensors) {
  for (const Tensor* t : tensors)
    if (t->defined() && t->is_meta()) return kMeta;
  return kCpu;
}

}  // namespace flambeau
