"""Indexing: windows, rows and elements chosen by numbers, masks and tensors of indices."""

from tools.opgen.table import ALL, FLOATING, NUMERIC, REAL, I, S, T, op

BY_VALUE = {"no meta": "the result depends on values, which the meta device does not have"}
POSITIONS = "the result is made of positions"
COUNTS = "the result is made of counts"
CONDITION = "the result is a condition"
METHODS = "function method inplace"
METHODS_OUT = "function method inplace out"


def M(shape, values=None):
    """A mask."""
    return T(tuple(shape), 0, 2, "bool", values, grad=False)


# ---- what x[...] is made of

op("_window(Tensor self, int[] size, int[] stride, int offset, int[] dense_stride, "
   "int dense_offset) -> Tensor", "view", dtypes=ALL, public=False, samples=[],
   grad={"self": "_window_scatter(g, self.sizes, dense_stride, dense_offset)"},
   doc="A view chosen by numbers and slices; the dense geometry is the one it would have if `self` "
       "were contiguous.")

op("_window_scatter(Tensor self, int[] size, int[] stride, int offset) -> Tensor", dtypes=ALL,
   public=False, samples=[], grad={"self": "window_of(g, self.sizes, stride, offset)"},
   doc="Zeros of the given size with `self` written into one window.")

op("_index(Tensor self, Tensor?[] indices) -> Tensor", dtypes=ALL, public=False,
   samples=[S(T((3, 4)), [I((2,), 3)]), S(T((3, 4)), [None, I((2, 2), 4)])],
   grad={"self": "_index_scatter(g, self.sizes, indices)"},
   doc="Elements at integer positions; the entries are broadcast, None takes a dimension whole.")

op("_index_scatter(Tensor self, int[] size, Tensor?[] indices) -> Tensor", dtypes=ALL,
   public=False, samples=[], grad={"self": "_index(g, indices)"},
   doc="Zeros of the given size to which `self` is added at integer positions.")

op("index(Tensor self, Tensor?[] indices) -> Tensor", "composite", dtypes=ALL, public=False,
   samples=[S(T((3, 4)), [M((3, 4))]), S(T((3, 4)), [I((2,), 3), I((2,), 4)])],
   doc="What `self[indices]` is for a list of integer tensors, masks and None.")

op("index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
   "inplace", dtypes=ALL, variants=METHODS,
   grad={"self": "g if accumulate else index_put(g, indices, 0)", "values": "index(g, indices)"},
   samples=[S(T((3, 4)), [I((2,), 3)], T((4,)), True), S(T((3, 4)), [M((3, 4))], T(()))],
   doc="Writes (or adds) `values`, broadcast, to the positions that `self[indices]` reads. Where a "
       "position occurs more than once the last value stays. Raises RuntimeError for another dtype "
       "or shape of the values, IndexError for positions out of range.")

# ---- rows along one dimension

op("index_select(Tensor self, int dim, Tensor index) -> Tensor", dtypes=ALL,
   variants="function method out", grad={"self": "_index_select_scatter(g, self.sizes, dim, index)"},
   ref="numpy.take(self, index, axis=dim)",
   samples=[S(T((3, 4)), 0, I((5,), 3)), S(T((3, 4, 2)), -1, I((3,), 2)), S(T((3, 4)), 1, I((0,), 4))],
   doc="The slices of `self` along `dim` at the positions in the vector `index`, as a copy. Raises "
       "IndexError for positions outside [0, size).")

op("_index_select_scatter(Tensor self, int[] size, int dim, Tensor index) -> Tensor", dtypes=ALL,
   public=False, samples=[], grad={"self": "index_select(g, dim, index)"},
   doc="Zeros of the given size to which the slices of `self` are added.")

op("index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
   "inplace", dtypes=ALL, variants=METHODS_OUT,
   grad={"self": "g", "source": "expand_to(index_select(g, dim, index), source.sizes) * alpha"},
   samples=[S(T((3, 4)), 0, I((5,), 3), T((5, 4))), S(T((3, 4)), -1, I((2,), 4), T((3, 2)), alpha=2)],
   doc="Adds `alpha` times the slices of `source` to those of `self` named by `index`, in order.")

op("index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor", "inplace", dtypes=ALL,
   variants=METHODS_OUT,
   grad={"self": "index_fill(g, dim, index, 0)",
         "source": "expand_to(index_select(g, dim, index), source.sizes)"},
   samples=[S(T((3, 4)), 0, I((1,), 3), T((1, 4)))],
   doc="Copies the slices of `source` over those of `self` named by `index`.")

