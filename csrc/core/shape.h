// Arithmetic on sizes and strides, with overflow checks.
#pragma once
#include <cstdint>
#include <string>

#include "core/check.h"
#include "core/small_vec.h"

namespace flambeau {

inline constexpr int64_t kMaxDims = 64;

std::ostream& operator<<(std::ostream& out, const Dims& dims);  // [2, 3]

// The product of the sizes; raises when a size is negative, there are too many dimensions, or the
// bytes (with `item` bytes per element) exceed the address space.
int64_t checked_numel(const Dims& sizes, int64_t item, const char* op);
int64_t product(const Dims& sizes);  // of sizes known to be good
Dims contiguous_strides(const Dims& sizes);
Dims channels_last_strides(const Dims& sizes);  // 4-d and 5-d
bool is_contiguous(const Dims& sizes, const Dims& strides);
bool is_channels_last(const Dims& sizes, const Dims& strides);
// True iff the elements fill a block of memory without gaps or overlap, in any order.
bool is_dense(const Dims& sizes, const Dims& strides);

// Brings a dimension from [-n, n) to [0, n); 0-d tensors accept -1 and 0. Raises IndexError.
int64_t wrap_dim(int64_t dim, int64_t ndim, const char* op);
// The same for a list, refusing repeats; an empty list stands for all when `empty_is_all`.
Dims wrap_dims(const Dims& dims, int64_t ndim, const char* op, bool empty_is_all);

// NumPy's rule: aligned at the right, 1 stretches. Raises naming the operator and both shapes.
Dims broadcast_shapes(const Dims& a, const Dims& b, const char* op);
bool is_expandable(const Dims& from, const Dims& to);
// Resolves one -1 in a requested shape against the number of elements.
Dims infer_size(const Dims& shape, int64_t numel, const char* op);
// The strides of a view of `sizes`/`strides` with the new shape; false when it needs a copy.
bool view_strides(const Dims& sizes, const Dims& strides, const Dims& shape, Dims* result);

}  // namespace flambeau
