// Look-up tables and their gradients.
#include <cmath>

#include "autograd/autograd.h"
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_index.h"
#include "ops/index_support.h"
#include "ops_index.h"

namespace flambeau::impl {

namespace {

Tensor flat_index(const Tensor& indices) {
  return alias(indices, {indices.numel()}, {1}, indices.offset());
}

Tensor rows_of(const Tensor& weight, const Tensor& indices) {
  Dims sizes = indices.sizes();
  sizes.push_back(weight.size(1));
  const Tensor out = empty(sizes, weight.dtype(), weight.device(), "embedding");
  if (out.is_meta()) return out;
  const Tensor i = contiguous(to_dtype(indices, DType::Int64));
  windows_get(windows_of_dim(weight, 0, flat_index(i), "embedding"), weight, out);
  return out;
}

// What each row's gradient is multiplied with: 0 for padding, 1/count, else 1. Undefined when 1 for
// all.
Tensor row_factors(const Tensor& indices, int64_t rows, int64_t padding, bool by_frequency,
                   DType dtype) {
  if (padding < 0 && !by_frequency) return Tensor();
  const int64_t n = indices.numel();
  const int64_t* p = indices.data<int64_t>();
  std::vector<int64_t> count;
  if (by_frequency) {
    count.resize(static_cast<size_t>(rows), 0);
    for (int64_t k = 0; k < n; ++k) {
      FB_CHECK_INDEX(p[k] >= 0 && p[k] < rows, "embedding(): index out of range in self");
      ++count[static_cast<size_t>(p[k])];
    }
  } else if (std::find(p, p + n, padding) == p + n) {
    return Tensor();
  }
  const Tensor factors = empty({n}, DType::Float64);
  double* f = factors.data<double>();
  for (int64_t k = 0; k < n; ++k) {
    f[k] = p[k] == padding ? 0.0
           : by_frequency  ? 1.0 / static_cast<double>(count[static_cast<size_t>(p[k])])
                           : 1.0;
  }
  return to_dtype(factors, dtype);
}

// rows[k, :] * factors[k], where a factor of 0 gives 0 whatever the row holds.
Tensor scaled_rows(const Tensor& rows, const Tensor& factors) {
  if (!factors.defined()) return rows;
  const Tensor out = empty(rows.sizes(), rows.dtype());
  const int64_t n = factors.numel(), width = n ? rows.numel() / n : 0;
  visit_dtype(rows.dtype(), [&]<class T>() {
    const T *from = rows.data<T>(), *f = factors.data<T>();
    T* to = out.data<T>();
    using C = compute_t<T>;
    for (int64_t k = 0; k < n; ++k) {
      const C factor = static_cast<C>(f[k]);
      for (int64_t j = 0; j < width; ++j) {
        to[k * width + j] =
            factor == C(0) ? T(C(0)) : static_cast<T>(static_cast<C>(from[k * width + j]) * factor);
      }
    }
  });
  return out;
}

template <class T>
void limit_row(T* row, int64_t step, int64_t n, double max_norm, double p) {
  double norm = 0;
  for (int64_t j = 0; j < n; ++j) {
    const double a = std::abs(static_cast<double>(static_cast<compute_t<T>>(row[j * step])));
    if (std::isinf(p))
      norm = std::max(norm, a);
    else
      norm += p == 2.0 ? a * a : p == 1.0 ? a : std::pow(a, p);
  }
  if (!std::isinf(p)) norm = p == 2.0 ? std::sqrt(norm) : std::pow(norm, 1.0 / p);
  if (!(norm > max_norm)) return;
  const double factor = max_norm / (norm + 1e-7);
  for (int64_t j = 0; j < n; ++j) {
    row[j * step] = T(static_cast<compute_t<T>>(
        static_cast<double>(static_cast<compute_t<T>>(row[j * step])) * factor));
  }
}

// Rescales the rows in use to the norm limit, in place and without history.
void limit_norms(const Tensor& weight, const Tensor& indices, double max_norm, double p) {
  std::vector<char> seen(static_cast<size_t>(weight.size(0)), 0);
  for (int64_t k = 0; k < indices.numel(); ++k) {
    const int64_t i = indices.data<int64_t>()[k];
    FB_CHECK_INDEX(i >= 0 && i < weight.size(0), "embedding(): index out of range in self");
    if (std::exchange(seen[static_cast<size_t>(i)], 1)) continue;
    visit_floating(weight.dtype(), "embedding", [&]<class T>() {
      limit_row(weight.data<T>() + i * weight.stride(0), weight.stride(1), weight.size(1), max_norm,
                p);
    });
  }
  bump_version(weight);
}

}  // namespace

Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq, bool) {
  FB_CHECK(weight.dim() == 2, "embedding(): 'weight' must be 2-D, got shape ", weight.sizes());
  FB_CHECK(
      input.dtype() == DType::Int64 || input.dtype() == DType::Int32,
      "embedding(): Expected "
      "tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but "
      "got ",
      type_name(input.dtype()));
  int64_t padding = -1;
  if (padding_idx) {
    const int64_t rows = weight.size(0);
    FB_CHECK(*padding_idx >= -rows && *padding_idx < rows,
             "embedding(): Padding_idx must be within "
             "num_embeddings (",
             rows, "), got ", *padding_idx);
    padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  if (max_norm && !weight.is_meta()) {
    limit_norms(weight, contiguous(to_dtype(input, DType::Int64)), *max_norm, norm_type);
  }
  return ops::_embedding(weight, input, padding, scale_grad_by_freq);
}

Tensor _embedding(const Tensor& weight, const Tensor& indices, int64_t, bool) {
  return rows_of(weight, indices);
}

Tensor _embedding_scatter(const Tensor& self, const Tensor& indices, const Dims& size,
                          int64_t padding_idx, bool by_frequency) {
  const Tensor out = empty(size, self.dtype(), self.device(), "embedding");
  if (out.is_meta()) return out;
  const Tensor i = flat_index(contiguous(to_dtype(indices, DType::Int64)));
  const Tensor rows = contiguous(self);
  const Tensor values =
      scaled_rows(rows, row_factors(i, size[0], padding_idx, by_frequency, self.dtype()));
  sum_wide(windows_of_dim(out, 0, i, "embedding"), out, values);
  return out;
}

Tensor _embedding_rows(const Tensor& weight, const Tensor& indices, int64_t padding_idx,
                       bool by_frequency) {
  const Tensor rows = rows_of(weight, indices);
  if (rows.is_meta()) return rows;
  const Tensor i = flat_index(contiguous(to_dtype(indices, DType::Int64)));
  return scaled_rows(rows,
                     row_factors(i, weight.size(0), padding_idx, by_frequency, weight.dtype()));
}

}  // namespace flambeau::impl
