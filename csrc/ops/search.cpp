// Search in sorted sequences, membership, distinct values.
#include <numeric>

#include "core/blocking.h"
#include "cpu/count.h"
#include "cpu/iterate.h"
#include "cpu/sort.h"
#include "cpu/thread_pool.h"
#include "impl_sort.h"
#include "ops/index_support.h"
#include "ops_join.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_sort.h"

namespace flambeau::impl {

namespace {

Tensor flat(const Tensor& t) {
  const Tensor packed = contiguous(t);
  return alias(packed, {packed.numel()}, {1}, packed.offset());
}

// A comparison's type for a number beside a tensor is the tensor's unless its category is higher.
DType common_type(const Tensor& a, const Tensor& b) {
  const DType t = result_type(a, b);
  return t == DType::Bool ? DType::UInt8 : t;
}

template <class T>
auto widened(T v) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
    return static_cast<float>(v);
  else
    return v;
}

// Binary search without branches, which nothing could predict; NaN is found at the end. `order` is
// the sorter's row or null.
template <bool right, class T>
int64_t insertion_place(const T* row, const int64_t* order, int64_t n, T value) {
  const auto v = widened(value);
  const auto before = [&](int64_t i) -> int64_t {
    const auto m = widened(row[order ? order[i] : i]);
    return right ? !(m > v) : !(m >= v);
  };
  if (n == 0) return 0;
  int64_t begin = 0;
  for (int64_t left = n; left > 1;) {
    const int64_t half = left / 2;
    begin += before(begin + half - 1) * half;
    left -= half;
  }
  return begin + before(begin);
}

bool resolve_side(bool right, const std::optional<std::string>& side) {
  if (!side) return right;
  FB_CHECK(*side == "left" || *side == "right",
           "torch.searchsorted(): side can only be 'left' or 'right' "
           "but got ",
           *side);
  FB_CHECK(!(right && *side == "left"),
           "torch.searchsorted(): side and right can't be set to opposites, "
           "got side of left while right was True");
  return *side == "right";
}

void check_sorter(const Tensor& sorter, const Tensor& sequence) {
  FB_CHECK(sorter.sizes() == sequence.sizes(),
           "torch.searchsorted(): boundary and sorter must have the "
           "same size, but got boundary tensor ",
           sequence.sizes(), " and got sorter tensor ", sorter.sizes());
  FB_CHECK(sorter.dtype() == DType::Int64,
           "torch.searchsorted(): sorter must be a tensor of long dtype "
           "but got dtype ",
           sorter.dtype());
  const int64_t n = sorter.dim() ? sorter.size(sorter.dim() - 1) : 1;
  const Tensor s = contiguous(sorter);
  for (int64_t i = 0; i < s.numel(); ++i) {
    const int64_t v = s.data<int64_t>()[i];
    FB_CHECK_INDEX(v >= 0 && v < n, "torch.searchsorted(): sorter index out of range: ", v,
                   " for a sequence of length ", n);
  }
}

Tensor search(const Tensor& sequence, const Tensor& values, bool out_int32, bool right,
              const Tensor& sorter) {
  const int64_t n = sequence.dim() ? sequence.size(sequence.dim() - 1) : 1;
  FB_CHECK(!out_int32 || n < INT32_MAX,
           "torch.searchsorted(): the size of boundaries' last dimension "
           "should be less than 2147483647, but got ",
           n);
  const Tensor out = empty(values.sizes(), DType::Int64, values.device());
  if (out.is_meta() || sequence.is_meta()) {
    return empty(values.sizes(), out_int32 ? DType::Int32 : DType::Int64, sequence.device());
  }
  const DType t = common_type(sequence, values);
  const Tensor s = contiguous(to_dtype(sequence, t)), v = contiguous(to_dtype(values, t));
  const Tensor order = sorter.defined() ? contiguous(sorter) : Tensor();
  const int64_t per_row = sequence.dim() == 1 ? std::max<int64_t>(1, v.numel())
                                              : (values.dim() ? values.size(values.dim() - 1) : 1);
  const int64_t* o = order.defined() ? order.data<int64_t>() : nullptr;
  int64_t* to = out.data<int64_t>();
  visit_dtype(t, [&]<class T>() {
    if constexpr (!is_complex_v<T>) {
      const T *rows = s.data<T>(), *given = v.data<T>();
      const int64_t total = v.numel();
      BlockingRegion region(total > kBlockingWork / 8);
      parallel_for(total, kParallelGrain / 16, [&](int64_t begin, int64_t end) {
        const auto place = right ? insertion_place<true, T> : insertion_place<false, T>;
        for (int64_t i = begin; i < end;) {
          const int64_t row = i / per_row * n, last = std::min(end, (i / per_row + 1) * per_row);
          for (; i < last; ++i) to[i] = place(rows + row, o ? o + row : nullptr, n, given[i]);
        }
      });
    }
  });
  return out_int32 ? to_dtype(out, DType::Int32) : out;
}

}  // namespace

