#include "cpu/reduce.h"

#include <cstring>
#include <memory>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kPartWork = 32 * 1024;  // elements of a part, when one output is cut into parts
constexpr int64_t kMaxParts = 64;
constexpr int64_t kConvertBytes = 32 * 1024;

struct Loop {
  int64_t size, in, out;  // strides in bytes
};

// Offsets of a set of loops, numbered with the first one fastest.
struct Loops {
  Loop list[kMaxDims];
  int n = 0;
  int64_t total = 1;

  void add(const Loop& loop) {
    list[n++] = loop;
    total *= loop.size;
  }
  void at(int64_t index, int64_t* in, int64_t* out) const {
    for (int d = 0; d < n; ++d) {
      const int64_t i = index % list[d].size;
      index /= list[d].size;
      *in += i * list[d].in;
      *out += i * list[d].out;
    }
  }
};

FoldType fold_type(DType t) {
  switch (t) {
    case DType::Float32: return FoldType::Float;
    case DType::Float64: return FoldType::Double;
    case DType::Int64: return FoldType::Int64;
    case DType::Complex64: return FoldType::ComplexFloat;
    case DType::Complex128: return FoldType::ComplexDouble;
    default: return FoldType::Byte;
  }
}

// The type that the elements are folded as where they need no conversion to `compute`.
FoldType stored_type(DType t, DType compute) {
  if (compute == DType::Float32 && t == DType::Float16) return FoldType::Float16;
  if (compute == DType::Float32 && t == DType::BFloat16) return FoldType::BFloat16;
  if (compute != DType::Int64) return fold_type(compute);
  switch (t) {
    case DType::Int32: return FoldType::Int32;
    case DType::Int16: return FoldType::Int16;
    case DType::Int8: return FoldType::Int8;
    case DType::UInt8: return FoldType::UInt8;
    case DType::Bool: return FoldType::Flag;
    default: return FoldType::Int64;
  }
}

bool is_special(FoldOp op, DType t) {
  return is_complex(t) || op == FoldOp::ArgMax || op == FoldOp::ArgMin || op == FoldOp::Moments ||
         op == FoldOp::LogSumExp;
}

// A reduction brought to the form that leaves walk: `steps` of one reduced loop for `width` outputs
// side by side. By rows the steps are neighbours in memory, else the outputs are.
struct Plan {
  FoldFns fns{};
  const char* base;
  bool by_rows = false;
  int64_t steps = 1, step_bytes = 0;
  Loop outputs{1, 0, 0};
  Loops kept, reduced;  // the loops outside
  int64_t item, compute_item;
  ConvertFn convert = nullptr;
  double param;
  int64_t tile = 1, leaf = 1;
  int64_t group = 1;  // narrow columns: so many rows are folded side by side as one

  void find_loops(const Nest& nest, int64_t numel);
  void choose_tile(bool positions);
  void leaf_fold(const char* x, int64_t step, int64_t width, int64_t n, void* states) const;
  void converted(const char* x, int64_t step, int64_t width, int64_t n, void* states) const;
  void range(const char* x, int64_t step, int64_t width, int64_t begin, int64_t end,
             void* states) const;
  void grouped(const char* x, int64_t width, int64_t begin, int64_t end, void* states) const;
  void part(const char* x, int64_t width, int64_t part, int64_t parts, void* states) const;
};

bool fits(const Nest& nest, int64_t item) {
  if (nest.strides[0][0] == item) return true;
  return nest.ndim == 1 && nest.sizes[0] == 1;
}

void Plan::find_loops(const Nest& nest, int64_t) {
  auto loop_at = [&](int d) { return Loop{nest.sizes[d], nest.strides[0][d], nest.strides[1][d]}; };
  by_rows = nest.strides[1][0] == 0;
  bool have_steps = false, have_outputs = false;
  for (int d = 0; d < nest.ndim; ++d) {
    const Loop loop = loop_at(d);
    const bool is_reduced = loop.out == 0;
    if (is_reduced && !have_steps) {
      steps = loop.size;
      step_bytes = loop.in;
      have_steps = true;
    } else if (!is_reduced && !have_outputs) {
      outputs = loop;
      have_outputs = true;
    } else {
      (is_reduced ? reduced : kept).add(loop);
    }
  }
}

void Plan::choose_tile(bool positions) {
  if (by_rows) {
    leaf = fns.block;
    tile = std::clamp<int64_t>(8 * fns.block / std::max<int64_t>(steps, 1), 1, kFoldColumns);
  } else {
    leaf = convert ? 8 : kFoldRows;
    tile = std::min<int64_t>(kFoldColumns, kConvertBytes / (8 * compute_item));
  }
  if (!by_rows && !positions && step_bytes == outputs.size * item)
    while (2 * group * outputs.size <= tile && 4 * group <= steps) group *= 2;
  tile = std::min(tile, outputs.size);
}

