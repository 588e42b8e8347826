// Pooling: PyTorch's argument rules here, windows over raw images in cpu/pool.
#include "cpu/pool.h"

#include "autograd/autograd.h"
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/thread_pool.h"
#include "impl_pool.h"
#include "ops/image_layout.h"
#include "ops/matmul_core.h"
#include "ops_pool.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

DType compute_type(DType t) {
  if (t == DType::Float32 || t == DType::Float64) return t;
  return is_half(t) ? DType::Float32 : DType::Int64;
}

template <class F>
void visit_compute(DType t, F&& f) {
  switch (t) {
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    default: return f.template operator()<int64_t>();
  }
}

void check_real(const Tensor& t, const char* op) {
  FB_CHECK_KIND(ErrorKind::NotImplemented, t.dtype() != DType::Bool && !is_complex(t.dtype()), op,
                "(): not implemented for '", name(t.dtype()), "'");
}

void set_sizes(PoolGeometry& g, const Dims& in, const Dims& out) {
  g.batch = in[0];
  g.channels = in[1];
  const size_t dims = in.size() - 2;
  for (size_t i = 0; i < dims; ++i) {
    g.in[3 - dims + i] = in[2 + i];
    g.out[3 - dims + i] = out[2 + i];
  }
}

// How many windows of a kernel fit; with ceil_mode a last one may hang over the end, if it starts
// inside the image or its padding before it.
int64_t window_count(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation,
                     bool ceil_mode) {
  const int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  int64_t count = (room >= 0 ? room / stride : -((-room + stride - 1) / stride)) + 1;
  if (ceil_mode && (count - 1) * stride >= in + pad) --count;
  return count;
}

void check_internal(const Tensor& self, std::initializer_list<const Dims*> lists, const char* op) {
  const auto dims = static_cast<size_t>(self.dim()) - 2;
  FB_CHECK(self.dim() >= 3 && self.dim() <= 5, op, "(): expects a batch of images, got ",
           self.sizes());
  for (const Dims* list : lists) {
    FB_CHECK(list->size() == dims, op, "(): expects ", dims, " values for each option, got ",
             *list);
    for (int64_t v : *list) {
      FB_CHECK(v >= 0 && v < INT32_MAX, op, "(): value ", v, " is out of range");
    }
  }
  check_real(self, op);
}

Dims pooled_sizes(const Dims& in, const Dims& kernel, const Dims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode, const char* op) {
  Dims sizes{in[0], in[1]};
  for (size_t d = 0; d + 2 < in.size(); ++d) {
    FB_CHECK(stride[d] > 0 && dilation[d] > 0 && kernel[d] > 0, op,
             "(): kernel, stride and dilation "
             "must be positive");
    // Windows that read nothing but padding have no maximum.
    FB_CHECK(2 * padding[d] <= dilation[d] * (kernel[d] - 1) + 1, op,
             "(): pad should be at most half of "
             "effective kernel size, but got pad=",
             padding[d], ", kernel_size=", kernel[d], " and dilation=", dilation[d]);
    sizes.push_back(
        window_count(in[2 + d], kernel[d], stride[d], padding[d], dilation[d], ceil_mode));
    FB_CHECK(sizes.back() > 0, op, "(): Given input size ", in, ", the output size is too small");
  }
  return sizes;
}

PoolGeometry window_geometry(const Dims& in, const Dims& out, const Dims& kernel,
                             const Dims& stride, const Dims& padding, const Dims& dilation) {
  PoolGeometry g;
  set_sizes(g, in, out);
  const size_t dims = in.size() - 2;
  for (size_t i = 0; i < 3; ++i) {
    g.axis[i] = i < 3 - dims ? pool_windows(1, 1, 1, 1, 0, 1)
                             : pool_windows(g.in[i], g.out[i], kernel[i - (3 - dims)],
                                            stride[i - (3 - dims)], padding[i - (3 - dims)],
                                            dilation[i - (3 - dims)]);
  }
  return g;
}

