"""Reductions over dimensions."""

from tools.opgen.table import ALL, BOOL, COMPLEX, FLOATING, REAL, S, T, op

OUT = "function method out"
CONDITION = "the result is a condition"
INDEX = "the result is an index"
_DIM_SAMPLES = [S(T((2, 3))), S(T((2, 3, 4)), 1), S(T((2, 3, 4)), (0, -1), True), S(T(()))]

# ---- sums and means

op("sum(Tensor self, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) -> Tensor",
   dtypes=ALL, variants=OUT, grad={"self": "expand_reduced(g, self.sizes, dim, keepdim)"},
   ref="numpy.sum(self, axis=dim, keepdims=keepdim)", samples=[*_DIM_SAMPLES, S(T((2, 0)), 1)],
   doc="The sum over all or the given dimensions; integers and bool are summed as int64. "
       "`dtype`: the type that elements are converted to first.")

op("nansum(Tensor self, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) -> Tensor",
   dtypes=REAL | BOOL, variants=OUT,
   grad={"self": "nansum_grad(g, self, dim, keepdim)"},
   ref="numpy.nansum(self, axis=dim, keepdims=keepdim)", samples=_DIM_SAMPLES,
   doc="The sum with NaN counted as zero.")

op("mean(Tensor self, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) -> Tensor",
   dtypes=FLOATING | COMPLEX, variants=OUT,
   grad={"self": "mean_grad(g, self.sizes, dim, keepdim)"},
   ref="numpy.mean(self, axis=dim, keepdims=keepdim)", samples=_DIM_SAMPLES,
   doc="The mean over all or the given dimensions; NaN of nothing. Raises RuntimeError for "
       "integers unless `dtype` is floating.")

op("nanmean(Tensor self, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) -> Tensor",
   "composite", dtypes=FLOATING, variants=OUT,
   ref="numpy.nanmean(self, axis=dim, keepdims=keepdim)", samples=_DIM_SAMPLES,
   doc="The mean of the elements that are not NaN.")

op("prod(Tensor self, *, DType? dtype=None) -> Tensor", "composite", dtypes=ALL, variants=OUT,
   ref="numpy.prod(self)", samples=[S(T((2, 3))), S(T(()))],
   doc="The product of all elements; integers and bool are multiplied as int64.")
op("prod.dim(Tensor self, int dim, bool keepdim=False, *, DType? dtype=None) -> Tensor",
   "composite", dtypes=ALL, variants=OUT, ref="numpy.prod(self, axis=dim, keepdims=keepdim)",
   samples=[S(T((2, 3, 4)), 1), S(T((2, 3)), -1, True)],
   doc="The product along one dimension; integers and bool are multiplied as int64.")
op("_prod(Tensor self, int dim, bool keepdim, DType? dtype) -> Tensor", dtypes=ALL,
   public=False, variants="",
   grad={"self": "prod_grad(g, self, dim, keepdim)"},
   fast_grad={"self": "prod_grad_fast(g, self, y, dim, keepdim)"},
   samples=[], doc="The product along one dimension.")

# ---- extremes

for _name, _word, _np in (("max", "largest", "max"), ("min", "smallest", "min")):
    op(f"{_name}(Tensor self) -> Tensor", dtypes=REAL | BOOL, variants=OUT,
       grad={"self": "extreme_grad(g, self, y)"}, ref=f"numpy.{_np}(self)",
       samples=[S(T((2, 3))), S(T(()))],
       doc=f"The {_word} element; NaN if there is one. Equal elements share the gradient.")
    op(f"{_name}.other(Tensor self, Tensor other) -> Tensor", "composite", dtypes=REAL | BOOL,
       variants=OUT, body=f"{_name}imum(self, other)", ref=f"numpy.{_np}imum(self, other)",
       samples=[S(T((2, 3)), T((3,)))],
       doc=f"The {_word} of two tensors element by element, as `{_name}imum`.")
    op(f"{_name}.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
       dtypes=REAL | BOOL, variants=OUT,
       grad={"self": "_place(g_values, indices, dim, line_size(self.sizes, dim), keepdim)"},
       ref=f"(numpy.{_np}(self, axis=dim, keepdims=keepdim), "
           f"numpy.arg{_np}(self, axis=dim, keepdims=keepdim))",
       samples=[S(T((2, 3, 4)), 1), S(T((2, 3)), -1, True), S(T(()), 0)],
       doc=f"The {_word} elements along a dimension and where they stand (the first of equals; "
           "NaN wins).")
    op(f"a{_name}(Tensor self, int[] dim=[], bool keepdim=False) -> Tensor",
       dtypes=REAL | BOOL, variants=OUT, grad={"self": "extreme_grad(g, self, y, dim, keepdim)"},
       ref=f"numpy.{_np}(self, axis=dim or None, keepdims=keepdim)",
       samples=[S(T((2, 3, 4)), (0, -1)), S(T((2, 3)), (1,), True), S(T((2, 3)))],
       doc=f"The {_word} element over the given dimensions (all if none is given). Equal elements "
           "share the gradient.")
    op(f"arg{_name}(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
       dtypes=REAL, variants=OUT, grad=INDEX,
       ref=f"numpy.arg{_np}(self, axis=dim, keepdims=keepdim)",
       samples=[S(T((2, 3))), S(T((2, 3, 4)), 1), S(T((2, 3)), -1, True)],
       doc=f"Where the {_word} element stands along `dim`, or in the flattened tensor; the first "
           "of equals, NaN wins. The result is int64.")

