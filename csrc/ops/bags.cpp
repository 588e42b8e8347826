// Sums of rows of a table by bags of indices, and their gradients.
#include <vector>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/kernels/image_rows.h"
#include "cpu/kernels/pool_channels.h"
#include "cpu/thread_pool.h"
#include "impl_index.h"
#include "ops/index_support.h"

namespace flambeau::impl {

namespace {

void bag_total(const float* base, const int64_t* offset, int64_t count, float* out, int64_t n) {
  channels_mean_f32(base, offset, count, 1.0F, out, n);
}
void bag_total(const double* base, const int64_t* offset, int64_t count, double* out, int64_t n) {
  channels_mean_f64(base, offset, count, 1.0, out, n);
}
void row_add(const float* src, float w, float* dst, int64_t n) { row_add_f32(src, w, dst, n); }
void row_add(const double* src, double w, double* dst, int64_t n) { row_add_f64(src, w, dst, n); }

// Bags over a table with `rows` rows, checked.
struct Bags {
  Tensor index, start;
  const int64_t *at, *first;
  int64_t n, count;

  Bags(const Tensor& indices, const Tensor& offsets, int64_t rows)
      : index(checked_index(indices, "embedding_bag")),
        start(checked_index(offsets, "embedding_bag")),
        n(indices.numel()),
        count(offsets.numel()) {
    FB_CHECK(indices.dim() == 1 && offsets.dim() == 1,
             "embedding_bag(): indices and offsets must be vectors, got ", indices.sizes(), " and ",
             offsets.sizes());
    if (index.is_meta() || start.is_meta()) return;
    at = index.data<int64_t>(), first = start.data<int64_t>();
    FB_CHECK(n == 0 || (count > 0 && first[0] == 0),
             "embedding_bag(): offsets[0] has to be 0, the first bag starts at the first index");
    for (int64_t b = 0; b < count; ++b)
      FB_CHECK(first[b] >= (b ? first[b - 1] : 0) && first[b] <= n,
               "embedding_bag(): offsets must not decrease nor exceed the number of indices, ", n,
               "; got ", first[b], " at ", b);
    for (int64_t k = 0; k < n; ++k)
      FB_CHECK_INDEX(static_cast<uint64_t>(at[k]) < static_cast<uint64_t>(rows),
                     "embedding_bag(): index ", at[k], " is out of range for ", rows, " rows");
  }
  int64_t end(int64_t b) const { return b + 1 < count ? first[b + 1] : n; }
  // The bag of every index.
  Tensor bag_of() const {
    const Tensor t = empty({n}, DType::Int64);
    for (int64_t b = 0; b < count; ++b)
      std::fill(t.data<int64_t>() + first[b], t.data<int64_t>() + end(b), b);
    return t;
  }
};

void check_table(const Tensor& t, int64_t rows, const char* what) {
  FB_CHECK(t.dim() == 2 && (rows < 0 || t.size(0) == rows), "embedding_bag(): ", what,
           " must be 2-D", rows < 0 ? "" : " with a row for each bag", ", got ", t.sizes());
}

void check_factors(const Tensor& factors, const Tensor& indices, DType dtype) {
  FB_CHECK(!factors.defined() || (factors.sizes() == indices.sizes() && factors.dtype() == dtype),
           "embedding_bag(): factors must be like the indices and of dtype ", dtype);
}

DType wide(DType t) { return is_half(t) ? DType::Float32 : t; }

// Brings the rows of a bag towards the cache while another one is summed.
template <class T>
void fetch(const T* table, int64_t width, const Bags& bags, int64_t b) {
  if (b >= bags.count) return;
  const int64_t items = std::min<int64_t>(width, 512 / static_cast<int64_t>(sizeof(T)));
  const int64_t end = std::min(bags.end(b), bags.first[b] + 64);
  for (int64_t k = bags.first[b]; k < end; ++k)
    for (int64_t j = 0; j < items; j += 64 / static_cast<int64_t>(sizeof(T)))
      __builtin_prefetch(table + bags.at[k] * width + j);
}

int64_t grain_of(int64_t work) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, work)); }

}  // namespace

