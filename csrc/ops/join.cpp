// Tensors put together and repeated.
#include <algorithm>

#include "autograd/autograd.h"
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "impl_join.h"
#include "ops_create.h"
#include "ops_index.h"
#include "ops_join.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

constexpr int64_t kGrainBytes = 128 * 1024;
constexpr int64_t kShortRun = 64;  // bytes; below, strided loops beat a memcpy each

// One input of a join: `bytes` that lie together in each of the rows, which are `step` bytes apart.
struct Run {
  const char* data;
  int64_t bytes, step;
};

// False if the part of a row, the dimensions from `dim` on, does not lie together, or if the rows
// are not evenly spaced.
bool as_run(const Tensor& t, int64_t dim, Run* run) {
  int64_t items = 1, d = t.dim() - 1;
  for (; d >= dim; --d) {
    if (t.size(d) != 1 && t.stride(d) != items) return false;
    items *= t.size(d);
  }
  int64_t step = items, next = -1;
  for (; d >= 0; --d) {
    if (t.size(d) == 1) continue;
    if (next < 0) step = t.stride(d), next = step;
    if (t.stride(d) != next) return false;
    next *= t.size(d);
  }
  *run = {static_cast<const char*>(t.raw()), items * t.itemsize(), step * t.itemsize()};
  return true;
}

void join_row(char* to, const std::vector<Run>& runs, int64_t row) {
  for (const Run& r : runs) {
    copy_row(to, r.data + row * r.step, r.bytes);
    to += r.bytes;
  }
}

// True iff rows of memory are all there is to copy.
bool join_runs(const Tensor& out, const TensorList& parts, int64_t dim) {
  if (!out.is_contiguous()) return false;
  int64_t rows = 1, total = 0, shortest = INT64_MAX;
  for (int64_t d = 0; d < dim; ++d) rows *= out.size(d);
  if (rows == 0) return true;
  std::vector<Run> runs;
  runs.reserve(parts.size());
  for (const Tensor& t : parts) {
    Run run;
    if (t.numel() == 0) continue;
    if (t.dtype() != out.dtype() || !as_run(t, dim, &run)) return false;
    runs.push_back(run);
    total += run.bytes;
    shortest = std::min(shortest, run.bytes);
  }
  char* to = static_cast<char*>(out.raw());
  if (rows * total < kGrainBytes && rows <= 256) {
    for (int64_t row = 0; row < rows; ++row) join_row(to + row * total, runs, row);
    return true;
  }
  if (rows == 1 || shortest < kShortRun) return false;
  BlockingRegion region(out.numel() >= kBlockingWork);
  parallel_for(rows, std::max<int64_t>(kGrainBytes / total, 1), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) join_row(to + row * total, runs, row);
  });
  return true;
}

DType joined_type(const TensorList& tensors) {
  PromotionState state;
  for (const Tensor& t : tensors) state.add(t);
  return state.result();
}

Device joined_device(const TensorList& tensors, const char* op) {
  for (const Tensor& t : tensors) {
    FB_CHECK(t.device() == tensors[0].device(), op,
             "(): Expected all tensors to be on the same "
             "device, but found at least two devices, ",
             tensors[0].device(), " and ", t.device());
  }
  return tensors[0].device();
}

// True iff every tensor has its channels last, which the result then has too.
bool all_channels_last(const TensorList& tensors) {
  for (const Tensor& t : tensors) {
    if (t.is_contiguous() || !is_channels_last(t.sizes(), t.strides())) return false;
  }
  return true;
}

bool is_skipped(const Tensor& t) { return t.dim() == 1 && t.size(0) == 0; }

}  // namespace

Tensor cat(const TensorList& tensors, int64_t dim) {
  FB_CHECK_VALUE(!tensors.empty(), "torch.cat(): expected a non-empty list of Tensors");
  TensorList parts;
  for (size_t i = 0; i < tensors.size(); ++i) {
    FB_CHECK(tensors[i].dim() > 0, "cat(): zero-dimensional tensor (at position ", i,
             ") cannot be concatenated");
    if (!is_skipped(tensors[i])) parts.push_back(tensors[i]);
  }
  const DType dtype = joined_type(tensors);
  const Device device = joined_device(tensors, "cat");
  if (parts.empty()) {
    wrap_dim(dim, 1, "cat");
    return empty({0}, dtype, device, "cat");
  }
  Dims sizes = parts[0].sizes();
  dim = wrap_dim(dim, parts[0].dim(), "cat");
  sizes[dim] = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Dims& own = parts[i].sizes();
    FB_CHECK(own.size() == sizes.size(), "cat(): Tensors must have same number of dimensions: got ",
             sizes.size(), " and ", own.size());
    for (int64_t d = 0; d < parts[i].dim(); ++d) {
      FB_CHECK(d == dim || own[d] == parts[0].size(d),
               "cat(): Sizes of tensors must match except in "
               "dimension ",
               dim, ". Expected size ", parts[0].size(d), " but got size ", own[d],
               " for tensor number ", i, " in the list.");
    }
    FB_CHECK(!__builtin_add_overflow(sizes[dim], own[dim], &sizes[dim]), "cat(): sizes overflow");
  }
  Tensor out = all_channels_last(parts)
                   ? empty_strided(sizes, channels_last_strides(sizes), dtype, device, "cat")
                   : empty(sizes, dtype, device, "cat");
  if (out.is_meta() || join_runs(out, parts, dim)) return out;
  int64_t start = out.offset();
  for (const Tensor& t : parts) {
    copy_elements(alias(out, t.sizes(), out.strides(), start), t, "cat");
    start += t.size(dim) * out.stride(dim);
  }
  return out;
}

