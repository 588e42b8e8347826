// The blocked product: which operand is packed when, and how the work is cut for the threads.
//
// An operand is packed either ahead, by all threads together into a buffer that all read, or by
// each thread just before it uses a piece. A product with few rows packs A ahead and lets each
// tile pack its own columns of B, which are then read from the cache that packing left them in;
// one with few columns does the opposite; a large one packs both ahead. Tiles divide C, never k,
// so the sums do not depend on who computes what.
#include <algorithm>

#include "core/allocator.h"
#include "cpu/gemm.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

constexpr int64_t kBlockBytes = 24576;  // the most of a panel of B: stays in 32 KiB
// The most of an operand packed ahead. Where both are, a long k means few barriers and few passes
// over C; where one is, every tile reads all of it, which should be fast, the more so where a
// thread works alone and needs no barriers. Sums are cut by blocks of k whatever the limit.
constexpr int64_t kBothAheadBytes = int64_t{16} << 20, kOneAheadBytes = int64_t{2} << 20;
constexpr int64_t kAloneAheadBytes = int64_t{256} << 10;
// A is not worth packing where all of it stays in the cache, or where few columns use it and the
// panels of B stay there.
constexpr int64_t kAsItLiesBytes = 131072, kPanelsBytes = 65536;
constexpr int64_t kFewRows = 192;     // A ahead, B by tile
constexpr int64_t kFewColumns = 128;  // B ahead, A by tile
constexpr int64_t kTileRows = 48, kTileColumns = 256;
constexpr int64_t kFewTileColumns = 96, kFewTileRows = 96;
constexpr int64_t kTiles = 12;
// Multiply-adds, and elements to pack, that are worth a thread's attention.
constexpr double kChunkWork = 4e5;
constexpr int64_t kChunkPacking = 16384;

template <class T>
struct Kernels;
#define FB_GEMM_TABLE(T, S)                             \
  template <>                                           \
  struct Kernels<T> {                                   \
    static GemmShape shape() { return gemm_shape_##S(); } \
    static constexpr auto& tile = gemm_tile_##S;        \
    static constexpr auto& pack_a = gemm_pack_a_##S;    \
    static constexpr auto& pack_b = gemm_pack_b_##S;    \
  }
FB_GEMM_TABLE(float, f32);
FB_GEMM_TABLE(double, f64);
FB_GEMM_TABLE(uint32_t, i32);
FB_GEMM_TABLE(uint64_t, i64);
#undef FB_GEMM_TABLE

// Integers are always packed.
template <class T>
struct Panels;
template <>
struct Panels<float> {
  static constexpr auto& multiply = gemm_panels_f32;
};
template <>
struct Panels<double> {
  static constexpr auto& multiply = gemm_panels_f64;
};

int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }
int64_t count(int64_t x, int64_t unit) { return (x + unit - 1) / unit; }

// Panels packed ahead: blocks of `step` values of k, and in each all panels of the lanes.
template <class T>
struct Ahead {
  T* data;
  int64_t padded, width, step;
  T* at(int64_t k0, int64_t k, int64_t lane) const {
    return data + k0 * padded + lane / width * (width * k);
  }
};

// One part of C and of k small enough for its operands to be packed ahead.
template <class T>
class Part {
 public:
  Part(const PackedGemm<T>& job, int64_t batch0, int64_t batches, int64_t m0, int64_t m, int64_t n0,
       int64_t n, int64_t k0, int64_t k, bool a_ahead, bool b_ahead, int64_t step)
      : job_(job),
        batch0_(batch0),
        batches_(batches),
        m0_(m0),
        m_(m),
        n0_(n0),
        n_(n),
        k0_(k0),
        k_(k),
        a_ahead_(a_ahead),
        b_ahead_(b_ahead),
        step_(step),
        shape_(Kernels<T>::shape()),
        a_space_(a_ahead && !job.a_as_it_lies ? bytes(round_up(m, shape_.mr) * k) : 0),
        b_space_(b_ahead ? bytes(round_up(n, shape_.nr) * k) : 0),
        a_{a_space_.template as<T>(), round_up(m, shape_.mr), shape_.mr, step},
        b_{b_space_.template as<T>(), round_up(n, shape_.nr), shape_.nr, step} {
    choose_tile();
  }

  void run() {
    pack_ahead();
    const int64_t rows = count(m_, tile_m_), columns = count(n_, tile_n_);
    const int64_t tiles = rows * columns * batches_;
    const double work = static_cast<double>(std::min(tile_m_, m_)) * std::min(tile_n_, n_) * k_;
    const auto grain = static_cast<int64_t>(std::max(1.0, kChunkWork / (work + 1)));
    parallel_for(tiles, grain, [&](int64_t begin, int64_t end) {
      const bool packs_a = !a_ahead_ && !job_.a_as_it_lies;
      const Workspace space(packs_a     ? bytes(step_ * tile_m_)
                            : !b_ahead_ ? bytes(step_ * tile_n_)
                                        : 0);
      for (int64_t t = begin; t < end; ++t) {
        const int64_t inner = t % (rows * columns);
        tile(batch0_ + t / (rows * columns), inner % rows * tile_m_, inner / rows * tile_n_,
             space.template as<T>());
      }
    });
  }

