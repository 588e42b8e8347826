"""Sums of products: einsum, tensordot and chains, in the forms that users write."""

from __future__ import annotations

import warnings

from . import _C
from ._C import Tensor

__all__ = ["chain_matmul", "einsum", "tensordot"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _subscripts(sublist) -> str:
    text = ""
    for s in sublist:
        if s is Ellipsis:
            text += "..."
            continue
        s = int(s)
        if not 0 <= s < len(_LETTERS):
            raise ValueError(
                "einsum(): subscript in subscript list is not within the valid range "
                f"[0, 52), got {s}"
            )
        text += _LETTERS[s]
    return text


def einsum(*args) -> Tensor:
    """Sum products of elements, in Einstein's notation.

    ``einsum("ij,jk->ik", a, b)`` or ``einsum(a, [0, 1], b, [1, 2], [0, 2])``. Each letter names a
    dimension; a letter missing after ``->`` is summed over, one repeated in an operand takes its
    diagonal, ``...`` stands for the dimensions not named, which broadcast. Without ``->`` the
    letters that appear once remain, in alphabetical order. Operands are contracted from left to
    right. Raises RuntimeError for an equation that contradicts the operands.
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or "
            "at least one operand and its subscripts list"
        )
    if not isinstance(args[0], str):
        operands = args[: len(args) // 2 * 2 : 2]
        equation = ",".join(_subscripts(s) for s in args[1::2])
        if len(args) % 2:
            equation += "->" + _subscripts(args[-1])
    else:
        equation, *operands = args
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = operands[0]
    return _C._einsum(equation, list(operands))


def tensordot(a: Tensor, b: Tensor, dims=2, out: Tensor | None = None) -> Tensor:
    """Sum products over the last `dims` dimensions of `a` and the first `dims` of `b`, or over the
    pairs that two lists ``dims=([...], [...])`` name. The result has the other dimensions of `a`,
    then those of `b`. Raises RuntimeError when sizes of a pair differ."""
    if isinstance(dims, Tensor) and dims.numel() == 1:
        dims = int(dims)
    elif isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, (tuple, list)):
        first, second = dims
        first = [first] if isinstance(first, int) else list(first)
        second = [second] if isinstance(second, int) else list(second)
    else:
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(-dims, 0)), list(range(dims))
    y = _C._tensordot(a, b, first, second)
    return y if out is None else _C.add(y, 0, out=out)


def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """The product of matrices, bracketed for the fewest multiplications. Deprecated: use
    ``linalg.multi_dot``, which takes a list."""
    warnings.warn(
        "chain_matmul is deprecated. Use linalg.multi_dot instead, which accepts a list "
        "of two or more tensors rather than multiple parameters.",
        stacklevel=2,
    )
    if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)):
        matrices = matrices[0]
    y = _C.chain_matmul(list(matrices))
    return y if out is None else _C.add(y, 0, out=out)
