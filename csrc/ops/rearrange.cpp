// Elements in another order, triangles, diagonals, classes.
#include <algorithm>
#include <bitset>
#include <cstring>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/thread_pool.h"
#include "impl_join.h"
#include "ops_create.h"
#include "ops_join.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

constexpr int64_t kRowBytes = 128 * 1024;  // worth a thread's attention

// A contiguous tensor flipped: runs of `run` bytes, in reverse order of elements where the last
// dimensions are flipped; the loops over runs read with the given steps, in bytes.
struct FlipPlan {
  Dims sizes, steps;
  int64_t start = 0, run = 1;
  bool reversed = false;
};

FlipPlan plan_flip(const Tensor& self, const std::bitset<kMaxDims>& flipped) {
  FlipPlan plan;
  int64_t d = self.dim() - 1;
  plan.reversed = d >= 0 && flipped[d];
  int64_t step = self.itemsize();
  for (; d >= 0 && flipped[d] == plan.reversed; --d) step *= self.size(d);
  plan.run = step;
  for (int64_t outer = 0; outer <= d; ++outer) {
    const int64_t n = self.size(outer), own = self.stride(outer) * self.itemsize();
    plan.sizes.push_back(n);
    plan.steps.push_back(flipped[outer] ? -own : own);
    if (flipped[outer]) plan.start += (n - 1) * own;
  }
  return plan;
}

void run_flip(const FlipPlan& plan, const char* from, char* to, int item) {
  const int64_t rows = product(plan.sizes), run = plan.run;
  if (rows == 1) {
    // One run: its pieces change places.
    return parallel_for(run / item, kRowBytes / item, [&](int64_t begin, int64_t end) {
      if (plan.reversed)
        reverse_row(to + begin * item, from + run - end * item, end - begin, item);
      else
        std::memcpy(to + begin * item, from + begin * item,
                    static_cast<size_t>((end - begin) * item));
    });
  }
  parallel_for(rows, std::max<int64_t>(kRowBytes / run, 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      int64_t offset = plan.start, left = r;
      for (size_t d = plan.sizes.size(); d-- > 0; left /= plan.sizes[d]) {
        offset += left % plan.sizes[d] * plan.steps[d];
      }
      if (plan.reversed)
        reverse_row(to + r * run, from + offset, run / item, item);
      else
        copy_row(to + r * run, from + offset, run);
    }
  });
}

}  // namespace

Tensor flip(const Tensor& self, const Dims& dims) {
  Tensor out = empty_like(self);
  std::bitset<kMaxDims> flipped;
  for (int64_t d : wrap_dims(dims, self.dim(), "flip", false)) flipped[d] = self.dim() > 0;
  if (out.is_meta() || out.numel() == 0) return out;
  if (self.is_contiguous()) {
    const FlipPlan plan = plan_flip(self, flipped);
    const auto* from = static_cast<const char*>(self.raw());
    auto* to = static_cast<char*>(out.raw());
    BlockingRegion region(self.numel() >= kBlockingWork);
    run_flip(plan, from, to, static_cast<int>(self.itemsize()));
    return out;
  }
  // The source is read through negative strides, which no tensor outside has.
  Dims strides = self.strides();
  int64_t start = self.offset();
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (!flipped[d]) continue;
    start += (self.size(d) - 1) * strides[d];
    strides[d] = -strides[d];
  }
  copy_elements(out, alias(self, self.sizes(), strides, start), "flip");
  return out;
}

Tensor fliplr(const Tensor& self) {
  FB_CHECK(self.dim() >= 2, "Input must be >= 2-d: fliplr got a ", self.dim(), "-d tensor");
  return ops::flip(self, {1});
}
Tensor flipud(const Tensor& self) {
  FB_CHECK(self.dim() >= 1, "Input must be >= 1-d: flipud got a ", self.dim(), "-d tensor");
  return ops::flip(self, {0});
}

