// Views of a part of a tensor, what their gradients are made of, and tensors cut into several
// parts.
#include <algorithm>

#include "autograd/grad_mode.h"
#include "cpu/copy.h"
#include "impl_shape.h"
#include "ops_pointwise.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

// What a view's gradient starts from; `place` shows where the part belongs.
template <class F>
Tensor zeros_with(const Tensor& part, const Dims& sizes, const char* op, F place) {
  Tensor out = empty(sizes, part.dtype(), part.device(), op);
  if (out.is_meta()) return out;
  const Tensor window = place(out);
  if (window.numel() != out.numel()) fill_elements(out, 0);
  copy_elements(window, part, op);
  return out;
}

// Steps beyond any address leave one element at most, whose stride is never taken.
int64_t stepped(int64_t stride, int64_t step) {
  int64_t product;
  return __builtin_mul_overflow(stride, step, &product) ? stride : product;
}

}  // namespace

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  FB_CHECK_INDEX(self.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, self.dim(), "select");
  const int64_t n = self.size(dim);
  FB_CHECK_INDEX(index >= -n && index < n, "select(): index ", index,
                 " out of range for tensor of "
                 "size ",
                 self.sizes(), " at dimension ", dim);
  if (index < 0) index += n;
  Dims sizes = self.sizes(), strides = self.strides();
  const int64_t offset = self.offset() + index * strides[dim];
  sizes.erase(static_cast<size_t>(dim));
  strides.erase(static_cast<size_t>(dim));
  return alias(self, sizes, strides, offset);
}

Tensor _select_backward(const Tensor& grad, const Dims& sizes, int64_t dim, int64_t index) {
  return zeros_with(grad, sizes, "select", [&](const Tensor& t) { return select(t, dim, index); });
}

Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start,
             std::optional<int64_t> end, int64_t step) {
  FB_CHECK_INDEX(self.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
  FB_CHECK(step > 0, "slice step must be positive");
  dim = wrap_dim(dim, self.dim(), "slice");
  const int64_t n = self.size(dim);
  auto clamp = [n](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + n : v, 0, n); };
  const int64_t first = clamp(start.value_or(0));
  const int64_t last = std::max(clamp(end.value_or(n)), first);
  Dims sizes = self.sizes(), strides = self.strides();
  const int64_t span = last - first;
  sizes[dim] = span / step + (span % step != 0);
  strides[dim] = stepped(strides[dim], step);
  return alias(self, sizes, strides, self.offset() + first * self.stride(dim));
}

Tensor _slice_backward(const Tensor& grad, const Dims& sizes, int64_t dim,
                       std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  return zeros_with(grad, sizes, "slice",
                    [&](const Tensor& t) { return slice(t, dim, start, end, step); });
}

Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  FB_CHECK(self.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  FB_CHECK(length >= 0, "narrow(): length must be non-negative.");
  dim = wrap_dim(dim, self.dim(), "narrow");
  const int64_t n = self.size(dim);
  FB_CHECK_INDEX(start >= -n && start <= n,
                 "narrow(): start out of range (expected to be in range "
                 "of [",
                 -n, ", ", n, "], but got ", start, ")");
  if (start < 0) start += n;
  FB_CHECK(length <= n - start, "narrow(): start (", start, ") + length (", length,
           ") exceeds dimension size (", n, ").");
  return ops::slice(self, dim, start, start + length, 1);
}

Tensor narrow_tensor(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  FB_CHECK(start.dim() == 0 && is_integral(start.dtype()) && start.dtype() != DType::Bool,
           "narrow(): start must be an 0-dim integral Tensor.");
  return ops::narrow(self, dim, item(start).to_int(), length);
}

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  const int64_t a = wrap_dim(dim1, self.dim(), "diagonal"),
                b = wrap_dim(dim2, self.dim(), "diagonal");
  FB_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  Dims sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d == a || d == b) continue;
    sizes.push_back(self.size(d));
    strides.push_back(self.stride(d));
  }
  const int64_t rows = self.size(a), cols = self.size(b);
  int64_t n = 0, start = self.offset();
  if (offset >= 0 && offset < cols) {
    n = std::min(rows, cols - offset);
    if (n > 0) start += offset * self.stride(b);
  } else if (offset < 0 && offset > -rows) {
    n = std::min(rows + offset, cols);
    if (n > 0) start -= offset * self.stride(a);
  }
  sizes.push_back(n);
  strides.push_back(self.stride(a) + self.stride(b));
  return alias(self, sizes, strides, start);
}