void Plan::converted(const char* x, int64_t step, int64_t width, int64_t n, void* states) const {
  alignas(64) char buffer[kConvertBytes];
  if (!by_rows) {
    for (int64_t r = 0; r < n; ++r)
      convert(x + r * step, item, buffer + r * width * compute_item, compute_item, width);
    return fns.columns(buffer, width * compute_item, n, width, states, param);
  }
  const int64_t group = std::max<int64_t>(kConvertBytes / (n * compute_item), 1);
  for (int64_t r = 0; r < width; r += group) {
    const int64_t now = std::min(group, width - r);
    const char* from = x + r * outputs.in;
    if (outputs.in == n * item) {
      convert(from, item, buffer, compute_item, now * n);
    } else {
      for (int64_t k = 0; k < now; ++k)
        convert(from + k * outputs.in, item, buffer + k * n * compute_item, compute_item, n);
    }
    fns.rows(buffer, n * compute_item, now, n, static_cast<char*>(states) + r * fns.state_bytes,
             param);
  }
}

void Plan::leaf_fold(const char* x, int64_t step, int64_t width, int64_t n, void* states) const {
  if (convert) return converted(x, step, width, n, states);
  if (by_rows) return fns.rows(x, outputs.in, width, n, states, param);
  fns.columns(x, step, n, width, states, param);
}

// States of the steps [begin, end): halves are folded alone and combined, which keeps the rounding
// errors of long sums small.
void Plan::range(const char* x, int64_t step, int64_t width, int64_t begin, int64_t end,
                 void* states) const {
  const int64_t n = end - begin;
  if (n <= leaf) return leaf_fold(x + begin * step, step, width, n, states);
  int64_t half = leaf;
  while (half * 2 < n) half *= 2;
  range(x, step, width, begin, begin + half, states);
  alignas(64) char other[kFoldColumns * kMaxStateBytes];
  range(x, step, width, begin + half, end, other);
  fns.combine(states, other, width, half);
}

// Narrow columns without gaps: `group` rows are one wide row, whose parts are combined in the end.
void Plan::grouped(const char* x, int64_t width, int64_t begin, int64_t end, void* states) const {
  const int64_t wide = (end - begin) / group;
  if (group == 1 || wide == 0) return range(x, step_bytes, width, begin, end, states);
  alignas(64) char all[kFoldColumns * kMaxStateBytes];
  range(x + begin * step_bytes, group * step_bytes, group * width, 0, wide, all);
  for (int64_t half = group / 2; half > 0; half /= 2)
    fns.combine(all, all + half * width * fns.state_bytes, half * width, 0);
  const int64_t rest = begin + wide * group;
  if (rest < end) {
    range(x, step_bytes, width, rest, end, states);
    fns.combine(all, states, width, 0);
  }
  std::memcpy(states, all, static_cast<size_t>(width * fns.state_bytes));
}

// The part-th of `parts` pieces of everything that is folded into `width` outputs.
void Plan::part(const char* x, int64_t width, int64_t part, int64_t parts, void* states) const {
  int64_t begin = 0, end = steps, outer_begin = 0, outer_end = reduced.total;
  if (parts > 1 && reduced.total >= parts) {
    outer_begin = reduced.total * part / parts;
    outer_end = reduced.total * (part + 1) / parts;
  } else if (parts > 1) {
    const int64_t blocks = (steps + leaf - 1) / leaf;
    begin = std::min(steps, blocks * part / parts * leaf);
    end = std::min(steps, blocks * (part + 1) / parts * leaf);
  }
  alignas(64) char other[kFoldColumns * kMaxStateBytes];
  for (int64_t i = outer_begin; i < outer_end; ++i) {
    int64_t in = 0, out = 0;
    reduced.at(i, &in, &out);
    grouped(x + in, width, begin, end, i == outer_begin ? states : other);
    if (i > outer_begin) fns.combine(states, other, width, 0);
  }
}

int64_t part_begin(const Plan& plan, int64_t part, int64_t parts) {
  if (parts == 1 || plan.reduced.total >= parts) return 0;
  const int64_t blocks = (plan.steps + plan.leaf - 1) / plan.leaf;
  return std::min(plan.steps, blocks * part / parts * plan.leaf);
}

// How many pieces the work of one tile of outputs is cut into: a function of the sizes alone.
int64_t parts_of(const Plan& plan, int64_t units, int64_t work) {
  if (units >= 16) return 1;
  int64_t parts = std::clamp<int64_t>(work / kPartWork, 1, kMaxParts);
  if (plan.reduced.total < parts) {
    const int64_t blocks = (plan.steps + plan.leaf - 1) / plan.leaf;
    parts = std::min(parts, blocks);
  }
  return std::max<int64_t>(parts, 1);
}

struct Output {
  char* base;
  FinishFn finish;
  DType from;
  ConvertFn convert;
  int64_t from_item;
  double param;
};

void store_states(const Plan& plan, const Output* outputs, int count, const void* states,
                  int64_t width, int64_t offset, const int64_t* out_items, int64_t base_item) {
  for (int k = 0; k < count; ++k) {
    alignas(64) char values[kFoldColumns * 16];
    const Output& o = outputs[k];
    o.finish(states, width, values, o.param);
    const int64_t scale = out_items[k], stride = plan.outputs.out / base_item * scale;
    o.convert(values, o.from_item, o.base + offset / base_item * scale, stride, width);
  }
}

