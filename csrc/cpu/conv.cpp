// Convolution as a matrix product whose image operand is made while it is packed. The forward map
// and its adjoint are the same walk: lanes are the pixels of a grid, and lane pixel p reads source
// pixel p * step + offset of each tap. The adjoint of a strided convolution is cut into phases, one
// for each residue of the pixel number, in which only some of the taps take part.
#include "cpu/conv.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/allocator.h"
#include "cpu/conv_few.h"
#include "cpu/conv_patches.h"
#include "cpu/conv_planes.h"
#include "cpu/conv_rows.h"
#include "cpu/depthwise_last.h"
#include "cpu/gemm.h"
#include "cpu/kernels/conv_pack.h"
#include "cpu/thread_pool.h"
#include "cpu/transpose_to.h"
#include "cpu/winograd.h"

namespace flambeau {
namespace {

constexpr int kMostLanes = 16;                         // of a panel of B
constexpr int64_t kFewPixels = 64;                     // images so small are multiplied together
constexpr int64_t kFoldedElements = int64_t{1} << 23;  // of a folded product, at most
constexpr int64_t kMostPieces = 65536;                 // found ahead
constexpr int64_t kRunBuffer = 4096;                   // elements of a gathered run, on the stack

template <class T>
struct Table;
#define FB_CONV_TABLE(T, S)                              \
  template <>                                            \
  struct Table<T> {                                      \
    static constexpr auto& pieces = conv_pack_pieces_##S;   \
    static constexpr auto& offsets = conv_pack_offsets_##S; \
    static constexpr auto& gather = conv_gather_runs_##S; \
    static constexpr auto& pack_a = gemm_pack_a_##S;     \
    static constexpr auto& pack_b = gemm_pack_b_##S;     \
    static GemmShape shape() { return gemm_shape_##S(); } \
  }
FB_CONV_TABLE(float, f32);
FB_CONV_TABLE(double, f64);
#undef FB_CONV_TABLE

// The source of a walk, and what its lanes read.
template <class T>
struct Walk {
  const T* data;
  int64_t batch_stride, channel_stride, stride[3];
  int64_t size[3];  // of the source
  int64_t grid[3];  // lanes: batch * grid, the last dimension fastest
  int64_t step[3];
  int64_t channels;
  std::vector<Tap> taps;
  const LanePieces* pieces = nullptr;  // of every panel and tap, where they were found ahead
  const uint8_t* in_pieces = nullptr;  // of every panel: whether that goes for all taps

