// What the passes of attention share: operands, masks as numbers, memory of a thread.
#pragma once
#include <algorithm>
#include <limits>

#include "core/allocator.h"
#include "cpu/attention.h"
#include "cpu/kernels/attention.h"
#include "cpu/kernels/gemm_kernels.h"
#include "cpu/thread_pool.h"

namespace flambeau::attention {

inline constexpr float kMasked = -std::numeric_limits<float>::infinity();

inline int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

inline const float* at(const AttentionOperand& x, int64_t b, int64_t h) {
  return x.data + b * x.batch + h * x.head;
}

// What masks add to the scores of a rectangle of queries and keys.
class Bias {
 public:
  Bias(const AttentionShape& s, const AttentionMask& m, int64_t b, int64_t h)
      : causal_(s.causal), kind_(m.kind), row_(m.row), column_(m.column) {
    const int64_t offset = b * m.batch + h * m.head;
    if (kind_ == MaskKind::Bool) allowed_ = static_cast<const bool*>(m.data) + offset;
    if (kind_ == MaskKind::Float) added_ = static_cast<const float*>(m.data) + offset;
  }
  // True iff the rectangle [q0, q0 + q) x [k0, k0 + k) has scores to change.
  bool touches(int64_t q0, int64_t k0, int64_t k) const {
    return kind_ != MaskKind::None || (causal_ && k0 + k - 1 > q0);
  }
  // to[i * to_row + j] for query q0 + i and key k0 + j.
  void rows(int64_t q0, int64_t q, int64_t k0, int64_t k, float* to, int64_t to_row) const {
    const int64_t from = q0 * row_ + k0 * column_;
    if (kind_ == MaskKind::Bool) {
      attention_mask_rows(allowed_ + from, row_, column_, q, k, to, to_row);
    } else {
      for (int64_t i = 0; i < q; ++i) {
        float* t = to + i * to_row;
        const float* m = added_ + from + i * row_;
        if (kind_ == MaskKind::None)
          std::fill_n(t, k, 0.0f);
        else if (column_ == 1)
          std::copy_n(m, k, t);
        else
          for (int64_t j = 0; j < k; ++j) t[j] = m[j * column_];
      }
    }
    if (!causal_) return;
    for (int64_t i = 0; i < q; ++i) {
      const int64_t first = std::clamp<int64_t>(q0 + i + 1 - k0, 0, k);
      std::fill_n(to + i * to_row + first, k - first, kMasked);
    }
  }
  // The same with queries as columns, a panel of nr: to[j * nr + i]. `space` holds nr * k numbers.
  void panel(int64_t q0, int64_t q, int64_t k0, int64_t k, float* space, float* to) const {
    if (kind_ == MaskKind::Float && !(causal_ && k0 + k - 1 > q0)) {
      gemm_pack_b_f32(GemmSource::Same, added_ + q0 * row_ + k0 * column_, row_, column_, q, k, to);
      return;
    }
    rows(q0, q, k0, k, space, k);
    gemm_pack_b_f32(GemmSource::Same, space, k, 1, q, k, to);
  }

 private:
  bool causal_;
  MaskKind kind_;
  int64_t row_, column_;
  const bool* allowed_ = nullptr;
  const float* added_ = nullptr;
};

// Memory of one thread, cut into arrays that begin at cache lines.
class Arena {
 public:
  static int64_t padded(int64_t n) { return round_up(std::max<int64_t>(n, 1), 16); }
  explicit Arena(int64_t floats)
      : space_(checked_nbytes(floats, sizeof(float))), next_(space_.as<float>()) {}
  float* take(int64_t n) {
    float* p = next_;
    next_ += padded(n);
    return p;
  }

 private:
  Workspace space_;
  float* next_;
};

// A mask that many heads share, turned into numbers once, in the panels that a pass reads.
class SharedBias {
 public:
  enum class Lanes { Queries, Keys };  // what lies side by side in a panel

  SharedBias(const AttentionShape& s, const AttentionMask& m, Lanes lanes, int64_t nr)
      : nr_(nr),
        outer_(round_up(lanes == Lanes::Queries ? s.queries : s.keys, nr)),
        inner_(lanes == Lanes::Queries ? s.keys : s.queries),
        stride_(m.batch ? outer_ * inner_ : 0),
        copies_(m.batch ? s.batch : 1),
        used_(m.kind != MaskKind::None && m.head == 0 && s.batch * s.heads >= 4 * copies_ &&
              outer_ * inner_ <= kLargest / copies_),
        space_(used_ ? checked_nbytes(copies_ * outer_ * inner_, sizeof(float)) : 0) {
    if (!used_) return;
    const int64_t panels = outer_ / nr;
    const int64_t grain = std::max<int64_t>(1, 16384 / (nr * inner_ + 1));
    parallel_for(copies_ * panels, grain, [&](int64_t begin, int64_t end) {
      Arena scratch(nr * kKeys);
      float* turned = scratch.take(nr * kKeys);
      for (int64_t i = begin; i < end; ++i) {
        const Bias bias(s, m, i / panels, 0);
        const int64_t first = i % panels * nr;
        float* to = space_.as<float>() + i / panels * stride_ + first * inner_;
        if (lanes == Lanes::Queries)
          queries(bias, first, std::min(nr, s.queries - first), turned, to);
        else
          keys(bias, first, std::min(nr, s.keys - first), to);
      }
    });
  }
  explicit operator bool() const { return used_; }
  // The panel that begins at `lane` (a multiple of nr), from row `first` on.
  const float* panel(int64_t batch, int64_t lane, int64_t first) const {
    return space_.as<float>() + batch * stride_ + lane * inner_ + first * nr_;
  }

 private:
  static constexpr int64_t kLargest = int64_t{1} << 21;  // numbers: 8 MB
  static constexpr int64_t kKeys = 256;

  void queries(const Bias& bias, int64_t q0, int64_t q, float* turned, float* to) const {
    for (int64_t k = 0; k < inner_; k += kKeys)
      bias.panel(q0, q, k, std::min(kKeys, inner_ - k), turned, to + k * nr_);
  }
  void keys(const Bias& bias, int64_t k0, int64_t k, float* to) const {
    if (k < nr_) std::fill_n(to, inner_ * nr_, 0.0f);
    bias.rows(0, inner_, k0, k, to, nr_);
  }

  const int64_t nr_, outer_, inner_, stride_, copies_;
  const bool used_;
  const Workspace space_;
};

// One to a few queries: keys and values are read once, as they lie.
bool are_few(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
             const AttentionOperand& v);
void forward_few(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
                 const AttentionOperand& v, const AttentionMask& mask, const AttentionOutput& out,
                 float* lse);
void backward_few(const AttentionShape& s, const AttentionOperand& q, const AttentionOperand& k,
                  const AttentionOperand& v, const AttentionMask& mask, const AttentionOperand& out,
                  const AttentionOperand& g_out, const float* lse, float* g_q, float* g_k,
                  float* g_v);

}  // namespace flambeau::attention
