#include "cpu/kernels/conv_pack.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {
namespace conv {

template <class T>
inline constexpr int kWidth = 2 * Vec<T>::lanes;  // of a panel, as in the matrix kernels

template <class T>
typename Mask<sizeof(T)>::Raw lane_mask(uint32_t bits) {
  typename Mask<sizeof(T)>::Raw m;
  for (int i = 0; i < Vec<T>::lanes; ++i) m[i] = bits >> i & 1 ? -1 : 0;
  return m;
}

// Reads the lanes of the mask and touches no other memory.
template <class T>
FB_VEC Vec<T> load_masked(const T* p, typename Mask<sizeof(T)>::Raw m) {
#if defined(FB_X86_AVX2)
  if constexpr (sizeof(T) == 4)
    return (typename Vec<T>::Raw)__builtin_ia32_maskloadps256(reinterpret_cast<const RawFloat*>(p),
                                                              (RawInt32)m);
  else
    return (typename Vec<T>::Raw)__builtin_ia32_maskloadpd256(reinterpret_cast<const RawDouble*>(p),
                                                              (RawInt64)m);
#else
  Vec<T> r = T{};
  for (int i = 0; i < Vec<T>::lanes; ++i)
    if (m[i]) r.v[i] = p[i];
  return r;
#endif
}

template <class T>
FB_VEC Vec<T> either(Vec<T> a, Vec<T> b) {  // one of them is zero in every lane
  return (typename Vec<T>::Raw)((RawInt64)a.v | (RawInt64)b.v);
}

template <class T>
void pack_pieces(const T* src, int64_t channel_stride, int64_t channels, const LanePieces& lanes,
                 T* packed, int64_t packed_step) {
  constexpr int L = Vec<T>::lanes;
  constexpr uint32_t kAll = (uint32_t{1} << kWidth<T>)-1;
  if (lanes.count == 0) {
    const Vec<T> zero = T{};
    for (int64_t c = 0; c < channels; ++c, packed += packed_step) {
      store(packed, zero);
      store(packed + L, zero);
    }
    return;
  }
  if (lanes.count == 1 && lanes.mask[0] == kAll) {
    src += lanes.offset[0];
    for (int64_t c = 0; c < channels; ++c, packed += packed_step, src += channel_stride) {
      store(packed, load(src));
      store(packed + L, load(src + L));
    }
    return;
  }
  const auto low0 = lane_mask<T>(lanes.mask[0]), high0 = lane_mask<T>(lanes.mask[0] >> L);
  const T* p0 = src + lanes.offset[0];
  if (lanes.count == 1) {
    for (int64_t c = 0; c < channels; ++c, packed += packed_step, p0 += channel_stride) {
      store(packed, load_masked(p0, low0));
      store(packed + L, load_masked(p0 + L, high0));
    }
    return;
  }
  const auto low1 = lane_mask<T>(lanes.mask[1]), high1 = lane_mask<T>(lanes.mask[1] >> L);
  const T* p1 = src + lanes.offset[1];
  for (int64_t c = 0; c < channels; ++c, packed += packed_step) {
    Vec<T> low = either(load_masked(p0, low0), load_masked(p1, low1));
    Vec<T> high = either(load_masked(p0 + L, high0), load_masked(p1 + L, high1));
    for (int j = 2; j < lanes.count; ++j) {
      const T* p = src + lanes.offset[j] + c * channel_stride;
      low = either(low, load_masked(p, lane_mask<T>(lanes.mask[j])));
      high = either(high, load_masked(p + L, lane_mask<T>(lanes.mask[j] >> L)));
    }
    store(packed, low);
    store(packed + L, high);
    p0 += channel_stride;
    p1 += channel_stride;
  }
}

template <class T>
void pack_offsets(const T* src, int64_t channel_stride, int64_t channels, const LaneOffsets& lanes,
                  T* packed, int64_t packed_step) {
  constexpr uint32_t kAll = (uint32_t{1} << kWidth<T>)-1;
  if ((lanes.mask & kAll) == kAll) {
    for (int64_t c = 0; c < channels; ++c, packed += packed_step, src += channel_stride)
#pragma GCC unroll 16
      for (int i = 0; i < kWidth<T>; ++i) packed[i] = src[lanes.offset[i]];
    return;
  }
  for (int64_t c = 0; c < channels; ++c, packed += packed_step, src += channel_stride)
    for (int i = 0; i < kWidth<T>; ++i)
      packed[i] = lanes.mask >> i & 1 ? src[lanes.offset[i]] : T(0);
}

template <class T>
void row_add(const T* src, int64_t src_step, T w, T* dst, int64_t dst_step, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  if (src_step == 1 && dst_step == 1) {
    const Vec<T> factor = w;
    int64_t i = 0;
    for (; i + L <= n; i += L) store(dst + i, mad(factor, load(src + i), load(dst + i)));
    if (i < n) store_n(dst + i, mad(factor, load_n(src + i, n - i), load_n(dst + i, n - i)), n - i);
    return;
  }
  for (int64_t i = 0; i < n; ++i) dst[i * dst_step] += w * src[i * src_step];
}

template <class T>
void products_add(const T* a, const T* b, T* dst, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(dst + i, mad(load(a + i), load(b + i), load(dst + i)));
  for (; i < n; ++i) dst[i] += a[i] * b[i];
}

template <class T>
T row_dot(const T* a, const T* b, int64_t b_step, int64_t n) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  T sum = 0;
  if (b_step == 1) {
    Vec<T> sums = T{};
    for (; i + L <= n; i += L) sums = mad(load(a + i), load(b + i), sums);
    sum = reduce_add(sums);
  }
  for (; i < n; ++i) sum += a[i] * b[i * b_step];
  return sum;
}

}  // namespace conv

#define FB_DEFINE_CONV(S, T)                                                                     \
  void conv_pack_pieces_##S(const T* src, int64_t channel_stride, int64_t channels,              \
                            const LanePieces& lanes, T* packed, int64_t packed_step) {           \
    conv::pack_pieces<T>(src, channel_stride, channels, lanes, packed, packed_step);             \
  }                                                                                              \
  void conv_pack_offsets_##S(const T* src, int64_t channel_stride, int64_t channels,             \
                             const LaneOffsets& lanes, T* packed, int64_t packed_step) {         \
    conv::pack_offsets<T>(src, channel_stride, channels, lanes, packed, packed_step);            \
  }                                                                                              \
  void conv_row_add_##S(const T* src, int64_t src_step, T w, T* dst, int64_t dst_step,           \
                        int64_t n) {                                                             \
    conv::row_add<T>(src, src_step, w, dst, dst_step, n);                                        \
  }                                                                                              \
  void conv_products_add_##S(const T* a, const T* b, T* dst, int64_t n) {                        \
    conv::products_add<T>(a, b, dst, n);                                                         \
  }                                                                                              \
  T conv_row_dot_##S(const T* a, const T* b, int64_t b_step, int64_t n) {                        \
    return conv::row_dot<T>(a, b, b_step, n);                                                    \
  }
FB_DEFINE_CONV(f32, float)
FB_DEFINE_CONV(f64, double)
#undef FB_DEFINE_CONV

}  // namespace flambeau::FB_ISA
