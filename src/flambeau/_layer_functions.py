"""Functions of layers whose arguments stand in another order than in ``nn.functional``.

PyTorch has both: ``torch.embedding(weight, indices)`` and ``F.embedding(indices, weight)``.
"""

from __future__ import annotations

from . import _C

__all__ = ["batch_norm", "dropout", "embedding", "group_norm", "instance_norm", "layer_norm"]


def batch_norm(
    input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=False
):
    """Batch normalisation of ``input`` (N, C, *); see :func:`flambeau.nn.functional.batch_norm`.

    ``cudnn_enabled`` is there for programs that pass it; it changes nothing.
    """
    return _C.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input,
    weight,
    bias,
    running_mean,
    running_var,
    use_input_stats,
    momentum,
    eps,
    cudnn_enabled=False,
):
    """Instance normalisation of (N, C, *); see :func:`flambeau.nn.functional.instance_norm`."""
    return _C.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    """Normalisation over the last dimensions; see :func:`flambeau.nn.functional.layer_norm`."""
    return _C.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    """Normalisation over groups of channels; see :func:`flambeau.nn.functional.group_norm`."""
    return _C.group_norm(input, num_groups, weight, bias, eps)


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """Rows of ``weight`` (V, D) at ``indices`` (*), as (*, D).

    ``padding_idx`` of -1 means none, unlike in :func:`flambeau.nn.functional.embedding`, where it
    is the last row.
    """
    place = None if padding_idx == -1 else padding_idx
    return _C.embedding(
        indices, weight, place, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


def dropout(input, p, train):
    """Zeroes elements with probability ``p`` and scales the rest by 1 / (1 - p) when ``train``."""
    return _C.dropout(input, p, train)