PoolGeometry adaptive_geometry(const Dims& in, const Dims& out) {
  PoolGeometry g;
  set_sizes(g, in, out);
  for (int d = 0; d < 3; ++d) g.axis[d] = adaptive_windows(g.in[d], g.out[d]);
  return g;
}

Dims adaptive_sizes(const Tensor& self, const Dims& output_size, const char* op) {
  check_internal(self, {&output_size}, op);
  Dims sizes{self.size(0), self.size(1)};
  sizes.append(output_size.begin(), output_size.end());
  for (int64_t d = 2; d < self.dim(); ++d) {
    FB_CHECK(self.size(d) > 0, op,
             "(): Expected input to have non-zero size for non-batch dimensions, but "
             "input has sizes ",
             self.sizes(), " with dimension ", d, " being empty");
    FB_CHECK(self.size(d) < INT32_MAX, op, "(): input of size ", self.sizes(), " is too large");
  }
  return sizes;
}

// Runs f<T>(input image, output image) in the type of computation; the result has self's dtype.
template <class F>
Tensor compute(const Tensor& self, const Dims& sizes, const char* op, F&& f) {
  const bool last = prefers_channels_last(self);
  const DType type = self.is_meta() ? self.dtype() : compute_type(self.dtype());
  Tensor out = empty_image(sizes, last, type, self.device(), op);
  if (out.is_meta() || out.numel() == 0) return to_dtype(out, self.dtype());
  const Tensor x = in_layout(to_dtype(self, type), last);
  visit_compute(type, [&]<class T>() {
    const auto from = image_of<const T>(x, last);
    const auto to = image_of<T>(out, last);
    BlockingRegion region(x.numel() + out.numel() > 65536);
    f(from, to);
  });
  return to_dtype(out, self.dtype());
}

template <class F>
std::tuple<Tensor, Tensor> compute_indices(const Tensor& self, const Dims& sizes, const char* op,
                                           const F& geometry) {
  const bool last = prefers_channels_last(self);
  Tensor indices = empty_image(sizes, last, DType::Int64, self.device(), op);
  Tensor values = compute(self, sizes, op, [&](auto& x, auto& y) {
    pool_max_indices(geometry(), x, y, image_of<int64_t>(indices, last));
  });
  return {values, indices};
}

}  // namespace

namespace {

PoolKernel kernel_of(const Dims& kernel, const Dims& stride, const Dims& padding,
                     const Dims& dilation) {
  PoolKernel k;
  const size_t dims = kernel.size();
  for (size_t i = 0; i < dims; ++i) {
    const size_t d = 3 - dims + i;
    k.size[d] = kernel[i], k.stride[d] = stride[i], k.pad[d] = padding[i],
    k.dilation[d] = dilation[i];
  }
  return k;
}

bool few_taps(const Dims& kernel) {
  int64_t n = 1;
  for (int64_t k : kernel) n = std::min(n, kMostTaps + 1) * k;
  return n <= kMostTaps;
}

// Maxima alone, without history.
Tensor maxima(const Tensor& self, const Dims& kernel, const Dims& stride, const Dims& padding,
              const Dims& dilation, bool ceil_mode) {
  check_internal(self, {&kernel, &stride, &padding, &dilation}, "max_pool");
  const Dims sizes =
      pooled_sizes(self.sizes(), kernel, stride, padding, dilation, ceil_mode, "max_pool");
  return compute(self, sizes, "max_pool", [&](auto& x, auto& y) {
    pool_max(window_geometry(self.sizes(), sizes, kernel, stride, padding, dilation), x, y);
  });
}

// The arguments of spread and collect, which come from Python too.
void check_taps(const Tensor& image, const Tensor& taps, const Dims& sizes, const Dims& kernel) {
  FB_CHECK(taps.dtype() == DType::UInt8 && taps.sizes() == sizes && few_taps(kernel),
           "max_pool(): taps must be "
           "uint8 of shape ",
           sizes, " for at most ", kMostTaps, " of them, got ", name(taps.dtype()), " of ",
           taps.sizes());
  FB_CHECK(image.is_meta() == taps.is_meta(),
           "max_pool(): taps must be on the device of the image");
}

}  // namespace

