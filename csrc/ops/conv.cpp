// Convolutions: PyTorch's argument rules here, three maps on raw images in cpu/conv.
#include "cpu/conv.h"
#include "core/blocking.h"
#include "cpu/conv_plain.h"
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "impl_conv.h"
#include "ops/image_layout.h"
#include "ops/matmul_core.h"
#include "ops_conv.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

constexpr int64_t kMostExtent = int64_t{1}
                                << 40;  // of a padded image, so that sums cannot overflow

struct Window { Dims stride, padding, dilation; };

// Integers and bytes are computed as int64, complex numbers as complex128, half types as float.
DType compute_type(DType t) {
  if (t == DType::Float32 || t == DType::Float64) return t;
  if (is_half(t)) return DType::Float32;
  return is_complex(t) ? DType::Complex128 : DType::Int64;
}

// Calls f.operator()<T>() for the type that images are computed in.
template <class F>
void visit_compute(DType t, F&& f) {
  switch (compute_type(t)) {
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    case DType::Int64: return f.template operator()<int64_t>();
    default: return f.template operator()<Complex128>();
  }
}
template <class T>
inline constexpr bool kIsFast = std::is_floating_point_v<T>;

void check_dtypes(const Tensor& a, const Tensor& b, const Tensor& bias, const char* op) {
  FB_CHECK(a.dtype() == b.dtype(), op, "(): expected scalar type ", type_name(a.dtype()),
           " but found ", type_name(b.dtype()), "; input and weight must have the same dtype");
  FB_CHECK(!bias.defined() || bias.dtype() == a.dtype(), op, "(): Input type (",
           type_word(a.dtype()), ") and bias type (",
           type_word(bias.defined() ? bias.dtype() : a.dtype()), ") should be the same");
  FB_CHECK_KIND(ErrorKind::NotImplemented, a.dtype() != DType::Bool, op,
                "(): \"slow_conv2d_cpu\" not implemented for 'Bool'");
}

// `x_sizes`: the image that the map of the kernel reads; `y_sizes`: the one it makes.
ConvGeometry geometry(const Dims& x_sizes, const Dims& weight, const Dims& y_sizes,
                      const Dims& stride, const Dims& padding, const Dims& dilation, int64_t groups,
                      const char* op) {
  const size_t dims = weight.size() - 2;
  FB_CHECK(weight.size() >= 3 && weight.size() <= 5 && x_sizes.size() == weight.size() &&
               y_sizes.size() == weight.size() && stride.size() == dims && padding.size() == dims &&
               dilation.size() == dims && groups > 0,
           op, "(): expects 1 to 3 spatial dimensions everywhere");
  ConvGeometry g;
  g.batch = x_sizes[0];
  g.groups = groups;
  g.in_channels = x_sizes[1];
  g.out_channels = y_sizes[1];
  FB_CHECK(y_sizes[0] == g.batch && weight[0] == g.out_channels &&
               weight[1] * groups == g.in_channels && g.out_channels % groups == 0,
           op, "(): images ", x_sizes, " and ", y_sizes, " do not go with a weight of size ",
           weight, " and ", groups, " groups");
  for (size_t i = 0; i < dims; ++i) {
    const size_t d = 3 - dims + i;
    g.in[d] = x_sizes[2 + i];
    g.out[d] = y_sizes[2 + i];
    g.kernel[d] = weight[2 + i];
    g.stride[d] = stride[i];
    g.pad[d] = padding[i];
    g.dilation[d] = dilation[i];
    const __int128 reach = static_cast<__int128>(g.kernel[d]) * g.dilation[d] +
                           static_cast<__int128>(g.out[d]) * g.stride[d] + g.pad[d];
    FB_CHECK(g.stride[d] > 0 && g.dilation[d] > 0 && g.pad[d] >= 0 && reach < kMostExtent, op,
             "(): stride ", stride, ", padding ", padding, " or dilation ", dilation,
             " is out of range");
  }
  return g;
}

bool large(const ConvGeometry& g) {
  return static_cast<double>(g.batch) * static_cast<double>(g.out_channels) *
             static_cast<double>(g.group_in()) * static_cast<double>(g.taps()) *
             static_cast<double>(g.out_pixels()) >
         262144;
}

