#include "cpu/conv_plain.h"

#include <complex>

#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

template <class T>
T* pixel_at(const ConvImage<T>& image, int64_t n, int64_t c, const int64_t* at) {
  return image.data + n * image.batch + c * image.channel + at[0] * image.pixel[0] +
         at[1] * image.pixel[1] + at[2] * image.pixel[2];
}

// Calls f(tap, output pixel, input pixel) for every pair that a kernel connects.
template <class F>
void for_pairs(const ConvGeometry& g, F&& f) {
  int64_t o[3], k[3], i[3];
  for (o[0] = 0; o[0] < g.out[0]; ++o[0])
    for (o[1] = 0; o[1] < g.out[1]; ++o[1])
      for (o[2] = 0; o[2] < g.out[2]; ++o[2]) {
        int64_t tap = 0;
        for (k[0] = 0; k[0] < g.kernel[0]; ++k[0])
          for (k[1] = 0; k[1] < g.kernel[1]; ++k[1])
            for (k[2] = 0; k[2] < g.kernel[2]; ++k[2], ++tap) {
              bool in = true;
              for (int d = 0; d < 3; ++d) {
                i[d] = o[d] * g.stride[d] - g.pad[d] + k[d] * g.dilation[d];
                in &= i[d] >= 0 && i[d] < g.in[d];
              }
              if (in) f(tap, o, i);
            }
      }
}

template <class T>
void fill_bias(const ConvImage<T>& image, const int64_t* size, int64_t n, int64_t c,
               const T* bias) {
  int64_t at[3];
  for (at[0] = 0; at[0] < size[0]; ++at[0])
    for (at[1] = 0; at[1] < size[1]; ++at[1])
      for (at[2] = 0; at[2] < size[2]; ++at[2]) *pixel_at(image, n, c, at) = bias ? bias[c] : T(0);
}

}  // namespace

template <class T>
void conv_forward_plain(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                        const T* bias, const ConvImage<T>& y) {
  const int64_t in = g.group_in(), out = g.group_out(), taps = g.taps();
  parallel_for(g.batch * g.out_channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u / g.out_channels, o = u % g.out_channels;
      fill_bias(y, g.out, n, o, bias);
      for (int64_t c = 0; c < in; ++c)
        for_pairs(g, [&](int64_t tap, const int64_t* to, const int64_t* from) {
          *pixel_at(y, n, o, to) +=
              weight[(o * in + c) * taps + tap] * *pixel_at(x, n, o / out * in + c, from);
        });
    }
  });
}

template <class T>
void conv_adjoint_plain(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                        const T* bias, const ConvImage<T>& x) {
  const int64_t in = g.group_in(), out = g.group_out(), taps = g.taps();
  parallel_for(g.batch * g.in_channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t n = u / g.in_channels, c = u % g.in_channels;
      fill_bias(x, g.in, n, c, bias);
      for (int64_t o = c / in * out; o < (c / in + 1) * out; ++o)
        for_pairs(g, [&](int64_t tap, const int64_t* from, const int64_t* to) {
          *pixel_at(x, n, c, to) +=
              weight[(o * in + c % in) * taps + tap] * *pixel_at(y, n, o, from);
        });
    }
  });
}

template <class T>
void conv_weight_grad_plain(const ConvGeometry& g, const ConvImage<const T>& y,
                            const ConvImage<const T>& x, T* weight) {
  const int64_t in = g.group_in(), out = g.group_out(), taps = g.taps();
  parallel_for(g.out_channels * in, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t o = u / in, c = o / out * in + u % in;
      T* to = weight + u * taps;
      for (int64_t t = 0; t < taps; ++t) to[t] = T(0);
      for (int64_t n = 0; n < g.batch; ++n)
        for_pairs(g, [&](int64_t tap, const int64_t* from, const int64_t* at) {
          to[tap] += *pixel_at(y, n, o, from) * *pixel_at(x, n, c, at);
        });
    }
  });
}

#define FB_CONV_PLAIN_INSTANCES(T)                                                                  \
  template void conv_forward_plain(const ConvGeometry&, const ConvImage<const T>&, const T*,        \
                                   const T*, const ConvImage<T>&);                                  \
  template void conv_adjoint_plain(const ConvGeometry&, const ConvImage<const T>&, const T*,        \
                                   const T*, const ConvImage<T>&);                                  \
  template void conv_weight_grad_plain(const ConvGeometry&, const ConvImage<const T>&,              \
                                       const ConvImage<const T>&, T*)
FB_CONV_PLAIN_INSTANCES(int64_t);
FB_CONV_PLAIN_INSTANCES(std::complex<double>);
#undef FB_CONV_PLAIN_INSTANCES

}  // namespace flambeau