  int64_t pixels() const { return grid[0] * grid[1] * grid[2]; }
  int64_t k() const { return channels * static_cast<int64_t>(taps.size()); }
};

// A run of lanes along the last dimension of the grid.
struct Run {
  int lane, count;
  int64_t batch, at[3];
};

template <class T>
int split_lanes(const Walk<T>& w, int64_t lane, int lanes, Run* runs) {
  int64_t rest = lane;
  int64_t x = rest % w.grid[2];
  rest /= w.grid[2];
  int64_t y = rest % w.grid[1];
  rest /= w.grid[1];
  int64_t z = rest % w.grid[0], n = rest / w.grid[0];
  int count = 0, done = 0;
  while (done < lanes) {
    const int now = static_cast<int>(std::min<int64_t>(lanes - done, w.grid[2] - x));
    runs[count++] = {done, now, n, {z, y, x}};
    done += now;
    x = 0;
    if (++y == w.grid[1]) {
      y = 0;
      if (++z == w.grid[0]) z = 0, ++n;
    }
  }
  return count;
}

// The row of the source that a run reads for a tap: false if it lies outside.
template <class T>
bool source_row(const Walk<T>& w, const Run& r, const Tap& t, int64_t* offset) {
  const int64_t z = r.at[0] * w.step[0] + t.offset[0], y = r.at[1] * w.step[1] + t.offset[1];
  if (z < 0 || z >= w.size[0] || y < 0 || y >= w.size[1]) return false;
  *offset = r.batch * w.batch_stride + z * w.stride[0] + y * w.stride[1];
  return true;
}

// The steps [begin, end) of a run of `count` that stay inside a row of `size` pixels.
void inside(int64_t first, int64_t step, int64_t count, int64_t size, int64_t* begin,
            int64_t* end) {
  if (step == 1) {
    *begin = std::max<int64_t>(0, -first);
    *end = std::min(count, size - first);
    return;
  }
  *begin = first >= 0 ? 0 : (-first + step - 1) / step;
  *end = first >= size ? 0 : std::min(count, (size - 1 - first) / step + 1);
}

template <class T>
void find_pieces(const Walk<T>& w, const Run* runs, int count, const Tap& t, LanePieces* pieces) {
  const int64_t step = w.step[2];
  pieces->count = -1;
  if (w.stride[2] != 1 || step > 2) return;
  pieces->count = 0;
  pieces->step = static_cast<int16_t>(step);
  for (int r = 0; r < count; ++r) {
    int64_t row, begin, end;
    if (!source_row(w, runs[r], t, &row)) continue;
    const int64_t first = runs[r].at[2] * step + t.offset[2];
    inside(first, step, runs[r].count, w.size[2], &begin, &end);
    if (begin >= end) continue;
    const int64_t offset = row + first - runs[r].lane * step;
    const uint32_t mask = (((uint32_t{1} << end) - 1) & ~((uint32_t{1} << begin) - 1))
                          << runs[r].lane;
    int j = 0;
    while (j < pieces->count && pieces->offset[j] != offset) ++j;
    if (j == LanePieces::kMost) {
      pieces->count = -1;
      return;
    }
    if (j == pieces->count) {
      pieces->offset[j] = offset;
      pieces->mask[j] = 0;
      ++pieces->count;
    }
    pieces->mask[j] = static_cast<uint16_t>(pieces->mask[j] | mask);
  }
}

template <class T>
void find_offsets(const Walk<T>& w, const Run* runs, int count, const Tap& t, LaneOffsets* lanes) {
  lanes->mask = 0;
  for (int r = 0; r < count; ++r) {
    int64_t row, begin, end;
    if (!source_row(w, runs[r], t, &row)) continue;
    const int64_t first = runs[r].at[2] * w.step[2] + t.offset[2];
    inside(first, w.step[2], runs[r].count, w.size[2], &begin, &end);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t lane = runs[r].lane + i;
      lanes->mask |= uint32_t{1} << lane;
      lanes->offset[lane] = row + (first + i * w.step[2]) * w.stride[2];
    }
  }
}

// Columns of B are pixels; k runs over channels and, fastest, taps.
template <class T>
void pack_columns(const void* context, int64_t batch, int64_t lane, int64_t lanes, int64_t k0,
                  int64_t k, int width, T* packed) {
  const auto& w = *static_cast<const Walk<T>*>(context);
  const T* base = w.data + batch * w.batch_stride;
  const auto taps = static_cast<int64_t>(w.taps.size());
  const bool whole = k0 == 0 && k == w.k();
  Run runs[kMostLanes];
  LanePieces found;
  LaneOffsets offsets;
  for (int64_t i = 0; i < lanes; i += width, packed += k * width) {
    const LanePieces* ready = w.pieces ? w.pieces + (lane + i) / width * taps : nullptr;
    if (ready && whole && w.in_pieces[(lane + i) / width]) {
      Table<T>::pieces(base, w.channel_stride, w.channels, ready, taps, packed, taps * width,
                       width);
      continue;
    }
    const int now = static_cast<int>(std::min<int64_t>(width, lanes - i));
    const int count = split_lanes(w, lane + i, now, runs);
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t first = (k0 - t + taps - 1) / taps, last = (k0 + k - t + taps - 1) / taps;
      if (first >= last) continue;
      const T* src = base + first * w.channel_stride;
      T* to = packed + (first * taps + t - k0) * width;
      const LanePieces* pieces = ready ? ready + t : &found;
      if (!ready) find_pieces(w, runs, count, w.taps[t], &found);
      if (pieces->count >= 0) {
        Table<T>::pieces(src, w.channel_stride, last - first, pieces, 1, to, taps * width, 0);
      } else {
        find_offsets(w, runs, count, w.taps[t], &offsets);
        Table<T>::offsets(src, w.channel_stride, last - first, offsets, to, taps * width);
      }
    }
  }
}

// The pieces of all panels of an image, for batches that use them again and again.
template <class T>
void find_all_pieces(const Walk<T>& w, int width, std::vector<LanePieces>* table,
                     std::vector<uint8_t>* in_pieces) {
  const int64_t pixels = w.pixels(), panels = (pixels + width - 1) / width;
  const auto taps = static_cast<int64_t>(w.taps.size());
  table->resize(static_cast<size_t>(panels * taps));
  in_pieces->resize(static_cast<size_t>(panels));
  parallel_for(panels, std::max<int64_t>(1, 512 / taps), [&](int64_t begin, int64_t end) {
    Run runs[kMostLanes];
    for (int64_t p = begin; p < end; ++p) {
      const int64_t lane = p * width;
      const int count =
          split_lanes(w, lane, static_cast<int>(std::min<int64_t>(width, pixels - lane)), runs);
      LanePieces* row = table->data() + p * taps;
      bool all = true;
      for (int64_t t = 0; t < taps; ++t) {
        find_pieces(w, runs, count, w.taps[t], row + t);
        all &= row[t].count >= 0;
      }
      (*in_pieces)[p] = all;
    }
  });
}

// For the gradient of the weight: columns of B are channels and, fastest, taps; k runs over the
// batch and the pixels of the grid.
template <class T>
void pack_taps(const void* context, int64_t, int64_t lane, int64_t lanes, int64_t k0, int64_t k,
               int width, T* packed) {
  const auto& w = *static_cast<const Walk<T>*>(context);
  const auto taps = static_cast<int64_t>(w.taps.size());
  alignas(64) T buffer[kRunBuffer];
  int64_t channel[kMostLanes], offset[kMostLanes], begin[kMostLanes], end[kMostLanes];
  const Tap* tap[kMostLanes];
  const int64_t most = kRunBuffer / width;
  for (int64_t i = 0; i < lanes; i += width, packed += k * width) {
    const int now = static_cast<int>(std::min<int64_t>(width, lanes - i));
    for (int j = 0; j < now; ++j) {
      tap[j] = &w.taps[(lane + i + j) % taps];
      channel[j] = (lane + i + j) / taps * w.channel_stride;
    }
    for (int64_t done = 0; done < k;) {
      const int64_t some = std::min(most, k - done);
      Run run;
      int64_t rest = k0 + done;
      run.at[2] = rest % w.grid[2];
      rest /= w.grid[2];
      run.at[1] = rest % w.grid[1];
      rest /= w.grid[1];
      run.at[0] = rest % w.grid[0];
      run.batch = rest / w.grid[0];
      for (int64_t filled = 0; filled < some;) {  // row after row
        const int64_t length = std::min(some - filled, w.grid[2] - run.at[2]);
        for (int j = 0; j < now; ++j) {
          const int64_t first = run.at[2] * w.step[2] + tap[j]->offset[2];
          int64_t row = 0;
          begin[j] = end[j] = 0;
          if (source_row(w, run, *tap[j], &row))
            inside(first, w.step[2], length, w.size[2], &begin[j], &end[j]);
          if (begin[j] > end[j]) begin[j] = end[j] = 0;
          offset[j] = row + channel[j] + first * w.stride[2];
        }
        Table<T>::gather(w.data, offset, begin, end, w.step[2] * w.stride[2], now, length,
                         buffer + filled, some);
        filled += length;
        run.at[2] = 0;
        if (++run.at[1] == w.grid[1]) {
          run.at[1] = 0;
          if (++run.at[0] == w.grid[0]) run.at[0] = 0, ++run.batch;
        }
      }
      Table<T>::pack_b(GemmSource::Same, buffer, some, 1, now, some, packed + done * width);
      done += some;
    }
  }
}

// The same for channels-last images: columns are taps and, fastest, channels, so that many lie side
// by side in memory.
template <class T>
void pack_taps_last(const void* context, int64_t, int64_t lane, int64_t lanes, int64_t k0,
                    int64_t k, int width, T* packed) {
  const auto& w = *static_cast<const Walk<T>*>(context);
  const int64_t apart = w.step[2] * w.stride[2];
  for (int64_t i = 0; i < lanes; i += width, packed += k * width) {
    const int64_t now = std::min<int64_t>(width, lanes - i);
    if (now < width) std::fill(packed, packed + k * width, T(0));
    for (int64_t done = 0; done < k;) {  // row after row
      int64_t rest = (k0 + done) / w.grid[2];
      Run run;
      run.at[2] = (k0 + done) % w.grid[2];
      run.at[1] = rest % w.grid[1];
      rest /= w.grid[1];
      run.at[0] = rest % w.grid[0];
      run.batch = rest / w.grid[0];
      const int64_t length = std::min(k - done, w.grid[2] - run.at[2]);
      for (int64_t j = 0, some; j < now; j += some) {
        const Tap& tap = w.taps[(lane + i + j) / w.channels];
        const int64_t c = (lane + i + j) % w.channels;
        some = std::min(now - j, w.channels - c);
        const int64_t first = run.at[2] * w.step[2] + tap.offset[2];
        int64_t row = 0, begin = 0, end = 0;
        if (source_row(w, run, tap, &row))
          inside(first, w.step[2], length, w.size[2], &begin, &end);
        if (begin >= end) begin = end = 0;
        T* to = packed + done * width + j;
        const T* from = w.data + row + (first + begin * w.step[2]) * w.stride[2] + c;
        for (int64_t q = 0; q < begin; ++q) std::fill_n(to + q * width, some, T(0));
        for (int64_t q = end; q < length; ++q) std::fill_n(to + q * width, some, T(0));
        if (some == width)
          Table<T>::pack_b(GemmSource::Same, from, 1, apart, width, end - begin,
                           to + begin * width);
        else
          for (int64_t q = begin; q < end; ++q, from += apart)
            std::copy_n(from, some, to + q * width);
      }
      done += length;
    }
  }
}

// Rows of A are channels of a batch of images; k runs over the batch and the pixels.
template <class T>
struct Planes {
  const T* data;
  int64_t batch_stride, channel_stride, pixel_stride, pixels;
};

template <class T>
void pack_planes(const void* context, int64_t, int64_t lane, int64_t lanes, int64_t k0, int64_t k,
                 int width, T* packed) {
  const auto& s = *static_cast<const Planes<T>*>(context);
  for (int64_t i = 0; i < lanes; i += width, packed += k * width) {
    const int64_t now = std::min<int64_t>(width, lanes - i);
    for (int64_t p = k0; p < k0 + k;) {
      const int64_t n = p / s.pixels, at = p % s.pixels;
      const int64_t some = std::min(s.pixels - at, k0 + k - p);
      const T* from =
          s.data + n * s.batch_stride + (lane + i) * s.channel_stride + at * s.pixel_stride;
      Table<T>::pack_a(GemmSource::Same, from, s.channel_stride, s.pixel_stride, now, some,
                       packed + (p - k0) * width);
      p += some;
    }
  }
}

// ---- one group, one phase ----------------------------------------------------------------------

// Channels first: C[rows, pixels] = A[rows, k] image[k, pixels], image by image, or all images
// together where each has so few pixels that packing A again for each would not pay.
// c + batch * c_batch: rows of `pixels` adjacent elements, `row_stride` apart.
template <class T>
void multiply_columns(const Walk<T>& w, int64_t batch, const StridedOperand<T>& weights,
                      int64_t rows, const T* bias, T* c, int64_t c_batch, int64_t row_stride) {
  const int64_t pixels = w.pixels(), k = w.k();
  PackedGemm<T> job;
  job.m = rows;
  job.k = k;
  job.a = weights.as_a();
  job.b = {pack_columns<T>, &w, false};
  job.row_bias = bias;
  const bool fold =
      batch > 1 && (pixels <= kFewPixels || (pixels <= 2 * kFewPixels && rows > pixels));
  if (!fold) {
    Walk<T> prepared = w;
    std::vector<LanePieces> pieces;
    std::vector<uint8_t> in_pieces;
    const int width = Table<T>::shape().nr;
    const int64_t count = (pixels / width + 1) * static_cast<int64_t>(w.taps.size());
    if (batch > 1 && w.stride[2] == 1 && w.step[2] <= 2 && count <= kMostPieces) {
      find_all_pieces(w, width, &pieces, &in_pieces);
      prepared.pieces = pieces.data();
      prepared.in_pieces = in_pieces.data();
      job.b.context = &prepared;
    }
    job.batch = batch;
    job.n = pixels;
    job.c = c;
    job.ldc = row_stride;
    job.c_batch = c_batch;
    packed_gemm(job);
    return;
  }
  const int64_t together =
      std::clamp<int64_t>(kFoldedElements / std::max<int64_t>(1, rows * pixels), 1, batch);
  const Workspace space(checked_nbytes(together * rows * pixels, sizeof(T)));
  for (int64_t n0 = 0; n0 < batch; n0 += together) {
    const int64_t now = std::min(together, batch - n0);
    Walk<T> part = w;
    part.data += n0 * w.batch_stride;
    job.b.context = &part;
    job.n = now * pixels;
    job.c = space.as<T>();
    job.ldc = job.n;
    packed_gemm(job);
    parallel_for(now * rows, std::max<int64_t>(1, 16384 / pixels), [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        const int64_t n = u / rows, r = u % rows;
        std::memcpy(c + (n0 + n) * c_batch + r * row_stride,
                    space.as<T>() + r * now * pixels + n * pixels, pixels * sizeof(T));
      }
    });
  }
}

