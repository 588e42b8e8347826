"""Views: windows onto the same elements with another shape, order or type; and plain copies."""

from tools.opgen.table import ALL, S, T, op

VIEW = "function method"
VIEW_OUT = VIEW + " out"

# ---- copies

op("copy(Tensor self, Operand src, bool non_blocking=False) -> Tensor", "inplace", dtypes=ALL,
   mixed_devices=True,
   variants="inplace", grad={"self": "zeros_like(g)", "src": "g"},
   ref="numpy.broadcast_to(src, self.shape)",
   samples=[S(T((2, 3)), T((2, 3))), S(T((2, 3)), T((3,)))],
   doc="Overwrites `self` with `src`, broadcast and converted to the type of `self`.")

op("clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", dtypes=ALL,
   variants="function method", grad={"self": "g"}, ref="self.copy()",
   samples=[S(T((2, 3))), S(T(())), S(T((0, 2)))],
   doc="A copy with memory of its own; gradients pass through. Dense layouts are kept.")

op("_to_copy(Tensor self, DType dtype, Device? device=None, MemoryFormat? memory_format=None) "
   "-> Tensor", dtypes=ALL, public=False,
   grad={"self": "_to_copy(g, self.dtype, self.device)"}, samples=[],
   doc="A copy converted to another type or device.")

# ---- another shape

op("as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor", "view",
   dtypes=ALL, variants=VIEW,
   grad={"self": "as_strided_grad(g, self.sizes, self.strides, self.offset, size, stride, "
                 "storage_offset)"},
   ref="numpy.lib.stride_tricks.as_strided(self, size, [s * self.itemsize for s in stride])",
   samples=[S(T((3, 4)), (2, 2), (1, 2)), S(T((6,)), (2, 3), (1, 1))],
   notes={"strides matter": "the view is cut from the storage"},
   doc="A view with given sizes, strides and offset, in elements, checked against the storage.")

op("_as_strided_backward(Tensor grad, int[] sizes, int[] strides, int offset, int[] view_sizes, "
   "int[] view_strides, int view_offset) -> Tensor", dtypes=ALL, public=False,
   grad={"grad": "_as_strided_backward(g, view_sizes, view_strides, view_offset, sizes, strides, "
                 "offset)"}, samples=[],
   doc="Both windows laid over one flat buffer of zeros: adds `grad` in the view's window and reads "
       "the other.")

op("view(Tensor self, int[] size) -> Tensor", "view", dtypes=ALL, variants="method",
   grad={"self": "reshape(g, self.sizes)"}, ref="self.reshape(size)",
   samples=[S(T((2, 6)), (3, 4)), S(T((2, 6)), (-1,)), S(T(()), (1, 1)), S(T((0, 2)), (2, 0))],
   doc="A view with another shape; raises when the strides do not allow it (use reshape then).")

op("view.dtype(Tensor self, DType dtype) -> Tensor", dtypes=ALL, variants="method",
   grad="bits read as another type have no derivative", samples=[],
   doc="The same bytes read as another type. The last dimension grows or shrinks with the size of "
       "an element; it must be dense for that.")

op("view_as(Tensor self, Tensor other) -> Tensor", "composite", body="view(self, other.sizes)",
   dtypes=ALL, variants="method", ref="self.reshape(other.shape)",
   samples=[S(T((2, 6)), T((3, 4), grad=False))], doc="A view in the shape of `other`.")

op("reshape(Tensor self, int[] shape) -> Tensor", "composite", dtypes=ALL,
   variants="function method", ref="self.reshape(shape)",
   samples=[S(T((2, 6)), (3, 4)), S(T((2, 6)), (-1,)), S(T((0, 3)), (3, 0))],
   doc="A view with another shape where the strides allow it, otherwise a copy.")

op("reshape_as(Tensor self, Tensor other) -> Tensor", "composite",
   body="reshape(self, other.sizes)", dtypes=ALL, variants="method",
   ref="self.reshape(other.shape)", samples=[S(T((2, 6)), T((3, 4), grad=False))],
   doc="`self` in the shape of `other`: a view where possible.")

