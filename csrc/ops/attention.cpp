// Scaled dot-product attention: the fused kernel where it serves, public operators elsewhere.
#include "cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/pointwise.h"
#include "impl_attention.h"
#include "impl_shape.h"
#include "ops/dropout_mask.h"
#include "ops/grad_attention.h"
#include "ops/recompute.h"
#include "ops_attention.h"
#include "ops_index.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau {

namespace {

constexpr const char* kOp = "scaled_dot_product_attention";

// ---- out of public operators --------------------------------------------------------------------

// 0 where a key may be seen and -infinity elsewhere, from a mask of bool; other masks in `dtype`.
Tensor additive(const Tensor& mask, DType dtype) {
  if (mask.dtype() != DType::Bool) return mask.dtype() == dtype ? mask : ops::_to_copy(mask, dtype);
  const Tensor allowed = contiguous(mask);
  Tensor out = empty(mask.sizes(), dtype, mask.device());
  if (out.is_meta()) return out;
  visit_floating(dtype, kOp, [&]<class T>() {
    const bool* from = allowed.data<bool>();
    T* to = out.data<T>();
    for (int64_t i = 0; i < out.numel(); ++i)
      to[i] = T(from[i] ? 0.0f : -std::numeric_limits<float>::infinity());
  });
  return out;
}

Tensor causal_mask(int64_t queries, int64_t keys, DType dtype, Device device) {
  Tensor allowed = empty({queries, keys}, DType::Bool, device, kOp);
  if (!allowed.is_meta()) {
    bool* to = allowed.data<bool>();
    for (int64_t i = 0; i < queries; ++i) {
      for (int64_t j = 0; j < keys; ++j) *to++ = j <= i;
    }
  }
  return additive(allowed, dtype);
}

// (..., 1): true for rows of scores that are all -infinity.
Tensor hidden_rows(const Tensor& scores) {
  Dims sizes = scores.sizes();
  const int64_t n = sizes.back();
  sizes.back() = 1;
  Tensor out = empty(sizes, DType::Bool, scores.device());
  if (out.is_meta()) return out;
  const Tensor rows = contiguous(scores);
  visit_floating(rows.dtype(), kOp, [&]<class T>() {
    const T* x = rows.data<T>();
    for (int64_t r = 0; r < out.numel(); ++r, x += n) {
      bool hidden = true;
      for (int64_t j = 0; j < n && hidden; ++j) {
        hidden = static_cast<compute_t<T>>(x[j]) == -std::numeric_limits<compute_t<T>>::infinity();
      }
      out.data<bool>()[r] = hidden;
    }
  });
  return out;
}

// Over the last dimension. The shift by the largest changes no value and so has no gradient.
Tensor softmax(const Tensor& scores) {
  Dims sizes = scores.sizes();
  const int64_t n = sizes.back();
  sizes.back() = 1;
  Tensor largest = empty(sizes, scores.dtype(), scores.device());
  if (!largest.is_meta()) {
    const Tensor rows = contiguous(scores);
    visit_floating(rows.dtype(), kOp, [&]<class T>() {
      const T* x = rows.data<T>();
      for (int64_t r = 0; r < largest.numel(); ++r, x += n) {
        T most = n ? x[0] : T(0.0f);
        for (int64_t j = 1; j < n; ++j) {
          if (static_cast<compute_t<T>>(x[j]) > static_cast<compute_t<T>>(most)) most = x[j];
        }
        largest.data<T>()[r] = most;
      }
    });
  }
  const Tensor e = ops::exp(ops::sub(scores, largest));
  return ops::div(e, ops::sum(e, Dims{-1}, true));
}

// Each head of key or value as often as groups of query heads need it.
Tensor repeat_heads(const Tensor& t, int64_t group) {
  if (group == 1) return t;
  Dims sizes = t.sizes(), flat = t.sizes();
  sizes.insert(sizes.size() - 2, group);
  flat[flat.size() - 3] *= group;
  return ops::reshape(ops::expand(ops::unsqueeze(t, -3), sizes), flat);
}

// `kept` are the factors of dropout; where they are undefined they are drawn.
Tensor compose(const Tensor& q, const Tensor& key, const Tensor& value, const Tensor& mask,
               const Tensor& kept, bool causal, double scale, double dropout, int64_t group) {
  const Tensor k = repeat_heads(key, group), v = repeat_heads(value, group);
  const double root = std::sqrt(std::fabs(scale));
  const Tensor left = ops::mul(q, number_tensor(scale < 0 ? -root : root));
  const Tensor right = ops::mul(ops::transpose(k, -2, -1), number_tensor(root));
  Tensor scores = ops::matmul(left, right);
  if (causal) {
    scores = ops::add(scores,
                      causal_mask(q.size(q.dim() - 2), k.size(k.dim() - 2), q.dtype(), q.device()));
  }
  if (mask.defined()) scores = ops::add(scores, additive(mask, q.dtype()));
  Tensor weights;
  if (mask.defined() && scores.size(scores.dim() - 1) > 0) {
    const Tensor hidden = hidden_rows(scores);
    weights = ops::masked_fill(softmax(ops::masked_fill(scores, hidden, Scalar(0.0))), hidden,
                               Scalar(0.0));
  } else {
    weights = softmax(scores);
  }
  if (kept.defined())
    weights = ops::mul(weights, kept);
  else if (dropout > 0)
    weights = ops::mul(weights, dropout_mask(weights, dropout));
  return ops::matmul(weights, v);
}

// ---- the fused kernel ---------------------------------------------------------------------------

template <class T>
AttentionOperand<T> operand(const Tensor& t) {
  return {t.data<T>(), t.stride(0), t.stride(1), t.stride(2), t.stride(3)};
}
template <class T>
AttentionOutput<T> output_to(const Tensor& t) {
  if (!t.defined()) return {};
  return {t.data<T>(), t.stride(0), t.stride(1), t.stride(2)};
}

// Features adjacent and no gaps, the other dimensions in the order of `like`: what belongs to heads
// that came out of one projection goes back to it without a copy.
Tensor heads_like(const Tensor& like, const Dims& sizes) {
  Dims order{0, 1, 2};
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return like.stride(a) > like.stride(b); });
  if (order == Dims{0, 1, 2}) return empty(sizes, like.dtype(), like.device(), kOp);
  Dims strides(4, 1);
  auto step = static_cast<uint64_t>(sizes[3]);
  for (int i = 2; i >= 0; --i) {
    strides[order[i]] = static_cast<int64_t>(step);
    step *= static_cast<uint64_t>(sizes[order[i]]);
  }
  return empty_strided(sizes, strides, like.dtype(), like.device(), kOp);
}

