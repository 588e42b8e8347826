// Channels and pixels that change places: copies between two views of the same loops.
#include "cpu/copy.h"
#include "impl_join.h"
#include "ops/grad_shape.h"
#include "ops/image_layout.h"
#include "ops_join.h"

namespace flambeau {

namespace {

// The loops (..., c, i, j, h, w) of an image (..., c r^2, h, w), or of one (..., c, h r, w r).
Tensor split_channels(const Tensor& t, int64_t r) {
  Dims sizes = t.sizes(), strides = t.strides();
  const size_t c = sizes.size() - 3;
  const int64_t step = strides[c], height = sizes[c + 1], width = sizes[c + 2];
  const int64_t row = strides[c + 1], column = strides[c + 2];
  sizes.resize(c + 5), strides.resize(c + 5);
  const int64_t size[] = {sizes[c] / (r * r), r, r, height, width};
  const int64_t stride[] = {step * r * r, step * r, step, row, column};
  for (size_t i = 0; i < 5; ++i) sizes[c + i] = size[i], strides[c + i] = stride[i];
  return alias(t, sizes, strides, t.offset());
}
Tensor split_pixels(const Tensor& t, int64_t r) {
  Dims sizes = t.sizes(), strides = t.strides();
  const size_t c = sizes.size() - 3;
  const int64_t height = sizes[c + 1], width = sizes[c + 2];
  const int64_t row = strides[c + 1], column = strides[c + 2];
  sizes.resize(c + 5), strides.resize(c + 5);
  const int64_t size[] = {sizes[c], r, r, height / r, width / r};
  const int64_t stride[] = {strides[c], row, column, row * r, column * r};
  for (size_t i = 0; i < 5; ++i) sizes[c + i] = size[i], strides[c + i] = stride[i];
  return alias(t, sizes, strides, t.offset());
}

Tensor empty_like_image(const Tensor& t, const Dims& sizes, const char* op) {
  return empty_image(sizes, prefers_channels_last(t), t.dtype(), t.device(), op);
}

void check_image(const Tensor& self, int64_t factor, const char* op, const char* factor_name) {
  FB_CHECK(self.dim() >= 3, op, " expects input to have at least 3 dimensions, but got input with ",
           self.dim(), " dimension(s)");
  FB_CHECK(self.dim() + 2 <= kMaxDims, op, ": input has too many dimensions: ", self.dim());
  FB_CHECK(factor > 0, op, " expects a positive ", factor_name, ", but got ", factor);
}

}  // namespace

namespace impl {

Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor) {
  const int64_t r = upscale_factor;
  check_image(self, r, "pixel_shuffle", "upscale_factor");
  const int64_t channels = self.size(self.dim() - 3);
  int64_t square;
  FB_CHECK(!__builtin_mul_overflow(r, r, &square), "pixel_shuffle: upscale_factor ", r,
           " is too large");
  FB_CHECK(channels % square == 0,
           "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
           "upscale_factor, but input.size(-3)=",
           channels, " is not divisible by ", square);
  Dims sizes = self.sizes();
  const size_t c = sizes.size() - 3;
  sizes[c] /= square;
  FB_CHECK(!__builtin_mul_overflow(sizes[c + 1], r, &sizes[c + 1]) &&
               !__builtin_mul_overflow(sizes[c + 2], r, &sizes[c + 2]),
           "pixel_shuffle: sizes overflow with upscale_factor ", r);
  const Tensor out = empty_like_image(self, sizes, "pixel_shuffle");
  copy_elements(split_pixels(out, r), split_channels(self, r), "pixel_shuffle");
  return out;
}

Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor) {
  const int64_t r = downscale_factor;
  check_image(self, r, "pixel_unshuffle", "downscale_factor");
  Dims sizes = self.sizes();
  const size_t c = sizes.size() - 3;
  const auto shrink = [&](size_t d, const char* name) {
    FB_CHECK(sizes[d] % r == 0, "pixel_unshuffle expects ", name,
             " to be divisible by downscale_factor, but input.size(",
             static_cast<int64_t>(d) - self.dim(), ")=", sizes[d], " is not divisible by ", r);
    sizes[d] /= r;
  };
  shrink(c + 1, "height");
  shrink(c + 2, "width");
  FB_CHECK(!__builtin_mul_overflow(sizes[c], r, &sizes[c]) &&
               !__builtin_mul_overflow(sizes[c], r, &sizes[c]),
           "pixel_unshuffle: sizes overflow with downscale_factor ", r);
  const Tensor out = empty_like_image(self, sizes, "pixel_unshuffle");
  copy_elements(split_channels(out, r), split_pixels(self, r), "pixel_unshuffle");
  return out;
}

Tensor channel_shuffle(const Tensor& self, int64_t groups) {
  FB_CHECK(self.dim() > 2, "channel_shuffle expects input with > 2 dims, but got input with sizes ",
           self.sizes());
  FB_CHECK(self.dim() < kMaxDims, "channel_shuffle: input has too many dimensions: ", self.dim());
  FB_CHECK(groups > 0,
           "Number of groups to divide channels in must be positive. Value of groups:", groups);
  const int64_t channels = self.size(1);
  FB_CHECK(channels % groups == 0, "Number of channels must be divisible by groups. Got ", channels,
           " channels and ", groups, " groups.");
  const Tensor out = empty_like_image(self, self.sizes(), "channel_shuffle");
  // The loops (batch, group, channel of the group, ...), which the result has the other way round.
  const int64_t each = channels / groups;
  const auto loops = [&](const Tensor& t, int64_t group, int64_t channel) {
    Dims sizes = t.sizes(), strides = t.strides();
    const int64_t step = strides[1];
    sizes[1] = each, strides[1] = step * channel;
    sizes.insert(1, groups);
    strides.insert(1, step * group);
    return alias(t, sizes, strides, t.offset());
  };
  copy_elements(loops(out, 1, groups), loops(self, each, 1), "channel_shuffle");
  return out;
}

}  // namespace impl

namespace grad {

Tensor channel_shuffle_grad(const Tensor& g, int64_t groups) {
  return g.size(1) == 0 ? g : ops::channel_shuffle(g, g.size(1) / groups);
}

}  // namespace grad
}  // namespace flambeau
