"""Softmax and its logarithm."""

from tools.opgen.table import FLOATING, S, T, op

_SAMPLES = [S(T((2, 5)), 1), S(T((2, 3, 4)), 1), S(T((2, 3)), 0), S(T(()), 0), S(T((0, 3)), 1)]
_EXP = "numpy.exp(self - numpy.max(self, axis=dim, keepdims=True, initial=-numpy.inf))"

op("softmax(Tensor self, int dim, DType? dtype=None) -> Tensor", "composite", dtypes=FLOATING,
   variants="function method out", ref=f"{_EXP} / numpy.sum({_EXP}, axis=dim, keepdims=True)",
   samples=_SAMPLES,
   doc="exp(x) / sum(exp(x)) along `dim`. `dtype`: the type that elements are converted to first.")
op("log_softmax(Tensor self, int dim, DType? dtype=None) -> Tensor", "composite", dtypes=FLOATING,
   variants="function method out",
   ref=f"numpy.log({_EXP} / numpy.sum({_EXP}, axis=dim, keepdims=True))", samples=_SAMPLES,
   doc="x - log(sum(exp(x))) along `dim`, without overflow.")
op("_softmax(Tensor self, int dim) -> Tensor", dtypes=FLOATING,
   public=False, variants="", samples=[],
   grad={"self": "y * (g - sum(g * y, [dim], True))"},
   fast_grad={"self": "softmax_grad(g, y, dim, False)"},
   doc="softmax in the type of the input.")
op("_log_softmax(Tensor self, int dim) -> Tensor", dtypes=FLOATING,
   public=False, variants="", samples=[],
   grad={"self": "g - exp(y) * sum(g, [dim], True)"},
   fast_grad={"self": "softmax_grad(g, y, dim, True)"},
   doc="log_softmax in the type of the input.")