// Expanded to all scores; keys stay adjacent.
Tensor expand_mask(const Tensor& mask, const Tensor& q, const Tensor& k) {
  if (!mask.defined()) return mask;
  Dims rows = mask.sizes();
  if (rows.empty()) rows.push_back(1);
  const bool adjacent =
      mask.dim() > 0 && rows.back() == k.size(2) && mask.stride(mask.dim() - 1) == 1;
  rows.back() = k.size(2);
  return impl::expand(adjacent ? mask : contiguous(impl::expand(mask, rows, false)),
                      {q.size(0), q.size(1), q.size(2), k.size(2)}, false);
}

template <class T>
AttentionInputs<T> inputs_of(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                             const Tensor& kept, bool causal, double scale) {
  AttentionInputs<T> in{
      {q.size(0), q.size(1), k.size(1), q.size(2), k.size(2), q.size(3), v.size(3), causal, scale},
      operand<T>(q),
      operand<T>(k),
      operand<T>(v),
      {},
      kept.defined() ? kept.data<T>() : nullptr};
  if (mask.defined()) {
    in.mask = {mask.dtype() == DType::Bool ? MaskKind::Bool : MaskKind::Float, mask.raw(),
               mask.stride(0), mask.stride(1), mask.stride(2)};
  }
  return in;
}

