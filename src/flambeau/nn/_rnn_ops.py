"""Recurrent layers as functions: Elman networks, LSTM with projection, GRU.

The input's share of the gates is one product for all steps; only the hidden state's share is
computed step by step.
"""

from __future__ import annotations

import flambeau as fb

from . import _native as native


def _rnn_tanh(gates_x, state, w_hh, b_hh, w_hr):
    return (native.tanh(gates_x + native.linear(state[0], w_hh, b_hh)),)


def _rnn_relu(gates_x, state, w_hh, b_hh, w_hr):
    return (native.relu(gates_x + native.linear(state[0], w_hh, b_hh)),)


def _lstm(gates_x, state, w_hh, b_hh, w_hr):
    h, c = state
    i, f, g, o = (gates_x + native.linear(h, w_hh, b_hh)).chunk(4, -1)
    c = native.sigmoid(f) * c + native.sigmoid(i) * native.tanh(g)
    h = native.sigmoid(o) * native.tanh(c)
    return (h if w_hr is None else native.linear(h, w_hr)), c


def _gru(gates_x, state, w_hh, b_hh, w_hr):
    h = state[0]
    xr, xz, xn = gates_x.chunk(3, -1)
    hr, hz, hn = native.linear(h, w_hh, b_hh).chunk(3, -1)
    r = native.sigmoid(xr + hr)
    z = native.sigmoid(xz + hz)
    n = native.tanh(xn + r * hn)
    return (n + z * (h - n),)


STEPS = {"RNN_TANH": _rnn_tanh, "RNN_RELU": _rnn_relu, "LSTM": _lstm, "GRU": _gru}
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def cell(mode: str, x, state, w_ih, w_hh, b_ih, b_hh):
    """One step of (N, I) from `state` (a tuple); returns the new state as a tuple."""
    return STEPS[mode](native.linear(x, w_ih, b_ih), state, w_hh, b_hh, None)


def _run_dense(step, gates, state, weights, reverse):
    """Steps over (T, N, G). Returns outputs (T, N, H) and the last state."""
    outputs = []
    steps = gates.unbind(0)
    for g in reversed(steps) if reverse else steps:
        state = step(g, state, *weights)
        outputs.append(state[0])
    if reverse:
        outputs.reverse()
    return fb.stack(outputs), state


def _run_packed(step, gates, sizes, state, weights, reverse):
    """Steps over packed (sum of sizes, G)."""
    chunks = gates.split(sizes)
    outputs = [None] * len(sizes)
    if reverse:
        # Sequences join as time runs backwards: the shorter, the later.
        initial = state
        n = sizes[-1]
        state = tuple(s[:n] for s in initial)
        for t in range(len(sizes) - 1, -1, -1):
            if sizes[t] > n:
                state = tuple(fb.cat([s, i[n:sizes[t]]]) for s, i in zip(state, initial))
                n = sizes[t]
            state = step(chunks[t], state, *weights)
            outputs[t] = state[0]
        return fb.cat(outputs), state
    finished = []
    n = sizes[0]
    for t, size in enumerate(sizes):
        if size < n:
            finished.append(tuple(s[size:] for s in state))
            state = tuple(s[:size] for s in state)
            n = size
        state = step(chunks[t], state, *weights)
        outputs[t] = state[0]
    finished.append(state)
    return fb.cat(outputs), tuple(fb.cat(parts[::-1]) for parts in zip(*finished))


def run(mode: str, x, batch_sizes, hx: tuple, weights: list, dropout: float, training: bool,
        bidirectional: bool):
    """All layers of a recurrent network.

    x: (T, N, I), or packed (sum, I) with `batch_sizes` a list of ints. hx: tensors (layers *
    directions, N, H), one for RNN and GRU, two (hidden, cell) for LSTM. weights: for each layer and
    direction [w_ih, w_hh, b_ih or None, b_hh or None, w_hr or None]. Returns (output, *states).
    """
    step = STEPS[mode]
    directions = 2 if bidirectional else 1
    layers = len(weights) // directions
    states = list(zip(*(h.unbind(0) for h in hx)))
    last = []
    for layer in range(layers):
        outputs = []
        for d in range(directions):
            k = layer * directions + d
            w_ih, w_hh, b_ih, b_hh, w_hr = weights[k]
            gates = native.linear(x, w_ih, b_ih)
            rest = (w_hh, b_hh, w_hr)
            if batch_sizes is None:
                out, state = _run_dense(step, gates, states[k], rest, reverse=d == 1)
            else:
                out, state = _run_packed(step, gates, batch_sizes, states[k], rest,
                                         reverse=d == 1)
            outputs.append(out)
            last.append(state)
        x = outputs[0] if directions == 1 else fb.cat(outputs, dim=-1)
        if dropout and training and layer < layers - 1:
            x = native.dropout(x, dropout, True)
    return (x, *(fb.stack(parts) for parts in zip(*last)))
