// The target is cut into tiles of 4x4 pixels, each of which reads 6x6 pixels of the source. Blocks
// of tiles, whole rows of them, are transformed to 36 matrices (tiles, channels), multiplied as
// they lie by panels of transformed kernels, and transformed back. Channels-first images are turned
// to pixels of channels strip by strip on the way. Blocks are parallel; where there is only one,
// its parts are.
#include "cpu/winograd.h"

#include <algorithm>
#include <vector>

#include "core/allocator.h"
#include "cpu/gemm.h"
#include "cpu/kernels/winograd.h"
#include "cpu/thread_pool.h"
#include "cpu/transpose_to.h"

namespace flambeau {
namespace {

constexpr int64_t kElements = 36, kTile = 4, kReach = 6;
constexpr int64_t kPanel = 16;                      // kernels transformed together
constexpr int64_t kChunk = 32;                      // channels of the target made together
constexpr int64_t kBlockTiles = 48;                 // of a block, about
constexpr int64_t kOneBlock = 160;                  // tiles that make one block, at most
constexpr int64_t kGradTiles = 96, kGradRows = 48;  // the same for the gradient of the weight
constexpr int64_t kLeastChannels = 16;
constexpr int64_t kLeastTiles = 24;  // fewer do not make up for the transform of the weight

int64_t count(int64_t x, int64_t unit) { return (x + unit - 1) / unit; }
size_t bytes(int64_t elements) { return checked_nbytes(elements, sizeof(float)); }

// 36 matrices of `rows` rows of `n` values; distances are odd numbers of cache lines, so that
// columns spread over the cache.
struct Matrices {
  int64_t row, step;
  Matrices(int64_t rows, int64_t n)
      : row((count(n, 16) | 1) * 16), step((rows * row / 16 | 1) * 16) {}
  int64_t elements() const { return kElements * step; }
};

// Rows [first, first + count) of tiles of all images, numbered through.
struct Block { int64_t first, count; };

// Rows [begin, end) of one image.
struct Rows { int64_t image, begin, end; };

// The map from a source to a target: forward, or its adjoint, which is one more convolution.
struct Map {
  int64_t batch, channels, made;  // channels of the source and of the target
  int64_t in[2], out[2], pad[2];
  int64_t tile_rows, tile_cols;

  Map(const ConvGeometry& g, bool adjoint)
      : batch(g.batch),
        channels(adjoint ? g.out_channels : g.in_channels),
        made(adjoint ? g.in_channels : g.out_channels) {
    for (int d = 0; d < 2; ++d) {
      in[d] = adjoint ? g.out[d + 1] : g.in[d + 1];
      out[d] = adjoint ? g.in[d + 1] : g.out[d + 1];
      pad[d] = adjoint ? 2 - g.pad[d + 1] : g.pad[d + 1];
    }
    tile_rows = count(out[0], kTile);
    tile_cols = count(out[1], kTile);
  }
  int64_t rows() const { return batch * tile_rows; }
  int64_t tiles() const { return rows() * tile_cols; }
  int64_t rows_of_block(int64_t tiles_wanted, int64_t one_block) const {
    if (tiles() <= one_block) return rows();
    return std::clamp<int64_t>(tiles_wanted / tile_cols, 1, rows());
  }
  // What a row of tiles reads, and what it makes.
  Rows source(int64_t row) const {
    const int64_t y = row % tile_rows * kTile - pad[0];
    return {row / tile_rows, std::clamp<int64_t>(y, 0, in[0]),
            std::clamp<int64_t>(y + kReach, 0, in[0])};
  }
  Rows target(int64_t row) const {
    const int64_t y = row % tile_rows * kTile;
    return {row / tile_rows, y, std::min(y + kTile, out[0])};
  }
};

// The rows of an image that a block of tiles reads, as pixels of channels: the image itself if its
// channels are last, else turned copies.
class Strip {
 public:
  // elements: those that the rows of the longest block take.
  Strip(const ConvImage<const float>& image, int64_t width, int64_t channels, int64_t elements)
      : image_(image),
        width_(width),
        channels_(channels),
        space_(image.channels_last ? 0 : bytes(elements)) {}