std::tuple<Tensor, Tensor> _max_pool(const Tensor& self, const Dims& kernel, const Dims& stride,
                                     const Dims& padding, const Dims& dilation, bool ceil_mode) {
  check_internal(self, {&kernel, &stride, &padding, &dilation}, "max_pool");
  FB_CHECK(few_taps(kernel), "max_pool(): at most ", kMostTaps,
           " elements in a window, got kernel_size ", kernel);
  const Dims sizes =
      pooled_sizes(self.sizes(), kernel, stride, padding, dilation, ceil_mode, "max_pool");
  const bool last = prefers_channels_last(self);
  Tensor taps = empty_image(sizes, last, DType::UInt8, self.device(), "max_pool");
  Tensor values = compute(self, sizes, "max_pool", [&](auto& x, auto& y) {
    pool_max_taps(window_geometry(self.sizes(), sizes, kernel, stride, padding, dilation),
                  kernel_of(kernel, stride, padding, dilation), x, y,
                  image_of<uint8_t>(taps, last));
  });
  return {values, taps};
}

Tensor _max_pool_spread(const Tensor& grad, const Tensor& taps, const Dims& size,
                        const Dims& kernel, const Dims& stride, const Dims& padding,
                        const Dims& dilation, bool ceil_mode) {
  check_internal(grad, {&kernel, &stride, &padding, &dilation}, "max_pool");
  FB_CHECK(size.size() == static_cast<size_t>(grad.dim()), "max_pool(): size ", size,
           " does not go with ", grad.sizes());
  const Dims sizes = pooled_sizes(size, kernel, stride, padding, dilation, ceil_mode, "max_pool");
  FB_CHECK(grad.sizes() == sizes, "max_pool(): the gradient has shape ", grad.sizes(),
           ", expected ", sizes);
  check_taps(grad, taps, sizes, kernel);
  bool good = true;
  const bool last = prefers_channels_last(taps);
  Tensor out = compute(in_layout(grad, last), size, "max_pool", [&](auto& g, auto& x) {
    // A layout that both could have is that of the gradient.
    const Tensor numbers = in_layout(taps, g.channels_last);
    good = pool_taps_spread(window_geometry(size, sizes, kernel, stride, padding, dilation),
                            kernel_of(kernel, stride, padding, dilation), g,
                            image_of<const uint8_t>(numbers, g.channels_last), x);
  });
  FB_CHECK(good, "max_pool(): taps lead outside the image");
  return out;
}

Tensor _max_pool_collect(const Tensor& self, const Tensor& taps, const Dims& kernel,
                         const Dims& stride, const Dims& padding, const Dims& dilation,
                         bool ceil_mode) {
  check_internal(self, {&kernel, &stride, &padding, &dilation}, "max_pool");
  const Dims sizes =
      pooled_sizes(self.sizes(), kernel, stride, padding, dilation, ceil_mode, "max_pool");
  check_taps(self, taps, sizes, kernel);
  bool good = true;
  Tensor out = compute(self, sizes, "max_pool", [&](auto& x, auto& y) {
    const Tensor numbers = in_layout(taps, x.channels_last);
    good =
        pool_taps_collect(window_geometry(self.sizes(), sizes, kernel, stride, padding, dilation),
                          kernel_of(kernel, stride, padding, dilation), x,
                          image_of<const uint8_t>(numbers, x.channels_last), y);
  });
  FB_CHECK(good, "max_pool(): taps lead outside the image");
  return out;
}

