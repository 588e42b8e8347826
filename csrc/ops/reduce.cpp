// Sums, means, products, moments and norms: shapes and types here, elements in cpu/reduce.
#include <cmath>

#include "autograd/grad_mode.h"

#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "impl_reduce.h"
#include "ops/reduce_support.h"
#include "ops_compare.h"
#include "ops_complex.h"
#include "ops_linalg.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau {

Reduced::Reduced(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, const char* op)
    : kept(self.sizes()) {
  for (int64_t d : wrap_dims(dim.value_or(Dims()), self.dim(), op, true)) {
    if (self.dim() == 0) break;
    mask |= uint64_t{1} << d;
    count *= self.size(d);
    kept[d] = 1;
  }
  if (keepdim) {
    result = kept;
    return;
  }
  for (int64_t d = 0; d < self.dim(); ++d)
    if (!(mask >> d & 1)) result.push_back(kept[d]);
}

Tensor Reduced::make(const Tensor& self, DType dtype, const char* op) const {
  return empty(kept, dtype, self.device(), op);
}

Tensor Reduced::shaped(Tensor out) const {
  if (result.size() != kept.size()) set_geometry(*out.get(), result, contiguous_strides(result), 0);
  return out;
}

DType fold_dtype(DType t) {
  if (is_half(t)) return DType::Float32;
  return is_integral(t) ? DType::Int64 : t;
}

void as_is_double(const void* states, int64_t n, void* values, double scale) {
  auto* s = static_cast<const double*>(states);
  auto* v = static_cast<double*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = s[i] * scale;
}
void as_is_int64(const void* states, int64_t n, void* values, double scale) {
  auto* s = static_cast<const int64_t*>(states);
  auto* v = static_cast<int64_t*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = s[i] * static_cast<int64_t>(scale);
}

Tensor without_repeats(const Tensor& t, uint64_t mask, double* repeats) {
  Dims sizes = t.sizes();
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (!(mask >> d & 1) || t.stride(d) != 0 || sizes[d] == 1) continue;
    *repeats *= static_cast<double>(sizes[d]);
    sizes[d] = 1;
  }
  return *repeats == 1 ? t : alias(t, sizes, t.strides(), t.offset());
}

namespace {

void as_is_complex(const void* states, int64_t n, void* values, double scale) {
  as_is_double(states, 2 * n, values, scale);
}
void divided(const void* states, int64_t n, void* values, double count) {
  auto* s = static_cast<const double*>(states);
  auto* v = static_cast<double*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = s[i] / count;
}
void divided_complex(const void* states, int64_t n, void* values, double count) {
  divided(states, 2 * n, values, count);
}
void variance(const void* states, int64_t n, void* values, double divisor) {
  auto* s = static_cast<const Moments*>(states);
  auto* v = static_cast<double*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = s[i].m2 / divisor;
}
void deviation(const void* states, int64_t n, void* values, double divisor) {
  variance(states, n, values, divisor);
  auto* v = static_cast<double*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = std::sqrt(v[i]);
}
void log_of_sum(const void* states, int64_t n, void* values, double) {
  auto* s = static_cast<const ExpSum*>(states);
  auto* v = static_cast<double*>(values);
  for (int64_t i = 0; i < n; ++i)
    v[i] = std::isinf(s[i].max) && s[i].max < 0 ? s[i].max : s[i].max + std::log(s[i].sum);
}
void root(const void* states, int64_t n, void* values, double p) {
  auto* s = static_cast<const double*>(states);
  auto* v = static_cast<double*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = p == 2 ? std::sqrt(s[i]) : std::pow(s[i], 1 / p);
}

// A sum, mean or product in type `dtype`; what is folded are the elements converted to it.
Tensor accumulate(FoldOp op, const Tensor& self, const Reduced& r, DType dtype, const char* name,
                  bool mean = false) {
  Tensor out = r.make(self, dtype, name);
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  if (r.count == 0) {
    fill_elements(out, mean ? Scalar(std::nan("")) : Scalar(op == FoldOp::Prod ? 1 : 0));
    return r.shaped(out);
  }
  const DType compute = fold_dtype(dtype);
  Tensor in = dtype == DType::Bool ? to_dtype(self, DType::Bool) : self;
  double repeats = 1;
  if (op != FoldOp::Prod) in = without_repeats(in, r.mask, &repeats);
  FoldResult result{out, as_is_double, DType::Float64, repeats};
  if (is_complex(dtype)) {
    result = {out, as_is_complex, DType::Complex128, repeats};
  } else if (compute == DType::Int64) {
    result = {out, as_is_int64, DType::Int64, repeats};
  }
  if (mean) {
    result.finish = is_complex(dtype) ? divided_complex : divided;
    result.param = static_cast<double>(r.count) / repeats;
  }
  // A narrow integer type wraps as its own arithmetic would: conversion keeps the low bits.
  fold(op, in, r.mask, compute, 0, &result, 1);
  return r.shaped(out);
}

DType sum_dtype(const Tensor& self, std::optional<DType> dtype) {
  return dtype.value_or(is_integral(self.dtype()) ? DType::Int64 : self.dtype());
}

}  // namespace

