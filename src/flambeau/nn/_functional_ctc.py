"""Connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import flambeau as fb

# Stands for log 0: finite, so that gradients stay finite where no alignment exists.
_LOG_ZERO = -1e30


def _lengths(name: str, lengths, batch: int, device):
    lengths = fb.as_tensor(lengths, dtype=fb.int64, device=device).reshape(-1)
    if lengths.numel() != batch:
        raise RuntimeError(
            f"ctc_loss: {name} must be of size batch_size = {batch}, but got {lengths.numel()}"
        )
    return lengths


def _target_matrix(targets, target_lengths, batch: int):
    """Targets as (batch, longest), whatever their form."""
    longest = int(target_lengths.max()) if batch else 0
    if targets.dim() == 2:
        if targets.size(0) != batch or targets.size(1) < longest:
            raise RuntimeError(
                f"ctc_loss: expected targets to have size at least ({batch}, "
                f"{longest}), but got {list(targets.shape)}"
            )
        return targets[:, :longest]
    if targets.dim() != 1:
        raise RuntimeError(f"ctc_loss: targets must be 1D or 2D, but got {targets.dim()}D")
    total = int(target_lengths.sum())
    if targets.numel() != total:
        raise RuntimeError(
            f"ctc_loss: the concatenated targets hold {targets.numel()} labels, but "
            f"target_lengths add up to {total}"
        )
    ends = target_lengths.cumsum(0)
    index = (ends - target_lengths).unsqueeze(1) + fb.arange(longest, device=targets.device)
    if total == 0:
        return targets.new_zeros((batch, longest))
    return targets[index.clamp(max=total - 1)]


def ctc_loss(
    log_probs,
    targets,
    input_lengths,
    target_lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
):
    """Negative log-probability of `targets` summed over all alignments.

    `log_probs` is (T, N, C) or (T, C), already log_softmax'ed; `targets` (N, S), or the labels of
    all samples one after another. "mean" divides each loss by its target length first.
    `zero_infinity` replaces infinite losses (targets too long for their input) by zero.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    unbatched = log_probs.dim() == 2
    if unbatched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.reshape(1, -1) if isinstance(targets, fb.Tensor) else targets
    if log_probs.dim() != 3:
        raise RuntimeError(f"ctc_loss: log_probs must be 2D or 3D, but got {log_probs.dim()}D")
    steps, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    device = log_probs.device
    input_lengths = _lengths("input_lengths", input_lengths, batch, device)
    target_lengths = _lengths("target_lengths", target_lengths, batch, device)
    if batch and (int(input_lengths.max()) > steps or int(input_lengths.min()) < 0):
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value "
            f"{int(input_lengths.max())}"
        )
    if batch and int(target_lengths.min()) < 0:
        raise RuntimeError("ctc_loss: target_lengths must not be negative")
    labels = _target_matrix(targets.to(fb.int64), target_lengths, batch)
    if labels.numel() and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        raise RuntimeError(f"ctc_loss: labels must be between 0 and {classes - 1}")
    nll = _negative_log_likelihood(log_probs, labels, input_lengths, target_lengths, blank)
    impossible = nll > -_LOG_ZERO / 2
    nll = fb.where(impossible, nll.new_full((), 0.0 if zero_infinity else float("inf")), nll)
    if reduction == "sum":
        return nll.sum()
    if reduction == "mean":
        return (nll / target_lengths.clamp(min=1).to(nll.dtype)).mean()
    return nll.squeeze(0) if unbatched else nll


def _negative_log_likelihood(log_probs, labels, input_lengths, target_lengths, blank):
    steps, batch, _ = log_probs.shape
    # Blanks before, between and after the labels: l_0 .. l_2S.
    states = 2 * labels.size(1) + 1
    path = labels.new_full((batch, states), blank)
    path[:, 1::2] = labels
    emit = log_probs.gather(2, path.unsqueeze(0).expand(steps, -1, -1)).clamp_min(_LOG_ZERO)
    # A label may be reached past a blank iff it differs from the label before.
    skip = path.new_zeros(path.shape, dtype=fb.bool)
    if states > 2:
        skip[:, 2:] = (path[:, 2:] != blank) & (path[:, 2:] != path[:, :-2])
    start = fb.arange(states, device=path.device) < 2
    floor = emit.new_full((batch, 2), _LOG_ZERO)
    alpha = emit.new_full((batch, states), _LOG_ZERO)
    if steps:
        alpha = fb.where(start, emit[0], alpha)
    # Without any input only the empty target is possible.
    first = fb.where(
        fb.arange(states, device=path.device) < 1, emit.new_zeros(()), emit.new_full((), _LOG_ZERO)
    )
    alpha = fb.where((input_lengths > 0).unsqueeze(1), alpha, first)
    for t in range(1, steps):
        padded = fb.cat([floor, alpha], dim=1)
        stay, step, jump = alpha, padded[:, 1:-1], padded[:, :-2]
        jump = jump.masked_fill(~skip, _LOG_ZERO)
        new = fb.logsumexp(fb.stack([stay, step, jump]), dim=0) + emit[t]
        alpha = fb.where((t < input_lengths).unsqueeze(1), new.clamp_min(_LOG_ZERO), alpha)
    last = (2 * target_lengths).unsqueeze(1)
    end_blank = alpha.gather(1, last).squeeze(1)
    end_label = alpha.gather(1, (last - 1).clamp(min=0)).squeeze(1)
    end_label = end_label.masked_fill(target_lengths == 0, _LOG_ZERO)
    return -fb.logsumexp(fb.stack([end_blank, end_label]), dim=0)
