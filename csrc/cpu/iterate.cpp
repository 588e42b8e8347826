#include "cpu/iterate.h"

#include "cpu/kernels/rearrange.h"
#include "cpu/kernels/transpose.h"

namespace flambeau {
namespace {

// Which of two loops belongs inside: negative for a, positive for b, 0 if the strides do not say.
template <class StrideOf>
int compare_loops(int operands, int64_t size_a, int64_t size_b, StrideOf stride_of) {
  for (int k = 0; k < operands; ++k) {
    const auto [a, b] = stride_of(k);
    if (a == 0 || b == 0) continue;
    const int64_t wide_a = std::abs(a), wide_b = std::abs(b);
    if (wide_a != wide_b) return wide_a < wide_b ? -1 : 1;
    if (size_a > size_b) return 1;  // equal strides: a loop of one step lies inside
  }
  return 0;
}

// Insertion sort of `order`, innermost first, that carries a loop past neighbours to which it has
// no known relation.
template <class Compare>
void sort_loops(int* order, int n, Compare compare) {
  for (int i = 1; i < n; ++i) {
    int at = i;
    for (int j = i - 1; j >= 0; --j) {
      const int c = compare(order[j], order[at]);
      if (c < 0) break;
      if (c > 0) {
        std::swap(order[j], order[at]);
        at = j;
      }
    }
  }
}

}  // namespace

Nest::Nest(const Dims& shape) : ndim(static_cast<int>(shape.size())) {
  for (int d = 0; d < ndim; ++d) sizes[d] = shape[ndim - 1 - d];
}

void Nest::add(const Dims& operand_sizes, const Dims& operand_strides, int64_t item) {
  int64_t* s = strides[operands++];
  const int n = static_cast<int>(operand_sizes.size());
  for (int d = 0; d < ndim; ++d) {
    const int i = n - 1 - d;
    s[d] = i < 0 || operand_sizes[i] == 1 ? 0 : operand_strides[i] * item;
  }
}

void Nest::simplify() {
  int order[kMaxDims], n = 0;
  for (int d = 0; d < ndim; ++d)
    if (sizes[d] != 1) order[n++] = d;
  sort_loops(order, n, [&](int a, int b) {
    return compare_loops(operands, sizes[a], sizes[b],
                         [&](int k) { return std::pair(strides[k][a], strides[k][b]); });
  });
  bool sorted = true;
  for (int d = 1; d < n; ++d) sorted &= order[d] > order[d - 1];
  // In place when order[d] >= d, which dropping alone guarantees.
  int64_t row[kMaxDims];
  auto permute = [&](int64_t* values) {
    if (sorted) {
      for (int d = 0; d < n; ++d) values[d] = values[order[d]];
    } else {
      for (int d = 0; d < n; ++d) row[d] = values[order[d]];
      std::copy(row, row + n, values);
    }
  };
  permute(sizes);
  for (int k = 0; k < operands; ++k) permute(strides[k]);

  int last = 0;
  for (int d = 1; d < n; ++d) {
    bool joins = true;
    for (int k = 0; k < operands && joins; ++k)
      joins = strides[k][d] == strides[k][last] * sizes[last];
    if (joins) {
      sizes[last] *= sizes[d];
      continue;
    }
    ++last;
    sizes[last] = sizes[d];
    for (int k = 0; k < operands; ++k) strides[k][last] = strides[k][d];
  }
  ndim = last + 1;
  if (n == 0) {
    sizes[0] = 1;
    for (int k = 0; k < operands; ++k) strides[k][0] = 0;
  }
}

int64_t Nest::numel() const {
  int64_t n = 1;
  for (int d = 0; d < ndim; ++d) n *= sizes[d];
  return n;
}

bool Nest::contiguous(int k, int64_t item) const {
  int64_t step = item;
  for (int d = 0; d < ndim; ++d) {
    if (strides[k][d] != step && sizes[d] != 1) return false;
    step *= sizes[d];
  }
  return true;
}

Dims result_strides(const Dims& shape, const Tensor* const* inputs, int count) {
  const int n = static_cast<int>(shape.size());
  bool row_major = true;
  for (int k = 0; k < count; ++k) row_major &= inputs[k]->is_contiguous();
  for (int k = 0; k < count && row_major; ++k) {
    // A smaller operand (a row of biases, say) may still have its own idea of the order.
    row_major = inputs[k]->numel() == 1 || inputs[k]->sizes() == shape;
  }
  if (row_major || n < 2) return contiguous_strides(shape);

  auto stride = [&](int k, int d) -> int64_t {
    const Tensor& t = *inputs[k];
    const int64_t at = d - (n - t.dim());
    return at < 0 || t.size(at) != shape[d] ? 0 : t.stride(at);
  };
  int order[kMaxDims];
  for (int d = 0; d < n; ++d) order[d] = n - 1 - d;
  sort_loops(order, n, [&](int a, int b) {
    return compare_loops(count, shape[a], shape[b],
                         [&](int k) { return std::pair(stride(k, a), stride(k, b)); });
  });
  Dims strides(shape.size());
  int64_t step = 1;
  for (int i = 0; i < n; ++i) {
    strides[order[i]] = step;
    step *= std::max<int64_t>(shape[order[i]], 1);
  }
  return strides;
}

// ---------------------------------------------------------------- boxes

Boxes::Boxes(const Nest& nest) : ndim(nest.ndim) {
  for (int d = 0; d < ndim; ++d) size[d] = 1;
}

void Boxes::number(const Nest& nest) {
  total = 1;
  for (int d = 0; d < ndim; ++d) {
    count[d] = (nest.sizes[d] + size[d] - 1) / size[d];
    total *= count[d];
  }
}

Boxes Boxes::runs(const Nest& nest, int64_t max_elements) {
  Boxes boxes(nest);
  int64_t room = max_elements;
  for (int d = 0; d < nest.ndim && room > 1; ++d) {
    boxes.size[d] = std::min(nest.sizes[d], room);
    if (boxes.size[d] < nest.sizes[d]) break;
    room /= nest.sizes[d];
  }
  boxes.number(nest);
  return boxes;
}

Boxes Boxes::tiles(const Nest& nest, int other, int64_t max_elements, int64_t rows) {
  Boxes boxes(nest);
  int64_t side = 1;
  while (side * side * 4 <= max_elements) side *= 2;
  // What a short loop leaves free goes to the other one, in multiples of `side`: whole cache lines.
  auto fill = [&](int d, int64_t room) {
    if (room >= nest.sizes[d]) return nest.sizes[d];
    return room > side ? room / side * side : std::max<int64_t>(room, 1);
  };
  boxes.size[other] = std::min(nest.sizes[other], rows ? rows : side);
  boxes.size[0] = fill(0, max_elements / boxes.size[other]);
  boxes.size[other] = fill(other, max_elements / boxes.size[0]);
  boxes.number(nest);
  return boxes;
}

int transposed_loop(const Nest& nest, int k, int64_t item) {
  const int64_t* s = nest.strides[k];
  if (nest.sizes[0] < 4 || std::abs(s[0]) <= item) return 0;
  for (int d = 1; d < nest.ndim; ++d)
    if (s[d] == item && nest.sizes[d] >= 4) return d;
  return 0;
}

BoxCursor::BoxCursor(const Nest& nest, const Boxes& boxes, int64_t index)
    : nest_(nest), boxes_(boxes) {
  for (int k = 0; k < nest.operands; ++k) offset_[k] = 0;
  for (int d = 0; d < nest.ndim; ++d) {
    position_[d] = index % boxes.count[d];
    index /= boxes.count[d];
    for (int k = 0; k < nest.operands; ++k)
      offset_[k] += position_[d] * boxes.size[d] * nest.strides[k][d];
    extent_[d] = 1;
    enter(d);
  }
}

// Sets the extent of loop d at its present position.
void BoxCursor::enter(int d) {
  const int64_t left = nest_.sizes[d] - position_[d] * boxes_.size[d];
  const int64_t extent = std::min(left, boxes_.size[d]);
  if (extent == extent_[d]) return;
  numel_ = numel_ / extent_[d] * extent;
  extent_[d] = extent;
  reshaped_ = true;
}

void BoxCursor::next() {
  reshaped_ = false;
  for (int d = 0; d < nest_.ndim; ++d) {
    if (boxes_.count[d] == 1) continue;
    const bool wraps = ++position_[d] == boxes_.count[d];
    const int64_t steps = wraps ? (1 - boxes_.count[d]) * boxes_.size[d] : boxes_.size[d];
    for (int k = 0; k < nest_.operands; ++k) offset_[k] += steps * nest_.strides[k][d];
    if (wraps) position_[d] = 0;
    enter(d);
    if (!wraps) return;
  }
}

// ---------------------------------------------------------------- moving

namespace {

struct MoveLoop { int64_t size, src, dst; };

// Calls f(src, dst) for every step of the loops.
template <class F>
void for_each_step(const MoveLoop* loops, int n, const char* src, char* dst, const F& f) {
  if (n == 0) return f(src, dst);
  const MoveLoop& outer = loops[n - 1];
  for (int64_t i = 0; i < outer.size; ++i, src += outer.src, dst += outer.dst) {
    if (n == 1)
      f(src, dst);
    else
      for_each_step(loops, n - 1, src, dst, f);
  }
}

void take_out(MoveLoop* loops, int& n, int at) {
  std::copy(loops + at + 1, loops + n, loops + at);
  --n;
}

}  // namespace

void Mover::move(const char* src, const int64_t* src_strides, char* dst, const int64_t* dst_strides,
                 const int64_t* extent, int ndim) const {
  MoveLoop loops[kMaxDims];
  int n = 0;
  for (int d = 0; d < ndim; ++d) {
    if (extent[d] == 1) continue;
    const MoveLoop loop{extent[d], src_strides[d], dst_strides[d]};
    MoveLoop* before = n > 0 ? &loops[n - 1] : nullptr;
    if (before && loop.src == before->src * before->size && loop.dst == before->dst * before->size)
      before->size *= loop.size;
    else
      loops[n++] = loop;
  }
  if (n == 0) return convert(src, from_item, dst, to_item, 1);
  if (n == 1) return convert(src, loops[0].src, dst, loops[0].dst, loops[0].size);

  if (same_type && loops[0].src == 0 && loops[0].dst == to_item) {
    const MoveLoop row = loops[0], rows = loops[1];
    return for_each_step(loops + 2, n - 2, src, dst, [&](const char* s, char* d) {
      repeat_items(d, rows.dst, s, rows.src, row.size, rows.size, static_cast<int>(to_item));
    });
  }
  int run = 0, src_unit = -1, dst_unit = -1;
  for (int i = 0; i < n; ++i) {
    if (loops[i].size > 2 * loops[run].size) run = i;
    if (loops[i].src == from_item) src_unit = i;
    if (loops[i].dst == to_item) dst_unit = i;
  }
  const bool repeats = dst_unit >= 0 && loops[dst_unit].src == 0;
  if (same_type && src_unit >= 0 && dst_unit >= 0 && src_unit != dst_unit && !repeats) {
    const MoveLoop cols = loops[src_unit], rows = loops[dst_unit];
    take_out(loops, n, std::max(src_unit, dst_unit));
    take_out(loops, n, std::min(src_unit, dst_unit));
    return for_each_step(loops, n, src, dst, [&](const char* s, char* d) {
      transpose(s, rows.src, d, cols.dst, rows.size, cols.size, static_cast<int>(from_item),
                streaming);
    });
  }
  // Unit strides on both sides are worth more than a longer run, unless the run is tiny.
  if (dst_unit >= 0 && (src_unit == dst_unit || repeats) && loops[dst_unit].size >= 8)
    run = dst_unit;
  const MoveLoop inner = loops[run];
  take_out(loops, n, run);
  for_each_step(loops, n, src, dst,
                [&](const char* s, char* d) { convert(s, inner.src, d, inner.dst, inner.size); });
}

}  // namespace flambeau