Tensor _diagonal_backward(const Tensor& grad, const Dims& sizes, int64_t offset, int64_t dim1,
                          int64_t dim2) {
  return zeros_with(grad, sizes, "diagonal",
                    [&](const Tensor& t) { return diagonal(t, offset, dim1, dim2); });
}

Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  const int64_t dim = wrap_dim(dimension, self.dim(), "unfold");
  const int64_t n = self.dim() == 0 ? 1 : self.size(dim);
  FB_CHECK(size >= 0, "unfold(): size is ", size, " but must be >= 0");
  FB_CHECK(size <= n, "unfold(): maximum size for tensor at dimension ", dim, " is ", n,
           " but size is ", size);
  FB_CHECK(step > 0, "unfold(): step is ", step, " but must be > 0");
  FB_CHECK(self.dim() < kMaxDims, "unfold(): a tensor has at most ", kMaxDims, " dimensions");
  Dims sizes = self.sizes(), strides = self.strides();
  sizes.push_back(size);
  strides.push_back(self.dim() == 0 ? 1 : self.stride(dim));
  if (self.dim() > 0) {
    sizes[dim] = (n - size) / step + 1;
    strides[dim] = stepped(strides[dim], step);
  }
  return alias(self, sizes, strides, self.offset());
}

Tensor _unfold_backward(const Tensor& grad, const Dims& sizes, int64_t dim, int64_t size,
                        int64_t step) {
  Tensor out = empty(sizes, grad.dtype(), grad.device(), "unfold");
  if (out.is_meta()) return out;
  fill_elements(out, 0);
  if (sizes.empty()) {
    if (size == 1) copy_elements(out, select(grad, 0, 0), "unfold");
    return out;
  }
  const Tensor windows = unfold(out, dim, size, step);
  if (step >= size) {
    copy_elements(windows, grad, "unfold");
    return out;
  }
  // Windows overlap, but elements at one place of every window do not.
  GradMode off(false);
  for (int64_t i = 0; i < size; ++i) {
    const Tensor to = select(windows, -1, i);
    ops::add_(to, select(grad, -1, i));
  }
  return out;
}

namespace {

// True iff no two positions can be the same memory: each stride steps over all smaller ones.
bool surely_apart(const Dims& sizes, const Dims& strides) {
  SmallVec<std::pair<int64_t, int64_t>, 8> loops;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] > 1) loops.push_back({strides[d], sizes[d]});
  }
  std::sort(loops.begin(), loops.end());
  int64_t reach = 0;
  for (auto [stride, size] : loops) {
    if (stride <= reach) return false;
    reach += stride * (size - 1);
  }
  return true;
}

template <class T>
void add_window(T* to, const Dims& sizes, const Dims& strides, const T* from) {
  Dims at(sizes.size(), 0);
  for (int64_t left = product(sizes); left > 0; --left) {
    int64_t offset = 0;
    for (size_t d = 0; d < at.size(); ++d) offset += at[d] * strides[d];
    to[offset] = static_cast<T>(to[offset] + *from++);
    for (size_t d = at.size(); d-- > 0 && ++at[d] == sizes[d];) at[d] = 0;
  }
}

}  // namespace

Tensor _as_strided_backward(const Tensor& grad, const Dims& sizes, const Dims& strides,
                            int64_t offset, const Dims& view_sizes, const Dims& view_strides,
                            int64_t view_offset) {
  if (is_half(grad.dtype())) {
    return to_dtype(_as_strided_backward(to_dtype(grad, DType::Float32), sizes, strides, offset,
                                         view_sizes, view_strides, view_offset),
                    grad.dtype());
  }
  const int64_t from = std::min(offset, view_offset), item = grad.itemsize();
  const size_t reach =
      std::max(required_bytes(sizes, strides, offset - from, item, "as_strided"),
               required_bytes(view_sizes, view_strides, view_offset - from, item, "as_strided"));
  const Tensor flat = empty({static_cast<int64_t>(reach) / item}, grad.dtype(), grad.device());
  const Tensor result = alias(flat, sizes, strides, offset - from);
  if (flat.is_meta()) return result;
  fill_elements(flat, 0);
  const Tensor window = alias(flat, view_sizes, view_strides, view_offset - from);
  if (surely_apart(view_sizes, view_strides)) {
    copy_elements(window, grad, "as_strided");
    return result;
  }
  const Tensor dense = flambeau::contiguous(grad);
  visit_dtype(grad.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, Half> && !std::is_same_v<T, BFloat16>) {
      add_window(window.data<T>(), view_sizes, view_strides, dense.data<T>());
    }
  });
  return result;
}

// ---- several parts

