"""Functions that take any number of tensors: grids, blocks, products, at least n dimensions."""

from __future__ import annotations

from . import _C

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_tensors",
    "cartesian_prod",
    "combinations",
    "meshgrid",
    "vander",
]

Tensor = _C.Tensor


def _tensors(name: str, tensors) -> tuple:
    """``f(a, b)`` and ``f([a, b])`` mean the same."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"{name}(): argument 'tensors' must be tuple of Tensors, but found "
                f"element of type {type(t).__name__} at pos {i}"
            )
    return tensors


def broadcast_tensors(*tensors):
    """Views of all tensors in their common shape. RuntimeError where they have none."""
    return _C._broadcast_tensors(_tensors("broadcast_tensors", tensors))


def meshgrid(*tensors, indexing: str | None = None):
    """Grids of the coordinates that vectors (or 0-d tensors) give, as views.

    With n vectors of sizes s0 ... every grid has the shape (s0, s1, ...); ``indexing="xy"`` swaps
    the first two dimensions. Without ``indexing`` it is "ij".
    """
    tensors = _tensors("meshgrid", tensors)
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for t in tensors:
        if t.dim() > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but "
                f"got: shape {tuple(t.shape)}"
            )
        if t.dtype != tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(tensors) >= 2
    if swap:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    shape = [t.numel() for t in tensors]
    grids = []
    for i, t in enumerate(tensors):
        own = [1] * len(tensors)
        own[i] = -1 if t.numel() else 0
        grids.append(t.view(own).expand(shape))
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def _at_least(name: str, tensors, convert):
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return convert(tensors[0])
    return tuple(convert(t) for t in _tensors(name, tensors))


def atleast_1d(*tensors):
    """Tensors with at least one dimension: one for one, else a tuple."""
    return _at_least("atleast_1d", tensors, lambda t: t.reshape(1) if t.dim() == 0 else t)


def atleast_2d(*tensors):
    """Tensors with at least two dimensions; a vector becomes a row."""

    def convert(t):
        return t.reshape(1, 1) if t.dim() == 0 else t.unsqueeze(0) if t.dim() == 1 else t

    return _at_least("atleast_2d", tensors, convert)


def atleast_3d(*tensors):
    """Tensors with at least three dimensions: (n) becomes (1, n, 1), (m, n) becomes (m, n, 1)."""

    def convert(t):
        if t.dim() == 0:
            return t.reshape(1, 1, 1)
        if t.dim() == 1:
            return t.unsqueeze(0).unsqueeze(-1)
        return t.unsqueeze(-1) if t.dim() == 2 else t

    return _at_least("atleast_3d", tensors, convert)


def block_diag(*tensors) -> Tensor:
    """A matrix of zeros with the given matrices (vectors are rows) along its diagonal."""
    return _C._block_diag(_tensors("block_diag", tensors))


def cartesian_prod(*tensors) -> Tensor:
    """All combinations of one element of each vector, as the rows of a matrix."""
    tensors = _tensors("cartesian_prod", tensors)
    for t in tensors:
        if t.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return _C.stack([g.flatten() for g in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """The combinations of r elements of a vector, as the rows of a matrix, in order of position."""
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return _C.empty(0, dtype=input.dtype, device=input.device)
    n, apart = input.numel(), 0 if with_replacement else 1
    last = _C.arange(n)
    columns = [last]
    for _ in range(r - 1):
        # Each row is followed by all positions from `first` on, in a row of its own each.
        first = last + apart
        counts = (n - first).clamp(min=0)
        rows = _C.repeat_interleave(counts)
        before = counts.cumsum(0) - counts
        last = _C.arange(rows.numel()) + (first - before).index_select(0, rows)
        columns = [*(c.index_select(0, rows) for c in columns), last]
    index = _C.stack(columns, 1)
    return input.index_select(0, index.reshape(-1)).reshape(-1, r)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: powers N - 1 ... 0 (0 ... N - 1 if increasing) of each element."""
    if x.dim() != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor: vander got {x.dim()} dimensions")
    n = x.numel() if N is None else N
    if n < 0:
        raise RuntimeError(f"N must be non-negative: vander got {n}")
    if x.dtype in (_C.uint8, _C.int8, _C.int16, _C.int32, _C.bool):
        x = x.to(_C.int64)
    if n == 0:
        return x.new_empty((x.numel(), 0))
    # One running product for all elements at once; that of floats would round at each power.
    wide = {_C.float32: _C.float64, _C.complex64: _C.complex128}.get(x.dtype, x.dtype)
    factors = x.expand(n - 1, x.numel())
    powers = _C.cat([x.new_ones((1, x.numel())), factors]).cumprod(0, dtype=wide).to(x.dtype)
    return (powers if increasing else powers.flip(0)).t().contiguous()
