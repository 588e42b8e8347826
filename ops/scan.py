"""Running sums, products and extremes along one dimension."""

from tools.opgen.table import ALL, BOOL, COMPLEX, FLOATING, REAL, S, T, op

VARIANTS = "function method inplace out"
_SAMPLES = [S(T((2, 3)), 1), S(T((2, 3, 4)), -2), S(T(()), 0), S(T((0, 3)), 0)]

op("cumsum(Tensor self, int dim, *, DType? dtype=None) -> Tensor", "composite", dtypes=ALL,
   variants=VARIANTS, ref="numpy.cumsum(self, axis=dim)", samples=_SAMPLES[:2],
   doc="Sums of the elements up to each one along `dim`; integers and bool are summed as int64.")
op("cumprod(Tensor self, int dim, *, DType? dtype=None) -> Tensor", "composite", dtypes=ALL,
   variants=VARIANTS, ref="numpy.cumprod(self, axis=dim)", samples=_SAMPLES[:2],
   doc="Products of the elements up to each one along `dim`; integers and bool as int64.")
op("_cumsum(Tensor self, int dim, bool reverse, DType? dtype=None) -> Tensor", dtypes=ALL,
   public=False, variants="", samples=[], grad={"self": "_cumsum(g, dim, not reverse)"},
   doc="Running sums from either end.")
op("_cumprod(Tensor self, int dim, bool reverse, DType? dtype=None) -> Tensor", dtypes=ALL,
   public=False, variants="", samples=[], grad={"self": "cumprod_grad(g, self, y, dim, reverse)"},
   doc="Running products from either end.")
op("logcumsumexp(Tensor self, int dim) -> Tensor", dtypes=FLOATING, variants="function method out",
   grad={"self": "logcumsumexp_grad(g, self, y, dim)"},
   ref="numpy.log(numpy.cumsum(numpy.exp(self), axis=dim))", samples=_SAMPLES[:2],
   doc="log(cumsum(exp(x))) along `dim`, without overflow.")

for _name, _word, _ufunc in (("cummax", "largest", "maximum"), ("cummin", "smallest", "minimum")):
    op(f"{_name}(Tensor self, int dim) -> (Tensor values, Tensor indices)", dtypes=REAL | BOOL,
       variants="function method out",
       grad={"self": "cumulative_extreme_grad(g_values, indices, dim)"},
       ref="(lambda m: (m, numpy.maximum.accumulate(numpy.where(self == m, "
           "numpy.indices(self.shape)[dim], 0), axis=dim)))"
           f"(numpy.{_ufunc}.accumulate(self, axis=dim))", samples=_SAMPLES[:2],
       doc=f"The {_word} element so far along `dim` and where it stands (the last of equals; NaN "
           "stays).")

op("_linear_scan(Tensor self, Tensor factor, int dim, bool reverse) -> Tensor",
   dtypes=FLOATING | COMPLEX, public=False, variants="", samples=[],
   grad={"self": "linear_scan_grad(g, factor, dim, reverse)",
         "factor": "linear_scan_grad(g, factor, dim, reverse) * "
                   "conj(shifted(y, dim, 1 if not reverse else -1, 0))"},
   doc="y[k] = factor[k] y[k - 1] + self[k] along `dim`; `reverse` runs from the end.")
op("_shift(Tensor self, int dim, int steps, Scalar fill) -> Tensor", dtypes=ALL,
   public=False, variants="",
   samples=[], grad={"self": "_shift(g, dim, -steps, 0)"},
   doc="y[k] = self[k - steps] along `dim`, `fill` where that is outside.")
