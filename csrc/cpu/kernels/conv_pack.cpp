#include "cpu/kernels/conv_pack.h"

#include <cstring>

#include "cpu/kernels/shuffle.h"

namespace flambeau::FB_ISA {
namespace conv {

template <class T>
inline constexpr int kWidth = 2 * Vec<T>::lanes;  // of a panel, as in the matrix kernels

template <class T>
using RawMask = typename Mask<sizeof(T)>::Raw;

// Bit i of `bits` for lane i.
template <class T>
FB_VEC RawMask<T> lane_mask(uint32_t bits) {
  RawMask<T> one;
  for (int i = 0; i < Vec<T>::lanes; ++i) one[i] = int64_t{1} << i;
  const RawMask<T> all = static_cast<typename IntOfSize<sizeof(T)>::type>(bits) - RawMask<T>{};
  return (all & one) == one;
}

// Reads the lanes of the mask and touches no other memory.
template <class T>
FB_VEC Vec<T> load_masked(const T* p, RawMask<T> m) {
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

// The bits of lanes moved to every other position.
inline uint32_t every_other(uint32_t bits) {
  bits = (bits | bits << 8) & 0x00FF00FFu;
  bits = (bits | bits << 4) & 0x0F0F0F0Fu;
  bits = (bits | bits << 2) & 0x33333333u;
  return (bits | bits << 1) & 0x55555555u;
}

template <class T>
struct Pair {
  Vec<T> low, high;
};

// One tap of one channel, pixels adjacent or every other one.
template <class T, int kStep>
struct Piece {
  const T* src;
  RawMask<T> mask[2 * kStep];

  FB_VEC Piece(const T* from, const LanePieces& lanes, int j) : src(from + lanes.offset[j]) {
    const uint32_t bits = kStep == 1 ? lanes.mask[j] : every_other(lanes.mask[j]);
    for (int v = 0; v < 2 * kStep; ++v) mask[v] = lane_mask<T>(bits >> (v * Vec<T>::lanes));
  }
  FB_VEC Pair<T> read(int64_t at) const {
    constexpr int L = Vec<T>::lanes;
    const T* p = src + at;
    if constexpr (kStep == 1) {
      return {load_masked(p, mask[0]), load_masked(p + L, mask[1])};
    } else {
      return {evens(load_masked(p, mask[0]), load_masked(p + L, mask[1])),
              evens(load_masked(p + 2 * L, mask[2]), load_masked(p + 3 * L, mask[3]))};
    }
  }
};

template <class T>
FB_VEC void store_pair(T* to, const Pair<T>& p) {
  store(to, p.low);
  store(to + Vec<T>::lanes, p.high);
}

template <class T, int kStep>
void pack_tap(const T* src, int64_t channel_stride, int64_t channels, const LanePieces& lanes,
              T* packed, int64_t step) {
  const Piece<T, kStep> first(src, lanes, 0);
  if (lanes.count == 1) {
    for (int64_t c = 0; c < channels; ++c)
      store_pair(packed + c * step, first.read(c * channel_stride));
    return;
  }
  const Piece<T, kStep> second(src, lanes, 1);
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t at = c * channel_stride;
    Pair<T> r = first.read(at);
    const Pair<T> s = second.read(at);
    r = {either(r.low, s.low), either(r.high, s.high)};
    for (int j = 2; j < lanes.count; ++j) {
      const Pair<T> q = Piece<T, kStep>(src, lanes, j).read(at);
      r = {either(r.low, q.low), either(r.high, q.high)};
    }
    store_pair(packed + c * step, r);
  }
}

template <class T>
void pack_pieces(const T* src, int64_t channel_stride, int64_t channels, const LanePieces* lanes,
                 int64_t taps, T* packed, int64_t packed_channel, int64_t packed_tap) {
  constexpr int L = Vec<T>::lanes;
  constexpr uint32_t kAll = (uint32_t{1} << kWidth<T>)-1;
  for (int64_t t = 0; t < taps; ++t, ++lanes, packed += packed_tap) {
    if (lanes->count == 0) {
      const Vec<T> zero = T{};
      for (int64_t c = 0; c < channels; ++c)
        store_pair(packed + c * packed_channel, Pair<T>{zero, zero});
    } else if (lanes->step == 2) {
      pack_tap<T, 2>(src, channel_stride, channels, *lanes, packed, packed_channel);
    } else if (lanes->count == 1 && lanes->mask[0] == kAll) {
      const T* from = src + lanes->offset[0];
      for (int64_t c = 0; c < channels; ++c, from += channel_stride)
        store_pair(packed + c * packed_channel, Pair<T>{load(from), load(from + L)});
    } else {
      pack_tap<T, 1>(src, channel_stride, channels, *lanes, packed, packed_channel);
    }
  }
}

template <class T>
void pack_offsets(const T* src, int64_t channel_stride, int64_t channels, const LaneOffsets& lanes,
                  T* packed, int64_t packed_channel) {
  constexpr uint32_t kAll = (uint32_t{1} << kWidth<T>)-1;
  if ((lanes.mask & kAll) == kAll) {
    for (int64_t c = 0; c < channels; ++c, packed += packed_channel, src += channel_stride)
#pragma GCC unroll 16
      for (int i = 0; i < kWidth<T>; ++i) packed[i] = src[lanes.offset[i]];
    return;
  }
  for (int64_t c = 0; c < channels; ++c, packed += packed_channel, src += channel_stride)
    for (int i = 0; i < kWidth<T>; ++i)
      packed[i] = lanes.mask >> i & 1 ? src[lanes.offset[i]] : T(0);
}

template <class T>
void gather_runs(const T* src, const int64_t* offset, const int64_t* begin, const int64_t* end,
                 int64_t src_step, int64_t runs, int64_t n, T* buffer, int64_t buffer_step) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t j = 0; j < runs; ++j) {
    const T* from = src + offset[j];
    T* to = buffer + j * buffer_step;
    int64_t q = 0;
    for (; q < begin[j]; ++q) to[q] = T(0);
    if (src_step == 1)
      for (; q + L <= end[j]; q += L) store(to + q, load(from + q));
    for (; q < end[j]; ++q) to[q] = from[q * src_step];
    for (; q < n; ++q) to[q] = T(0);
  }
}