op("index_fill.Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor", "inplace",
   dtypes=ALL, variants=METHODS,
   grad={"self": "index_fill(g, dim, index, 0)", "value": "sum_of_slices(g, dim, index)"},
   samples=[S(T((3, 4)), 1, I((1,), 4), T(()))],
   notes=BY_VALUE,
   doc="Fills the slices named by `index` with a 0-d tensor.")

op("index_fill(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", "inplace", dtypes=ALL,
   variants=METHODS, grad={"self": "index_fill(g, dim, index, 0)"},
   samples=[S(T((3, 4)), 1, I((2,), 4), 3), S(T((3, 4)), 0, T((1,), dtype="int64", values=[-1], grad=False), 3)],
   doc="Fills the slices of `self` along `dim` named by `index`, which may be negative.")

# ---- one index per element

op("gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor", dtypes=ALL,
   variants="function method out", grad={"self": "_gather_scatter(g, self.sizes, dim, index)"},
   ref="numpy.take_along_axis(self, index, dim)",
   samples=[S(T((3, 4)), 1, I((3, 2), 4)), S(T((3, 4)), 0, I((5, 4), 3)),
            S(T((2, 3, 4)), -2, I((2, 5, 4), 3)), S(T((3, 4)), 1, I((3, 0), 4))],
   doc="Elements of `self` along `dim`: out[i, j] = self[i, index[i, j]] for dim=1. `index` has as "
       "many dimensions as `self` and is not larger in the others. Gradients are dense whatever "
       "`sparse_grad`. Raises RuntimeError for positions out of range.")

op("_gather_scatter(Tensor self, int[] size, int dim, Tensor index) -> Tensor", dtypes=ALL,
   public=False, samples=[], grad={"self": "gather(g, dim, index)"},
   doc="Zeros of the given size to which `self` is added along `dim`.")

op("take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor", "composite", dtypes=ALL,
   variants="function method out", ref="numpy.take_along_axis(self, indices, dim)",
   samples=[S(T((3, 4)), I((3, 2), 4), 1), S(T((3, 4)), I((3, 1), 4), dim=1)],
   doc="gather() whose operands are broadcast in the other dimensions; without `dim` both are "
       "flattened.")

_SCATTER = "Tensor self, int dim, Tensor index"
op(f"scatter.src({_SCATTER}, Tensor src) -> Tensor", "inplace", dtypes=ALL, variants=METHODS_OUT,
   grad={"self": "scatter_value(g, dim, index, 0)", "src": "gather_into(g, dim, index, src.sizes)"},
   samples=[S(T((3, 4)), 1, T((3, 1), dtype="int64", values=[[1], [3], [0]], grad=False), T((3, 1))),
            S(T((3, 4)), 0, T((1, 2), dtype="int64", values=[[2, 0]], grad=False), T((2, 4)))],
   doc="Writes `src` along `dim`: self[i, index[i, j]] = src[i, j] for dim=1. Where a position "
       "occurs more than once the last value stays, but every one gets its gradient.")

op(f"scatter.value({_SCATTER}, Scalar value) -> Tensor", "inplace", dtypes=ALL, variants=METHODS_OUT,
   grad={"self": "scatter_value(g, dim, index, 0)"}, samples=[S(T((3, 4)), 1, I((3, 2), 4), 3)],
   doc="Writes one number along `dim`: self[i, index[i, j]] = value for dim=1.")

op(f"scatter.src_reduce({_SCATTER}, Tensor src, *, str reduce) -> Tensor", "inplace", dtypes=NUMERIC,
   variants=METHODS_OUT, grad="use scatter_reduce(), which has one",
   samples=[S(T((3, 4)), 1, I((3, 2), 4), T((3, 2)), reduce="add")],
   doc="Adds or multiplies `src` into positions along `dim`: reduce is 'add' or 'multiply'.")

op(f"scatter.value_reduce({_SCATTER}, Scalar value, *, str reduce) -> Tensor", "inplace",
   dtypes=NUMERIC, variants=METHODS_OUT, grad="use scatter_reduce(), which has one",
   samples=[S(T((3, 4)), 1, I((3, 2), 4), 2, reduce="multiply")],
   doc="Adds or multiplies one number into positions along `dim`.")

op(f"scatter_add({_SCATTER}, Tensor src) -> Tensor", "inplace", dtypes=ALL, variants=METHODS_OUT,
   grad={"self": "g", "src": "gather_into(g, dim, index, src.sizes)"},
   samples=[S(T((3, 4)), 1, I((3, 6), 4), T((3, 6))), S(T((3, 4)), 0, I((2, 3), 3), T((4, 4)))],
   doc="Adds `src` along `dim`: self[i, index[i, j]] += src[i, j] for dim=1, in the order of j, so "
       "that the result does not depend on threads.")

