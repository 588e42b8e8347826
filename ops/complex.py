"""Complex numbers: parts, conjugates, construction."""

from tools.opgen.table import ALL, COMPLEX, FLOATING, INT_TO_FLOAT, S, T, op

ONE = [S(T((2, 3)))]

op("conj(Tensor self) -> Tensor", "native", impl="conj", returns_self=True, dtypes=ALL,
   grad={"self": "conj(g)"}, variants="function method", ref="numpy.conj(self)", samples=ONE,
   doc="The complex conjugate; real tensors are returned as they are.")
op("_conj(Tensor self) -> Tensor", "pointwise", expr="conj(self)", dtypes=COMPLEX, public=False,
   grad={"self": "_conj(g)"}, doc="The conjugate of a complex tensor, into new memory.")
op("conj_physical(Tensor self) -> Tensor", "native", impl="conj", returns_self=True, dtypes=ALL,
   grad={"self": "conj(g)"}, variants="function method inplace out", ref="numpy.conj(self)", samples=ONE,
   doc="The same as conj.")
op("resolve_conj(Tensor self) -> Tensor", "native", impl="itself", returns_self=True, dtypes=ALL,
   grad={"self": "g"}, variants="function method", ref="self", samples=ONE,
   doc="The tensor itself: conjugates are always computed at once.")
op("resolve_neg(Tensor self) -> Tensor", "native", impl="itself", returns_self=True, dtypes=ALL,
   grad={"self": "g"}, variants="function method", ref="self", samples=ONE,
   doc="The tensor itself: negatives are always computed at once.")

op("real(Tensor self) -> Tensor", "view", impl="real", returns_self=True, dtypes=ALL,
   grad={"self": "complex_from_real(g)"}, variants="function", ref="numpy.real(self)", samples=ONE,
   doc="A view of the real parts; real tensors are returned as they are.")
op("imag(Tensor self) -> Tensor", "view", dtypes=COMPLEX, grad={"self": "imag_grad(g)"},
   variants="function", ref="numpy.imag(self)", samples=ONE,
   doc="A view of the imaginary parts. Raises RuntimeError for real tensors.")
op("view_as_real(Tensor self) -> Tensor", "view", dtypes=COMPLEX,
   grad={"self": "view_as_complex(contiguous_grad(g))"}, variants="function",
   ref="numpy.stack([self.real, self.imag], -1)", samples=ONE,
   doc="A view with a last dimension of 2: the real and the imaginary parts.")
op("view_as_complex(Tensor self) -> Tensor", "view", dtypes=FLOATING,
   grad={"self": "view_as_real(g)"}, variants="function", ref="self[..., 0] + 1j * self[..., 1]",
   test_dtypes=FLOATING & 0xC0, samples=[S(T((3, 2))), S(T((2, 3, 2)))],
   notes={"strides matter": "the last dimension must have stride 1"},
   doc="The inverse of view_as_real: the last dimension has size 2 and stride 1; float32 or float64.")

op("complex(Tensor real, Tensor imag) -> Tensor", "native", dtypes=FLOATING,
   grad={"real": "real(g)", "imag": "imag(g)"}, variants="function out", ref="real + 1j * imag",
   test_dtypes=FLOATING & 0xC0, samples=[S(T((3, 4)), T((3, 4))), S(T((3, 1)), T((4,)))],
   doc="real + 1j * imag; both float32 or both float64.")
op("polar(Tensor abs, Tensor angle) -> Tensor", "composite",
   body="complex(abs * cos(angle), abs * sin(angle))", dtypes=FLOATING, variants="function out",
   ref="abs * numpy.exp(1j * angle)", test_dtypes=FLOATING & 0xC0, samples=[S(T((3, 4)), T((3, 4)))],
   doc="Complex numbers from their modulus and angle.")
op("angle(Tensor self) -> Tensor", "pointwise", expr="angle(self)", dtypes=FLOATING | COMPLEX,
   promote=INT_TO_FLOAT, output="Real", grad={"self": "angle_grad(g, self)"},
   variants="function method out", ref="numpy.angle(self)",
   doc="The angle of complex numbers; 0 or pi for real ones, whose gradient is 0.")