 private:
  static size_t bytes(int64_t elements) { return checked_nbytes(elements, sizeof(T)); }

  // Large tiles use the caches well, but every thread should get some: kTiles if the work is enough
  // for so many, and C allows.
  void choose_tile() {
    const double chunks = static_cast<double>(m_) * n_ * k_ / kChunkWork;
    const int64_t tiles = round_up(static_cast<int64_t>(std::clamp<double>(chunks, 2, kTiles)), 2);
    if (!b_ahead_) {
      tile_m_ = m_;
      tile_n_ = std::clamp(round_up(n_ / tiles, shape_.nr), int64_t{shape_.nr}, kFewTileColumns);
    } else if (!a_ahead_) {
      tile_m_ = std::clamp(round_up(m_ / tiles, shape_.mr), int64_t{shape_.mr}, kFewTileRows);
      tile_n_ = n_;
    } else {
      tile_m_ = kTileRows;
      tile_n_ = kTileColumns;
      while (count(m_, tile_m_) * count(n_, tile_n_) < kTiles && tile_n_ > kTileColumns / 4)
        tile_n_ /= 2;
    }
  }

  void pack_ahead() {
    const int64_t a_unit = shape_.mr * 8, b_unit = shape_.nr * 4;
    const int64_t a_groups = a_space_.data() ? count(m_, a_unit) : 0;
    const int64_t b_groups = b_ahead_ ? count(n_, b_unit) : 0;
    const int64_t steps = count(k_, step_);
    const int64_t grain = std::max<int64_t>(1, kChunkPacking / (b_unit * std::min(step_, k_)));
    parallel_for((a_groups + b_groups) * steps, grain, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        const int64_t k0 = u % steps * step_, k = std::min(step_, k_ - k0);
        const int64_t group = u / steps;
        if (group < a_groups)
          pack(job_.a, m0_, group * a_unit, std::min(a_unit, m_ - group * a_unit), k0, k, a_);
        else
          pack(job_.b, n0_, (group - a_groups) * b_unit,
               std::min(b_unit, n_ - (group - a_groups) * b_unit), k0, k, b_);
      }
    });
  }

  void pack(const GemmPacker<T>& packer, int64_t lane0, int64_t lane, int64_t lanes, int64_t k0,
            int64_t k, const Ahead<T>& to) {
    packer.pack(packer.context, batch0_, lane0 + lane, lanes, k0_ + k0, k,
                static_cast<int>(to.width), to.at(k0, k, lane));
  }

  void tile(int64_t batch, int64_t i, int64_t j, T* space) {
    const int64_t m = std::min(tile_m_, m_ - i), n = std::min(tile_n_, n_ - j);
    const int64_t a_width = shape_.mr, b_width = shape_.nr;
    GemmStore<T> store{job_.c + batch * job_.c_batch + (m0_ + i) * job_.ldc + n0_ + j,
                       job_.ldc,
                       job_.alpha,
                       k0_ == 0 ? job_.beta : T(1),
                       nullptr,
                       nullptr,
                       false};
    for (int64_t k0 = 0; k0 < k_; k0 += step_) {
      const int64_t k = std::min(step_, k_ - k0);
      if (k0_ + k0 + k == job_.k) {
        if (job_.row_bias) store.row_bias = job_.row_bias + m0_ + i;
        if (job_.col_bias) store.col_bias = job_.col_bias + n0_ + j;
        store.relu = job_.relu;
      }
      const T* a = space;
      const T* b = space;
      if (!b_ahead_)
        job_.b.pack(job_.b.context, batch, n0_ + j, n, k0_ + k0, k, shape_.nr, space);
      else
        b = b_.at(k0, k, j);
      if (job_.a_as_it_lies) {
        if constexpr (std::is_floating_point_v<T>)
          Panels<T>::multiply(job_.a_as_it_lies + batch * job_.a_batch + (m0_ + i) * job_.a_row +
                                  (k0_ + k0) * job_.a_col,
                              job_.a_row, job_.a_col, b, b_width * k, m, n, k, store);
      } else {
        if (a_ahead_)
          a = a_.at(k0, k, i);
        else
          job_.a.pack(job_.a.context, batch, m0_ + i, m, k0_ + k0, k, shape_.mr, space);
        Kernels<T>::tile(a, a_width * k, b, b_width * k, m, n, k, store);
      }
      store.beta = T(1);
    }
  }

  const PackedGemm<T>& job_;
  const int64_t batch0_, batches_, m0_, m_, n0_, n_, k0_, k_;
  const bool a_ahead_, b_ahead_;
  const int64_t step_;
  const GemmShape shape_;
  const Workspace a_space_, b_space_;
  const Ahead<T> a_, b_;
  int64_t tile_m_ = 0, tile_n_ = 0;
};