TensorList split(const Tensor& self, int64_t split_size, int64_t dim) {
  FB_CHECK(self.dim() > 0, "split expects at least a 1-dimensional tensor");
  FB_CHECK(split_size >= 0,
           "split expects split_size be non-negative, but got split_size=", split_size);
  dim = wrap_dim(dim, self.dim(), "split");
  const int64_t n = self.size(dim);
  FB_CHECK(split_size > 0 || n == 0,
           "split_size can only be 0 if dimension size is 0, but got "
           "dimension size of ",
           n);
  TensorList parts;
  if (n == 0) return {slice(self, dim, 0, 0, 1)};
  for (int64_t i = 0; i < n; i += std::min(split_size, n - i)) {
    parts.push_back(slice(self, dim, i, i + std::min(split_size, n - i), 1));
  }
  return parts;
}

TensorList split_sizes(const Tensor& self, const Dims& split_size, int64_t dim) {
  FB_CHECK(self.dim() > 0, "split_with_sizes expects at least a 1-dimensional tensor");
  dim = wrap_dim(dim, self.dim(), "split_with_sizes");
  const int64_t n = self.size(dim);
  int64_t total = 0;
  for (int64_t s : split_size) {
    FB_CHECK(s >= 0,
             "split_with_sizes expects split_sizes have only non-negative entries, but got "
             "split_sizes=",
             split_size);
    FB_CHECK(!__builtin_add_overflow(total, s, &total), "split_with_sizes: sizes overflow");
  }
  FB_CHECK(total == n, "split_with_sizes expects split_sizes to sum exactly to ", n,
           " (input "
           "tensor's size at dimension ",
           dim, "), but got split_sizes=", split_size);
  TensorList parts;
  int64_t start = 0;
  for (int64_t s : split_size) {
    parts.push_back(slice(self, dim, start, start + s, 1));
    start += s;
  }
  return parts;
}

TensorList chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  FB_CHECK(self.dim() > 0, "chunk expects at least a 1-dimensional tensor");
  FB_CHECK(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  dim = wrap_dim(dim, self.dim(), "chunk");
  const int64_t n = self.size(dim);
  if (n == 0) {
    FB_CHECK(chunks <= 65536, "chunk: ", chunks, " parts of an empty dimension are too many");
    return ops::split_sizes(self, Dims(static_cast<size_t>(chunks), 0), dim);
  }
  return ops::split(self, n / chunks + (n % chunks != 0), dim);
}

TensorList tensor_split(const Tensor& self, int64_t sections, int64_t dim) {
  FB_CHECK(self.dim() > 0,
           "tensor_split expected at least a 1-dimensional tensor, but got a tensor "
           "with 0 dims");
  FB_CHECK(sections > 0, "number of sections must be larger than 0, got ", sections);
  FB_CHECK(sections <= int64_t{1} << 24, "tensor_split: ", sections, " sections are too many");
  dim = wrap_dim(dim, self.dim(), "tensor_split");
  const int64_t n = self.size(dim);
  Dims sizes;
  for (int64_t i = 0; i < sections; ++i) sizes.push_back(n / sections + (i < n % sections));
  return ops::split_sizes(self, sizes, dim);
}

TensorList tensor_split_indices(const Tensor& self, const Dims& indices, int64_t dim) {
  FB_CHECK(self.dim() > 0,
           "tensor_split expected at least a 1-dimensional tensor, but got a tensor "
           "with 0 dims");
  dim = wrap_dim(dim, self.dim(), "tensor_split");
  TensorList parts;
  int64_t start = 0;
  for (int64_t end : indices) {
    parts.push_back(ops::slice(self, dim, start, end, 1));
    start = end;
  }
  parts.push_back(ops::slice(self, dim, start, self.size(dim), 1));
  return parts;
}

TensorList tensor_split_tensor(const Tensor& self, const Tensor& spec, int64_t dim) {
  FB_CHECK(spec.dtype() == DType::Int64,
           "tensor_split expected tensor_indices_or_sections to have "
           "dtype of long, but got ",
           name(spec.dtype()));
  FB_CHECK(spec.dim() <= 1,
           "tensor_split expected tensor_indices_or_sections to be a zero-dimensional "
           "or one-dimensional tensor, but got a tensor with ",
           spec.dim(), " dims");
  if (spec.dim() == 0) return ops::tensor_split(self, item(spec).to_int(), dim);
  FB_CHECK(!spec.is_meta(), "tensor_split: indices on the meta device have no values");
  const Tensor dense = contiguous(spec);
  const auto* p = dense.data<int64_t>();
  return ops::tensor_split_indices(self, Dims(p, p + dense.numel()), dim);
}

