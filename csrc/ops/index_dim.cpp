// Rows along one dimension (index_*) and one index per element (gather, scatter).
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_index.h"
#include "ops/index_support.h"
#include "ops/op_support.h"
#include "ops_index.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

Tensor vector_index(const Tensor& index, const char* op) {
  FB_CHECK_INDEX(index.dim() <= 1, op, "(): Index is supposed to be a vector, got shape ",
                 index.sizes());
  FB_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, op,
           "(): Expected dtype int32 or int64 for index, got ", index.dtype());
  return index;
}

// source's dimensions but `dim` must be self's; its size there must be the number of indices.
void check_source(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                  const char* op) {
  FB_CHECK(source.dtype() == self.dtype(), op, "(): self (", type_name(self.dtype()),
           ") and source (", type_name(source.dtype()), ") must have the same scalar type");
  const int64_t rows = source.dim() ? source.size(std::min(dim, source.dim() - 1)) : 1;
  Dims expected = self.sizes();
  if (self.dim()) expected[static_cast<size_t>(dim)] = index.numel();
  const bool scalar = self.dim() <= 1 && source.dim() <= 1;
  FB_CHECK(source.dim() == self.dim() || scalar, op,
           "(): source tensor shape must match self tensor "
           "shape, excluding the specified dimension. Got self.shape = ",
           self.sizes(), " source.shape = ", source.sizes());
  FB_CHECK(rows == index.numel(), op, "(): Number of indices (", index.numel(),
           ") should be equal to "
           "source.size(dim): (",
           rows, "), for dim: ", dim);
  FB_CHECK(scalar || source.sizes() == expected, op,
           "(): source tensor shape must match self tensor "
           "shape, excluding the specified dimension. Got self.shape = ",
           self.sizes(), " source.shape = ", source.sizes());
}

Tensor one_value(const Scalar& value, const Tensor& self, const char* op) {
  FB_CHECK(!value.is_complex() || is_complex(self.dtype()), op,
           "(): value cannot be converted to type ", self.dtype(), " without overflow");
  return scalar_tensor(value, self.dtype());
}

}  // namespace

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, self.dim(), "index_select");
  vector_index(index, "index_select");
  FB_CHECK(self.dim() || index.numel() == 1,
           "index_select(): Index to scalar can have only 1 value, "
           "got ",
           index.numel(), " value(s)");
  const Windows w = windows_of_dim(self, dim, index, "index_select");
  const Tensor out =
      empty(self.dim() ? w.sizes() : Dims(), self.dtype(), self.device(), "index_select");
  if (!out.is_meta()) windows_get(w, self, out);
  return out;
}

Tensor _index_select_scatter(const Tensor& self, const Dims& size, int64_t dim,
                             const Tensor& index) {
  const Tensor out = empty(size, self.dtype(), self.device(), "index_select");
  if (out.is_meta()) return out;
  dim = wrap_dim(dim, out.dim(), "index_select");
  const Windows w = windows_of_dim(out, dim, index, "index_select");
  sum_wide(w, out, contiguous(self));
  return out;
}

void index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                const Scalar& alpha) {
  dim = wrap_dim(dim, self.dim(), "index_add_");
  vector_index(index, "index_add_");
  check_source(self, dim, index, source, "index_add_");
  if (self.is_meta()) return;
  Tensor values = separate_values(source, self);
  if (alpha.is_complex() || !(alpha == 1.0)) {
    GradMode off(false);
    values = grad::scale(detach(values), alpha);
    FB_CHECK(values.dtype() == self.dtype(), "index_add_(): alpha ", alpha, " does not fit dtype ",
             self.dtype());
  }
  const Tensor packed = is_half(self.dtype()) ? contiguous(self) : self;
  const Windows w = windows_of_dim(packed, dim, index, "index_add_");
  accumulate_wide(packed, values, [&](const Tensor& to, const Tensor& from) {
    windows_reduce(w, to, from, RowOp::Add);
  });
  if (!packed.is(self)) copy_elements(self, packed);
}

void index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  dim = wrap_dim(dim, self.dim(), "index_copy_");
  vector_index(index, "index_copy_");
  check_source(self, dim, index, source, "index_copy_");
  if (self.is_meta()) return;
  windows_put(windows_of_dim(self, dim, index, "index_copy_"), self, separate_values(source, self));
}