  // `rows`: what the rows of tiles of the block read, in order.
  template <class F>
  void load(const Block& b, F&& rows) {
    if (image_.channels_last) return;
    offsets_.clear(), fresh_.clear();
    int64_t done = 0;
    Rows above{-1, 0, 0};
    for (int64_t i = 0; i < b.count; ++i) {
      const Rows r = rows(b.first + i);
      // Rows that the tiles above have read are there already.
      const int64_t shared = above.image == r.image ? std::max<int64_t>(0, above.end - r.begin) : 0;
      offsets_.push_back(done - shared);
      fresh_.push_back({r.image, r.begin + shared, r.end});
      done += r.end - r.begin - shared;
      above = r;
    }
    parallel_for(b.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Rows& r = fresh_[static_cast<size_t>(i)];
        const int64_t at = offsets_[static_cast<size_t>(i)] + r.begin - rows(b.first + i).begin;
        transpose_to(image_.data + r.image * image_.batch + r.begin * width_, image_.channel,
                     space_.as<float>() + at * width_ * channels_, channels_, channels_,
                     (r.end - r.begin) * width_);
      }
    });
  }
  // Row `y` of the image, read by row number i of the block's tiles, whose first row is r.begin.
  const float* row(int64_t i, const Rows& r, int64_t y) const {
    if (image_.channels_last) return image_.data + r.image * image_.batch + y * width_ * channels_;
    return space_.as<float>() +
           (offsets_[static_cast<size_t>(i)] + y - r.begin) * width_ * channels_;
  }

 private:
  const ConvImage<const float>& image_;
  const int64_t width_, channels_;
  const Workspace space_;
  std::vector<int64_t> offsets_;  // where in the copy each row of tiles begins to read
  std::vector<Rows> fresh_;       // what each adds to the copy
};

// V of a block: tile number t of the block is row t of each matrix.
void transform_source(const Map& m, const Strip& strip, const Block& b, const float* zeros,
                      float* v, const Matrices& shape) {
  parallel_for(b.count * m.tile_cols, 16, [&](int64_t begin, int64_t end) {
    const float* pixel[kElements];
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t / m.tile_cols, row = b.first + i;
      const Rows r = m.source(row);
      const int64_t y0 = row % m.tile_rows * kTile - m.pad[0];
      const int64_t x0 = t % m.tile_cols * kTile - m.pad[1];
      for (int64_t y = 0; y < kReach; ++y) {
        const bool inside = y0 + y >= r.begin && y0 + y < r.end;
        const float* line = inside ? strip.row(i, r, y0 + y) : nullptr;
        for (int64_t x = 0; x < kReach; ++x)
          pixel[y * kReach + x] =
              line && x0 + x >= 0 && x0 + x < m.in[1] ? line + (x0 + x) * m.channels : zeros;
      }
      winograd_input(pixel, m.channels, v + t * shape.row, shape.step);
    }
  });
}

// A dy A^T of a block of tiles of the target.
void transform_gradient(const Map& m, const Strip& strip, const Block& b, const float* zeros,
                        float* p, const Matrices& shape) {
  parallel_for(b.count * m.tile_cols, 16, [&](int64_t begin, int64_t end) {
    const float* pixel[kTile * kTile];
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t / m.tile_cols, x0 = t % m.tile_cols * kTile;
      const Rows r = m.target(b.first + i);
      for (int64_t y = 0; y < kTile; ++y)
        for (int64_t x = 0; x < kTile; ++x)
          pixel[y * kTile + x] = r.begin + y < r.end && x0 + x < m.out[1]
                                     ? strip.row(i, r, r.begin + y) + (x0 + x) * m.made
                                     : zeros;
      winograd_gradient(pixel, m.made, p + t * shape.row, shape.step);
    }
  });
}

// The kernels of a map: weight (made, channels, 9), or for the adjoint (channels, made, 9), turned.
struct Kernels {
  const float* weight;
  bool adjoint;
  // u[e][channel][16 kernels]
  void transform(const Map& m, int64_t panel, float* u) const {
    const int64_t lane = adjoint ? 9 : m.channels * 9, next = adjoint ? m.made * 9 : 9;
    const float* from = weight + panel * kPanel * lane;
    const int64_t lanes = std::min(kPanel, m.made - panel * kPanel);
    for (int64_t c = 0; c < m.channels; ++c)
      winograd_weight(from + c * next, lane, adjoint, lanes, u + c * kPanel, m.channels * kPanel);
  }
};

