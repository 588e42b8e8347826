#include "cpu/pointwise.h"

#include <cstring>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/thread_pool.h"
#include "cpu/visit_item.h"

namespace flambeau {
namespace {

// A block of each operand in the first-level cache: enough to hide the calls, few enough to stay.
constexpr int64_t kBlockElements = 1024;
constexpr int64_t kBlockBytes = 4096;
constexpr int64_t kBlockPitch = kBlockBytes + 128;  // apart, so that blocks do not share cache sets
constexpr int64_t kArena = kMaxOperands * kBlockPitch;
constexpr int64_t kTileBytes = 16384;  // of a transposed operand: enough of its rows to be fetched
constexpr int64_t kTileRun = 128;      // of those rows: long rows of the result matter more
constexpr int64_t kExpandElements = 512;  // up to here operands are broadcast the simple way
constexpr int kMaxSmallBlocks = 3;
constexpr int64_t kShortRow = 64;     // rows below this many elements are handled several at a time
constexpr int64_t kSpanRows = 256;    // the same where only inputs would have to be gathered
constexpr int64_t kGaplessRows = 96;  // and where those are one number per row
// Results from this size on will not be found in a cache again and are written around them.
constexpr int64_t kStreamBytes = int64_t{32} << 20;

int64_t block_elements(int64_t item) { return std::min(kBlockElements, kBlockBytes / item); }

// The type whose table entry, and whose numbers, a type uses.
DType kernel_type(DType t) { return is_half(t) ? DType::Float32 : t; }

int category(DType t) { return t == DType::Bool ? 0 : is_complex(t) ? 3 : is_floating(t) ? 2 : 1; }

// True iff the kernel takes elements of the type from memory, and one for all positions.
bool has_vectors(const PointwiseOp& op, DType t) { return op.vectors >> static_cast<int>(t) & 1; }
unsigned form_of(DType t) {
  return t == DType::BFloat16 ? kBFloat16Form : t == DType::Float16 ? kFloat16Form : 0;
}

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

// ---------------------------------------------------------------- calling a kernel

// A kernel with all but the addresses of its operands.
struct Call {
  PointwiseFn kernel;
  const void* params;
  int inputs;
  int64_t out_item;
  int64_t items[kMaxPointwiseInputs];  // bytes from an element to the next; 0 where repeated
  unsigned form;
  bool streaming = false;  // the output is written around the caches

