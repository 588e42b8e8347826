// Sorting, ranks and quantiles: positions are found on rows, values are then gathered.
#include "cpu/sort.h"

#include <cmath>

#include "autograd/autograd.h"
#include "impl_sort.h"
#include "ops/index_support.h"
#include "ops_compare.h"
#include "ops_index.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"
#include "ops_sort.h"

namespace flambeau::impl {

namespace {

using Pair = std::tuple<Tensor, Tensor>;

void check_ordered(const Tensor& self, const char* op) {
  FB_CHECK(!is_complex(self.dtype()), op, "(): complex numbers have no order, got ", self.dtype());
}

// An alias with `dim` moved to the end (its own inverse).
Tensor swapped(const Tensor& t, int64_t dim) {
  if (t.dim() < 2 || dim == t.dim() - 1) return t;
  Dims sizes = t.sizes(), strides = t.strides();
  std::swap(sizes[dim], sizes[t.dim() - 1]);
  std::swap(strides[dim], strides[t.dim() - 1]);
  return alias(t, sizes, strides, t.offset());
}

// Finds positions along `dim` with find(rows, positions), `k` of them per row, and gathers the
// values.
template <class F>
Pair along_dim(const Tensor& self, int64_t dim, int64_t k, F&& find) {
  Dims sizes = self.sizes();
  if (self.dim()) sizes[dim] = k;
  if (self.is_meta()) {
    return {empty(sizes, self.dtype(), self.device()), empty(sizes, DType::Int64, self.device())};
  }
  const Tensor rows = contiguous(swapped(self, dim));
  Dims found_sizes = rows.sizes();
  if (rows.dim()) found_sizes[rows.dim() - 1] = k;
  const Tensor positions = empty(found_sizes, DType::Int64);
  find(rows, positions);
  const Tensor values = empty(found_sizes, self.dtype());
  if (values.numel())
    lines_gather(rows, rows.dim() ? rows.dim() - 1 : 0, positions, values, "sort");
  if (rows.dim() < 2 || dim == rows.dim() - 1) return {values, positions};
  return {contiguous(swapped(values, dim)), contiguous(swapped(positions, dim))};
}

Pair without_dim(Pair result, int64_t dim, bool keepdim, int64_t ndim) {
  if (keepdim || ndim == 0) return result;
  auto dropped = [&](const Tensor& t) {
    Dims sizes = t.sizes();
    sizes.erase(static_cast<size_t>(dim));
    return alias(t, sizes, contiguous_strides(sizes), t.offset());
  };
  return {dropped(std::get<0>(result)), dropped(std::get<1>(result))};
}

int64_t length(const Tensor& self, int64_t dim) { return self.dim() ? self.size(dim) : 1; }

void check_not_empty(const Tensor& self, int64_t dim, const char* op) {
  FB_CHECK_INDEX(length(self, dim) > 0, op, "(): Expected reduction dim ", dim,
                 " to have non-zero size.");
}

Tensor flat(const Tensor& t) {
  const Tensor packed = contiguous(t);
  return alias(packed, {packed.numel()}, {1}, packed.offset());
}

}  // namespace

Pair sort(const Tensor& self, int64_t dim, bool descending, bool) {
  check_ordered(self, "sort");
  dim = wrap_dim(dim, self.dim(), "sort");
  return along_dim(self, dim, length(self, dim), [&](const Tensor& rows, const Tensor& positions) {
    sort_rows(rows, descending, positions);
  });
}

Tensor argsort(const Tensor& self, int64_t dim, bool descending, bool stable) {
  return std::get<1>(sort(self, dim, descending, stable));
}

Tensor msort(const Tensor& self) { return std::get<0>(ops::sort(self, 0)); }

Pair topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool) {
  check_ordered(self, "topk");
  dim = wrap_dim(dim, self.dim(), "topk");
  FB_CHECK(k >= 0 && k <= length(self, dim), "topk(): selected index k out of range: k is ", k,
           ", dimension ", dim, " has size ", length(self, dim));
  const int64_t kept = self.dim() ? k : 1;  // a 0-d result always holds its element
  return along_dim(self, dim, kept, [&](const Tensor& rows, const Tensor& positions) {
    top_rows(rows, kept, largest, positions);
  });
}

Pair kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
  check_ordered(self, "kthvalue");
  dim = wrap_dim(dim, self.dim(), "kthvalue");
  check_not_empty(self, dim, "kthvalue");
  FB_CHECK(k >= 1 && k <= length(self, dim),
           "kthvalue(): selected number k out of range for dimension ", dim, ": k is ", k,
           ", the size is ", length(self, dim));
  auto find = [&](const Tensor& rows, const Tensor& positions) {
    rank_rows(rows, k - 1, false, positions);
  };
  return without_dim(along_dim(self, dim, 1, find), dim, keepdim, self.dim());
}

