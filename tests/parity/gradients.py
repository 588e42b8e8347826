"""Comparison of first and second gradients."""

from __future__ import annotations

import torch

import flambeau

from .compare import Mismatch, check_same
from .convert import NotApplicable, to_flambeau, to_torch


def compare_grads(outs_theirs, ins_theirs, outs_ours, ins_ours, tolerances, double):
    """Raises Mismatch unless the gradients of both sides agree for the same random seeds.

    With `double` the gradients of the gradients are compared as well.
    """
    ins_theirs = [t for t in ins_theirs if t.requires_grad]
    ins_ours = [t for t in ins_ours if t.requires_grad]
    pairs = [(a, b) for a, b in zip(outs_theirs, outs_ours) if a.requires_grad]
    if not pairs:
        return
    outs_theirs, outs_ours = zip(*pairs)
    torch.manual_seed(5)
    seeds = [torch.randn(t.shape, dtype=t.dtype).requires_grad_(double) for t in outs_theirs]
    seeds_ours = to_flambeau(seeds)
    grads = torch.autograd.grad(
        outs_theirs, ins_theirs, seeds, allow_unused=True, create_graph=double
    )
    grads_ours = flambeau.autograd.grad(
        outs_ours, ins_ours, seeds_ours, allow_unused=True, create_graph=double
    )
    _same_grads(grads_ours, grads, "gradient", tolerances)
    if not double:
        return
    firsts = [(a, b) for a, b in zip(grads, grads_ours) if a is not None and a.requires_grad]
    if not firsts:
        raise NotApplicable("the gradient is constant")
    weights = [torch.randn(a.shape, dtype=a.dtype) for a, _ in firsts]
    try:
        second = torch.autograd.grad(
            [a for a, _ in firsts], [*ins_theirs, *seeds], weights, allow_unused=True
        )
    except RuntimeError as reason:
        if "is not implemented" not in str(reason):
            raise
        raise NotApplicable("torch has no second gradient")
    for i, (_, b) in enumerate(firsts):
        if b is None or not b.requires_grad:
            raise Mismatch(f"the gradient {i} is not differentiable")
    second_ours = flambeau.autograd.grad(
        [b for _, b in firsts], [*ins_ours, *seeds_ours], to_flambeau(weights), allow_unused=True
    )
    _same_grads(second_ours, second, "second gradient", tolerances)


def _same_grads(ours, theirs, what, tolerances):
    for i, (a, b) in enumerate(zip(ours, theirs)):
        # No gradient and a gradient of zeros mean the same.
        if a is None and b is None:
            continue
        if b is None:
            b = torch.zeros(tuple(a.shape), dtype=to_torch(a).dtype)
        if a is None:
            if b.count_nonzero():
                raise Mismatch(f"{what} {i} is None")
            continue
        check_same(a, b, f"{what} {i}", **tolerances)
