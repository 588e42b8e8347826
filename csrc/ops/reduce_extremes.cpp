// Largest and smallest elements, where they stand, and conditions over many elements.
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "impl_reduce.h"
#include "ops/reduce_support.h"
#include "ops_reduce.h"

namespace flambeau {

namespace {

template <class V>
void arg_value(const void* states, int64_t n, void* values, double) {
  auto* s = static_cast<const ArgState<V>*>(states);
  auto* v = static_cast<V*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = s[i].value;
}
template <class V>
void arg_index(const void* states, int64_t n, void* values, double) {
  auto* s = static_cast<const ArgState<V>*>(states);
  auto* v = static_cast<int64_t*>(values);
  for (int64_t i = 0; i < n; ++i) v[i] = s[i].index;
}
void as_is_byte(const void* states, int64_t n, void* values, double) {
  std::memcpy(values, states, static_cast<size_t>(n));
}

void refuse_complex(const Tensor& self, const char* op) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !is_complex(self.dtype()), op,
                "(): not implemented for '", type_name(self.dtype()),
                "', whose numbers have no order; use abs() first");
}

// There is no extreme of nothing.
void refuse_empty(const Tensor& self, const Reduced& r, bool has_dim, const char* op) {
  if (self.numel() != 0) return;
  FB_CHECK(has_dim, op,
           "(): Expected reduction dim to be specified for input.numel() == 0. Specify "
           "the reduction dim with the 'dim' argument.");
  for (int64_t d = 0; d < self.dim(); ++d)
    FB_CHECK_INDEX(!(r.mask >> d & 1) || self.size(d) != 0, op, "(): Expected reduction dim ", d,
                   " to have non-zero size.");
}

Tensor extreme(FoldOp fold_op, const Tensor& self, const Dims& dim, bool keepdim, const char* op) {
  const Reduced r(self, dim, keepdim, op);
  refuse_empty(self, r, !dim.empty(), op);
  Tensor out = r.make(self, self.dtype(), op);
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  refuse_complex(self, op);
  const DType compute = fold_dtype(self.dtype());
  FoldResult result{out, as_is_double, DType::Float64, 1.0};
  if (compute == DType::Int64) result = {out, as_is_int64, DType::Int64, 1.0};
  double repeats = 1;
  fold(fold_op, without_repeats(self, r.mask, &repeats), r.mask, compute, 0, &result, 1);
  return r.shaped(out);
}

std::tuple<Tensor, Tensor> extreme_with_index(FoldOp fold_op, const Tensor& self, int64_t dim,
                                              bool keepdim, const char* op) {
  const Reduced r(self, Dims{dim}, keepdim, op);
  refuse_empty(self, r, true, op);
  FB_CHECK(!is_complex(self.dtype()), op, "(): does not support complex input");
  Tensor values = r.make(self, self.dtype(), op), indices = r.make(self, DType::Int64, op);
  if (!values.is_meta() && values.numel() != 0) {
    const DType compute = fold_dtype(self.dtype());
    const bool integer = compute == DType::Int64;
    const FoldResult results[] = {
        {values, integer ? arg_value<int64_t> : arg_value<double>,
         integer ? DType::Int64 : DType::Float64},
        {indices, integer ? arg_index<int64_t> : arg_index<double>, DType::Int64}};
    fold(fold_op, self, r.mask, compute, 0, results, 2);
  }
  return {r.shaped(values), r.shaped(indices)};
}

Tensor index_of(FoldOp fold_op, const Tensor& self, std::optional<int64_t> dim, bool keepdim,
                const char* op) {
  FB_CHECK(!is_complex(self.dtype()), op, "(): does not support complex input");
  FB_CHECK(self.dtype() != DType::Bool, op, "(): does not support bool input");
  const Reduced r(self, dim ? std::optional<Dims>(Dims{*dim}) : std::nullopt, keepdim, op);
  FB_CHECK_INDEX(dim || self.numel() != 0, op,
                 "(): Expected reduction dim to be specified for "
                 "input.numel() == 0.");
  refuse_empty(self, r, dim.has_value(), op);
  Tensor out = r.make(self, DType::Int64, op);
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  const DType compute = fold_dtype(self.dtype());
  const FoldResult result{out, compute == DType::Int64 ? arg_index<int64_t> : arg_index<double>,
                          DType::Int64};
  if (dim) {
    fold(fold_op, self, r.mask, compute, 0, &result, 1);
  } else {
    // The index counts in row-major order, whatever the layout.
    const Tensor flat = contiguous(self);
    const FoldResult one{alias(out, {1}, {1}, 0), result.finish, DType::Int64};
    fold(fold_op, alias(flat, {flat.numel()}, {1}, flat.offset()), 1, compute, 0, &one, 1);
  }
  return r.shaped(out);
}