// Every pixel is copied with whole vectors, whose surplus the next copy overwrites.
template <class T>
void interleave(const T* const* rows, int64_t count, int64_t channels, int64_t pixels, T* out) {
  constexpr int L = Vec<T>::lanes;
  const int64_t whole = (channels + L - 1) / L * L;
  const int64_t last = pixels - (whole + channels - 1) / channels;  // read nothing behind the rows
  for (int64_t p = 0; p < pixels; ++p)
    for (int64_t r = 0; r < count; ++r, out += channels) {
      const T* from = rows[r] + p * channels;
      if (p <= last)
        for (int64_t c = 0; c < channels; c += L) store(out + c, load(from + c));
      else
        for (int64_t c = 0; c < channels; ++c) out[c] = from[c];
    }
}

template <class T>
void add_runs(const T* src, int64_t src_step, int64_t runs, int64_t n, T* dst, int64_t first,
              int64_t dst_step, int64_t size) {
  constexpr int L = Vec<T>::lanes;
  // Runs that overlap are not taken one after the other: loads would wait for stores.
  const int64_t turns = (n + L - 1) / dst_step + 1;
  for (int64_t turn = 0; turn < turns; ++turn)
    for (int64_t i = turn; i < runs; i += turns) {
      const int64_t at = first + i * dst_step;
      const T* from = src + i * src_step;
      int64_t q = at < 0 ? -at : 0;
      const int64_t end = size - at < n ? size - at : n;
      T* to = dst + at;
      for (; q + L <= end; q += L) store(to + q, load(to + q) + load(from + q));
      for (; q < end; ++q) to[q] += from[q];
    }
}

}  // namespace conv

#define FB_DEFINE_CONV(S, T)                                                                     \
  void conv_pack_pieces_##S(const T* src, int64_t channel_stride, int64_t channels,              \
                            const LanePieces* lanes, int64_t taps, T* packed,                    \
                            int64_t packed_channel, int64_t packed_tap) {                        \
    conv::pack_pieces<T>(src, channel_stride, channels, lanes, taps, packed, packed_channel,     \
                         packed_tap);                                                            \
  }                                                                                              \
  void conv_pack_offsets_##S(const T* src, int64_t channel_stride, int64_t channels,             \
                             const LaneOffsets& lanes, T* packed, int64_t packed_channel) {      \
    conv::pack_offsets<T>(src, channel_stride, channels, lanes, packed, packed_channel);         \
  }                                                                                              \
  void conv_gather_runs_##S(const T* src, const int64_t* offset, const int64_t* begin,           \
                            const int64_t* end, int64_t src_step, int64_t runs, int64_t n,       \
                            T* buffer, int64_t buffer_step) {                                    \
    conv::gather_runs<T>(src, offset, begin, end, src_step, runs, n, buffer, buffer_step);       \
  }                                                                                              \
  void conv_interleave_##S(const T* const* rows, int64_t count, int64_t channels,                \
                           int64_t pixels, T* out) {                                             \
    conv::interleave<T>(rows, count, channels, pixels, out);                                     \
  }                                                                                              \
  void conv_add_runs_##S(const T* src, int64_t src_step, int64_t runs, int64_t n, T* dst,        \
                         int64_t first, int64_t dst_step, int64_t size) {                        \
    conv::add_runs<T>(src, src_step, runs, n, dst, first, dst_step, size);                       \
  }
FB_DEFINE_CONV(f32, float)
FB_DEFINE_CONV(f64, double)
#undef FB_DEFINE_CONV

}  // namespace flambeau::FB_ISA