op("flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor", "composite", dtypes=ALL,
   variants=VIEW, samples=[S(T((2, 3, 4))), S(T((2, 3, 4)), 1), S(T((2, 3, 4)), 0, 1), S(T(()))],
   doc="Merges the dimensions from start_dim to end_dim, both included, into one.")

op("unflatten(Tensor self, int dim, int[] sizes) -> Tensor", "composite", dtypes=ALL, variants=VIEW,
   samples=[S(T((2, 6)), 1, (2, 3)), S(T((6, 2)), 0, (-1, 2))],
   doc="Cuts one dimension into several; one of `sizes` may be -1.")

op("ravel(Tensor self) -> Tensor", "composite", dtypes=ALL, variants=VIEW, ref="numpy.ravel(self)",
   samples=[S(T((2, 3))), S(T(()))], doc="All elements in one dimension: a view where possible.")

op("squeeze(Tensor self) -> Tensor", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "reshape(g, self.sizes)"}, ref="numpy.squeeze(self)",
   samples=[S(T((1, 2, 1))), S(T(())), S(T((2, 3)))], doc="Without the dimensions of size 1.")

op("squeeze.dim(Tensor self, int dim) -> Tensor", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "reshape(g, self.sizes)"},
   ref="numpy.squeeze(self, dim) if self.ndim and self.shape[dim] == 1 else self",
   samples=[S(T((1, 2, 1)), 0), S(T((1, 2)), 1), S(T((2, 1)), -1)],
   doc="Without dimension `dim` if it has size 1.")

op("squeeze.dims(Tensor self, int[] dim) -> Tensor", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "reshape(g, self.sizes)"},
   ref="numpy.squeeze(self, tuple(d for d in dim if self.shape[d] == 1))",
   samples=[S(T((1, 2, 1)), (0, 2)), S(T((1, 2, 1)), (0, 1))],
   doc="Without those of the given dimensions that have size 1.")

op("unsqueeze(Tensor self, int dim) -> Tensor", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "reshape(g, self.sizes)"}, ref="numpy.expand_dims(self, dim)",
   samples=[S(T((2, 3)), 0), S(T((2, 3)), -1), S(T(()), 0)],
   doc="With a further dimension of size 1 at `dim`.")

op("expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor", "view", dtypes=ALL,
   variants="method", grad={"self": "g"},
   ref="numpy.broadcast_to(self, [self.shape[i - len(size) + self.ndim] if s == -1 else s "
       "for i, s in enumerate(size)])",
   samples=[S(T((3, 1)), (3, 4)), S(T((3,)), (2, -1)), S(T(()), (2, 2))],
   doc="A view in which dimensions of size 1 are repeated without copying; -1 keeps a size.")

op("expand_as(Tensor self, Tensor other) -> Tensor", "composite", body="expand(self, other.sizes)",
   dtypes=ALL, variants="method", ref="numpy.broadcast_to(self, other.shape)",
   samples=[S(T((3, 1)), T((3, 4), grad=False))], doc="A view expanded to the shape of `other`.")

op("broadcast_to(Tensor self, int[] size) -> Tensor", "composite", body="expand(self, size)",
   dtypes=ALL, variants=VIEW, ref="numpy.broadcast_to(self, size)", samples=[S(T((3, 1)), (2, 3, 4))],
   doc="A view with the given shape; the same as expand.")

# ---- another order

op("transpose(Tensor self, int dim0, int dim1) -> Tensor", "view", dtypes=ALL,
   variants="function method", grad={"self": "transpose(g, dim0, dim1)"},
   aliases=("swapaxes", "swapdims"), ref="numpy.swapaxes(self, dim0, dim1)",
   samples=[S(T((2, 3)), 0, 1), S(T((2, 3, 4)), -1, 0)], doc="A view with two dimensions swapped.")

op("t(Tensor self) -> Tensor", "composite", dtypes=ALL, variants=VIEW, ref="numpy.transpose(self)",
   samples=[S(T((2, 3))), S(T((3,))), S(T(()))],
   doc="The transposed matrix; tensors of fewer than two dimensions are returned as they are.")

