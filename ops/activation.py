"""Activation functions, with the signatures of nn.functional."""

from tools.opgen.table import COMPLEX, FLOATING, REAL, S, T, op

F, FI = "function out", "function method inplace out"
_INPLACE = "function inplace out"

op("relu(Tensor self, Inplace inplace=False) -> Tensor", "pointwise", expr="maximum(self, 0)",
   dtypes=REAL, check="check_relu", grad={"self": "where(y <= 0, 0, g)"},
   variants="function method inplace", ref="numpy.maximum(self, 0)", doc="max(x, 0).")
op("relu6(Tensor self, Inplace inplace=False) -> Tensor", "pointwise",
   expr="minimum(maximum(self, 0), 6)", dtypes=REAL,
   grad={"self": "where((self <= 0) | (self >= 6), 0, g)"}, variants="function inplace",
   ref="numpy.clip(self, 0, 6)", domain=(-2, 8), namespace="nn", doc="min(max(x, 0), 6).")
op("hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1, Inplace inplace=False) -> Tensor",
   "pointwise", expr="minimum(maximum(self, min_val), max_val)", dtypes=REAL,
   check="check_hardtanh", grad={"self": "where((self <= min_val) | (self >= max_val), 0, g)"},
   variants="function inplace", ref="numpy.clip(self, min_val, max_val)",
   samples=[S(T((3, 4))), S(T((3, 4)), -0.5, 1.5)], test_dtypes=FLOATING,
   namespace="nn", doc="x limited to [min_val, max_val].")
op("leaky_relu(Tensor self, Scalar negative_slope=0.01, Inplace inplace=False) -> Tensor",
   "pointwise", expr="where(self > 0, self, self * negative_slope)", dtypes=FLOATING,
   grad={"self": "where(self > 0, g, g * negative_slope)"}, variants="function inplace",
   ref="numpy.where(self > 0, self, self * negative_slope)", samples=[S(T((3, 4))), S(T((3, 4)), 0.2)],
   namespace="nn", doc="x where positive, else negative_slope * x.")
op("prelu(Tensor self, Tensor weight) -> Tensor", "composite", dtypes=FLOATING,
   variants="function method", ref="numpy.where(self > 0, self, weight.reshape(-1, 1) * self)",
   samples=[S(T((2, 3, 4)), T((3,))), S(T((2, 3, 4)), T((1,)))],
   doc="x where positive, else weight * x; `weight` has one element, or one for each channel "
       "(dimension 1).")
op("_prelu(Tensor self, Tensor weight) -> Tensor", "pointwise",
   expr="where(self > 0, self, weight * self)", dtypes=FLOATING, public=False,
   grad={"self": "where(self > 0, g, g * weight)", "weight": "where(self > 0, 0, g * self)"},
   samples=[S(T((3, 4)), T((4,)))], doc="prelu with a weight that broadcasts.")

op("rrelu(Tensor self, float lower=0.125, float upper=0.3333333333333333, bool training=False, "
   "Inplace inplace=False, *, Generator? generator=None) -> Tensor", "composite", dtypes=FLOATING,
   variants="function inplace", ref="numpy.where(self > 0, self, self * (lower + upper) / 2)",
   samples=[S(T((3, 4))), S(T((3, 4)), 0.1, 0.3)],
   doc="leaky_relu whose slopes are drawn uniformly from [lower, upper) in training, and their mean "
       "otherwise. Raises RuntimeError when lower > upper.")
op("_rrelu_slopes(Tensor self, float lower, float upper, Generator? generator=None) -> Tensor",
   dtypes=FLOATING, public=False, samples=[], grad="slopes are constants",
   doc="1 where positive, else a uniform number of [lower, upper).")

op("elu(Tensor self, Scalar alpha=1, Inplace inplace=False) -> Tensor", "pointwise",
   expr="where(self > 0, self, alpha * expm1(minimum(self, 0)))", dtypes=FLOATING,
   grad={"self": "where(self <= 0, g * alpha * exp(minimum(self, 0)), g)"},
   variants="function inplace", ref="numpy.where(self > 0, self, alpha * numpy.expm1(self))",
   samples=[S(T((3, 4))), S(T((3, 4)), 0.5)],
   namespace="nn", doc="x where positive, else alpha * (exp(x) - 1).")
