#include "cpu/pointwise.h"

#include <cstring>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

// A block of each operand in the first-level cache: enough to hide the calls, few enough to stay.
constexpr int64_t kBlockElements = 1024;
constexpr int64_t kBlockBytes = 4096;
constexpr int64_t kBlockPitch = kBlockBytes + 128;  // apart, so that blocks do not share cache sets
constexpr int64_t kArena = kMaxOperands * kBlockPitch;
constexpr int64_t kTileBytes = 16384;  // of a transposed operand: enough of its rows to be fetched
constexpr int64_t kExpandElements = 512;  // up to here operands are broadcast the simple way
constexpr int kMaxSmallBlocks = 3;
constexpr int64_t kShortRow = 64;   // rows below this many elements are handled several at a time
constexpr int64_t kSpanRows = 256;  // the same where only inputs would have to be gathered
// Results from this size on will not be found in a cache again and are written around them.
constexpr int64_t kStreamBytes = int64_t{32} << 20;

int64_t block_elements(int64_t item) { return std::min(kBlockElements, kBlockBytes / item); }

DType kernel_type(DType t) { return is_half(t) ? DType::Float32 : t; }

int category(DType t) { return t == DType::Bool ? 0 : is_complex(t) ? 3 : is_floating(t) ? 2 : 1; }

PointwiseFn find_kernel(const PointwiseOp& op, DType t) {
  if (!(op.dtypes >> static_cast<int>(t) & 1)) return nullptr;
  return op.kernels[cpu_level][static_cast<int>(kernel_type(t))];
}

DType output_type(const PointwiseOp& op, DType computed) {
  switch (op.output) {
    case OutputType::Bool: return DType::Bool;
    case OutputType::Real: return to_real(computed);
    default: return computed;
  }
}

struct Params {
  alignas(16) char bytes[kMaxPointwiseParams * kParamStride];
  Params(const PointwiseOp& op, const Scalar* values, DType t) {
    for (int i = 0; i < op.params; ++i) store_scalar(bytes + i * kParamStride, t, values[i]);
  }
};

// ---------------------------------------------------------------- the fast path
// Operands of one type, contiguous and alike; beside small tensors also 0-d ones of a type that
// does not count, and ones to be broadcast.

struct Simple {
  int like = -1;         // the input that has the shape and type of the result
  uint8_t zero_d = 0;    // bit i: in[i] is a single element, to be repeated
  uint8_t expanded = 0;  // bit i: in[i] must be brought to the shape of the result
};

// 0-d throughout: the same, if nothing is a number or of another type.
bool simple_zero_d(const PointwiseOp& op, const Tensor* const* inputs, Simple& s) {
  for (int i = 0; i < op.inputs; ++i) {
    const TensorImpl* t = inputs[i]->get();
    if (!t->sizes.empty()) return false;
    if (op.mask_inputs >> i & 1) continue;
    if (t->is_number || (s.like >= 0 && t->dtype != inputs[s.like]->dtype())) return false;
    if (s.like < 0) s.like = i;
  }
  s.zero_d = 0;
  return s.like >= 0;
}

// One value that is shown in every position, as the gradient of a sum is.
bool is_one_value(const TensorImpl& t) {
  if (t.contiguous) return false;
  for (const int64_t stride : t.strides)
    if (stride != 0) return false;
  return true;
}