template <class T>
Walk<T> walk_of(const ConvImage<const T>& image, const int64_t* size, int64_t channels) {
  Walk<T> w;
  w.data = image.data;
  w.batch_stride = image.batch;
  w.channel_stride = image.channel;
  w.channels = channels;
  for (int d = 0; d < 3; ++d) w.stride[d] = image.pixel[d], w.size[d] = size[d];
  return w;
}

// The walk of the forward map: every pixel of the output, every tap.
template <class T>
Walk<T> forward_walk(const ConvGeometry& g, const ConvImage<const T>& x) {
  Walk<T> w = walk_of(x, g.in, g.group_in());
  for (int d = 0; d < 3; ++d) w.grid[d] = g.out[d], w.step[d] = g.stride[d];
  for (int64_t i = 0; i < g.kernel[0]; ++i)
    for (int64_t j = 0; j < g.kernel[1]; ++j)
      for (int64_t l = 0; l < g.kernel[2]; ++l)
        w.taps.push_back({{i * g.dilation[0] - g.pad[0], j * g.dilation[1] - g.pad[1],
                           l * g.dilation[2] - g.pad[2]}});
  return w;
}

// Groups are independent: many small ones are divided among the threads.
template <class F>
void for_groups(int64_t groups, F&& f) {
  if (groups < 4) {
    for (int64_t i = 0; i < groups; ++i) f(i);
    return;
  }
  parallel_for(groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

// ---- the adjoint -------------------------------------------------------------------------------

// Input pixels i with i + pad = phase (mod stride), and the taps that reach them.
struct Phase {
  int64_t first[3], count[3];  // the phase's pixels: first + j * stride
  std::vector<Tap> taps;       // offsets into the output's pixels
  std::vector<int64_t> index;  // which taps of the kernel they are
};

void phase_taps(const ConvGeometry& g, int d, int64_t first,
                std::vector<std::pair<int64_t, int64_t>>* list) {
  for (int64_t k = 0; k < g.kernel[d]; ++k) {
    const int64_t reach = first + g.pad[d] - k * g.dilation[d];
    if (reach % g.stride[d] == 0) list->push_back({k, reach / g.stride[d]});
  }
}

Phase phase_at(const ConvGeometry& g, const int64_t* first) {
  Phase p;
  std::vector<std::pair<int64_t, int64_t>> along[3];
  for (int d = 0; d < 3; ++d) {
    p.first[d] = first[d];
    p.count[d] = first[d] < g.in[d] ? (g.in[d] - 1 - first[d]) / g.stride[d] + 1 : 0;
    phase_taps(g, d, first[d], &along[d]);
  }
  for (const auto& i : along[0])
    for (const auto& j : along[1])
      for (const auto& l : along[2]) {
        p.taps.push_back({{i.second, j.second, l.second}});
        p.index.push_back((i.first * g.kernel[1] + j.first) * g.kernel[2] + l.first);
      }
  return p;
}

// Spreads the pixels of a phase, planes of them in `from`, over the image.
template <class T>
void scatter_phase(const ConvGeometry& g, const Phase& p, const T* from, int64_t channels,
                   const ConvImage<T>& x) {
  const int64_t rows = p.count[0] * p.count[1], pixels = rows * p.count[2];
  const int64_t step = g.stride[2] * x.pixel[2];
  parallel_for(g.batch * channels * rows, std::max<int64_t>(1, 16384 / p.count[2]),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t plane = u / rows, r = u % rows;
                   const T* src = from + plane * pixels + r * p.count[2];
                   const int64_t z = p.first[0] + r / p.count[1] * g.stride[0];
                   const int64_t y = p.first[1] + r % p.count[1] * g.stride[1];
                   T* to = x.data + plane / channels * x.batch + plane % channels * x.channel +
                           z * x.pixel[0] + y * x.pixel[1] + p.first[2] * x.pixel[2];
                   for (int64_t i = 0; i < p.count[2]; ++i) to[i * step] = src[i];
                 }
               });
}

