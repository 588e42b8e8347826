"""With `inputs` given, a node computes only the gradients that lead to them."""

import pytest

import flambeau as torch
from flambeau.nn import functional as F


def made(node, backward):
    """For each input of the node, whether a run computes its gradient."""
    seen = []
    handle = node.register_hook(lambda leaving, _: seen.append([g is not None for g in leaving]))
    backward()
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_only_what_leads_to_the_inputs(create_graph):
    x = torch.randn(1, 2, 5, 5, requires_grad=True)
    w = torch.randn(3, 2, 3, 3, requires_grad=True)
    hidden = x * 2
    y = F.conv2d(hidden, w)
    loss = (y * y).sum()
    options = {"retain_graph": True, "create_graph": create_graph}
    wanted = {(x,): [True, False, False], (w,): [False, True, False], (x, w): [True, True, False]}
    for inputs, expected in wanted.items():
        run = lambda inputs=inputs: torch.autograd.grad(loss, inputs, **options)  # noqa: E731
        assert made(y.grad_fn, run) == expected
    assert made(y.grad_fn, lambda: loss.backward(inputs=[w], **options)) == [False, True, False]
    assert x.grad is None and w.grad is not None
    # A run for all leaves is not bound by what an earlier one skipped.
    assert made(y.grad_fn, lambda: loss.backward()) == [True, True, False]
    assert x.grad is not None


def test_many_inputs_of_one_node():
    parts = [torch.randn(2, requires_grad=True) for _ in range(100)]
    whole = torch.cat(parts)
    for wanted in (0, 63, 64, 99):
        (grad,) = torch.autograd.grad(whole.sum(), parts[wanted], retain_graph=True)
        assert grad.tolist() == [1.0, 1.0]