op(f"scatter_reduce({_SCATTER}, Tensor src, str reduce, *, bool include_self=True) -> Tensor",
   "inplace", dtypes=REAL, variants=METHODS_OUT,
   grad={"self, src": "scatter_reduce_grad(g, self, dim, index, src, y, reduce, include_self)"},
   samples=[S(T((3, 4)), 1, I((3, 6), 4), T((3, 6)), how, include_self=own)
            for how in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)],
   doc="Reduces `src` into positions along `dim`: reduce is sum, prod, mean, amax or amin. Without "
       "`include_self` the old values take no part where something arrives. Equal extremes share "
       "the gradient; means of integers are rounded down.")

op("index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, "
   "bool include_self=True) -> Tensor", "composite", dtypes=REAL, variants=METHODS_OUT,
   samples=[S(T((3, 4)), 0, I((5,), 3), T((5, 4)), "prod"),
            S(T((3, 4)), 1, I((2,), 4), T((3, 2)), "amax", include_self=False)],
   doc="Reduces the slices of `source` into those of `self` named by `index`: reduce is prod, mean, "
       "amax or amin.")

# ---- flat positions

op("take(Tensor self, Tensor index) -> Tensor", "composite", dtypes=ALL,
   variants="function method out", ref="numpy.take(self, index)",
   samples=[S(T((3, 4)), I((2, 2), 12)), S(T((3, 4)), I((), 12))],
   doc="Elements of the flattened `self`, in the shape of `index`; negative positions count from "
       "the end. Raises IndexError for positions out of range.")

op("put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor", "inplace",
   dtypes=ALL, variants=METHODS,
   grad={"self": "g if accumulate else put(g, index, zeros_as(g, source.sizes), False)",
         "source": "reshape(take(g, index), source.sizes)"},
   samples=[S(T((3, 4)), T((2,), dtype="int64", values=[5, 0], grad=False), T((2,)))],
   doc="Writes (or adds) `source` to flat positions of `self`.")

# ---- masks

op("masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor", "composite", dtypes=ALL,
   variants=METHODS, ref="numpy.where(mask, value, self)",
   samples=[S(T((3, 4)), M((3, 4)), T(()))], notes=BY_VALUE,
   doc="`self` with a 0-d tensor where `mask` is true.")

op("masked_fill(Tensor self, Tensor mask, Scalar value) -> Tensor", "pointwise",
   expr="where(mask, value, self)", masks=("mask",), dtypes=ALL, variants=METHODS,
   check="check_masked_fill", grad={"self": "masked_fill(g, mask, 0)"},
   ref="numpy.where(mask, numpy.array(value).astype(self.dtype), self)",
   samples=[S(T((3, 4)), M((3, 4)), 1), S(T((3, 4)), M((4,)), 0)],
   doc="`self` with `value` where the bool tensor `mask`, broadcast, is true.")

op("_masked_fill_tensor(Tensor self, Tensor mask, Tensor value) -> Tensor", "pointwise",
   expr="where(mask, value, self)", masks=("mask",), dtypes=ALL, public=False,
   grad={"self": "masked_fill(g, mask, 0)", "value": "where(mask, g, 0)"},
   samples=[S(T((3, 4)), M((3, 4)), T(()))], doc="masked_fill() with a 0-d tensor of the same dtype.")

op("masked_select(Tensor self, Tensor mask) -> Tensor", "composite", dtypes=ALL,
   variants="function method out", ref="self[mask]", notes=BY_VALUE,
   samples=[S(T((3, 4)), M((3, 4))), S(T((3, 4)), M((3, 4), [[False] * 4] * 3))],
   doc="The elements where `mask` is true, as a vector; both are broadcast.")

op("masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor", "inplace", dtypes=ALL,
   variants="method inplace",
   grad={"self": "masked_fill(g, mask, 0)", "source": "masked_scatter_grad(g, mask, source.sizes)"},
   samples=[S(T((3, 4)), M((3, 4)), T((3, 4)))],
   doc="Writes the elements of `source`, in order, where `mask` is true. Raises RuntimeError when "
       "there are too few.")

op("_nonzero(Tensor self) -> Tensor", dtypes=ALL, public=False, grad=POSITIONS,
   variants="function out",
   ref="numpy.argwhere(self)", samples=[S(T((3, 4))), S(T((0, 4)))],
   doc="The positions of the elements that are not zero, one per row.")

