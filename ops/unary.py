"""Functions of one number, and a few of two: exponentials, angles, rounding, signs."""

from tools.opgen.table import (
    ALL,
    BOOL,
    COMPLEX,
    FLOAT64,
    FLOATING,
    INT_TO_FLOAT,
    NUMERIC,
    REAL,
    S,
    T,
    op,
)

UNARY = BINARY = "function method inplace out"
LN2, LN10 = "0.6931471805599453", "2.302585092994046"
_SMOOTH = FLOATING | COMPLEX


def _unary(name, grad, doc, ref=None, *, expr=None, dtypes=_SMOOTH, promote=INT_TO_FLOAT, **fields):
    """One row of the usual kind: integers become floats, the reference is NumPy's of that name."""
    grad = {"self": grad}
    op(f"{name}(Tensor self) -> Tensor", "pointwise", expr=expr or f"{name}(self)", dtypes=dtypes,
       promote=promote, grad=grad, variants=UNARY, ref=ref or f"numpy.{name}(self)", doc=doc, **fields)


# ---- exponentials and logarithms

_unary("exp", "g * conj(y)", "e to the power of each element.")
_unary("exp2", f"g * conj(y) * {LN2}", "2 to the power of each element.", aliases=("special_exp2",))
_unary("expm1", "g * (conj(y) + 1)", "exp(x) - 1, accurate near zero.", aliases=("special_expm1",))
_unary("log", "g / conj(self)", "The natural logarithm.", domain=(0.1, 3))
_unary("log2", f"g / (conj(self) * {LN2})", "The logarithm to base 2.", domain=(0.1, 3))
_unary("log10", f"g / (conj(self) * {LN10})", "The logarithm to base 10.", domain=(0.1, 3))
_unary("log1p", "g / (conj(self) + 1)", "log(1 + x), accurate near zero.", domain=(-0.5, 3),
       aliases=("special_log1p",))
_unary("sqrt", "g / (2 * conj(y))", "The square root.", domain=(0.1, 3))
_unary("rsqrt", "g * conj(y * y * y) * -0.5", "1 / sqrt(x).", "1 / numpy.sqrt(self)",
       domain=(0.1, 3))

# ---- angles and hyperbolas

_unary("sin", "g * conj(cos(self))", "Sine; radians.")
_unary("cos", "-(g * conj(sin(self)))", "Cosine; radians.")
_unary("tan", "g * conj(1 + y * y)", "Tangent; radians.", domain=(-1.4, 1.4))
_unary("asin", "g * conj(rsqrt(1 - self * self))", "Inverse sine.", "numpy.arcsin(self)",
       domain=(-0.9, 0.9), aliases=("arcsin",))
_unary("acos", "-(g * conj(rsqrt(1 - self * self)))", "Inverse cosine.", "numpy.arccos(self)",
       domain=(-0.9, 0.9), aliases=("arccos",))
_unary("atan", "g / conj(1 + self * self)", "Inverse tangent.", "numpy.arctan(self)",
       aliases=("arctan",))
_unary("sinh", "g * conj(cosh(self))", "Hyperbolic sine.")
_unary("cosh", "g * conj(sinh(self))", "Hyperbolic cosine.")
_unary("tanh", "g * conj(1 - y * y)", "Hyperbolic tangent.")
_unary("asinh", "g * conj(rsqrt(self * self + 1))", "Inverse hyperbolic sine.",
       "numpy.arcsinh(self)", aliases=("arcsinh",))
_unary("acosh", "g * conj(rsqrt(self - 1) * rsqrt(self + 1))", "Inverse hyperbolic cosine.",
       "numpy.arccosh(self)", domain=(1.2, 4), aliases=("arccosh",))
_unary("atanh", "g / conj(1 - self * self)", "Inverse hyperbolic tangent.", "numpy.arctanh(self)",
       domain=(-0.9, 0.9), aliases=("arctanh",))
_unary("sigmoid", "g * conj((1 - y) * y)", "The logistic function 1 / (1 + exp(-x)).",
       "1 / (1 + numpy.exp(-self))", aliases=("special_expit",))
_unary("deg2rad", "g * 0.017453292519943295", "Degrees to radians.", dtypes=FLOATING,
       expr="self * 0.017453292519943295")
_unary("rad2deg", "g * 57.29577951308232", "Radians to degrees.", dtypes=FLOATING,
       expr="self * 57.29577951308232")