Tensor searchsorted(const Tensor& sequence, const Tensor& values, bool out_int32, bool right,
                    const std::optional<std::string>& side, const Tensor& sorter) {
  FB_CHECK(!is_complex(sequence.dtype()) && !is_complex(values.dtype()),
           "torch.searchsorted(): complex numbers have no order");
  FB_CHECK(sequence.dim() > 0,
           "torch.searchsorted(): boundaries tensor should have positive dimension, "
           "but got 0 dimension");
  bool fits = sequence.dim() == 1 || sequence.dim() == values.dim();
  for (int64_t d = 0; fits && sequence.dim() != 1 && d + 1 < sequence.dim(); ++d) {
    fits = sequence.size(d) == values.size(d);
  }
  FB_CHECK(
      fits,
      "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
      "dimensions of boundaries tensor and input value tensor must match, but we got boundaries "
      "tensor ",
      sequence.sizes(), " and input value tensor ", values.sizes());
  if (sorter.defined() && !sorter.is_meta()) check_sorter(sorter, sequence);
  return search(sequence, values, out_int32, resolve_side(right, side), sorter);
}

Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
  FB_CHECK(boundaries.dim() == 1,
           "bucketize(): boundaries tensor must be 1 dimension, but got dim(", boundaries.dim(),
           ")");
  return ops::searchsorted(boundaries, self, out_int32, right);
}

Tensor isin(const Tensor& elements, const Tensor& test_elements, bool, bool invert) {
  FB_CHECK(!is_complex(elements.dtype()) && !is_complex(test_elements.dtype()),
           "isin(): Unsupported input type encountered: complex numbers have no order");
  const Tensor out = empty(elements.sizes(), DType::Bool, elements.device());
  if (out.is_meta()) return out;
  const DType t = common_type(elements, test_elements);
  const Tensor from = contiguous(to_dtype(elements, t)),
               unordered = flat(to_dtype(test_elements, t));
  const Tensor positions = empty({unordered.numel()}, DType::Int64), tests = empty_like(unordered);
  sort_rows(unordered, false, positions);
  if (tests.numel()) lines_gather(unordered, 0, positions, tests, "isin");
  const int64_t n = tests.numel(), total = from.numel();
  bool* to = out.data<bool>();
  visit_dtype(t, [&]<class T>() {
    if constexpr (!is_complex_v<T>) {
      const T *sorted = tests.data<T>(), *e = from.data<T>();
      BlockingRegion region(total > kBlockingWork / 8);
      parallel_for(total, kParallelGrain / 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = insertion_place<false>(sorted, nullptr, n, e[i]);
          to[i] = (at < n && widened(sorted[at]) == widened(e[i])) != invert;
        }
      });
    }
  });
  return out;
}

// ---- distinct values

namespace {

using Triple = std::tuple<Tensor, Tensor, Tensor>;

// Groups of equal neighbours in an order of n items: where each begins in the order, and for every
// item its group.
struct Groups {
  Tensor begin, inverse;
  int64_t count = 0, n;
  const int64_t* order;