_SELU = "1.0507009873554805", "1.7580993408473766"  # scale and scale * alpha, Klambauer et al. 2017
op("selu(Tensor self, Inplace inplace=False) -> Tensor", "pointwise",
   expr=f"where(self > 0, self * {_SELU[0]}, {_SELU[1]} * expm1(minimum(self, 0)))", dtypes=FLOATING,
   grad={"self": f"where(self <= 0, g * {_SELU[1]} * exp(minimum(self, 0)), g * {_SELU[0]})"},
   variants="function inplace",
   ref=f"numpy.where(self > 0, self * {_SELU[0]}, {_SELU[1]} * numpy.expm1(self))",
   doc="elu scaled so that activations tend to mean 0 and variance 1 (Klambauer et al. 2017).")
op("celu(Tensor self, Scalar alpha=1, Inplace inplace=False) -> Tensor", "pointwise",
   expr="where(self > 0, self, alpha * expm1(minimum(self / alpha, 0)))", dtypes=FLOATING,
   check="check_celu", grad={"self": "where(self <= 0, g * exp(minimum(self / alpha, 0)), g)"},
   variants="function inplace", ref="numpy.where(self > 0, self, alpha * numpy.expm1(self / alpha))",
   samples=[S(T((3, 4))), S(T((3, 4)), 0.5)],
   doc="x where positive, else alpha * (exp(x / alpha) - 1). Raises RuntimeError for alpha = 0.")

op("silu(Tensor self, Inplace inplace=False) -> Tensor", "pointwise", expr="self * sigmoid(self)",
   dtypes=FLOATING | COMPLEX,
   grad={"self": "g * conj(sigmoid(self) * (1 + self * (1 - sigmoid(self))))"}, variants=_INPLACE,
   ref="self / (1 + numpy.exp(-self))", namespace="nn", doc="x * sigmoid(x), also called swish.")
op("mish(Tensor self, Inplace inplace=False) -> Tensor", "pointwise",
   expr="self * tanh(log1p(exp(self)))", dtypes=FLOATING,
   grad={"self": "g * (tanh(softplus(self)) + self * sigmoid(self) * "
                 "(1 - tanh(softplus(self)) * tanh(softplus(self))))"},
   variants=_INPLACE, ref="self * numpy.tanh(numpy.log1p(numpy.exp(self)))",
   namespace="nn", doc="x * tanh(softplus(x)) (Misra 2019).")
op("gelu(Tensor self, *, str approximate='none') -> Tensor", "composite", dtypes=FLOATING,
   variants="function out", ref="0.5 * self * (1 + scipy.special.erf(self / 2 ** 0.5))",
   samples=[S(T((3, 4)))],
   namespace="nn", doc="x times the normal distribution function of x (Hendrycks & Gimpel 2016); "
       "approximate='tanh' replaces it by their formula with tanh.")
_GELU = "0.7978845608028654 * (self + 0.044715 * self * self * self)"
op("_gelu(Tensor self) -> Tensor", "pointwise",
   expr="self * normal_cdf(self)", dtypes=FLOATING, public=False,
   grad={"self": "g * (_normal_cdf(self) + self * 0.3989422804014327 * exp(self * self * -0.5))"},
   doc="gelu, exact.")
op("_normal_cdf(Tensor self) -> Tensor", "pointwise", expr="normal_cdf(self)", dtypes=FLOATING,
   public=False, grad={"self": "g * 0.3989422804014327 * exp(self * self * -0.5)"},
   doc="The normal distribution function, faster and less exact in the tail than special_ndtr.")
op("_gelu_tanh(Tensor self) -> Tensor", "pointwise", expr=f"0.5 * self * (1 + tanh({_GELU}))",
   dtypes=FLOATING, public=False,
   grad={"self": f"g * (0.5 * (1 + tanh({_GELU})) + 0.5 * self * (1 - tanh({_GELU}) * tanh({_GELU})) "
                 "* (0.7978845608028654 + 0.1070322243 * self * self))"}, doc="gelu with tanh.")

op("softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", "pointwise",
   expr="where(self * beta > threshold, self, log1p(exp(self * beta)) / beta)", dtypes=FLOATING,
   grad={"self": "where(self * beta > threshold, g, g * sigmoid(self * beta))"}, variants=F,
   ref="numpy.log1p(numpy.exp(self * beta)) / beta", samples=[S(T((3, 4))), S(T((3, 4)), 2)],
   namespace="nn", doc="log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold.")
op("_softsign(Tensor self) -> Tensor", "pointwise", expr="self / (1 + abs(self))", dtypes=FLOATING,
   promote="IntToFloat", grad={"self": "g / ((1 + abs(self)) * (1 + abs(self)))"},
   public=False, variants="function", ref="self / (1 + numpy.abs(self))", doc="x / (1 + |x|).")
op("softsign(Tensor self) -> Tensor", "composite", dtypes=FLOATING | COMPLEX,
   variants="function", namespace="nn", ref="self / (1 + numpy.abs(self))", samples=[S(T((3, 4))), S(T(()))],
   doc="x / (1 + |x|).")