_unary("sinc", "where(self == 0, 0, g * conj((cos(self * pi) * self * pi - sin(self * pi)) / "
       "(self * self * pi)))", "sin(pi x) / (pi x), and 1 at 0.",
       expr="where(self == 0, 1, sin(self * pi) / (self * pi))", aliases=("special_sinc",))

op("atan2(Tensor self, Tensor other) -> Tensor", "pointwise", expr="atan2(self, other)",
   dtypes=FLOATING, promote=INT_TO_FLOAT,
   grad={"self": "where((self == 0) & (other == 0), 0, g * other / (self * self + other * other))",
         "other": "where((self == 0) & (other == 0), 0, -(g * self) / (self * self + other * other))"},
   variants=BINARY, aliases=("arctan2",), ref="numpy.arctan2(self, other)",
   samples=[S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((4,)))],
   doc="The angle of the point (other, self), in (-pi, pi]; its gradient at the origin is 0.")
op("hypot(Tensor self, Tensor other) -> Tensor", "pointwise", expr="hypot(self, other)",
   dtypes=FLOATING, grad={"self": "g * (self / y)", "other": "g * (other / y)"}, variants=BINARY,
   ref="numpy.hypot(self, other)", samples=[S(T((3, 4)), T((3, 4)))],
   doc="sqrt(self^2 + other^2) without overflow.")
op("logaddexp(Tensor self, Tensor other) -> Tensor", "pointwise", expr="logaddexp(self, other)",
   dtypes=FLOATING | COMPLEX,
   grad={"self": "g * conj(exp(self - y))", "other": "g * conj(exp(other - y))"},
   variants="function method out", ref="numpy.logaddexp(self, other)",
   test_dtypes=FLOATING,  # NumPy's is for real numbers
   samples=[S(T((3, 4)), T((3, 4)))], doc="log(exp(self) + exp(other)) without overflow.")
op("logaddexp2(Tensor self, Tensor other) -> Tensor", "pointwise", expr="logaddexp2(self, other)",
   dtypes=FLOATING, grad={"self": "g * exp2(self - y)", "other": "g * exp2(other - y)"},
   variants="function method out", ref="numpy.logaddexp2(self, other)",
   samples=[S(T((3, 4)), T((3, 4)))], doc="log2(2^self + 2^other) without overflow.")

# ---- rounding

for name, words in (("floor", "The largest whole number not above each element."),
                    ("ceil", "The smallest whole number not below each element."),
                    ("trunc", "Each element rounded toward zero.")):
    _unary(name, "zeros_like(g)", words, dtypes=REAL, promote="Default",
           aliases=("fix",) if name == "trunc" else ())
_unary("round", "zeros_like(g)", "The nearest whole number, ties to even.", dtypes=REAL,
       promote="Default", aliases=("special_round",))
op("round.decimals(Tensor self, *, int decimals) -> Tensor", "composite", dtypes=FLOATING,
   variants=UNARY, ref="numpy.round(self, decimals)", samples=[S(T((3, 4)), decimals=2)],
   test_dtypes=FLOATING, aliases=("special_round",),
   doc="Rounds to `decimals` places after the point; before it when negative.")
op("_round_scaled(Tensor self, float up, float down) -> Tensor", "pointwise",
   expr="round(self * up / down) * down / up", dtypes=FLOATING, public=False,
   grad={"self": "zeros_like(g)"}, doc="Rounds to multiples of down / up, one of which is 1.")
_unary("frac", "g", "The part behind the point, with the sign of the element.",
       "self - numpy.trunc(self)", dtypes=FLOATING, promote="Default")

# ---- signs

op("abs(Tensor self) -> Tensor", "pointwise", expr="abs(self)", dtypes=NUMERIC, output="Real",
   grad={"self": "g * sgn(self)"}, variants=UNARY, aliases=("absolute",),
   ref="numpy.abs(self)", doc="The absolute value; complex numbers give their modulus, a real number.")
_unary("sign", "zeros_like(g)", "-1, 0 or 1 by the sign of each element.", dtypes=REAL | BOOL,
       promote="Default", check="check_sign", test_dtypes=REAL)  # NumPy has no sign of bool
_unary("sgn", "sgn_grad(g, self, y)", "z / |z|, and 0 at 0: the sign of complex numbers.",
       "numpy.sign(self)", dtypes=ALL, promote="Default", test_dtypes=REAL)  # NumPy 1 signs the real part
op("signbit(Tensor self) -> Tensor", "pointwise", expr="signbit(self)", dtypes=REAL | BOOL,
   output="Bool", grad="the result is a condition", variants="function method out",
   ref="numpy.signbit(self)", test_dtypes=FLOATING,  # NumPy has none for integers
   doc="Whether the sign is set, -0. included.")
