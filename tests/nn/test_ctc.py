"""ctc_loss: lengths that vary, labels that repeat, no way at all, derivatives of both orders."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as fb
from flambeau.nn import functional as F

from . import reference as r

TARGETS = [[1, 2, 2], [2, 2, 1], [1, 1, 2]]


def log_probs(*shape, dtype=fb.float64):
    fb.manual_seed(0)
    return fb.randn(*shape, dtype=dtype).log_softmax(-1).detach()


def loss(x, inputs, labels, **options):
    return F.ctc_loss(x, fb.tensor(TARGETS), fb.tensor(inputs), fb.tensor(labels), **options)


@pytest.mark.parametrize("lengths", [([5, 4, 3], [2, 1, 0]), ([5, 5, 4], [3, 3, 3])])
def test_all_paths(lengths):
    x = log_probs(5, 3, 3)
    want = r.ctc(x.numpy(), np.array(TARGETS), *lengths)
    assert loss(x, *lengths).item() == pytest.approx(want, rel=1e-12)
    flat = fb.tensor([c for row, n in zip(TARGETS, lengths[1], strict=True) for c in row[:n]])
    one = F.ctc_loss(x, flat, *map(fb.tensor, lengths))
    assert one.item() == loss(x, *lengths).item()


def test_derivatives():
    x = log_probs(5, 3, 3).requires_grad_()

    def run(v):
        return loss(v, [5, 4, 1], [2, 1, 3], reduction="sum", zero_infinity=True)

    assert fb.autograd.gradcheck(run, (x,))
    assert fb.autograd.gradgradcheck(run, (x,))
    (fused,) = fb.autograd.grad(run(x), x)
    (composed,) = fb.autograd.grad(run(x), x, create_graph=True)
    fb.testing.assert_close(fused, composed.detach(), rtol=1e-12, atol=1e-14)
    assert fused[:, 2].abs().max() == 0  # three labels do not fit into one step


def test_no_way():
    x = log_probs(5, 3, 3)
    assert loss(x, [5, 1, 0], [1, 2, 0], reduction="none")[1:].tolist() == [float("inf"), 0.0]
    assert loss(x, [5, 1, 0], [1, 2, 0], reduction="none", zero_infinity=True)[1] == 0


def test_gradient_does_not_depend_on_threads():
    x = log_probs(60, 33, 20, dtype=fb.float32).requires_grad_()
    targets = fb.randint(1, 20, (33, 11))
    lengths = fb.full((33,), 60), fb.randint(1, 12, (33,))
    before, found = fb.get_num_threads(), []
    for threads in (1, 3):
        fb.set_num_threads(threads)
        found.append(fb.autograd.grad(F.ctc_loss(x, targets, *lengths), x)[0].numpy().tobytes())
    fb.set_num_threads(before)
    assert found[0] == found[1]


def test_refuses():
    x = log_probs(5, 3, 3)
    with pytest.raises(RuntimeError, match="labels must be between 0 and 2"):
        F.ctc_loss(x, fb.full((3, 2), 3), fb.full((3,), 5), fb.full((3,), 2))
    with pytest.raises(RuntimeError, match="input_lengths"):
        loss(x, [6, 5, 5], [1, 1, 1])
    with pytest.raises(RuntimeError, match="target"):
        loss(x, [5, 5, 5], [4, 1, 1])
    with pytest.raises(RuntimeError, match="batch_size = 3"):
        loss(x, [5, 5], [1, 1])
