"""Arithmetic, element by element. One row: signature, value, gradient, tests, words."""

from tools.opgen.table import (
    ALL,
    COMPLEX,
    FLOATING,
    INT_TO_FLOAT,
    INTEGERS,
    NUMERIC,
    REAL,
    S,
    T,
    op,
)

UNARY = BINARY = "function method inplace out"
FUNCTIONS = "function method out"

# ---- sums and products

op("add(Operand self, Operand other, *, Scalar alpha=1) -> Tensor", "pointwise",
   expr="self + alpha * other", dtypes=ALL, check="check_alpha",
   grad={"self": "g", "other": "scale_conj(g, alpha)"}, variants=BINARY, numbers=True,
   ref="self + alpha * other", test_dtypes=NUMERIC,  # bool: NumPy's sum is the same, alpha is not
   samples=[S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((4,)), alpha=2), S(T(()), 3), S(T((0, 2)), 1)],
   doc="Adds `other`, scaled by `alpha`, to `self`, with broadcasting and type promotion. The sum of "
       "bools is their disjunction. Raises RuntimeError when `alpha` is of a higher category than "
       "the result.")

op("sub(Operand self, Operand other, *, Scalar alpha=1) -> Tensor", "pointwise",
   expr="self - alpha * other", dtypes=NUMERIC, check="check_sub",
   grad={"self": "g", "other": "scale_conj(-g, alpha)"}, variants=BINARY, numbers=True, aliases=("subtract",),
   ref="self - alpha * other",
   samples=[S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((3, 1)), alpha=2), S(T(()), 3)],
   doc="Subtracts `other`, scaled by `alpha`, from `self`. Raises RuntimeError for bools.")

op("rsub(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor", "pointwise",
   expr="other - alpha * self", dtypes=NUMERIC, check="check_sub",
   grad={"self": "scale_conj(-g, alpha)", "other": "g"}, variants="function",
   ref="other - alpha * self", samples=[S(T((3, 4)), T((3, 4))), S(T((3,)), 2, alpha=3)],
   doc="other - alpha * self.")

op("mul(Operand self, Operand other) -> Tensor", "pointwise", expr="self * other", dtypes=ALL,
   grad={"self": "g * conj(other)", "other": "g * conj(self)"}, variants=BINARY, numbers=True,
   aliases=("multiply",), ref="self * other",
   samples=[S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((4,))), S(T((2,)), 3), S(T(()), T(()))],
   doc="Multiplies element by element, with broadcasting and type promotion.")

op("neg(Tensor self) -> Tensor", "pointwise", expr="-self", dtypes=NUMERIC, check="check_neg",
   grad={"self": "-g"}, variants=UNARY, aliases=("negative",), ref="numpy.negative(self)",
   doc="The negative of each element. Raises RuntimeError for bools.")

op("positive(Tensor self) -> Tensor", "native", returns_self=True, dtypes=NUMERIC,
   grad={"self": "g"}, variants="function method", ref="self", samples=[S(T((2, 3)))],
   doc="The tensor itself. Raises RuntimeError for bools.")

op("square(Tensor self) -> Tensor", "pointwise", expr="self * self", dtypes=NUMERIC,
   promote="BoolToInt", grad={"self": "g * conj(self) * 2"}, variants=UNARY,
   ref="numpy.square(self)", doc="The square of each element.")

op("addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", "pointwise",
   expr="self + value * tensor1 * tensor2", dtypes=NUMERIC,
   grad={"self": "g", "tensor1": "g * conj(tensor2 * value)", "tensor2": "g * conj(tensor1 * value)"},
   variants=BINARY, ref="self + value * tensor1 * tensor2",
   samples=[S(T((3, 4)), T((3, 4)), T((3, 4))), S(T((3, 4)), T((4,)), T((3, 1)), value=2)],
   doc="self + value * tensor1 * tensor2.")