  // same(i): whether items i - 1 and i of the order are equal.
  template <class Same>
  Groups(int64_t items, const int64_t* given, bool want_inverse, Same&& same)
      : begin(empty({items + 1}, DType::Int64)), n(items), order(given) {
    int64_t* at = begin.data<int64_t>();
    if (want_inverse) inverse = empty({n}, DType::Int64);
    int64_t* group = want_inverse ? inverse.data<int64_t>() : nullptr;
    int64_t found = 0;
    for (int64_t i = 0; i < items; ++i) {
      at[found] = i;
      found += i == 0 || !same(i);
      if (group) group[given ? given[i] : i] = found - 1;
    }
    at[found] = items;
    count = found;
  }
  // The first item of a group.
  int64_t first(int64_t g) const {
    const int64_t i = begin.data<int64_t>()[g];
    return order ? order[i] : i;
  }
  Tensor group_of(const Dims& sizes) const {
    return inverse.defined() ? alias(inverse, sizes, contiguous_strides(sizes), 0)
                             : empty({0}, DType::Int64);
  }
  Tensor counts(bool wanted) const {
    if (!wanted) return empty({0}, DType::Int64);
    const Tensor t = empty({count}, DType::Int64);
    const int64_t* at = begin.data<int64_t>();
    for (int64_t g = 0; g < count; ++g) t.data<int64_t>()[g] = at[g + 1] - at[g];
    return t;
  }
};

// Where runs of equal neighbours begin among n numbers. Blocks are counted first, so that those
// without a beginning need no second look and parts of blocks can be written side by side.
template <class T>
struct RunStarts {
  static constexpr int64_t kBlock = 256, kPart = 64;  // numbers, blocks
  const T* p;
  int64_t n, blocks;
  std::vector<int64_t> before;  // runs that begin before each block; all of them at the end

  RunStarts(const T* numbers, int64_t count)
      : p(numbers),
        n(count),
        blocks((n + kBlock - 1) / kBlock),
        before(static_cast<size_t>(blocks) + 1) {
    parallel_for(blocks, kPart, [&](int64_t b, int64_t end) {
      for (; b < end; ++b) {
        int64_t found = starts(b * kBlock);
        const int64_t stop = end_of(b);
        for (int64_t i = b * kBlock + 1; i < stop; ++i) found += differs(i);
        before[static_cast<size_t>(b) + 1] = found;
      }
    });
    std::partial_sum(before.begin(), before.end(), before.begin());
  }
  bool differs(int64_t i) const { return widened(p[i - 1]) != widened(p[i]); }
  bool starts(int64_t i) const { return i == 0 || differs(i); }
  int64_t end_of(int64_t block) const { return std::min(n, (block + 1) * kBlock); }
  int64_t runs() const { return before.back(); }

