// Scaled dot-product attention in float32 without the matrix of all scores: blocks of it are made,
// used and forgotten (Milakov and Gimelshein, 2018; Rabe and Staats, 2021; Dao et al., 2022). Runs
// without the interpreter lock, spreads over the thread pool, and gives the same bits for any
// number of threads.
#pragma once
#include <cstdint>

namespace flambeau {

// Four dimensions (batch, head, position, feature), strides in elements.
struct AttentionOperand {
  const float* data;
  int64_t batch, head, row, column;
};

enum class MaskKind : uint8_t { None, Bool, Float };  // true: may be seen; float: added to scores
struct AttentionMask {
  MaskKind kind = MaskKind::None;
  const void* data = nullptr;
  int64_t batch = 0, head = 0, row = 0, column = 0;
};

struct AttentionShape {
  int64_t batch, heads, kv_heads;  // kv_heads divides heads: query heads share them in groups
  int64_t queries, keys, width, value_width;
  bool causal;  // query i sees keys 0 ... i
  float scale;
};

// out (batch, heads, queries, value_width): features adjacent. lse (batch, heads, queries).
struct AttentionOutput {
  float* data;
  int64_t batch, head, row;
};
void attention_forward(const AttentionShape& shape, const AttentionOperand& q,
                       const AttentionOperand& k, const AttentionOperand& v,
                       const AttentionMask& mask, const AttentionOutput& out, float* lse);

// g_q, g_k, g_v: without gaps, in the shapes of q, k and v; any may be null. The gradient of the
// output and the output itself are operands.
void attention_backward_pass(const AttentionShape& shape, const AttentionOperand& q,
                             const AttentionOperand& k, const AttentionOperand& v,
                             const AttentionMask& mask, const AttentionOperand& out,
                             const AttentionOperand& g_out, const float* lse, float* g_q,
                             float* g_k, float* g_v);

}  // namespace flambeau