  Call(PointwiseFn kernel_, const void* params_, int inputs_, int64_t out_item_, DType type)
      : kernel(kernel_),
        params(params_),
        inputs(inputs_),
        out_item(out_item_),
        form(form_of(type)) {}
  bool repeats(int i) const { return form >> i & 1; }
  void repeat(int i) {
    form |= 1u << i;
    items[i] = 0;
  }
  void run(char* out, const void* const* in, int64_t n) const;
  void run_all(char* out, const void* const* in, int64_t n);
};

void Call::run(char* out, const void* const* in, int64_t n) const {
  if (!streaming || reinterpret_cast<uintptr_t>(out) % 32 != 0)
    return kernel(out, in, n, form, params);
  alignas(64) char block[kBlockBytes];
  const int64_t step = kBlockBytes / out_item;
  for (int64_t at = 0; at < n; at += step) {
    const void* from[kMaxPointwiseInputs];
    for (int i = 0; i < inputs; ++i) from[i] = static_cast<const char*>(in[i]) + at * items[i];
    const int64_t m = std::min(step, n - at);
    kernel(block, from, m, form, params);
    copy_streaming(block, out + at * out_item, m * out_item);
  }
}

// Chunks alike in size: with whole grains the last one may be a sliver, and half the threads idle.
int64_t even_grain(int64_t n) {
  const int64_t chunks = (n + kParallelGrain - 1) / kParallelGrain;
  return (n / chunks / 64 + 1) * 64;
}

// Contiguous operands, and repeated ones, shared among the threads.
void Call::run_all(char* out, const void* const* in, int64_t n) {
  if (n <= kParallelGrain) return kernel(out, in, n, form, params);
  BlockingRegion region(n >= kBlockingWork);
  streaming = n * out_item >= kStreamBytes;
  for (int i = 0; i < inputs; ++i) streaming &= in[i] != out;
  parallel_for(n, even_grain(n), [&](int64_t begin, int64_t end) {
    const void* from[kMaxPointwiseInputs];
    for (int i = 0; i < inputs; ++i) from[i] = static_cast<const char*>(in[i]) + begin * items[i];
    run(out + begin * out_item, from, end - begin);
    if (streaming) streaming_fence();
  });
}

// ---------------------------------------------------------------- the fast path
// Operands of one type, contiguous and alike, and 0-d ones of a type that does not count; beside
// small tensors also ones to be broadcast.

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
  if (!like->contiguous) return false;
  if (s.zero_d && like->numel > kBlockElements && !has_vectors(op, like->dtype)) return false;
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
  if (is_half(t) && !has_vectors(op, t)) return false;
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

void expand(const Tensor& t, const Dims& shape, char* block) {
  visit_item(t.itemsize(), [&]<class T>() {
    expand_items(*t.get(), shape, t.data<const T>(), reinterpret_cast<T*>(block));
  });
}

// Operands that are not in the shape of the result go through blocks: of the copies that the
// kernel takes, or of all elements.
void run_with_blocks(const PointwiseOp& op, const Tensor* const* inputs, const Simple& s,
                     Call& call, char* out, int64_t n) {
  const Tensor& like = *inputs[s.like];
  const bool copies = has_vectors(op, like.dtype());
  const void* in[kMaxPointwiseInputs];
  alignas(64) char blocks[kMaxSmallBlocks][kBlockElements * 16];
  int used = 0;
  for (int i = 0; i < op.inputs; ++i) {
    in[i] = inputs[i]->raw();
    if (!((s.zero_d | s.expanded) >> i & 1)) continue;
    char* block = blocks[used++];
    const DType to = op.mask_inputs >> i & 1 ? DType::Bool : kernel_type(like.dtype());
    const int64_t item = element_size(to);
    if (s.expanded >> i & 1)
      expand(*inputs[i], like.sizes(), block);
    else
      convert_fn(inputs[i]->dtype(), to)(in[i], 0, block, item, copies ? kRepeatBytes / item : n);
    if (copies && s.zero_d >> i & 1) call.repeat(i);
    in[i] = block;
  }
  call.run_all(out, in, n);
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
  auto* to = static_cast<char*>(result->raw());
  const Params numbers(op, params, kernel_type(dtype));
  Call call(kernel, numbers.bytes, op.inputs, element_size(result_type), dtype);
  for (int i = 0; i < op.inputs; ++i) call.items[i] = inputs[i]->itemsize();
  if (s.zero_d | s.expanded) {
    run_with_blocks(op, inputs, s, call, to, n);
    return true;
  }
  const void* in[kMaxPointwiseInputs];
  for (int i = 0; i < op.inputs; ++i) in[i] = inputs[i]->raw();
  call.run_all(to, in, n);
  return true;
}

// ---------------------------------------------------------------- the general path

// What a thread needs: no handles, only addresses and sizes. Operand 0 is the output; the others
// are the inputs in their order.
struct Operands {
  const Nest& nest;
  char* address[kMaxOperands];
  DType stored[kMaxOperands];    // type in memory
  DType computed[kMaxOperands];  // type the kernel sees
  const DType rounded;           // type of the result before it is cast to the output's