op("aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
   "composite", dtypes=REAL | BOOL, variants=OUT,
   ref="(numpy.min(self, axis=dim, keepdims=keepdim), numpy.max(self, axis=dim, keepdims=keepdim))",
   samples=[S(T((2, 3))), S(T((2, 3)), dim=1)],
   doc="The smallest and the largest element, over all or along one dimension.")

op("_place(Tensor self, Tensor index, int dim, int size, bool keepdim) -> Tensor", dtypes=ALL,
   public=False, variants="", grad={"self": "_pick(g, index, dim, keepdim)"}, samples=[],
   doc="Zeros of length `size` along `dim`, but for the positions in `index`, which get `self`; "
       "`size` -1 stands for a 0-d result.")
op("_pick(Tensor self, Tensor index, int dim, bool keepdim) -> Tensor", dtypes=ALL,
   public=False, variants="",
   grad={"self": "_place(g, index, dim, line_size(self.sizes, dim), keepdim)"}, samples=[],
   doc="One element of each line along `dim`: the one at `index`.")

# ---- conditions

for _name, _word in (("all", "all elements are"), ("any", "some element is")):
    op(f"{_name}(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", dtypes=ALL,
       variants=OUT, grad=CONDITION, ref=f"numpy.{_name}(self, axis=dim, keepdims=keepdim)",
       samples=_DIM_SAMPLES,
       doc=f"Whether {_word} nonzero. The result is bool, for uint8 uint8.")

# ---- moments

for _name in ("var", "std"):
    _what = {"var": "variance", "std": "standard deviation"}[_name]
    _ref = f"numpy.{_name}(self, axis=dim, ddof=int(unbiased), keepdims=keepdim)"
    op(f"{_name}(Tensor self, bool unbiased=True) -> Tensor", "composite",
       dtypes=FLOATING | COMPLEX, variants="function method",
       ref=f"numpy.{_name}(self, ddof=int(unbiased))",
       samples=[S(T((2, 3))), S(T((2, 3)), False)],
       doc=f"The {_what} of all elements.")
    op(f"{_name}.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",
       "composite", dtypes=FLOATING | COMPLEX, variants=OUT, ref=_ref,
       samples=[S(T((2, 3, 4)), 1), S(T((2, 3, 4)), (0, 2), False, True)],
       doc=f"The {_what} over dimensions, divided by n - 1 if `unbiased`, else by n.")
    op(f"{_name}.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, "
       "bool keepdim=False) -> Tensor", "composite", dtypes=FLOATING | COMPLEX, variants=OUT,
       ref=f"numpy.{_name}(self, axis=dim, ddof=1 if correction is None else correction, "
           "keepdims=keepdim)",
       samples=[S(T((2, 3, 4)), 1, correction=0), S(T((2, 3)), correction=1)],
       doc=f"The {_what} over dimensions, divided by n - `correction` (1 if None).")
    op(f"_{_name}(Tensor self, int[]? dim, float correction, bool keepdim) -> Tensor",
       dtypes=FLOATING | COMPLEX, public=False, variants="", samples=[],
       grad={"self": "var_grad(g, self, dim, correction, keepdim)" if _name == "var" else
             "std_grad(g, self, y, dim, correction, keepdim)"},
       doc=f"The {_what}, divided by n - correction.")
    op(f"{_name}_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)", "composite",
       dtypes=FLOATING | COMPLEX, variants="function",
       ref=f"(numpy.{_name}(self, ddof=int(unbiased)), numpy.mean(self))",
       samples=[S(T((2, 3)))], doc=f"The {_what} and the mean of all elements.")
    op(f"{_name}_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) "
       "-> (Tensor, Tensor)", "composite", dtypes=FLOATING | COMPLEX, variants="function",
       ref=f"({_ref}, numpy.mean(self, axis=dim, keepdims=keepdim))",
       samples=[S(T((2, 3, 4)), 1)], doc=f"The {_what} and the mean over dimensions.")
    op(f"{_name}_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, "
       "bool keepdim=False) -> (Tensor, Tensor)", "composite", dtypes=FLOATING | COMPLEX,
       variants="function",
       ref=f"(numpy.{_name}(self, axis=dim, ddof=1 if correction is None else correction, "
           "keepdims=keepdim), numpy.mean(self, axis=dim, keepdims=keepdim))",
       samples=[S(T((2, 3, 4)), 1, correction=0)],
       doc=f"The {_what}, divided by n - `correction`, and the mean over dimensions.")

