// Margins around tensors.
#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/pad.h"
#include "cpu/thread_pool.h"
#include "impl_join.h"
#include "ops/image_layout.h"
#include "ops_join.h"

namespace flambeau::impl {

namespace {

enum Mode : int64_t { kReflect, kReplicate, kCircular };

// Sizes with the margins added; pad runs from the last dimension to the front.
Dims padded_sizes(const Dims& sizes, const Dims& pad, const char* op) {
  const size_t ndim = sizes.size(), padded = pad.size() / 2;
  FB_CHECK(pad.size() % 2 == 0, op, ": Length of pad must be even but instead it equals ",
           pad.size());
  FB_CHECK(padded <= ndim, op,
           ": Length of pad should be no more than twice the number of dimensions "
           "of the input. Pad length is ",
           pad.size(), " while the input has ", ndim, " dimensions.");
  Dims result = sizes;
  for (size_t i = 0; i < padded; ++i) {
    int64_t& n = result[ndim - 1 - i];
    const int64_t before = n;
    FB_CHECK(!__builtin_add_overflow(n, pad[2 * i], &n) &&
                 !__builtin_add_overflow(n, pad[2 * i + 1], &n),
             op, ": sizes overflow with pad ", pad);
    FB_CHECK(n >= 0, "The input size ", before, ", plus negative padding ", pad[2 * i], " and ",
             pad[2 * i + 1],
             " resulted in a negative output size, which is invalid. Check dimension ",
             ndim - 1 - i, " of your input.");
  }
  return result;
}

}  // namespace

namespace {

// A constant margin in the order of memory: rows of the result and the loops around them. Rows,
// and steps between those of the input, are measured in bytes.
struct Frame {
  struct Loop {
    int64_t before, inside, after, step;
    int64_t size() const { return before + inside + after; }
    bool has_margin() const { return before != 0 || after != 0; }
  };
  Loop row;
  Loop loops[kMaxDims];  // the inner ones first
  int count = 0;
  int64_t start = 0;   // of the first element shown
  bool empty = false;  // nothing is shown

  Frame(const Tensor& in, const Dims& pad, bool channels_last) {
    const int64_t ndim = in.dim(), item = in.itemsize();
    row = {0, item, 0, item};
    for (int64_t i = 0; i < ndim; ++i) {
      int64_t d = ndim - 1 - i;
      if (channels_last && d > 0) d = i == 0 ? 1 : d + 1;
      const size_t k = 2 * static_cast<size_t>(ndim - 1 - d);
      const int64_t before = k < pad.size() ? pad[k] : 0, after = k < pad.size() ? pad[k + 1] : 0;
      const int64_t cut = std::max<int64_t>(-before, 0);
      // A cut may reach into the opposite margin; then there is no inside.
      const int64_t inside = in.size(d) - cut - std::max<int64_t>(-after, 0);
      if (inside <= 0) empty = true;
      start += cut * in.stride(d) * item;
      add({std::max<int64_t>(before, 0), inside, std::max<int64_t>(after, 0), in.stride(d) * item});
    }
  }