Tensor _bag_sum(const Tensor& weight, const Tensor& indices, const Tensor& offsets,
                const Tensor& factors) {
  check_table(weight, -1, "weight");
  check_factors(factors, indices, weight.dtype());
  const Bags bags(indices, offsets, weight.size(0));
  const int64_t width = weight.size(1);
  const Tensor out =
      empty({bags.count, width}, weight.is_meta() ? weight.dtype() : wide(weight.dtype()),
            weight.device(), "embedding_bag");
  if (out.is_meta()) return out;
  const Tensor table = contiguous(to_dtype(weight, out.dtype()));
  const Tensor f = factors.defined() ? contiguous(to_dtype(factors, out.dtype())) : Tensor();
  visit_floating(out.dtype(), "embedding_bag", [&]<class T>() {
    if constexpr (sizeof(T) >= 4) {
      const T* from = table.data<T>();
      const T* scale = f.defined() ? f.data<T>() : nullptr;
      T* to = out.data<T>();
      BlockingRegion region(bags.n * width > kBlockingWork);
      const int64_t work = width * (bags.n / std::max<int64_t>(1, bags.count) + 1);
      parallel_for(bags.count, grain_of(work), [&](int64_t begin, int64_t end) {
        std::vector<int64_t> rows;
        for (int64_t b = begin; b < end; ++b) {
          T* sum = to + b * width;
          const int64_t k0 = bags.first[b], k1 = bags.end(b);
          fetch(from, width, bags, b + 1);
          if (k0 == k1 || scale) std::fill_n(sum, width, T(0));
          if (scale) {
            for (int64_t k = k0; k < k1; ++k)
              row_add(from + bags.at[k] * width, scale[k], sum, width);
          } else if (k0 < k1) {
            rows.clear();
            for (int64_t k = k0; k < k1; ++k) rows.push_back(bags.at[k] * width);
            bag_total(from, rows.data(), k1 - k0, sum, width);
          }
        }
      });
    }
  });
  return to_dtype(out, weight.dtype());
}

Tensor _bag_scatter(const Tensor& self, const Tensor& indices, const Tensor& offsets,
                    const Tensor& factors, const Dims& size) {
  FB_CHECK(size.size() == 2, "embedding_bag(): size must be that of a table, got ", size);
  const Bags bags(indices, offsets, size[0]);
  check_table(self, bags.count, "the gradient");
  check_factors(factors, indices, self.dtype());
  FB_CHECK(self.size(1) == size[1], "embedding_bag(): rows of ", self.size(1), " and of ", size[1]);
  const Tensor out = empty(size, self.dtype(), self.device(), "embedding_bag");
  if (out.is_meta()) return out;
  const Windows w = windows_of_dim(out, 0, bags.index, "embedding_bag");
  const Tensor bag = bags.bag_of();
  if (!factors.defined() && !is_half(out.dtype())) {
    windows_sum(w, out, contiguous(self), bag.data<int64_t>());
    return out;
  }
  const DType type = wide(out.dtype());
  const Tensor rows = empty({bags.n, size[1]}, type), from = contiguous(to_dtype(self, type));
  windows_get(windows_of_dim(from, 0, bag, "embedding_bag"), from, rows);
  if (factors.defined()) {
    const Tensor f = contiguous(to_dtype(factors, type));
    visit_floating(type, "embedding_bag", [&]<class T>() {
      T* p = rows.data<T>();
      for (int64_t k = 0; k < bags.n; ++k)
        for (int64_t j = 0; j < size[1]; ++j)
          p[k * size[1] + j] = p[k * size[1] + j] * f.data<T>()[k];
    });
  }
  const Tensor sum = type == out.dtype() ? out : empty(size, type);
  windows_sum(w, sum, rows);
  return to_dtype(sum, out.dtype());
}

Tensor _bag_dot(const Tensor& self, const Tensor& weight, const Tensor& indices,
                const Tensor& offsets) {
  check_table(weight, -1, "weight");
  const Bags bags(indices, offsets, weight.size(0));
  check_table(self, bags.count, "the gradient");
  const int64_t width = weight.size(1);
  FB_CHECK(self.size(1) == width && self.dtype() == weight.dtype(), "embedding_bag(): a table ",
           weight.sizes(), " of ", weight.dtype(), " does not go with a gradient ", self.sizes(),
           " of ", self.dtype());
  const DType type = weight.is_meta() ? weight.dtype() : wide(weight.dtype());
  const Tensor out = empty({bags.n}, type, weight.device(), "embedding_bag");
  if (out.is_meta() || bags.n == 0) return out;
  const Tensor a = contiguous(to_dtype(self, type)), b = contiguous(to_dtype(weight, type));
  const Tensor bag = bags.bag_of();
  visit_floating(type, "embedding_bag", [&]<class T>() {
    parallel_for(bags.n, grain_of(width), [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        const T* x = a.data<T>() + bag.data<int64_t>()[k] * width;
        const T* y = b.data<T>() + bags.at[k] * width;
        compute_t<T> sum{};
        for (int64_t j = 0; j < width; ++j) sum += static_cast<compute_t<T>>(x[j] * y[j]);
        out.data<T>()[k] = static_cast<T>(sum);
      }
    });
  });
  return to_dtype(out, weight.dtype());
}

}  // namespace flambeau::impl