Tensor finish(const Tensor& result, DType dtype) {
  return result.dtype() == dtype ? result : to_dtype(result, dtype);
}

}  // namespace

Tensor _convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, const Dims& size,
                    const Dims& stride, const Dims& padding, const Dims& dilation, int64_t groups) {
  check_dtypes(input, weight, bias, "convolution");
  const ConvGeometry g = geometry(input.sizes(), weight.sizes(), size, stride, padding, dilation,
                                  groups, "convolution");
  const bool last = prefers_channels_last(input) || prefers_channels_last(weight);
  const Device device = common_device({&input, &weight, &bias});
  const DType type = device.is_meta() ? input.dtype() : compute_type(input.dtype());
  Tensor out = empty_image(size, last, type, device, "convolution");
  if (out.is_meta()) return out;
  const Tensor x = in_layout(to_dtype(input, type), last), w = contiguous(to_dtype(weight, type));
  const Tensor b = bias.defined() ? contiguous(to_dtype(bias, type)) : Tensor();
  visit_compute(type, [&]<class T>() {
    const auto from = image_of<const T>(x, last);
    const auto to = image_of<T>(out, last);
    const T* wp = w.data<T>();
    const T* bp = b.defined() ? b.data<T>() : nullptr;
    BlockingRegion region(large(g));
    if constexpr (kIsFast<T>)
      conv_forward<T>(g, from, wp, bp, to);
    else
      conv_forward_plain<T>(g, from, wp, bp, to);
  });
  return finish(out, input.dtype());
}

Tensor _convolution_transpose(const Tensor& input, const Tensor& weight, const Tensor& bias,
                              const Dims& size, const Dims& stride, const Dims& padding,
                              const Dims& dilation, int64_t groups) {
  check_dtypes(input, weight, bias, "conv_transpose");
  const ConvGeometry g = geometry(size, weight.sizes(), input.sizes(), stride, padding, dilation,
                                  groups, "conv_transpose");
  const bool last = prefers_channels_last(input) || prefers_channels_last(weight);
  const Device device = common_device({&input, &weight, &bias});
  const DType type = device.is_meta() ? input.dtype() : compute_type(input.dtype());
  Tensor out = empty_image(size, last, type, device, "conv_transpose");
  if (out.is_meta()) return out;
  const Tensor y = in_layout(to_dtype(input, type), last), w = contiguous(to_dtype(weight, type));
  const Tensor b = bias.defined() ? contiguous(to_dtype(bias, type)) : Tensor();
  visit_compute(type, [&]<class T>() {
    const auto from = image_of<const T>(y, last);
    const auto to = image_of<T>(out, last);
    const T* wp = w.data<T>();
    const T* bp = b.defined() ? b.data<T>() : nullptr;
    BlockingRegion region(large(g));
    if constexpr (kIsFast<T>)
      conv_adjoint<T>(g, from, wp, bp, to);
    else
      conv_adjoint_plain<T>(g, from, wp, bp, to);
  });
  return finish(out, input.dtype());
}

Tensor _convolution_weight_grad(const Tensor& grad, const Tensor& input, const Dims& size,
                                const Dims& stride, const Dims& padding, const Dims& dilation,
                                int64_t groups) {
  check_dtypes(grad, input, Tensor(), "convolution");
  const ConvGeometry g =
      geometry(input.sizes(), size, grad.sizes(), stride, padding, dilation, groups, "convolution");
  const bool last = prefers_channels_last(grad);
  const Device device = common_device({&grad, &input});
  const DType type = device.is_meta() ? input.dtype() : compute_type(input.dtype());
  Tensor out = empty(size, type, device, "convolution");
  if (out.is_meta()) return out;
  const Tensor y = in_layout(to_dtype(grad, type), last),
               x = in_layout(to_dtype(input, type), last);
  visit_compute(type, [&]<class T>() {
    const auto from = image_of<const T>(y, last), image = image_of<const T>(x, last);
    T* to = out.data<T>();
    BlockingRegion region(large(g));
    if constexpr (kIsFast<T>)
      conv_weight_grad<T>(g, from, image, to);
    else
      conv_weight_grad_plain<T>(g, from, image, to);
  });
  return finish(out, input.dtype());
}