std::tuple<Tensor, Tensor> _max_pool_with_indices(const Tensor& self, const Dims& kernel,
                                                  const Dims& stride, const Dims& padding,
                                                  const Dims& dilation, bool ceil_mode) {
  if (few_taps(kernel)) {
    auto [values, taps] = _max_pool(self, kernel, stride, padding, dilation, ceil_mode);
    const bool last = prefers_channels_last(self);
    Tensor indices = empty_image(values.sizes(), last, DType::Int64, self.device(), "max_pool");
    if (!indices.is_meta() && indices.numel() > 0) {
      pool_taps_indices(
          window_geometry(self.sizes(), values.sizes(), kernel, stride, padding, dilation),
          kernel_of(kernel, stride, padding, dilation), image_of<const uint8_t>(taps, last),
          image_of<int64_t>(indices, last));
    }
    return {values, indices};
  }
  check_internal(self, {&kernel, &stride, &padding, &dilation}, "max_pool");
  const Dims sizes =
      pooled_sizes(self.sizes(), kernel, stride, padding, dilation, ceil_mode, "max_pool");
  return compute_indices(self, sizes, "max_pool", [&] {
    return window_geometry(self.sizes(), sizes, kernel, stride, padding, dilation);
  });
}

std::tuple<Tensor, Tensor> _adaptive_max_pool(const Tensor& self, const Dims& output_size) {
  const Dims sizes = adaptive_sizes(self, output_size, "adaptive_max_pool");
  return compute_indices(self, sizes, "adaptive_max_pool",
                         [&] { return adaptive_geometry(self.sizes(), sizes); });
}

Tensor _avg_pool(const Tensor& self, const Dims& kernel, const Dims& stride, const Dims& padding,
                 bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor) {
  check_internal(self, {&kernel, &stride, &padding}, "avg_pool");
  FB_CHECK(!divisor || *divisor != 0, "avg_pool(): divisor must be not zero");
  const Dims ones(kernel.size(), 1);
  const Dims sizes =
      pooled_sizes(self.sizes(), kernel, stride, padding, ones, ceil_mode, "avg_pool");
  const PoolDivisor by{divisor.value_or(0), count_include_pad};
  return compute(self, sizes, "avg_pool", [&](auto& x, auto& y) {
    pool_mean(window_geometry(self.sizes(), sizes, kernel, stride, padding, ones), by, x, y);
  });
}

Tensor _avg_pool_grad(const Tensor& grad, const Dims& size, const Dims& kernel, const Dims& stride,
                      const Dims& padding, bool ceil_mode, bool count_include_pad,
                      std::optional<int64_t> divisor) {
  check_internal(grad, {&kernel, &stride, &padding}, "avg_pool");
  FB_CHECK(size.size() == static_cast<size_t>(grad.dim()), "avg_pool(): size ", size,
           " does not go with a gradient of shape ", grad.sizes());
  FB_CHECK(!divisor || *divisor != 0, "avg_pool(): divisor must be not zero");
  const Dims ones(kernel.size(), 1);
  const Dims sizes = pooled_sizes(size, kernel, stride, padding, ones, ceil_mode, "avg_pool");
  FB_CHECK(grad.sizes() == sizes, "avg_pool(): the gradient has shape ", grad.sizes(),
           ", expected ", sizes);
  const PoolDivisor by{divisor.value_or(0), count_include_pad};
  return compute(grad, size, "avg_pool", [&](auto& g, auto& x) {
    pool_mean_grad(window_geometry(size, sizes, kernel, stride, padding, ones), by, g, x);
  });
}

Tensor _adaptive_avg_pool(const Tensor& self, const Dims& output_size) {
  const Dims sizes = adaptive_sizes(self, output_size, "adaptive_avg_pool");
  return compute(self, sizes, "adaptive_avg_pool", [&](auto& x, auto& y) {
    pool_mean(adaptive_geometry(self.sizes(), sizes), PoolDivisor(), x, y);
  });
}

Tensor _adaptive_avg_pool_grad(const Tensor& grad, const Dims& size) {
  check_internal(grad, {}, "adaptive_avg_pool");
  FB_CHECK(size.size() == static_cast<size_t>(grad.dim()) && size[0] == grad.size(0) &&
               size[1] == grad.size(1),
           "adaptive_avg_pool(): size ", size, " does not go with a gradient of shape ",
           grad.sizes());
  if (grad.numel() == 0) {
    Tensor zero = empty(size, grad.dtype(), grad.device(), "adaptive_avg_pool");
    if (!zero.is_meta()) fill_elements(zero, 0);
    return zero;
  }
  return compute(grad, size, "adaptive_avg_pool", [&](auto& g, auto& x) {
    pool_mean_grad(adaptive_geometry(size, grad.sizes()), PoolDivisor(), g, x);
  });
}

