"""Norms and distances."""

from __future__ import annotations

import flambeau as fb

from . import _native as native

Tensor = fb.Tensor


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x / max(||x||_p, eps) along `dim`."""
    norm = fb.linalg.vector_norm(input, p, dim=dim, keepdim=True).clamp_min(eps)
    if out is None:
        return input / norm
    return fb.div(input, norm, out=out)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha * mean of x^2 over `size` neighbouring channels)^beta.

    Krizhevsky et al. 2012.

    `input` is (N, C, *) with at least three dimensions; outside channels count as zero.
    """
    dim = input.dim()
    if dim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {dim} dimensions)")
    if input.numel() == 0:
        return input
    widths = [0, 0] * (dim - 2) + [size // 2, (size - 1) // 2]
    squares = native.pad(input * input, widths)
    channels = input.size(1)
    total = squares.narrow(1, 0, channels)
    for shift in range(1, size):
        total = total + squares.narrow(1, shift, channels)
    return input / (total * (alpha / size) + k).pow(beta)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """<x1, x2> / (max(||x1||, eps) * max(||x2||, eps)) along `dim`; shapes broadcast."""
    x1, x2 = fb.broadcast_tensors(x1, x2)
    n1 = fb.linalg.vector_norm(x1, 2, dim=dim, keepdim=True).clamp_min(eps)
    n2 = fb.linalg.vector_norm(x2, 2, dim=dim, keepdim=True).clamp_min(eps)
    return ((x1 / n1) * (x2 / n2)).sum(dim=dim)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """||x1 - x2 + eps||_p over the last dimension; shapes broadcast."""
    return fb.linalg.vector_norm(x1 - x2 + eps, p, dim=-1, keepdim=keepdim)


def pdist(input: Tensor, p: float = 2) -> Tensor:
    """p-norm distances between all pairs of rows, in the order of the upper triangle."""
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    rows = input.size(0)
    if p in (1, 2, float("inf")) and input.is_floating_point():
        return fb._C._pair_distances(input, p)
    i, j = fb.triu_indices(rows, rows, 1, device=input.device)
    return fb.linalg.vector_norm(input[i] - input[j], p, dim=-1)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x1^T W_k x2 + b_k, with W of shape (out, in1, in2) and equal leading dimensions."""
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got "
            f"{list(input1.shape[:-1])} and {list(input2.shape[:-1])}"
        )
    out, in1, in2 = weight.shape
    for name, x, wanted in (("input1", input1, in1), ("input2", input2, in2)):
        if x.size(-1) != wanted:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got "
                f"{x.size(-1)} but expected {wanted}"
            )
    lead = input1.shape[:-1]
    a, b = input1.reshape(-1, in1), input2.reshape(-1, in2)
    # (B, out, in2): x1 against every slice of the weight, then against x2.
    half = fb.matmul(a, weight.transpose(0, 1).reshape(in1, out * in2)).reshape(-1, out, in2)
    y = fb.matmul(half, b.unsqueeze(-1)).squeeze(-1).reshape(*lead, out)
    return y if bias is None else y + bias
