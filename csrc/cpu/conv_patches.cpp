#include "cpu/conv_patches.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/allocator.h"
#include "cpu/gemm.h"
#include "cpu/thread_pool.h"
#include "cpu/transpose_to.h"

namespace flambeau {
namespace {

constexpr int64_t kLeastRun = 4;                   // pixels that a row of a window has
constexpr int64_t kChunkBytes = int64_t{4} << 20;  // of patches at a time: they stay in a cache
constexpr int64_t kGrain = 16384;                  // elements

template <class T>
constexpr DType kType = sizeof(T) == 4 ? DType::Float32 : DType::Float64;

// Copies of a few elements, without a call for each.
template <class T>
void copy_run(const T* from, int64_t n, T* to) {
  constexpr int64_t unit = 16 / static_cast<int64_t>(sizeof(T));
  int64_t i = 0;
  for (; i + unit <= n; i += unit) std::memcpy(to + i, from + i, 16);
  for (; i < n; ++i) to[i] = from[i];
}

// Some images as a matrix, a row per patch. The columns are (channel, tap), or (tap, channel) where
// channels are last: what is adjacent in the image stays so.
template <class T>
class Patches {
 public:
  explicit Patches(const ConvGeometry& g, bool channels_last)
      : g_(g),
        last_(channels_last),
        run_(g.kernel[2] * (channels_last ? g.in_channels : 1)),
        row_(g.in_channels * g.taps()),
        images_(std::clamp<int64_t>(
            kChunkBytes /
                std::max<int64_t>(1, g.out_pixels() * row_ * static_cast<int64_t>(sizeof(T))),
            1, std::max<int64_t>(g.batch, 1))),
        space_(checked_nbytes(images_ * g.out_pixels() * row_, sizeof(T))) {}

  int64_t row() const { return row_; }
  int64_t images() const { return images_; }  // at a time
  T* data() const { return space_.template as<T>(); }

  // The images [first, first + count) of x.
  void read(const ConvImage<const T>& x, int64_t first, int64_t count) const {
    each_line(x, first, count,
              [&](const T* line, T* patch) { copy_line(line, run_, patch, row_); });
  }
  // Back again: pixels outside all patches get zero, or the bias.
  void write(const ConvImage<T>& x, const T* bias, int64_t first, int64_t count) const {
    fill_rest(x, bias, first, count);
    each_line(x, first, count, [&](T* line, T* patch) { copy_line(patch, row_, line, run_); });
  }

 private:
  // f(pixels of the image, columns of the patches) for each line that a row of patches shares.
  template <class X, class F>
  void each_line(const ConvImage<X>& x, int64_t first, int64_t count, F&& f) const {
    const int64_t lines = g_.kernel[0] * g_.kernel[1], channels = last_ ? 1 : g_.in_channels;
    const int64_t rows = g_.out[0] * g_.out[1], width = g_.out[2];
    parallel_for(count * rows, 1 + kGrain / (width * row_ + 1), [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        const int64_t z = u % rows / g_.out[1] * g_.kernel[0], y = u % g_.out[1] * g_.kernel[1];
        X* const image = x.data + (first + u / rows) * x.batch;
        T* patch = data() + u * width * row_;
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t t = 0; t < lines; ++t, patch += run_)
            f(image + c * x.channel + (z + t / g_.kernel[1]) * x.pixel[0] +
                  (y + t % g_.kernel[1]) * x.pixel[1],
              patch);
      }
    });
  }

  void copy_line(const T* from, int64_t from_step, T* to, int64_t to_step) const {
    for (int64_t i = 0; i < g_.out[2]; ++i, from += from_step, to += to_step)
      copy_run(from, run_, to);
  }

  void fill_rest(const ConvImage<T>& x, const T* bias, int64_t first, int64_t count) const {
    bool whole = true;
    for (int d = 0; d < 3; ++d) whole = whole && g_.out[d] * g_.kernel[d] == g_.in[d];
    if (whole) return;
    const int64_t inner = last_ ? g_.in_channels : g_.in_pixels(),
                  outer = g_.in_channels * g_.in_pixels() / inner;
    parallel_for(count * outer, 1 + kGrain / inner, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        T* to = x.data + first * x.batch + u * inner;
        if (last_ && bias)
          std::copy_n(bias, inner, to);
        else
          std::fill_n(to, inner, bias ? bias[u % outer] : T(0));
      }
    });
  }

  const ConvGeometry& g_;
  const bool last_;
  const int64_t run_, row_, images_;
  const Workspace space_;
};

// (o, c, t) to (o, t, c), or back.
template <class T>
void turn_weight(const T* from, int64_t outputs, int64_t rows, int64_t columns, T* to) {
  const int64_t size = rows * columns;
  parallel_for(outputs, 1 + kGrain / (size + 1), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      transpose_to(from + o * size, columns, to + o * size, rows, rows, columns);
  });
}

// The weight with columns in the order of the patches.
template <class T>
class PatchWeight {
 public:
  PatchWeight(const ConvGeometry& g, bool channels_last, const T* weight)
      : space_(channels_last ? checked_nbytes(g.out_channels * g.in_channels * g.taps(), sizeof(T))
                             : 0),
        data_(channels_last ? space_.template as<T>() : weight) {
    if (channels_last)
      turn_weight(weight, g.out_channels, g.in_channels, g.taps(), space_.template as<T>());
  }
  const T* data() const { return data_; }