namespace {

int64_t hsplit_dim(const Tensor& self, const char* op) {
  FB_CHECK(self.dim() >= 1, "torch.", op,
           " requires a tensor with at least 1 dimension, but got a "
           "tensor with ",
           self.dim(), " dimensions!");
  return self.dim() == 1 ? 0 : 1;
}
void check_rank(const Tensor& self, int64_t least, const char* op) {
  FB_CHECK(self.dim() >= least, "torch.", op, " requires a tensor with at least ", least,
           " dimension, but got a tensor with ", self.dim(), " dimensions!");
}
void check_sections(const Tensor& self, int64_t dim, int64_t sections, const char* op) {
  FB_CHECK(sections != 0 && self.size(dim) % sections == 0, "torch.", op,
           " attempted to split along dimension ", dim, ", but the size of the dimension ",
           self.size(dim), " is not divisible by the split_size ", sections, "!");
}

}  // namespace

TensorList hsplit(const Tensor& self, int64_t sections) {
  const int64_t dim = hsplit_dim(self, "hsplit");
  check_sections(self, dim, sections, "hsplit");
  return ops::tensor_split(self, sections, dim);
}
TensorList hsplit_indices(const Tensor& self, const Dims& indices) {
  return ops::tensor_split_indices(self, indices, hsplit_dim(self, "hsplit"));
}
TensorList vsplit(const Tensor& self, int64_t sections) {
  check_rank(self, 2, "vsplit");
  check_sections(self, 0, sections, "vsplit");
  return ops::tensor_split(self, sections, 0);
}
TensorList vsplit_indices(const Tensor& self, const Dims& indices) {
  check_rank(self, 2, "vsplit");
  return ops::tensor_split_indices(self, indices, 0);
}
TensorList dsplit(const Tensor& self, int64_t sections) {
  check_rank(self, 3, "dsplit");
  check_sections(self, 2, sections, "dsplit");
  return ops::tensor_split(self, sections, 2);
}
TensorList dsplit_indices(const Tensor& self, const Dims& indices) {
  check_rank(self, 3, "dsplit");
  return ops::tensor_split_indices(self, indices, 2);
}

TensorList unbind(const Tensor& self, int64_t dim) {
  FB_CHECK_INDEX(self.dim() > 0, "unbind(): Dimension specified as ", dim,
                 " but tensor has no dimensions");
  dim = wrap_dim(dim, self.dim(), "unbind");
  Dims sizes = self.sizes(), strides = self.strides();
  const int64_t n = sizes[dim], step = strides[dim];
  sizes.erase(static_cast<size_t>(dim));
  strides.erase(static_cast<size_t>(dim));
  TensorList parts;
  parts.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i)
    parts.push_back(alias(self, sizes, strides, self.offset() + i * step));
  return parts;
}

TensorList _broadcast_tensors(const TensorList& tensors) {
  Dims shape;
  for (const Tensor& t : tensors) shape = broadcast_shapes(shape, t.sizes(), "broadcast_tensors");
  TensorList views;
  for (const Tensor& t : tensors) views.push_back(ops::expand(t, shape));
  return views;
}

// ---- views overwritten out of place

namespace {

void check_src(const Tensor& part, const Tensor& src, const char* op) {
  FB_CHECK(part.sizes() == src.sizes(), op,
           "(): expected src to have a size equal to the part of "
           "self that it replaces. src size = ",
           src.sizes(), ", part size = ", part.sizes());
}

}  // namespace

Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
  Tensor out = ops::clone(self);
  const Tensor part = ops::select(out, dim, index);
  check_src(part, src, "select_scatter");
  ops::copy_(part, src);
  return out;
}
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim,
                     std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  Tensor out = ops::clone(self);
  const Tensor part = ops::slice(out, dim, start, end, step);
  check_src(part, src, "slice_scatter");
  ops::copy_(part, src);
  return out;
}
Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
  Tensor out = ops::clone(self);
  const Tensor part = ops::diagonal(out, offset, dim1, dim2);
  check_src(part, src, "diagonal_scatter");
  ops::copy_(part, src);
  return out;
}
Tensor as_strided_scatter(const Tensor& self, const Tensor& src, const Dims& size,
                          const Dims& stride, std::optional<int64_t> storage_offset) {
  Tensor out;
  if (self.is_contiguous() && self.offset() == 0) {
    out = ops::clone(self);
  } else {
    // The window is one of the storage, so all of that is copied and keeps its layout.
    const auto all = static_cast<int64_t>(self->storage->nbytes / self.itemsize());
    const Tensor flat = ops::as_strided(self, Dims{all}, Dims{1}, 0);
    out = ops::as_strided(ops::clone(flat), self.sizes(), self.strides(), self.offset());
  }
  const Tensor part = ops::as_strided(out, size, stride, storage_offset);
  check_src(part, src, "as_strided_scatter");
  ops::copy_(part, src);
  return out;
}

}  // namespace flambeau::impl
