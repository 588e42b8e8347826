"""Random numbers. One seed gives the numbers that PyTorch gives (docs/design/random_streams.md)."""

from tools.opgen.table import ALL, FLOATING, REAL, S, T, op

NO_INPUT = "it has no differentiable input"
CONSTANT = "the result does not depend on the values"
LIKE = ("DType? dtype=None, Layout? layout=None, Device? device=None, PinMemory pin_memory=False, "
        "RequiresGrad requires_grad=False, MemoryFormat? memory_format=None")
GENERATOR = "Generator? generator=None"
OUT = "function out"

# ---- new tensors

op(f"rand(int[] size, *, {GENERATOR}) -> Tensor", options=True, grad=NO_INPUT, samples=[],
   variants=OUT, doc="Uniform on [0, 1).")
op(f"randn(int[] size, *, {GENERATOR}) -> Tensor", options=True, grad=NO_INPUT, samples=[],
   variants=OUT, doc="Standard normal; complex ones have variance 1 in all.")
op(f"randint(int high, int[] size, *, {GENERATOR}) -> Tensor", options=True, grad=NO_INPUT,
   samples=[], variants=OUT, doc="Integers of [0, high), int64 unless `dtype` is given.")
op(f"randint.low(int low, int high, int[] size, *, {GENERATOR}) -> Tensor", options=True,
   grad=NO_INPUT, samples=[], variants=OUT,
   doc="Integers of [low, high), int64 unless `dtype` is given.")
op(f"randperm(int n, *, {GENERATOR}) -> Tensor", options=True, grad=NO_INPUT, samples=[],
   variants=OUT, doc="A permutation of 0 ... n - 1, int64 unless `dtype` is given.")
op(f"rand_like(Tensor self, *, {GENERATOR}, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT, samples=[],
   doc="Uniform on [0, 1), in the shape, type and layout of `self`.")
op(f"randn_like(Tensor self, *, {GENERATOR}, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT,
   samples=[], doc="Standard normal, in the shape, type and layout of `self`.")
op(f"randint_like(Tensor self, int high, *, {GENERATOR}, {LIKE}) -> Tensor", dtypes=ALL,
   grad=CONSTANT, samples=[], doc="Integers of [0, high) in the shape, type and layout of `self`.")
op(f"randint_like.low(Tensor self, int low, int high, *, {GENERATOR}, {LIKE}) -> Tensor", dtypes=ALL,
   grad=CONSTANT, samples=[], doc="Integers of [low, high) in the shape, type and layout of `self`.")

op(f"normal.tensors(Tensor mean, Tensor std, *, {GENERATOR}) -> Tensor", samples=[], variants=OUT,
   grad={"mean": "zeros_like(g)", "std": "zeros_like(g)"}, gradcheck=False,
   doc="Normal, with a mean and a standard deviation for each element.")
op(f"normal.mean(Tensor mean, float std=1.0, *, {GENERATOR}) -> Tensor", samples=[], variants=OUT,
   grad={"mean": "zeros_like(g)"}, gradcheck=False, doc="Normal, with a mean for each element.")
op(f"normal.std(float mean, Tensor std, *, {GENERATOR}) -> Tensor", samples=[], variants=OUT,
   grad={"std": "zeros_like(g)"}, gradcheck=False,
   doc="Normal, with a standard deviation for each element.")
op(f"normal.size(float mean, float std, int[] size, *, {GENERATOR}) -> Tensor", options=True,
   grad=NO_INPUT, samples=[], variants=OUT, doc="Normal, of a given size.")

op(f"bernoulli(Tensor self, *, {GENERATOR}) -> Tensor", dtypes=FLOATING, variants="function method out",
   grad={"self": "zeros_like(g)"}, samples=[], gradcheck=False,
   doc="1 with the probability that the element says, else 0.")
op(f"bernoulli.p(Tensor self, float p, *, {GENERATOR}) -> Tensor", dtypes=ALL,
   variants="function method", grad={"self": "zeros_like(g)"}, samples=[], gradcheck=False,
   doc="1 with probability p, else 0, in the shape of `self`.")
op(f"multinomial(Tensor self, int num_samples, bool replacement=False, *, {GENERATOR}) -> Tensor",
   impl="multinomial_op", dtypes=FLOATING, variants="function method out", grad="indices have no derivative",
   samples=[], doc="Indices drawn from each row with probability proportional to its elements.")
op(f"poisson(Tensor self, {GENERATOR}) -> Tensor", dtypes=FLOATING,
   grad={"self": "zeros_like(g)"}, samples=[], gradcheck=False,
   doc="Counts of Poisson processes with the rates of `self`.")
op(f"binomial(Tensor count, Tensor prob, {GENERATOR}) -> Tensor", dtypes=FLOATING,
   grad={"prob": "zeros_like(g)"}, samples=[], gradcheck=False,
   doc="Successes among `count` trials of probability `prob`, both of one floating type.")

op(f"_standard_gamma(Tensor self, {GENERATOR}) -> Tensor", dtypes=FLOATING, public=False,
   grad={"self": "g * _standard_gamma_grad(self, y)"}, samples=[], gradcheck=False,
   doc="Gamma samples of shape `self` and scale one; they follow the shape by implicit "
       "reparameterisation.")
op("_standard_gamma_grad(Tensor self, Tensor output) -> Tensor", dtypes=FLOATING, public=False,
   grad={"self": "no_second_derivative(g, '_standard_gamma')",
         "output": "no_second_derivative(g, '_standard_gamma')"}, samples=[], gradcheck=False,
   doc="How the samples `output` move with their shapes `self`.")