void index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  dim = wrap_dim(dim, self.dim(), "index_fill_");
  vector_index(index, "index_fill_");
  const Tensor v = one_value(value, self, "index_fill_");
  if (self.is_meta()) return;
  if (self.dim() == 0) {
    if (index.numel()) copy_elements(self, v);
    return;
  }
  // Unlike its siblings this one counts negative positions from the end.
  TensorList indices(static_cast<size_t>(dim) + 1);
  indices.back() = index.dim() ? index : alias(index, {1}, {1}, index.offset());
  windows_put(windows_of_indices(self, indices), self, v);
}

void index_fill_Tensor_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  FB_CHECK(value.dim() == 0,
           "index_fill_ only supports a 0-dimensional value tensor, but got tensor "
           "with ",
           value.dim(), " dimension(s).");
  index_fill_(self, dim, index, item(value));
}

// ---- gather and scatter

namespace {

// Sizes as gather() sees them: a 0-d tensor is a vector of one.
Dims at_least_1d(const Tensor& t) { return t.dim() ? t.sizes() : Dims{1}; }

// One index per element along `dim`. A vector stretched over the other dimensions, as graphs use
// it, stays one: it picks whole rows.
struct Picks {
  Tensor index;
  int64_t dim;
  const char* op;
  bool rows;

  // The windows of a tensor shaped like the one that is indexed.
  Windows windows(const Tensor& t) const {
    Dims sizes = index.sizes();
    sizes[static_cast<size_t>(dim)] = t.size(dim);
    return windows_of_dim(alias(t, sizes, t.strides(), t.offset()), dim,
                          alias(index, {index.size(dim)}, {index.stride(dim)}, index.offset()), op,
                          ErrorKind::Runtime);
  }
  void get(const Tensor& self, const Tensor& out) const {
    if (rows) return windows_get(windows(self), self, out);
    lines_gather(self, dim, index, out, op);
  }
  void put(const Tensor& self, const Tensor& src) const {
    if (rows) return windows_put(windows(self), self, src);
    lines_put(self, dim, index, src, op);
  }
  // Half types go through a contiguous float copy.
  void reduce(const Tensor& self, const Tensor& src, RowOp by) const {
    accumulate_wide(self, src, [&](const Tensor& to, const Tensor& from) {
      if (rows) return windows_reduce(windows(to), to, from, by);
      lines_reduce(to, dim, index, from, by, op);
    });
  }
};

bool is_stretched(const Tensor& index, int64_t dim) {
  bool stretched = false;
  for (int64_t d = 0; d < index.dim(); ++d) {
    if (d == dim || index.size(d) == 1) continue;
    if (index.stride(d) != 0) return false;
    stretched = true;
  }
  return stretched;
}

Picks picks_of(const Tensor& self, int64_t dim, const Tensor& index, const char* op) {
  if (index.numel() == 0) return {index, dim, op, false};
  FB_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, op,
           "(): Expected dtype int32/int64 for index, got ", index.dtype());
  const Dims own = at_least_1d(self), sizes = at_least_1d(index);
  FB_CHECK(sizes.size() == own.size(), op,
           "(): Index tensor must have the same number of dimensions as "
           "self tensor, got ",
           index.sizes(), " for ", self.sizes());
  for (size_t d = 0; d < sizes.size(); ++d) {
    FB_CHECK(static_cast<int64_t>(d) == dim || sizes[d] <= own[d], op,
             "(): Size does not match at "
             "dimension ",
             d, " expected index ", index.sizes(), " to be no larger than self ", self.sizes(),
             " apart from dimension ", dim);
  }
  if (index.is_meta()) return {index, dim, op, false};
  if (is_stretched(index, dim)) return {index, dim, op, true};
  return {contiguous(to_dtype(index, DType::Int64)), dim, op, false};
}

// The part of src that index covers, contiguous.
Tensor line_source(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                   const char* op) {
  FB_CHECK(src.dtype() == self.dtype(), op,
           "(): Expected self.dtype to be equal to src.dtype, got ", self.dtype(), " and ",
           src.dtype());
  const Dims have = at_least_1d(src), need = at_least_1d(index);
  FB_CHECK(have.size() == need.size(), op,
           "(): Index tensor must have the same number of dimensions as "
           "src tensor, got ",
           index.sizes(), " and ", src.sizes());
  for (size_t d = 0; d < need.size(); ++d) {
    FB_CHECK(need[d] <= have[d], op, "(): Expected index ", index.sizes(),
             " to be no larger than self ", self.sizes(), " apart from dimension ", dim,
             " and to be no larger size than src ", src.sizes());
  }
  if (src.is_meta()) return src;
  return separate_values(
      alias(src, index.sizes(),
            index.dim() == src.dim() ? src.strides() : contiguous_strides(index.sizes()),
            src.offset()),
      self);
}

