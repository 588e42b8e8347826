"""Tensors put together, repeated and rearranged: results in new memory."""

from tools.opgen.table import ALL, I, S, T, op

BOTH = "function method"

# ---- together

op("cat(Tensor[] tensors, int dim=0) -> Tensor", dtypes=ALL, variants="function out",
   grad={"tensors": "cat_grad(g, tensors.sizes, dim)"}, aliases=("concat", "concatenate"),
   ref="numpy.concatenate(tensors, dim)",
   samples=[S([T((2, 3)), T((1, 3))]), S([T((2, 3)), T((2, 1)), T((2, 0))], -1), S([T((2,))])],
   doc="Joins tensors along a dimension; the other sizes must agree. The result has the common "
       "type. Tensors of shape (0,) are left out.")

op("stack(Tensor[] tensors, int dim=0) -> Tensor", dtypes=ALL, variants="function out",
   grad={"tensors": "unbind(g, dim)"}, ref="numpy.stack(tensors, dim)",
   samples=[S([T((2, 3)), T((2, 3))]), S([T((2,)), T((2,)), T((2,))], -1), S([T(()), T(())])],
   doc="Joins tensors of one shape along a new dimension.")

op("hstack(Tensor[] tensors) -> Tensor", "composite", dtypes=ALL, variants="function out",
   ref="numpy.hstack(tensors)", samples=[S([T((2, 3)), T((2, 1))]), S([T((2,)), T((3,))])],
   doc="Joins along the second dimension, vectors along the first.")
op("vstack(Tensor[] tensors) -> Tensor", "composite", dtypes=ALL, variants="function out",
   aliases=("row_stack",), ref="numpy.vstack(tensors)",
   samples=[S([T((2, 3)), T((1, 3))]), S([T((2,)), T((2,))])],
   doc="Joins along the first dimension; vectors are rows.")
op("dstack(Tensor[] tensors) -> Tensor", "composite", dtypes=ALL, variants="function out",
   ref="numpy.dstack(tensors)", samples=[S([T((2, 3)), T((2, 3))]), S([T((2,)), T((2,))])],
   doc="Joins along the third dimension.")
op("column_stack(Tensor[] tensors) -> Tensor", "composite", dtypes=ALL, variants="function out",
   ref="numpy.column_stack(tensors)", samples=[S([T((2, 3)), T((2,))]), S([T((2,)), T((2,))])],
   doc="Joins along the second dimension; vectors are columns.")
op("_block_diag(Tensor[] tensors) -> Tensor", dtypes=ALL, public=False,
   grad={"tensors": "block_diag_grad(g, tensors.sizes)"}, samples=[],
   doc="Matrices along the diagonal of a matrix of zeros.")

# ---- repeated

op("repeat(Tensor self, int[] repeats) -> Tensor", "composite", dtypes=ALL, variants="method",
   ref="numpy.tile(self, repeats)",
   samples=[S(T((2, 3)), (2, 1)), S(T((3,)), (2, 2)), S(T((2, 3)), (0, 1))],
   doc="The tensor repeated along each dimension; further repeats add dimensions in front.")
op("tile(Tensor self, int[] dims) -> Tensor", "composite", dtypes=ALL, variants=BOTH,
   ref="numpy.tile(self, dims)", samples=[S(T((2, 3)), (2,)), S(T((3,)), (2, 2))],
   doc="The tensor repeated; missing repeats of leading dimensions are 1.")
op("repeat_interleave(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor",
   "composite", dtypes=ALL, variants=BOTH, ref="numpy.repeat(self, repeats, dim)",
   samples=[S(T((2, 3)), 2), S(T((2, 3)), 2, 1)],
   doc="Each element of a dimension (of the flattened tensor without one) `repeats` times.")
op("repeat_interleave.each(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) "
   "-> Tensor", "composite", impl="repeat_each", dtypes=ALL, variants=BOTH,
   ref="numpy.repeat(self, repeats, dim)", samples=[S(T((2, 3)), I((3,), 4), 1), S(T((4,)), I((4,), 3))],
   notes={"no meta": "the result's size depends on values"},
   doc="Each element of a dimension (of the flattened tensor without one) as often as `repeats` says.")
