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
    (2, 3, 3, 130, 250, 40, 40),
    (1, 2, 1, 500, 500, 72, 100),
    (1, 1, 1, 5, 1100, 17, 33),
]
TYPES = {"float32": (1e-4, 5e-6), "float64": (1e-11, 1e-13)}


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


def formula(q, k, v, mask, causal, g, kept=1.0):
    """Output and gradients by the textbook, float64; `kept` are the factors of dropout."""
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
    out = p * kept @ v
    gp = g @ v.swapaxes(-1, -2) * kept
    gs = p * (gp - (g * out).sum(-1, keepdims=True))

    def fold(x):
        return x.reshape(x.shape[0], -1, group, *x.shape[2:]).sum(2)

    return (
        out,
        gs @ k * scale,
        fold(gs.swapaxes(-1, -2) @ q * scale),
        fold((p * kept).swapaxes(-1, -2) @ g),
    )


def operands(shape, dtype="float32"):
    batch, heads, kv_heads, queries, keys, width, value_width = shape
    random = np.random.default_rng(sum(shape))
    shapes = (
        (batch, heads, queries, width),
        (batch, kv_heads, keys, width),
        (batch, kv_heads, keys, value_width),
        (batch, heads, queries, value_width),
    )
    return random, [random.standard_normal(s).astype(dtype) for s in shapes]


def assert_close(computed, expected, dtype):
    rtol, atol = TYPES[dtype]
    for ours, exact in zip(computed, expected, strict=True):
        ours = ours.detach().numpy()
        np.testing.assert_allclose(ours, exact, rtol=rtol, atol=atol * max(1, np.abs(exact).max()))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float", "padding", "heads", "nothing"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention(shape, kind, dtype):
    batch, heads, kv_heads, queries, keys, _, _ = shape
    random, (q, k, v, g) = operands(shape, dtype)
    causal = kind == "causal"
    mask = make_mask("none" if causal else kind, random, batch, heads, queries, keys)
    expected = formula(*(x.astype(np.float64) for x in (q, k, v)), mask, causal, g)
    leaves = [fb.tensor(x).requires_grad_() for x in (q, k, v)]
    given = None if mask is None else fb.tensor(mask)
    out = F.scaled_dot_product_attention(
        *leaves, given, is_causal=causal, enable_gqa=heads != kv_heads
    )
    out.backward(fb.tensor(g))
    assert_close((out, *(x.grad for x in leaves)), expected, dtype)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dropout_draws_one_factor_a_score(shape, causal):
    batch, heads, kv_heads, queries, keys, _, _ = shape
    _, (q, k, v, g) = operands(shape)
    fb.manual_seed(5)
    kept = F.dropout(fb.ones(batch, heads, queries, keys), 0.25).numpy()
    expected = formula(*(x.astype(np.float64) for x in (q, k, v)), None, causal, g, kept)
    leaves = [fb.tensor(x).requires_grad_() for x in (q, k, v)]
    fb.manual_seed(5)
    out = F.scaled_dot_product_attention(
        *leaves, dropout_p=0.25, is_causal=causal, enable_gqa=heads != kv_heads
    )
    out.backward(fb.tensor(g))
    assert_close((out, *(x.grad for x in leaves)), expected, "float32")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [3, 50, 230])
def test_heads_of_one_projection(length, causal):
    """Strided heads: the output and the gradients come back in the layout of the projection."""
    batch, heads, width = 2, 3, 20
    random = np.random.default_rng(length)
    joint = random.standard_normal((batch, length, 3, heads, width)).astype(np.float32)
    g = random.standard_normal((batch, length, heads, width)).astype(np.float32)
    q, k, v = joint.transpose(2, 0, 3, 1, 4).astype(np.float64)
    out, *grads = formula(q, k, v, None, causal, g.transpose(0, 2, 1, 3))
    leaf = fb.tensor(joint).requires_grad_()
    parts = (p.transpose(1, 2) for p in leaf.unbind(2))
    y = F.scaled_dot_product_attention(*parts, is_causal=causal).transpose(1, 2)
    assert y.is_contiguous()
    y.backward(fb.tensor(g))
    expected = np.stack([x.transpose(0, 2, 1, 3) for x in grads], axis=2)
    assert_close((y, leaf.grad), (out.transpose(0, 2, 1, 3), expected), "float32")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention_is_independent_of_threads(shape):
    _, arrays = operands(shape)
    threads, results = fb.get_num_threads(), []
    try:
        for n in (1, 3):
            fb.set_num_threads(n)
            leaves = [fb.tensor(x).requires_grad_() for x in arrays[:3]]
            gqa = shape[1] != shape[2]
            out = F.scaled_dot_product_attention(*leaves, is_causal=True, enable_gqa=gqa)
            out.backward(fb.tensor(arrays[3]))
            results.append([out.detach().numpy(), *(x.grad.numpy() for x in leaves)])
    finally:
        fb.set_num_threads(threads)
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)
