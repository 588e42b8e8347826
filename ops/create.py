"""New tensors from sizes and numbers, and tensors filled with a number."""

from tools.opgen.table import ALL, S, T, op

NO_INPUT = "it has no differentiable input"
CONSTANT = "the result does not depend on the values"
OPTIONS = ("DType? dtype=None, Layout? layout=None, Device? device=None, PinMemory pin_memory=False, "
           "RequiresGrad requires_grad=False")
LIKE = OPTIONS + ", MemoryFormat? memory_format=None"
OUT = "function out"

# ---- one value

op("empty(int[] size, *, MemoryFormat? memory_format=None) -> Tensor", options=True, grad=NO_INPUT,
   samples=[], variants=OUT, doc="A tensor whose elements are not initialised.")
op("zeros(int[] size) -> Tensor", options=True, grad=NO_INPUT, ref="numpy.zeros(size)",
   samples=[S((2, 3)), S((0, 2))], variants=OUT, doc="A tensor of zeros.")
op("ones(int[] size) -> Tensor", options=True, grad=NO_INPUT, ref="numpy.ones(size)",
   samples=[S((2, 3)), S((0, 2))], variants=OUT, doc="A tensor of ones.")
op("full(int[] size, Scalar fill_value) -> Tensor", options=True, grad=NO_INPUT,
   ref="numpy.full(size, fill_value)", samples=[S((2, 3), 1.5), S((2,), 3), S((1, 2), True)],
   variants=OUT, doc="A tensor filled with a number, whose type it has unless `dtype` is given.")
op("scalar_tensor(Scalar s) -> Tensor", impl="number", options=True, grad=NO_INPUT,
   ref="numpy.array(float(s))", samples=[S(2.5)], doc="A 0-d tensor of the default type.")
op("empty_strided(int[] size, int[] stride) -> Tensor", impl="empty_with_strides", options=True,
   grad=NO_INPUT, samples=[], doc="A tensor with given strides, not initialised.")
op("empty_permuted(int[] size, int[] physical_layout) -> Tensor", options=True, grad=NO_INPUT,
   samples=[], doc="A dense tensor, not initialised, whose dimensions lie in memory in the order "
                   "of physical_layout, outermost first.")

# ---- in the shape of another tensor

op(f"empty_like(Tensor self, *, {LIKE}) -> Tensor", impl="empty_like_op", dtypes=ALL, grad=CONSTANT,
   samples=[], doc="A tensor in the shape, type and layout of `self`, not initialised.")
op(f"zeros_like(Tensor self, *, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT,
   ref="numpy.zeros_like(self)", samples=[S(T((2, 3)))], doc="Zeros in the shape and type of `self`.")
op(f"ones_like(Tensor self, *, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT,
   ref="numpy.ones_like(self)", samples=[S(T((2, 3)))], doc="Ones in the shape and type of `self`.")
op(f"full_like(Tensor self, Scalar fill_value, *, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT,
   ref="numpy.full_like(self, fill_value)", samples=[S(T((2, 3)), 2)],
   doc="A number in the shape and type of `self`.")
op("new_empty(Tensor self, int[] size) -> Tensor", options=True, dtypes=ALL, grad=CONSTANT,
   variants="method", samples=[], doc="A tensor of the type of `self`, not initialised.")
op("new_empty_strided(Tensor self, int[] size, int[] stride) -> Tensor", options=True, dtypes=ALL,
   grad=CONSTANT, variants="method", samples=[],
   doc="A tensor of the type of `self` with given strides, not initialised.")
op("new_zeros(Tensor self, int[] size) -> Tensor", options=True, dtypes=ALL, grad=CONSTANT,
   variants="method", ref="numpy.zeros(size, self.dtype)", samples=[S(T((2,)), (2, 3))],
   doc="Zeros of the type of `self`.")
op("new_ones(Tensor self, int[] size) -> Tensor", options=True, dtypes=ALL, grad=CONSTANT,
   variants="method", ref="numpy.ones(size, self.dtype)", samples=[S(T((2,)), (2, 3))],
   doc="Ones of the type of `self`.")
op("new_full(Tensor self, int[] size, Scalar fill_value) -> Tensor", options=True, dtypes=ALL,
   grad=CONSTANT, variants="method", ref="numpy.full(size, fill_value, self.dtype)",
   samples=[S(T((2,)), (2, 3), 1)], doc="A number, in the type of `self`.")

# ---- sequences