op("addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", "pointwise",
   expr="self + value * (tensor1 / tensor2)", dtypes=FLOATING | COMPLEX, check="check_addcdiv",
   grad={"self": "g", "tensor1": "g * conj(value / tensor2)",
         "tensor2": "-(g * conj(value * tensor1 / (tensor2 * tensor2)))"},
   variants=BINARY, ref="self + value * (tensor1 / tensor2)",
   samples=[S(T((3, 4)), T((3, 4)), T((3, 4), 0.5, 2)),
            S(T((3, 4)), T((4,)), T((3, 1), 0.5, 2), value=2)],
   doc="self + value * tensor1 / tensor2. Raises RuntimeError when both `tensor1` and `tensor2` "
       "hold integers.")

op("lerp(Tensor self, Tensor end, Operand weight) -> Tensor", "pointwise",
   expr="where(abs(weight) < real(0.5), self + weight * (end - self), "
        "end - (end - self) * (1 - weight))",
   dtypes=FLOATING | COMPLEX, check="check_lerp",
   grad={"self": "g * conj(1 - weight)", "end": "g * conj(weight)", "weight": "g * conj(end - self)"},
   variants=BINARY, ref="self + weight * (end - self)",
   samples=[S(T((3, 4)), T((3, 4)), 0.25), S(T((3, 4)), T((3, 4)), T((4,), 0, 1))],
   doc="self + weight * (end - self), exact at weights 0 and 1.")

# ---- quotients

_DIVISOR = [S(T((3, 4)), T((3, 4), 0.5, 2)), S(T((3, 4)), T((4,), -2, -0.5)), S(T((3,)), 2)]

op("div(Operand self, Operand other) -> Tensor", "pointwise", expr="self / other",
   dtypes=FLOATING | COMPLEX, promote=INT_TO_FLOAT,
   grad={"self": "g / conj(other)", "other": "-(g * conj(self / other / other))"}, variants=BINARY, numbers=True,
   aliases=("divide",), ref="numpy.true_divide(self, other)", samples=_DIVISOR,
   doc="The quotient; integers give the default float type.")

op("div.mode(Operand self, Operand other, *, str? rounding_mode) -> Tensor", "composite",
   dtypes=NUMERIC, variants=BINARY, numbers=True, aliases=("divide",), ref="numpy.trunc(self / other)",
   test_dtypes=FLOATING,  # the reference divides integers as floats
   samples=[S(T((3, 4)), T((3, 4), 0.5, 2), rounding_mode="trunc")],
   doc="The quotient, rounded toward zero ('trunc'), down ('floor'), or not at all (None). The first "
       "two keep integers, and raise RuntimeError (ZeroDivisionError) when one is divided by 0.")

op("true_divide(Operand self, Operand other) -> Tensor", "pointwise", expr="self / other",
   dtypes=FLOATING | COMPLEX, promote=INT_TO_FLOAT,
   grad={"self": "g / conj(other)", "other": "-(g * conj(self / other / other))"}, variants=BINARY, numbers=True,
   ref="numpy.true_divide(self, other)", samples=_DIVISOR, doc="The same as div without rounding.")

op("floor_divide(Operand self, Operand other) -> Tensor", "pointwise",
   expr="floor_divide(self, other)", dtypes=REAL, zero_division=True,
   grad={"self": "zeros_like(g)", "other": "zeros_like(g)"}, variants=BINARY, numbers=True,
   ref="numpy.floor_divide(self, other)",
   samples=[S(T((3, 4), 1, 9), T((3, 4), 1, 4)), S(T((3, 4), 1, 9), 3)],
   doc="The quotient rounded down, as Python's //. Raises RuntimeError (ZeroDivisionError) when an "
       "integer is divided by 0.")

op("_trunc_divide(Tensor self, Tensor other) -> Tensor", "pointwise",
   expr="trunc_divide(self, other)", dtypes=REAL, zero_division=True, public=False,
   grad={"self": "zeros_like(g)", "other": "zeros_like(g)"}, variants=BINARY,
   samples=[S(T((3, 4), 1, 9), T((3, 4), 1, 4))], doc="The quotient rounded toward zero.")