bool is_long(const AttentionShape& s) {
  return s.batch * s.heads * s.queries * (s.keys + 1) * (s.width + s.value_width) > 1 << 20;
}

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor> _attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                      const Tensor& mask, const Tensor& kept, bool causal,
                                      double scale) {
  const DType dtype = q.dtype();
  FB_CHECK(dtype == DType::Float32 || dtype == DType::Float64,
           "_attention(): expects float32 or float64, got ", name(dtype));
  for (const Tensor* t : {&q, &k, &v}) {
    FB_CHECK(t->dtype() == dtype && t->dim() == 4,
             "_attention(): expects tensors of one type and of four dimensions, got ",
             name(t->dtype()), " of shape ", t->sizes());
  }
  FB_CHECK(k.size(0) == q.size(0) && v.size(0) == q.size(0) && v.size(1) == k.size(1) &&
               k.size(1) > 0 && q.size(1) % k.size(1) == 0 && v.size(2) == k.size(2) &&
               k.size(3) == q.size(3),
           "_attention(): shapes do not fit: query ", q.sizes(), ", key ", k.sizes(), ", value ",
           v.sizes());
  FB_CHECK(!mask.defined() || mask.dtype() == DType::Bool || mask.dtype() == dtype,
           "_attention(): expects a mask of bool or ", name(dtype), ", got ", name(mask.dtype()));
  const Dims scores{q.size(0), q.size(1), q.size(2), k.size(2)};
  FB_CHECK(
      !kept.defined() || (kept.dtype() == dtype && kept.sizes() == scores && kept.is_contiguous()),
      "_attention(): expects contiguous factors of shape ", scores);
  Tensor out = heads_like(q, {q.size(0), q.size(1), q.size(2), v.size(3)});
  Tensor lse = empty({q.size(0), q.size(1), q.size(2)}, dtype, q.device());
  if (out.is_meta()) return {out, lse};
  const Tensor wide = expand_mask(mask, q, k);
  const auto run = [&]<class T>() {
    const AttentionInputs<T> in = inputs_of<T>(q, k, v, wide, kept, causal, scale);
    const AttentionOutput<T> to = output_to<T>(out);
    T* sums = lse.data<T>();
    BlockingRegion region(is_long(in.shape));
    attention_forward<T>(in, to, sums);
  };
  dtype == DType::Float32 ? run.template operator()<float>() : run.template operator()<double>();
  return {out, lse};
}

}  // namespace impl

namespace grad {

TensorList attention_composed(Node&, const Tensor& g_output, const Tensor& query, const Tensor& key,
                              const Tensor& value, const Tensor& mask, const Tensor& kept,
                              bool causal, double scale) {
  return recompute_gradients({query, key, value}, {g_output}, [&](const TensorList& t) {
    return TensorList{
        compose(t[0], t[1], t[2], mask, kept, causal, scale, 0, query.size(1) / key.size(1))};
  });
}

TensorList attention_fused(Node& node, const Tensor& g, const Tensor& q, const Tensor& k,
                           const Tensor& v, const Tensor& mask, const Tensor& kept, bool causal,
                           double scale, const Tensor& output, const Tensor& lse) {
  const auto wanted = [&](size_t i, const Tensor& t) {
    return node.wants(i) ? heads_like(t, t.sizes()) : Tensor();
  };
  TensorList result{wanted(0, q), wanted(1, k), wanted(2, v)};
  if (q.is_meta()) return result;
  if (k.size(2) == 0 && result[0].defined()) fill_elements(result[0], 0);
  const Tensor wide = expand_mask(mask, q, k);
  const auto run = [&]<class T>() {
    const AttentionInputs<T> in = inputs_of<T>(q, k, v, wide, kept, causal, scale);
    const AttentionGradients<T> grads{operand<T>(output),      operand<T>(g),
                                      lse.data<T>(),           output_to<T>(result[0]),
                                      output_to<T>(result[1]), output_to<T>(result[2])};
    BlockingRegion region(is_long(in.shape));
    attention_backward_pass<T>(in, grads);
  };
  q.dtype() == DType::Float32 ? run.template operator()<float>()
                              : run.template operator()<double>();
  return result;
}

}  // namespace grad

