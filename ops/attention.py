"""Attention."""

from tools.opgen.table import FLOATING, S, T, op

_ATTENTION = "node, g_output, query, key, value, mask, kept, causal, scale"

op("_attention(Tensor query, Tensor key, Tensor value, Tensor? mask, Tensor? kept, bool causal, "
   "float scale) -> (Tensor output, Tensor logsumexp)", dtypes=FLOATING, public=False,
   grad={"query, key, value": f"attention_composed({_ATTENTION})"},
   fast_grad={"query, key, value": f"attention_fused({_ATTENTION}, output, logsumexp)"},
   doc="Attention of float32 or float64 over (batch, heads, positions, features) without the "
       "matrix of all scores; key and value may have fewer heads, which groups of query heads "
       "share. `kept` are the factors of dropout, one a score.")

op("scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, "
   "float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> "
   "Tensor", "composite", dtypes=FLOATING,
   samples=[S(T((2, 2, 3, 4)), T((2, 2, 5, 4)), T((2, 2, 5, 3))),
            S(T((2, 3, 4)), T((2, 3, 4)), T((2, 3, 4)), is_causal=True),
            S(T((1, 4, 3, 4)), T((1, 2, 3, 4)), T((1, 2, 3, 4)), enable_gqa=True, scale=0.3),
            S(T((2, 1, 3, 4)), T((2, 1, 3, 4)), T((2, 1, 3, 4)), T((3, 3))),
            S(T((3, 4)), T((3, 4)), T((3, 4)), T((3, 3), dtype="bool", grad=False))],
   namespace="nn", doc="softmax(query key^T scale + mask) value (Vaswani et al., 2017) over (..., positions, "
       "features). `scale` is 1 / sqrt(features) unless given. `attn_mask` broadcasts to the "
       "scores: true where a key may be seen, or numbers that are added. With `is_causal` position "
       "i sees keys 0 ... i. A position that sees no key gives zeros. `dropout_p` of the weights "
       "are dropped. With `enable_gqa` groups of query heads share a head of key and value.")