namespace impl {

Tensor sum(const Tensor& self, const std::optional<Dims>& dim, bool keepdim,
           std::optional<DType> dtype) {
  return accumulate(FoldOp::Sum, self, Reduced(self, dim, keepdim, "sum"), sum_dtype(self, dtype),
                    "sum");
}

Tensor nansum(const Tensor& self, const std::optional<Dims>& dim, bool keepdim,
              std::optional<DType> dtype) {
  FB_CHECK(!is_complex(self.dtype()), "nansum does not support complex inputs");
  const DType to = sum_dtype(self, dtype);
  // NaN has to go before a conversion to integers would make a number of it.
  const Tensor in = is_integral(to) && is_floating(self.dtype())
                        ? ops::nan_to_num(self, 0.0, std::nullopt, std::nullopt)
                        : self;
  return accumulate(is_integral(to) ? FoldOp::Sum : FoldOp::NanSum, in,
                    Reduced(self, dim, keepdim, "nansum"), to, "nansum");
}

Tensor mean(const Tensor& self, const std::optional<Dims>& dim, bool keepdim,
            std::optional<DType> dtype) {
  const DType to = dtype.value_or(self.dtype());
  FB_CHECK(is_differentiable(to), "mean(): could not infer output dtype. ",
           dtype ? "Optional" : "Input",
           " dtype must be either a floating point or complex dtype. "
           "Got: ",
           type_name(to));
  return accumulate(FoldOp::Sum, self, Reduced(self, dim, keepdim, "mean"), to, "mean", true);
}

Tensor nanmean(const Tensor& self, const std::optional<Dims>& dim, bool keepdim,
               std::optional<DType> dtype) {
  FB_CHECK(is_differentiable(self.dtype()),
           "nanmean(): expected input to have floating point or "
           "complex dtype but got ",
           type_name(self.dtype()));
  const Tensor count = ops::sum(ops::logical_not(ops::isnan(self)), dim, keepdim);
  return ops::div(ops::nansum(self, dim, keepdim, dtype), count);
}

Tensor prod(const Tensor& self, std::optional<DType> dtype) {
  return ops::_prod(ops::reshape(self, {self.numel()}), 0, false, dtype);
}

Tensor prod_dim(const Tensor& self, int64_t dim, bool keepdim, std::optional<DType> dtype) {
  return ops::_prod(self, dim, keepdim, dtype);
}

Tensor _prod(const Tensor& self, int64_t dim, bool keepdim, std::optional<DType> dtype) {
  return accumulate(FoldOp::Prod, self, Reduced(self, Dims{dim}, keepdim, "prod"),
                    sum_dtype(self, dtype), "prod");
}

// ---- moments

static Tensor moments(const Tensor& self, const std::optional<Dims>& dim, double correction,
                      bool keepdim, bool root, const char* op) {
  FB_CHECK(is_differentiable(self.dtype()),
           "std and var only support floating point and complex "
           "dtypes");
  const Reduced r(self, dim, keepdim, op);
  if (is_complex(self.dtype())) {
    // The variance of a complex number is that of its two parts together.
    const DType part = to_real(self.dtype());
    Dims strides = self.strides();
    for (int64_t& s : strides) s *= 2;
    Tensor total;
    for (int64_t i = 0; i < 2; ++i) {
      const Tensor x =
          tensor_from_storage(self->storage, part, self.sizes(), strides, self.offset() * 2 + i);
      const Tensor v = moments(x, dim, correction, keepdim, false, op);
      total = i ? ops::add(total, v) : v;
    }
    return root ? ops::sqrt(total) : total;
  }
  Tensor out = r.make(self, self.dtype(), op);
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  const double divisor = std::max(0.0, static_cast<double>(r.count) - correction);
  if (divisor <= 0 && warn_hook) {
    warn_hook(str(op,
                  "(): degrees of freedom is <= 0. Correction should be strictly less than the "
                  "reduction factor (input numel divided by output numel).")
                  .c_str());
  }
  if (r.count == 0) {
    fill_elements(out, std::nan(""));
  } else {
    const FoldResult result{out, root ? deviation : variance, DType::Float64, divisor};
    fold(FoldOp::Moments, self, r.mask, fold_dtype(self.dtype()), 0, &result, 1);
  }
  return r.shaped(out);
}

Tensor _var(const Tensor& self, const std::optional<Dims>& dim, double correction, bool keepdim) {
  return moments(self, dim, correction, keepdim, false, "var");
}
Tensor _std(const Tensor& self, const std::optional<Dims>& dim, double correction, bool keepdim) {
  return moments(self, dim, correction, keepdim, true, "std");
}

static double correction_of(const std::optional<Scalar>& c) { return c ? c->to_double() : 1.0; }

#define FB_MOMENTS(name)                                                                         \
  Tensor name(const Tensor& self, bool unbiased) {                                               \
    return ops::_##name(self, std::nullopt, unbiased, false);                                    \
  }                                                                                              \
  Tensor name##_dim(const Tensor& self, const std::optional<Dims>& dim, bool unbiased,           \
                    bool keepdim) {                                                              \
    return ops::_##name(self, dim, unbiased, keepdim);                                           \
  }                                                                                              \
  Tensor name##_correction(const Tensor& self, const std::optional<Dims>& dim,                   \
                           const std::optional<Scalar>& correction, bool keepdim) {              \
    return ops::_##name(self, dim, correction_of(correction), keepdim);                          \
  }                                                                                              \
  std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, bool unbiased) {                    \
    return {ops::_##name(self, std::nullopt, unbiased, false), ops::mean(self)};                 \
  }                                                                                              \
  std::tuple<Tensor, Tensor> name##_mean_dim(const Tensor& self, const std::optional<Dims>& dim, \
                                             bool unbiased, bool keepdim) {                      \
    return {ops::_##name(self, dim, unbiased, keepdim), ops::mean(self, dim, keepdim)};          \
  }                                                                                              \
  std::tuple<Tensor, Tensor> name##_mean_correction(                                             \
      const Tensor& self, const std::optional<Dims>& dim,                                        \
      const std::optional<Scalar>& correction, bool keepdim) {                                   \
    return {ops::_##name(self, dim, correction_of(correction), keepdim),                         \
            ops::mean(self, dim, keepdim)};                                                      \
  }