 private:
  const Workspace space_;
  const T* const data_;
};

// f(first image, how many) for as many at a time as the patches hold.
template <class T, class F>
void for_chunks(const ConvGeometry& g, const Patches<T>& patches, F&& f) {
  for (int64_t n = 0; n < g.batch; n += patches.images())
    f(n, std::min(patches.images(), g.batch - n));
}

}  // namespace

bool conv_has_patches(const ConvGeometry& g) {
  for (int d = 0; d < 3; ++d)
    if (g.pad[d] != 0 || g.stride[d] != g.kernel[d] || (g.kernel[d] > 1 && g.dilation[d] != 1))
      return false;
  return g.groups == 1 && g.kernel[2] >= kLeastRun && g.in_channels > 0;
}

template <class T>
void conv_patches_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                          const T* bias, const ConvImage<T>& y) {
  const bool last = y.channels_last;
  const Patches<T> patches(g, last);
  const PatchWeight<T> w(g, last, weight);
  const int64_t pixels = g.out_pixels(), k = patches.row();
  for_chunks(g, patches, [&](int64_t n, int64_t images) {
    patches.read(x, n, images);
    GemmArgs product{.dtype = kType<T>, .k = k};
    product.c = y.data + n * y.batch;
    if (last) {
      product.m = images * pixels, product.n = g.out_channels;
      product.a = patches.data(), product.a_row = k, product.a_col = 1;
      product.b = w.data(), product.b_row = 1, product.b_col = k;
      product.c_row = g.out_channels;
      product.col_bias = bias;
      return gemm(product);
    }
    product.m = g.out_channels, product.n = pixels;
    product.a = w.data(), product.a_row = k, product.a_col = 1;
    product.b = patches.data(), product.b_row = 1, product.b_col = k;
    product.c_row = pixels;
    product.row_bias = bias;
    gemm_batched(product, images, 0, pixels * k, y.batch);
  });
}

template <class T>
void conv_patches_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                          const T* bias, const ConvImage<T>& x) {
  const bool last = x.channels_last;
  const Patches<T> patches(g, last);
  const PatchWeight<T> w(g, last, weight);
  const int64_t pixels = g.out_pixels(), k = patches.row();
  std::vector<T> spread(bias ? static_cast<size_t>(k) : 0);  // a bias for each column
  for (size_t i = 0; i < spread.size(); ++i)
    spread[i] =
        bias[last ? static_cast<int64_t>(i) % g.in_channels : static_cast<int64_t>(i) / g.taps()];
  for_chunks(g, patches, [&](int64_t n, int64_t images) {
    GemmArgs product{
        .dtype = kType<T>, .m = last ? images * pixels : pixels, .n = k, .k = g.out_channels};
    product.a = y.data + n * y.batch;
    product.a_row = last ? g.out_channels : 1, product.a_col = last ? 1 : pixels;
    product.b = w.data(), product.b_row = k, product.b_col = 1;
    product.c = patches.data(), product.c_row = k;
    product.col_bias = bias ? spread.data() : nullptr;
    if (last)
      gemm(product);
    else
      gemm_batched(product, images, y.batch, 0, pixels * k);
    patches.write(x, bias, n, images);
  });
}

template <class T>
void conv_patches_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                              const ConvImage<const T>& x, T* weight) {
  const bool last = x.channels_last;
  const Patches<T> patches(g, last);
  const int64_t pixels = g.out_pixels(), k = patches.row();
  const Workspace turned(last ? checked_nbytes(g.out_channels * k, sizeof(T)) : 0);
  T* const sum = last ? turned.as<T>() : weight;
  if (g.batch == 0) std::fill_n(sum, g.out_channels * k, T(0));
  for_chunks(g, patches, [&](int64_t n, int64_t images) {
    patches.read(x, n, images);
    GemmArgs product{.dtype = kType<T>, .m = g.out_channels, .n = k};
    product.b_row = k, product.b_col = 1;
    product.c = sum, product.c_row = k;
    // Channels last, all images are one long sum.
    product.k = last ? images * pixels : pixels;
    product.a_row = last ? 1 : pixels, product.a_col = last ? g.out_channels : 1;
    for (int64_t i = 0; i < (last ? 1 : images); ++i) {
      product.a = y.data + (n + i) * y.batch;
      product.b = patches.data() + i * pixels * k;
      product.beta = n + i == 0 ? 0 : 1;
      gemm(product);
    }
  });
  if (last) turn_weight(sum, g.out_channels, g.taps(), g.in_channels, weight);
}

#define FB_CONV_PATCHES_INSTANCES(T)                                                            \
  template void conv_patches_forward(const ConvGeometry&, const ConvImage<const T>&, const T*,  \
                                     const T*, const ConvImage<T>&);                            \
  template void conv_patches_adjoint(const ConvGeometry&, const ConvImage<const T>&, const T*,  \
                                     const T*, const ConvImage<T>&);                            \
  template void conv_patches_weight_grad(const ConvGeometry&, const ConvImage<const T>&,        \
                                         const ConvImage<const T>&, T*)
FB_CONV_PATCHES_INSTANCES(float);
FB_CONV_PATCHES_INSTANCES(double);
#undef FB_CONV_PATCHES_INSTANCES

}  // namespace flambeau