  Operands(const Nest& nest_, DType rounded_) : nest(nest_), rounded(rounded_) {}
  int64_t item(int k) const { return element_size(computed[k]); }
  bool typed(int k) const { return stored[k] == computed[k] && (k > 0 || rounded == stored[0]); }
  bool rows_fit(bool repeats) const;
  bool gapless() const;
  bool in_place() const;
};

// True iff the kernel can take rows (loop 0) where they lie: elements side by side or, where it
// takes repeated ones, one for all.
bool Operands::rows_fit(bool repeats) const {
  for (int k = 0; k < nest.operands; ++k) {
    const int64_t s = nest.strides[k][0];
    if (!typed(k) || (s != item(k) && !(s == 0 && k > 0 && repeats))) return false;
  }
  const int64_t n = nest.sizes[0];
  if (nest.ndim == 1 || n >= kSpanRows || (n >= kGaplessRows && gapless())) return true;
  return n >= kShortRow && nest.strides[0][1] != nest.strides[0][0] * n;
}

// True iff the rows of every operand that is not one number per row follow each other.
bool Operands::gapless() const {
  for (int k = 0; k < nest.operands; ++k)
    if (nest.strides[k][0] != 0 && !nest.contiguous(k, item(k))) return false;
  return true;
}

bool Operands::in_place() const {
  for (int k = 1; k < nest.operands; ++k)
    if (address[k] == address[0]) return true;
  return false;
}

// One call of the kernel for every row, or for the part of a row that a thread was given.
struct RowLoop {
  const Operands& operands;
  Call call;
  ConvertFn convert[kMaxPointwiseInputs];  // of a repeated element; null where it is copied
  int64_t width, rounded;  // of a row; rounded up where the next row's results come later

  RowLoop(const Operands& operands_, const Call& call_);
  void run_all() const;

