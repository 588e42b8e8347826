"""Order: sorting, ranks, distinct values, and search in sorted sequences."""

from tools.opgen.table import ALL, BOOL, DTYPE_ORDER, INTEGERS, REAL, I, S, T, op

POSITIONS = "the result is made of positions"
COUNTS = "the result is made of counts"
CONDITION = "the result is a condition"
VALUES = {"self": "at_positions(g_values, self.sizes, dim, indices, True)"}
REDUCED = {"self": "at_positions(g_values, self.sizes, dim, indices, keepdim)"}
BOTH = "function method out"
DOUBLES = sum(1 << DTYPE_ORDER.index(n) for n in ("float32", "float64"))
DISTINCT = [0.5, -1.0, 2.0, 1.5, 0.25, -0.75]  # gradients need distinct values


def D(*shape):
    """Six distinct values."""
    import itertools
    flat = iter(DISTINCT)
    rows = [list(itertools.islice(flat, shape[-1])) for _ in range(6 // shape[-1])]
    return T(tuple(shape), values=rows if len(shape) > 1 else rows[0])


op("sort(Tensor self, int dim=-1, bool descending=False, bool stable=False) -> "
   "(Tensor values, Tensor indices)", dtypes=REAL | BOOL, variants=BOTH, grad=VALUES,
   samples=[S(D(2, 3)), S(D(2, 3), 0, True), S(D(6)), S(T(())), S(T((0, 3)), 0), S(T((300,)))],
   doc="The elements in order along `dim`, and where they come from. NaN is the largest. Equal "
       "elements keep their order whether or not `stable` is asked for. Raises RuntimeError for "
       "complex numbers.")

op("argsort(Tensor self, int dim=-1, bool descending=False, bool stable=False) -> Tensor",
   dtypes=REAL | BOOL, variants="function method", grad=POSITIONS,
   ref="numpy.argsort(self, axis=dim, kind='stable')", samples=[S(D(2, 3)), S(D(2, 3), 0)],
   doc="The positions of the elements in order along `dim`.")

op("msort(Tensor self) -> Tensor", "composite", dtypes=REAL | BOOL, variants=BOTH,
   ref="numpy.sort(self, axis=0)", samples=[S(D(2, 3))], doc="The elements in order along dimension 0.")

op("topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> "
   "(Tensor values, Tensor indices)", dtypes=REAL | BOOL, variants=BOTH, grad=VALUES,
   samples=[S(D(2, 3), 2), S(D(2, 3), 1, 0, False), S(D(6), 6), S(D(6), 0)],
   doc="The `k` largest (or smallest) elements along `dim` in order, and their positions; of equal "
       "elements the first ones.")

op("kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
   dtypes=REAL, variants=BOTH, grad=REDUCED, samples=[S(D(2, 3), 2), S(D(2, 3), 1, 0, True)],
   doc="The `k`-th smallest element along `dim`, counted from 1, and its position.")

for name, what in (("median", "NaN where there is one"), ("nanmedian", "NaN is left out")):
    op(f"{name}(Tensor self) -> Tensor", dtypes=REAL, variants="function method",
       grad={"self": "spread_evenly(g, self, y)"}, samples=[S(D(2, 3)), S(T((1,)))],
       doc=f"The median of all elements, the lower of two; {what}. Equal elements share the "
           "gradient.")
    op(f"{name}.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
       dtypes=REAL, variants=BOTH, grad=REDUCED, samples=[S(D(2, 3), 1), S(D(2, 3), 0, True)],
       doc=f"The median along `dim`, the lower of two, and its position; {what}.")

op("mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
   dtypes=REAL | BOOL, variants=BOTH, grad=REDUCED, samples=[S(D(2, 3)), S(D(2, 3), 0, True)],
   doc="The most frequent value along `dim`, the smallest of several, and its last position.")

_QUANTILE = "int? dim=None, bool keepdim=False, *, str interpolation='linear'"
for name, what in (("quantile", "NaN where there is one"), ("nanquantile", "NaN is left out")):
    op(f"{name}(Tensor self, Tensor q, {_QUANTILE}) -> Tensor", "composite", dtypes=DOUBLES,
       variants=BOTH, samples=[S(D(2, 3), T((2,), values=[0.3, 0.9], grad=False), 1)],
       doc=f"The quantiles `q`, 0-d or a vector of numbers in [0, 1], along `dim` or of all "
           f"elements; {what}. A vector of q becomes the first dimension. `interpolation` is linear, "
           "lower, higher, midpoint or nearest.")
    op(f"{name}.scalar(Tensor self, float q, {_QUANTILE}) -> Tensor", "composite", dtypes=DOUBLES,
       variants=BOTH, samples=[S(D(2, 3), 0.4), S(D(2, 3), 0.5, 0, True)],
       doc=f"The quantile `q` in [0, 1]; {what}.")

# ---- search

_SEARCH = "*, bool out_int32=False, bool right=False"
op(f"searchsorted(Tensor sorted_sequence, Operand self, {_SEARCH}, str? side=None, "
   "Tensor? sorter=None) -> Tensor", dtypes=REAL, variants="function out", grad=POSITIONS,
   ref="numpy.searchsorted(sorted_sequence, self, side='right' if right else 'left')",
   samples=[S(T((4,), values=[-1, 0, 1, 1]), T((2, 3))), S(T((4,), values=[-1, 0, 1, 1]), T((5,)), right=True)],
   doc="Where in the sorted last dimension the values would have to be inserted: before equal "
       "elements, or after them with `right` (or side='right'). `sorter` gives the order of an "
       "unsorted sequence.")

op(f"bucketize(Operand self, Tensor boundaries, {_SEARCH}) -> Tensor", "composite", dtypes=REAL,
   variants="function out", ref="numpy.searchsorted(boundaries, self, side='right' if right else 'left')",
   samples=[S(T((2, 3)), T((4,), values=[-1, 0, 1, 1]))],
   doc="The number of the interval between `boundaries` that each element lies in.")

op("isin(Operand elements, Operand test_elements, *, bool assume_unique=False, bool invert=False) "
   "-> Tensor", dtypes=REAL | BOOL, variants="function out", grad=CONDITION,
   ref="numpy.isin(elements, test_elements, invert=invert)",
   samples=[S(I((3, 4), 5), I((3,), 5)), S(I((3, 4), 5), I((3,), 5), invert=True)], test_dtypes=INTEGERS,
   doc="Whether each element of the first is among those of the second.")

# ---- distinct values

op("_unique(Tensor self, bool inverse, bool count) -> (Tensor values, Tensor inverse_indices, "
   "Tensor counts)", dtypes=REAL | BOOL, public=False, grad="the result's size depends on values",
   samples=[], doc="The distinct elements in ascending order.")

op("_unique_consecutive(Tensor self, bool inverse, bool count) -> (Tensor values, "
   "Tensor inverse_indices, Tensor counts)", dtypes=ALL, public=False,
   grad="the result's size depends on values", samples=[],
   doc="The elements without repetitions of the one before.")

op("_unique_dim(Tensor self, int dim, bool sort, bool inverse, bool count) -> (Tensor values, "
   "Tensor inverse_indices, Tensor counts)", dtypes=REAL | BOOL, public=False,
   grad="the result's size depends on values", samples=[],
   doc="The distinct slices along a dimension, in ascending or in the given order.")

# ---- counts

op("bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
   dtypes=INTEGERS, variants="function method", grad=COUNTS, ref="numpy.bincount(self, weights, minlength)",
   notes={"no meta": "the result depends on values, which the meta device does not have"},
   samples=[S(I((6,), 4)), S(I((6,), 4), minlength=7), S(I((0,), 4))], test_dtypes=INTEGERS,
   doc="How often each number from 0 on occurs in a vector of integers, or the sum of the weights "
       "there.")

op("histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor", dtypes=DOUBLES,
   variants=BOTH, grad=COUNTS, samples=[S(T((3, 4)), 4), S(T((20,)), 5, -1, 1)],
   doc="Counts in `bins` intervals of equal width between `min` and `max`, or between the smallest "
       "and the largest element where both are 0. The last interval includes its end.")

_HISTOGRAM = "Tensor? weight=None, bool density=False"
op(f"histogram.bins(Tensor self, Tensor bins, *, {_HISTOGRAM}) -> (Tensor hist, Tensor bin_edges)",
   dtypes=DOUBLES, variants="function method out", grad=COUNTS,
   samples=[S(T((20,)), T((3,), values=[-1, 0, 2]))], test_dtypes=DOUBLES,
   doc="Counts, or sums of weights, in intervals with the given edges.")

op(f"histogram(Tensor self, int bins=100, *, float[]? range=None, {_HISTOGRAM}) -> "
   "(Tensor hist, Tensor bin_edges)", dtypes=DOUBLES, variants="function method out", grad=COUNTS,
   samples=[S(T((20,)), 4), S(T((20,)), 4, range=[-1.0, 1.0])],
   doc="Counts, or sums of weights, in `bins` intervals of equal width; `density` divides by the "
       "total and the widths.")

op("diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
   "composite", dtypes=ALL, variants=BOTH, ref="numpy.diff(self, n, dim)",
   samples=[S(T((2, 4))), S(T((2, 4)), 2), S(T((3, 4)), 1, 0)],
   doc="Differences of neighbours along `dim`, `n` times over, after joining `prepend` and `append`.")