op("remainder(Operand self, Operand other) -> Tensor", "pointwise", expr="remainder(self, other)",
   dtypes=REAL, zero_division=True,
   grad={"self": "g", "other": "-(g * floor_divide(self, other))"}, variants=BINARY,
   ref="numpy.remainder(self, other)",
   samples=[S(T((3, 4), 1, 9), T((3, 4), 1, 4)), S(T((3, 4), 1, 9), 3)],
   doc="self - other * floor(self / other): the sign of the divisor, as Python's %.")

op("fmod(Tensor self, Operand other) -> Tensor", "pointwise", expr="fmod(self, other)", dtypes=REAL,
   zero_division=True, grad={"self": "g", "other": "-(g * _trunc_divide(self, other))"},
   variants=BINARY, ref="numpy.fmod(self, other)",
   samples=[S(T((3, 4), 1, 9), T((3, 4), 1, 4)), S(T((3, 4), 1, 9), 3)],
   doc="self - other * trunc(self / other): the sign of the dividend, as C's fmod.")

op("reciprocal(Tensor self) -> Tensor", "pointwise", expr="reciprocal(self)",
   dtypes=FLOATING | COMPLEX, promote=INT_TO_FLOAT, grad={"self": "-(g * conj(y * y))"},
   variants=UNARY, ref="1 / self", domain=(0.5, 3), doc="1 / self.")

# ---- powers

op("pow(Operand self, Operand exponent) -> Tensor", "pointwise", expr="power(self, exponent)",
   dtypes=NUMERIC, check="check_pow",
   grad={"self": "where(exponent == 0, 0, g * conj(exponent * pow(self, exponent - 1)))",
         "exponent": "where((y == 0) | ((self == 0) & (exponent == 0)), 0, g * conj(y * log(self)))"},
   variants=BINARY, ref="numpy.power(self, exponent)", test_dtypes=FLOATING | COMPLEX,
   samples=[S(T((3, 4), 0.5, 2), T((3, 4))), S(T((3, 4)), 2), S(T((3, 4)), 3),
            S(T((3, 4), 0.5, 2), 0.5), S(T((3, 4), 0.5, 2), -1.5)],
   doc="`self` to the power of `exponent`; either may be a number. 0 ** 0 is 1 with gradients 0. "
       "Raises RuntimeError for integers and a negative integer number as exponent.")

op("float_power(Operand self, Operand exponent) -> Tensor", "composite", dtypes=NUMERIC,
   variants="function method out", ref="numpy.float_power(self, exponent)",
   samples=[S(T((3, 4), 0.5, 2), T((3, 4))), S(T((3, 4), 0.5, 2), 2)],
   test_dtypes=FLOATING,  # NumPy gives powers of float16 and bfloat16 another type
   doc="pow in float64, or complex128 for complex operands.")

op("float_power_(Tensor self, Operand exponent) -> Tensor", "composite", dtypes=NUMERIC,
   variants="method", samples=[],
   doc="float_power in place. Raises RuntimeError unless `self` is of the type of the result.")

op("ldexp(Tensor self, Tensor other) -> Tensor", "composite", body="self * pow(2.0, other)",
   dtypes=REAL, variants=BINARY, ref="self * numpy.power(2.0, other)", test_dtypes=FLOATING,
   samples=[S(T((3, 4)), T((3, 4)))], doc="self * 2 ** other.")

# ---- larger and smaller

_PAIR = [S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((4,)))]

op("maximum(Tensor self, Tensor other) -> Tensor", "pointwise", expr="maximum(self, other)",
   dtypes=ALL & ~COMPLEX,
   grad={"self": "where(self == other, g * 0.5, where(self < other, 0, g))",
         "other": "where(self == other, g * 0.5, where(self > other, 0, g))"},
   variants="function method out", ref="numpy.maximum(self, other)", samples=_PAIR,
   doc="The larger of the two, NaN if either is. Equal elements share the gradient.")

op("minimum(Tensor self, Tensor other) -> Tensor", "pointwise", expr="minimum(self, other)",
   dtypes=ALL & ~COMPLEX,
   grad={"self": "where(self == other, g * 0.5, where(self > other, 0, g))",
         "other": "where(self == other, g * 0.5, where(self < other, 0, g))"},
   variants="function method out", ref="numpy.minimum(self, other)", samples=_PAIR,
   doc="The smaller of the two, NaN if either is. Equal elements share the gradient.")