op(f"_sample_dirichlet(Tensor self, {GENERATOR}) -> Tensor", "composite", dtypes=FLOATING,
   public=False, samples=[], gradcheck=False,
   doc="Dirichlet samples of the concentrations in the last dimension: gammas over their sum.")

# ---- in place

op(f"uniform(Tensor self, float from=0.0, float to=1.0, *, {GENERATOR}) -> Tensor", "inplace",
   dtypes=ALL, variants="inplace", grad={"self": "zeros_like(g)"}, samples=[],
   doc="Uniform on [from, to).")
op(f"normal(Tensor self, float mean=0.0, float std=1.0, *, {GENERATOR}) -> Tensor", "inplace",
   dtypes=ALL, variants="inplace", grad={"self": "zeros_like(g)"}, samples=[],
   doc="Normal with this mean and standard deviation.")
op(f"random(Tensor self, *, {GENERATOR}) -> Tensor", "inplace", dtypes=ALL, variants="inplace",
   grad={"self": "zeros_like(g)"}, samples=[],
   doc="Integers of [0, the largest that the type holds exactly].")
op(f"random.to(Tensor self, int to, *, {GENERATOR}) -> Tensor", "inplace", dtypes=ALL,
   variants="inplace", grad={"self": "zeros_like(g)"}, samples=[], doc="Integers of [0, to).")
op(f"random.from(Tensor self, int from, int? to, *, {GENERATOR}) -> Tensor", "inplace", dtypes=ALL,
   variants="inplace", grad={"self": "zeros_like(g)"}, samples=[],
   doc="Integers of [from, to), up to the largest of the type when to is None.")
op(f"exponential(Tensor self, float lambd=1.0, *, {GENERATOR}) -> Tensor", "inplace", dtypes=FLOATING,
   variants="inplace", grad={"self": "zeros_like(g)"}, samples=[], doc="Exponential of rate lambd.")
op(f"geometric(Tensor self, float p, *, {GENERATOR}) -> Tensor", "inplace", dtypes=REAL,
   variants="inplace", grad={"self": "zeros_like(g)"}, samples=[],
   doc="Trials up to the first success of probability p, 0 < p < 1.")
op(f"cauchy(Tensor self, float median=0.0, float sigma=1.0, *, {GENERATOR}) -> Tensor", "inplace",
   dtypes=FLOATING, variants="inplace", grad={"self": "zeros_like(g)"}, samples=[],
   doc="Cauchy's distribution.")
op(f"log_normal(Tensor self, float mean=1.0, float std=2.0, *, {GENERATOR}) -> Tensor", "inplace",
   dtypes=FLOATING, variants="inplace", grad={"self": "zeros_like(g)"}, samples=[],
   doc="exp of a normal with this mean and standard deviation.")
op(f"bernoulli_.tensor(Tensor self, Tensor p, *, {GENERATOR}) -> Tensor", "composite", dtypes=ALL,
   variants="method", samples=[], doc="1 with the probability that `p` says, else 0, in place.")
op(f"bernoulli_(Tensor self, float p=0.5, *, {GENERATOR}) -> Tensor", "composite", dtypes=ALL,
   variants="method", samples=[], doc="1 with probability p, else 0, in place.")
op(f"_fill_bernoulli(Tensor self, float p, {GENERATOR}) -> Tensor", "inplace", dtypes=ALL,
   variants="inplace", public=False, grad={"self": "zeros_like(g)"}, samples=[],
   doc="1 with probability p, else 0.")
op(f"_fill_bernoulli.tensor(Tensor self, Tensor p, {GENERATOR}) -> Tensor", "inplace", dtypes=ALL,
   variants="inplace", public=False, grad={"self": "zeros_like(g)"}, samples=[],
   doc="1 with the probability of the element of p, else 0.")

# ---- dropout

op("_masked_scale(Tensor self, Tensor mask, float scale) -> Tensor", "pointwise", public=False,
   dtypes=FLOATING, expr="where(mask, self * scale, self * 0)", masks=("mask",),
   variants="function inplace", grad={"self": "_masked_scale(g, mask, scale)"},
   ref="numpy.where(mask, self * scale, 0)",
   samples=[S(T((2, 3)), T((2, 3), 0, 2, "bool", grad=False), 2.0)],
   doc="Elements times `scale` where the mask holds, times zero elsewhere.")
op("_bernoulli_mask(Tensor self, float p, bool channels, Generator? generator=None) -> Tensor",
   dtypes=ALL, public=False, grad=CONSTANT, samples=[],
   doc="A mask in the shape and layout of `self` (of its first two dimensions, the others of size 1, "
       "for whole channels) that holds with probability p.")
op("dropout(Tensor self, float p=0.5, bool training=True, bool inplace=False) -> Tensor", "composite",
   dtypes=FLOATING, samples=[],
   doc="While training, zeroes elements with probability p and scales the others by 1 / (1 - p) "
       "(Srivastava et al. 2014); otherwise returns the tensor as it is.")
op("dropout_(Tensor self, float p, bool train) -> Tensor", "composite", dtypes=FLOATING, samples=[],
   doc="dropout, in place.")
op("feature_dropout(Tensor self, float p, bool train) -> Tensor", "composite", dtypes=FLOATING,
   samples=[], doc="dropout of whole channels, the second dimension.")
op("feature_dropout_(Tensor self, float p, bool train) -> Tensor", "composite", dtypes=FLOATING,
   samples=[], doc="feature_dropout, in place.")