 private:
  static constexpr int64_t kGroup = 8;  // rows whose repeated elements are copied together
  struct Copies { alignas(64) char of[kMaxPointwiseInputs][kGroup][kRepeatBytes]; };
  int64_t step(int k) const { return operands.nest.ndim > 1 ? operands.nest.strides[k][1] : 0; }
  int64_t rounded_width() const;
  void run(int64_t begin, int64_t end) const;
  void copy_repeated(char* const* row, int64_t rows, Copies& copies) const;
  void run_rows(char* const* row, int64_t at, int64_t rows, int64_t n, int64_t last,
                const Copies& copies) const;
};

RowLoop::RowLoop(const Operands& operands_, const Call& call_) : operands(operands_), call(call_) {
  const Nest& nest = operands.nest;
  for (int i = 0; i < call.inputs; ++i) {
    call.items[i] = operands.item(i + 1);
    const DType stored = operands.stored[i + 1], wanted = kernel_type(stored);
    convert[i] = stored == wanted ? nullptr : convert_fn(stored, wanted);
    if (nest.strides[i + 1][0] == 0) call.repeat(i);
  }
  call.streaming = nest.numel() * call.out_item >= kStreamBytes && !operands.in_place();
  width = nest.sizes[0];
  rounded = rounded_width();
}

// Whole vectors where the row behind is computed later, from elements that are still there.
int64_t RowLoop::rounded_width() const {
  const Nest& nest = operands.nest;
  if (nest.ndim == 1 || call.streaming || operands.in_place() || !operands.gapless()) return width;
  int64_t widest = 1;
  for (int k = 0; k < nest.operands; ++k) widest = std::max(widest, operands.item(k));
  const int64_t lanes = std::max<int64_t>(1, 32 / widest);
  return (width + lanes - 1) / lanes * lanes;
}

void RowLoop::run_all() const {
  const int64_t n = operands.nest.numel();
  if (n <= kParallelGrain) return run(0, n);
  BlockingRegion region(n >= kBlockingWork);
  const int64_t even = even_grain(n);
  parallel_for(n, width < even ? even / width * width : even,
               [&](int64_t begin, int64_t end) { run(begin, end); });
}

// Vectors of copies for some rows, at most kGroup.
void RowLoop::copy_repeated(char* const* row, int64_t rows, Copies& copies) const {
  for (int i = 0; i < call.inputs; ++i) {
    if (!call.repeats(i)) continue;
    const int item = static_cast<int>(element_size(kernel_type(operands.stored[i + 1])));
    const int64_t n = kRepeatBytes / item, next = step(i + 1);
    // By vectors as long as those that will be read: others would wait for earlier stores.
    if (!convert[i]) repeat_items(copies.of[i][0], kRepeatBytes, row[i + 1], next, n, rows, item);
    for (int64_t r = 0; convert[i] && r < rows; ++r)
      convert[i](row[i + 1] + r * next, 0, copies.of[i][r], item, n);
  }
}

// n elements from position `at` of some rows, `last` of the last one.
void RowLoop::run_rows(char* const* row, int64_t at, int64_t rows, int64_t n, int64_t last,
                       const Copies& copies) const {
  const void* in[kMaxPointwiseInputs];
  int64_t steps[kMaxPointwiseInputs];
  for (int i = 0; i < call.inputs; ++i) {
    const bool repeats = call.repeats(i);
    in[i] = repeats ? copies.of[i][0] : row[i + 1] + at * call.items[i];
    steps[i] = repeats ? kRepeatBytes : step(i + 1);
  }
  char* out = row[0] + at * call.out_item;
  for (; rows > 1; --rows, out += step(0)) {
    call.run(out, in, n);
    for (int i = 0; i < call.inputs; ++i) in[i] = static_cast<const char*>(in[i]) + steps[i];
  }
  call.run(out, in, last);
}

void RowLoop::run(int64_t begin, int64_t end) const {
  const Nest& nest = operands.nest;
  char* row[kMaxOperands];
  std::copy(operands.address, operands.address + nest.operands, row);
  int64_t index[kMaxDims], rest = begin / width, at = begin % width;
  for (int d = 1; d < nest.ndim; ++d) {
    index[d] = rest % nest.sizes[d];
    rest /= nest.sizes[d];
    for (int k = 0; k < nest.operands; ++k) row[k] += index[d] * nest.strides[k][d];
  }
  Copies copies;
  while (begin < end) {
    int64_t rows = 1, n = std::min(width - at, end - begin), last = n;
    if (nest.ndim > 1 && n == width) {
      rows = std::min({(end - begin) / width, nest.sizes[1] - index[1], kGroup});
      last = begin + (rows - 1) * width + rounded <= end ? rounded : width;
      n = rounded;
    }
    copy_repeated(row, rows, copies);
    run_rows(row, at, rows, n, last, copies);
    begin += std::min(width, n) * rows;
    at = 0;
    int64_t steps = rows;
    for (int d = 1; d < nest.ndim; ++d, steps = 1) {
      index[d] += steps;
      const bool wraps = index[d] == nest.sizes[d];
      if (wraps) steps -= nest.sizes[d], index[d] = 0;
      for (int k = 0; k < nest.operands; ++k) row[k] += steps * nest.strides[k][d];
      if (!wraps) break;
    }
  }
  if (call.streaming) streaming_fence();
}

// Operands that must be converted, gathered or repeated first: boxes of them, in the first-level
// cache, are brought to the order and type of the kernel.
struct BoxLoop {
  const Operands& operands;
  const Nest& nest;
  Call call;
  bool direct[kMaxOperands];    // a box is a piece of the operand's own memory
  bool repeated[kMaxOperands];  // a box holds one value
  int tiled = 0;                // the loop beside loop 0 where boxes are tiles, taken row by row
  int64_t pitch = kBlockPitch;  // bytes from one input's block to the next
  int64_t block[kMaxOperands];  // where in the arena the operand's block begins

  BoxLoop(const Operands& operands_, const Call& call_)
      : operands(operands_), nest(operands_.nest), call(call_) {
    for (int i = 0; i < call.inputs; ++i) call.items[i] = item(i + 1);
  }
  int64_t item(int k) const { return operands.item(k); }
  bool typed(int k) const { return operands.typed(k); }
  void run_all();

