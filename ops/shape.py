"""Views, copies and rearrangements."""

from tools.opgen.table import ALL, S, T, op

op("copy(Tensor self, Operand src, bool non_blocking=False) -> Tensor", "inplace", dtypes=ALL,
   variants="inplace", grad={"self": "zeros_like(g)", "src": "g"},
   ref="numpy.broadcast_to(src, self.shape)",
   samples=[S(T((2, 3)), T((2, 3))), S(T((2, 3)), T((3,)))],
   doc="Overwrites `self` with `src`, broadcast and converted to the type of `self`.")

op("clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", dtypes=ALL,
   variants="function method", grad={"self": "g"}, ref="self.copy()", samples=[S(T((2, 3)))],
   doc="A copy with memory of its own; gradients pass through. Dense layouts are kept.")

op("_to_copy(Tensor self, DType dtype) -> Tensor", dtypes=ALL, public=False,
   grad={"self": "_to_copy(g, self.dtype)"}, samples=[],
   doc="A copy converted to another type.")

op("as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor", "view",
   dtypes=ALL, variants="function method",
   grad={"self": "as_strided_grad(g, self.sizes, self.strides, self.offset, size, stride, "
                 "storage_offset)"}, samples=[S(T((3, 4)), (2, 2), (1, 2))],
   doc="A view with given sizes, strides and offset, in elements, checked against the storage.")

op("view(Tensor self, int[] size) -> Tensor", "view", dtypes=ALL, variants="method",
   grad={"self": "reshape(g, self.sizes)"}, ref="self.reshape(size)",
   samples=[S(T((2, 6)), (3, 4)), S(T((2, 6)), (-1,))],
   doc="A view with another shape; raises when the strides do not allow it (use reshape then).")

op("reshape(Tensor self, int[] shape) -> Tensor", "composite", dtypes=ALL,
   variants="function method", ref="self.reshape(shape)",
   samples=[S(T((2, 6)), (3, 4)), S(T((2, 6)), (-1,))],
   doc="A view with another shape where the strides allow it, otherwise a copy.")

op("expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor", "view", dtypes=ALL,
   variants="method", grad={"self": "g"}, samples=[S(T((3, 1)), (3, 4)), S(T((3,)), (2, -1))],
   doc="A view in which dimensions of size 1 are repeated without copying; -1 keeps a size.")

op("transpose(Tensor self, int dim0, int dim1) -> Tensor", "view", dtypes=ALL,
   variants="function method", grad={"self": "transpose(g, dim0, dim1)"},
   aliases=("swapaxes", "swapdims"), ref="numpy.swapaxes(self, dim0, dim1)",
   samples=[S(T((2, 3)), 0, 1), S(T((2, 3, 4)), -1, 0)], doc="A view with two dimensions swapped.")