// ---- by position
// ---------------------------------------------------------------------------------

namespace {

struct Planes {
  int64_t count, few, many;  // planes; positions given; positions there are
};

// Both contiguous; raises for positions outside the plane before anything is written.
Planes check_planes(const Tensor& few, const Tensor& indices, const Dims& many, const char* op) {
  FB_CHECK(few.sizes() == indices.sizes() && indices.dtype() == DType::Int64, op,
           "(): indices must be int64 "
           "of shape ",
           few.sizes(), ", got ", name(indices.dtype()), " of ", indices.sizes());
  FB_CHECK(many.size() == few.sizes().size() && many.size() > 2 && many[0] == few.size(0) &&
               many[1] == few.size(1),
           op, "(): size ", many, " does not go with ", few.sizes());
  Planes p{many[0] * many[1], 1, 1};
  for (size_t d = 2; d < many.size(); ++d)
    p.few *= few.size(static_cast<int64_t>(d)), p.many *= many[d];
  if (!indices.is_meta()) {
    const int64_t* at = indices.data<int64_t>();
    parallel_for(indices.numel(), 32768, [&](int64_t begin, int64_t end) {
      int64_t low = 0, high = 0;
      for (int64_t i = begin; i < end; ++i)
        low = std::min(low, at[i]), high = std::max(high, at[i]);
      FB_CHECK(low >= 0 && high < p.many, op,
               "(): Found an invalid max index: ", low < 0 ? low : high, " (planes have ", p.many,
               " positions)");
    });
  }
  return p;
}

}  // namespace

Tensor _pool_spread(const Tensor& grad, const Tensor& indices, const Dims& size) {
  const Tensor at = indices.is_meta() ? indices : contiguous(indices);
  const Planes p = check_planes(grad, at, size, "max_pool");
  Tensor out = empty(size, grad.dtype(), common_device({&grad, &indices}), "max_pool");
  if (out.is_meta()) return out;
  const Tensor g = contiguous(grad);
  visit_dtype(g.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* from = g.data<T>();
      const int64_t* index = at.data<int64_t>();
      T* to = out.data<T>();
      parallel_for(p.count, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.few + p.many)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t u = begin; u < end; ++u) {
                       std::fill_n(to + u * p.many, p.many, T{});
                       for (int64_t i = u * p.few; i < (u + 1) * p.few; ++i) {
                         T& pixel = to[u * p.many + index[i]];
                         pixel = static_cast<T>(static_cast<compute_t<T>>(pixel) +
                                                static_cast<compute_t<T>>(from[i]));
                       }
                     }
                   });
    }
  });
  return out;
}

Tensor _pool_pick(const Tensor& self, const Tensor& indices) {
  const Tensor at = indices.is_meta() ? indices : contiguous(indices);
  Tensor out = empty(indices.sizes(), self.dtype(), common_device({&self, &indices}), "max_pool");
  const Planes p = check_planes(out, at, self.sizes(), "max_pool");
  if (out.is_meta()) return out;
  const Tensor x = contiguous(self);
  visit_dtype(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    const int64_t* index = at.data<int64_t>();
    T* to = out.data<T>();
    parallel_for(p.count, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.few)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t u = begin; u < end; ++u)
                     for (int64_t i = u * p.few; i < (u + 1) * p.few; ++i)
                       to[i] = from[u * p.many + index[i]];
                 });
  });
  return out;
}

// ---- arguments as users give them
// ----------------------------------------------------------------