// Writes channels [first, first + some) of the tiles of a block, whose transforms are `product`.
void transform_back(const Map& m, const Block& b, const float* product, const Matrices& shape,
                    int64_t first, int64_t some, const float* bias, const ConvImage<float>& y,
                    float* strip) {
  const int64_t width = m.out[1];
  for (int64_t i = 0; i < b.count; ++i) {
    const Rows r = m.target(b.first + i);
    const int64_t apart = y.channels_last ? m.made : kChunk;  // of pixels
    float* to =
        y.channels_last ? y.data + r.image * y.batch + r.begin * width * m.made + first : strip;
    for (int64_t t = 0; t < m.tile_cols; ++t) {
      float* pixel[kTile * kTile];
      for (int64_t v = 0; v < kTile; ++v)
        for (int64_t x = 0; x < kTile; ++x)
          pixel[v * kTile + x] = r.begin + v < r.end && t * kTile + x < width
                                     ? to + (v * width + t * kTile + x) * apart
                                     : nullptr;
      winograd_output(product + (i * m.tile_cols + t) * shape.row, shape.step, some,
                      bias ? bias + first : nullptr, pixel);
    }
    if (!y.channels_last)
      transpose_to(strip, kChunk, y.data + r.image * y.batch + first * y.channel + r.begin * width,
                   y.channel, (r.end - r.begin) * width, some);
  }
}

void convolve(const Map& m, const ConvImage<const float>& x, const Kernels& kernels,
              const float* bias, const ConvImage<float>& y) {
  const int64_t rows = m.rows_of_block(kBlockTiles, kOneBlock), blocks = count(m.rows(), rows);
  const int64_t panels = count(m.made, kPanel), chunks = count(m.made, kChunk);
  const int64_t panel = kElements * m.channels * kPanel, most = rows * m.tile_cols;
  const Matrices source(most, m.channels), product(most, kChunk);
  const Workspace ahead(blocks > 1 ? bytes(panels * panel) : 0);
  if (blocks > 1)
    parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) kernels.transform(m, p, ahead.as<float>() + p * panel);
    });
  const std::vector<float> zeros(static_cast<size_t>(m.channels), 0.0f);
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    const Workspace v(bytes(source.elements()));
    Strip strip(x, m.in[1], m.channels, rows * kReach * m.in[1] * m.channels);
    for (int64_t i = begin; i < end; ++i) {
      const Block b{i * rows, std::min(rows, m.rows() - i * rows)};
      strip.load(b, [&](int64_t row) { return m.source(row); });
      transform_source(m, strip, b, zeros.data(), v.as<float>(), source);
      parallel_for(chunks, 1, [&](int64_t first, int64_t last) {
        const Workspace sums(bytes(product.elements()));
        const Workspace now(blocks > 1 ? 0 : bytes(panel));
        const Workspace pixels(y.channels_last ? 0 : bytes(kTile * m.out[1] * kChunk));
        for (int64_t chunk = first; chunk < last; ++chunk) {
          for (int64_t j = chunk * kChunk; j < std::min((chunk + 1) * kChunk, m.made);
               j += kPanel) {
            const float* u = blocks > 1 ? ahead.as<float>() + j / kPanel * panel : now.as<float>();
            if (blocks == 1) kernels.transform(m, j / kPanel, now.as<float>());
            for (int64_t e = 0; e < kElements; ++e)
              gemm_direct_f32(v.as<float>() + e * source.step, source.row, 1,
                              u + e * m.channels * kPanel, kPanel, b.count * m.tile_cols,
                              std::min(kPanel, m.made - j), m.channels,
                              {sums.as<float>() + e * product.step + j - chunk * kChunk,
                               product.row, 1.0f, 0.0f, nullptr, nullptr, false});
          }
          transform_back(m, b, sums.as<float>(), product, chunk * kChunk,
                         std::min(kChunk, m.made - chunk * kChunk), bias, y, pixels.as<float>());
        }
      });
    }
  });
}

}  // namespace