bool simple_operands(const PointwiseOp& op, const Tensor* const* inputs, Simple& s) {
  const TensorImpl* like = nullptr;
  for (int i = 0; i < op.inputs; ++i) {
    const TensorImpl* t = inputs[i]->get();
    const bool mask = op.mask_inputs >> i & 1;
    if (t->device.is_meta() || (mask && t->dtype != DType::Bool)) return false;
    if (t->sizes.empty() || is_one_value(*t)) {
      s.zero_d |= static_cast<uint8_t>(1 << i);
    } else if (!mask) {
      if (like && t->dtype != like->dtype) return false;
      if (!like || t->numel > like->numel) like = t, s.like = i;
    }
  }
  if (!like) return simple_zero_d(op, inputs, s);
  if (!like->contiguous || (s.zero_d && like->numel > kBlockElements)) return false;
  for (int i = 0; i < op.inputs; ++i) {
    const TensorImpl* t = inputs[i]->get();
    const bool mask = op.mask_inputs >> i & 1;
    if (t->sizes.empty()) {
      if (!mask && category(t->dtype) > category(like->dtype)) return false;
      continue;
    }
    if (s.zero_d >> i & 1) {
      if (!mask && t->dtype != like->dtype) return false;
      if (t->sizes != like->sizes) return false;
      continue;
    }
    if (t == like || (t->contiguous && t->sizes == like->sizes)) continue;
    // An operand before `like` would have a say in the result's layout.
    if (like->numel > kExpandElements || (!t->contiguous && i < s.like) ||
        !is_expandable(t->sizes, like->sizes))
      return false;
    s.expanded |= static_cast<uint8_t>(1 << i);
  }
  return true;
}

// The type computed in, when promotion leaves the operands' type alone.
bool keeps_type(const PointwiseOp& op, const Scalar* params, DType t) {
  if (is_half(t)) return false;
  if (op.promotion == Promotion::IntToFloat && is_integral(t)) return false;
  if (op.promotion == Promotion::BoolToInt && t == DType::Bool) return false;
  for (int i = 0; i < op.params && op.promoting_params; ++i)
    if ((op.promoting_params >> i & 1) && category(params[i].dtype()) > category(t)) return false;
  return true;
}

// out= on the fast path: the very type and shape, and memory that is an input's or nobody's.
bool simple_output(const PointwiseOp& op, const Tensor* const* inputs, const Tensor& like,
                   const Tensor& out, DType dtype) {
  const TensorImpl* o = out.get();
  if (o->dtype != dtype || !o->contiguous || o->device.is_meta() || !(o->sizes == like.sizes()))
    return false;
  for (int i = 0; i < op.inputs; ++i) {
    if (inputs[i]->is(out)) continue;
    if (inputs[i]->get()->storage == o->storage) return false;
  }
  return true;
}