op("copysign(Tensor self, Operand other) -> Tensor", "pointwise", expr="copysign(self, other)",
   dtypes=FLOATING, promote=INT_TO_FLOAT,
   grad={"self": "where(self == 0, 0, g * (y / self))", "other": "zeros_like(g)"},
   variants=BINARY, ref="numpy.copysign(self, other)", samples=[S(T((3, 4)), T((3, 4))), S(T((3,)), -1)],
   doc="The magnitude of `self` with the sign of `other`.")
op("heaviside(Tensor self, Tensor values) -> Tensor", "pointwise",
   expr="where(isnan(self), self, where(self == 0, values, where(self > 0, 1, 0)))",
   dtypes=REAL | BOOL, check="check_heaviside", grad="a step has none", variants=BINARY,
   ref="numpy.heaviside(self, values)", test_dtypes=FLOATING,  # NumPy has none for integers
   samples=[S(T((3, 4)), T((3, 4)))],
   doc="0 below zero, 1 above, `values` at zero; both of one type.")
op("nextafter(Tensor self, Tensor other) -> Tensor", "pointwise", expr="nextafter(self, other)",
   dtypes=FLOATING & 0xC0,  # half types are computed in float32, where the next number is another
   grad={"self": "where(self == other, 0, g)", "other": "where(self == other, g, 0)"},
   variants=BINARY, ref="numpy.nextafter(self, other)", samples=[S(T((3, 4)), T((3, 4)))],
   test_dtypes=FLOAT64,  # the reference steps in double precision
   doc="The next number of the type after `self` in the direction of `other`; float32 and float64.")

# ---- products with logarithms

op("xlogy(Operand self, Operand other) -> Tensor", "pointwise",
   expr="where(isnan(other), other, where(self == 0, 0, self * log(other)))", dtypes=FLOATING,
   promote=INT_TO_FLOAT,
   grad={"self": "where((self == 0) & (other <= 0), 0, g * log(other))", "other": "g * self / other"},
   variants=BINARY, aliases=("special_xlogy",), ref="scipy.special.xlogy(self, other)",
   samples=[S(T((3, 4)), T((3, 4), 0.1, 3)), S(T((3,)), 2)],
   doc="self * log(other), 0 where `self` is 0, NaN where `other` is NaN.")
op("logit(Tensor self, float? eps=None) -> Tensor", "composite", dtypes=FLOATING, variants=UNARY,
   aliases=("special_logit",), ref="numpy.log(self / (1 - self))",
   samples=[S(T((3, 4), 0.1, 0.9)), S(T((3, 4), 0.1, 0.9), 0.05)],
   doc="log(x / (1 - x)), after clamping to [eps, 1 - eps] if `eps` is given.")
op("_logit(Tensor self) -> Tensor", "pointwise", expr="log(self / (1 - self))", dtypes=FLOATING,
   promote=INT_TO_FLOAT, public=False, domain=(0.1, 0.9),
   grad={"self": "where((self >= 0) & (self <= 1), g / (self * (1 - self)), nan)"},
   doc="logit without clamping.")
op("_logit_within(Tensor self, float eps) -> Tensor", "pointwise",
   expr="log(minimum(maximum(self, eps), 1 - eps) / (1 - minimum(maximum(self, eps), 1 - eps)))",
   dtypes=FLOATING, promote=INT_TO_FLOAT, public=False, samples=[S(T((3, 4), 0, 1), 0.1)],
   grad={"self": "where((self >= eps) & (self <= 1 - eps), g / (self * (1 - self)), 0)"},
   doc="logit with clamping.")
op("nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
   "composite", dtypes=ALL, variants=UNARY, ref="numpy.nan_to_num(self, nan=nan or 0.0)",
   samples=[S(T((3, 4)))], test_dtypes=REAL,
   doc="NaN becomes `nan` (0), the infinities `posinf` and `neginf` (the largest and smallest finite "
       "numbers).")
op("_nan_to_num(Tensor self, float nan_value, float posinf, float neginf) -> Tensor", "pointwise",
   expr="where(isnan(self), nan_value, where(self == inf, posinf, where(self == -inf, neginf, self)))",
   dtypes=FLOATING, public=False, variants="function inplace",
   grad={"self": "where(isfinite(self), g, 0)"}, samples=[S(T((3, 4)), 0.0, 1.0, -1.0)],
   doc="nan_to_num for real numbers, all replacements given.")