bool conv_suits_winograd(const ConvGeometry& g) {
  const bool shape = g.kernel[0] == 1 && g.kernel[1] == 3 && g.kernel[2] == 3 && g.in[0] == 1 &&
                     g.out[0] == 1 && g.pad[0] == 0 && g.pad[1] <= 2 && g.pad[2] <= 2;
  const bool dense = g.groups == 1 && g.stride[1] == 1 && g.stride[2] == 1 && g.dilation[1] == 1 &&
                     g.dilation[2] == 1 && g.stride[0] == 1;
  if (!shape || !dense || g.batch == 0 || g.in_pixels() == 0 || g.out_pixels() == 0) return false;
  // Tiles beyond the border are work for nothing.
  const int64_t tiles = count(g.out[1], kTile) * count(g.out[2], kTile);
  return std::min(g.in_channels, g.out_channels) >= kLeastChannels &&
         2 * g.out_pixels() > tiles * kTile * kTile && tiles >= count(kLeastTiles, g.batch);
}

void winograd_forward(const ConvGeometry& g, const ConvImage<const float>& x, const float* weight,
                      const float* bias, const ConvImage<float>& y) {
  convolve(Map(g, false), x, {weight, false}, bias, y);
}

void winograd_adjoint(const ConvGeometry& g, const ConvImage<const float>& y, const float* weight,
                      const float* bias, const ConvImage<float>& x) {
  convolve(Map(g, true), y, {weight, true}, bias, x);
}

// The forward map is linear in the weight; its transpose is G^T [sum over tiles (A dy A^T) V] G.
void winograd_weight_grad(const ConvGeometry& g, const ConvImage<const float>& y,
                          const ConvImage<const float>& x, float* weight) {
  const Map m(g, false);
  const int64_t rows = m.rows_of_block(kGradTiles, kOneBlock), blocks = count(m.rows(), rows);
  const int64_t most = rows * m.tile_cols, chunks = count(m.made, kGradRows);
  const Matrices source(most, m.channels), target(most, m.made), sums(kGradRows, m.channels);
  const Workspace v(bytes(source.elements())), p(bytes(target.elements()));
  const Workspace total(blocks > 1 ? bytes(chunks * sums.elements()) : 0);
  const std::vector<float> zeros(static_cast<size_t>(std::max(m.channels, m.made)), 0.0f);
  Strip read(x, m.in[1], m.channels, rows * kReach * m.in[1] * m.channels);
  Strip made(y, m.out[1], m.made, rows * kTile * m.out[1] * m.made);
  const auto multiply = [&](const Block& b, int64_t chunk, int64_t e, bool add, float* to) {
    gemm_direct_f32(
        p.as<float>() + e * target.step + chunk * kGradRows, 1, target.row,
        v.as<float>() + e * source.step, source.row,
        std::min(kGradRows, m.made - chunk * kGradRows), m.channels, b.count * m.tile_cols,
        {to + e * sums.step, sums.row, 1.0f, add ? 1.0f : 0.0f, nullptr, nullptr, false});
  };
  const auto finish = [&](int64_t chunk, const float* from) {
    for (int64_t o = chunk * kGradRows; o < std::min((chunk + 1) * kGradRows, m.made); ++o)
      winograd_weight_gradient(from + o % kGradRows * sums.row, sums.step, m.channels,
                               weight + o * m.channels * 9);
  };
  for (int64_t i = 0; i < blocks; ++i) {
    const Block b{i * rows, std::min(rows, m.rows() - i * rows)};
    read.load(b, [&](int64_t row) { return m.source(row); });
    made.load(b, [&](int64_t row) { return m.target(row); });
    transform_source(m, read, b, zeros.data(), v.as<float>(), source);
    transform_gradient(m, made, b, zeros.data(), p.as<float>(), target);
    if (blocks == 1) break;
    parallel_for(chunks * kElements, 1, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u)
        multiply(b, u / kElements, u % kElements, i > 0,
                 total.as<float>() + u / kElements * sums.elements());
    });
  }
  parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
    const Workspace space(blocks > 1 ? 0 : bytes(sums.elements()));
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      float* from = blocks > 1 ? total.as<float>() + chunk * sums.elements() : space.as<float>();
      if (blocks == 1)
        for (int64_t e = 0; e < kElements; ++e) multiply({0, m.rows()}, chunk, e, false, from);
      finish(chunk, from);
    }
  });
}

}  // namespace flambeau