// One phase of one group, channels first.
template <class T>
void adjoint_group(const ConvGeometry& g, const Phase& p, const ConvImage<const T>& y,
                   const T* weight, const T* bias, const ConvImage<T>& x) {
  const int64_t in = g.group_in(), out = g.group_out(), taps = g.taps();
  Walk<T> w = walk_of(y, g.out, out);
  for (int d = 0; d < 3; ++d) w.grid[d] = p.count[d], w.step[d] = 1;
  w.taps = p.taps;
  const auto used = static_cast<int64_t>(p.taps.size());
  const bool direct = g.stride[0] == 1 && g.stride[1] == 1 && g.stride[2] == 1;
  const int64_t pixels = w.pixels();
  if (pixels == 0) return;
  const Workspace space(direct ? 0 : checked_nbytes(g.batch * in * pixels, sizeof(T)));
  T* product = direct ? x.data : space.as<T>();
  if (used == 0 && !direct) {  // no tap reaches these pixels: dilation and stride miss them
    for (int64_t i = 0; i < g.batch * in * pixels; ++i)
      product[i] = bias ? bias[i / pixels % in] : T(0);
    scatter_phase(g, p, space.as<T>(), in, x);
    return;
  }
  const auto multiply = [&](const T* a, int64_t lane_stride, int64_t k_stride) {
    multiply_columns(w, g.batch, {GemmSource::Same, a, lane_stride, k_stride, 0}, in, bias, product,
                     direct ? x.batch : in * pixels, pixels);
    if (!direct) scatter_phase(g, p, space.as<T>(), in, x);
  };
  if (taps == 1 && used == 1) return multiply(weight, 1, in);
  // (c, o, t); channels side by side in the weight are taken together.
  const Workspace turned(checked_nbytes(std::max<int64_t>(1, in * out * used), sizeof(T)));
  parallel_for(in, std::max<int64_t>(8, 65536 / (out * used + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t c0 = begin; c0 < end; c0 += 8)
      for (int64_t o = 0; o < out; ++o)
        for (int64_t c = c0; c < std::min(c0 + 8, end); ++c) {
          T* a = turned.as<T>() + (c * out + o) * used;
          for (int64_t t = 0; t < used; ++t) a[t] = weight[(o * in + c) * taps + p.index[t]];
        }
  });
  multiply(turned.as<T>(), out * used, 1);
}