# ---- norms

op("logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor", dtypes=FLOATING | COMPLEX,
   variants=OUT, grad={"self": "logsumexp_grad(g, self, y, dim, keepdim)"},
   ref="numpy.log(numpy.sum(numpy.exp(self), axis=dim, keepdims=keepdim))",
   samples=[S(T((2, 3, 4)), 1), S(T((2, 3, 4)), (0, -1), True), S(T((5,)), 0)],
   doc="log(sum(exp(x))) over dimensions, without overflow.")

op("_vector_norm(Tensor self, float ord, int[]? dim, bool keepdim, DType? dtype) -> Tensor",
   dtypes=FLOATING | COMPLEX, public=False, variants="", samples=[],
   grad={"self": "vector_norm_grad(g, self, y, ord, dim, keepdim)"},
   doc="(sum |x|^ord)^(1/ord) over dimensions.")
op("linalg_vector_norm(Tensor self, Scalar ord=2, int[]? dim=None, bool keepdim=False, *, "
   "DType? dtype=None) -> Tensor", "composite", dtypes=FLOATING | COMPLEX,
   variants="function out",
   ref="numpy.sum(numpy.abs(self) ** ord, axis=dim, keepdims=keepdim) ** (1 / ord)",
   samples=[S(T((2, 3))), S(T((2, 3, 4)), 1, 1), S(T((2, 3, 4)), 3, (0, 2), True)],
   doc="(sum |x|^ord)^(1/ord); ord = inf and -inf give the largest and smallest |x|, 0 counts "
       "what is not zero.")
op("linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2,-1], bool keepdim=False, *, "
   "DType? dtype=None) -> Tensor", "composite", dtypes=FLOATING | COMPLEX,
   variants="function out",
   ref="numpy.max(numpy.sum(numpy.abs(self), axis=-2), axis=-1)",
   samples=[S(T((2, 3, 4)), 1)],
   doc="Norms of matrices: the largest (1) or smallest (-1) column sum, the largest (inf) or "
       "smallest (-inf) row sum of absolute values, the largest (2) or smallest (-2) singular value.")
op("linalg_matrix_norm.str(Tensor self, str ord='fro', int[] dim=[-2,-1], bool keepdim=False, *, "
   "DType? dtype=None) -> Tensor", "composite", dtypes=FLOATING | COMPLEX,
   variants="function out",
   ref="numpy.sqrt(numpy.sum(numpy.abs(self) ** 2, axis=(-2, -1)))", samples=[S(T((2, 3, 4)))],
   doc="The Frobenius norm ('fro') of matrices, or the sum of their singular values ('nuc').")
op("norm(Tensor self, Scalar? p=2, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) "
   "-> Tensor", "composite", dtypes=FLOATING | COMPLEX, variants=OUT,
   ref="numpy.sum(numpy.abs(self) ** p, axis=dim, keepdims=keepdim) ** (1 / p)",
   samples=[S(T((2, 3))), S(T((2, 3, 4)), 1, 1), S(T((2, 3, 4)), 3, (0, 2), True)],
   doc="The vector norm of order `p` over all or the given dimensions.")
op("norm.str(Tensor self, str p, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) "
   "-> Tensor", "composite", dtypes=FLOATING | COMPLEX, variants=OUT,
   ref="numpy.sqrt(numpy.sum(numpy.abs(self) ** 2, axis=dim, keepdims=keepdim))",
   samples=[S(T((2, 3)), 'fro'), S(T((2, 3, 4)), 'fro', (0, 2), True)],
   doc="The Frobenius norm ('fro') over all or the given dimensions, or the sum of the singular "
       "values of matrices ('nuc').")
op("dist(Tensor self, Tensor other, Scalar p=2) -> Tensor", "composite",
   dtypes=FLOATING | COMPLEX, variants="function method",
   ref="numpy.sum(numpy.abs(self - other) ** p) ** (1 / p)", samples=[S(T((2, 3)), T((2, 3)))],
   doc="The p-norm of self - other.")