Tensor stack(const TensorList& tensors, int64_t dim) {
  FB_CHECK(!tensors.empty(), "stack expects a non-empty TensorList");
  dim = wrap_dim(dim, tensors[0].dim() + 1, "stack");
  for (size_t i = 1; i < tensors.size(); ++i) {
    FB_CHECK(tensors[i].sizes() == tensors[0].sizes(),
             "stack expects each tensor to be equal size, "
             "but got ",
             tensors[0].sizes(), " at entry 0 and ", tensors[i].sizes(), " at entry ", i);
  }
  Dims sizes = tensors[0].sizes();
  sizes.insert(static_cast<size_t>(dim), static_cast<int64_t>(tensors.size()));
  Tensor out = empty(sizes, joined_type(tensors), joined_device(tensors, "stack"), "stack");
  if (out.is_meta() || join_runs(out, tensors, dim)) return out;
  Dims strides = out.strides();
  const int64_t step = strides[dim];
  strides.erase(static_cast<size_t>(dim));
  int64_t start = out.offset();
  for (const Tensor& t : tensors) {
    copy_elements(alias(out, t.sizes(), strides, start), t, "stack");
    start += step;
  }
  return out;
}

namespace {

// What NumPy's atleast_1d, 2d and 3d do; the third puts vectors and matrices in front.
Tensor at_least(const Tensor& t, int64_t rank) {
  if (t.dim() >= rank) return t;
  if (t.dim() == 0) return ops::reshape(t, Dims(static_cast<size_t>(rank), 1));
  if (rank == 2) return ops::unsqueeze(t, 0);
  return ops::unsqueeze(t.dim() == 1 ? ops::unsqueeze(t, 0) : t, -1);
}

TensorList all_at_least(const TensorList& tensors, int64_t rank, const char* op) {
  FB_CHECK(!tensors.empty(), op, " expects a non-empty TensorList");
  TensorList list;
  for (const Tensor& t : tensors) list.push_back(at_least(t, rank));
  return list;
}

}  // namespace

Tensor hstack(const TensorList& tensors) {
  const TensorList list = all_at_least(tensors, 1, "hstack");
  return ops::cat(list, list[0].dim() == 1 ? 0 : 1);
}
Tensor vstack(const TensorList& tensors) { return ops::cat(all_at_least(tensors, 2, "vstack"), 0); }
Tensor dstack(const TensorList& tensors) { return ops::cat(all_at_least(tensors, 3, "dstack"), 2); }

Tensor column_stack(const TensorList& tensors) {
  FB_CHECK(!tensors.empty(), "column_stack expects a non-empty TensorList");
  TensorList list;
  for (const Tensor& t : tensors)
    list.push_back(t.dim() <= 1 ? ops::reshape(t, {t.numel(), 1}) : t);
  return ops::cat(list, 1);
}

Tensor _block_diag(const TensorList& tensors) {
  if (tensors.empty()) return empty({1, 0}, default_dtype());
  int64_t rows = 0, cols = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    FB_CHECK(t.dim() <= 2, "block_diag: Input tensors must have 2 or fewer dimensions. Input ", i,
             " has ", t.dim(), " dimensions");
    rows += t.dim() == 2 ? t.size(0) : 1;
    cols += t.dim() == 0 ? 1 : t.sizes().back();
  }
  Tensor out = empty({rows, cols}, joined_type(tensors), joined_device(tensors, "block_diag"));
  if (out.is_meta()) return out;
  fill_elements(out, 0);
  int64_t row = 0, col = 0;
  for (const Tensor& t : tensors) {
    const int64_t h = t.dim() == 2 ? t.size(0) : 1, w = t.dim() == 0 ? 1 : t.sizes().back();
    copy_elements(alias(out, {h, w}, out.strides(), row * cols + col),
                  t.dim() == 2 ? t : alias(t, {h, w}, {0, t.dim() ? t.stride(0) : 0}, t.offset()),
                  "block_diag");
    row += h;
    col += w;
  }
  return out;
}