namespace {

Tensor rolled(const Tensor& self, int64_t shift, int64_t dim) {
  const int64_t n = self.size(dim);
  int64_t moved = shift % n;
  if (moved < 0) moved += n;
  Tensor out = empty(self.sizes(), self.dtype(), self.device(), "roll");
  if (out.is_meta()) return out;
  const Tensor in = flambeau::contiguous(self);
  // Blocks of n slices each; the last `moved` slices of a block come first.
  const int64_t slice = in.stride(dim) * in.itemsize(), block = n * slice;
  const int64_t head = moved * slice, blocks = in.numel() * in.itemsize() / block;
  const auto* from = static_cast<const char*>(in.raw());
  auto* to = static_cast<char*>(out.raw());
  BlockingRegion region(in.numel() >= kBlockingWork);
  if (blocks == 1) {
    auto part = [](char* dst, const char* src, int64_t bytes) {
      parallel_for(bytes, kRowBytes, [=](int64_t begin, int64_t end) {
        std::memcpy(dst + begin, src + begin, static_cast<size_t>(end - begin));
      });
    };
    part(to, from + block - head, head);
    part(to + head, from, block - head);
    return out;
  }
  parallel_for(blocks, std::max<int64_t>(kRowBytes / block, 1), [=](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      copy_row(to + b * block, from + (b + 1) * block - head, head);
      copy_row(to + b * block + head, from + b * block, block - head);
    }
  });
  return out;
}

// Several dimensions, all different: each is cut in two, and the pieces change places.
Tensor rolled_pieces(const Tensor& self, const Dims& shifts, const Dims& dims) {
  Tensor out = empty(self.sizes(), self.dtype(), self.device(), "roll");
  if (out.is_meta()) return out;
  for (size_t piece = 0; piece < size_t{1} << dims.size(); ++piece) {
    Dims sizes = self.sizes();
    int64_t from = self.offset(), to = 0;
    for (size_t i = 0; i < dims.size(); ++i) {
      const int64_t d = dims[i], n = self.size(d), moved = (shifts[i] % n + n) % n;
      const bool last = piece >> i & 1;  // the last `moved` slices come first
      sizes[d] = last ? moved : n - moved;
      from += last ? (n - moved) * self.stride(d) : 0;
      to += last ? 0 : moved * out.stride(d);
    }
    if (product(sizes) > 0)
      copy_elements(alias(out, sizes, out.strides(), to), alias(self, sizes, self.strides(), from),
                    "roll");
  }
  return out;
}

}  // namespace

Tensor roll(const Tensor& self, const Dims& shifts, const Dims& dims) {
  FB_CHECK(!shifts.empty(), "`shifts` required: roll() got an empty list");
  if (dims.empty()) {
    FB_CHECK(shifts.size() == 1, "shifts and dimensions must align. shifts: ", shifts.size(),
             ", dims:0");
    if (self.numel() == 0) return clone_elements(self);
    const Tensor flat =
        alias(contiguous(self), {self.numel()}, {1}, self.is_contiguous() ? self.offset() : 0);
    return alias(rolled(flat, shifts[0], 0), self.sizes(), contiguous_strides(self.sizes()), 0);
  }
  FB_CHECK(shifts.size() == dims.size(),
           "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
  Tensor t = self;
  if (dims.size() == 2 && self.dim() > 1 && self.numel() > 0) {
    const Dims both = {wrap_dim(dims[0], self.dim(), "roll"),
                       wrap_dim(dims[1], self.dim(), "roll")};
    if (both[0] != both[1]) return rolled_pieces(self, shifts, both);
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    FB_CHECK_INDEX(self.dim() > 0, "roll(): Dimension specified as ", dims[i],
                   " but tensor has no dimensions");
    const int64_t d = wrap_dim(dims[i], self.dim(), "roll");
    if (self.numel()) t = rolled(t, shifts[i], d);
  }
  return t.is(self) ? clone_elements(self) : t;
}

Tensor rot90(const Tensor& self, int64_t k, const Dims& dims) {
  FB_CHECK(dims.size() == 2, "expected total rotation dims == 2, but got dims = ", dims.size());
  FB_CHECK(self.dim() >= 2, "expected total dims >= 2, but got total dims = ", self.dim());
  const int64_t a = wrap_dim(dims[0], self.dim(), "rot90"),
                b = wrap_dim(dims[1], self.dim(), "rot90");
  FB_CHECK(a != b, "expected rotation dims to be different, but got dim0 = ", dims[0],
           " and dim1 = ", dims[1]);
  switch ((k % 4 + 4) % 4) {
    case 1: return ops::transpose(ops::flip(self, {b}), a, b);
    case 2: return ops::flip(self, {a, b});
    case 3: return ops::transpose(ops::flip(self, {a}), a, b);
    default: return ops::clone(self, MemoryFormat::Contiguous);
  }
}

// ---- triangles and diagonals

namespace {

// Rows of the last two dimensions; keep(row) gives the columns [from, to) that stay.
template <class F>
Tensor triangle(const Tensor& self, const char* op, F keep) {
  FB_CHECK(self.dim() >= 2, op, ": input tensor must have at least 2 dimensions");
  Tensor out = empty(self.sizes(), self.dtype(), self.device(), op);
  if (out.is_meta() || out.numel() == 0) return out;
  const Tensor in = flambeau::contiguous(self);
  const int64_t rows = self.size(self.dim() - 2), cols = self.size(self.dim() - 1);
  const int64_t item = self.itemsize(), total = self.numel() / cols;
  const auto* from = static_cast<const char*>(in.raw());
  auto* to = static_cast<char*>(out.raw());
  BlockingRegion region(self.numel() >= kBlockingWork);
  parallel_for(total, std::max<int64_t>(kParallelGrain / cols, 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto [first, last] = keep(r % rows);
      const int64_t a = std::clamp<int64_t>(first, 0, cols), b = std::clamp<int64_t>(last, a, cols);
      char* row = to + r * cols * item;
      std::memset(row, 0, static_cast<size_t>(a * item));
      std::memcpy(row + a * item, from + (r * cols + a) * item,
                  static_cast<size_t>((b - a) * item));
      std::memset(row + b * item, 0, static_cast<size_t>((cols - b) * item));
    }
  });
  return out;
}

// Far diagonals are all alike; near ones can be added to a row without overflow.
int64_t near(int64_t diagonal) {
  return std::clamp<int64_t>(diagonal, -(int64_t{1} << 62), int64_t{1} << 62);
}

}  // namespace

