"""Reductions over dimensions."""

from tools.opgen.table import ALL, S, T, op

op("sum(Tensor self, int[]? dim=None, bool keepdim=False, *, DType? dtype=None) -> Tensor",
   dtypes=ALL, variants="function method out",
   grad={"self": "expand_reduced(g, self.sizes, dim, keepdim)"},
   ref="numpy.sum(self, axis=dim, keepdims=keepdim)",
   samples=[S(T((2, 3))), S(T((2, 3, 4)), 1), S(T((2, 3, 4)), (0, -1), True)],
   doc="The sum over all or the given dimensions; integers and bool are summed as int64.")

op("any(Tensor self) -> Tensor", dtypes=ALL, variants="function method out",
   grad="the result is a condition", ref="numpy.any(self)", samples=[S(T((2, 3)))],
   doc="Whether any element is not zero.")
