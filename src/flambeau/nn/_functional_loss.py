"""Losses. Natively computed ones get here only their old arguments and their checks."""

from __future__ import annotations

import math
import warnings

import flambeau as fb

from . import _native as native
from ._functional_norm import pairwise_distance

Tensor = fb.Tensor


def legacy_reduction(size_average, reduce, warn: bool = True) -> str:
    """The reduction that the old arguments `size_average` and `reduce` stand for."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    reduction = ("mean" if size_average else "sum") if reduce else "none"
    if warn:
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            stacklevel=4,
        )
    return reduction


def _reduction(size_average, reduce, reduction: str) -> str:
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    return reduction


def _checked(reduction: str) -> str:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _same_size(input: Tensor, target: Tensor):
    if target.size() != input.size():
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )
    if target.size() != input.size():
        input, target = fb.broadcast_tensors(input, target)
    return input, target


def _weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """Weighted loss; its mean is over the sum of the weights."""
    if weight.size() != loss.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.sum()
    return _reduce(loss, reduction)


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(x - y)^2, averaged, summed or as it is; `weight` makes the mean a weighted one."""
    reduction = _reduction(size_average, reduce, reduction)
    input, target = _same_size(input, target)
    if weight is not None:
        return _weighted(native.mse_loss(input, target, reduction="none"), weight, reduction)
    return native.mse_loss(input, target, reduction=reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|x - y|, averaged, summed or as it is; `weight` makes the mean a weighted one."""
    reduction = _reduction(size_average, reduce, reduction)
    input, target = _same_size(input, target)
    if weight is not None:
        return _weighted(native.l1_loss(input, target, reduction="none"), weight, reduction)
    return native.l1_loss(input, target, reduction=reduction)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """(x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2 (Girshick 2015)."""
    reduction = _reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    input, target = _same_size(input, target)
    if beta == 0.0:
        return native.l1_loss(input, target, reduction=reduction)
    return native.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """(x - y)^2 / 2 where |x - y| <= delta, else delta (|x - y| - delta / 2) (Huber 1964).

    `weight` scales the elements; the mean is over their number, as without it.
    """
    input, target = _same_size(input, target)
    if weight is not None:
        if weight.size() != input.size():
            raise ValueError("Weights and input must have the same size.")
        loss = native.huber_loss(input, target, reduction="none", delta=delta)
        return _reduce(loss * weight, reduction)
    return native.huber_loss(input, target, reduction=reduction, delta=delta)


def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """-log softmax(x)[y] for class numbers y, or -sum(y log softmax(x)) for probabilities y.

    `input` is (N, C, *) or (C,). `weight` (C,) scales classes and the mean's denominator; targets
    equal to `ignore_index` do not count; `label_smoothing` mixes in the uniform distribution.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    return native.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"
):
    """-x[y] for log-probabilities x (N, C, *) or (C,) and class numbers y."""
    reduction = _reduction(size_average, reduce, reduction)
    return native.nll_loss(
        input, target, weight=weight, ignore_index=ignore_index, reduction=reduction
    )


def binary_cross_entropy(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """-(y log x + (1 - y) log(1 - x)), x and y in [0, 1]; logarithms are cut off at -100."""
    reduction = _reduction(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input "
            f"size ({input.size()}) is deprecated. Please ensure they have the same "
            "size."
        )
    if weight is not None:
        weight = weight.expand(fb.broadcast_shapes(weight.size(), target.size()))
    return native.binary_cross_entropy(input, target, weight=weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
):
    """binary_cross_entropy of sigmoid(x), without overflow; `pos_weight` scales y log x."""
    reduction = _reduction(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(
            f"Target size ({target.size()}) must be the same as input size ({input.size()})"
        )
    return native.binary_cross_entropy_with_logits(
        input, target, weight=weight, reduction=reduction, pos_weight=pos_weight
    )


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """y (log y - x) for log-probabilities x; y are probabilities, or logarithms if `log_target`.

    reduction "batchmean" divides the sum by the first dimension, which is the divergence itself.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the "
            "support size.'batchmean' divides only by the batch size, and aligns with "
            "the KL div math definition.'mean' will be changed to behave the same as "
            "'batchmean' in the next major release.",
            stacklevel=2,
        )
    if reduction == "batchmean":
        total = native.kl_div(input, target, reduction="sum", log_target=log_target)
        return total / input.size(0) if input.dim() else total
    return native.kl_div(input, target, reduction=reduction, log_target=log_target)


def poisson_nll_loss(
    input,
    target,
    log_input=True,
    full=False,
    size_average=None,
    eps=1e-8,
    reduce=None,
    reduction="mean",
):
    """exp(x) - y x if `log_input`, else x - y log(x + eps); `full` adds Stirling's log y!."""
    reduction = _reduction(size_average, reduce, reduction)
    if log_input:
        loss = fb.exp(input) - target * input
    else:
        loss = input - target * fb.log(input + eps)
    if full:
        stirling = target * fb.log(target) - target + 0.5 * fb.log(2 * math.pi * target)
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return _reduce(loss, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log v + (x - y)^2 / v) / 2 with v = max(var, eps); `full` adds log(2 pi) / 2.

    `var` has the size of `input`, or one number per row (Nix & Weigend 1994).
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * fb.ones_like(input)
    elif fb.any(var < 0):
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif var.dim() != input.dim() or any(
            v not in (1, n) for v, n in zip(var.size(), input.size())
        ):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    var = var.clone()
    with fb.no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (fb.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduce(loss, reduction)


def hinge_embedding_loss(
    input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"
):
    """x where y = 1, max(0, margin - x) where y = -1."""
    reduction = _reduction(size_average, reduce, reduction)
    zero = fb.zeros((), dtype=input.dtype, device=input.device)
    loss = fb.where(target != 1, (margin - input).clamp_min(0), zero) + fb.where(
        target != -1, input, zero
    )
    return _reduce(loss, reduction)


def margin_ranking_loss(
    input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"
):
    """max(0, -y (x1 - x2) + margin)."""
    reduction = _reduction(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but "
            f"got sizes: input1: {input1.size()}, input2: {input2.size()}, "
            f"target: {target.size()} "
        )
    return _reduce((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-y x)) for y of -1 and 1."""
    reduction = _reduction(size_average, reduce, reduction)
    return _reduce(fb.log1p(fb.exp(-target * input)), reduction)


def cosine_embedding_loss(
    input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"
):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1."""
    reduction = _reduction(size_average, reduce, reduction)
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.dim() != target.dim() + 1 or input2.dim() != target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input "
            f"tensors, but found inputs with sizes {list(input1.size())} and "
            f"{list(input2.size())}."
        )
    tiny = 1e-12
    dot = (input1 * input2).sum(-1)
    cos = dot / fb.sqrt(((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny))
    zero = fb.zeros_like(cos)
    loss = fb.where(target == 1, 1 - cos, zero) + fb.where(
        target == -1, (cos - margin).clamp_min(0), zero
    )
    return _reduce(loss, reduction)


def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2,
    eps=1e-6,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """max(0, d(a, p) - d(a, n) + margin) with the p-norm distance (Balntas et al. 2016).

    `swap` uses the smaller of d(a, n) and d(p, n).
    """
    reduction = _reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the "
            f"same number of dimensions, but got: anchor {anchor.dim()}D, positive "
            f"{positive.dim()}D, and negative {negative.dim()}D inputs"
        )
    return _triplet(
        lambda a, b: pairwise_distance(a, b, p, eps),
        anchor,
        positive,
        negative,
        margin,
        swap,
        reduction,
    )


def _triplet(distance, anchor, positive, negative, margin, swap, reduction):
    near = distance(anchor, positive)
    far = distance(anchor, negative)
    if swap:
        far = fb.minimum(far, distance(positive, negative))
    return _reduce((margin + near - far).clamp_min(0), reduction)


def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """triplet_margin_loss with any distance, a function of two tensors."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the "
            f"same number of dimensions, but got: anchor {anchor.dim()}D, positive "
            f"{positive.dim()}D, and negative {negative.dim()}D inputs"
        )
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


def _rows(name, input, target):
    """`input` and `target` as matrices of one row per sample."""
    if input.dim() == 0:
        return input.reshape(1, 1)
    if input.dim() > 2 or input.size(-1) == 0:
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch "
            f"size, but got: {list(input.shape)}"
        )
    return input if input.dim() == 2 else input.unsqueeze(0)


def multi_margin_loss(
    input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """sum over i != y of w[y] max(0, margin - x[y] + x[i])^p, over the number of classes."""
    reduction = _checked(_reduction(size_average, reduce, reduction))
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    x = _rows("multi_margin_loss", input, target)
    classes = x.size(1)
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(
            f"multi_margin_loss: inconsistent weight size, expected {classes} but "
            f"got {list(weight.shape)}"
        )
    y = target.reshape(-1)
    if y.numel() != x.size(0):
        raise RuntimeError(
            f"multi_margin_loss: inconsistent target size, expected {x.size(0)} but "
            f"got {list(target.shape)}"
        )
    if y.numel() and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise RuntimeError(
            f"multi_margin_loss: target out of range, classes are 0 to {classes - 1}"
        )
    y = y.unsqueeze(1)
    gap = (margin - x.gather(1, y) + x).clamp_min(0)
    if p == 2:
        gap = gap * gap
    if weight is not None:
        gap = gap * weight[y]
    own = fb.zeros_like(x, dtype=fb.bool).scatter(1, y, True)
    loss = gap.masked_fill(own, 0).sum(1) / classes
    return _reduce(loss if target.dim() else loss.squeeze(0), reduction)


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """sum over labels j and non-labels i of max(0, 1 - (x[j] - x[i])), over the number of classes.

    Each row of `target` lists class numbers up to the first -1.
    """
    reduction = _checked(_reduction(size_average, reduce, reduction))
    x = _rows("multilabel_margin_loss", input, target)
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    y = target if target.dim() == 2 else target.reshape(1, -1)
    classes = x.size(1)
    if y.numel() and (int(y.min()) < -1 or int(y.max()) >= classes):
        raise RuntimeError(
            "multilabel_margin_loss: target out of range, classes are 0 to "
            f"{classes - 1}, and -1 ends the list"
        )
    listed = (y < 0).to(fb.int64).cumsum(1) == 0
    y = y.clamp(min=0)
    counts = fb.zeros_like(y).scatter_add(1, y, listed.to(fb.int64))
    # The others that come within 1 of a label are the first ones in descending order: their sum
    # over a row is one of its running sums.
    wide = x.to(fb.float64)
    others = (-wide).masked_fill(counts != 0, float("inf")).sort(1)[0]
    sums = fb.cat([wide.new_zeros((x.size(0), 1)), others.cumsum(1)], 1)
    bound = 1 - wide.gather(1, y)
    near = fb.searchsorted(others.detach(), bound.detach())
    gaps = (near * bound - sums.gather(1, near)).masked_fill(~listed, 0)
    loss = (gaps.sum(1) / classes).to(x.dtype)
    return _reduce(loss if input.dim() == 2 else loss.squeeze(0), reduction)


def multilabel_soft_margin_loss(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """Mean over classes of -(y log sigmoid(x) + (1 - y) log sigmoid(-x)), times `weight`."""
    reduction = _reduction(size_average, reduce, reduction)
    loss = -(target * native.logsigmoid(input) + (1 - target) * native.logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return _reduce(loss.sum(dim=-1) / input.size(-1), reduction)