// The order of `in` with its reduced dimensions last, as contiguous memory.
Tensor arranged(const Tensor& in, uint64_t reduced) {
  Dims sizes, strides, order;
  for (int pass = 0; pass < 2; ++pass) {
    for (int64_t d = 0; d < in.dim(); ++d) {
      if ((reduced >> d & 1) != static_cast<uint64_t>(pass)) continue;
      order.push_back(d);
      sizes.push_back(in.size(d));
      strides.push_back(in.stride(d));
    }
  }
  const Tensor copy = contiguous(alias(in, sizes, strides, in.offset()));
  Dims back(in.dim());
  for (size_t i = 0; i < order.size(); ++i) back[order[i]] = copy.stride(static_cast<int64_t>(i));
  return alias(copy, in.sizes(), back, copy.offset());
}

Nest nest_of(const Tensor& in, uint64_t reduced, const Tensor& out) {
  Nest nest(in.sizes());
  nest.add(in);
  Dims out_strides = out.strides();
  for (int64_t d = 0; d < in.dim(); ++d)
    if (reduced >> d & 1) out_strides[d] = 0;
  nest.add(in.sizes(), out_strides, out.itemsize());
  nest.simplify();
  return nest;
}

}  // namespace

void fold(FoldOp op, const Tensor& in, uint64_t reduced, DType compute, double param,
          const FoldResult* results, int count) {
  const Tensor& first = results[0].out;
  Tensor source = in;
  Nest nest = nest_of(source, reduced, first);
  if (!fits(nest, source.itemsize())) {
    source = arranged(in, reduced);
    nest = nest_of(source, reduced, first);
  }
  Plan plan;
  const FoldType wide = fold_type(compute), own = stored_type(source.dtype(), compute);
  const bool special = is_special(op, compute);
  if (own != wide && !special) plan.fns = find_fold(static_cast<int>(op), static_cast<int>(own));
  if (!plan.fns.rows) {
    plan.fns =
        (special ? find_fold_special : find_fold)(static_cast<int>(op), static_cast<int>(wide));
    if (source.dtype() != compute) plan.convert = convert_fn(source.dtype(), compute);
  }
  FB_CHECK(plan.fns.rows, "reduction: no kernel for ", name(compute));
  plan.base = static_cast<const char*>(source.raw());
  plan.item = source.itemsize();
  plan.compute_item = element_size(compute);
  plan.param = param;
  plan.find_loops(nest, source.numel());
  plan.choose_tile(op == FoldOp::ArgMax || op == FoldOp::ArgMin);

  Output outputs[2];
  int64_t out_items[2];
  for (int k = 0; k < count; ++k) {
    const FoldResult& r = results[k];
    outputs[k] = {static_cast<char*>(r.out.raw()),
                  r.finish,
                  r.from,
                  convert_fn(r.from, r.out.dtype()),
                  element_size(r.from),
                  r.param};
    out_items[k] = r.out.itemsize();
  }
  const int64_t base_item = first.itemsize();
  const int64_t tiles = (plan.outputs.size + plan.tile - 1) / plan.tile;
  const int64_t units = tiles * plan.kept.total;
  const int64_t work = source.numel() / units;
  const int64_t parts = parts_of(plan, units, work);
  const int64_t unit_bytes = plan.tile * plan.fns.state_bytes;
  std::unique_ptr<char[]> states;
  if (parts > 1) states.reset(new char[static_cast<size_t>(units * parts * unit_bytes)]);

  struct Place {
    const char* x;
    int64_t width, out;
  };
  auto place = [&](int64_t unit) {
    int64_t in_offset = 0, out_offset = 0;
    plan.kept.at(unit / tiles, &in_offset, &out_offset);
    const int64_t begin = unit % tiles * plan.tile;
    return Place{plan.base + in_offset + begin * plan.outputs.in,
                 std::min(plan.tile, plan.outputs.size - begin),
                 out_offset + begin * plan.outputs.out};
  };
  BlockingRegion region(source.numel() >= kBlockingWork);
  if (parts == 1) {
    parallel_for(units, std::max<int64_t>(kPartWork / std::max<int64_t>(work, 1), 1),
                 [&](int64_t begin, int64_t end) {
                   alignas(64) char local[kFoldColumns * kMaxStateBytes];
                   for (int64_t u = begin; u < end; ++u) {
                     const Place p = place(u);
                     plan.part(p.x, p.width, 0, 1, local);
                     store_states(plan, outputs, count, local, p.width, p.out, out_items,
                                  base_item);
                   }
                 });
    return;
  }
  parallel_for(units * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Place p = place(i / parts);
      plan.part(p.x, p.width, i % parts, parts, states.get() + i * unit_bytes);
    }
  });
  for (int64_t u = 0; u < units; ++u) {
    const Place p = place(u);
    char* all = states.get() + u * parts * unit_bytes;
    for (int64_t k = 1; k < parts; ++k)
      plan.fns.combine(all, all + k * unit_bytes, p.width, part_begin(plan, k, parts));
    store_states(plan, outputs, count, all, p.width, p.out, out_items, base_item);
  }
}

}  // namespace flambeau
