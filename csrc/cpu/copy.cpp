#include "cpu/copy.h"

#include <cmath>
#include <limits>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kBoxBytes =
    16 * 1024;  // of one operand: two boxes fit into the first-level cache
// From this size on the result will not be found in a cache again, so it is written around them.
constexpr int64_t kStreamBytes = int64_t{32} << 20;
constexpr int64_t kGrainBytes = 128 * 1024;

// ---------------------------------------------------------------- overlap

struct Extent { const char *begin, *end; };
Extent extent_of(const Tensor& t) {
  const char* base = static_cast<const char*>(t.raw());
  int64_t below = 0, above = 1;
  for (int64_t d = 0; d < t.dim(); ++d) {
    const int64_t reach = (t.size(d) - 1) * t.stride(d);
    (reach < 0 ? below : above) += reach;
  }
  return {base + below * t.itemsize(), base + above * t.itemsize()};
}

bool same_window(const Tensor& a, const Tensor& b) {
  return a.raw() == b.raw() && a.dtype() == b.dtype() && a.sizes() == b.sizes() &&
         a.strides() == b.strides();
}

// Conservative: windows that interleave without touching count as overlapping.
bool may_overlap(const Tensor& a, const Tensor& b) {
  const Extent x = extent_of(a), y = extent_of(b);
  return x.begin < y.end && y.begin < x.end;
}

// ---------------------------------------------------------------- loops

void copy_contiguous(char* dst, const char* src, int64_t nbytes) {
  const bool aligned = reinterpret_cast<uintptr_t>(dst) % 64 == 0;
  const bool streaming = nbytes >= kStreamBytes && aligned;
  parallel_for(nbytes, kGrainBytes, [=](int64_t begin, int64_t end) {
    if (streaming)
      copy_streaming(src + begin, dst + begin, end - begin);
    else
      std::memcpy(dst + begin, src + begin, static_cast<size_t>(end - begin));
    if (streaming) streaming_fence();
  });
}

// One loop, nothing to reorder: every thread takes a piece of it.
void copy_run(const Nest& nest, const Mover& mover, char* dst, const char* src) {
  const int64_t to = nest.strides[0][0], from = nest.strides[1][0];
  if (mover.same_type && to == mover.to_item && from == mover.from_item)
    return copy_contiguous(dst, src, nest.sizes[0] * to);
  parallel_for(nest.sizes[0], kParallelGrain, [&](int64_t begin, int64_t end) {
    mover.convert(src + begin * from, from, dst + begin * to, to, end - begin);
  });
}

// The operands of a nest for copying; which one comes first decides the order of the loops.
struct Ends { int dst = 0, src = 1; };

void move_boxes(const Nest& nest, const Boxes& boxes, Ends ends, const Mover& mover, char* dst,
                const char* src) {
  const int64_t per_box = std::max<int64_t>(nest.numel() / boxes.total, 1);
  parallel_for(boxes.total, std::max<int64_t>(kParallelGrain / per_box, 1),
               [&](int64_t begin, int64_t end) {
                 BoxCursor cursor(nest, boxes, begin);
                 for (int64_t i = begin; i < end; ++i, cursor.next()) {
                   mover.move(src + cursor.offset(ends.src), nest.strides[ends.src],
                              dst + cursor.offset(ends.dst), nest.strides[ends.dst],
                              cursor.extent(), nest.ndim);
                 }
                 if (mover.streaming) streaming_fence();
               });
}

void copy_boxes(const Nest& nest, const Mover& mover, char* dst, const char* src) {
  const int64_t room = kBoxBytes / std::max(mover.from_item, mover.to_item);
  const bool unit = nest.strides[0][0] == mover.to_item;
  const int64_t from = nest.strides[1][0];
  const int other = unit ? transposed_loop(nest, 1, mover.from_item) : 0;
  if (other) {
    // Small matrices, many of them, as of the channels of each pixel: a box holds several.
    int64_t whole = 1;
    for (int d = 0; d <= other; ++d) whole *= nest.sizes[d];
    const bool small = whole <= room / 4;
    return move_boxes(nest, small ? Boxes::runs(nest, room) : Boxes::tiles(nest, other, room), {},
                      mover, dst, src);
  }
  // Rows with unit strides on both sides need no cutting to stay in the cache, only to be shared.
  const bool rows = unit && (from == mover.from_item || from == 0);
  const Boxes boxes =
      Boxes::runs(nest, rows ? std::clamp(nest.sizes[0], room, kParallelGrain) : room);
  move_boxes(nest, boxes, {}, mover, dst, src);
}

// Large transpositions follow the order of src, whose rows can then be fetched ahead; dst is
// written around the caches, line by line. False if this is none.
bool copy_transposed(const Tensor& dst, const Tensor& src, Mover mover) {
  if (!mover.same_type || dst.numel() * mover.to_item < kStreamBytes) return false;
  Nest nest(dst.sizes());
  nest.add(src);
  nest.add(dst);
  nest.simplify();
  const int other = transposed_loop(nest, 1, mover.to_item);
  if (!other || nest.strides[0][0] != mover.from_item) return false;
  mover.streaming = true;
  move_boxes(nest, Boxes::tiles(nest, other, kBoxBytes / mover.to_item), {.dst = 1, .src = 0},
             mover, static_cast<char*>(dst.raw()), static_cast<const char*>(src.raw()));
  return true;
}