  // Calls f(block, places, found) for blocks where runs begin, at `places`, and enter(i, run) for
  // every number, if it is not null.
  template <class F, class Enter>
  void each_block(const F& f, const Enter& enter) const {
    parallel_for(blocks, kPart, [&](int64_t b, int64_t end) {
      int64_t places[kBlock];
      for (; b < end; ++b) {
        const int64_t from = b * kBlock, to = end_of(b), run = before[static_cast<size_t>(b)];
        int64_t found = 0;
        if (before[static_cast<size_t>(b) + 1] == run) {
          if constexpr (!std::is_null_pointer_v<Enter>)
            for (int64_t i = from; i < to; ++i) enter(i, run - 1);
          continue;
        }
        bool start = starts(from);
        for (int64_t i = from;;) {
          places[found] = i;
          found += start;
          if constexpr (!std::is_null_pointer_v<Enter>) enter(i, run + found - 1);
          if (++i == to) break;
          start = differs(i);
        }
        f(b, places, found);
      }
    });
  }
};

// Runs of equal neighbours among `all`, whose item i is number order[i] of the caller's: their
// values, the run of every item in the caller's order, and their lengths.
template <class T>
Triple runs_of(const Tensor& all, const int64_t* order, const Dims& sizes, bool inverse,
               bool counts) {
  const T* p = all.data<T>();
  const RunStarts<T> starts(p, all.numel());
  const int64_t runs = starts.runs();
  const Tensor values = empty({runs}, all.dtype());
  const Tensor lengths = empty({counts ? runs : 0}, DType::Int64);
  const Tensor group = empty(inverse ? sizes : Dims{0}, DType::Int64);
  T* value = values.data<T>();
  int64_t *length = counts ? lengths.data<int64_t>() : nullptr, *of = group.data<int64_t>();
  std::vector<int64_t> firsts(counts ? static_cast<size_t>(starts.blocks) : 0);
  const auto write = [&](int64_t b, const int64_t* places, int64_t found) {
    const int64_t run = starts.before[static_cast<size_t>(b)];
    for (int64_t j = 0; j < found; ++j) value[run + j] = p[places[j]];
    if (!length) return;
    for (int64_t j = 0; j + 1 < found; ++j) length[run + j] = places[j + 1] - places[j];
    // How long the last one is, the next block tells: until then, where it begins.
    length[run + found - 1] = places[found - 1];
    firsts[static_cast<size_t>(b)] = places[0];
  };
  if (!inverse)
    starts.each_block(write, nullptr);
  else if (!order)
    starts.each_block(write, [of](int64_t i, int64_t run) { of[i] = run; });
  else
    starts.each_block(write, [of, order](int64_t i, int64_t run) { of[order[i]] = run; });
  int64_t next = all.numel();
  for (int64_t b = starts.blocks - 1; length && b >= 0; --b) {
    const int64_t end = starts.before[static_cast<size_t>(b) + 1];
    if (end == starts.before[static_cast<size_t>(b)]) continue;
    length[end - 1] = next - length[end - 1];
    next = firsts[static_cast<size_t>(b)];
  }
  return {values, group, lengths};
}

Triple unique_flat(const Tensor& self, bool inverse, bool counts, bool sorted) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !self.is_meta(),
                "unique(): the result's size depends on "
                "values, which tensors on the meta device do not have");
  Tensor all = flat(self), order;
  if (sorted) {
    order = empty({all.numel()}, DType::Int64);
    sort_rows(all, false, order);
    const Tensor ordered = empty_like(all);
    if (all.numel()) lines_gather(all, 0, order, ordered, "unique");
    all = ordered;
  }
  return visit_dtype(all.dtype(), [&]<class T>() {
    return runs_of<T>(all, order.defined() ? order.data<int64_t>() : nullptr, self.sizes(), inverse,
                      counts);
  });
}

// Integers of a small range are counted instead of sorted.
Triple unique_counted(const Tensor& self, const Tensor& all, const IntRange& range, bool inverse,
                      bool counts) {
  const Tensor table = empty({range.size()}, DType::Int64);
  count_integers(all, range, table);
  int64_t* t = table.data<int64_t>();
  int64_t distinct = 0;
  for (int64_t v = 0; v < table.numel(); ++v) distinct += t[v] != 0;
  const Tensor values = empty({distinct}, all.dtype());
  const Tensor sizes = empty({counts ? distinct : 0}, DType::Int64);
  const Tensor group = empty(inverse ? self.sizes() : Dims{0}, DType::Int64);
  visit_dtype(all.dtype(), [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      int64_t g = 0;
      for (int64_t v = 0; v < table.numel(); ++v) {
        if (t[v] == 0) continue;
        values.data<T>()[g] = static_cast<T>(v + range.low);
        if (counts) sizes.data<int64_t>()[g] = t[v];
        t[v] = g++;  // from now on the group's number
      }
      if (!inverse) return;
      const T* p = all.data<T>();
      int64_t* to = group.data<int64_t>();
      parallel_for(all.numel(), kParallelGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = t[static_cast<int64_t>(p[i]) - range.low];
      });
    }
  });
  return {values, group, sizes};
}

}  // namespace

Triple _unique(const Tensor& self, bool inverse, bool counts) {
  FB_CHECK(!is_complex(self.dtype()), "unique(): complex numbers have no order");
  if (!self.is_meta() && is_integral(self.dtype()) && self.numel() > 0) {
    const Tensor all = flat(self);
    const IntRange range = range_of_integers(all);
    if (range.size() <= std::max<int64_t>(256, 4 * self.numel()))
      return unique_counted(self, all, range, inverse, counts);
  }
  return unique_flat(self, inverse, counts, true);
}

