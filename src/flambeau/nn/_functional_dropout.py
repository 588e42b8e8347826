"""Dropout of whole channels and the self-normalising kinds."""

from __future__ import annotations

import warnings

import flambeau as fb

Tensor = fb.Tensor

# The value SELU saturates at, -scale * alpha of Klambauer et al. 2017, without its sign.
_SELU_FLOOR = 1.7580993408473766


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _mask_shape(input: Tensor, channels: bool):
    if not channels:
        return input.shape
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return (*input.shape[:2], *[1] * (input.dim() - 2))


def _apply(
    input: Tensor, p: float, training: bool, inplace: bool, channels: bool, alpha: bool
) -> Tensor:
    _check(p)
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        zeros = fb.zeros((), dtype=input.dtype, device=input.device)
        return input.mul_(zeros) if inplace else input * zeros
    keep = input.new_empty(_mask_shape(input, channels)).bernoulli_(1 - p)
    if not alpha:
        keep.div_(1 - p)
        return input.mul_(keep) if inplace else input * keep
    # Dropped values become the floor; scale a and shift b restore mean 0 and variance 1.
    a = 1.0 / ((_SELU_FLOOR**2 * p + 1) * (1 - p)) ** 0.5
    b = (keep - 1).mul_(_SELU_FLOOR * a).add_(_SELU_FLOOR * a * p)
    keep.mul_(a)
    return input.mul_(keep).add_(b) if inplace else input * keep + b


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L) with probability `p`."""
    _check(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D "
            "input. Note that dropout1d exists to provide channel-wise dropout on "
            "inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    return _unbatched(input, 3, p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of (N, C, H, W) with probability `p`; (N, C, L) is accepted too."""
    _check(p)
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is "
            "deprecated and will result in an error in a future release. To retain the "
            "behavior and silence this warning, please use dropout instead.",
            stacklevel=2,
        )
    if input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise "
            "1D dropout behavior is desired - input is interpreted as shape (N, C, L), "
            "where C is the channel dim.",
            stacklevel=2,
        )
    return _apply(input, p, training, inplace, channels=True, alpha=False)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W) with probability `p`."""
    _check(p)
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is "
            "deprecated and will result in an error in a future release. To retain the "
            "behavior and silence this warning, please use dropout instead.",
            stacklevel=2,
        )
    return _unbatched(input, 5, p, training, inplace)


def _unbatched(input, batched_dims, p, training, inplace):
    if input.dim() >= batched_dims or input.dim() < batched_dims - 1:
        return _apply(input, p, training, inplace, channels=True, alpha=False)
    batch = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    result = _apply(batch, p, training, inplace, channels=True, alpha=False)
    return result.squeeze_(0) if inplace else result.squeeze(0)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean and variance of SELU activations (Klambauer et al. 2017)."""
    return _apply(input, p, training, inplace, channels=False, alpha=True)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """alpha_dropout of whole channels."""
    return _apply(input, p, training, inplace, channels=True, alpha=True)
