"""Operators that work element by element. One row: signature, value, gradient, tests, words."""

from tools.opgen.table import (
    ALL,
    BOOL,
    BOOL_TO_INT,
    COMPLEX,
    FLOATING,
    INT_TO_FLOAT,
    INTEGERS,
    NUMERIC,
    REAL,
    op,
)

UNARY = "function method inplace out"
BINARY = "function method inplace out"

# ---- arithmetic

op("add(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor", "pointwise",
   expr="self + alpha * other", dtypes=NUMERIC,
   grad={"self": "g", "other": "g * alpha"}, variants=BINARY, ref="self + alpha * other",
   doc="Adds `other`, scaled by `alpha`, to `self`, with broadcasting and type promotion.")

op("mul(Tensor self, Operand other) -> Tensor", "pointwise", expr="self * other", dtypes=ALL,
   grad={"self": "g * conj(other)", "other": "g * conj(self)"}, variants=BINARY,
   aliases=("multiply",), ref="self * other",
   doc="Multiplies element by element, with broadcasting and type promotion.")

op("sub(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor", "pointwise",
   expr="self - alpha * other", dtypes=NUMERIC,
   grad={"self": "g", "other": "-(g * alpha)"}, variants=BINARY, aliases=("subtract",),
   ref="self - alpha * other", doc="Subtracts `other`, scaled by `alpha`, from `self`.")

op("neg(Tensor self) -> Tensor", "pointwise", expr="-self", dtypes=NUMERIC,
   grad={"self": "-g"}, variants=UNARY, aliases=("negative",), ref="numpy.negative(self)",
   doc="The negative of each element.")

op("tanh(Tensor self) -> Tensor", "pointwise", expr="tanh(self)", dtypes=FLOATING | COMPLEX,
   promote=INT_TO_FLOAT, grad={"self": "g * (1 - conj(y * y))"}, variants=UNARY,
   ref="numpy.tanh(self)", doc="Hyperbolic tangent.")

op("conj(Tensor self) -> Tensor", "native", impl="conj", returns_self=True, dtypes=ALL,
   grad={"self": "conj(g)"}, variants="function method", ref="numpy.conj(self)",
   doc="The complex conjugate; real tensors are returned as they are.")

op("_conj(Tensor self) -> Tensor", "pointwise", expr="conj(self)", dtypes=COMPLEX, public=False,
   grad={"self": "_conj(g)"}, doc="The conjugate of a complex tensor, into new memory.")

op("isnan(Tensor self) -> Tensor", "pointwise", expr="isnan(self)", dtypes=FLOATING,
   promote=INT_TO_FLOAT, output="Bool", grad="the result is a condition",
   variants="function method", ref="numpy.isnan(self)", doc="Whether each element is NaN.")

op("real(Tensor self) -> Tensor", "view", impl="real", returns_self=True, dtypes=ALL,
   grad={"self": "complex_from_real(g)"}, variants="function", ref="numpy.real(self)",
   doc="A view of the real parts; real tensors are returned as they are.")