// ---- arguments as users give them ---------------------------------------------------------------

namespace {

void check_list(const Dims& list, int64_t dims, const char* what, const char* op) {
  FB_CHECK(static_cast<int64_t>(list.size()) == dims, op, "(): expected ", what,
           " to be a single "
           "integer value or a list of ",
           dims, " values to match the convolution dimensions, but got ", what, "=", list);
}

void check_window(const Window& w, int64_t dims, const char* op) {
  check_list(w.stride, dims, "stride", op);
  check_list(w.padding, dims, "padding", op);
  check_list(w.dilation, dims, "dilation", op);
  for (int64_t d = 0; d < dims; ++d) {
    FB_CHECK(w.stride[d] > 0, op, "(): non-positive stride is not supported, got ", w.stride);
    FB_CHECK(w.padding[d] >= 0, op, "(): negative padding is not supported, got ", w.padding);
    FB_CHECK(w.dilation[d] > 0, op, "(): non-positive dilation is not supported, got ", w.dilation);
    FB_CHECK(w.stride[d] < INT32_MAX && w.padding[d] < INT32_MAX && w.dilation[d] < INT32_MAX, op,
             "(): stride ", w.stride, ", padding ", w.padding, " or dilation ", w.dilation,
             " is too large");
  }
}

void check_shapes(const Dims& input, const Tensor& weight, const Tensor& bias, int64_t groups,
                  bool transposed, const char* op) {
  const Dims& w = weight.sizes();
  FB_CHECK(groups > 0, op, "(): non-positive groups is not supported, got ", groups);
  for (size_t d = 2; d < w.size(); ++d) {
    FB_CHECK(w[d] > 0, op, "(): kernel size should be greater than zero, but got weight of size ",
             w);
  }
  FB_CHECK(w[0] >= groups, op, "(): Given groups=", groups, ", expected weight to be at least ",
           groups, " at dimension 0, but got weight of size ", w, " instead");
  FB_CHECK(w[0] % groups == 0, op, "(): Given groups=", groups,
           ", expected weight to be divisible by ", groups,
           " at dimension 0, but got weight of size ", w, " instead");
  const int64_t expected = transposed ? w[0] : w[1] * groups,
                out = transposed ? w[1] * groups : w[0];
  FB_CHECK(input[1] == expected, op, "(): Given ", transposed ? "transposed" : "groups", "=",
           transposed ? 1 : groups, ", weight of size ", w, ", expected input", input, " to have ",
           expected, " channels, but got ", input[1], " channels instead");
  FB_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == out), op, "(): Given ",
           transposed ? "transposed=1, " : "", "weight of size ", w,
           ", expected bias to be 1-dimensional "
           "with ",
           out, " elements, but got bias of size ", bias.defined() ? bias.sizes() : Dims(),
           " instead");
}

std::string per_channel(const Dims& sizes) {
  std::string text = "(";
  for (size_t i = 0; i < sizes.size(); ++i) text += (i ? " x " : "") + std::to_string(sizes[i]);
  return text + ")";
}

// The kernel's reach along one dimension; raises instead of overflowing.
int64_t reach(int64_t kernel, int64_t dilation, const char* op) {
  const __int128 r = static_cast<__int128>(kernel - 1) * dilation + 1;
  FB_CHECK(r < kMostExtent, op, "(): kernel of size ", kernel, " with dilation ", dilation,
           " is too large");
  return static_cast<int64_t>(r);
}

// Adds the batch dimension that an unbatched input lacks.
Tensor batched(const Tensor& input, int64_t dims, const char* op) {
  FB_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, op, "(): Expected ", dims + 1,
           "D (unbatched) or ", dims + 2, "D (batched) input to ", op,
           ", but got input of size: ", input.sizes());
  if (input.dim() == dims + 2) return input;
  Dims sizes = input.sizes();
  sizes.insert(0, 1);
  return ops::reshape(input, sizes);
}

Tensor unbatched(const Tensor& y, const Tensor& input) {
  if (y.dim() == input.dim()) return y;
  return ops::reshape(y, Dims(y.sizes().begin() + 1, y.sizes().end()));
}

