"""Clipping of gradients by norm and by value."""

from __future__ import annotations

import flambeau as fb
from flambeau import _C

Tensor = fb.Tensor


def _as_list(tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def get_total_norm(
    tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all `tensors` together, as if they were one vector.

    `error_if_nonfinite` raises RuntimeError when it is nan or infinite. `foreach` changes nothing.
    """
    tensors = _as_list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return fb.tensor(0.0)
    if norm_type > 0 and not (fb.is_grad_enabled() and any(t.requires_grad for t in tensors)):
        total = _C._total_norm(tensors, norm_type)
    else:
        norms = [fb.linalg.vector_norm(t, norm_type) for t in tensors]
        total = fb.linalg.vector_norm(fb.stack(norms), norm_type)
    if error_if_nonfinite and not bool(fb.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients in place so that a norm of `total_norm` becomes at most `max_norm`."""
    grads = [p.grad for p in _as_list(parameters) if p.grad is not None]
    if not grads:
        return
    with fb.no_grad():
        _C._scale_(grads, (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0))


def clip_grad_norm_(
    parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of `parameters` in place to a total norm of at most `max_norm`.

    Returns the total norm before clipping.
    """
    parameters = _as_list(parameters)
    with fb.no_grad():
        grads = [p.grad for p in parameters if p.grad is not None]
        total_norm = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total_norm, foreach)
    return total_norm


def clip_grad_norm(
    parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Older name of :func:`clip_grad_norm_`."""
    import warnings

    warnings.warn(
        "`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters, clip_value: float, foreach: bool | None = None) -> None:
    """Clamp the gradients of `parameters` in place to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    with fb.no_grad():
        for p in _as_list(parameters):
            if p.grad is not None:
                p.grad.clamp_(min=-clip_value, max=clip_value)
