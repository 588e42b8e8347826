// Scaled dot-product attention without the matrix of all scores: blocks of it are made, used and
// forgotten (Milakov and Gimelshein, 2018; Rabe and Staats, 2021; Dao et al., 2022). For T = float
// and double. Runs without the interpreter lock, spreads over the thread pool, and gives the same
// bits for any number of threads.
#pragma once
#include <cstdint>

#include "cpu/kernels/attention.h"

namespace flambeau {

// Four dimensions (batch, head, position, feature), strides in elements.
template <class T>
struct AttentionOperand {
  const T* data;
  int64_t batch, head, row, column;
};

struct AttentionMask {
  MaskKind kind = MaskKind::None;
  const void* data = nullptr;
  int64_t batch = 0, head = 0, row = 0;  // keys are adjacent
};

struct AttentionShape {
  int64_t batch, heads, kv_heads;  // kv_heads divides heads: query heads share them in groups
  int64_t queries, keys, width, value_width;
  bool causal;  // query i sees keys 0 ... i
  double scale;
};

template <class T>
struct AttentionInputs {
  AttentionShape shape;
  AttentionOperand<T> q, k, v;
  AttentionMask mask;
  const T* kept;  // factors of dropout, (batch, heads, queries, keys) without gaps, or null
};

// Features adjacent.
template <class T>
struct AttentionOutput {
  T* data;
  int64_t batch, head, row;
};

// out (batch, heads, queries, value_width); lse (batch, heads, queries) without gaps.
template <class T>
void attention_forward(const AttentionInputs<T>& in, const AttentionOutput<T>& out, T* lse);

template <class T>
struct AttentionGradients {
  AttentionOperand<T> out;  // the output, features adjacent
  AttentionOperand<T> g_out;
  const T* lse;
  AttentionOutput<T> g_q, g_k, g_v;  // the data of any may be null
};
template <class T>
void attention_backward_pass(const AttentionInputs<T>& in, const AttentionGradients<T>& grads);

}  // namespace flambeau