Tensor condition(FoldOp fold_op, const Tensor& self, const std::optional<Dims>& dim, bool keepdim,
                 const char* op) {
  const Reduced r(self, dim, keepdim, op);
  Tensor out = r.make(self, self.dtype() == DType::UInt8 ? DType::UInt8 : DType::Bool, op);
  if (out.is_meta() || out.numel() == 0) return r.shaped(out);
  if (r.count == 0) {
    fill_elements(out, fold_op == FoldOp::All);
  } else {
    const FoldResult result{out, as_is_byte, DType::UInt8};
    fold(fold_op, self, r.mask, DType::Bool, 0, &result, 1);
  }
  return r.shaped(out);
}

}  // namespace

namespace impl {

Tensor max(const Tensor& self) { return extreme(FoldOp::Max, self, {}, false, "max"); }
Tensor min(const Tensor& self) { return extreme(FoldOp::Min, self, {}, false, "min"); }
Tensor amax(const Tensor& self, const Dims& dim, bool keepdim) {
  return extreme(FoldOp::Max, self, dim, keepdim, "amax");
}
Tensor amin(const Tensor& self, const Dims& dim, bool keepdim) {
  return extreme(FoldOp::Min, self, dim, keepdim, "amin");
}
std::tuple<Tensor, Tensor> max_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme_with_index(FoldOp::ArgMax, self, dim, keepdim, "max");
}
std::tuple<Tensor, Tensor> min_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme_with_index(FoldOp::ArgMin, self, dim, keepdim, "min");
}
Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return index_of(FoldOp::ArgMax, self, dim, keepdim, "argmax");
}
Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return index_of(FoldOp::ArgMin, self, dim, keepdim, "argmin");
}
Tensor all(const Tensor& self, const std::optional<Dims>& dim, bool keepdim) {
  return condition(FoldOp::All, self, dim, keepdim, "all");
}
Tensor any(const Tensor& self, const std::optional<Dims>& dim, bool keepdim) {
  return condition(FoldOp::Any, self, dim, keepdim, "any");
}

std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  FB_CHECK(dim || self.numel() != 0,
           "aminmax(): cannot compute aminmax over an empty dimension as "
           "the operation has no identity.");
  const Dims dims = dim ? Dims{*dim} : Dims();
  return {ops::amin(self, dims, keepdim), ops::amax(self, dims, keepdim)};
}

// ---- one element of each line

namespace {

// `t` with a dimension of size 1 at `dim` if it lacks one.
Tensor with_dim(const Tensor& t, int64_t dim, bool keepdim) {
  if (keepdim) return t;
  Dims sizes = t.sizes();
  sizes.insert(static_cast<size_t>(dim), 1);
  const Tensor flat = contiguous(t);
  return alias(flat, sizes, contiguous_strides(sizes), flat.offset());
}

// Calls f(line, index) for every element of `index` (contiguous, 1 along dim), where `line` is the
// offset in elements of the line's first element in a contiguous tensor with `size` along dim.
template <class F>
void each_line(const Tensor& index, int64_t dim, int64_t size, const char* op, const F& f) {
  int64_t inner = 1;
  for (int64_t d = dim + 1; d < index.dim(); ++d) inner *= index.size(d);
  const auto* p = index.data<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i) {
    FB_CHECK_INDEX(p[i] >= 0 && p[i] < size, op, "(): index ", p[i],
                   " is out of bounds for "
                   "dimension ",
                   dim, " with size ", size);
    f(i, i / inner * inner * size + i % inner + p[i] * inner);
  }
}

}  // namespace

Tensor _place(const Tensor& self, const Tensor& index, int64_t dim, int64_t size, bool keepdim) {
  if (size < 0) return clone_elements(self);
  const int64_t d = wrap_dim(dim, self.dim() + !keepdim, "_place");
  const Tensor from = contiguous(with_dim(self, d, keepdim));
  const Tensor at = contiguous(with_dim(index, d, keepdim));
  Dims sizes = from.sizes();
  FB_CHECK(sizes == at.sizes(), "_place(): shapes ", sizes, " and ", at.sizes(), " differ");
  sizes[d] = size;
  Tensor out = empty(sizes, self.dtype(), self.device(), "_place");
  if (out.is_meta()) return out;
  fill_elements(out, 0);
  visit_dtype(out.dtype(), [&]<class T>() {
    const T* x = from.data<T>();
    T* y = out.data<T>();
    each_line(at, d, size, "_place", [&](int64_t i, int64_t place) { y[place] = x[i]; });
  });
  return out;
}

Tensor _pick(const Tensor& self, const Tensor& index, int64_t dim, bool keepdim) {
  if (self.dim() == 0) return clone_elements(self);
  const int64_t d = wrap_dim(dim, self.dim(), "_pick");
  const Tensor at = contiguous(with_dim(index, d, keepdim));
  const Tensor from = contiguous(self);
  Tensor out = empty(at.sizes(), self.dtype(), self.device(), "_pick");
  if (!out.is_meta()) {
    visit_dtype(out.dtype(), [&]<class T>() {
      const T* x = from.data<T>();
      T* y = out.data<T>();
      each_line(at, d, self.size(d), "_pick", [&](int64_t i, int64_t place) { y[i] = x[place]; });
    });
  }
  if (!keepdim) set_geometry(*out.get(), index.sizes(), contiguous_strides(index.sizes()), 0);
  return out;
}

}  // namespace impl
}  // namespace flambeau
