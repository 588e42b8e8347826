"""Parameters to one vector and back."""

from __future__ import annotations

import flambeau as fb

Tensor = fb.Tensor


def parameters_to_vector(parameters) -> Tensor:
    """All parameters, flattened, one after another."""
    return fb.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters) -> None:
    """Make the parameters views of consecutive pieces of `vec`."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {fb.typename(vec)}")
    start = 0
    for p in parameters:
        count = p.numel()
        if start + count > vec.numel():
            raise RuntimeError(
                f"vector_to_parameters: the vector holds {vec.numel()} numbers, too "
                "few for the parameters"
            )
        p.data = vec[start : start + count].view_as(p).data
        start += count