// One phase, channels last.
template <class T>
void adjoint_last(const ConvGeometry& g, const Phase& p, const ConvImage<const T>& y,
                  const T* weight, const T* bias, const ConvImage<T>& x) {
  PixelPanels<T> panels(g.groups, static_cast<int64_t>(p.taps.size()), g.group_out(), g.group_in());
  panels.pack_adjoint(weight, g.taps(), p.index);
  const int64_t step[3] = {1, 1, 1};
  PixelTarget<T> target{x.data, x.batch, {}};
  for (int d = 0; d < 3; ++d) {
    target.data += p.first[d] * x.pixel[d];
    target.stride[d] = g.stride[d] * x.pixel[d];
  }
  multiply_pixels({y.data, g.batch, y.batch, y.pixel, g.out, p.count, step, p.taps}, panels, bias,
                  target);
}

// The gradient of the weight as the sum of parts, each (o, c, t), or turned: (o, t, c).
template <class T>
void add_parts(T* sums, int64_t parts, int64_t out, int64_t in, int64_t taps, bool turned,
               T* weight) {
  const int64_t columns = in * taps, total = out * columns;
  parallel_for(out, 1 + 16384 / (parts * columns + 1), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      T *row = sums + o * columns, *to = weight + o * columns;
      for (int64_t p = 1; p < parts; ++p)
        for (int64_t i = 0; i < columns; ++i) row[i] += row[p * total + i];
      if (turned)
        transpose_to(row, in, to, taps, taps, in);
      else
        std::copy_n(row, columns, to);
    }
  });
}

