"""Every way that a recurrent layer is computed: sequences or units shared out, or neither."""

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn.utils.rnn import pack_sequence

# steps, batch, inputs, hidden
PATHS = {
    "few steps": (3, 7, 5, 40),
    "little work": (9, 3, 4, 20),
    "sequences shared out": (12, 13, 10, 72),
    "sequences shared out, equal panels": (10, 16, 9, 64),
    "units shared out": (5, 14, 6, 208),
    "many sequences": (4, 75, 6, 208),
}
LAYERS = ["LSTM", "GRU", "RNN"]


def layer_of(layer, name):
    _, _, inputs, hidden = PATHS[name]
    torch.manual_seed(0)
    return getattr(nn, layer)(inputs, hidden, bidirectional=True)


def computed(layer, x, weight):
    """The output and the gradients of input and weights; `weight` is the gradient of the output."""
    layer.zero_grad()
    x = x.detach().requires_grad_()
    y = layer(x)[0]
    y.backward(weight)
    return [t.detach().numpy().copy() for t in (y, x.grad, *(p.grad for p in layer.parameters()))]


def inputs_of(name, seed=1):
    steps, batch, inputs, hidden = PATHS[name]
    torch.manual_seed(seed)
    return torch.randn(steps, batch, inputs), torch.randn(steps, batch, 2 * hidden)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", PATHS)
def test_path_is_independent_of_threads(name, layer):
    module, (x, g) = layer_of(layer, name), inputs_of(name)
    threads, results = torch.get_num_threads(), []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            results.append(computed(module, x, g))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", PATHS)
def test_sequences_do_not_meet(name, layer):
    module, (x, g) = layer_of(layer, name), inputs_of(name)
    together = computed(module, x, g)
    alone = [computed(module, x[:, i : i + 1], g[:, i : i + 1]) for i in range(x.shape[1])]
    for k in range(2):
        expected = np.concatenate([r[k] for r in alone], axis=1)
        np.testing.assert_allclose(together[k], expected, rtol=1e-4, atol=1e-5)
    for k in range(2, len(together)):
        expected = sum(r[k].astype(np.float64) for r in alone)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(together[k], expected, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("layer", LAYERS)
def test_sequences_of_unequal_length_are_shared_out(layer):
    module = layer_of(layer, "sequences shared out")
    x, _ = inputs_of("sequences shared out")
    lengths = [12, 12, 11, 9, 9, 9, 5, 4, 4, 2, 2, 1, 1]
    sequences = [x[:n, i] for i, n in enumerate(lengths)]
    y, _ = module(pack_sequence(sequences))
    y.data.square().sum().backward()
    grads = [p.grad.numpy().copy() for p in module.parameters()]
    module.zero_grad()
    alone = [module(s.unsqueeze(1))[0].squeeze(1) for s in sequences]
    for s in alone:
        s.square().sum().backward()
    expected = pack_sequence(alone).data.detach().numpy()
    np.testing.assert_allclose(y.data.detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    for a, p in zip(grads, module.parameters(), strict=True):
        b = p.grad.numpy()
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())
