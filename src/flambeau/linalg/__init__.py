"""Linear algebra: every operator of the table named ``linalg_<name>`` is ``linalg.<name>`` here."""

from __future__ import annotations

from flambeau import _C

# Functions of the package that linear algebra offers under the same or another name.
_SHARED = {
    "matmul": "matmul",
    "multi_dot": "chain_matmul",
    "matrix_power": "matrix_power",
    "diagonal": "diagonal",
    "outer": "outer",
}


def norm(A, ord=None, dim=None, keepdim=False, *, out=None, dtype=None):
    """The norm of vectors or matrices.

    Without ``ord`` all (or the given) dimensions are taken as one vector. With ``ord`` a 1-d tensor
    or a single ``dim`` is a vector, two dimensions are a matrix.
    """
    if ord is None:
        result = vector_norm(A, 2, dim, keepdim, dtype=dtype)
    else:
        dims = None if dim is None else ((dim,) if isinstance(dim, int) else tuple(dim))
        matrix = (dims is not None and len(dims) == 2) or (dims is None and A.dim() == 2)
        if not matrix and dims is None and A.dim() != 1:
            raise RuntimeError(
                "linalg.norm: If ord is specified but dim is not, the input must be 1D "
                f"or 2D. Got {A.dim()}D."
            )
        if matrix:
            result = matrix_norm(A, ord, dims or (-2, -1), keepdim, dtype=dtype)
        else:
            result = vector_norm(A, ord, dims, keepdim, dtype=dtype)
    return result if out is None else out.copy_(result)


def multi_dot(tensors):
    """The product of several matrices."""
    from flambeau import chain_matmul

    return chain_matmul(*tensors)


def __getattr__(name):
    found = getattr(_C, "linalg_" + name, None)
    if found is None and name in _SHARED:
        import flambeau

        found = getattr(flambeau, _SHARED[name], None)
    if found is None:
        raise AttributeError(
            f"module 'flambeau.linalg' has no attribute {name!r}: it is not built in"
        )
    globals()[name] = found
    return found


vector_norm = _C.linalg_vector_norm
matrix_norm = _C.linalg_matrix_norm