 private:
  int64_t room() const;
  Boxes cut();
  int64_t tile_room();
  void classify(const Boxes& boxes);
  void run(const Boxes& boxes, int64_t begin, int64_t end) const;
  void load(int k, const BoxCursor& cursor, const Mover& mover, char* to) const;
  void store(const BoxCursor& cursor, char* values) const;
  void fetch_share(const BoxCursor& next, int64_t part, int64_t parts) const;
  void call_rows(const BoxCursor& cursor, const BoxCursor* next, char* out,
                 const char* const* from) const;
};

// Elements of a box such that a block of every operand's type fits its buffer.
int64_t BoxLoop::room() const {
  int64_t n = kBlockElements;
  for (int k = 0; k < nest.operands; ++k) n = std::min(n, block_elements(item(k)));
  return n;
}

Boxes BoxLoop::cut() {
  const int64_t max = room();
  if (nest.ndim == 1 || !typed(0) || nest.strides[0][0] != item(0)) return Boxes::runs(nest, max);
  for (int k = 1; k < nest.operands; ++k) {
    const int64_t stored = element_size(operands.stored[k]);
    tiled = transposed_loop(nest, k, stored);
    if (tiled) return Boxes::tiles(nest, tiled, tile_room(), kTileRun / stored);
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
    if (tiled) piece = typed(k) && s[0] == item(k);
    direct[k] = piece;
    repeated[k] = one && !piece;
    block[k] = k == 0 ? 0 : next;
    if (k > 0 && !piece) next += pitch;
  }
  call.streaming = direct[0] && nest.numel() * item(0) >= kStreamBytes && !operands.in_place();
}

void BoxLoop::load(int k, const BoxCursor& cursor, const Mover& mover, char* to) const {
  const char* src = operands.address[k] + cursor.offset(k);
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
  DType from = operands.computed[0];
  const DType rounded = operands.rounded, stored = operands.stored[0];
  alignas(64) char narrowed[kBlockElements * 2];
  if (rounded != from && rounded != stored) {
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
  Mover(from, stored)
      .move(values, packed, operands.address[0] + cursor.offset(0), nest.strides[0],
            cursor.extent(), nest.ndim);
}

// Starts to bring a share of the tile after this one: its rows are too short for the processor to
// see where they lead.
void BoxLoop::fetch_share(const BoxCursor& next, int64_t part, int64_t parts) const {
  for (int k = call.streaming ? 1 : 0; k < nest.operands; ++k) {
    const int across = direct[k] ? tiled : 0, along = direct[k] ? 0 : tiled;
    const int64_t rows = next.extent()[across], bytes = next.extent()[along] * item(k);
    for (int64_t i = rows * part / parts; i < rows * (part + 1) / parts; ++i) {
      const char* row = operands.address[k] + next.offset(k) + i * nest.strides[k][across];
      for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at, 0, 2);
    }
  }
}

// `from` are the operands' memory, or blocks that hold the box packed.
void BoxLoop::call_rows(const BoxCursor& cursor, const BoxCursor* next, char* out,
                        const char* const* from) const {
  const int64_t n = cursor.extent()[0];
  int64_t index[kMaxDims] = {};
  for (int64_t row = 0, rows = cursor.numel() / n; row < rows; ++row) {
    if (next) fetch_share(*next, row, rows);
    const void* in[kMaxPointwiseInputs];
    int64_t at[kMaxOperands] = {};
    for (int d = 1; d < nest.ndim; ++d)
      for (int k = 0; k < nest.operands; ++k) at[k] += index[d] * nest.strides[k][d];
    for (int k = 1; k < nest.operands; ++k)
      in[k - 1] = from[k] + (direct[k] ? at[k] : row * n * item(k));
    call.run(out + at[0], in, n);
    for (int d = 1; d < nest.ndim; ++d) {
      if (++index[d] < cursor.extent()[d]) break;
      index[d] = 0;
    }
  }
}

void BoxLoop::run(const Boxes& boxes, int64_t begin, int64_t end) const {
  alignas(64) char arena[kArena];
  const char* loaded[kMaxOperands] = {};  // source of what a block holds
  BoxCursor cursor(nest, boxes, begin), ahead = cursor;
  for (int64_t index = begin; index < end; ++index, cursor.next()) {
    const char* from[kMaxOperands];
    for (int k = 1; k < nest.operands; ++k) {
      from[k] = operands.address[k] + cursor.offset(k);
      if (direct[k]) continue;
      // Boxes at the edges have another shape: what was loaded for the others does not fit.
      if (cursor.reshaped() || loaded[k] != from[k]) {
        load(k, cursor, Mover(operands.stored[k], operands.computed[k]), arena + block[k]);
        loaded[k] = from[k];
      }
      from[k] = arena + block[k];
    }
    char* out = direct[0] ? operands.address[0] + cursor.offset(0) : arena;
    if (tiled) {
      ahead.next();
      call_rows(cursor, index + 1 < end ? &ahead : nullptr, out, from);
      continue;
    }
    const void* in[kMaxPointwiseInputs];
    for (int k = 1; k < nest.operands; ++k) in[k - 1] = from[k];
    call.run(out, in, cursor.numel());
    if (!direct[0]) store(cursor, arena);
  }
  if (call.streaming) streaming_fence();
}

void BoxLoop::run_all() {
  const Boxes boxes = cut();
  classify(boxes);
  const int64_t n = nest.numel();
  if (n <= kParallelGrain) return run(boxes, 0, boxes.total);
  BlockingRegion region(n >= kBlockingWork);
  const int64_t per_box = std::max<int64_t>(n / boxes.total, 1);
  parallel_for(boxes.total, std::max<int64_t>(kParallelGrain / per_box, 1),
               [&](int64_t begin, int64_t end) { run(boxes, begin, end); });
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

void run_general(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
                 const Tensor& out, PointwiseFn kernel, DType dtype, DType result_dtype) {
  // A 0-d operand of a wider type than the halves beside it keeps its precision.
  bool as_stored = has_vectors(op, dtype);
  for (int i = 0; i < op.inputs; ++i)
    as_stored &= (op.mask_inputs >> i & 1) || inputs[i]->dtype() == dtype;
  const DType in_kernel = as_stored ? dtype : kernel_type(dtype);
  const Params numbers(op, params, kernel_type(dtype));
  // Alike throughout (but for their types): one loop.
  bool flat = out.is_contiguous();
  for (int i = 0; i < op.inputs && flat; ++i)
    flat = inputs[i]->is_contiguous() && inputs[i]->sizes() == out.sizes();
  const int64_t n = out.numel();
  Nest nest(flat ? Dims{n} : out.sizes());
  Operands operands(nest, result_dtype);
  auto add = [&](const Tensor& t, DType computed) {
    const int k = nest.operands;
    operands.address[k] = static_cast<char*>(t.raw());
    operands.stored[k] = t.dtype();
    operands.computed[k] = computed;
    if (flat)
      nest.add({n}, {1}, t.itemsize());
    else
      nest.add(t);
  };
  add(out, output_type(op, in_kernel));
  for (int i = 0; i < op.inputs; ++i)
    add(*inputs[i], op.mask_inputs >> i & 1 ? DType::Bool : in_kernel);
  if (!flat) nest.simplify();

  const Call call(kernel, numbers.bytes, op.inputs, operands.item(0), in_kernel);
  if (operands.rows_fit(has_vectors(op, in_kernel)))
    RowLoop(operands, call).run_all();
  else
    BoxLoop(operands, call).run_all();
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
    run_general(op, inputs, params, result, kernel, dtype, result_dtype);
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