op("fmax(Tensor self, Tensor other) -> Tensor", "pointwise", expr="fmaximum(self, other)",
   dtypes=ALL & ~COMPLEX,
   grad={"self": "where((self >= other) | isnan(other), g, 0)",
         "other": "where((self >= other) | isnan(other), 0, g)"},
   variants="function method out", ref="numpy.fmax(self, other)", samples=_PAIR,
   doc="The larger of the two, or the other one if one is NaN.")

op("fmin(Tensor self, Tensor other) -> Tensor", "pointwise", expr="fminimum(self, other)",
   dtypes=ALL & ~COMPLEX,
   grad={"self": "where((self <= other) | isnan(other), g, 0)",
         "other": "where((self <= other) | isnan(other), 0, g)"},
   variants="function method out", ref="numpy.fmin(self, other)", samples=_PAIR,
   doc="The smaller of the two, or the other one if one is NaN.")

_MIN = "where((min < max) & (self < min), g, 0)"
_MAX = "where((self > max) | (max < min), g, 0)"

op("clamp(Tensor self, Operand min, Operand max) -> Tensor", "pointwise",
   expr="minimum(maximum(self, min), max)", dtypes=ALL & ~COMPLEX,
   grad={"self": "where((self >= min) & (self <= max), g, 0)", "min": _MIN, "max": _MAX},
   variants=BINARY, aliases=("clip",), ref="numpy.clip(self, min, max)",
   samples=[S(T((3, 4)), 0, 1), S(T((3, 4)), T((3, 4), -2, 0), T((4,), 0, 2))],
   doc="Limits `self` to [min, max]; `max` wins where it is the smaller one. Bounds are numbers or "
       "tensors, and one of them may be None.")
op("clamp.lower(Tensor self, Operand min, Operand? max=None) -> Tensor", "pointwise",
   expr="maximum(self, min)", dtypes=ALL & ~COMPLEX,
   grad={"self": "where(self >= min, g, 0)", "min": "where(self < min, g, 0)"},
   variants=BINARY, aliases=("clip",), ref="numpy.maximum(self, min)",
   samples=[S(T((3, 4)), 0), S(T((3, 4)), min=T((4,)))], doc="clamp with a lower bound only.")
op("clamp.upper(Tensor self, Operand? min=None, Operand max) -> Tensor", "pointwise",
   expr="minimum(self, max)", dtypes=ALL & ~COMPLEX,
   grad={"self": "where(self <= max, g, 0)", "max": "where(self > max, g, 0)"},
   variants=BINARY, aliases=("clip",), ref="numpy.minimum(self, max)",
   samples=[S(T((3, 4)), max=1), S(T((3, 4)), None, T((4,)))],
   doc="clamp with an upper bound only.")
op("clamp.none(Tensor self, Operand? min=None, Operand? max=None) -> Tensor", "composite",
   dtypes=ALL, variants=BINARY, aliases=("clip",), samples=[], public=False,
   doc="Raises RuntimeError: a bound is missing.")

op("clamp_min(Tensor self, Operand min) -> Tensor", "pointwise", expr="maximum(self, min)",
   dtypes=ALL & ~COMPLEX,
   grad={"self": "where(self >= min, g, 0)", "min": "where(self < min, g, 0)"}, variants=BINARY,
   ref="numpy.maximum(self, min)", samples=[S(T((3, 4)), 0), S(T((3, 4)), T((4,)))],
   doc="clamp with a lower bound.")
op("clamp_max(Tensor self, Operand max) -> Tensor", "pointwise", expr="minimum(self, max)",
   dtypes=ALL & ~COMPLEX,
   grad={"self": "where(self <= max, g, 0)", "max": "where(self > max, g, 0)"}, variants=BINARY,
   ref="numpy.minimum(self, max)", samples=[S(T((3, 4)), 0), S(T((3, 4)), T((4,)))],
   doc="clamp with an upper bound.")

