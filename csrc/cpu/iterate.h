// Walking several strided operands together: dimensions are ordered and merged once, for every
// driver (pointwise, copy, reductions) in the same way, then cut into boxes small enough for the
// first-level cache.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/shape.h"
#include "core/tensor.h"
#include "cpu/copy.h"

namespace flambeau {

inline constexpr int kMaxOperands = 10;
inline constexpr int64_t kParallelGrain = 32 * 1024;  // elements worth a thread's attention
inline constexpr int64_t kBlockingWork = 64 * 1024;   // from here on the interpreter lock is let go

// The loops over a shape, innermost first, with one stride in bytes per operand and loop.
// Operand 0 decides the order, the later ones where the earlier have stride 0 or equal strides; so
// the output comes first. A stride of 0 repeats (broadcasts), or accumulates in a reduced output.
struct Nest {
  int ndim = 0, operands = 0;
  int64_t sizes[kMaxDims];
  int64_t strides[kMaxOperands][kMaxDims];

  explicit Nest(const Dims& shape);

  // An operand whose sizes broadcast to the shape; its strides are in elements of `item` bytes.
  void add(const Dims& operand_sizes, const Dims& operand_strides, int64_t item);
  void add(const Tensor& t) { add(t.sizes(), t.strides(), t.itemsize()); }

  // After the last add(): drops loops of one step, orders the others and merges neighbours that
  // every operand walks as one. At least one loop is left. No loop may have size 0.
  void simplify();

  int64_t numel() const;
  // True iff operand k fills memory in the order of the loops, without gaps.
  bool contiguous(int k, int64_t item) const;
};

// The strides, in elements, of a fresh result of `shape`: the order of the operands' strides is
// kept, so that channels-last or transposed inputs give a result laid out alike.
Dims result_strides(const Dims& shape, const Tensor* const* inputs, int count);

// A nest cut into equal boxes (those at the far edges are smaller), numbered with loop 0 fastest.
struct Boxes {
  int ndim;
  int64_t total;
  int64_t size[kMaxDims], count[kMaxDims];

  // Boxes of at most `max_elements` that cover whole runs of the inner loops.
  static Boxes runs(const Nest& nest, int64_t max_elements);
  // Tiles over loop 0 and loop `other`, for an operand whose unit stride is along `other`: about
  // square, or with `rows` steps of loop `other`.
  static Boxes tiles(const Nest& nest, int other, int64_t max_elements, int64_t rows = 0);

 private:
  Boxes(const Nest& nest);
  void number(const Nest& nest);
};

// The loop along which operand k has its unit stride when loop 0 has not, for tiles(); else 0.
int transposed_loop(const Nest& nest, int k, int64_t item);

// One box after another; offsets are bytes from each operand's first element.
class BoxCursor {
 public:
  BoxCursor(const Nest& nest, const Boxes& boxes, int64_t index);
  void next();

  int64_t offset(int k) const { return offset_[k]; }
  const int64_t* extent() const { return extent_; }  // steps of each loop inside this box
  int64_t numel() const { return numel_; }
  // True iff this box has another shape than the one before it.
  bool reshaped() const { return reshaped_; }

 private:
  void enter(int d);

  const Nest& nest_;
  const Boxes& boxes_;
  int64_t numel_ = 1;
  bool reshaped_ = true;
  int64_t offset_[kMaxOperands];
  int64_t position_[kMaxDims], extent_[kMaxDims];
};

// Moves a box between layouts and types; the strides are in bytes, loop 0 innermost.
struct Mover {
  ConvertFn convert;
  int64_t from_item, to_item;
  bool same_type;
  bool streaming = false;  // large transpositions write around the caches

  Mover(DType from, DType to)
      : convert(convert_fn(from, to)),
        from_item(element_size(from)),
        to_item(element_size(to)),
        same_type(from == to) {}
  void move(const char* src, const int64_t* src_strides, char* dst, const int64_t* dst_strides,
            const int64_t* extent, int ndim) const;
};

}  // namespace flambeau