void copy_apart(const Tensor& dst, const Tensor& src) {
  const bool plain = dst.is_contiguous() && src.is_contiguous() && dst.numel() == src.numel();
  const Mover mover(src.dtype(), dst.dtype());
  const auto* from = static_cast<const char*>(src.raw());
  auto* to = static_cast<char*>(dst.raw());
  const int64_t n = dst.numel();
  if (plain && n < kParallelGrain)
    return mover.convert(from, mover.from_item, to, mover.to_item, n);
  Nest nest(plain ? Dims{n} : dst.sizes());
  if (plain) {
    nest.add({n}, {1}, dst.itemsize());
    nest.add({n}, {1}, src.itemsize());
  } else {
    nest.add(dst);
    nest.add(src);
    nest.simplify();
  }
  BlockingRegion region(n >= kBlockingWork);
  if (nest.ndim == 1)
    copy_run(nest, mover, to, from);
  else if (!copy_transposed(dst, src, mover))
    copy_boxes(nest, mover, to, from);
}

// ---------------------------------------------------------------- numbers

const char* c_name(DType t) {
  static constexpr const char* names[kDTypes] = {
      "uint8_t", "int8_t",         "int16_t",         "int",  "int64_t", "Half", "float",
      "double",  "complex<float>", "complex<double>", "bool", "BFloat16"};
  return names[static_cast<int>(t)];
}

bool fits_integer(const Scalar& value, DType t) {
  const int bits = static_cast<int>(element_size(t)) * 8;
  // Unsigned types take negative numbers by wrapping, down to minus their maximum.
  const double high = std::ldexp(1.0, info(t).is_signed ? bits - 1 : bits);
  const double low = info(t).is_signed ? -high : 1 - high;
  if (value.is_integral()) {
    return bits == 64 || (static_cast<double>(value.to_int()) < high &&
                          static_cast<double>(value.to_int()) >= low);
  }
  const double v = std::trunc(value.to_double());
  return v >= low && v < high;
}

bool fits_floating(double v, DType t) {
  if (std::isnan(v) || std::isinf(v)) return true;
  const DType real = to_real(t);
  const double most = real == DType::Float16    ? 65504.0
                      : real == DType::BFloat16 ? 0x1.FEp127
                      : real == DType::Float32  ? std::numeric_limits<float>::max()
                                                : std::numeric_limits<double>::max();
  return std::abs(v) <= most;
}

bool fits(const Scalar& value, DType t) {
  if (t == DType::Bool) return true;
  if (!value.is_complex())
    return is_integral(t) ? fits_integer(value, t) : fits_floating(value.to_double(), t);
  const auto z = value.to<Complex128>();
  if (is_complex(t)) return fits_floating(z.real(), t) && fits_floating(z.imag(), t);
  return z.imag() == 0 && fits(Scalar(z.real()), t);
}

}  // namespace

void copy_elements(const Tensor& dst, const Tensor& src, const char* op) {
  if (!(dst.sizes() == src.sizes())) {
    const Dims shape = broadcast_shapes(dst.sizes(), src.sizes(), op);
    FB_CHECK(shape == dst.sizes(), op, "(): output with shape ", dst.sizes(),
             " doesn't match the broadcast shape ", shape);
  }
  if (dst.is_meta()) return;
  FB_CHECK(!src.is_meta(), op, "(): cannot copy out of a meta tensor; it has no data");
  FB_CHECK(!has_internal_overlap(dst), op,
           "(): unsupported operation: more than one element of the "
           "written-to tensor refers to a single memory location. Please clone() the tensor before "
           "performing the operation.");
  if (dst.numel() == 0 || same_window(dst, src)) return;
  if (may_overlap(dst, src)) return copy_apart(dst, clone_elements(src));
  copy_apart(dst, src);
}

void fill_elements(const Tensor& dst, const Scalar& value) {
  const DType dtype = dst.dtype();
  FB_CHECK(fits(value, dtype), "fill_(): value cannot be converted to type ", c_name(dtype),
           " without overflow: ", value);
  if (dst.is_meta() || dst.numel() == 0) return;
  alignas(16) char element[16];
  store_scalar(element, dtype, value);
  const ConvertFn fill = convert_fn(dtype, dtype);
  const int64_t item = dst.itemsize(), n = dst.numel();
  auto* to = static_cast<char*>(dst.raw());
  if (dst.is_contiguous() && n < kParallelGrain) return fill(element, 0, to, item, n);
  Nest nest(dst.sizes());
  nest.add(dst);
  nest.simplify();
  BlockingRegion region(n >= kBlockingWork);
  if (nest.ndim == 1) {
    const int64_t step = nest.strides[0][0];
    return parallel_for(nest.sizes[0], kParallelGrain, [&](int64_t begin, int64_t end) {
      fill(element, 0, to + begin * step, step, end - begin);
    });
  }
  const int64_t zero[kMaxDims] = {};
  const Mover mover(dtype, dtype);
  const Boxes boxes = Boxes::runs(nest, kParallelGrain);
  const int64_t per_box = std::max<int64_t>(nest.numel() / boxes.total, 1);
  parallel_for(boxes.total, std::max<int64_t>(kParallelGrain / per_box, 1),
               [&](int64_t begin, int64_t end) {
                 BoxCursor cursor(nest, boxes, begin);
                 for (int64_t i = begin; i < end; ++i, cursor.next())
                   mover.move(element, zero, to + cursor.offset(0), nest.strides[0],
                              cursor.extent(), nest.ndim);
               });
}

Tensor contiguous(const Tensor& t) {
  if (t.is_contiguous()) return t;
  Tensor result = empty(t.sizes(), t.dtype(), t.device(), "contiguous");
  copy_elements(result, t, "contiguous");
  return result;
}

Tensor to_dtype(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor result = empty_like(t, dtype);
  copy_elements(result, t, "to");
  return result;
}

Tensor clone_elements(const Tensor& t) {
  Tensor result = empty_like(t);
  copy_elements(result, t, "clone");
  return result;
}

}  // namespace flambeau
