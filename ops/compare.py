"""Comparisons, classes of numbers, logic. Results are bool."""

from tools.opgen.table import ALL, BOOL, COMPLEX, FLOATING, INT_TO_FLOAT, REAL, S, T, op

VARIANTS = "function method inplace out"
_CONDITION = "the result is a condition"
_PAIRS = [S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((4,))), S(T((3,)), 1), S(T(()), 0.5)]

for _name, _sign, _alias, _words, _dtypes in (
        ("eq", "==", (), "is equal to", ALL),
        ("ne", "!=", ("not_equal",), "differs from", ALL),
        ("lt", "<", ("less",), "is less than", REAL | BOOL),
        ("le", "<=", ("less_equal",), "is less than or equal to", REAL | BOOL),
        ("gt", ">", ("greater",), "is greater than", REAL | BOOL),
        ("ge", ">=", ("greater_equal",), "is greater than or equal to", REAL | BOOL)):
    op(f"{_name}(Tensor self, Operand other) -> Tensor", "pointwise", expr=f"self {_sign} other",
       dtypes=_dtypes, output="Bool", grad=_CONDITION, variants=VARIANTS, aliases=_alias,
       ref=f"self {_sign} other", samples=_PAIRS, doc=f"Whether `self` {_words} `other`.")

for _name, _expr, _dtypes, _words in (
        ("isnan", "isnan(self)", FLOATING | COMPLEX, "is NaN"),
        ("isinf", "isinf(self)", FLOATING | COMPLEX, "is infinite"),
        ("isfinite", "isfinite(self)", FLOATING | COMPLEX, "is neither infinite nor NaN")):
    op(f"{_name}(Tensor self) -> Tensor", "pointwise", expr=_expr, dtypes=_dtypes,
       promote=INT_TO_FLOAT, output="Bool", grad=_CONDITION, variants="function method",
       ref=f"numpy.{_name}(self)", doc=f"Whether each element {_words}.")
for _name, _sign, _words in (("isposinf", "", "+inf"), ("isneginf", "-", "-inf")):
    op(f"{_name}(Tensor self) -> Tensor", "pointwise", expr=f"self == {_sign}inf", dtypes=FLOATING,
       promote=INT_TO_FLOAT, output="Bool", grad=_CONDITION, variants="function method out",
       check=f"check_{_name}", ref=f"numpy.{_name}(self)", doc=f"Whether each element is {_words}.")

op("isreal(Tensor self) -> Tensor", "native", dtypes=ALL, grad=_CONDITION,
   variants="function method", ref="numpy.isreal(self)", samples=[S(T((2, 3)))],
   doc="Whether the imaginary part of each element is zero.")

op("isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) "
   "-> Tensor", "composite", dtypes=ALL, variants="function method",
   ref="numpy.isclose(self, other, rtol, atol, equal_nan)",
   samples=[S(T((3, 4)), T((3, 4))), S(T((3, 4)), T((3, 4)), 0.5, 0.5)],
   doc="Whether |self - other| <= atol + rtol * |other|. Infinities are close to themselves only, NaN "
       "to NaN if `equal_nan`. Raises RuntimeError for different types or negative tolerances.")
op("_isclose(Tensor self, Tensor other, float rtol, float atol, bool equal_nan) -> Tensor",
   "pointwise",
   expr="(self == other) | ((equal_nan != 0) & isnan(self) & isnan(other)) | "
        "(isfinite(self) & isfinite(other) & "
        "(abs(self - other) <= real(atol) + real(rtol) * abs(other)))",
   dtypes=FLOATING | COMPLEX, output="Bool", grad=_CONDITION, public=False,
   samples=[S(T((3, 4)), T((3, 4)), 1e-5, 1e-8, False)], doc="isclose of floating point numbers.")

for _name, _expr, _words in (("and", "(self != 0) & (other != 0)", "both are"),
                             ("or", "(self != 0) | (other != 0)", "one or both are"),
                             ("xor", "(self != 0) != (other != 0)", "exactly one is")):
    op(f"logical_{_name}(Tensor self, Tensor other) -> Tensor", "pointwise", expr=_expr, dtypes=ALL,
       output="Bool", grad=_CONDITION, variants=VARIANTS,
       ref=f"numpy.logical_{_name}(self, other)", samples=_PAIRS[:2],
       doc=f"Whether {_words} different from zero.")
op("logical_not(Tensor self) -> Tensor", "pointwise", expr="self == 0", dtypes=ALL, output="Bool",
   grad=_CONDITION, variants=VARIANTS, ref="numpy.logical_not(self)",
   doc="Whether each element is zero.")