namespace {

Dims full(const Dims& list, int64_t dims, const char* what, const char* op) {
  FB_CHECK(static_cast<int64_t>(list.size()) == dims || list.size() == 1, op, ": ", what,
           " must either be a single int, or a tuple of ", dims, " ints, got ", list);
  return static_cast<int64_t>(list.size()) == dims ? list
                                                   : Dims(static_cast<size_t>(dims), list[0]);
}

// A batch of images; zero sizes are allowed for the batch only.
Tensor batched(const Tensor& input, int64_t dims, const char* op, bool refuse_empty = true) {
  bool good = input.dim() == dims + 1 || input.dim() == dims + 2;
  for (int64_t d = input.dim() == dims + 2; good && refuse_empty && d < input.dim(); ++d)
    good = input.size(d) > 0;
  FB_CHECK(good, op, "(): Expected ", dims + 1, "D or ", dims + 2,
           "D (batch mode) tensor with optional 0 dim "
           "batch size for input, but got:",
           input.sizes());
  if (input.dim() == dims + 2) return input;
  Dims sizes = input.sizes();
  sizes.insert(0, 1);
  return ops::reshape(input, sizes);
}

Tensor unbatched(const Tensor& y, const Tensor& input) {
  if (y.dim() == input.dim()) return y;
  return ops::reshape(y, Dims(y.sizes().begin() + 1, y.sizes().end()));
}

struct Window { Dims kernel, stride, padding, dilation; };

Window window_of(const Tensor& x, int64_t dims, const Dims& kernel,
                 const std::optional<Dims>& stride, const Dims& padding, const Dims& dilation,
                 bool ceil_mode, const char* op) {
  Window w;
  w.kernel = full(kernel, dims, "kernel_size", op);
  w.stride = stride && !stride->empty() ? full(*stride, dims, "stride", op) : w.kernel;
  w.padding = full(padding, dims, "padding", op);
  w.dilation = full(dilation, dims, "dilation", op);
  Dims sizes;
  bool fits = true;
  for (int64_t d = 0; d < dims; ++d) {
    const int64_t k = w.kernel[d], s = w.stride[d], p = w.padding[d], l = w.dilation[d];
    FB_CHECK(s != 0, op, "(): stride should not be zero");
    FB_CHECK(k > 0, op, "(): kernel size should be greater than zero, but got ", w.kernel);
    FB_CHECK(s > 0, op, "(): stride should be greater than zero, but got ", w.stride);
    FB_CHECK(l > 0, op, "(): dilation should be greater than zero, but got ", w.dilation);
    FB_CHECK(p >= 0, op, "(): pad must be non-negative, but got pad: ", p);
    FB_CHECK(k < INT32_MAX && s < INT32_MAX && l < INT32_MAX && x.size(2 + d) < (int64_t{1} << 40),
             op, "(): sizes are too large");
    FB_CHECK(p <= ((k - 1) * l + 1) / 2, op,
             "(): pad should be at most half of effective kernel size, but got pad=", p,
             ", kernel_size=", k, " and dilation=", l);
    sizes.push_back(window_count(x.size(2 + d), k, s, p, l, ceil_mode));
    fits &= sizes.back() > 0;
  }
  FB_CHECK(fits, op, "(): Given input size: (",
           shape_text(Dims(x.sizes().begin() + 1, x.sizes().end())), "). Calculated output size: (",
           x.size(1), "x", shape_text(sizes), "). Output size is too small");
  return w;
}

Tensor max_pool(int64_t dims, const char* op, const Tensor& input, const Dims& kernel,
                const std::optional<Dims>& stride, const Dims& padding, const Dims& dilation,
                bool ceil_mode) {
  const Tensor x = batched(input, dims, op);
  const Window w = window_of(x, dims, kernel, stride, padding, dilation, ceil_mode, op);
  if (!needs_grad(x))
    return unbatched(maxima(x, w.kernel, w.stride, w.padding, w.dilation, ceil_mode), input);
  const auto pool = few_taps(w.kernel) ? ops::_max_pool : ops::_max_pool_with_indices;
  return unbatched(std::get<0>(pool(x, w.kernel, w.stride, w.padding, w.dilation, ceil_mode)),
                   input);
}

std::tuple<Tensor, Tensor> max_pool_with_indices(int64_t dims, const char* op, const Tensor& input,
                                                 const Dims& kernel,
                                                 const std::optional<Dims>& stride,
                                                 const Dims& padding, const Dims& dilation,
                                                 bool ceil_mode) {
  const Tensor x = batched(input, dims, op);
  const Window w = window_of(x, dims, kernel, stride, padding, dilation, ceil_mode, op);
  auto [values, indices] =
      ops::_max_pool_with_indices(x, w.kernel, w.stride, w.padding, w.dilation, ceil_mode);
  return {unbatched(values, input), unbatched(indices, input)};
}

Tensor avg_pool(int64_t dims, const char* op, const Tensor& input, const Dims& kernel,
                const std::optional<Dims>& stride, const Dims& padding, bool ceil_mode,
                bool count_include_pad, std::optional<int64_t> divisor) {
  const Tensor x = batched(input, dims, op);
  const Window w = window_of(x, dims, kernel, stride, padding, Dims{1}, ceil_mode, op);
  return unbatched(
      ops::_avg_pool(x, w.kernel, w.stride, w.padding, ceil_mode, count_include_pad, divisor),
      input);
}

Dims output_size_of(const Dims& output_size, int64_t dims, const char* op) {
  FB_CHECK(static_cast<int64_t>(output_size.size()) == dims, op, ": output_size must be ", dims,
           ", got ", output_size);
  for (int64_t s : output_size) {
    FB_CHECK(s >= 0, op,
             ": elements of output_size must be greater than or equal to 0 but received ",
             output_size);
  }
  return output_size;
}

}  // namespace