FB_MOMENTS(var)
FB_MOMENTS(std)
#undef FB_MOMENTS

// ---- norms

// log(sum(exp(x - m))) + m, m the largest real part where that is finite.
static Tensor complex_logsumexp(const Tensor& self, const Dims& dim, bool keepdim) {
  const GradMode off(false);
  const Tensor real = ops::real(self);
  const Tensor top = self.numel() > 0 ? ops::nan_to_num(ops::amax(real, dim, true), 0.0, 0.0, 0.0)
                                      : ops::sum(real, dim, true);  // of nothing: zeros
  const Tensor sum = ops::sum(ops::exp(ops::sub(self, top)), dim, true);
  const Tensor y = ops::add(ops::log(sum), top);
  return ops::reshape(y, Reduced(self, dim, keepdim, "logsumexp").result);
}

Tensor logsumexp(const Tensor& self_, const Dims& dim, bool keepdim) {
  const Tensor self = is_integral(self_.dtype()) ? to_dtype(self_, default_dtype()) : self_;
  if (is_complex(self.dtype())) return complex_logsumexp(self, dim, keepdim);
  const Reduced r(self, dim, keepdim, "logsumexp");
  Tensor out = r.make(self, self.dtype(), "logsumexp");
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  if (r.count == 0) {
    fill_elements(out, -INFINITY);
  } else {
    const FoldResult result{out, log_of_sum, DType::Float64};
    fold(FoldOp::LogSumExp, self, r.mask, fold_dtype(self.dtype()), 0, &result, 1);
  }
  return r.shaped(out);
}

