"""The paths of attention against the formula in float64: few queries, many heads, masks of every
shape, groups of heads, causality."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as fb
import flambeau.nn.functional as F

# (batch, query heads, key heads, queries, keys, width, width of values)
SHAPES = [
    (2, 4, 4, 1, 37, 16, 16),
    (2, 4, 2, 2, 100, 24, 24),
    (3, 4, 4, 4, 19, 8, 24),
    (1, 8, 8, 70, 45, 32, 32),
    (4, 8, 8, 33, 200, 12, 12),
    (1, 2, 2, 300, 300, 8, 8),
]


def make_mask(kind: str, random, batch, heads, queries, keys):
    shape = {"heads": (batch, heads, queries, keys), "padding": (batch, 1, 1, keys)}.get(
        kind, (queries, keys)
    )
    if kind == "none":
        return None
    if kind == "float":
        return random.standard_normal(shape).astype(np.float32)
    if kind == "nothing":
        return np.zeros(shape, bool)
    allowed = random.random(shape) > 0.3
    allowed[..., 0] = True
    return allowed


def formula(q, k, v, mask, causal, g):
    """Output and gradients by the textbook, float64."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    scale = q.shape[-1] ** -0.5
    s = q @ k.swapaxes(-1, -2) * scale
    if causal:
        mask = np.tril(np.ones(s.shape[-2:], bool))
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    top = s.max(-1, keepdims=True)
    p = np.exp(s - np.where(np.isfinite(top), top, 0))
    p /= np.maximum(p.sum(-1, keepdims=True), 1e-300)
    out = p @ v
    gp = g @ v.swapaxes(-1, -2)
    gs = p * (gp - (g * out).sum(-1, keepdims=True))

    def fold(x):
        return x.reshape(x.shape[0], -1, group, *x.shape[2:]).sum(2)

    return (
        out,
        gs @ k * scale,
        fold(gs.swapaxes(-1, -2) @ q * scale),
        fold(p.swapaxes(-1, -2) @ g),
    )


@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float", "padding", "heads", "nothing"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention(shape, kind):
    batch, heads, kv_heads, queries, keys, width, value_width = shape
    random = np.random.default_rng(sum(shape))
    causal = kind == "causal"
    mask = make_mask("none" if causal else kind, random, batch, heads, queries, keys)
    q, k, v, g = (
        random.standard_normal(s).astype(np.float32)
        for s in (
            (batch, heads, queries, width),
            (batch, kv_heads, keys, width),
            (batch, kv_heads, keys, value_width),
            (batch, heads, queries, value_width),
        )
    )
    expected = formula(*(x.astype(np.float64) for x in (q, k, v)), mask, causal, g)
    leaves = [fb.tensor(x).requires_grad_() for x in (q, k, v)]
    given = None if mask is None else fb.tensor(mask)
    out = F.scaled_dot_product_attention(
        *leaves, given, is_causal=causal, enable_gqa=heads != kv_heads
    )
    out.backward(fb.tensor(g))
    for ours, exact in zip((out.detach(), *(x.grad for x in leaves)), expected):
        np.testing.assert_allclose(ours.numpy(), exact, rtol=1e-4, atol=5e-6)