op("permute(Tensor self, int[] dims) -> Tensor", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "permute_grad(g, dims)"}, ref="numpy.transpose(self, dims)",
   samples=[S(T((2, 3, 4)), (2, 0, 1)), S(T((2, 3)), (-1, 0))],
   doc="A view with the dimensions in another order.")

op("movedim(Tensor self, int[] source, int[] destination) -> Tensor", "composite", dtypes=ALL,
   variants=VIEW, aliases=("moveaxis",), ref="numpy.moveaxis(self, source, destination)",
   samples=[S(T((2, 3, 4)), 0, -1), S(T((2, 3, 4)), (0, 1), (1, 2))],
   doc="Moves dimensions to other places; the others keep their order.")

op("adjoint(Tensor self) -> Tensor", "composite", dtypes=ALL, variants=VIEW,
   ref="numpy.conj(numpy.swapaxes(self, -1, -2))", samples=[S(T((2, 3)))],
   doc="The last two dimensions swapped, complex elements conjugated.")

# ---- parts

op("select(Tensor self, int dim, int index) -> Tensor", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "_select_backward(g, self.sizes, dim, index)"}, ref="numpy.take(self, index, dim)",
   samples=[S(T((2, 3)), 0, 1), S(T((2, 3, 4)), -1, -2)],
   doc="The part at `index` of dimension `dim`, which disappears.")

op("_select_backward(Tensor grad, int[] sizes, int dim, int index) -> Tensor", dtypes=ALL,
   public=False, grad={"grad": "select(g, dim, index)"}, samples=[],
   doc="Zeros of the given sizes that have `grad` at one index.")

op("slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor", "view",
   dtypes=ALL, public=False,
   grad={"self": "_slice_backward(g, self.sizes, dim, start, end, step)"}, samples=[],
   doc="Elements start, start + step, ... before end of one dimension, clamped as Python does.")

op("_slice_backward(Tensor grad, int[] sizes, int dim, int? start, int? end, int step) -> Tensor",
   dtypes=ALL, public=False, grad={"grad": "slice(g, dim, start, end, step)"}, samples=[],
   doc="Zeros of the given sizes that have `grad` in a slice.")

op("narrow.tensor(Tensor self, int dim, Tensor start, int length) -> Tensor", "composite",
   dtypes=ALL, variants=VIEW, samples=[],
   doc="`length` elements of one dimension from a start in a 0-d integer tensor on, as a view.")

op("narrow(Tensor self, int dim, int start, int length) -> Tensor", "composite", dtypes=ALL,
   variants=VIEW, samples=[S(T((3, 4)), 1, 1, 2), S(T((3, 4)), 0, -2, 1), S(T((3,)), 0, 3, 0)],
   doc="`length` elements of one dimension from `start` on, as a view.")

op("diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor", "view", dtypes=ALL,
   variants=VIEW, grad={"self": "_diagonal_backward(g, self.sizes, offset, dim1, dim2)"},
   ref="numpy.diagonal(self, offset, dim1, dim2)",
   samples=[S(T((3, 4))), S(T((3, 4)), 1), S(T((2, 3, 3)), -1, -2, -1), S(T((2, 2)), 5)],
   doc="The diagonal of two dimensions as a view, at the end of the others.")

op("_diagonal_backward(Tensor grad, int[] sizes, int offset, int dim1, int dim2) -> Tensor",
   dtypes=ALL, public=False, grad={"grad": "diagonal(g, offset, dim1, dim2)"}, samples=[],
   doc="Zeros of the given sizes that have `grad` on a diagonal.")

op("unfold(Tensor self, int dimension, int size, int step) -> Tensor", "view", dtypes=ALL,
   variants="method", grad={"self": "_unfold_backward(g, self.sizes, dimension, size, step)"},
   ref="numpy.moveaxis(numpy.lib.stride_tricks.sliding_window_view(self, size, dimension)"
       ".swapaxes(0, dimension)[::step].swapaxes(0, dimension), -1, -1)",
   samples=[S(T((7,)), 0, 3, 2), S(T((2, 5)), 1, 2, 1), S(T((4, 2)), 0, 2, 2)],
   doc="Windows of `size` elements, `step` apart, along a dimension; they form a new last one.")