void check_weight(const Tensor& weight, int64_t dims, const char* op) {
  FB_CHECK(weight.dim() == dims + 2, op, "(): Expected ", dims + 2, "-dimensional weight, but got ",
           weight.dim(), "-dimensional weight of size ", weight.sizes(), " instead");
}

Tensor conv(int64_t dims, const char* op, const Tensor& input, const Tensor& weight,
            const Tensor& bias, const Window& w, int64_t groups) {
  const Tensor x = batched(input, dims, op);
  check_weight(weight, dims, op);
  check_window(w, dims, op);
  check_shapes(x.sizes(), weight, bias, groups, false, op);
  Dims size{x.size(0), weight.size(0)}, padded, kernel;
  bool fits = true;
  for (int64_t d = 0; d < dims; ++d) {
    padded.push_back(x.size(2 + d) + 2 * w.padding[d]);
    kernel.push_back(reach(weight.size(2 + d), w.dilation[d], op));
    fits &= padded[d] >= kernel[d];
    size.push_back((padded[d] - kernel[d]) / w.stride[d] + 1);
  }
  FB_CHECK(fits, op, "(): Calculated padded input size per channel: ", per_channel(padded),
           ". Kernel size: ", per_channel(kernel),
           ". Kernel size can't be greater than actual input size");
  return unbatched(
      ops::_convolution(x, weight, bias, size, w.stride, w.padding, w.dilation, groups), input);
}

Tensor conv_padding(int64_t dims, const char* op, const Tensor& input, const Tensor& weight,
                    const Tensor& bias, const Dims& stride, const std::string& padding,
                    const Dims& dilation, int64_t groups) {
  Window w{stride, Dims(static_cast<size_t>(dims), 0), dilation};
  if (padding == "valid") return conv(dims, op, input, weight, bias, w, groups);
  FB_CHECK(padding == "same", op, "(): Invalid padding string: '", padding,
           "'; it must be 'same' or 'valid'");
  const Tensor x = batched(input, dims, op);
  check_weight(weight, dims, op);
  check_window(w, dims, op);
  check_shapes(x.sizes(), weight, bias, groups, false, op);
  Dims size{x.size(0), weight.size(0)};
  for (int64_t d = 0; d < dims; ++d) {
    FB_CHECK(stride[d] == 1, op, "(): padding='same' is not supported for strided convolutions");
    w.padding[d] = (reach(weight.size(2 + d), dilation[d], op) - 1) / 2;
    size.push_back(x.size(2 + d));
  }
  return unbatched(ops::_convolution(x, weight, bias, size, stride, w.padding, dilation, groups),
                   input);
}

// A single pixel becomes an image of the kernel's size, as in the first layer of a decoder: one
// product for the whole batch.
bool spreads_one_pixel(const Tensor& x, const Tensor& weight, const Tensor& bias, const Window& w,
                       const Dims& output, int64_t groups) {
  bool one = groups == 1 && is_floating(x.dtype()) && weight.dtype() == x.dtype() &&
             (!bias.defined() || bias.dtype() == x.dtype());
  for (size_t d = 2; one && d < output.size(); ++d)
    one = x.size(d) == 1 && w.padding[d - 2] == 0 && w.dilation[d - 2] == 1 &&
          output[d] == weight.size(d);
  return one;
}

Tensor spread_one_pixel(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Dims& output) {
  const int64_t channels = weight.size(0);
  // Channels last, the weight is one matrix with its own channels last.
  const bool last = prefers_channels_last(weight);
  Dims sizes = output;
  if (last) std::rotate(sizes.begin() + 1, sizes.begin() + 2, sizes.end());
  const Tensor w = last ? ops::movedim(weight, {1}, {-1}) : weight;
  Tensor y = ops::reshape(
      ops::matmul(ops::reshape(x, {x.size(0), channels}), ops::reshape(w, {channels, -1})), sizes);
  if (bias.defined()) {
    Dims shape(output.size(), 1);
    shape[last ? output.size() - 1 : 1] = output[1];
    y = ops::add(y, ops::reshape(bias, shape));
  }
  return last ? ops::movedim(y, {-1}, {1}) : y;
}

