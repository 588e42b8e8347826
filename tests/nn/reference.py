"""Modules again in NumPy, as plainly as possible: loops where loops are clearer."""

from __future__ import annotations

import itertools
import math

import numpy as np

erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def softmax(x, dim=-1):
    e = np.exp(x - x.max(axis=dim, keepdims=True))
    return e / e.sum(axis=dim, keepdims=True)


def log_softmax(x, dim=-1):
    return np.log(softmax(x, dim))


def tuples(value, n):
    return (value,) * n if np.isscalar(value) else tuple(value)


def conv(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of (N, C, *)."""
    n = x.ndim - 2
    stride, padding, dilation = tuples(stride, n), tuples(padding, n), tuples(dilation, n)
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding])
    kernel = w.shape[2:]
    out = [(x.shape[2 + d] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1 for d in range(n)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for g in range(groups):
        xg = x[:, g * per_in : (g + 1) * per_in]
        for o in range(g * per_out, (g + 1) * per_out):
            for at in itertools.product(*map(range, out)):
                window = tuple(
                    slice(a * s, a * s + d * (k - 1) + 1, d)
                    for a, s, d, k in zip(at, stride, dilation, kernel)
                )
                y[(slice(None), o, *at)] = (
                    (xg[(slice(None), slice(None), *window)] * w[o]).reshape(x.shape[0], -1).sum(1)
                )
    return y if b is None else y + b.reshape(1, -1, *[1] * n)


def conv_transpose(x, w, b, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Scatter every input element, times the kernel."""
    n = x.ndim - 2
    stride, padding, dilation = tuples(stride, n), tuples(padding, n), tuples(dilation, n)
    extra = tuples(output_padding, n)
    kernel = w.shape[2:]
    full = [
        (x.shape[2 + d] - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + 1 + extra[d]
        for d in range(n)
    ]
    per_in, per_out = x.shape[1] // groups, w.shape[1]
    y = np.zeros((x.shape[0], per_out * groups, *full))
    for c in range(x.shape[1]):
        o = c // per_in * per_out
        for at in itertools.product(*map(range, x.shape[2:])):
            window = tuple(
                slice(a * s, a * s + d * (k - 1) + 1, d)
                for a, s, d, k in zip(at, stride, dilation, kernel)
            )
            y[(slice(None), slice(o, o + per_out), *window)] += (
                x[(slice(None), c, *at)].reshape(-1, 1, *[1] * n) * w[c]
            )
    y = y[(slice(None), slice(None), *(slice(p, f - p) for p, f in zip(padding, full)))]
    return y if b is None else y + b.reshape(1, -1, *[1] * n)


def pool(x, reduce, kernel, stride=None, padding=0, fill=0.0):
    n = x.ndim - 2
    kernel = tuples(kernel, n)
    stride = kernel if stride is None else tuples(stride, n)
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in tuples(padding, n)], constant_values=fill)
    out = [(x.shape[2 + d] - kernel[d]) // stride[d] + 1 for d in range(n)]
    y = np.zeros((*x.shape[:2], *out))
    for at in itertools.product(*map(range, out)):
        window = tuple(slice(a * s, a * s + k) for a, s, k in zip(at, stride, kernel))
        part = x[(slice(None), slice(None), *window)].reshape(*x.shape[:2], -1)
        y[(slice(None), slice(None), *at)] = reduce(part)
    return y


def adaptive_pool(x, reduce, size):
    n = x.ndim - 2
    size = [x.shape[2 + d] if s is None else s for d, s in enumerate(tuples(size, n))]
    y = np.zeros((*x.shape[:2], *size))
    for at in itertools.product(*map(range, size)):
        window = tuple(
            slice(a * m // s, -(-(a + 1) * m // s)) for a, s, m in zip(at, size, x.shape[2:])
        )
        part = x[(slice(None), slice(None), *window)].reshape(*x.shape[:2], -1)
        y[(slice(None), slice(None), *at)] = reduce(part)
    return y


def largest(part):
    return part.max(-1)


def average(part):
    return part.mean(-1)


def power_mean(p):
    return lambda part: (part**p).sum(-1) ** (1 / p)


def pad(x, widths, mode="constant", value=0.0):
    spec = [(0, 0)] * x.ndim
    for i in range(len(widths) // 2):
        spec[x.ndim - 1 - i] = (widths[2 * i], widths[2 * i + 1])
    if mode == "constant":
        return np.pad(x, spec, constant_values=value)
    return np.pad(
        x, spec, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    )


def standardise(x, axes, eps):
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


def per_channel(p, x):
    return p.reshape(1, -1, *[1] * (x.ndim - 2))


def group_norm(x, groups, w, b, eps=1e-5):
    y = standardise(x.reshape(x.shape[0], groups, -1), -1, eps).reshape(x.shape)
    return y * per_channel(w, x) + per_channel(b, x)


def attention(x_q, x_k, x_v, w, b, w_o, b_o, heads):
    """Batch-second attention; returns output and averaged weights."""
    (w_q, w_k, w_v), (b_q, b_k, b_v) = np.split(w, 3), np.split(b, 3)
    q, k, v = x_q @ w_q.T + b_q, x_k @ w_k.T + b_k, x_v @ w_v.T + b_v
    size = q.shape[-1] // heads
    out, weights = np.zeros_like(q), 0
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        s = np.einsum("lne,sne->nls", q[..., part], k[..., part]) / math.sqrt(size)
        a = softmax(s)
        out[..., part] = np.einsum("nls,sne->lne", a, v[..., part])
        weights = weights + a / heads
    return out @ w_o.T + b_o, weights


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = np.split(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = np.split(x @ w_ih.T + b_ih, 3, -1)
    hr, hz, hn = np.split(h @ w_hh.T + b_hh, 3, -1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return (1 - z) * np.tanh(xn + r * hn) + z * h


def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return np.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def recurrent(kind, x, p, layers=1, bidirectional=False):
    """All layers over (T, N, I) from zero states; the output only."""
    for layer in range(layers):
        outs = []
        for suffix in ["", "_reverse"][: 2 if bidirectional else 1]:
            w = [
                p[f"{n}_l{layer}{suffix}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            h = c = np.zeros((x.shape[1], w[1].shape[1]))
            out = np.zeros((*x.shape[:2], h.shape[1]))
            for t in (reversed if suffix else iter)(range(x.shape[0])):
                if kind == "LSTM":
                    h, c = lstm_step(x[t], h, c, *w)
                else:
                    h = (gru_step if kind == "GRU" else rnn_step)(x[t], h, *w)
                out[t] = h
            outs.append(out)
        x = np.concatenate(outs, -1)
    return x


def ctc(log_probs, targets, input_lengths, target_lengths, blank=0):
    """Mean over samples of -log p / target length, p summed over all paths (tiny sizes only)."""
    losses = []
    for n in range(log_probs.shape[1]):
        wanted, total = list(targets[n, : target_lengths[n]]), 0.0
        for path in itertools.product(range(log_probs.shape[2]), repeat=int(input_lengths[n])):
            merged = [k for k, _ in itertools.groupby(path)]
            if [k for k in merged if k != blank] == wanted:
                total += math.exp(sum(log_probs[t, n, k] for t, k in enumerate(path)))
        losses.append(-math.log(total) / max(len(wanted), 1))
    return np.mean(losses)