// C = activation(beta C + bias): what remains of a product over nothing.
template <class T>
void store_empty_product(const PackedGemm<T>& job) {
  const int64_t rows = job.batch * job.m;
  parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(job.n, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) {
                   T* c = job.c + r / job.m * job.c_batch + r % job.m * job.ldc;
                   for (int64_t j = 0; j < job.n; ++j) {
                     T value = job.beta == T(0) ? T(0) : static_cast<T>(job.beta * c[j]);
                     if (job.row_bias) value += job.row_bias[r % job.m];
                     if (job.col_bias) value += job.col_bias[j];
                     if (job.relu && value < T(0)) value = T(0);
                     c[j] = value;
                   }
                 }
               });
}

}  // namespace

template <class T>
void packed_gemm(const PackedGemm<T>& given) {
  PackedGemm<T> job = given;
  if (job.m <= 0 || job.n <= 0 || job.batch <= 0) return;
  if (job.k <= 0 || job.alpha == T(0)) return store_empty_product(job);
  const GemmShape shape = Kernels<T>::shape();
  const int64_t most = kBlockBytes / (shape.nr * static_cast<int64_t>(sizeof(T)));
  const int64_t step = round_up(count(job.k, count(job.k, most)), 8);  // blocks of equal size
  const bool few_rows = job.m <= kFewRows && job.m <= job.n;
  const bool few_columns = !few_rows && job.n <= kFewColumns;
  const bool a_ahead = !few_columns, b_ahead = !few_rows;
  const auto item = static_cast<int64_t>(sizeof(T));
  const bool small_a = few_rows && job.m * job.k * item <= kAsItLiesBytes;
  const bool small_b = few_columns && job.a_col == 1 && job.n * job.k * item <= kPanelsBytes;
  if (!(small_a || small_b) || !std::is_floating_point_v<T>) job.a_as_it_lies = nullptr;
  // Parts of C; a small side is never divided.
  const int64_t part_m = few_columns ? job.m : std::min(job.m, 4096 / kTileRows * kTileRows);
  const int64_t part_n = few_rows ? job.n : std::min<int64_t>(job.n, 4096);
  const bool alone = in_parallel_region() || num_threads() == 1;
  const int64_t one_ahead = alone ? kAloneAheadBytes : kOneAheadBytes;
  const int64_t ahead = (a_ahead && b_ahead ? kBothAheadBytes : one_ahead) / item;
  const int64_t lanes = std::max(a_ahead ? part_m : 0, b_ahead ? part_n : 0);
  const int64_t part_k = std::max(step, ahead / lanes / step * step);
  // Where what is packed ahead is common to the batch, all its products form one job.
  const bool together = (!a_ahead || job.a.shared) && (!b_ahead || job.b.shared);
  const int64_t batches = together ? job.batch : 1;
  for (int64_t batch = 0; batch < job.batch; batch += batches)
    for (int64_t n0 = 0; n0 < job.n; n0 += part_n)
      for (int64_t m0 = 0; m0 < job.m; m0 += part_m)
        for (int64_t k0 = 0; k0 < job.k; k0 += part_k)
          Part<T>(job, batch, batches, m0, std::min(part_m, job.m - m0), n0,
                  std::min(part_n, job.n - n0), k0, std::min(part_k, job.k - k0), a_ahead, b_ahead,
                  std::min(step, job.k))
              .run();
}

namespace {

template <class T, bool kIsA>
void pack_strided(const void* context, int64_t batch, int64_t lane, int64_t lanes, int64_t k0,
                  int64_t k, int, T* packed) {
  const auto& o = *static_cast<const StridedOperand<T>*>(context);
  int64_t item = sizeof(T);
  if (o.source == GemmSource::I8 || o.source == GemmSource::U8)
    item = 1;
  else if (o.source != GemmSource::Same)
    item = 2;
  const char* from = static_cast<const char*>(o.data) +
                     (batch * o.batch_stride + lane * o.lane_stride + k0 * o.k_stride) * item;
  if constexpr (kIsA)
    Kernels<T>::pack_a(o.source, from, o.lane_stride, o.k_stride, lanes, k, packed);
  else
    Kernels<T>::pack_b(o.source, from, o.lane_stride, o.k_stride, lanes, k, packed);
}

}  // namespace

template <class T>
GemmPacker<T> StridedOperand<T>::as_a() const {
  return {pack_strided<T, true>, this, batch_stride == 0};
}
template <class T>
GemmPacker<T> StridedOperand<T>::as_b() const {
  return {pack_strided<T, false>, this, batch_stride == 0};
}

template void packed_gemm(const PackedGemm<float>&);
template void packed_gemm(const PackedGemm<double>&);
template void packed_gemm(const PackedGemm<uint32_t>&);
template void packed_gemm(const PackedGemm<uint64_t>&);
template struct StridedOperand<float>;
template struct StridedOperand<double>;
template struct StridedOperand<uint32_t>;
template struct StridedOperand<uint64_t>;

}  // namespace flambeau
