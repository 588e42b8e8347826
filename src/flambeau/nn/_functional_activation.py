"""Activations that are more than one native operator, and in-place spellings."""

from __future__ import annotations

import warnings

import flambeau as fb

from . import _native as native

Tensor = fb.Tensor


def _implicit_dim(name: str, ndim: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype=None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`; computed in `dtype` when given."""
    if dim is None:
        dim = _implicit_dim("softmax", input.dim())
    return native.softmax(input, dim) if dtype is None else native.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype=None) -> Tensor:
    """log(softmax(x)) along `dim`, computed without overflow."""
    if dim is None:
        dim = _implicit_dim("log_softmax", input.dim())
    if dtype is None:
        return native.log_softmax(input, dim)
    return native.log_softmax(input, dim, dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype=None) -> Tensor:
    """softmax(-x) along `dim`."""
    if dim is None:
        dim = _implicit_dim("softmin", input.dim())
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A differentiable draw from the categorical distribution (Jang et al. 2016).

    `tau` is the temperature. `hard` returns one-hot vectors with the gradient of the soft ones.
    `eps` is not used.
    """
    gumbels = -fb.empty_like(logits).exponential_().log()
    soft = native.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = fb.zeros_like(logits).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft


def relu_(input: Tensor) -> Tensor:
    """In-place relu."""
    return native.relu(input, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place elu."""
    return native.elu(input, alpha, inplace=True)


def selu_(input: Tensor) -> Tensor:
    """In-place selu."""
    return native.selu(input, inplace=True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place celu."""
    return native.celu(input, alpha, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place leaky_relu."""
    return native.leaky_relu(input, negative_slope, inplace=True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place hardtanh."""
    return native.hardtanh(input, min_val, max_val, inplace=True)


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """In-place rrelu."""
    return native.rrelu(input, lower, upper, training, inplace=True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place threshold."""
    return native.threshold(input, threshold, value, inplace=True)