Tensor tril(const Tensor& self, int64_t diagonal) {
  const int64_t k = near(diagonal);
  return triangle(self, "tril",
                  [=](int64_t row) { return std::pair<int64_t, int64_t>(0, row + k + 1); });
}

Tensor triu(const Tensor& self, int64_t diagonal) {
  const int64_t k = near(diagonal);
  return triangle(self, "triu", [=](int64_t row) {
    return std::pair<int64_t, int64_t>(row + k, std::numeric_limits<int64_t>::max());
  });
}

Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  FB_CHECK(self.dim() > 0,
           "diag_embed(): expected a tensor of at least one dimension, got a 0-d one");
  const int64_t rank = self.dim() + 1;
  const int64_t a = wrap_dim(dim1, rank, "diag_embed"), b = wrap_dim(dim2, rank, "diag_embed");
  FB_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  FB_CHECK(offset > -(int64_t{1} << 62) && offset < int64_t{1} << 62, "diag_embed(): offset ",
           offset, " is too large");
  const int64_t n = self.sizes().back() + std::abs(offset);
  Dims sizes(self.sizes().begin(), self.sizes().end() - 1);
  sizes.insert(static_cast<size_t>(std::min(a, b)), n);
  sizes.insert(static_cast<size_t>(std::max(a, b)), n);
  Tensor out = empty(sizes, self.dtype(), self.device(), "diag_embed");
  if (out.is_meta()) return out;
  fill_elements(out, 0);
  Dims strides;
  for (int64_t d = 0; d < rank; ++d) {
    if (d != a && d != b) strides.push_back(out.stride(d));
  }
  strides.push_back(out.stride(a) + out.stride(b));
  const int64_t start = offset >= 0 ? offset * out.stride(b) : -offset * out.stride(a);
  if (self.numel()) copy_elements(alias(out, self.sizes(), strides, start), self, "diag_embed");
  return out;
}

Tensor diag(const Tensor& self, int64_t diagonal) {
  FB_CHECK(self.dim() == 1 || self.dim() == 2, "diag(): Supports 1D or 2D tensors. Got ",
           self.dim(), "D");
  return self.dim() == 1
             ? ops::diag_embed(self, diagonal, 0, 1)
             : ops::clone(ops::diagonal(self, diagonal, 0, 1), MemoryFormat::Contiguous);
}

Tensor diagflat(const Tensor& self, int64_t offset) {
  return ops::diag_embed(ops::reshape(self, {self.numel()}), offset, 0, 1);
}

