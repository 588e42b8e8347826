#include "ops/index_support.h"

#include <cstring>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {

Tensor checked_index(const Tensor& index, const char* op) {
  FB_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, op,
           "(): Expected dtype int32/int64 for index, got ", index.dtype());
  return index.is_meta() ? index : contiguous(to_dtype(index, DType::Int64));
}

namespace {

constexpr int64_t kMaskBlock = 32 * 1024;

int64_t count_true(const uint8_t* p, int64_t n) {
  int64_t count = 0, i = 0;
  // Bytes are 0 or 1: eight sums at once, emptied before a byte can overflow.
  while (i + 8 <= n) {
    const int64_t stop = std::min(n - 7, i + 8 * 255);
    uint64_t sums = 0;
    for (; i < stop; i += 8) {
      uint64_t word;
      std::memcpy(&word, p + i, 8);
      sums += word;
    }
    constexpr uint64_t kEven = 0x00FF00FF00FF00FF;
    const uint64_t pairs = (sums & kEven) + (sums >> 8 & kEven);
    count += static_cast<int64_t>((pairs * 0x0001000100010001) >> 48);
  }
  for (; i < n; ++i) count += p[i];
  return count;
}

void write_true(const uint8_t* p, int64_t begin, int64_t end, int64_t* out) {
  int64_t i = begin;
  for (; i + 8 <= end; i += 8) {
    uint64_t word;
    std::memcpy(&word, p + i, 8);
    while (word) {
      *out++ = i + (__builtin_ctzll(word) >> 3);
      word &= word - 1;
    }
  }
  for (; i < end; ++i) {
    if (p[i]) *out++ = i;
  }
}

}  // namespace

Tensor flat_positions(const Tensor& mask) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, !mask.is_meta(),
                "nonzero(): the result's size depends "
                "on values, which tensors on the meta device do not have");
  const Tensor m = contiguous(to_dtype(mask, DType::Bool));
  const int64_t n = m.numel(), blocks = (n + kMaskBlock - 1) / kMaskBlock;
  const uint8_t* p = static_cast<const uint8_t*>(m.raw());
  std::vector<int64_t> start(static_cast<size_t>(blocks) + 1, 0);
  {
    BlockingRegion region(n > kBlockingWork * 4);
    parallel_for(blocks, 8, [&](int64_t b0, int64_t b1) {
      for (int64_t b = b0; b < b1; ++b) {
        const int64_t at = b * kMaskBlock;
        start[static_cast<size_t>(b) + 1] = count_true(p + at, std::min(kMaskBlock, n - at));
      }
    });
    for (size_t b = 1; b < start.size(); ++b) start[b] += start[b - 1];
  }
  const Tensor out = empty({start.back()}, DType::Int64);
  int64_t* o = out.data<int64_t>();
  BlockingRegion region(n > kBlockingWork * 4);
  parallel_for(blocks, 8, [&](int64_t b0, int64_t b1) {
    for (int64_t b = b0; b < b1; ++b) {
      write_true(p, b * kMaskBlock, std::min(n, (b + 1) * kMaskBlock),
                 o + start[static_cast<size_t>(b)]);
    }
  });
  return out;
}

TensorList position_columns(const Tensor& flat, const Dims& sizes) {
  const int64_t n = flat.numel();
  TensorList columns;
  if (sizes.size() == 1) return {flat};
  SmallVec<int64_t*, 8> to;
  for (size_t d = 0; d < sizes.size(); ++d) {
    columns.push_back(empty({n}, DType::Int64));
    to.push_back(columns.back().data<int64_t>());
  }
  const int64_t* p = flat.data<int64_t>();
  parallel_for(n, kParallelGrain / 4, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      uint64_t rest = static_cast<uint64_t>(p[k]);
      for (size_t d = sizes.size(); d-- > 1;) {
        const uint64_t size = static_cast<uint64_t>(sizes[d]), next = rest / size;
        to[d][k] = static_cast<int64_t>(rest - next * size);
        rest = next;
      }
      to[0][k] = static_cast<int64_t>(rest);
    }
  });
  return columns;
}

TensorList integer_indices(const Tensor& self, const TensorList& indices) {
  TensorList result;
  for (const Tensor& t : indices) {
    if (!t.defined() || t.dtype() == DType::Int64) {
      result.push_back(t);
      continue;
    }
    if (t.dtype() == DType::Int32) {
      result.push_back(to_dtype(t, DType::Int64));
      continue;
    }
    FB_CHECK_INDEX(t.dtype() == DType::Bool || t.dtype() == DType::UInt8,
                   "tensors used as indices must be long, int, byte or bool tensors");
    const int64_t at = static_cast<int64_t>(result.size());
    for (int64_t d = 0; d < t.dim(); ++d) {
      FB_CHECK_INDEX(at + d < self.dim() && t.size(d) == self.size(at + d),
                     "The shape of the mask ", t.sizes(), " at index ", d,
                     " does not match the shape of the indexed tensor ", self.sizes(), " at index ",
                     at + d);
    }
    // A 0-d mask would need a dimension of its own, which x[mask] gives it.
    FB_CHECK_INDEX(t.dim() > 0, "index: a 0-d mask needs a dimension of its own; use x[mask]");
    for (Tensor& column : position_columns(flat_positions(t), t.sizes())) {
      result.push_back(std::move(column));
    }
  }
  FB_CHECK_INDEX(static_cast<int64_t>(result.size()) <= self.dim(),
                 "too many indices for tensor of dimension ", self.dim(), " (got ", result.size(),
                 ")");
  return result;
}

Tensor zeros_of(const Tensor& like, const Dims& sizes) {
  const Tensor t = empty(sizes, like.dtype(), like.device());
  if (!t.is_meta()) fill_elements(t, 0);
  return t;
}

Tensor expanded(const Tensor& t, const Dims& sizes) {
  if (t.sizes() == sizes) return t;
  Dims strides(sizes.size(), 0);
  const size_t shift = sizes.size() - t.sizes().size();
  for (size_t d = shift; d < sizes.size(); ++d) {
    const int64_t own = static_cast<int64_t>(d - shift);
    strides[d] = t.size(own) == 1 && sizes[d] != 1 ? 0 : t.stride(own);
  }
  return alias(t, sizes, strides, t.offset());
}

Tensor separate_values(const Tensor& values, const Tensor& self) {
  const Tensor packed = contiguous(values);
  return packed->storage == self->storage ? clone_elements(packed) : packed;
}

void sum_wide(const Windows& w, const Tensor& out, const Tensor& values) {
  if (!is_half(out.dtype())) return windows_sum(w, out, values);
  const Tensor wide = empty(out.sizes(), DType::Float32);
  windows_sum(w, wide, to_dtype(values, DType::Float32));
  copy_elements(out, wide);
}

}  // namespace flambeau
