"""Look-up tables: embedding with a norm limit, and bags of embeddings."""

from __future__ import annotations

import flambeau as fb

from . import _native as native

Tensor = fb.Tensor


def _row(padding_idx: int | None, rows: int) -> int | None:
    """`padding_idx` counted from the front."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _limit_norms(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows of `weight` named by `indices` to a norm of at most `max_norm`, in place."""
    with fb.no_grad():
        rows = fb.unique(indices.reshape(-1))
        values = weight[rows]
        norms = fb.linalg.vector_norm(values, norm_type, dim=1, keepdim=True)
        scale = fb.where(norms > max_norm, max_norm / (norms + 1e-7), fb.ones_like(norms))
        weight[rows] = values * scale


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` (num_embeddings, dim) at the integers `input`: shape (*input, dim).

    The row `padding_idx` gets no gradient. `max_norm` rescales the rows used, in place, to that
    `norm_type`-norm. `scale_grad_by_freq` divides gradients by how often a row is used.
    """
    if weight.dim() != 2:
        raise RuntimeError(f"embedding(): 'weight' must be 2-D, got {weight.dim()}-D")
    padding_idx = _row(padding_idx, weight.size(0))
    if max_norm is not None:
        _limit_norms(weight, input, max_norm, norm_type)
    return native.embedding(
        input, weight, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


def _check_bag_args(input, offsets, mode, per_sample_weights) -> None:
    if per_sample_weights is not None:
        if input.size() != per_sample_weights.size():
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({tuple(per_sample_weights.shape)}) is not "
                f"None, then it must have the same shape as the input ({tuple(input.shape)})"
            )
        if mode != "sum":
            raise NotImplementedError(
                f"embedding_bag: per_sample_weights is only supported for mode='sum', got '{mode}'"
            )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}"
        )


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of the embeddings in each bag: shape (bags, dim).

    `input` (B, N) is B bags of N; `input` (N,) is cut into bags that start at `offsets`. Empty bags
    give zeros. Entries equal to `padding_idx` do not count.
    """
    _check_bag_args(input, offsets, mode, per_sample_weights)
    padding_idx = _row(padding_idx, weight.size(0))
    if input.dim() == 2:
        bags, length = input.shape
        offsets = (
            fb.arange(0, bags * length, length, device=input.device)
            if length
            else (fb.zeros(bags, dtype=fb.int64, device=input.device))
        )
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    elif include_last_offset:
        if offsets.numel() == 0:
            raise ValueError(
                "embedding_bag: with include_last_offset=True, offsets must hold at "
                "least one number"
            )
        input = input[: int(offsets[-1])]
        offsets = offsets[:-1]
    elif offsets.numel() and int(offsets[0]) != 0:
        raise ValueError(
            f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has "
            f"to start from position 0. However, got {int(offsets[0])}"
        )
    if offsets.numel() and int(offsets[-1]) > input.size(0):
        raise ValueError(
            f"offsets[-1] can not be greater than input's length {input.size(0)}, but "
            f"got offsets[-1] of {int(offsets[-1])}"
        )
    counted = None if padding_idx is None else input != padding_idx
    offsets = offsets.to(fb.int64)
    if mode != "max" and not scale_grad_by_freq and weight.dim() == 2:
        if max_norm is not None:
            _limit_norms(weight, input, max_norm, norm_type)
        return _sum_bags(weight, input, offsets, counted, mode == "mean", per_sample_weights)
    values = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    return _reduce_bags(values, offsets, counted, mode, per_sample_weights)


def _sum_bags(weight, input, offsets, counted, mean, factors):
    if counted is not None:
        ones = counted.to(weight.dtype)
        factors = ones if factors is None else factors * ones
    sums = fb._C._bag_sum(weight, input, offsets, factors)
    if not mean:
        return sums
    if counted is None:
        ends = fb.cat([offsets[1:], offsets.new_full((1,), input.size(0))])
        counts = (ends - offsets).clamp(min=1).to(weight.dtype)
    else:
        counts = fb._C._bag_sum(ones.unsqueeze(1), fb.arange(input.size(0)), offsets, None)
        counts = counts.squeeze(1).clamp(min=1)
    return sums / counts.unsqueeze(1)


def _reduce_bags(values, offsets, counted, mode, per_sample_weights):
    total, bags = values.size(0), offsets.size(0)
    place = fb.arange(total, device=values.device)
    bag = fb.searchsorted(offsets, place, right=True) - 1
    if mode == "max":
        return _max_of_bags(values, offsets, counted, bag)
    if per_sample_weights is not None:
        values = values * per_sample_weights.unsqueeze(1)
    if counted is not None:
        values = values * counted.to(values.dtype).unsqueeze(1)
    sums = values.new_zeros((bags, values.size(1))).index_add(0, bag, values)
    if mode == "sum":
        return sums
    ones = values.new_ones(total) if counted is None else counted.to(values.dtype)
    counts = values.new_zeros(bags).index_add(0, bag, ones)
    return sums / counts.clamp(min=1).unsqueeze(1)


def _max_of_bags(values, offsets, counted, bag):
    """Lay the bags out as rows of one padded block, so that the first maximum gets the gradient."""
    total, bags = values.size(0), offsets.size(0)
    if total == 0 or bags == 0:
        return values.new_zeros((bags, values.size(1))) + values.sum()
    ends = fb.cat([offsets[1:], offsets.new_full((1,), total)])
    longest = int((ends - offsets).max())
    index = offsets.unsqueeze(1) + fb.arange(longest, device=values.device)
    inside = index < ends.unsqueeze(1)
    index = index.clamp(max=total - 1)
    if counted is not None:
        inside = inside & counted[index]
    block = values[index].masked_fill(~inside.unsqueeze(2), float("-inf"))
    best = block.max(dim=1)[0]
    return best.masked_fill(~inside.any(dim=1).unsqueeze(1), 0.0)