#define FB_POOL_DIMS(N)                                                                                      \
  Tensor max_pool##N##d(const Tensor& input, const Dims& kernel, const std::optional<Dims>& stride,          \
                        const Dims& padding, const Dims& dilation, bool ceil_mode) {                         \
    return max_pool(N, "max_pool" #N "d", input, kernel, stride, padding, dilation, ceil_mode);              \
  }                                                                                                          \
  std::tuple<Tensor, Tensor> max_pool##N##d_with_indices(                                                    \
      const Tensor& input, const Dims& kernel, const std::optional<Dims>& stride, const Dims& padding,       \
      const Dims& dilation, bool ceil_mode) {                                                                \
    return max_pool_with_indices(N, "max_pool" #N "d", input, kernel, stride, padding, dilation, ceil_mode); \
  }                                                                                                          \
  Tensor adaptive_avg_pool##N##d(const Tensor& input, const Dims& output_size) {                             \
    const char* op = "adaptive_avg_pool" #N "d";                                                             \
    const Tensor x = batched(input, N, op, false);                                                           \
    return unbatched(ops::_adaptive_avg_pool(x, output_size_of(output_size, N, op)), input);                 \
  }                                                                                                          \
  std::tuple<Tensor, Tensor> adaptive_max_pool##N##d(const Tensor& input, const Dims& output_size) {         \
    const char* op = "adaptive_max_pool" #N "d";                                                             \
    const Tensor x = batched(input, N, op, false);                                                           \
    auto [values, indices] = ops::_adaptive_max_pool(x, output_size_of(output_size, N, op));                 \
    return {unbatched(values, input), unbatched(indices, input)};                                            \
  }
FB_POOL_DIMS(1)
FB_POOL_DIMS(2)
FB_POOL_DIMS(3)
#undef FB_POOL_DIMS

Tensor avg_pool1d(const Tensor& input, const Dims& kernel, const std::optional<Dims>& stride,
                  const Dims& padding, bool ceil_mode, bool count_include_pad) {
  return avg_pool(1, "avg_pool1d", input, kernel, stride, padding, ceil_mode, count_include_pad,
                  std::nullopt);
}
Tensor avg_pool2d(const Tensor& input, const Dims& kernel, const std::optional<Dims>& stride,
                  const Dims& padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor) {
  return avg_pool(2, "avg_pool2d", input, kernel, stride, padding, ceil_mode, count_include_pad,
                  divisor);
}
Tensor avg_pool3d(const Tensor& input, const Dims& kernel, const std::optional<Dims>& stride,
                  const Dims& padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor) {
  return avg_pool(3, "avg_pool3d", input, kernel, stride, padding, ceil_mode, count_include_pad,
                  divisor);
}

}  // namespace flambeau::impl