template <class T>
size_t weight_bytes(const ConvGeometry& g) {
  return checked_nbytes(g.out_channels * g.group_in() * g.taps(), sizeof(T));
}

}  // namespace

template <class T>
void conv_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                  const T* bias, const ConvImage<T>& y) {
  if (y.channels_last && g.depthwise())
    return depthwise_last_forward(g, x.data, weight, bias, y.data);
  if (conv_has_patches(g)) return conv_patches_forward(g, x, weight, bias, y);
  // Patches that do not overlap are better packed.
  if (conv_reads_few_channels(g) && g.stride[2] < g.kernel[2])
    return conv_few_forward(g, x, weight, bias, y);
  if (conv_makes_few_channels(g)) {
    const Workspace mirror(weight_bytes<T>(g));
    conv_mirror_weight(g, weight, mirror.as<T>());
    return conv_few_adjoint(conv_mirrored(g), x, mirror.as<const T>(), bias, y);
  }
  if (!y.channels_last && conv_has_small_groups(g))
    return conv_planes_forward(g, x, weight, bias, y);
  if constexpr (std::is_same_v<T, float>)
    if (conv_suits_winograd(g)) return winograd_forward(g, x, weight, bias, y);
  if (!y.channels_last && conv_is_small_group(g)) return conv_planes_forward(g, x, weight, bias, y);
  const int64_t in = g.group_in(), out = g.group_out(), taps = g.taps();
  const Walk<T> walk = forward_walk(g, x);
  if (y.channels_last) {
    PixelPanels<T> panels(g.groups, taps, in, out);
    panels.pack_forward(weight);
    return multiply_pixels({x.data, g.batch, x.batch, x.pixel, g.in, g.out, g.stride, walk.taps},
                           panels, bias, {y.data, y.batch, {y.pixel[0], y.pixel[1], y.pixel[2]}});
  }
  for_groups(g.groups, [&](int64_t i) {
    Walk<T> w = walk;
    w.data += i * in * x.channel;
    const int64_t k = in * taps;
    multiply_columns(w, g.batch, {GemmSource::Same, weight + i * out * k, k, 1, 0}, out,
                     bias ? bias + i * out : nullptr, y.data + i * out * y.channel, y.batch,
                     g.out_pixels());
  });
}