Tensor conv_transpose(int64_t dims, const char* op, const Tensor& input, const Tensor& weight,
                      const Tensor& bias, const Window& w, const Dims& output_padding,
                      int64_t groups) {
  const Tensor x = batched(input, dims, op);
  check_weight(weight, dims, op);
  check_window(w, dims, op);
  check_list(output_padding, dims, "output_padding", op);
  check_shapes(x.sizes(), weight, bias, groups, true, op);
  Dims size{x.size(0), weight.size(1) * groups};
  for (int64_t d = 0; d < dims; ++d) {
    FB_CHECK(output_padding[d] >= 0, op, "(): negative output_padding is not supported, got ",
             output_padding);
    FB_CHECK(output_padding[d] < w.stride[d] || output_padding[d] < w.dilation[d], op,
             "(): output padding must be smaller than either stride or dilation, but got "
             "output_padding: ",
             output_padding, ", stride: ", w.stride, ", dilation: ", w.dilation);
    FB_CHECK(x.size(2 + d) > 0, op,
             "(): Only zero batch or zero channel inputs are supported, but got input "
             "shape: ",
             x.sizes());
    const __int128 extent = static_cast<__int128>(x.size(2 + d) - 1) * w.stride[d] -
                            2 * w.padding[d] + reach(weight.size(2 + d), w.dilation[d], op) +
                            output_padding[d];
    FB_CHECK(extent > 0 && extent < kMostExtent, op, "(): Given input size per channel: ",
             per_channel(Dims(x.sizes().begin() + 2, x.sizes().end())),
             ". Calculated output size per channel "
             "along dimension ",
             d, ": ", static_cast<int64_t>(extent), ". Output size is too small or too large");
    size.push_back(static_cast<int64_t>(extent));
  }
  if (weight.numel() && spreads_one_pixel(x, weight, bias, w, size, groups))
    return unbatched(spread_one_pixel(x, weight, bias, size), input);
  return unbatched(
      ops::_convolution_transpose(x, weight, bias, size, w.stride, w.padding, w.dilation, groups),
      input);
}

}  // namespace

#define FB_CONV_DIMS(N)                                                                                     \
  Tensor conv##N##d(const Tensor& input, const Tensor& weight, const Tensor& bias, const Dims& stride,      \
                    const Dims& padding, const Dims& dilation, int64_t groups) {                            \
    return conv(N, "conv" #N "d", input, weight, bias, {stride, padding, dilation}, groups);                \
  }                                                                                                         \
  Tensor conv##N##d_padding(const Tensor& input, const Tensor& weight, const Tensor& bias,                  \
                            const Dims& stride, const std::string& padding, const Dims& dilation,           \
                            int64_t groups) {                                                               \
    return conv_padding(N, "conv" #N "d", input, weight, bias, stride, padding, dilation, groups);          \
  }                                                                                                         \
  Tensor conv_transpose##N##d(const Tensor& input, const Tensor& weight, const Tensor& bias,                \
                              const Dims& stride, const Dims& padding, const Dims& output_padding,          \
                              int64_t groups, const Dims& dilation) {                                       \
    return conv_transpose(N, "conv_transpose" #N "d", input, weight, bias, {stride, padding, dilation},     \
                          output_padding, groups);                                                          \
  }
FB_CONV_DIMS(1)
FB_CONV_DIMS(2)
FB_CONV_DIMS(3)
#undef FB_CONV_DIMS

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias,
                   const Dims& stride, const Dims& padding, const Dims& dilation, bool transposed,
                   const Dims& output_padding, int64_t groups) {
  const int64_t dims = weight.dim() - 2;
  FB_CHECK(dims >= 1 && dims <= 3,
           "convolution(): expected a weight of 3 to 5 dimensions, but got ", weight.sizes());
  const auto full = [&](const Dims& list) {
    return list.size() == 1 ? Dims(static_cast<size_t>(dims), list[0]) : list;
  };
  const Window w{full(stride), full(padding), full(dilation)};
  return transposed ? conv_transpose(dims, "convolution", input, weight, bias, w,
                                     full(output_padding), groups)
                    : conv(dims, "convolution", input, weight, bias, w, groups);
}

}  // namespace flambeau::impl
