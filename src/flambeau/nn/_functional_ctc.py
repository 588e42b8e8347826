"""Connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import flambeau as fb


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
    device = log_probs.device
    input_lengths = fb.as_tensor(input_lengths, dtype=fb.int64, device=device).reshape(-1)
    target_lengths = fb.as_tensor(target_lengths, dtype=fb.int64, device=device).reshape(-1)
    nll, _ = fb._C._ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, zero_infinity
    )
    if reduction == "sum":
        return nll.sum()
    if reduction == "mean":
        return (nll / target_lengths.clamp(min=1).to(nll.dtype)).mean()
    return nll.squeeze(0) if unbatched else nll
