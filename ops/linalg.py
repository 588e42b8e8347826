"""Linear algebra through LAPACK: systems, determinants, factorisations, eigenvalues.

LAPACK knows four types; half types and integers raise.
"""

from tools.opgen.table import COMPLEX, S, T, dtype_names, op
from tools.opgen.table import FLOATING as _FLOATING

FOUR = sum(1 << i for i, n in enumerate(dtype_names((1 << 12) - 1))
           if n in ("float32", "float64")) | COMPLEX
assert FOUR & _FLOATING
OUT = "function out"

# Square matrices far from singular, and positive definite ones, as literal values.
_A = T((3, 3), values=[[4.0, 1.0, -0.5], [0.3, 3.0, 0.7], [-1.0, 0.2, 5.0]])
_B = T((3, 2), values=[[1.0, 2.0], [-0.5, 0.3], [0.8, -1.2]])
_P = T((3, 3), values=[[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
_W = T((2, 3), values=[[1.0, 2.0, -0.5], [0.3, -1.0, 0.7]])

op("linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) "
   "-> (Tensor LU, Tensor pivots, Tensor info)", dtypes=FOUR, variants=OUT,
   grad={"A": "lu_grad(g_LU, LU, pivots)"}, samples=[S(_A), S(_W)],
   doc="A = P L U: L (unit diagonal, below) and U in one matrix, the row swaps from 1 on, and "
       "LAPACK's info.")

op("_lu_permutation(Tensor pivots, int n, DType dtype) -> Tensor", public=False,
   grad="integers have no gradient", samples=[], doc="Row swaps as a permutation matrix P (n, n).")

op("_lu_solve(Tensor LU, Tensor pivots, Tensor B, bool adjoint=False) -> Tensor", dtypes=FOUR,
   public=False, grad="linalg.lu_solve composes it of triangular systems when a gradient is asked for",
   samples=[], doc="A X = B, or A^H X = B, from a factorisation.")

op("_linalg_solve(Tensor A, Tensor B) -> Tensor", dtypes=FOUR, public=False, variants="",
   grad={"A, B": "solve_grad(g, A, y)"}, samples=[S(_A, _B)],
   doc="X with A X = B for matrices whose batch dimensions broadcast.")

op("linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor", "composite", dtypes=FOUR,
   variants=OUT, ref="numpy.linalg.solve(A, B)", samples=[S(_A, _B)],
   doc="X with A X = B (X A = B without `left`). B may be a vector. Raises for singular A.")

op("linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)",
   dtypes=FOUR, variants=OUT, grad={"A": "inverse_grad(g_inverse, inverse)"}, samples=[S(_A)],
   doc="The inverse and LAPACK's info, which is positive for singular matrices.")

op("linalg_inv(Tensor A) -> Tensor", "composite", dtypes=FOUR, variants=OUT,
   ref="numpy.linalg.inv(A)", samples=[S(_A)], doc="The inverse. Raises for singular matrices.")
op("inverse(Tensor self) -> Tensor", "composite", dtypes=FOUR, variants="function method out",
   body="linalg_inv(self)", ref="numpy.linalg.inv(self)", samples=[S(_A)],
   doc="The inverse. Raises for singular matrices.")

op("linalg_det(Tensor A) -> Tensor", dtypes=FOUR, variants=OUT, grad={"A": "det_grad(g, y, A)"},
   ref="numpy.linalg.det(A)", samples=[S(_A)], doc="The determinant of each matrix.")
op("det(Tensor self) -> Tensor", "composite", dtypes=FOUR, variants="function method",
   body="linalg_det(self)", ref="numpy.linalg.det(self)", samples=[S(_A)],
   doc="The determinant of each matrix.")

op("linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)", dtypes=FOUR, variants=OUT,
   grad={"A": "slogdet_grad(g_sign, g_logabsdet, sign, A)"}, ref="numpy.linalg.slogdet(A)",
   samples=[S(_A)], doc="The sign of the determinant and the logarithm of its absolute value.")
op("slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)", "composite", dtypes=FOUR,
   variants="function method", body="linalg_slogdet(self)", ref="numpy.linalg.slogdet(self)",
   samples=[S(_A)], doc="The sign of the determinant and the logarithm of its absolute value.")

op("logdet(Tensor self) -> Tensor", "composite", dtypes=FOUR, variants="function method",
   ref="numpy.log(numpy.linalg.det(self))", samples=[S(_A)],
   doc="The logarithm of the determinant: NaN where it is negative, -inf where it is zero.")

op("_solve_triangular(Tensor A, Tensor B, bool upper, bool unitriangular) -> Tensor", dtypes=FOUR,
   public=False, variants="", grad={"A, B": "triangular_grad(g, A, y, upper, unitriangular)"},
   samples=[S(_A, _B, True, False)], doc="X with A X = B for triangular A.")
op("linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, "
   "bool unitriangular=False) -> Tensor", "composite", dtypes=FOUR, variants=OUT,
   ref="numpy.linalg.solve(numpy.triu(self), B)", samples=[S(_A, _B, upper=True)],
   doc="X with A X = B (X A = B without `left`) for triangular A, whose other triangle is not read.")

op("linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) "
   "-> (Tensor L, Tensor info)", dtypes=FOUR, variants=OUT,
   grad={"self": "cholesky_grad(g_L, L, upper)"}, samples=[S(_P)],
   gradcheck=False,  # the gradient is the symmetric one, single elements cannot be varied
   doc="L with A = L L^H and LAPACK's info, which is positive unless A is positive definite.")
op("linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor", "composite", dtypes=FOUR,
   variants=OUT, ref="numpy.linalg.cholesky(self)", samples=[S(_P)],
   gradcheck=False,  # as above
   doc="L with A = L L^H; the upper one with `upper`. Raises unless A is positive definite.")
op("cholesky(Tensor self, bool upper=False) -> Tensor", "composite", dtypes=FOUR,
   variants="function method out", ref="numpy.linalg.cholesky(self)", samples=[S(_P)],
   gradcheck=False,  # as above
   doc="L with A = L L^H; the upper one with `upper`. Raises unless A is positive definite.")
op("cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor", "composite",
   dtypes=FOUR, variants="function method out", samples=[S(_B, _P)],
   doc="X with A X = self, from the Cholesky factor `input2` of A.")
op("cholesky_inverse(Tensor self, bool upper=False) -> Tensor", "composite", dtypes=FOUR,
   variants="function method out", samples=[S(_P)],
   doc="The inverse of A from its Cholesky factor `self`.")

op("linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)", dtypes=FOUR, variants=OUT,
   grad={"A": "qr_grad(g_Q, g_R, Q, R, mode)"}, samples=[S(_A), S(_B), S(_W)],
   doc="A = Q R: orthonormal columns times an upper triangle. mode: 'reduced', 'complete' (Q is "
       "square) or 'r' (Q is empty).")

op("_linalg_svd(Tensor A, bool full_matrices, bool compute_uv) -> (Tensor U, Tensor S, Tensor Vh)",
   dtypes=FOUR, public=False, variants="", grad={"A": "svd_grad(g_U, g_S, g_Vh, U, S, Vh, A.sizes)"}, samples=[],
   doc="A = U diag(S) Vh; without compute_uv only S.")
op("linalg_svd(Tensor A, bool full_matrices=True) -> (Tensor U, Tensor S, Tensor Vh)", "composite",
   dtypes=FOUR, variants=OUT, samples=[S(_A), S(_B, False)],
   gradcheck=False,  # signs of vectors are free: tests/linalg compares what does not depend on them
   doc="A = U diag(S) Vh with S descending; U and Vh are square with `full_matrices`.")
op("linalg_svdvals(Tensor A) -> Tensor", "composite", dtypes=FOUR, variants=OUT,
   ref="numpy.linalg.svd(A, compute_uv=False)", samples=[S(_A), S(_B)],
   doc="The singular values, descending.")
op("svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)",
   "composite", dtypes=FOUR, variants="function method out", samples=[S(_B)],
   gradcheck=False,  # as linalg_svd
   doc="A = U diag(S) V^H; `some` keeps the first min(m, n) vectors. V, not its transpose.")

op("_linalg_eigh(Tensor A, str UPLO, bool compute_v) -> (Tensor eigenvalues, Tensor eigenvectors)",
   dtypes=FOUR, public=False, variants="", grad={"A": "eigh_grad(g_eigenvalues, g_eigenvectors, eigenvalues, "
                                         "eigenvectors)"}, samples=[],
   doc="Eigenvalues and vectors of hermitian matrices, of which one triangle is read.")
op("linalg_eigh(Tensor self, str UPLO='L') -> (Tensor eigenvalues, Tensor eigenvectors)",
   "composite", dtypes=FOUR, variants=OUT, samples=[S(_P)],
   gradcheck=False,  # the gradient is the symmetric one, single elements cannot be varied
   doc="Eigenvalues (ascending) and orthonormal eigenvectors (columns) of hermitian matrices; UPLO "
       "says which triangle is read.")
op("linalg_eigvalsh(Tensor self, str UPLO='L') -> Tensor", "composite", dtypes=FOUR, variants=OUT,
   ref="numpy.linalg.eigvalsh(self)", samples=[S(_P)],
   gradcheck=False,  # as linalg_eigh
   doc="Eigenvalues of hermitian matrices, ascending.")
op("linalg_eig(Tensor self) -> (Tensor eigenvalues, Tensor eigenvectors)", dtypes=FOUR,
   variants=OUT, grad={"self": "eig_grad(g_eigenvalues, g_eigenvectors, eigenvalues, eigenvectors, "
                               "self.dtype)"}, samples=[S(_A)],
   gradcheck=False,  # phases of vectors are free, and the checker takes real results
   doc="Eigenvalues and eigenvectors (columns) of square matrices, complex.")
op("linalg_eigvals(Tensor self) -> Tensor", "composite", dtypes=FOUR, variants=OUT, samples=[S(_A)],
   gradcheck=False,  # complex results
   doc="Eigenvalues of square matrices, complex.")

op("_linalg_lstsq(Tensor A, Tensor B, float rcond) -> (Tensor solution, Tensor rank, Tensor values)",
   dtypes=FOUR, public=False, grad="linalg.lstsq composes it of pinv when a gradient is asked for",
   samples=[], doc="Least squares by singular values; max(m, n) rows of which n are the solution.")