Tensor _vector_norm(const Tensor& self, double ord, const std::optional<Dims>& dim, bool keepdim,
                    std::optional<DType> dtype) {
  FB_CHECK(is_differentiable(self.dtype()),
           "linalg.vector_norm: Expected a floating point or "
           "complex tensor as input. Got ",
           type_name(self.dtype()));
  const DType to = dtype.value_or(self.dtype());
  const Reduced r(self, dim, keepdim, "linalg.vector_norm");
  Tensor out = r.make(self, to_real(to), "linalg.vector_norm");
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  if (r.count == 0) {
    FB_CHECK(!std::isinf(ord) && ord >= 0, "linalg.vector_norm cannot compute the ", ord,
             " norm on an empty tensor because the operation does not have an identity");
    fill_elements(out, 0);
    return r.shaped(out);
  }
  const Tensor in = is_complex(self.dtype()) ? ops::abs(to_dtype(self, to)) : self;
  FoldOp op = FoldOp::SumAbsPow;
  FoldResult result{out, as_is_double, DType::Float64, 1.0};
  if (ord == 0)
    op = FoldOp::CountNonzero;
  else if (ord == 1)
    op = FoldOp::SumAbs;
  else if (std::isinf(ord))
    op = ord > 0 ? FoldOp::MaxAbs : FoldOp::MinAbs;
  else
    result = {out, root, DType::Float64, ord};
  if (ord == 2) op = FoldOp::SumSquares;
  fold(op, in, r.mask, fold_dtype(to_real(to)), ord, &result, 1);
  return r.shaped(out);
}

Tensor linalg_vector_norm(const Tensor& self, const Scalar& ord, const std::optional<Dims>& dim,
                          bool keepdim, std::optional<DType> dtype) {
  return ops::_vector_norm(self, ord.to_double(), dim, keepdim, dtype);
}

static Dims matrix_dims(const Tensor& self, const Dims& dim) {
  FB_CHECK(dim.size() == 2, "linalg.matrix_norm: dim must be a 2-tuple. Got ", dim);
  FB_CHECK(self.dim() >= 2,
           "linalg.matrix_norm: The input tensor A must have at least 2 "
           "dimensions.");
  return wrap_dims(dim, self.dim(), "linalg.matrix_norm", false);
}

// The largest along a dimension, which is kept; of nothing it is 0, as norms are not negative.
static Tensor largest(const Tensor& norms, int64_t dim) {
  const Dims one{dim};
  return norms.size(dim < 0 ? dim + norms.dim() : dim) == 0 ? ops::sum(norms, one, true)
                                                            : ops::amax(norms, one, true);
}

static Tensor singular_values(const Tensor& self, const Dims& dims, std::optional<DType> dtype) {
  FB_CHECK(dims[0] != dims[1], "linalg.matrix_norm: dims must be different. Got ", dims);
  Dims order;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d != dims[0] && d != dims[1]) order.push_back(d);
  order.push_back(dims[0]);
  order.push_back(dims[1]);
  const Tensor x = dtype ? ops::_to_copy(self, *dtype) : self;
  return ops::linalg_svdvals(ops::permute(x, order));
}

// One value for each matrix in the shape of the result.
static Tensor over_matrices(const Tensor& values, const Tensor& self, const Dims& dims,
                            bool keepdim) {
  return ops::reshape(values, Reduced(self, dims, keepdim, "linalg.matrix_norm").result);
}