op("cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode=None) -> Tensor", "composite",
   dtypes=FLOATING, variants="function",
   ref="numpy.sum(numpy.abs(x1[..., :, None, :] - x2[..., None, :, :]) ** p, -1) ** (1 / p)",
   samples=[S(T((3, 4)), T((2, 4))), S(T((2, 3, 4)), T((2, 5, 4)), 1.0)],
   doc="p-norm distances between the rows of x1 (..., P, M) and of x2 (..., R, M): (..., P, R).")
op("_row_distances(Tensor x1, Tensor x2, float p) -> Tensor", dtypes=FLOATING, public=False,
   grad={"x1": "row_distances_grad(g, x1, x2, p)",
         "x2": "row_distances_grad(transpose(g, -2, -1), x2, x1, p)"},
   fast_grad={"x1": "row_distances_grad_fast(g, x1, x2, y, p)",
              "x2": "row_distances_grad_fast(transpose(g, -2, -1), x2, x1, transpose(y, -2, -1), p)"},
   samples=[S(T((1, 3, 4)), T((1, 2, 4)), 2.0), S(T((2, 3, 2)), T((2, 5, 2)), 1.0)],
   doc="The p-norm distances between rows of (N, P, M) and (N, R, M), p being 1, 2 or inf.")
op("_row_distances_grad(Tensor grad, Tensor x1, Tensor x2, Tensor distance, bool squares) -> Tensor",
   dtypes=FLOATING, public=False, variants="", grad="only taken where no graph of it is wanted",
   samples=[S(T((1, 3, 2)), T((1, 3, 4)), T((1, 2, 4)), T((1, 3, 2), 0.5, 2.0), True)],
   doc="The gradient of _row_distances by x1.")
op("_pair_distances(Tensor x, float p) -> Tensor", dtypes=FLOATING, public=False,
   grad={"x": "pair_distances_grad(g, x, p)"},
   fast_grad={"x": "pair_distances_grad_fast(g, x, y, p)"},
   samples=[S(T((4, 3)), 2.0), S(T((5, 2)), 1.0)],
   doc="Distances between all pairs of rows, as _row_distances, in the order of the upper triangle.")
op("_symmetric(Tensor pairs, int n) -> Tensor", dtypes=FLOATING, public=False,
   grad={"pairs": "_pairs(add(g, transpose(g, 0, 1)))"},
   samples=[S(T((6,)), 4)],
   doc="The symmetric (n, n) matrix with these numbers above its diagonal of zeros.")
op("_pairs(Tensor square) -> Tensor", dtypes=FLOATING, public=False,
   grad={"square": "pairs_grad(g, square.sizes)"},
   samples=[S(T((4, 4)))],
   doc="What stands above the diagonal of a square matrix, row by row.")
op("_euclidean_distance(Tensor x1, Tensor x2) -> Tensor", dtypes=FLOATING, public=False,
   grad={"x1": "euclidean_grad(g, x1, x2, y)",
         "x2": "euclidean_grad(transpose(g, -2, -1), x2, x1, transpose(y, -2, -1))"},
   ref="numpy.sqrt(numpy.sum((x1[..., :, None, :] - x2[..., None, :, :]) ** 2, -1))",
   samples=[S(T((3, 4)), T((2, 4))), S(T((2, 3, 4)), T((5, 4)))],
   doc="Euclidean distances between rows through one product of matrices.")
op("_distance_of_squares(Tensor product, Tensor square1, Tensor square2) -> Tensor", "pointwise",
   expr="sqrt(maximum(square1 + square2 - 2 * product, 0))", dtypes=FLOATING, public=False,
   variants="", grad="_euclidean_distance has the derivative", samples=[],
   doc="A distance from the squares of two vectors and their product; rounding may make that negative.")

op("trace(Tensor self) -> Tensor", "composite", dtypes=ALL, variants="function method",
   ref="numpy.trace(self)", samples=[S(T((3, 3))), S(T((2, 4)))],
   doc="The sum of the diagonal of a matrix; integers and bool are summed as int64.")
op("renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor", "composite",
   dtypes=FLOATING | COMPLEX, variants="function method inplace out",
   ref="self * (lambda n: numpy.where(n > maxnorm, maxnorm / (n + 1e-7), 1))(numpy.sum("
       "numpy.abs(self) ** p, axis=tuple(i for i in range(self.ndim) if i != dim), "
       "keepdims=True) ** (1 / p))",
   samples=[S(T((3, 4)), 2, 0, 1.0), S(T((2, 3, 4)), 1, 1, 2.0)],
   doc="Scales every slice along `dim` whose p-norm exceeds `maxnorm` down to it.")