RowOp simple_reduction(const std::string& reduce) {
  FB_CHECK(reduce == "add" || reduce == "multiply",
           "scatter(): reduce argument must be either add or "
           "multiply, got ",
           reduce);
  return reduce == "add" ? RowOp::Add : RowOp::Mul;
}

}  // namespace

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool) {
  dim = wrap_dim(dim, self.dim(), "gather");
  const Picks picks = picks_of(self, dim, index, "gather");
  const Tensor out = empty(index.sizes(), self.dtype(), self.device(), "gather");
  if (!out.is_meta() && out.numel()) picks.get(self, out);
  return out;
}

Tensor _gather_scatter(const Tensor& self, const Dims& size, int64_t dim, const Tensor& index) {
  const Tensor out = zeros_of(self, size);
  if (out.is_meta() || index.numel() == 0) return out;
  dim = wrap_dim(dim, out.dim(), "gather");
  picks_of(out, dim, index, "gather").reduce(out, contiguous(self), RowOp::Add);
  return out;
}

// Positions counted from the end, counted from the start.
static Tensor from_the_start(const Tensor& indices, int64_t size) {
  if (indices.dtype() != DType::Int64 || indices.is_meta()) return indices;
  const Tensor out = clone_elements(contiguous(indices));
  for (int64_t *p = out.data<int64_t>(), *end = p + out.numel(); p < end; ++p)
    if (*p < 0 && *p >= -size) *p += size;
  return out;
}

Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
  if (!dim)
    return ops::gather(ops::reshape(self, {-1}), 0,
                       from_the_start(ops::reshape(indices, {-1}), self.numel()));
  const int64_t d = wrap_dim(*dim, self.dim(), "take_along_dim");
  FB_CHECK(self.dim() == indices.dim(),
           "take_along_dim(): input and indices should have the same "
           "number of dimensions, but got ",
           self.dim(), " dimensions for input, and ", indices.dim(), " dimensions for indices");
  Dims a = self.sizes(), b = indices.sizes();
  if (self.dim()) a[static_cast<size_t>(d)] = b[static_cast<size_t>(d)] = 1;
  Dims own = broadcast_shapes(a, b, "take_along_dim"), other = own;
  if (self.dim()) {
    own[static_cast<size_t>(d)] = self.size(d);
    other[static_cast<size_t>(d)] = indices.size(d);
  }
  return ops::gather(self.sizes() == own ? self : ops::expand(self, own), d,
                     from_the_start(expanded(indices, other), self.dim() ? self.size(d) : 1));
}

void scatter_src_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  dim = wrap_dim(dim, self.dim(), "scatter");
  const Picks picks = picks_of(self, dim, index, "scatter");
  if (index.numel() == 0) return;
  const Tensor from = line_source(self, dim, index, src, "scatter");
  if (!self.is_meta()) picks.put(self, from);
}

void scatter_value_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  dim = wrap_dim(dim, self.dim(), "scatter");
  const Picks picks = picks_of(self, dim, index, "scatter");
  const Tensor v = one_value(value, self, "scatter");
  if (!self.is_meta() && index.numel()) picks.put(self, v);
}

void scatter_src_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                         const std::string& reduce) {
  const RowOp op = simple_reduction(reduce);
  dim = wrap_dim(dim, self.dim(), "scatter");
  const Picks picks = picks_of(self, dim, index, "scatter");
  if (index.numel() == 0) return;
  const Tensor from = line_source(self, dim, index, src, "scatter");
  if (!self.is_meta()) picks.reduce(self, from, op);
}

void scatter_value_reduce_(const Tensor& self, int64_t dim, const Tensor& index,
                           const Scalar& value, const std::string& reduce) {
  const RowOp op = simple_reduction(reduce);
  dim = wrap_dim(dim, self.dim(), "scatter");
  const Picks picks = picks_of(self, dim, index, "scatter");
  const Tensor v = one_value(value, self, "scatter");
  if (!self.is_meta() && index.numel()) picks.reduce(self, v, op);
}

void scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  dim = wrap_dim(dim, self.dim(), "scatter_add");
  const Picks picks = picks_of(self, dim, index, "scatter_add");
  if (index.numel() == 0) return;
  const Tensor from = line_source(self, dim, index, src, "scatter_add");
  if (!self.is_meta()) picks.reduce(self, from, RowOp::Add);
}

// ---- reductions

namespace {

struct Reduction {
  RowOp op;
  bool mean = false;
  double start = 0;  // what the old value becomes when it takes no part

  static Reduction named(const std::string& name) {
    const double inf = std::numeric_limits<double>::infinity();
    if (name == "sum") return {RowOp::Add, false, 0};
    if (name == "mean") return {RowOp::Add, true, 0};
    if (name == "prod") return {RowOp::Mul, false, 1};
    if (name == "amax") return {RowOp::Max, false, -inf};
    if (name == "amin") return {RowOp::Min, false, inf};
    fail(ErrorKind::Runtime,
         "scatter_reduce(): reduce argument must be either sum, prod, mean, amax or amin, "
         "got ",
         name);
  }
};

// The neutral element in the type of `self`.
Tensor neutral(const Reduction& r, DType t) {
  const Tensor v = empty({}, t);
  visit_dtype(t, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      *v.data<T>() = r.op == RowOp::Max   ? std::numeric_limits<T>::min()
                     : r.op == RowOp::Min ? std::numeric_limits<T>::max()
                                          : static_cast<T>(r.start);
    } else {
      *v.data<T>() = Scalar(r.start).to<T>();
    }
  });
  return v;
}

// self /= count, rounded down for integers; a count of 0 counts as 1.
void divide_by_counts(const Tensor& self, const Tensor& counts) {
  const Tensor packed = contiguous(self);
  const int32_t* n = counts.data<int32_t>();
  visit_dtype(self.dtype(), [&]<class T>() {
    T* p = packed.data<T>();
    parallel_for(packed.numel(), kParallelGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int32_t c = std::max(1, n[i]);
        if constexpr (std::is_integral_v<T>) {
          const int64_t v = static_cast<int64_t>(p[i]);
          p[i] = static_cast<T>(v / c - (v % c < 0));
        } else {
          using C = compute_t<T>;
          p[i] = static_cast<T>(static_cast<C>(p[i]) / static_cast<C>(c));
        }
      }
    });
  });
  if (!packed.is(self)) copy_elements(self, packed);
}

}  // namespace

void scatter_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                     const std::string& reduce, bool include_self) {
  const Reduction r = Reduction::named(reduce);
  dim = wrap_dim(dim, self.dim(), "scatter_reduce");
  const Picks picks = picks_of(self, dim, index, "scatter_reduce");
  if (index.numel() == 0) return;
  const Tensor from = line_source(self, dim, index, src, "scatter_reduce");
  if (self.is_meta()) return;
  if (!include_self) picks.put(self, neutral(r, self.dtype()));
  if (!r.mean) return picks.reduce(self, from, r.op);
  FB_CHECK(index.numel() < INT32_MAX, "scatter_reduce(): ", index.numel(),
           " indices are too many for a mean");
  const Tensor counts = empty(self.sizes(), DType::Int32);
  fill_elements(counts, include_self ? 1 : 0);
  picks.reduce(counts, scalar_tensor(1, DType::Int32), RowOp::Add);
  accumulate_wide(self, from, [&](const Tensor& to, const Tensor& values) {
    picks.reduce(to, values, r.op);
    divide_by_counts(to, counts);
  });
}

Tensor index_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                    const std::string& reduce, bool include_self) {
  FB_CHECK(reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin",
           "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ", reduce,
           ".");
  dim = wrap_dim(dim, self.dim(), "index_reduce");
  vector_index(index, "index_reduce");
  check_source(self, dim, index, source, "index_reduce");
  Dims sizes(source.sizes().size(), 1);
  if (source.dim()) sizes[static_cast<size_t>(dim)] = index.numel();
  const Tensor lined = alias(index, sizes, contiguous_strides(sizes), index.offset());
  const Tensor packed =
      index.is_contiguous() ? lined : alias(contiguous(index), sizes, contiguous_strides(sizes), 0);
  return ops::scatter_reduce(self, dim, expanded(packed, source.sizes()), source, reduce,
                             include_self);
}

}  // namespace flambeau::impl