template <class T>
void conv_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                  const T* bias, const ConvImage<T>& x) {
  if (x.channels_last && g.depthwise())
    return depthwise_last_adjoint(g, y.data, weight, bias, x.data);
  if (conv_has_patches(g)) return conv_patches_adjoint(g, y, weight, bias, x);
  if (conv_reads_few_channels(g)) return conv_few_adjoint(g, y, weight, bias, x);
  if (conv_makes_few_channels(g)) {
    const Workspace mirror(weight_bytes<T>(g));
    conv_mirror_weight(g, weight, mirror.as<T>());
    return conv_few_forward(conv_mirrored(g), y, mirror.as<const T>(), bias, x);
  }
  if (!x.channels_last && conv_has_small_groups(g))
    return conv_planes_adjoint(g, y, weight, bias, x);
  if constexpr (std::is_same_v<T, float>)
    if (conv_suits_winograd(g)) return winograd_adjoint(g, y, weight, bias, x);
  if (!x.channels_last && conv_is_small_group(g)) return conv_planes_adjoint(g, y, weight, bias, x);
  const int64_t in = g.group_in(), out = g.group_out(), taps = g.taps();
  int64_t residues[3];
  for (int d = 0; d < 3; ++d) residues[d] = std::min(g.stride[d], g.in[d]);
  for (int64_t phase = 0; phase < residues[0] * residues[1] * residues[2]; ++phase) {
    const int64_t first[3] = {phase / (residues[1] * residues[2]),
                              phase / residues[2] % residues[1], phase % residues[2]};
    const Phase p = phase_at(g, first);
    if (x.channels_last) {
      adjoint_last(g, p, y, weight, bias, x);
      continue;
    }
    for_groups(g.groups, [&](int64_t i) {
      ConvImage<const T> from = y;
      ConvImage<T> to = x;
      from.data += i * out * y.channel;
      to.data += i * in * x.channel;
      adjoint_group(g, p, from, weight + i * out * in * taps, bias ? bias + i * in : nullptr, to);
    });
  }
}