op("tanhshrink(Tensor self) -> Tensor", "pointwise", expr="self - tanh(self)",
   dtypes=FLOATING | COMPLEX, promote="IntToFloat",
   grad={"self": "g * conj(tanh(self) * tanh(self))"},
   variants="function", ref="self - numpy.tanh(self)", namespace="nn", doc="x - tanh(x).")
op("glu(Tensor self, int dim=-1) -> Tensor", "composite", dtypes=FLOATING,
   ref="(lambda a, b: a / (1 + numpy.exp(-b)))(*numpy.split(self, 2, dim))",
   samples=[S(T((3, 4))), S(T((2, 3)), 0), S(T((2, 22))), S(T((2, 6, 3)), 1)], namespace="nn",
   doc="First half of `dim` times the sigmoid of the second (Dauphin et al. 2016).")
op("_glu(Tensor self, int dim) -> Tensor", dtypes=FLOATING, public=False, samples=[],
   grad={"self": "glu_grad_graph(g, self, dim)"}, fast_grad={"self": "glu_grad(g, self, dim)"},
   doc="glu of dense tensors of float32 and float64.")
op("_gated(Tensor self, Tensor gate) -> Tensor", "pointwise", expr="self * sigmoid(gate)",
   dtypes=FLOATING, public=False,
   grad={"self": "g * sigmoid(gate)", "gate": "g * self * (sigmoid(gate) * (1 - sigmoid(gate)))"},
   samples=[S(T((3, 4)), T((3, 4)))], doc="A tensor times the sigmoid of another.")
op("logsigmoid(Tensor self) -> Tensor", "pointwise",
   expr="minimum(self, 0) - log1p(exp(-abs(self)))", dtypes=FLOATING,
   grad={"self": "g * sigmoid(-self)"}, variants="function out",
   ref="-numpy.log1p(numpy.exp(-self))", namespace="nn", doc="log(sigmoid(x)) without overflow.")
op("hardswish(Tensor self, Inplace inplace=False) -> Tensor", "pointwise",
   expr="self * minimum(maximum(self + 3, 0), 6) / 6", dtypes=FLOATING,
   grad={"self": "where(self <= -3, 0, where(self < 3, g * (self / 3 + 0.5), g))"},
   variants=_INPLACE, ref="self * numpy.clip(self + 3, 0, 6) / 6", domain=(-5, 5),
   namespace="nn", doc="x * relu6(x + 3) / 6 (Howard et al. 2019).")
op("hardsigmoid(Tensor self, Inplace inplace=False) -> Tensor", "pointwise",
   expr="minimum(maximum(self + 3, 0), 6) / 6", dtypes=FLOATING,
   grad={"self": "where((self > -3) & (self < 3), g * 0.16666666666666666, 0)"}, variants=_INPLACE,
   ref="numpy.clip(self + 3, 0, 6) / 6", domain=(-5, 5), namespace="nn", doc="relu6(x + 3) / 6.")
op("hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", "pointwise",
   expr="where((self >= -lambd) & (self <= lambd), 0, self)", dtypes=FLOATING,
   grad={"self": "where((self >= -lambd) & (self <= lambd), 0, g)"}, variants="function method out",
   ref="numpy.where(numpy.abs(self) <= lambd, 0, self)", samples=[S(T((3, 4))), S(T((3, 4)), 1)],
   doc="x where |x| > lambd, else 0.")
op("softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", "pointwise",
   expr="where(self > lambd, self - lambd, where(self < -lambd, self + lambd, self * 0))",
   dtypes=FLOATING, check="check_softshrink",
   grad={"self": "where((self >= -lambd) & (self <= lambd), 0, g)"}, variants=F,
   ref="numpy.sign(self) * numpy.maximum(numpy.abs(self) - lambd, 0)",
   samples=[S(T((3, 4))), S(T((3, 4)), 1)],
   namespace="nn", doc="x moved toward 0 by lambd, and 0 within that distance. Raises RuntimeError for lambd < 0.")
op("threshold(Tensor self, Scalar threshold, Scalar value, Inplace inplace=False) -> Tensor",
   "pointwise", expr="where(self <= threshold, value, self)", dtypes=REAL,
   grad={"self": "where(self <= threshold, 0, g)"}, variants=_INPLACE,
   ref="numpy.where(self <= threshold, value, self)", samples=[S(T((3, 4)), 0.5, 2)],
   test_dtypes=FLOATING,  # the reference promotes, the operator keeps the type of `self`
   doc="x where x > threshold, else `value`.")