 private:
  // The next loop outwards becomes part of the row, or of the loop inside it, where it can.
  void add(const Loop& loop) {
    if (loop.size() == 1 && !loop.has_margin()) return;
    if (count == 0 && !row.has_margin() && loop.step == row.inside) {
      row.before = loop.before * row.inside;
      row.after = loop.after * row.inside;
      row.inside *= loop.inside;
      return;
    }
    Loop* inner = count > 0 ? &loops[count - 1] : nullptr;
    if (inner && !inner->has_margin() && !loop.has_margin() &&
        loop.step == inner->inside * inner->step)
      inner->inside *= loop.inside;
    else
      loops[count++] = loop;
  }
};

// Rows [begin, end) of the result, from row `begin` at `to`.
void write_frame(const Frame& f, const char* from, char* to, const char* value, int64_t begin,
                 int64_t end) {
  const int64_t width = f.row.size();
  const Frame::Loop lone{0, 1, 0, 0}, &inner = f.count > 0 ? f.loops[0] : lone;
  const auto margin = [&](int64_t rows) {
    if (rows > 0) frame_rows(nullptr, 0, to, 1, rows * width, 0, 0, value), to += rows * width;
  };
  for (int64_t r = begin; r < end;) {
    const int64_t first = r % inner.size(), last = std::min(first + end - r, inner.size());
    const char* src = from;
    bool inside = true;
    int64_t left = r / inner.size();
    for (int i = 1; i < f.count; ++i) {
      const int64_t at = left % f.loops[i].size() - f.loops[i].before;
      inside = inside && at >= 0 && at < f.loops[i].inside;
      src += at * f.loops[i].step;
      left /= f.loops[i].size();
    }
    r += last - first;
    if (!inside) {
      margin(last - first);
      continue;
    }
    const auto clamped = [&](int64_t y) { return std::clamp(y, first, last); };
    const int64_t top = clamped(inner.before), bottom = clamped(inner.before + inner.inside);
    margin(top - first);
    frame_rows(src + (top - inner.before) * inner.step, inner.step, to, bottom - top, f.row.before,
               f.row.inside, f.row.after, value);
    to += (bottom - top) * width;
    margin(last - bottom);
  }
}

}  // namespace

Tensor constant_pad_nd(const Tensor& self, const Dims& pad, const Scalar& value) {
  const Dims sizes = padded_sizes(self.sizes(), pad, "constant_pad_nd");
  const bool channels_last = prefers_channels_last(self);
  Tensor out = empty_image(sizes, channels_last, self.dtype(), self.device(), "constant_pad_nd");
  if (out.is_meta() || out.numel() == 0) return out;
  // Columns are laid out as rows first; views whose rows have gaps are read as they are.
  const bool rows = channels_last || self.dim() == 0 || self.size(-1) <= 1 || self.stride(-1) == 1;
  const Tensor in = rows ? self : flambeau::contiguous(self);
  const Frame frame(in, pad, channels_last);
  if (frame.empty) {
    fill_elements(out, value);
    return out;
  }
  alignas(16) char pattern[16];
  fill_elements(alias(out, {1}, {1}, 0), value);
  const int64_t item = out.itemsize();
  for (int64_t i = 0; i < 16; i += item)
    std::memcpy(pattern + i, out.raw(), static_cast<size_t>(item));
  const int64_t width = frame.row.size();
  const auto* from = static_cast<const char*>(in.raw()) + frame.start;
  auto* to = static_cast<char*>(out.raw());
  const int64_t rows_in_all = out.numel() * item / width;
  BlockingRegion region(out.numel() >= kBlockingWork);
  parallel_for(rows_in_all, std::max<int64_t>(kParallelGrain * item / width, 1),
               [&](int64_t begin, int64_t end) {
                 write_frame(frame, from, to + begin * width, pattern, begin, end);
               });
  return out;
}

namespace {

// For each place of an output dimension, the input place it shows.
std::vector<int64_t> source_places(int64_t n, int64_t out, int64_t before, int64_t mode) {
  std::vector<int64_t> places(static_cast<size_t>(out));
  // Negative margins crop first; what is left is what goes round.
  const int64_t cropped = std::max<int64_t>(-before, 0), after = out - n - before;
  const int64_t left = n - cropped - std::max<int64_t>(-after, 0);
  for (int64_t j = 0; j < out; ++j) {
    int64_t i = j - before;
    if (mode == kReflect) {
      if (i < 0) i = -i;
      if (i >= n) i = 2 * (n - 1) - i;
    } else if (mode == kReplicate) {
      i = std::clamp<int64_t>(i, 0, n - 1);
    } else {
      i = cropped + ((i - cropped) % left + left) % left;
    }
    places[static_cast<size_t>(j)] = i;
  }
  return places;
}

// The padded dimensions as three, leading ones of size 1 where there are fewer, and the rest as
// one; behind them the channels, if those come last. A pixel is what a place of the three holds.
struct PadPlan {
  int64_t lead = 1, unit = 1;  // unit: elements of a pixel
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  std::vector<int64_t> places[3] = {{0}, {0}, {0}};

  PadPlan(const Dims& sizes, const Dims& padded, const Dims& pad, int64_t mode,
          bool channels_last) {
    const size_t ndim = sizes.size(), count = pad.size() / 2;
    if (channels_last) unit = sizes[1];
    for (size_t d = 0; d + count < ndim; ++d) lead *= channels_last && d == 1 ? 1 : sizes[d];
    for (size_t i = 0; i < count; ++i) {
      const size_t d = ndim - 1 - i;
      in[2 - i] = sizes[d];
      out[2 - i] = padded[d];
      places[2 - i] = source_places(sizes[d], padded[d], pad[2 * i], mode);
    }
  }

