"""Multi-head attention (Vaswani et al. 2017) as one function."""

from __future__ import annotations

import flambeau as fb

from . import _native as native

Tensor = fb.Tensor


def additive_mask(mask, name: str, dtype):
    """`mask` as numbers to add to scores: True becomes -inf. None stays None."""
    if mask is None:
        return None
    if mask.dtype == fb.bool:
        return fb.zeros_like(mask, dtype=dtype).masked_fill_(mask, float("-inf"))
    if not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return mask


def _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads) -> bool:
    """True iff the inputs are batched."""
    dims = query.dim()
    if dims not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor"
        )
    word = "3-D" if dims == 3 else "2-D"
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"For {'batched' if dims == 3 else 'unbatched'} ({word}) `query`, "
            f"expected `key` and `value` to be {word} but found {key.dim()}-D and "
            f"{value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != dims - 1:
        raise AssertionError(
            f"For {word} `query`, expected `key_padding_mask` to be None or "
            f"{dims - 1}-D but found {key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(
            f"For {word} `query`, expected `attn_mask` to be None, 2-D or 3-D but "
            f"found {attn_mask.dim()}-D tensor instead"
        )
    if dims == 2 and attn_mask is not None and attn_mask.dim() == 3:
        wanted = (num_heads, query.shape[0], key.shape[0])
        if tuple(attn_mask.shape) != wanted:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {wanted} but got {tuple(attn_mask.shape)}"
            )
    return dims == 3


def _project(query, key, value, weight, bias):
    """q, k, v through one weight (3 E, E): one product when the inputs are the same tensor."""
    size = query.size(-1)
    if key is value:
        if query is key:
            return native.linear(query, weight, bias).chunk(3, dim=-1)
        w_q, w_kv = weight.split([size, size * 2])
        b_q, b_kv = (None, None) if bias is None else bias.split([size, size * 2])
        q = native.linear(query, w_q, b_q)
        return (q, *native.linear(key, w_kv, b_kv).chunk(2, dim=-1))
    w_q, w_k, w_v = weight.chunk(3)
    b_q, b_k, b_v = (None, None, None) if bias is None else bias.chunk(3)
    return (
        native.linear(query, w_q, b_q),
        native.linear(key, w_k, b_k),
        native.linear(value, w_v, b_v),
    )


def _merge_masks(attn_mask, key_padding_mask, batch, num_heads, target, source):
    if attn_mask is not None:
        if attn_mask.dim() == 2:
            if tuple(attn_mask.shape) != (target, source):
                raise RuntimeError(
                    f"The shape of the 2D attn_mask is {attn_mask.shape}, but "
                    f"should be {(target, source)}."
                )
            attn_mask = attn_mask.unsqueeze(0)
        elif tuple(attn_mask.shape) != (batch * num_heads, target, source):
            raise RuntimeError(
                f"The shape of the 3D attn_mask is {attn_mask.shape}, but should be "
                f"{(batch * num_heads, target, source)}."
            )
    if key_padding_mask is None:
        return attn_mask
    if tuple(key_padding_mask.shape) != (batch, source):
        raise AssertionError(
            f"expecting key_padding_mask shape of {(batch, source)}, but got "
            f"{key_padding_mask.shape}"
        )
    padding = key_padding_mask.reshape(batch, 1, 1, source).expand(-1, num_heads, -1, -1)
    padding = padding.reshape(batch * num_heads, 1, source)
    return padding if attn_mask is None else attn_mask + padding


def _append_row(tensors, masks, row_k, row_v):
    """One more source position, the same for all; masks let it through."""
    k, v = fb.cat([tensors[0], row_k]), fb.cat([tensors[1], row_v])
    masks = [m if m is None else native.pad(m, (0, 1)) for m in masks]
    return k, v, *masks


def multi_head_attention_forward(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """Attention of `num_heads` heads over (L, N, E), (S, N, E), (S, N, E), or without N.

    Returns the output (L, N, E) and, if `need_weights`, the weights (N, L, S), averaged over heads
    unless `average_attn_weights` is False; else None. Masks hold True or -inf where attention is
    forbidden: `attn_mask` (L, S) or (N * heads, L, S), `key_padding_mask` (N, S).
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same = (key is query, value is key)
        query = query.unsqueeze(1)
        key = query if same[0] else key.unsqueeze(1)
        value = key if same[1] else value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    target, batch, embed = query.shape
    source = key.shape[0]
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. "
            "You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    key_padding_mask = additive_mask(key_padding_mask, "key_padding_mask", query.dtype)
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = additive_mask(attn_mask, "attn_mask", query.dtype)
        is_causal = False
    if embed != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}"
        )
    head = embed // num_heads
    if head * num_heads != embed:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if tuple(key.shape[:2]) != tuple(value.shape[:2]):
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match "
                f"value's {value.shape[:2]}"
            )
        biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = (
            native.linear(x, w, b)
            for x, w, b in zip(
                (query, key, value), (q_proj_weight, k_proj_weight, v_proj_weight), biases
            )
        )
    else:
        if tuple(key.shape) != tuple(value.shape):
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)
    masks = [attn_mask, key_padding_mask]
    if bias_k is not None and bias_v is not None:
        k, v, *masks = _append_row(
            (k, v), masks, bias_k.repeat(1, batch, 1), bias_v.repeat(1, batch, 1)
        )
    # Heads stay views of the projections where nothing asks for them side by side.
    as_they_lie = not (need_weights or add_zero_attn) and static_k is None and static_v is None
    if as_they_lie:
        q, k, v = (
            x.reshape(x.shape[0], batch, num_heads, head).permute(1, 2, 0, 3) for x in (q, k, v)
        )
    else:
        q, k, v = (
            x.reshape(x.shape[0], batch * num_heads, head).transpose(0, 1)
            if given is None
            else given
            for x, given in ((q, None), (k, static_k), (v, static_v))
        )
    if add_zero_attn:
        zeros = k.new_zeros((k.size(0), 1, k.size(2)))
        k, v = fb.cat([k, zeros], dim=1), fb.cat([v, zeros], dim=1)
        masks = [m if m is None else native.pad(m, (0, 1)) for m in masks]
    source = k.size(-2)
    mask = _merge_masks(*masks, batch, num_heads, target, source)
    if not training:
        dropout_p = 0.0
    weights = None
    if need_weights:
        scores = fb.bmm(q * head**-0.5, k.transpose(-2, -1))
        if mask is not None:
            scores = scores + mask
        weights = native.softmax(scores, -1)
        if dropout_p > 0.0:
            weights = native.dropout(weights, dropout_p)
        out = fb.bmm(weights, v).transpose(0, 1)
        weights = weights.reshape(batch, num_heads, target, source)
        if average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            weights = weights.squeeze(0)
    else:
        if mask is not None:
            mask = (
                mask.unsqueeze(0)
                if mask.size(0) == 1
                else mask.reshape(batch, num_heads, -1, source)
            )
        if not as_they_lie:
            q, k, v = (x.reshape(batch, num_heads, -1, head) for x in (q, k, v))
        out = native.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
        out = out.permute(2, 0, 1, 3)
    out = out.reshape(target * batch, embed)
    out = native.linear(out, out_proj_weight, out_proj_bias).reshape(target, batch, -1)
    return (out if batched else out.squeeze(1)), weights