op("repeat_interleave.counts(Tensor repeats, *, int? output_size=None) -> Tensor",
   grad="indices have no derivative", impl="repeat_indices", samples=[],
   ref="numpy.repeat(numpy.arange(len(repeats)), repeats)",
   doc="The index i of `repeats`, repeats[i] times, as int64.")
# ---- in another order

op("flip(Tensor self, int[] dims) -> Tensor", dtypes=ALL, variants=BOTH,
   grad={"self": "flip(g, dims)"}, ref="numpy.flip(self, dims)",
   samples=[S(T((2, 3)), (0,)), S(T((2, 3, 2)), (-1, 0)), S(T((0, 2)), (1,))],
   doc="Reversed along the given dimensions.")
op("fliplr(Tensor self) -> Tensor", "composite", dtypes=ALL, variants=BOTH,
   ref="numpy.fliplr(self)", samples=[S(T((2, 3)))], doc="Reversed along the second dimension.")
op("flipud(Tensor self) -> Tensor", "composite", dtypes=ALL, variants=BOTH,
   ref="numpy.flipud(self)", samples=[S(T((2, 3)))], doc="Reversed along the first dimension.")
op("roll(Tensor self, int[] shifts, int[] dims=[]) -> Tensor", dtypes=ALL, variants=BOTH,
   grad={"self": "roll(g, negated(shifts), dims)"}, ref="numpy.roll(self, shifts, dims or None)",
   samples=[S(T((5,)), 2, 0), S(T((2, 3)), (1, -1), (0, 1)), S(T((2, 3)), 2)],
   doc="Elements moved along dimensions, those beyond the end come in at the front. Without "
       "dimensions the flattened tensor is rolled.")
op("rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor", "composite", dtypes=ALL,
   variants=BOTH, ref="numpy.rot90(self, k, dims)",
   samples=[S(T((2, 3))), S(T((2, 3)), 2), S(T((2, 3, 2)), -1, (1, 2))],
   doc="Rotated by k quarter turns in the plane of two dimensions.")

# ---- triangles and diagonals

op("tril(Tensor self, int diagonal=0) -> Tensor", dtypes=ALL, variants="function method inplace out",
   grad={"self": "tril(g, diagonal)"}, ref="numpy.tril(self, diagonal)",
   samples=[S(T((3, 4))), S(T((2, 3, 3)), 1), S(T((3, 2)), -1)],
   doc="The lower triangle of the last two dimensions; zeros above diagonal number `diagonal`.")
op("triu(Tensor self, int diagonal=0) -> Tensor", dtypes=ALL, variants="function method inplace out",
   grad={"self": "triu(g, diagonal)"}, ref="numpy.triu(self, diagonal)",
   samples=[S(T((3, 4))), S(T((2, 3, 3)), 1), S(T((3, 2)), -1)],
   doc="The upper triangle of the last two dimensions; zeros below diagonal number `diagonal`.")
op("diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor", dtypes=ALL,
   variants=BOTH, grad={"self": "diagonal(g, offset, dim1, dim2)"},
   samples=[S(T((2, 3))), S(T((3,)), 1), S(T((2, 2)), 0, 0, 1)],
   doc="Zeros with the last dimension on a diagonal of two new ones.")
op("diag(Tensor self, int diagonal=0) -> Tensor", "composite", dtypes=ALL,
   variants="function method out", ref="numpy.diag(self, diagonal)",
   samples=[S(T((3,))), S(T((3, 4)), 1), S(T((2,)), -1)],
   doc="A matrix with a vector on its diagonal, or a copy of the diagonal of a matrix.")
op("diagflat(Tensor self, int offset=0) -> Tensor", "composite", dtypes=ALL, variants=BOTH,
   ref="numpy.diagflat(self, offset)", samples=[S(T((2, 2))), S(T(()), 1)],
   doc="A matrix with all elements on a diagonal.")