op("arange(Scalar end) -> Tensor", options=True, grad=NO_INPUT, ref="numpy.arange(end)",
   samples=[S(5), S(2.5), S(0)], variants=OUT,
   doc="0, 1, 2, ... up to, but without, `end`: int64 for an integer, else the default type.")
op("arange.start(Scalar start, Scalar end, Scalar step=1) -> Tensor", options=True, grad=NO_INPUT,
   ref="numpy.arange(start, end, step)", variants=OUT,
   samples=[S(1, 5), S(0, 10, 3), S(5, 0, -2), S(0.5, 3.0, 0.5)],
   doc="start, start + step, ... up to, but without, `end`: int64 where all three are integers, "
       "else the default type.")
op("range(Scalar start, Scalar end, Scalar step=1) -> Tensor", options=True, grad=NO_INPUT,
   ref="numpy.arange(start, end + step / 2, step)", samples=[S(1, 4), S(0, 1, 0.25)],
   doc="start, start + step, ... with `end` where it is hit. Prefer arange.")
op("linspace(Scalar start, Scalar end, int steps) -> Tensor", options=True, grad=NO_INPUT,
   ref="numpy.linspace(start, end, steps)", variants=OUT,
   samples=[S(0, 1, 5), S(-1.5, 2, 4), S(3, 3, 1), S(0, 1, 0)],
   doc="`steps` numbers from start to end, both included, equally far apart.")
op("logspace(Scalar start, Scalar end, int steps, float base=10.0) -> Tensor", options=True,
   grad=NO_INPUT, ref="numpy.logspace(start, end, steps, base=base)", variants=OUT,
   samples=[S(0, 2, 3), S(-1, 1, 5, 2.0)], doc="base to the power of linspace(start, end, steps).")
op("eye(int n, int? m=None) -> Tensor", options=True, grad=NO_INPUT, ref="numpy.eye(n, m)",
   samples=[S(3), S(2, 4), S(0)], variants=OUT, doc="Ones on the diagonal of an n by m matrix of zeros.")

# ---- overwriting

op("fill.Tensor(Tensor self, Tensor value) -> Tensor", "inplace", dtypes=ALL, mixed_devices=True,
   variants="function inplace", grad={"self": "zeros_like(g)", "value": "g"},
   ref="numpy.broadcast_to(value, self.shape)", samples=[S(T((2, 3)), T(()))],
   doc="Every element becomes the value of a 0-d tensor.")
op("fill(Tensor self, Scalar value) -> Tensor", "inplace", dtypes=ALL, variants="function inplace",
   grad={"self": "zeros_like(g)"}, ref="numpy.full_like(self, value)", samples=[S(T((2, 3)), 2)],
   doc="Every element becomes `value`.")
op("zero(Tensor self) -> Tensor", "inplace", dtypes=ALL, variants="inplace",
   grad={"self": "zeros_like(g)"}, ref="numpy.zeros_like(self)", samples=[S(T((2, 3)))],
   doc="Every element becomes zero.")

op("fill_diagonal_(Tensor self, Scalar fill_value, bool wrap=False) -> Tensor", "composite",
   dtypes=ALL, variants="method", samples=[],
   doc="The main diagonal becomes a number, in place. With `wrap` it starts again after each square "
       "of a tall matrix.")

# ---- windows of signal processing

for _name, _words in (
        ("hann", "(1 - cos x) / 2"), ("bartlett", "a triangle"),
        ("blackman", "0.42 - 0.5 cos x + 0.08 cos 2x")):
    op(f"{_name}_window(int window_length, bool periodic=True) -> Tensor", options=True,
       grad=NO_INPUT, samples=[S(8), S(5, False), S(1)],
       doc=f"{_name.capitalize()}'s window, {_words}; periodic leaves out the last of n + 1 points.")
op("hamming_window(int window_length, bool periodic=True, float alpha=0.54, float beta=0.46) "
   "-> Tensor", options=True, grad=NO_INPUT, samples=[S(8), S(5, False), S(6, True, 0.5, 0.5)],
   doc="alpha - beta cos x; periodic leaves out the last of n + 1 points.")
op("kaiser_window(int window_length, bool periodic=True, float beta=12.0) -> Tensor", options=True,
   grad=NO_INPUT, samples=[S(8), S(5, False), S(6, True, 4.0)],
   doc="I0(beta sqrt(1 - x^2)) / I0(beta) for x from -1 to 1 (Kaiser 1966).")