Tensor repeat(const Tensor& self, const Dims& repeats) {
  const int64_t extra = static_cast<int64_t>(repeats.size()) - self.dim();
  FB_CHECK(extra >= 0,
           "Number of dimensions of repeat dims can not be smaller than number of "
           "dimensions of tensor");
  FB_CHECK(2 * static_cast<int64_t>(repeats.size()) <= kMaxDims, "repeat(): too many dimensions");
  Dims apart, wide, final;
  for (size_t i = 0; i < repeats.size(); ++i) {
    const int64_t d = static_cast<int64_t>(i) - extra, n = d < 0 ? 1 : self.size(d);
    FB_CHECK(repeats[i] >= 0, "repeat(): Trying to create tensor with negative dimension ",
             repeats[i], ": repeats ", repeats);
    int64_t size;
    FB_CHECK(!__builtin_mul_overflow(n, repeats[i], &size), "repeat(): sizes overflow");
    apart.push_back(1);
    apart.push_back(n);
    wide.push_back(repeats[i]);
    wide.push_back(n);
    final.push_back(size);
  }
  checked_numel(final, self.itemsize(), "repeat");
  const Tensor copies = ops::expand(ops::reshape(self, apart), wide);
  return ops::view(ops::clone(copies, MemoryFormat::Contiguous), final);
}

Tensor tile(const Tensor& self, const Dims& dims) {
  Dims repeats(self.dim() > static_cast<int64_t>(dims.size()) ? self.dim() - dims.size() : 0, 1);
  repeats.append(dims.begin(), dims.end());
  return ops::repeat(self, repeats);
}

Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  FB_CHECK(repeats >= 0, "Repeats must be non-negative: repeat_interleave got ", repeats);
  const Tensor in = dim ? self : ops::flatten(self);
  const int64_t d = in.dim() == 0 ? 0 : wrap_dim(dim.value_or(0), in.dim(), "repeat_interleave");
  if (in.dim() == 0) return ops::repeat(in, {repeats});
  int64_t size;
  FB_CHECK(!__builtin_mul_overflow(in.size(d), repeats, &size),
           "repeat_interleave(): sizes overflow");
  FB_CHECK(!output_size || *output_size == size,
           "repeat_interleave: Invalid output_size, expected ", size, " but got ",
           output_size.value_or(0));
  Dims wide = in.sizes(), final = in.sizes();
  wide.insert(static_cast<size_t>(d) + 1, repeats);
  final[d] = size;
  checked_numel(final, in.itemsize(), "repeat_interleave");
  const Tensor copies = ops::expand(ops::unsqueeze(in, d + 1), wide);
  return ops::view(ops::clone(copies, MemoryFormat::Contiguous), final);
}

Tensor repeat_each(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
                   std::optional<int64_t> output_size) {
  FB_CHECK(repeats.dim() <= 1, "repeats must be 0-dim or 1-dim tensor: repeat_interleave got ",
           repeats.sizes());
  const Tensor in = dim && self.dim() ? self : ops::flatten(self);
  const int64_t d = wrap_dim(dim && self.dim() ? *dim : 0, in.dim(), "repeat_interleave");
  FB_CHECK(repeats.numel() == 1 || repeats.numel() == in.size(d),
           "repeats must have the same size as "
           "input along dim: repeat_interleave got ",
           repeats.numel(), " for ", in.size(d));
  const Tensor counts =
      ops::expand(repeats.dim() ? repeats : ops::reshape(repeats, {1}), {in.size(d)});
  return ops::index_select(in, d, ops::repeat_interleave_counts(counts, output_size));
}

Tensor repeat_indices(const Tensor& repeats, std::optional<int64_t> output_size) {
  FB_CHECK(repeats.dim() == 1, "repeat_interleave only accept 1D vector as repeat");
  FB_CHECK(repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32,
           "repeats has to be Long or Int tensor: repeat_interleave got ", name(repeats.dtype()));
  FB_CHECK(!repeats.is_meta(), "repeat_interleave: repeats on the meta device have no values");
  const Tensor counts = contiguous(to_dtype(repeats, DType::Int64));
  const auto* n = counts.data<int64_t>();
  int64_t total = 0;
  for (int64_t i = 0; i < counts.numel(); ++i) {
    FB_CHECK(n[i] >= 0, "repeats can not be negative: repeat_interleave got ", n[i]);
    FB_CHECK(!__builtin_add_overflow(total, n[i], &total), "repeat_interleave: sizes overflow");
  }
  FB_CHECK(!output_size || *output_size == total,
           "repeat_interleave: allocated size does not match "
           "required size: output_size is ",
           output_size.value_or(0), ", the repeats add up to ", total);
  Tensor out = empty({total}, DType::Int64);
  auto* p = out.data<int64_t>();
  for (int64_t i = 0; i < counts.numel(); ++i) p = std::fill_n(p, n[i], i);
  return out;
}

}  // namespace flambeau::impl