namespace {

Pair median_along(const Tensor& self, int64_t dim, bool keepdim, bool skip_nan, const char* op) {
  check_ordered(self, op);
  dim = wrap_dim(dim, self.dim(), op);
  check_not_empty(self, dim, op);
  auto find = [&](const Tensor& rows, const Tensor& positions) {
    rank_rows(rows, -1, skip_nan, positions);
  };
  return without_dim(along_dim(self, dim, 1, find), dim, keepdim, self.dim());
}

Tensor median_of_all(const Tensor& self, bool skip_nan, const char* op) {
  check_ordered(self, op);
  if (self.is_meta()) return empty({}, self.dtype(), self.device());
  if (self.numel() == 0) {
    FB_CHECK(is_floating(self.dtype()), op, "(): the median of no integers is not defined");
    return scalar_tensor(std::nan(""), self.dtype());
  }
  const Tensor all = flat(self), position = empty({1}, DType::Int64);
  rank_rows(all, -1, skip_nan, position);
  return scalar_tensor(
      item_at(static_cast<const char*>(all.raw()) + *position.data<int64_t>() * all.itemsize(),
              all.dtype()),
      all.dtype());
}

}  // namespace

Tensor median(const Tensor& self) { return median_of_all(self, false, "median"); }
Tensor nanmedian(const Tensor& self) { return median_of_all(self, true, "nanmedian"); }
Pair median_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return median_along(self, dim, keepdim, false, "median");
}
Pair nanmedian_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return median_along(self, dim, keepdim, true, "nanmedian");
}

Pair mode(const Tensor& self, int64_t dim, bool keepdim) {
  check_ordered(self, "mode");
  dim = wrap_dim(dim, self.dim(), "mode");
  check_not_empty(self, dim, "mode");
  return without_dim(along_dim(self, dim, 1, mode_rows), dim, keepdim, self.dim());
}

// ---- quantiles

namespace {

// For each row and quantile: base + factor * (high - low), as positions in the sorted row.
struct Ranks {
  Tensor low, high, base, factor;
  bool exact;  // no interpolation: base alone
};

struct Interpolation {
  enum Kind { Linear, Lower, Higher, Midpoint, Nearest } kind;
  explicit Interpolation(const std::string& name) {
    static const char* const names[] = {"linear", "lower", "higher", "midpoint", "nearest"};
    for (int i = 0; i < 5; ++i) {
      if (name == names[i]) {
        kind = static_cast<Kind>(i);
        return;
      }
    }
    fail(ErrorKind::Runtime,
         "quantile() interpolation must be one of linear, lower, higher, midpoint or "
         "nearest, but got ",
         name);
  }
};

template <class T>
int64_t count_numbers(const T* row, int64_t n) {
  int64_t count = n;
  while (count > 0 && row[count - 1] != row[count - 1]) --count;  // NaNs are at the end
  return count;
}

template <class T>
void fill_ranks(const Tensor& sorted, const Tensor& q, bool skip_nan, Interpolation how,
                Ranks& out) {
  const int64_t n = sorted.size(sorted.dim() - 1), rows = sorted.numel() / n, count = q.numel();
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t numbers = count_numbers(sorted.data<T>() + r * n, n);
    const bool undefined = numbers == 0 || (!skip_nan && numbers < n);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = r * count + j;
      const T rank = undefined ? T(n - 1) : q.data<T>()[j] * static_cast<T>(numbers - 1);
      int64_t low = static_cast<int64_t>(std::floor(rank)),
              high = static_cast<int64_t>(std::ceil(rank));
      T weight = rank - static_cast<T>(low);
      if (how.kind == Interpolation::Lower) high = low;
      if (how.kind == Interpolation::Higher) low = high;
      if (how.kind == Interpolation::Nearest)
        low = high = static_cast<int64_t>(std::nearbyint(rank));
      if (how.kind == Interpolation::Midpoint) weight = T(0.5);
      low = std::clamp<int64_t>(low, 0, n - 1);
      high = std::clamp<int64_t>(high, 0, n - 1);
      const bool from_low = weight < T(0.5);
      out.low.data<int64_t>()[at] = low;
      out.high.data<int64_t>()[at] = high;
      out.base.data<int64_t>()[at] = from_low ? low : high;
      out.factor.data<T>()[at] = from_low ? weight : weight - T(1);
    }
  }
}