namespace {

void check_inputs(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                  double dropout) {
  FB_CHECK(q.dtype() == k.dtype() && q.dtype() == v.dtype(),
           "Expected query, key, and value to have "
           "the same dtype, but got query.dtype: ",
           name(q.dtype()), " key.dtype: ", name(k.dtype()), " and value.dtype: ", name(v.dtype()),
           " instead.");
  FB_CHECK(is_floating(q.dtype()), kOp, "(): expects floating point tensors, got ",
           name(q.dtype()));
  FB_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2,
           "Expected query, key, and value to all be at "
           "least 2 dimensional, but got query.dim: ",
           q.dim(), " key.dim: ", k.dim(), " and value.dim: ", v.dim(), " instead.");
  FB_CHECK(!mask.defined() || mask.dtype() == DType::Bool || mask.dtype() == DType::Float32 ||
               mask.dtype() == q.dtype(),
           "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
           "attn_mask.dtype: ",
           name(mask.dtype()), " and query.dtype: ", name(q.dtype()), " instead.");
  FB_CHECK(dropout >= 0 && dropout <= 1, "dropout probability has to be between 0 and 1, but got ",
           dropout);
}

// True iff the tensors fit the fused kernel as they are, but for missing leading dimensions.
bool fits_kernel(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, bool gqa) {
  const bool native = q.dtype() == DType::Float32 || q.dtype() == DType::Float64;
  if (!native || q.dim() > 4 || k.dim() != q.dim() || v.dim() != q.dim()) return false;
  const int64_t n = q.dim();
  for (int64_t d = 0; d + 2 < n; ++d) {
    const bool shared = gqa && d == n - 3 && k.size(d) > 0 && q.size(d) % k.size(d) == 0;
    if (k.size(d) != v.size(d) || (k.size(d) != q.size(d) && !shared) || k.size(d) == 0)
      return false;
  }
  if (k.size(n - 1) != q.size(n - 1) || v.size(n - 2) != k.size(n - 2)) return false;
  if (!mask.defined()) return true;
  if (requires_grad(mask)) return false;
  Dims scores = q.sizes();
  scores[n - 1] = k.size(n - 2);
  return is_expandable(mask.sizes(), scores);
}

// In front of what is there: one, so that four dimensions result. Three are (batch, position,
// feature), or with grouped heads (head, position, feature).
Tensor four(const Tensor& t) {
  if (t.dim() == 4) return t;
  return t.dim() == 3 ? ops::unsqueeze(t, 0) : ops::unsqueeze(ops::unsqueeze(t, 0), 0);
}

}  // namespace

namespace impl {

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  check_inputs(query, key, value, attn_mask, dropout_p);
  const int64_t n = query.dim();
  if (enable_gqa) {
    FB_CHECK(n >= 3 && key.dim() == n && value.dim() == n && key.size(n - 3) > 0 &&
                 key.size(n - 3) == value.size(n - 3) && query.size(n - 3) % key.size(n - 3) == 0,
             kOp,
             "(): Number of heads in key and value must divide the number of heads in query; got "
             "shapes ",
             query.sizes(), ", ", key.sizes(), " and ", value.sizes());
  }
  const double s = scale.value_or(1 / std::sqrt(static_cast<double>(query.size(n - 1))));
  if (is_half(query.dtype())) {
    // The scores are not rounded to the half type on the way.
    const auto wide = [](const Tensor& t) { return ops::_to_copy(t, DType::Float32); };
    const bool added = attn_mask.defined() && attn_mask.dtype() != DType::Bool;
    const Tensor y = scaled_dot_product_attention(wide(query), wide(key), wide(value),
                                                  added ? wide(attn_mask) : attn_mask, dropout_p,
                                                  is_causal, s, enable_gqa);
    return ops::_to_copy(y, query.dtype());
  }
  if (!fits_kernel(query, key, value, attn_mask, enable_gqa)) {
    const int64_t group = enable_gqa ? query.size(n - 3) / key.size(n - 3) : 1;
    return compose(query, key, value, attn_mask, Tensor(), is_causal, s, dropout_p, group);
  }
  const Tensor q = four(query), k = four(key), v = four(value);
  Tensor kept, mask = attn_mask;
  if (mask.defined() && mask.dtype() != DType::Bool) mask = to_dtype(mask, q.dtype());
  if (dropout_p > 0) {
    kept = empty({q.size(0), q.size(1), q.size(2), k.size(2)}, q.dtype(), q.device(), kOp);
    draw_dropout_mask(kept, dropout_p);
  }
  Tensor out = std::get<0>(ops::_attention(q, k, v, mask, kept, is_causal, s));
  for (int64_t d = n; d < 4; ++d) out = ops::squeeze_dim(out, 0);
  return out;
}

}  // namespace impl
}  // namespace flambeau