template <class T>
void conv_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                      const ConvImage<const T>& x, T* weight) {
  if (y.channels_last && g.depthwise())
    return depthwise_last_weight_grad(g, y.data, x.data, weight);
  if (conv_has_patches(g)) return conv_patches_weight_grad(g, y, x, weight);
  if (conv_reads_few_channels(g)) return conv_few_weight_grad(g, y, x, weight);
  if (conv_makes_few_channels(g)) {
    const ConvGeometry m = conv_mirrored(g);
    const Workspace mirror(weight_bytes<T>(g));
    conv_few_weight_grad(m, x, y, mirror.as<T>());
    return conv_mirror_weight(m, mirror.as<const T>(), weight);
  }
  if (conv_has_small_groups(g)) return conv_planes_weight_grad(g, y, x, weight);
  if constexpr (std::is_same_v<T, float>)
    if (conv_suits_winograd(g)) return winograd_weight_grad(g, y, x, weight);
  if (conv_is_small_group(g)) return conv_planes_weight_grad(g, y, x, weight);
  const int64_t in = g.group_in(), out = g.group_out(), columns = in * g.taps();
  const int64_t pixels = g.out_pixels();
  const Walk<T> walk = forward_walk(g, x);
  // A small weight does not occupy all threads: parts of the batch are summed apart.
  const double work = static_cast<double>(out) * columns * pixels * g.batch;
  const bool small = out * columns <= 96 * 96;
  const int64_t most = small ? std::clamp<int64_t>(g.batch, 1, 16) : 1;
  const int64_t parts = std::clamp<int64_t>(static_cast<int64_t>(work / 2e6), 1, most);
  const int64_t share = (g.batch + parts - 1) / parts, total = g.out_channels * columns;
  const int64_t taps = g.taps();
  const bool turned = x.channels_last && taps > 1;  // (o, t, c) is computed
  const bool apart = parts > 1 || turned;
  const Workspace sums(apart ? checked_nbytes(parts * total, sizeof(T)) : 0);
  const auto one = [&](int64_t group, int64_t part) {
    const int64_t n0 = part * share, images = std::clamp<int64_t>(g.batch - n0, 0, share);
    Walk<T> w = walk;
    w.data += group * in * x.channel + n0 * x.batch;
    // Pixels of a dense image follow each other.
    const Planes<T> planes{y.data + group * out * y.channel + n0 * y.batch, y.batch, y.channel,
                           y.channels_last ? g.out_channels : 1, pixels};
    PackedGemm<T> job;
    job.m = out;
    job.n = columns;
    job.k = images * pixels;
    job.a = {pack_planes<T>, &planes, true};
    job.b = {x.channels_last ? pack_taps_last<T> : pack_taps<T>, &w, true};
    job.c = (apart ? sums.template as<T>() + part * total : weight) + group * out * columns;
    job.ldc = columns;
    packed_gemm(job);
  };
  if (parts == 1)
    for_groups(g.groups, [&](int64_t i) { one(i, 0); });
  else
    parallel_for(g.groups * parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) one(u / parts, u % parts);
    });
  if (apart) add_parts(sums.template as<T>(), parts, g.out_channels, in, taps, turned, weight);
}

#define FB_CONV_INSTANCES(T)                                                                       \
  template void conv_forward(const ConvGeometry&, const ConvImage<const T>&, const T*, const T*,   \
                             const ConvImage<T>&);                                                 \
  template void conv_adjoint(const ConvGeometry&, const ConvImage<const T>&, const T*, const T*,   \
                             const ConvImage<T>&);                                                 \
  template void conv_weight_grad(const ConvGeometry&, const ConvImage<const T>&,                   \
                                 const ConvImage<const T>&, T*)
FB_CONV_INSTANCES(float);
FB_CONV_INSTANCES(double);
#undef FB_CONV_INSTANCES

}  // namespace flambeau