Ranks find_ranks(const Tensor& sorted, const Tensor& q, bool skip_nan, Interpolation how) {
  Dims sizes = sorted.sizes();
  sizes.back() = q.numel();
  const Device device = sorted.device();
  Ranks out{empty(sizes, DType::Int64, device), empty(sizes, DType::Int64, device),
            empty(sizes, DType::Int64, device), empty(sizes, sorted.dtype(), device),
            how.kind != Interpolation::Linear && how.kind != Interpolation::Midpoint};
  if (sorted.is_meta()) return out;
  const Tensor values = contiguous(sorted);
  if (values.dtype() == DType::Float32)
    fill_ranks<float>(values, q, skip_nan, how, out);
  else
    fill_ranks<double>(values, q, skip_nan, how, out);
  return out;
}

Tensor quantile_of(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   const std::string& interpolation, bool skip_nan) {
  const Interpolation how(interpolation);
  FB_CHECK(self.dtype() == DType::Float32 || self.dtype() == DType::Float64,
           "quantile() input tensor must be either float or double dtype, got ", self.dtype());
  FB_CHECK(self.numel() > 0, "quantile() input tensor must be non-empty");
  FB_CHECK(q.dim() <= 1, "quantile() q must be a scalar or 1D tensor, got shape ", q.sizes());
  FB_CHECK(q.dtype() == self.dtype(),
           "quantile() q tensor must be same dtype as the input tensor, got ", q.dtype(), " and ",
           self.dtype());
  FB_CHECK(!q.is_meta() || self.is_meta(), "quantile(): q is on the meta device and has no values");
  const Tensor levels = q.is_meta() ? q : flat(q);
  for (int64_t j = 0; j < levels.numel() && !q.is_meta(); ++j) {
    const double v =
        item_at(static_cast<char*>(levels.raw()) + j * levels.itemsize(), levels.dtype())
            .to_double();
    FB_CHECK(v >= 0 && v <= 1, "quantile() q must be in the range [0, 1] but got ", v);
  }
  const int64_t d = dim ? wrap_dim(*dim, self.dim(), "quantile") : 0;
  Tensor x = dim && self.dim() ? ops::transpose(self, d, -1) : ops::reshape(self, {-1});
  const Tensor sorted = std::get<0>(ops::sort(x, -1));
  const Ranks ranks = find_ranks(sorted, levels, skip_nan, how);
  Tensor y = ops::gather(sorted, -1, ranks.base);
  if (!ranks.exact) {
    Tensor factor = ranks.factor;
    if (how.kind == Interpolation::Linear && needs_grad(q) && !q.is_meta()) {
      // The rank is q (n - 1), n the number of elements that count; its value is in `factor`.
      const Tensor counted = skip_nan
                                 ? ops::sum(ops::logical_not(ops::isnan(sorted)), Dims{-1}, true)
                                 : scalar_tensor(sorted.size(sorted.dim() - 1), DType::Int64);
      const Tensor slope = ops::_to_copy(ops::sub(counted, number_tensor(Scalar(1))), q.dtype());
      const Tensor level = ops::reshape(q, {-1});
      factor = ops::add(factor, ops::mul(ops::sub(level, flambeau::detach(level)), slope));
    }
    y = ops::add(y, ops::mul(ops::sub(ops::gather(sorted, -1, ranks.high),
                                      ops::gather(sorted, -1, ranks.low)),
                             factor));
  }
  // y is [..., q] with the last dimension of self where `dim` was.
  y = ops::unsqueeze(y, 0);
  y = ops::transpose(y, 0, -1);  // [q, ..., 1]
  Dims shape = {q.numel()};
  if (dim && self.dim()) {
    y = ops::transpose(y, d + 1, -1);
    shape.append(y.sizes().begin() + 1, y.sizes().end());
    if (!keepdim) shape.erase(static_cast<size_t>(d) + 1);
  } else if (keepdim) {
    shape.resize(static_cast<size_t>(self.dim()) + 1, 1);
  }
  if (q.dim() == 0) shape.erase(0);
  return ops::reshape(y, shape);
}

Tensor one_level(const Tensor& self, double q) { return scalar_tensor(q, self.dtype()); }

}  // namespace

Tensor quantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                const std::string& interpolation) {
  return quantile_of(self, q, dim, keepdim, interpolation, false);
}
Tensor quantile_scalar(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim,
                       const std::string& interpolation) {
  return quantile_of(self, one_level(self, q), dim, keepdim, interpolation, false);
}
Tensor nanquantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   const std::string& interpolation) {
  return quantile_of(self, q, dim, keepdim, interpolation, true);
}
Tensor nanquantile_scalar(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim,
                          const std::string& interpolation) {
  return quantile_of(self, one_level(self, q), dim, keepdim, interpolation, true);
}

}  // namespace flambeau::impl