op("_unfold_backward(Tensor grad, int[] sizes, int dim, int size, int step) -> Tensor", dtypes=ALL,
   public=False, grad={"grad": "unfold(g, dim, size, step)"}, samples=[],
   doc="Adds windows back to where they came from.")

# ---- several parts

op("split(Tensor self, int split_size, int dim=0) -> Tensor[]", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "cat(g, dim)"}, samples=[S(T((5, 2)), 2), S(T((2, 4)), 2, 1), S(T((0, 2)), 3)],
   doc="Views of `split_size` elements each of one dimension; the last may be shorter.")

op("split.sizes(Tensor self, int[] split_size, int dim=0) -> Tensor[]", "view", dtypes=ALL,
   variants=VIEW, grad={"self": "cat(g, dim)"}, aliases=(),
   samples=[S(T((5, 2)), (2, 3)), S(T((2, 4)), (1, 0, 3), -1)],
   doc="Views of the given sizes, which add up to the size of the dimension.")

op("split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]", "composite",
   body="split_sizes(self, split_sizes, dim)", dtypes=ALL, variants=VIEW,
   samples=[S(T((5, 2)), (2, 3))], doc="Views of the given sizes along one dimension.")

op("chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", "composite", dtypes=ALL, variants=VIEW,
   samples=[S(T((5, 2)), 2), S(T((2, 6)), 3, -1), S(T((3,)), 5)],
   doc="At most `chunks` views of equal size; the last may be shorter.")

op("tensor_split(Tensor self, int sections, int dim=0) -> Tensor[]", "composite", dtypes=ALL,
   variants=VIEW, samples=[S(T((5, 2)), 2), S(T((2, 7)), 3, 1)],
   doc="Views whose sizes differ by at most one.")

op("tensor_split.indices(Tensor self, int[] indices, int dim=0) -> Tensor[]", "composite",
   dtypes=ALL, variants=VIEW, samples=[S(T((5, 2)), (1, 3)), S(T((2, 7)), (2, 9), 1)],
   doc="Views that begin at the given indices.")

op("tensor_split.tensor(Tensor self, Tensor tensor_indices_or_sections, int dim=0) -> Tensor[]",
   "composite", dtypes=ALL, variants=VIEW, samples=[],
   doc="The same with the sections or indices in an int64 tensor.")

op("hsplit(Tensor self, int sections) -> Tensor[]", "composite", dtypes=ALL, variants=VIEW,
   samples=[S(T((2, 4)), 2), S(T((4,)), 2)], doc="Splits the second dimension, or the only one.")
op("hsplit.indices(Tensor self, int[] indices) -> Tensor[]", "composite", dtypes=ALL,
   variants=VIEW, samples=[S(T((2, 4)), (1, 3))], doc="The same at given indices.")
op("vsplit(Tensor self, int sections) -> Tensor[]", "composite", dtypes=ALL, variants=VIEW,
   samples=[S(T((4, 2)), 2)], doc="Splits the first dimension.")
op("vsplit.indices(Tensor self, int[] indices) -> Tensor[]", "composite", dtypes=ALL,
   variants=VIEW, samples=[S(T((4, 2)), (1, 3))], doc="The same at given indices.")
op("dsplit(Tensor self, int sections) -> Tensor[]", "composite", dtypes=ALL, variants=VIEW,
   samples=[S(T((2, 2, 4)), 2)], doc="Splits the third dimension.")
op("dsplit.indices(Tensor self, int[] indices) -> Tensor[]", "composite", dtypes=ALL,
   variants=VIEW, samples=[S(T((2, 2, 4)), (1, 3))], doc="The same at given indices.")

op("unbind(Tensor self, int dim=0) -> Tensor[]", "view", dtypes=ALL, variants=VIEW,
   grad={"self": "stack(g, dim)"}, samples=[S(T((3, 2))), S(T((2, 3)), -1)],
   doc="A view for each index of one dimension, which disappears.")

op("_broadcast_tensors(Tensor[] tensors) -> Tensor[]", "composite", dtypes=ALL, public=False,
   samples=[], doc="Views of all tensors in their common shape.")

# ---- in place: the same tensor takes another geometry