  // The row with the longest run of pixels that show neighbours in order.
  MarginRow row() const {
    const std::vector<int64_t>& p = places[2];
    const int64_t width = out[2];
    MarginRow row{p.data(), width, 0, 0};
    for (int64_t j = 0; j < width;) {
      int64_t k = j + 1;
      while (k < width && p[static_cast<size_t>(k)] == p[static_cast<size_t>(k - 1)] + 1) ++k;
      if (k - j > row.last - row.first) row.first = j, row.last = k;
      j = k;
    }
    return row;
  }
  // A short row costs as much as one of some dozen elements.
  int64_t grain(int64_t width) const {
    return std::max<int64_t>(kParallelGrain / std::max<int64_t>(width * unit, 48), 1);
  }
};

// Whether the padded dimensions are all between the batch and channels that lie last.
bool pads_channels_last(const Tensor& t, const Dims& pad) {
  return t.dim() == static_cast<int64_t>(pad.size() / 2) + 2 && prefers_channels_last(t);
}

void check_margins(const Dims& sizes, const Dims& pad, int64_t mode) {
  static const char* const names[] = {"reflection_pad", "replication_pad", "circular_pad"};
  const size_t ndim = sizes.size(), count = pad.size() / 2;
  FB_CHECK(count >= 1 && count <= 3 && count <= ndim, names[mode],
           ": pads 1 to 3 dimensions, got pad ", pad, " for an input of sizes ", sizes);
  for (size_t i = 0; i < count; ++i) {
    const int64_t n = sizes[ndim - 1 - i], before = pad[2 * i], after = pad[2 * i + 1];
    FB_CHECK(n > 0, names[mode], count,
             "d: Expected an input with non-zero size for its padded "
             "dimensions, got ",
             sizes);
    FB_CHECK(mode != kReflect || (before < n && after < n), "Argument #", 4 + 2 * i,
             ": Padding size "
             "should be less than the corresponding input dimension, but got: padding (",
             before, ", ", after, ") at dimension ", ndim - 1 - i, " of input ", sizes);
    const int64_t left = n + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);
    FB_CHECK(mode != kCircular || (left > 0 && before <= left && after <= left),
             "Padding value causes wrapping around "
             "more than once: pad ",
             pad, " of an input of sizes ", sizes);
    FB_CHECK(before >= -n && after >= -n && n + before + after > 0, names[mode], count,
             "d: negative "
             "padding ",
             before, " and ", after, " leaves nothing of dimension ", ndim - 1 - i, " of input ",
             sizes);
  }
}

// Rows of three loops, counted without a division for each.
struct RowCursor {
  const int64_t* sizes;
  int64_t y, z, lead;

  RowCursor(const int64_t (&of)[3], int64_t row)
      : sizes(of), y(row % of[1]), z(row / of[1] % of[0]), lead(row / of[1] / of[0]) {}
  void next() {
    if (++y < sizes[1]) return;
    y = 0;
    if (++z < sizes[0]) return;
    z = 0, ++lead;
  }
};

void copy_padded(const PadPlan& plan, const char* in, char* out, int64_t item) {
  const int64_t unit = plan.unit * item, width = plan.in[2] * unit, padded = plan.out[2] * unit;
  const MarginRow row = plan.row();
  const int64_t *zs = plan.places[0].data(), *ys = plan.places[1].data();
  parallel_for(plan.lead * plan.out[0] * plan.out[1], plan.grain(plan.out[2]),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end;) {
                   const int64_t y = r % plan.out[1], plane = r / plan.out[1];
                   const int64_t rows = std::min(plan.out[1] - y, end - r);
                   const int64_t from = plane / plan.out[0] * plan.in[0] + zs[plane % plan.out[0]];
                   copy_pixels(in + from * plan.in[1] * width, width, ys + y, out + r * padded,
                               rows, row, unit);
                   r += rows;
                 }
               });
}

// The other way round: the places of the output that show place i of the input, in order.
struct Shown {
  std::vector<int64_t> start, place;

  Shown(const std::vector<int64_t>& places, int64_t n)
      : start(static_cast<size_t>(n) + 2), place(places.size()) {
    for (int64_t i : places) ++start[static_cast<size_t>(i) + 2];
    for (size_t i = 2; i < start.size(); ++i) start[i] += start[i - 1];
    for (size_t j = 0; j < places.size(); ++j)
      place[static_cast<size_t>(start[static_cast<size_t>(places[j]) + 1]++)] =
          static_cast<int64_t>(j);
  }
  std::span<const int64_t> of(int64_t i) const {
    const int64_t* of_i = &start[static_cast<size_t>(i)];
    return {place.data() + of_i[0], place.data() + of_i[1]};
  }
};

// Each row of the input gathers the rows that show it.
template <class T, class Add>
void add_padded(const PadPlan& plan, const T* grad, T* out, Add add) {
  const int64_t width = plan.in[2], grads = plan.out[2] * plan.unit;
  const MarginRow row = plan.row();
  const Shown zs(plan.places[0], plan.in[0]), ys(plan.places[1], plan.in[1]);
  parallel_for(plan.lead * plan.in[0] * plan.in[1], plan.grain(plan.out[2]),
               [&](int64_t begin, int64_t end) {
                 RowCursor at(plan.in, begin);
                 T* to = out + begin * width * plan.unit;
                 for (int64_t r = begin; r < end; ++r, at.next(), to += width * plan.unit) {
                   bool fresh = true;
                   for (int64_t z : zs.of(at.z)) {
                     const T* from = grad + (at.lead * plan.out[0] + z) * plan.out[1] * grads;
                     for (int64_t y : ys.of(at.y)) {
                       add(from + y * grads, to, row, plan.unit, width, fresh);
                       fresh = false;
                     }
                   }
                   if (fresh) std::fill_n(to, width * plan.unit, T(0));
                 }
               });
}

}  // namespace