op("tril_indices(int row, int col, int offset=0) -> Tensor", options=True,
   grad="indices have no derivative",
   ref="numpy.stack(numpy.tril_indices(row, offset, col))",
   samples=[S(3, 4), S(3, 3, -1)], doc="Rows and columns of the lower triangle, (2, n) in int64.")
op("triu_indices(int row, int col, int offset=0) -> Tensor", options=True,
   grad="indices have no derivative",
   ref="numpy.stack(numpy.triu_indices(row, offset, col))",
   samples=[S(3, 4), S(3, 3, 1)], doc="Rows and columns of the upper triangle, (2, n) in int64.")

# ---- shuffles

op("pixel_shuffle(Tensor self, int upscale_factor) -> Tensor", dtypes=ALL,
   grad={"self": "pixel_unshuffle(g, upscale_factor)"},
   samples=[S(T((1, 8, 2, 3)), 2), S(T((9, 1, 2)), 3), S(T((2, 1, 4, 2, 2)), 2)],
   doc="(*, C r^2, H, W) -> (*, C, H r, W r) (Shi et al. 2016).")
op("pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor", dtypes=ALL,
   grad={"self": "pixel_shuffle(g, downscale_factor)"},
   samples=[S(T((1, 2, 4, 6)), 2), S(T((1, 3, 6)), 3), S(T((2, 1, 1, 4, 4)), 2)],
   doc="(*, C, H r, W r) -> (*, C r^2, H, W): the inverse of pixel_shuffle.")
op("channel_shuffle(Tensor self, int groups) -> Tensor", dtypes=ALL,
   grad={"self": "channel_shuffle_grad(g, groups)"}, aliases=("native_channel_shuffle",),
   samples=[S(T((2, 6, 3)), 2), S(T((1, 6, 2, 2)), 3)],
   doc="(N, g k, *) -> the same shape with the channels in order of (k, g) (Zhang et al. 2017).")

# ---- margins

op("constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor", dtypes=ALL,
   grad={"self": "constant_pad_nd(g, negated(pad), 0)"},
   samples=[S(T((2, 3)), (1, 2)), S(T((2, 3)), (0, 1, 2, 0), 1.5), S(T((4, 4)), (-1, 1))],
   doc="A margin of `value`: pad gives (before, after) from the last dimension on; negative "
       "numbers cut off.")
op("_pad_copies(Tensor self, int[] pad, int mode) -> Tensor", dtypes=ALL, public=False,
   grad={"self": "_pad_copies_backward(g, self.sizes, pad, mode)"}, samples=[],
   doc="A margin of elements of the tensor: 0 reflected, 1 repeated from the edge, 2 circular.")
op("_pad_copies_backward(Tensor grad, int[] sizes, int[] pad, int mode) -> Tensor", dtypes=ALL,
   public=False, grad={"grad": "_pad_copies(g, pad, mode)"}, samples=[],
   doc="Adds a margin to the elements it was copied from.")
op("pad(Tensor self, int[] pad, str mode='constant', float? value=None) -> Tensor", "composite",
   dtypes=ALL, variants="function",
   samples=[S(T((2, 3)), (1, 2)), S(T((1, 2, 4)), (1, 2), 'reflect'),
            S(T((1, 2, 4)), (3, 1), 'replicate'), S(T((1, 2, 4)), (1, 3), 'circular')],
   namespace="nn", doc="A margin around the last dimensions: pad gives (before, after) from the last one on. mode: "
       "constant (of `value`), reflect, replicate or circular; the last three take inputs of 2 to "
       "5 dimensions.")

# ---- classes

op("one_hot(Tensor self, int num_classes=-1) -> Tensor", grad="classes have no derivative",
   samples=[S(I((2, 3), 4)), S(I((3,), 2), 5)],
   notes={"no meta": "without num_classes the size depends on values"},
   namespace="nn", doc="int64 zeros with a further last dimension, in which the place `self` says holds a 1.")
