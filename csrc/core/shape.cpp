#include "core/shape.h"

#include <bitset>
#include <ostream>

namespace flambeau {

std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  out << '[';
  for (size_t i = 0; i < dims.size(); ++i) out << (i ? ", " : "") << dims[i];
  return out << ']';
}

int64_t checked_numel(const Dims& sizes, int64_t item, const char* op) {
  FB_CHECK(static_cast<int64_t>(sizes.size()) <= kMaxDims, op, "(): ", sizes.size(),
           " dimensions asked for, at most ", kMaxDims, " are supported");
  bool empty = false, overflow = false;
  int64_t n = 1;
  for (int64_t s : sizes) {
    FB_CHECK(s >= 0, op, "(): Trying to create tensor with negative dimension ", s, ": ", sizes);
    empty |= s == 0;
    overflow |= __builtin_mul_overflow(n, s, &n);
  }
  if (empty) return 0;
  int64_t bytes;
  overflow |= __builtin_mul_overflow(n, item, &bytes);
  FB_CHECK(!overflow, op, "(): Storage size calculation overflowed with sizes=", sizes);
  return n;
}

int64_t product(const Dims& sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

Dims contiguous_strides(const Dims& sizes) {
  Dims strides(sizes.size());
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = step;
    // Sizes of an empty tensor may be huge next to the zero; their strides are never used.
    if (__builtin_mul_overflow(step, sizes[i] > 1 ? sizes[i] : 1, &step)) step = 1;
  }
  return strides;
}

Dims channels_last_strides(const Dims& sizes) {
  Dims strides(sizes.size());
  int64_t step = 1;
  auto set = [&](size_t d) {
    strides[d] = step;
    step *= sizes[d] > 1 ? sizes[d] : 1;
  };
  set(1);
  for (size_t d = sizes.size(); d-- > 2;) set(d);
  set(0);
  return strides;
}

bool is_contiguous(const Dims& sizes, const Dims& strides) {
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 0) return true;
    if (sizes[i] == 1) continue;
    if (strides[i] != step) {
      for (size_t j = 0; j < i; ++j) {
        if (sizes[j] == 0) return true;
      }
      return false;
    }
    step *= sizes[i];
  }
  return true;
}

bool is_channels_last(const Dims& sizes, const Dims& strides) {
  if (sizes.size() != 4 && sizes.size() != 5) return false;
  for (int64_t s : sizes) {
    if (s == 0) return false;
  }
  const Dims wanted = channels_last_strides(sizes);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] != 1 && strides[i] != wanted[i]) return false;
  }
  return true;
}

bool is_dense(const Dims& sizes, const Dims& strides) {
  SmallVec<uint32_t, 8> order;
  for (uint32_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return true;
    if (sizes[i] != 1) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return strides[a] < strides[b]; });
  int64_t step = 1;
  for (uint32_t i : order) {
    if (strides[i] != step) return false;
    step *= sizes[i];
  }
  return true;
}

int64_t wrap_dim(int64_t dim, int64_t ndim, const char* op) {
  const int64_t n = ndim == 0 ? 1 : ndim;
  FB_CHECK_INDEX(dim >= -n && dim < n, op,
                 "(): Dimension out of range (expected to be in range of [", -n, ", ", n - 1,
                 "], but got ", dim, ")");
  return dim < 0 ? dim + n : dim;
}

Dims wrap_dims(const Dims& dims, int64_t ndim, const char* op, bool empty_is_all) {
  Dims result;
  if (dims.empty() && empty_is_all) {
    for (int64_t d = 0; d < ndim; ++d) result.push_back(d);
    return result;
  }
  std::bitset<kMaxDims> seen;
  for (int64_t d : dims) {
    const int64_t w = wrap_dim(d, ndim, op);
    FB_CHECK(!seen[w], op, "(): dim ", w, " appears multiple times in the list of dims");
    seen[w] = true;
    result.push_back(w);
  }
  return result;
}

Dims broadcast_shapes(const Dims& a, const Dims& b, const char* op) {
  if (a == b) return a;
  const bool a_longer = a.size() >= b.size();
  Dims result = a_longer ? a : b;
  const Dims& other = a_longer ? b : a;
  const size_t shift = result.size() - other.size();
  for (size_t i = 0; i < other.size(); ++i) {
    int64_t& r = result[i + shift];
    if (r == other[i]) continue;
    if (r == 1) {
      r = other[i];
    } else {
      FB_CHECK(other[i] == 1, op, "(): The size of tensor a (", a_longer ? r : other[i],
               ") must match the size of tensor b (", a_longer ? other[i] : r,
               ") at non-singleton dimension ", i + shift, "; the shapes are ", a, " and ", b);
    }
  }
  return result;
}

bool is_expandable(const Dims& from, const Dims& to) {
  if (from.size() > to.size()) return false;
  const size_t shift = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != to[i + shift] && from[i] != 1) return false;
  }
  return true;
}

Dims infer_size(const Dims& shape, int64_t numel, const char* op) {
  Dims result = shape;
  int64_t known = 1, unknown = -1;
  bool overflow = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      FB_CHECK(unknown < 0, op, "(): only one dimension can be inferred, got shape ", shape);
      unknown = static_cast<int64_t>(i);
    } else {
      FB_CHECK(shape[i] >= 0, op, "(): invalid shape dimension ", shape[i]);
      overflow |= __builtin_mul_overflow(known, shape[i], &known);
    }
  }
  if (unknown >= 0 && !overflow) {
    FB_CHECK(known != 0, op, "(): cannot reshape tensor of ", numel, " elements into shape ", shape,
             " because the unspecified dimension size -1 can be any value and is ambiguous");
    FB_CHECK(numel % known == 0, op, "(): shape '", shape, "' is invalid for input of size ",
             numel);
    result[unknown] = numel / known;
    return result;
  }
  FB_CHECK(!overflow && known == numel, op, "(): shape '", shape, "' is invalid for input of size ",
           numel);
  return result;
}

bool view_strides(const Dims& sizes, const Dims& strides, const Dims& shape, Dims* result) {
  if (product(sizes) == 0) {
    *result = sizes == shape ? strides : contiguous_strides(shape);
    return true;
  }
  // Walk from the right: each run of old dimensions that is contiguous in itself must be filled
  // exactly by new dimensions.
  result->clear();
  result->resize(shape.size(), 0);
  int64_t next = static_cast<int64_t>(shape.size()) - 1;
  int64_t run = 1, base = sizes.empty() ? 1 : strides.back();
  for (int64_t i = static_cast<int64_t>(sizes.size()) - 1; i >= -1; --i) {
    if (i >= 0) {
      run *= sizes[i];
      const bool joins = i > 0 && (sizes[i - 1] == 1 || strides[i - 1] == run * base);
      if (joins) continue;
    }
    int64_t filled = 1;
    while (next >= 0 && (filled < run || shape[next] == 1)) {
      (*result)[next] = filled * base;
      filled *= shape[next--];
    }
    if (filled != run) return false;
    if (i <= 0) break;
    run = 1;
    base = strides[i - 1];
  }
  return next == -1;
}

}  // namespace flambeau