Tensor _pad_copies(const Tensor& self, const Dims& pad, int64_t mode) {
  FB_CHECK(mode >= kReflect && mode <= kCircular, "pad: unknown mode ", mode);
  const Dims sizes = padded_sizes(self.sizes(), pad, "pad");
  check_margins(self.sizes(), pad, mode);
  const bool channels_last = pads_channels_last(self, pad);
  Tensor out = empty_image(sizes, channels_last, self.dtype(), self.device(), "pad");
  if (out.is_meta() || out.numel() == 0) return out;
  const PadPlan plan(self.sizes(), sizes, pad, mode, channels_last);
  const Tensor in = channels_last ? self : flambeau::contiguous(self);
  const auto* from = static_cast<const char*>(in.raw());
  auto* to = static_cast<char*>(out.raw());
  const int64_t item = self.itemsize();
  BlockingRegion region(out.numel() >= kBlockingWork);
  copy_padded(plan, from, to, item);
  return out;
}

Tensor _pad_copies_backward(const Tensor& grad, const Dims& sizes, const Dims& pad, int64_t mode) {
  FB_CHECK(mode >= kReflect && mode <= kCircular, "pad: unknown mode ", mode);
  if (is_half(grad.dtype()) && !grad.is_meta()) {
    return to_dtype(_pad_copies_backward(to_dtype(grad, DType::Float32), sizes, pad, mode),
                    grad.dtype());
  }
  FB_CHECK(is_floating(grad.dtype()) || is_complex(grad.dtype()),
           "_pad_copies_backward: expected a floating or complex gradient, got ",
           name(grad.dtype()));
  FB_CHECK(padded_sizes(sizes, pad, "_pad_copies_backward") == grad.sizes(),
           "_pad_copies_backward: a gradient of sizes ", grad.sizes(), " for an input of sizes ",
           sizes, " and pad ", pad);
  check_margins(sizes, pad, mode);
  const bool channels_last = pads_channels_last(grad, pad);
  Tensor out = empty_image(sizes, channels_last, grad.dtype(), grad.device(), "pad");
  if (out.is_meta() || out.numel() == 0) return out;
  PadPlan plan(sizes, grad.sizes(), pad, mode, channels_last);
  const Tensor in = channels_last ? grad : flambeau::contiguous(grad);
  if (is_complex(in.dtype())) plan.unit *= 2;
  const DType real = to_real(in.dtype());
  const void* from = in.raw();
  void* to = out.raw();
  BlockingRegion region(in.numel() >= kBlockingWork);
  if (real == DType::Float64)
    add_padded(plan, static_cast<const double*>(from), static_cast<double*>(to), add_pixels_f64);
  else
    add_padded(plan, static_cast<const float*>(from), static_cast<float*>(to), add_pixels_f32);
  return out;
}

Tensor pad(const Tensor& self, const Dims& pad, const std::string& mode,
           std::optional<double> value) {
  FB_CHECK(pad.size() % 2 == 0, "Padding length must be divisible by 2: pad got ", pad);
  FB_CHECK(static_cast<int64_t>(pad.size()) <= 2 * self.dim(),
           "Padding length should be less than or "
           "equal to two times the input dimension but got padding length ",
           pad.size(), " and input of dimension ", self.dim());
  if (mode == "constant") return ops::constant_pad_nd(self, pad, Scalar(value.value_or(0.0)));
  FB_CHECK(!value || *value == 0, "Padding mode \"", mode, "\" doesn't take in value argument");
  const int64_t count = static_cast<int64_t>(pad.size()) / 2;
  const bool supported =
      count >= 1 && count <= 3 && (self.dim() == count + 1 || self.dim() == count + 2);
  if (!supported) {
    fail(ErrorKind::NotImplemented,
         "Only 2D, 3D, 4D, 5D padding with non-constant padding are "
         "supported for now: pad got mode '",
         mode, "', pad ", pad, " and an input of sizes ", self.sizes());
  }
  if (mode == "reflect") return ops::_pad_copies(self, pad, kReflect);
  if (mode == "replicate") return ops::_pad_copies(self, pad, kReplicate);
  if (mode == "circular") return ops::_pad_copies(self, pad, kCircular);
  fail(ErrorKind::NotImplemented, "Unrecognised padding mode ", mode,
       ": pad knows constant, reflect, "
       "replicate and circular");
}

}  // namespace flambeau::impl
