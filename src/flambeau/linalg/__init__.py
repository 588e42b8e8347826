"""Linear algebra: norms, systems, factorisations. Matrices are the last two dimensions."""

from .._C import linalg_cholesky as cholesky
from .._C import linalg_cholesky_ex as cholesky_ex
from .._C import linalg_det as det
from .._C import linalg_eig as eig
from .._C import linalg_eigh as eigh
from .._C import linalg_eigvals as eigvals
from .._C import linalg_eigvalsh as eigvalsh
from .._C import linalg_inv as inv
from .._C import linalg_inv_ex as inv_ex
from .._C import linalg_lu_factor_ex as lu_factor_ex
from .._C import linalg_qr as qr
from .._C import linalg_slogdet as slogdet
from .._C import linalg_solve as solve
from .._C import linalg_solve_triangular as solve_triangular
from .._C import linalg_svd as svd
from .._C import linalg_svdvals as svdvals
from .._C import linalg_vector_norm as vector_norm
from .._C import matmul as matmul
from ._lu import lu, lu_factor, lu_solve
from ._norms import cond, matrix_norm, matrix_rank, norm
from ._products import (
    cross,
    diagonal,
    householder_product,
    matrix_exp,
    matrix_power,
    multi_dot,
    vander,
    vecdot,
)
from ._systems import ldl_factor, ldl_factor_ex, ldl_solve, lstsq, pinv, solve_ex
from ._systems import tensorinv as tensorinv
from ._systems import tensorsolve as tensorsolve

# The solver's failures are RuntimeErrors; programs catch them by this name.
LinAlgError = RuntimeError

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