// A small operand written out in the shape it is broadcast to, row-major.
template <class T>
void expand_items(const TensorImpl& t, const Dims& shape, const T* src, T* dst) {
  const int n = static_cast<int>(shape.size()), shift = n - static_cast<int>(t.sizes.size());
  int64_t strides[kMaxDims], index[kMaxDims];
  for (int d = 0; d < n; ++d) {
    index[d] = 0;
    strides[d] = d < shift || t.sizes[d - shift] == 1 ? 0 : t.strides[d - shift];
  }
  const int64_t inner = shape[n - 1], step = strides[n - 1];
  while (true) {
    for (int64_t i = 0; i < inner; ++i) dst[i] = src[i * step];
    dst += inner;
    int d = n - 2;
    for (; d >= 0; --d) {
      src += strides[d];
      if (++index[d] < shape[d]) break;
      src -= strides[d] * shape[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

struct Item16 { int64_t part[2]; };

void expand(const Tensor& t, const Dims& shape, char* block) {
  auto as = [&]<class T>() {
    expand_items(*t.get(), shape, t.data<const T>(), reinterpret_cast<T*>(block));
  };
  switch (t.itemsize()) {
    case 1: return as.template operator()<uint8_t>();
    case 2: return as.template operator()<uint16_t>();
    case 4: return as.template operator()<uint32_t>();
    case 8: return as.template operator()<uint64_t>();
    default: return as.template operator()<Item16>();
  }
}

void run_with_blocks(const PointwiseOp& op, const Tensor* const* inputs, const Simple& s,
                     PointwiseFn kernel, void* out, int64_t n, const void* params) {
  const Tensor& like = *inputs[s.like];
  const void* in[kMaxPointwiseInputs];
  alignas(64) char blocks[kMaxSmallBlocks][kBlockElements * 16];
  int used = 0;
  for (int i = 0; i < op.inputs; ++i) {
    in[i] = inputs[i]->raw();
    if (!((s.zero_d | s.expanded) >> i & 1)) continue;
    char* block = blocks[used++];
    const DType to = op.mask_inputs >> i & 1 ? DType::Bool : like.dtype();
    if (s.expanded >> i & 1)
      expand(*inputs[i], like.sizes(), block);
    else
      convert_fn(inputs[i]->dtype(), to)(in[i], 0, block, element_size(to), n);
    in[i] = block;
  }
  kernel(out, in, n, params);
}

void run_contiguous(PointwiseFn kernel, void* out, int64_t out_item, const void* const* in,
                    const int64_t* in_items, int inputs, int64_t n, const void* params) {
  BlockingRegion region(n >= kBlockingWork);
  auto* to = static_cast<char*>(out);
  bool streaming = n * out_item >= kStreamBytes && reinterpret_cast<uintptr_t>(to) % 64 == 0;
  for (int i = 0; i < inputs; ++i) streaming &= in[i] != out;
  parallel_for(n, kParallelGrain, [&](int64_t begin, int64_t end) {
    alignas(64) char block[kBlockBytes];
    const int64_t step = streaming ? kBlockBytes / out_item : end - begin;
    for (int64_t at = begin; at < end; at += step) {
      const int64_t m = std::min(step, end - at);
      const void* from[kMaxPointwiseInputs];
      for (int i = 0; i < inputs; ++i) from[i] = static_cast<const char*>(in[i]) + at * in_items[i];
      kernel(streaming ? block : to + at * out_item, from, m, params);
      if (streaming) copy_streaming(block, to + at * out_item, m * out_item);
    }
    if (streaming) streaming_fence();
  });
}

// False: the operands need the general path, which also finds the words for what is wrong.
bool pointwise_fast(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
                    const Tensor* out, Tensor* result) {
  Simple s;
  if (!simple_operands(op, inputs, s)) return false;
  const Tensor& like = *inputs[s.like];
  const DType dtype = like.dtype();
  if (!keeps_type(op, params, dtype)) return false;
  const PointwiseFn kernel = find_kernel(op, dtype);
  if (!kernel || __builtin_popcount(s.zero_d | s.expanded) > kMaxSmallBlocks) return false;
  const DType result_type = output_type(op, dtype);
  if (out && !simple_output(op, inputs, like, *out, result_type)) return false;

  *result = out ? *out : empty_like(like, result_type);
  const int64_t n = result->numel();
  if (n == 0) return true;
  void* to = result->raw();
  const Params numbers(op, params, dtype);
  if (s.zero_d | s.expanded) {
    run_with_blocks(op, inputs, s, kernel, to, n, numbers.bytes);
    return true;
  }
  const void* in[kMaxPointwiseInputs];
  for (int i = 0; i < op.inputs; ++i) in[i] = inputs[i]->raw();
  if (n <= kParallelGrain) {
    kernel(to, in, n, numbers.bytes);
    return true;
  }
  int64_t items[kMaxPointwiseInputs];
  for (int i = 0; i < op.inputs; ++i) items[i] = inputs[i]->itemsize();
  run_contiguous(kernel, to, element_size(result_type), in, items, op.inputs, n, numbers.bytes);
  return true;
}

// ---------------------------------------------------------------- the general path

// What a thread needs to compute boxes: no handles, only addresses and sizes. Operand 0 is the
// output; the others are the inputs in their order.
struct BoxLoop {
  const Nest& nest;
  const PointwiseFn kernel;
  const void* const params;
  char* address[kMaxOperands];
  DType stored[kMaxOperands];    // type in memory
  DType computed[kMaxOperands];  // type the kernel sees
  const DType rounded;           // type of the result before it is cast to the output's
  bool direct[kMaxOperands];     // a box is a piece of the operand's own memory
  bool repeated[kMaxOperands];   // a box holds one value
  bool by_rows = false;          // one call of the kernel for every row of a box
  int tiled = 0;                 // the loop beside loop 0 where boxes are tiles
  bool streaming = false;        // the output is written around the caches
  int64_t pitch = kBlockPitch;   // bytes from one input's block to the next
  int64_t block[kMaxOperands];   // where in the arena the operand's block begins

  BoxLoop(const Nest& nest_, PointwiseFn kernel_, const void* params_, DType rounded_)
      : nest(nest_), kernel(kernel_), params(params_), rounded(rounded_) {}
  int64_t item(int k) const { return element_size(computed[k]); }
  bool typed(int k) const { return stored[k] == computed[k]; }
  int64_t room() const;
  bool direct_rows() const;
  Boxes cut();
  int64_t tile_room();
  void classify(const Boxes& boxes);
  void run(const Boxes& boxes, int64_t begin, int64_t end) const;

 private:
  void load(int k, const BoxCursor& cursor, const Mover& mover, char* to) const;
  void store(const BoxCursor& cursor, char* values) const;
  void fetch_rows(const BoxCursor& cursor) const;
  void call(char* out, const void* const* in, int64_t n, char* staging) const;
  void call_rows(const BoxCursor& cursor, char* out, const char* const* from, char* staging) const;
};

// Elements of a box such that a block of every operand's type fits its buffer.
int64_t BoxLoop::room() const {
  int64_t n = kBlockElements;
  for (int k = 0; k < nest.operands; ++k) n = std::min(n, block_elements(item(k)));
  return n;
}

// True iff rows can be handed to the kernel where they lie, but for repeated values.
bool BoxLoop::direct_rows() const {
  for (int k = 0; k < nest.operands; ++k) {
    const int64_t s = nest.strides[k][0];
    if (k > 0 && s == 0) continue;
    if (!typed(k) || s != item(k)) return false;
  }
  return true;
}

Boxes BoxLoop::cut() {
  const int64_t n = nest.sizes[0], max = room();
  if (nest.ndim == 1) return Boxes::runs(nest, max);
  if (direct_rows() && n >= kShortRow) {
    const bool output_spans = nest.strides[0][1] == nest.strides[0][0] * n;
    by_rows = n >= kSpanRows || !output_spans;
    if (by_rows) return Boxes::runs(nest, max);
  }
  if (!typed(0) || nest.strides[0][0] != item(0)) return Boxes::runs(nest, max);
  for (int k = 1; k < nest.operands; ++k) {
    const int other = transposed_loop(nest, k, element_size(stored[k]));
    if (other) {
      by_rows = true;
      tiled = other;
      return Boxes::tiles(nest, other, tile_room());
    }
  }
  return Boxes::runs(nest, max);
}

// Elements of a tile: the inputs that must be gathered share the arena.
int64_t BoxLoop::tile_room() {
  int64_t gathered = 0, widest = 1;
  for (int k = 0; k < nest.operands; ++k) {
    gathered += k > 0 && !(typed(k) && nest.strides[k][0] == item(k));
    widest = std::max(widest, item(k));
  }
  const int64_t bytes = std::min(kTileBytes, (kArena - kBlockPitch) / gathered - 128) / 64 * 64;
  pitch = bytes + 128;
  return bytes / widest;
}

void BoxLoop::classify(const Boxes& boxes) {
  int64_t next = kBlockPitch;
  for (int k = 0; k < nest.operands; ++k) {
    const int64_t* s = nest.strides[k];
    bool piece = typed(k), one = k > 0;
    int64_t step = item(k);
    bool whole = true;  // the loops so far are not cut
    for (int d = 0; d < nest.ndim; ++d) {
      if (boxes.size[d] == 1) {
        whole = whole && nest.sizes[d] == 1;
        continue;
      }
      piece = piece && whole && s[d] == step;
      one = one && s[d] == 0;
      step *= nest.sizes[d];
      whole = whole && boxes.size[d] == nest.sizes[d];
    }
    if (by_rows) piece = typed(k) && s[0] == item(k);
    direct[k] = piece;
    repeated[k] = one && !piece;
    block[k] = k == 0 ? 0 : next;
    if (k > 0 && !piece) next += pitch;
  }
  const int64_t bytes = nest.numel() * item(0);
  streaming = direct[0] && bytes >= kStreamBytes;
  for (int k = 1; k < nest.operands; ++k) streaming = streaming && address[k] != address[0];
}

void BoxLoop::load(int k, const BoxCursor& cursor, const Mover& mover, char* to) const {
  const char* src = address[k] + cursor.offset(k);
  if (repeated[k]) return mover.convert(src, 0, to, item(k), cursor.numel());
  int64_t packed[kMaxDims];
  int64_t step = item(k);
  for (int d = 0; d < nest.ndim; ++d) {
    packed[d] = step;
    step *= cursor.extent()[d];
  }
  mover.move(src, nest.strides[k], to, packed, cursor.extent(), nest.ndim);
}

void BoxLoop::store(const BoxCursor& cursor, char* values) const {
  DType from = computed[0];
  alignas(64) char narrowed[kBlockElements * 2];
  if (rounded != from && rounded != stored[0]) {
    // A half result in a wider output still has the precision of its own type.
    convert_fn(from, rounded)(values, element_size(from), narrowed, 2, cursor.numel());
    values = narrowed;
    from = rounded;
  }
  int64_t packed[kMaxDims];
  int64_t step = element_size(from);
  for (int d = 0; d < nest.ndim; ++d) {
    packed[d] = step;
    step *= cursor.extent()[d];
  }
  Mover(from, stored[0])
      .move(values, packed, address[0] + cursor.offset(0), nest.strides[0], cursor.extent(),
            nest.ndim);
}

// Starts to bring the rows of a tile that are used where they lie: they are too short for the
// processor to see where they lead.
void BoxLoop::fetch_rows(const BoxCursor& cursor) const {
  for (int k = streaming ? 1 : 0; k < nest.operands; ++k) {
    if (!direct[k]) continue;
    const char* row = address[k] + cursor.offset(k);
    for (int64_t i = 0; i < cursor.extent()[tiled]; ++i, row += nest.strides[k][tiled])
      for (int64_t at = 0; at < cursor.extent()[0] * item(k); at += 64)
        __builtin_prefetch(row + at, 0, 2);
  }
}

// Computes n elements into the output's own memory, through `staging` when that is streamed.
void BoxLoop::call(char* out, const void* const* in, int64_t n, char* staging) const {
  if (!streaming || reinterpret_cast<uintptr_t>(out) % 32 != 0) return kernel(out, in, n, params);
  kernel(staging, in, n, params);
  copy_streaming(staging, out, n * item(0));
}

// `from` are the operands' memory, or blocks that hold the box packed.
void BoxLoop::call_rows(const BoxCursor& cursor, char* out, const char* const* from,
                        char* staging) const {
  const int64_t n = cursor.extent()[0];
  int64_t index[kMaxDims] = {};
  for (int64_t row = 0, rows = cursor.numel() / n; row < rows; ++row) {
    const void* in[kMaxPointwiseInputs];
    int64_t at[kMaxOperands] = {};
    for (int d = 1; d < nest.ndim; ++d)
      for (int k = 0; k < nest.operands; ++k) at[k] += index[d] * nest.strides[k][d];
    for (int k = 1; k < nest.operands; ++k)
      in[k - 1] = from[k] + (direct[k] ? at[k] : row * n * item(k));
    call(out + at[0], in, n, staging);
    for (int d = 1; d < nest.ndim; ++d) {
      if (++index[d] < cursor.extent()[d]) break;
      index[d] = 0;
    }
  }
}

void BoxLoop::run(const Boxes& boxes, int64_t begin, int64_t end) const {
  alignas(64) char arena[kArena];
  const char* loaded[kMaxOperands] = {};  // source of what a block holds
  BoxCursor cursor(nest, boxes, begin);
  for (int64_t index = begin; index < end; ++index, cursor.next()) {
    const char* from[kMaxOperands];
    if (tiled) fetch_rows(cursor);
    for (int k = 1; k < nest.operands; ++k) {
      from[k] = address[k] + cursor.offset(k);
      if (direct[k]) continue;
      // Boxes at the edges have another shape: what was loaded for the others does not fit.
      if (cursor.reshaped() || loaded[k] != from[k]) {
        load(k, cursor, Mover(stored[k], computed[k]), arena + block[k]);
        loaded[k] = from[k];
      }
      from[k] = arena + block[k];
    }
    char* out = direct[0] ? address[0] + cursor.offset(0) : arena;
    if (by_rows) {
      call_rows(cursor, out, from, arena);
      continue;
    }
    const void* in[kMaxPointwiseInputs];
    for (int k = 1; k < nest.operands; ++k) in[k - 1] = from[k];
    call(out, in, cursor.numel(), arena);
    if (!direct[0]) store(cursor, arena);
  }
  if (streaming) streaming_fence();
}

// Numbers alone: the result is a number again, in the precision of Python's.
bool only_numbers(const PointwiseOp& op, const Tensor* const* inputs) {
  for (int i = 0; i < op.inputs; ++i)
    if (!inputs[i]->get()->is_number) return false;
  return op.output != OutputType::Bool;
}

DType compute_type(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params) {
  PromotionState state;
  for (int i = 0; i < op.inputs; ++i)
    if (!(op.mask_inputs >> i & 1)) state.add(*inputs[i]);
  for (int i = 0; i < op.params; ++i)
    if (op.promoting_params >> i & 1) state.add(params[i]);
  const DType t = state.result();
  if (op.promotion == Promotion::IntToFloat && is_integral(t)) return default_dtype();
  if (op.promotion == Promotion::BoolToInt && t == DType::Bool) return DType::Int64;
  return t;
}

Device common_device(const PointwiseOp& op, const Tensor* const* inputs) {
  const Tensor* with_dims = nullptr;
  const Tensor* zero_d = inputs[0];
  for (int i = 0; i < op.inputs; ++i) {
    const Tensor& t = *inputs[i];
    if (t.dim() == 0) {
      if (t.is_meta()) zero_d = inputs[i];
      continue;
    }
    FB_CHECK(!with_dims || with_dims->device() == t.device(), op.name,
             "(): Expected all tensors to be on the same device, but found at least two devices, ",
             with_dims->device(), " and ", t.device(), "!");
    with_dims = inputs[i];
  }
  const Device device = (with_dims ? with_dims : zero_d)->device();
  FB_CHECK(device.is_meta() || !zero_d->is_meta(), op.name,
           "(): Expected all tensors to be on the same device, but found at least two devices, ",
           device, " and meta!");
  return device;
}

Dims broadcast_all(const PointwiseOp& op, const Tensor* const* inputs) {
  Dims shape = inputs[0]->sizes();
  for (int i = 1; i < op.inputs; ++i) {
    const Dims& sizes = inputs[i]->sizes();
    if (!sizes.empty() && !(sizes == shape)) shape = broadcast_shapes(shape, sizes, op.name);
  }
  return shape;
}

void prepare_given(const PointwiseOp& op, const Tensor* const* inputs, const Tensor& out,
                   const Dims& shape, DType dtype, Device device) {
  FB_CHECK(out.device() == device, op.name, "(): Expected out tensor to be on the device ", device,
           ", but it is on ", out.device());
  bool in_place = false;
  for (int i = 0; i < op.inputs; ++i) in_place |= inputs[i]->is(out);
  if (in_place) {
    FB_CHECK(can_cast(dtype, out.dtype()), op.name, "(): result type ", type_name(dtype),
             " can't be cast to the desired output type ", type_name(out.dtype()));
    FB_CHECK(out.sizes() == shape, op.name, "(): output with shape ", out.sizes(),
             " doesn't match the broadcast shape ", shape);
  } else {
    prepare_out(out, shape, dtype, op.name);
  }
  check_overlap(out, inputs, op.inputs, op.name);
}

Tensor fresh_result(const PointwiseOp& op, const Tensor* const* inputs, const Dims& shape,
                    DType dtype, Device device) {
  const int64_t item = element_size(dtype);
  checked_numel(shape, item, op.name);
  const Dims strides = result_strides(shape, inputs, op.inputs);
  const size_t nbytes = required_bytes(shape, strides, 0, item, op.name);
  return tensor_from_storage(new_storage(nbytes, device), dtype, shape, strides, 0);
}

void run_boxes(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
               const Tensor& out, PointwiseFn kernel, DType dtype, DType result_dtype) {
  const DType in_kernel = kernel_type(dtype);
  const Params numbers(op, params, in_kernel);
  // Alike throughout (but for their types): one loop.
  bool flat = out.is_contiguous();
  for (int i = 0; i < op.inputs && flat; ++i)
    flat = inputs[i]->is_contiguous() && inputs[i]->sizes() == out.sizes();
  const int64_t n = out.numel();
  Nest nest(flat ? Dims{n} : out.sizes());
  BoxLoop loop(nest, kernel, numbers.bytes, result_dtype);
  auto add = [&](const Tensor& t, DType computed) {
    const int k = nest.operands;
    loop.address[k] = static_cast<char*>(t.raw());
    loop.stored[k] = t.dtype();
    loop.computed[k] = computed;
    if (flat)
      nest.add({n}, {1}, t.itemsize());
    else
      nest.add(t);
  };
  add(out, output_type(op, in_kernel));
  for (int i = 0; i < op.inputs; ++i)
    add(*inputs[i], op.mask_inputs >> i & 1 ? DType::Bool : in_kernel);
  if (!flat) nest.simplify();

  bool all_direct = loop.direct_rows() && nest.ndim == 1;
  for (int k = 1; k < nest.operands; ++k) all_direct &= nest.strides[k][0] != 0;
  if (all_direct) {
    const void* in[kMaxPointwiseInputs];
    int64_t items[kMaxPointwiseInputs];
    for (int i = 0; i < op.inputs; ++i) {
      in[i] = loop.address[i + 1];
      items[i] = loop.item(i + 1);
    }
    return run_contiguous(kernel, loop.address[0], loop.item(0), in, items, op.inputs, n,
                          numbers.bytes);
  }
  const Boxes boxes = loop.cut();
  loop.classify(boxes);
  if (n <= kParallelGrain) return loop.run(boxes, 0, boxes.total);
  BlockingRegion region(n >= kBlockingWork);
  const int64_t per_box = std::max<int64_t>(n / boxes.total, 1);
  parallel_for(boxes.total, std::max<int64_t>(kParallelGrain / per_box, 1),
               [&](int64_t begin, int64_t end) { loop.run(boxes, begin, end); });
}

[[gnu::noinline]] Tensor pointwise_general(const PointwiseOp& op, const Tensor* const* inputs,
                                           const Scalar* params, const Tensor* out) {
  const bool number = !out && only_numbers(op, inputs);
  DType dtype = compute_type(op, inputs, params);
  if (number && !is_integral(dtype)) dtype = is_complex(dtype) ? DType::Complex128 : DType::Float64;
  const PointwiseFn kernel = find_kernel(op, dtype);
  FB_CHECK_KIND(ErrorKind::NotImplemented, kernel, '"', op.name, "\" not implemented for '",
                type_name(dtype), '\'');
  const DType result_dtype = output_type(op, dtype);
  const Device device = common_device(op, inputs);
  const Dims shape = broadcast_all(op, inputs);
  if (out) prepare_given(op, inputs, *out, shape, result_dtype, device);
  const Tensor result = out ? *out : fresh_result(op, inputs, shape, result_dtype, device);
  if (!device.is_meta() && result.numel() > 0)
    run_boxes(op, inputs, params, result, kernel, dtype, result_dtype);
  result->is_number = result->is_number || number;
  return result;
}

}  // namespace

Tensor pointwise(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
                 const Tensor* out) {
  Tensor result;
  if (pointwise_fast(op, inputs, params, out, &result)) return result;
  return pointwise_general(op, inputs, params, out);
}

}  // namespace flambeau