namespace {

// How many elements of a matrix lie on or below the diagonal k.
int64_t count_lower(int64_t rows, int64_t cols, int64_t k) {
  const int64_t first = std::clamp<int64_t>(-k, 0, rows);           // rows before it are empty
  const int64_t full = std::clamp<int64_t>(cols - k, first, rows);  // from it on they are full
  const int64_t least = first + k + 1, most = full + k;
  return (full > first ? (least + most) * (full - first) / 2 : 0) + (rows - full) * cols;
}

// Indices of the n elements in rows [begin, end); range(row) gives the first column and the end.
template <class F>
Tensor triangle_indices(const char* op, int64_t begin, int64_t end, int64_t n,
                        std::optional<DType> dtype, std::optional<Device> device, F range) {
  const DType type = dtype.value_or(DType::Int64);
  FB_CHECK(type == DType::Int64 || type == DType::Int32, "\"", op, "\" not implemented for '",
           name(type), "': indices are int64 or int32");
  Tensor out = empty({2, n}, type, device.value_or(kCpu), op);
  if (out.is_meta()) return out;
  auto fill = [&]<class T>(T* row_out) {
    T* col_out = row_out + n;
    for (int64_t r = begin; r < end; ++r) {
      const auto [a, b] = range(r);
      for (int64_t c = a; c < b; ++c) {
        *row_out++ = static_cast<T>(r);
        *col_out++ = static_cast<T>(c);
      }
    }
  };
  if (type == DType::Int64)
    fill(out.data<int64_t>());
  else
    fill(out.data<int32_t>());
  return out;
}

void check_triangle(const char* op, int64_t rows, int64_t cols) {
  FB_CHECK(rows >= 0, op, ": row must be non-negative, got ", rows);
  FB_CHECK(cols >= 0, op, ": col must be non-negative, got ", cols);
  checked_numel({rows, cols}, 16, op);
}

}  // namespace

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, std::optional<DType> dtype,
                    std::optional<Device> device) {
  check_triangle("tril_indices", row, col);
  const int64_t k = near(offset), begin = std::clamp<int64_t>(-k, 0, row);
  return triangle_indices(
      "tril_indices", begin, row, count_lower(row, col, k), dtype, device,
      [=](int64_t r) { return std::pair(int64_t{0}, std::min(col, r + k + 1)); });
}

Tensor triu_indices(int64_t row, int64_t col, int64_t offset, std::optional<DType> dtype,
                    std::optional<Device> device) {
  check_triangle("triu_indices", row, col);
  const int64_t k = near(offset), end = std::clamp<int64_t>(col - k, 0, row);
  const int64_t n = row * col - count_lower(row, col, k - 1);
  return triangle_indices("triu_indices", 0, end, n, dtype, device,
                          [=](int64_t r) { return std::pair(std::max(int64_t{0}, r + k), col); });
}

// ---- classes

Tensor one_hot(const Tensor& self, int64_t num_classes) {
  FB_CHECK(self.dtype() == DType::Int64,
           "one_hot is only applicable to index tensor of type "
           "LongTensor, got ",
           name(self.dtype()));
  FB_CHECK(!self.is_meta() || num_classes > 0,
           "one_hot: classes on the meta device have no values; "
           "give num_classes");
  Dims sizes = self.sizes();
  if (self.is_meta() || self.numel() == 0) {
    FB_CHECK(num_classes > 0,
             "Can not infer total number of classes from empty tensor: give "
             "one_hot num_classes");
    sizes.push_back(num_classes);
    return empty(sizes, DType::Int64, self.device(), "one_hot");
  }
  const Tensor in = flambeau::contiguous(self);
  const auto* p = in.data<int64_t>();
  const auto [least, most] = std::minmax_element(p, p + in.numel());
  FB_CHECK(*least >= 0, "Class values must be non-negative: one_hot got ", *least);
  if (num_classes == -1) {
    num_classes = *most + 1;
  } else {
    FB_CHECK(num_classes > 0, "num_classes should be positive: one_hot got ", num_classes);
    FB_CHECK(*most < num_classes, "Class values must be smaller than num_classes: one_hot got ",
             *most, " with num_classes=", num_classes);
  }
  sizes.push_back(num_classes);
  Tensor out = empty(sizes, DType::Int64, kCpu, "one_hot");
  fill_elements(out, 0);
  auto* to = out.data<int64_t>();
  for (int64_t i = 0; i < in.numel(); ++i) to[i * num_classes + p[i]] = 1;
  return out;
}

}  // namespace flambeau::impl
