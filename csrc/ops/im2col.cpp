// Patches of images as columns, and back.
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/thread_pool.h"
#include "cpu/visit_item.h"
#include "impl_conv.h"

namespace flambeau::impl {

namespace {

struct Patches { int64_t channels, height, width, kh, kw, dh, dw, ph, pw, sh, sw, rows, columns; };

int64_t positions(int64_t size, int64_t pad, int64_t dilation, int64_t kernel, int64_t stride,
                  const char* op) {
  FB_CHECK(
      size < (int64_t{1} << 40) && pad < INT32_MAX && dilation < INT32_MAX && kernel < INT32_MAX,
      op, "(): sizes are too large");
  const int64_t room = size + 2 * pad - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

Patches patches_of(int64_t channels, int64_t height, int64_t width, const Dims& kernel,
                   const Dims& dilation, const Dims& padding, const Dims& stride, const char* op) {
  FB_CHECK(kernel.size() == 2 && dilation.size() == 2 && padding.size() == 2 && stride.size() == 2,
           op, "(): kernel_size, dilation, padding and stride must be an int or two ints, got ",
           kernel, ", ", dilation, ", ", padding, ", ", stride);
  for (int d = 0; d < 2; ++d) {
    FB_CHECK(kernel[d] > 0, op,
             "(): kernel size should be greater than zero, but got kernel_height: ", kernel[0],
             " kernel_width: ", kernel[1]);
    FB_CHECK(dilation[d] > 0, op,
             "(): dilation should be greater than zero, but got dilation_height: ", dilation[0],
             " dilation_width: ", dilation[1]);
    FB_CHECK(padding[d] >= 0, op,
             "(): padding should be non-negative, but got pad_height: ", padding[0],
             " pad_width: ", padding[1]);
    FB_CHECK(stride[d] > 0, op,
             "(): stride should be greater than zero, but got stride_height: ", stride[0],
             " stride_width: ", stride[1]);
  }
  Patches p{channels,    height,      width,      kernel[0],  kernel[1],
            dilation[0], dilation[1], padding[0], padding[1], stride[0],
            stride[1],   0,           0};
  p.rows = positions(height, p.ph, p.dh, p.kh, p.sh, op);
  p.columns = positions(width, p.pw, p.dw, p.kw, p.sw, op);
  FB_CHECK(p.rows > 0 && p.columns > 0, op, "(): Given input with spatial size (", height, ", ",
           width, "), kernel_size=(", kernel[0], ", ", kernel[1], "), dilation=(", dilation[0],
           ", ", dilation[1], "), padding=(", padding[0], ", ", padding[1],
           "), calculated shape of the array of sliding blocks "
           "as (",
           p.rows, ", ", p.columns, "), but its components must be at least one.");
  return p;
}

// The steps of a row of patches whose pixel lies inside a row of the image.
void inside(int64_t first, int64_t step, int64_t count, int64_t size, int64_t* begin,
            int64_t* end) {
  *begin = first >= 0 ? 0 : std::min(count, (-first + step - 1) / step);
  *end = first >= size ? *begin : std::max(*begin, std::min(count, (size - 1 - first) / step + 1));
}

template <class U>
void gather(const Patches& p, const U* image, U* column, int64_t tap) {
  const int64_t y0 = tap / p.kw * p.dh - p.ph, x0 = tap % p.kw * p.dw - p.pw;
  int64_t begin, end;
  inside(x0, p.sw, p.columns, p.width, &begin, &end);
  for (int64_t r = 0; r < p.rows; ++r, column += p.columns) {
    const int64_t y = y0 + r * p.sh;
    std::memset(static_cast<void*>(column), 0, static_cast<size_t>(p.columns) * sizeof(U));
    if (y < 0 || y >= p.height) continue;
    const U* row = image + y * p.width + x0;
    for (int64_t c = begin; c < end; ++c) column[c] = row[c * p.sw];
  }
}

template <class T>
void spread(const Patches& p, const T* column, compute_t<T>* image, int64_t tap) {
  const int64_t y0 = tap / p.kw * p.dh - p.ph, x0 = tap % p.kw * p.dw - p.pw;
  int64_t begin, end;
  inside(x0, p.sw, p.columns, p.width, &begin, &end);
  for (int64_t r = 0; r < p.rows; ++r, column += p.columns) {
    const int64_t y = y0 + r * p.sh;
    if (y < 0 || y >= p.height) continue;
    compute_t<T>* row = image + y * p.width + x0;
    for (int64_t c = begin; c < end; ++c) row[c * p.sw] += static_cast<compute_t<T>>(column[c]);
  }
}

}  // namespace

Tensor im2col(const Tensor& input, const Dims& kernel, const Dims& dilation, const Dims& padding,
              const Dims& stride) {
  const bool batch = input.dim() == 4;
  FB_CHECK((batch || input.dim() == 3) && (input.numel() > 0 || (batch && input.size(0) == 0)),
           "unfold(): Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other "
           "non-zero "
           "dimensions for input, but got: ",
           input.sizes());
  const int64_t n = batch ? input.size(0) : 1, at = batch ? 1 : 0;
  const Patches p = patches_of(input.size(at), input.size(at + 1), input.size(at + 2), kernel,
                               dilation, padding, stride, "unfold");
  const int64_t taps = p.kh * p.kw;
  Dims sizes;
  if (batch) sizes.push_back(n);
  sizes.push_back(p.channels * taps);
  sizes.push_back(p.rows * p.columns);
  Tensor out = empty(sizes, input.dtype(), input.device(), "unfold");
  if (out.is_meta()) return out;
  const Tensor in = contiguous(input);
  visit_item(in.itemsize(), [&]<class U>() {
    const U* from = in.data<U>();
    U* to = out.data<U>();
    BlockingRegion region(out.numel() > 65536);
    parallel_for(n * p.channels * taps, std::max<int64_t>(1, 32768 / (p.rows * p.columns)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t u = begin; u < end; ++u)
                     gather(p, from + u / taps * p.height * p.width, to + u * p.rows * p.columns,
                            u % taps);
                 });
  });
  return out;
}

Tensor col2im(const Tensor& input, const Dims& output_size, const Dims& kernel,
              const Dims& dilation, const Dims& padding, const Dims& stride) {
  FB_CHECK(output_size.size() == 2 && output_size[0] > 0 && output_size[1] > 0,
           "fold(): Expected output_size "
           "to be two positive integers, but got ",
           output_size);
  const bool batch = input.dim() == 3;
  FB_CHECK(batch || input.dim() == 2,
           "fold(): Expected 2D or 3D (batch mode) tensor for input, but got: ", input.sizes());
  Patches p =
      patches_of(1, output_size[0], output_size[1], kernel, dilation, padding, stride, "fold");
  const int64_t n = batch ? input.size(0) : 1, taps = p.kh * p.kw;
  const int64_t planes = input.size(batch ? 1 : 0), blocks = input.size(batch ? 2 : 1);
  FB_CHECK(planes % taps == 0,
           "fold(): Expected size of input's dimension 1 to be divisible by the product of "
           "kernel_size, but got input.size(1)=",
           planes, " and kernel_size=(", p.kh, ", ", p.kw, ").");
  FB_CHECK(blocks == p.rows * p.columns, "fold(): Given output_size=(", output_size[0], ", ",
           output_size[1], "), kernel_size=(", p.kh, ", ", p.kw, "), dilation=(", p.dh, ", ", p.dw,
           "), padding=(", p.ph, ", ", p.pw, "), stride=(", p.sh, ", ", p.sw,
           "), expected size of input's dimension 2 to match the "
           "calculated number of sliding blocks ",
           p.rows, " * ", p.columns, " = ", p.rows * p.columns, ", but got input.size(2)=", blocks,
           ".");
  p.channels = planes / taps;
  Dims sizes;
  if (batch) sizes.push_back(n);
  sizes.push_back(p.channels);
  sizes.push_back(p.height);
  sizes.push_back(p.width);
  const DType type = is_half(input.dtype()) && !input.is_meta() ? DType::Float32 : input.dtype();
  Tensor out = empty(sizes, type, input.device(), "fold");
  if (out.is_meta()) return out;
  const Tensor in = contiguous(input);
  fill_elements(out, 0);
  visit_dtype(in.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* from = in.data<T>();
      auto* to = out.data<compute_t<T>>();
      const int64_t pixels = p.height * p.width;
      BlockingRegion region(in.numel() > 65536);
      parallel_for(n * p.channels, std::max<int64_t>(1, 32768 / (blocks * taps)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t u = begin; u < end; ++u)
                       for (int64_t t = 0; t < taps; ++t)
                         spread<T>(p, from + (u * taps + t) * blocks, to + u * pixels, t);
                   });
    }
  });
  FB_CHECK(in.dtype() != DType::Bool, "fold(): not implemented for 'Bool'");
  return to_dtype(out, input.dtype());
}

}  // namespace flambeau::impl