op("squeeze_(Tensor self) -> Tensor", "composite", dtypes=ALL, variants="method", samples=[],
   doc="squeeze, in place.")
op("squeeze_.dim(Tensor self, int dim) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="squeeze, in place.")
op("squeeze_.dims(Tensor self, int[] dim) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="squeeze, in place.")
op("unsqueeze_(Tensor self, int dim) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="unsqueeze, in place.")
op("transpose_(Tensor self, int dim0, int dim1) -> Tensor", "composite", dtypes=ALL,
   variants="method", aliases=("swapaxes_", "swapdims_"), samples=[], doc="transpose, in place.")
op("t_(Tensor self) -> Tensor", "composite", dtypes=ALL, variants="method", samples=[],
   doc="t, in place.")
op("as_strided_(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
   "composite", dtypes=ALL, variants="method", samples=[], doc="as_strided, in place.")
op("resize_(Tensor self, int[] size, *, MemoryFormat? memory_format=None) -> Tensor", "composite",
   dtypes=ALL, variants="method", samples=[],
   doc="Another size, in place. The storage grows when it must; new elements are uninitialised.")
op("resize_as_(Tensor self, Tensor the_template, *, MemoryFormat? memory_format=None) -> Tensor",
   "composite", dtypes=ALL, variants="method", samples=[],
   doc="resize_ to the size of another tensor.")

# ---- copies of views, and views overwritten out of place

op("select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor", "composite", dtypes=ALL,
   variants=VIEW_OUT, samples=[S(T((2, 3)), T((2,)), 1, 0)],
   doc="A copy of `self` with `src` at one index of a dimension.")
op("slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) "
   "-> Tensor", "composite", dtypes=ALL, variants=VIEW_OUT,
   samples=[S(T((5, 2)), T((2, 2)), 0, 1, 4, 2)],
   doc="A copy of `self` with `src` in a slice of a dimension.")
op("diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
   "composite", dtypes=ALL, variants=VIEW_OUT, samples=[S(T((3, 3)), T((2,)), 1)],
   doc="A copy of `self` with `src` on a diagonal.")
op("as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, int? storage_offset=None) "
   "-> Tensor", "composite", dtypes=ALL, variants=VIEW_OUT,
   samples=[S(T((3, 3)), T((2, 2)), (2, 2), (1, 3))],
   notes={"strides matter": "the window is cut from the storage"},
   doc="A copy of `self` with `src` in a strided window of its storage.")

# ---- the same as copies

for _signature, _view in (
        ("alias_copy(Tensor self)", "self"),
        ("as_strided_copy(Tensor self, int[] size, int[] stride, int? storage_offset=None)",
         "as_strided(self, size, stride, storage_offset)"),
        ("expand_copy(Tensor self, int[] size)", "expand(self, size)"),
        ("narrow_copy(Tensor self, int dim, int start, int length)",
         "narrow(self, dim, start, length)"),
        ("permute_copy(Tensor self, int[] dims)", "permute(self, dims)"),
        ("view_copy(Tensor self, int[] size)", "view(self, size)"),
        ("unfold_copy(Tensor self, int dimension, int size, int step)",
         "unfold(self, dimension, size, step)"),
        ("squeeze_copy(Tensor self)", "squeeze(self)"),
        ("squeeze_copy.dim(Tensor self, int dim)", "squeeze_dim(self, dim)"),
        ("squeeze_copy.dims(Tensor self, int[] dim)", "squeeze_dims(self, dim)"),
        ("unsqueeze_copy(Tensor self, int dim)", "unsqueeze(self, dim)"),
        ("transpose_copy(Tensor self, int dim0, int dim1)", "transpose(self, dim0, dim1)"),
        ("t_copy(Tensor self)", "t(self)"),
        ("diagonal_copy(Tensor self, int offset=0, int dim1=0, int dim2=1)",
         "diagonal(self, offset, dim1, dim2)")):
    op(f"{_signature} -> Tensor", "composite", body=f"clone({_view})", dtypes=ALL,
       variants=f"function{' method' if 'narrow' in _view else ''} out", samples=[],
       doc=f"A copy of {_view}.")