# ---- bits and whole numbers

_BITS = [S(T((3, 4), 0, 9), T((3, 4), 0, 9)), S(T((3, 4), 0, 9), 5)]

for name, spelled, words in (("and", "bitwise_and", "conjunction"), ("or", "bitwise_or", "disjunction"),
                             ("xor", "bitwise_xor", "exclusive disjunction")):
    op(f"bitwise_{name}(Operand self, Operand other) -> Tensor", "pointwise",
       expr=f"bit_{name}(self, other)", dtypes=INTEGERS | (ALL & ~NUMERIC),
       grad="integers have no gradient", variants=BINARY, ref=f"numpy.{spelled}(self, other)",
       samples=_BITS, test_dtypes=INTEGERS, method_names=(f"__{name}__",),
       doc=f"The {words} of bits, or of bools.")

op("bitwise_not(Tensor self) -> Tensor", "pointwise", expr="bit_not(self)",
   dtypes=INTEGERS | (ALL & ~NUMERIC), check="check_bitwise_not", grad="integers have no gradient",
   variants=UNARY, ref="numpy.invert(self)", doc="Every bit flipped; the negation of bools.")

op("bitwise_left_shift(Operand self, Operand other) -> Tensor", "pointwise",
   expr="shift_left(self, other)", dtypes=INTEGERS, grad="integers have no gradient",
   variants=BINARY, ref="numpy.left_shift(self, other)", samples=[S(T((3, 4), 0, 9), T((4,), 0, 3))],
   doc="Bits moved up by `other` places; 0 when that is negative or all of them.")
op("bitwise_right_shift(Operand self, Operand other) -> Tensor", "pointwise",
   expr="shift_right(self, other)", dtypes=INTEGERS, grad="integers have no gradient",
   variants=BINARY, ref="numpy.right_shift(self, other)",
   samples=[S(T((3, 4), 0, 99), T((4,), 0, 3))],
   doc="Bits moved down by `other` places; the sign fills in.")

op("gcd(Tensor self, Tensor other) -> Tensor", "pointwise", expr="gcd(self, other)",
   dtypes=INTEGERS, grad="integers have no gradient", variants=BINARY, ref="numpy.gcd(self, other)",
   samples=[S(T((3, 4), 0, 60), T((3, 4), 0, 60))],
   doc="The greatest common divisor, never negative; gcd(0, 0) = 0.")
op("lcm(Tensor self, Tensor other) -> Tensor", "pointwise", expr="lcm(self, other)",
   dtypes=INTEGERS, grad="integers have no gradient", variants=BINARY, ref="numpy.lcm(self, other)",
   samples=[S(T((3, 4), 0, 9), T((3, 4), 0, 9))], doc="The least common multiple, never negative.")

# ---- choice

op("where(Tensor condition, Operand self, Operand other) -> Tensor", "pointwise",
   expr="where(condition, self, other)", masks=("condition",), dtypes=ALL, check="check_where",
   grad={"self": "where(condition, g, 0)", "other": "where(condition, 0, g)"},
   variants="function out", ref="numpy.where(condition, self, other)",
   samples=[S(T((3, 4), 0, 2, "bool", grad=False), T((3, 4)), T((4,))),
            S(T((3, 4), 0, 2, "bool", grad=False), T(()), 2)],
   doc="`self` where `condition` (bool or uint8) is true, else `other`; both may be numbers.")
op("where.index(Tensor condition) -> Tensor[]", "composite", body="_nonzero_columns(condition)",
   variants="function", dtypes=ALL, ref="numpy.nonzero(condition)", samples=[S(T((3, 4)))],
   notes={"no meta": "the result depends on values, which the meta device does not have"},
   doc="The positions of the elements that are not zero, one vector per dimension.")
op("where.method(Tensor self, Tensor condition, Operand other) -> Tensor", "composite",
   body="where(condition, self, other)", variants="method", dtypes=ALL, samples=[], public=False,
   doc="`self` where `condition` is true, else `other`.")