Tensor linalg_matrix_norm(const Tensor& self, const Scalar& ord, const Dims& dim, bool keepdim,
                          std::optional<DType> dtype) {
  const Dims dims = matrix_dims(self, dim);
  const double p = ord.to_double();
  if (std::abs(p) == 2) {
    const Tensor values = singular_values(self, dims, dtype);
    const Dims last{-1};
    return over_matrices(p > 0 ? largest(values, -1) : ops::amin(values, last, false), self, dims,
                         keepdim);
  }
  FB_CHECK(std::abs(p) == 1 || std::isinf(p), "linalg.matrix_norm: Order ", p, " not supported.");
  // Sums run down the columns for 1 and -1, along the rows for inf and -inf.
  const bool columns = std::abs(p) == 1;
  const int64_t inner = columns ? dims[0] : dims[1], outer = columns ? dims[1] : dims[0];
  const Tensor sums = ops::_vector_norm(self, 1.0, Dims{inner}, true, dtype);
  const Tensor best = p > 0 ? largest(sums, outer) : ops::amin(sums, Dims{outer}, true);
  return over_matrices(best, self, dims, keepdim);
}

// The sum of the singular values of the matrices in two dimensions.
static Tensor nuclear_norm(const Tensor& self, const Dims& dims, bool keepdim,
                           std::optional<DType> dtype) {
  return over_matrices(ops::sum(singular_values(self, dims, dtype), Dims{-1}), self, dims, keepdim);
}

Tensor linalg_matrix_norm_str(const Tensor& self, const std::string& ord, const Dims& dim,
                              bool keepdim, std::optional<DType> dtype) {
  const Dims dims = matrix_dims(self, dim);
  if (ord == "nuc") return nuclear_norm(self, dims, keepdim, dtype);
  FB_CHECK(ord == "fro", "linalg.matrix_norm: Order ", ord, " not supported.");
  return ops::_vector_norm(self, 2.0, dims, keepdim, dtype);
}

Tensor norm(const Tensor& self, const std::optional<Scalar>& p, const std::optional<Dims>& dim,
            bool keepdim, std::optional<DType> dtype) {
  return ops::_vector_norm(self, p ? p->to_double() : 2.0, dim, keepdim, dtype);
}

Tensor norm_str(const Tensor& self, const std::string& p, const std::optional<Dims>& dim,
                bool keepdim, std::optional<DType> dtype) {
  if (p == "nuc")
    return nuclear_norm(self, matrix_dims(self, dim.value_or(Dims{-2, -1})), keepdim, dtype);
  FB_CHECK(p == "fro", "norm(): Order ", p, " not supported; use a number, 'fro' or 'nuc'");
  return ops::_vector_norm(self, 2.0, dim, keepdim, dtype);
}

Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p) {
  return ops::_vector_norm(ops::sub(self, other), p.to_double(), std::nullopt, false, std::nullopt);
}

Tensor trace(const Tensor& self) {
  FB_CHECK(self.dim() == 2, "trace: expected a matrix, but got tensor with dim ", self.dim());
  return ops::sum(ops::diagonal(self, 0, 0, 1));
}

Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  FB_CHECK(p.to_double() > 0, "renorm: non-positive-norm not supported");
  FB_CHECK(maxnorm.to_double() >= 0, "renorm: expected maxnorm to be >= 0 but got ", maxnorm);
  FB_CHECK(self.dim() > 1, "renorm: input needs at least 2 dimensions, got ", self.dim(),
           " dimensions");
  dim = wrap_dim(dim, self.dim(), "renorm");
  Dims others;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d != dim) others.push_back(d);
  const Tensor norm = ops::_vector_norm(self, p.to_double(), others, true, std::nullopt);
  // The small number keeps the result within the bound after rounding.
  const Tensor shrink =
      ops::div(number_tensor(maxnorm), ops::add(norm, number_tensor(Scalar(1e-7))));
  const Tensor one = scalar_tensor(1, norm.dtype(), norm.device());
  return ops::mul(self, ops::where(ops::gt(norm, number_tensor(maxnorm)), shrink, one));
}

}  // namespace impl
}  // namespace flambeau