op("_nonzero_columns(Tensor self) -> Tensor[]", dtypes=ALL, public=False, grad=POSITIONS,
   samples=[S(T((3, 4)))], doc="The same, one vector per dimension.")

op("argwhere(Tensor self) -> Tensor", "composite", dtypes=ALL, variants="function method",
   body="_nonzero(self)", ref="numpy.argwhere(self)", notes=BY_VALUE, samples=[S(T((3, 4)))],
   doc="The positions of the elements that are not zero, one per row.")

op("count_nonzero(Tensor self, int[]? dim=None) -> Tensor", "composite", dtypes=ALL,
   variants="function method", ref="numpy.count_nonzero(self, axis=dim)",
   samples=[S(T((3, 4))), S(T((3, 4)), 0), S(T((2, 3, 4)), (0, 2))],
   doc="How many elements, overall or along dimensions, are not zero.")

# ---- look-up tables

op("embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, "
   "float norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor", "composite",
   dtypes=ALL, variants="function", ref="weight[input]",
   samples=[S(I((2, 3), 5), T((5, 4))), S(I((), 5), T((5, 4)))],
   doc="Rows of `weight` (num_embeddings, dim) at the integers `input`: shape (*input, dim). The "
       "row `padding_idx` gets no gradient. `max_norm` rescales the rows used, in place, to that "
       "`norm_type`-norm. `scale_grad_by_freq` divides gradients by how often a row is used. "
       "Gradients are dense whatever `sparse`. Raises IndexError for integers out of range.")

_EMBEDDING = "int padding_idx, bool scale_grad_by_freq"
op(f"_embedding(Tensor weight, Tensor indices, {_EMBEDDING}) -> Tensor", dtypes=ALL, public=False,
   samples=[], grad={"weight": "_embedding_scatter(g, indices, weight.sizes, padding_idx, "
                               "scale_grad_by_freq)"},
   doc="Rows of a table.")

op(f"_embedding_scatter(Tensor self, Tensor indices, int[] size, {_EMBEDDING}) -> Tensor",
   dtypes=ALL, public=False, samples=[],
   grad={"self": "_embedding_rows(g, indices, padding_idx, scale_grad_by_freq)"},
   doc="The gradient of _embedding(): rows added up by index, the padding row left at zero.")

op(f"_embedding_rows(Tensor weight, Tensor indices, {_EMBEDDING}) -> Tensor", dtypes=ALL,
   public=False, samples=[],
   grad={"weight": "_embedding_scatter(g, indices, weight.sizes, padding_idx, scale_grad_by_freq)"},
   doc="The transpose of _embedding_scatter(): padding rows are zero.")

# A bag is a run of `indices` from one of the offsets to the next. Three maps, each the gradient of the
# others.
_BAG_INDICES = "Tensor indices, Tensor offsets"
_BAG_SAMPLE = (I((5,), 4), T((3,), values=[0, 2, 2], dtype="int64"))
op(f"_bag_sum(Tensor weight, {_BAG_INDICES}, Tensor? factors) -> Tensor", dtypes=FLOATING,
   public=False,
   samples=[S(T((4, 3)), *_BAG_SAMPLE, None), S(T((4, 3)), *_BAG_SAMPLE, T((5,)))],
   grad={"weight": "_bag_scatter(g, indices, offsets, factors, weight.sizes)",
         "factors": "_bag_dot(g, weight, indices, offsets)"},
   doc="The sum of each bag's rows of `weight`, times their factors where given.")

op(f"_bag_scatter(Tensor self, {_BAG_INDICES}, Tensor? factors, int[] size) -> Tensor", dtypes=FLOATING,
   public=False, variants="",
   samples=[S(T((3, 3)), *_BAG_SAMPLE, None, (4, 3)),
            S(T((3, 3)), *_BAG_SAMPLE, T((5,)), (4, 3))],
   grad={"self": "_bag_sum(g, indices, offsets, factors)",
         "factors": "_bag_dot(self, g, indices, offsets)"},
   doc="Adds a bag's row of `self`, times the factors, to every row that its indices name.")

op(f"_bag_dot(Tensor self, Tensor weight, {_BAG_INDICES}) -> Tensor", dtypes=FLOATING,
   public=False, variants="", samples=[S(T((3, 3)), T((4, 3)), *_BAG_SAMPLE)],
   grad={"self": "_bag_sum(weight, indices, offsets, g)",
         "weight": "_bag_scatter(self, indices, offsets, g, weight.sizes)"},
   doc="For every index the inner product of its row of `weight` and its bag's row of `self`.")
