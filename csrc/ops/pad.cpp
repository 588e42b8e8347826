// Margins around tensors.
#include <algorithm>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/thread_pool.h"
#include "impl_join.h"
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

Tensor constant_pad_nd(const Tensor& self, const Dims& pad, const Scalar& value) {
  const Dims sizes = padded_sizes(self.sizes(), pad, "constant_pad_nd");
  const bool channels_last =
      !self.is_contiguous() && is_channels_last(self.sizes(), self.strides());
  Tensor out = channels_last ? empty_strided(sizes, channels_last_strides(sizes), self.dtype(),
                                             self.device(), "constant_pad_nd")
                             : empty(sizes, self.dtype(), self.device(), "constant_pad_nd");
  if (out.is_meta() || out.numel() == 0) return out;
  // Slab by slab: what is filled is not touched again, and the inside is written once.
  Dims inner = sizes, source = self.sizes();
  int64_t to = 0, from = self.offset();
  for (int64_t d = 0; d < self.dim(); ++d) {
    const size_t i = static_cast<size_t>(self.dim() - 1 - d);
    if (2 * i >= pad.size()) continue;
    const int64_t before = std::max<int64_t>(pad[2 * i], 0),
                  after = std::max<int64_t>(pad[2 * i + 1], 0);
    const int64_t cut = std::max<int64_t>(-pad[2 * i], 0),
                  cut_end = std::max<int64_t>(-pad[2 * i + 1], 0);
    const int64_t n = inner[d];
    auto fill = [&](int64_t start, int64_t count) {
      if (count <= 0) return;
      Dims slab = inner;
      slab[d] = count;
      fill_elements(alias(out, slab, out.strides(), to + start * out.stride(d)), value);
    };
    // A cut may reach into the opposite margin; then there is no inside.
    source[d] = std::max<int64_t>(self.size(d) - cut - cut_end, 0);
    if (source[d] == 0) {
      fill(0, n);
      return out;
    }
    fill(0, before);
    fill(n - after, after);
    from += cut * self.stride(d);
    to += before * out.stride(d);
    inner[d] = source[d];
  }
  copy_elements(alias(out, inner, out.strides(), to), alias(self, source, self.strides(), from),
                "constant_pad_nd");
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
// one.
struct PadPlan {
  int64_t lead = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  std::vector<int64_t> places[3] = {{0}, {0}, {0}};
};

PadPlan make_plan(const Dims& sizes, const Dims& padded, const Dims& pad, int64_t mode) {
  PadPlan plan;
  const size_t ndim = sizes.size(), count = pad.size() / 2;
  for (size_t d = 0; d + count < ndim; ++d) plan.lead *= sizes[d];
  for (size_t i = 0; i < count; ++i) {
    const size_t d = ndim - 1 - i;
    plan.in[2 - i] = sizes[d];
    plan.out[2 - i] = padded[d];
    plan.places[2 - i] = source_places(sizes[d], padded[d], pad[2 * i], mode);
  }
  return plan;
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

template <class T>
void copy_padded(const PadPlan& plan, const T* in, T* out) {
  const int64_t rows = plan.lead * plan.out[0] * plan.out[1], width = plan.out[2];
  const int64_t* cols = plan.places[2].data();
  // The run of columns that show their neighbours in order is copied as one.
  int64_t first = 0, last = 0;
  for (int64_t j = 0; j < width;) {
    int64_t k = j + 1;
    while (k < width && cols[k] == cols[k - 1] + 1) ++k;
    if (k - j > last - first) first = j, last = k;
    j = k;
  }
  parallel_for(rows, std::max<int64_t>(kParallelGrain / width, 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t y = r % plan.out[1], z = r / plan.out[1] % plan.out[0];
      const int64_t lead = r / (plan.out[1] * plan.out[0]);
      const T* from =
          in + ((lead * plan.in[0] + plan.places[0][static_cast<size_t>(z)]) * plan.in[1] +
                plan.places[1][static_cast<size_t>(y)]) *
                   plan.in[2];
      T* to = out + r * width;
      for (int64_t j = 0; j < first; ++j) to[j] = from[cols[j]];
      copy_row(reinterpret_cast<char*>(to + first),
               reinterpret_cast<const char*>(from + cols[first]),
               (last - first) * static_cast<int64_t>(sizeof(T)));
      for (int64_t j = last; j < width; ++j) to[j] = from[cols[j]];
    }
  });
}

template <class T>
void add_padded(const PadPlan& plan, const T* grad, T* out) {
  const int64_t size = plan.in[0] * plan.in[1] * plan.in[2];
  const int64_t grads = plan.out[0] * plan.out[1] * plan.out[2];
  parallel_for(plan.lead, std::max<int64_t>(kParallelGrain / std::max<int64_t>(grads, 1), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t lead = begin; lead < end; ++lead) {
                   const T* g = grad + lead * grads;
                   for (int64_t z : plan.places[0]) {
                     for (int64_t y : plan.places[1]) {
                       T* row = out + lead * size + (z * plan.in[1] + y) * plan.in[2];
                       for (int64_t x : plan.places[2]) row[x] = static_cast<T>(row[x] + *g++);
                     }
                   }
                 }
               });
}

}  // namespace

Tensor _pad_copies(const Tensor& self, const Dims& pad, int64_t mode) {
  FB_CHECK(mode >= kReflect && mode <= kCircular, "pad: unknown mode ", mode);
  const Dims sizes = padded_sizes(self.sizes(), pad, "pad");
  check_margins(self.sizes(), pad, mode);
  Tensor out = empty(sizes, self.dtype(), self.device(), "pad");
  if (out.is_meta() || out.numel() == 0) return out;
  const PadPlan plan = make_plan(self.sizes(), sizes, pad, mode);
  const Tensor in = flambeau::contiguous(self);
  const void* from = in.raw();
  void* to = out.raw();
  struct alignas(8) Wide { uint64_t parts[2]; };
  BlockingRegion region(out.numel() >= kBlockingWork);
  switch (self.itemsize()) {
    case 1: copy_padded(plan, static_cast<const uint8_t*>(from), static_cast<uint8_t*>(to)); break;
    case 2:
      copy_padded(plan, static_cast<const uint16_t*>(from), static_cast<uint16_t*>(to));
      break;
    case 4:
      copy_padded(plan, static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to));
      break;
    case 8:
      copy_padded(plan, static_cast<const uint64_t*>(from), static_cast<uint64_t*>(to));
      break;
    default: copy_padded(plan, static_cast<const Wide*>(from), static_cast<Wide*>(to)); break;
  }
  return out;
}

Tensor _pad_copies_backward(const Tensor& grad, const Dims& sizes, const Dims& pad, int64_t mode) {
  Tensor out = empty(sizes, grad.dtype(), grad.device(), "pad");
  if (out.is_meta()) return out;
  if (is_half(grad.dtype())) {
    return to_dtype(_pad_copies_backward(to_dtype(grad, DType::Float32), sizes, pad, mode),
                    grad.dtype());
  }
  fill_elements(out, 0);
  if (grad.numel() == 0) return out;
  const PadPlan plan = make_plan(sizes, grad.sizes(), pad, mode);
  const Tensor in = flambeau::contiguous(grad);
  visit_dtype(grad.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> || is_complex_v<T>) {
      const T* from = in.data<T>();
      T* to = out.data<T>();
      BlockingRegion region(in.numel() >= kBlockingWork);
      add_padded(plan, from, to);
    }
  });
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