Triple _unique_consecutive(const Tensor& self, bool inverse, bool counts) {
  return unique_flat(self, inverse, counts, false);
}

Triple _unique_dim(const Tensor& self, int64_t dim, bool sort, bool inverse, bool counts) {
  FB_CHECK(!is_complex(self.dtype()), "unique(): complex numbers have no order");
  FB_CHECK_KIND(ErrorKind::NotImplemented, !self.is_meta(),
                "unique(): the result's size depends on "
                "values, which tensors on the meta device do not have");
  FB_CHECK(self.dim() > 0, "unique(): dim needs a tensor with dimensions");
  dim = wrap_dim(dim, self.dim(), "unique");
  Dims sizes = self.sizes(), strides = self.strides();
  std::rotate(sizes.begin(), sizes.begin() + dim, sizes.begin() + dim + 1);
  std::rotate(strides.begin(), strides.begin() + dim, strides.begin() + dim + 1);
  const Tensor slices = contiguous(alias(self, sizes, strides, self.offset()));
  const int64_t n = slices.size(0), width = n ? slices.numel() / n : 0;
  FB_CHECK(width > 0 || n == 0,
           "unique(): There are 0 sized dimensions, and they aren't selected, so "
           "unique cannot be applied");
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  return visit_dtype(self.dtype(), [&]<class T>() -> Triple {
    if constexpr (is_complex_v<T>) {
      return {};
    } else {
      const T* p = slices.data<T>();
      if (sort) {
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
          for (int64_t j = 0; j < width; ++j) {
            const auto x = widened(p[a * width + j]), y = widened(p[b * width + j]);
            const bool x_nan = x != x, y_nan = y != y;  // NaN last, a strict order
            if (x_nan || y_nan) {
              if (x_nan != y_nan) return y_nan;
              continue;
            }
            if (x < y) return true;
            if (y < x) return false;
          }
          return false;
        });
      }
      const Groups groups(n, order.data(), inverse, [&](int64_t i) {
        const T *a = p + order[i - 1] * width, *b = p + order[i] * width;
        for (int64_t j = 0; j < width; ++j)
          if (widened(a[j]) != widened(b[j])) return false;
        return true;
      });
      const Tensor chosen = empty({groups.count}, DType::Int64);
      for (int64_t g = 0; g < groups.count; ++g) chosen.data<int64_t>()[g] = groups.first(g);
      const Windows w = windows_of_dim(self, dim, chosen, "unique");
      const Tensor values = empty(w.sizes(), self.dtype());
      windows_get(w, self, values);
      return {values, groups.group_of({n}), groups.counts(counts)};
    }
  });
}

// ---- differences

Tensor diff(const Tensor& self, int64_t n, int64_t dim, const Tensor& prepend,
            const Tensor& append) {
  FB_CHECK(self.dim() >= 1, "diff expects input to be at least one-dimensional");
  FB_CHECK(n >= 0, "diff(): order must be non-negative but got ", n);
  dim = wrap_dim(dim, self.dim(), "diff");
  TensorList parts;
  if (prepend.defined()) parts.push_back(prepend);
  parts.push_back(self);
  if (append.defined()) parts.push_back(append);
  Tensor x = parts.size() > 1 && n > 0 ? ops::cat(parts, dim) : self;
  n = std::min(n, x.size(dim));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t length = std::max<int64_t>(0, x.size(dim) - 1);
    const Tensor late = ops::narrow(x, dim, std::min<int64_t>(1, x.size(dim)), length);
    const Tensor early = ops::narrow(x, dim, 0, length);
    x = x.dtype() == DType::Bool
            ? to_dtype(ops::sub(to_dtype(late, DType::Int8), to_dtype(early, DType::Int8)),
                       DType::Bool)
            : ops::sub(late, early);
  }
  return x;
}

}  // namespace flambeau::impl
