"""Losses, with the signatures of nn.functional."""

from tools.opgen.table import FLOATING, S, T, op

_REDUCED = "averaged, summed or as it is (`reduction`: 'mean', 'sum', 'none')"


def _element_loss(name: str, params: str, doc: str, ref: str):
    op(f"{name}(Tensor input, Tensor target, str reduction='mean'{params}) -> Tensor", "composite",
       dtypes=FLOATING, namespace="nn", ref=f"numpy.mean({ref})",
       samples=[S(T((2, 3)), T((2, 3)))], doc=f"{doc}, {_REDUCED}.")


_element_loss("mse_loss", "", "(x - y)^2", "(input - target) ** 2")
_element_loss("l1_loss", "", "|x - y|", "numpy.abs(input - target)")
_element_loss("smooth_l1_loss", ", float beta=1.0",
              "(x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2 (Girshick 2015)",
              "numpy.where(abs(input - target) < beta, (input - target) ** 2 / (2 * beta), "
              "abs(input - target) - beta / 2)")
_element_loss("huber_loss", ", float delta=1.0",
              "(x - y)^2 / 2 where |x - y| <= delta, else delta (|x - y| - delta / 2) (Huber 1964)",
              "numpy.where(abs(input - target) <= delta, (input - target) ** 2 / 2, "
              "delta * (abs(input - target) - delta / 2))")


def _elements(signature: str, expr: str, grad: dict, doc: str):
    op(f"{signature} -> Tensor", "pointwise", dtypes=FLOATING,
       public=False, variants="", samples=[],
       expr=expr, grad=grad, doc=doc)


_elements("_squared_error(Tensor x, Tensor t)", "(x - t) * (x - t)",
          {"x": "g * (2 * (x - t))", "t": "g * (2 * (t - x))"}, "(x - t)^2")
_elements("_absolute_error(Tensor x, Tensor t)", "abs(x - t)",
          {"x": "g * sign(x - t)", "t": "g * sign(t - x)"}, "|x - t|")
_elements("_smooth_l1(Tensor x, Tensor t, float beta)",
          "where(abs(x - t) < beta, (x - t) * (x - t) * 0.5 / beta, abs(x - t) - 0.5 * beta)",
          {"x": "g * where(abs(x - t) < beta, (x - t) / beta, sign(x - t))",
           "t": "g * where(abs(x - t) < beta, (t - x) / beta, sign(t - x))"}, "smooth L1")
_elements("_huber(Tensor x, Tensor t, float delta)",
          "where(abs(x - t) <= delta, (x - t) * (x - t) * 0.5, delta * (abs(x - t) - 0.5 * delta))",
          {"x": "g * where(abs(x - t) <= delta, x - t, delta * sign(x - t))",
           "t": "g * where(abs(x - t) <= delta, t - x, delta * sign(t - x))"}, "Huber's loss")
_elements("_bce(Tensor x, Tensor t)",
          "-(t * maximum(log(x), -100) + (1 - t) * maximum(log1p(-x), -100))",
          {"x": "g * (x - t) / maximum(x * (1 - x), 1e-12)",
           "t": "g * (maximum(log1p(-x), -100) - maximum(log(x), -100))"},
          "cross-entropy of a probability")
_elements("_bce_logits(Tensor x, Tensor t)", "maximum(x, 0) - x * t + log1p(exp(-abs(x)))",
          {"x": "g * (sigmoid(x) - t)", "t": "-(g * x)"}, "cross-entropy of a logit")
_elements("_bce_logits_weighted(Tensor x, Tensor t, Tensor positive)",
          "(1 - t) * x + (1 + (positive - 1) * t) * (log1p(exp(-abs(x))) + maximum(-x, 0))",
          {"x": "g * ((1 + (positive - 1) * t) * sigmoid(x) - positive * t)",
           "t": "g * ((positive - 1) * (log1p(exp(-abs(x))) + maximum(-x, 0)) - x)",
           "positive": "g * t * (log1p(exp(-abs(x))) + maximum(-x, 0))"},
          "cross-entropy of a logit, the positive part weighted")
_elements("_kl(Tensor x, Tensor t)", "where(t == 0, 0 * t, t * log(t)) - t * x",
          {"x": "-(g * t)", "t": "where(t == 0, 0 * t, g * (log(t) + 1 - x))"},
          "t (log t - x)")
_elements("_kl_log(Tensor x, Tensor t)", "exp(t) * (t - x)",
          {"x": "-(g * exp(t))", "t": "g * exp(t) * (t - x + 1)"}, "e^t (t - x)")

op("binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, str reduction='mean') "
   "-> Tensor", "composite", dtypes=FLOATING, namespace="nn",
   ref="-numpy.mean(target * numpy.log(input) + (1 - target) * numpy.log(1 - input))",
   samples=[S(T((2, 3), 0.1, 0.9), T((2, 3), 0.1, 0.9))],
   doc=f"-(y log x + (1 - y) log(1 - x)) times `weight`, {_REDUCED}; logarithms are cut off at "
       "-100. Raises RuntimeError when x leaves [0, 1].")
op("binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, "
   "str reduction='mean', Tensor? pos_weight=None) -> Tensor", "composite", dtypes=FLOATING,
   variants="function",
   ref="numpy.mean(numpy.maximum(input, 0) - input * target + numpy.log1p(numpy.exp(-abs(input))))",
   samples=[S(T((2, 3)), T((2, 3), 0.1, 0.9))],
   doc=f"binary_cross_entropy of sigmoid(x), without overflow, {_REDUCED}; `pos_weight` scales the "
       "y log x part.")
op("kl_div(Tensor input, Tensor target, str reduction='mean', bool log_target=False) -> Tensor",
   "composite", dtypes=FLOATING, variants="function",
   ref="numpy.mean(numpy.exp(target) * (target - input) if log_target else "
       "target * (numpy.log(target) - input))",
   samples=[S(T((2, 3)), T((2, 3), 0.1, 0.9)), S(T((2, 3)), T((2, 3)), log_target=True)],
   doc=f"y (log y - x) for log-probabilities x, {_REDUCED}; y are probabilities, or logarithms if "
       "`log_target`. 'batchmean' divides the sum by the first size.")

op("nll_loss(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, "
   "str reduction='mean') -> Tensor", "composite", dtypes=FLOATING, namespace="nn",
   ref="-numpy.mean(input[numpy.arange(len(target)), target])",
   samples=[S(T((3, 4)), T((3,), 0, 4, "int64", grad=False))],
   doc="-weight[y] x[y] for log-probabilities x (N, C, *) or (C,) and class numbers y (N, *), "
       f"{_REDUCED}; the mean is over the weights of the targets. Targets equal to `ignore_index` "
       "do not count. Raises IndexError for targets outside [0, C).")
op("_nll_loss(Tensor input, Tensor target, Tensor? weight, int ignore_index, str reduction) "
   "-> (Tensor loss, Tensor total)", dtypes=FLOATING, public=False, variants="", samples=[],
   grad={"input": "_nll_loss_grad(g_loss, target, weight, ignore_index, reduction, total, "
                  "input.sizes)"},
   doc="nll_loss and the sum of the weights of the targets.")
op("_nll_loss_grad(Tensor scale, Tensor target, Tensor? weight, int ignore_index, str reduction, "
   "Tensor total, int[] sizes) -> Tensor", dtypes=FLOATING, public=False, variants="", samples=[],
   grad={"scale": "_nll_loss_of(g, target, weight, ignore_index, reduction, total)"},
   doc="The gradient of _nll_loss: -weight[y] scale at the targets.")
op("_nll_loss_of(Tensor input, Tensor target, Tensor? weight, int ignore_index, str reduction, "
   "Tensor total) -> Tensor", dtypes=FLOATING, public=False, variants="", samples=[],
   grad={"input": "_nll_loss_grad(g, target, weight, ignore_index, reduction, total, input.sizes)"},
   doc="nll_loss with the mean's denominator given.")

op("cross_entropy(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, "
   "str reduction='mean', float label_smoothing=0.0) -> Tensor", "composite", dtypes=FLOATING,
   namespace="nn",
   ref="numpy.mean(numpy.log(numpy.sum(numpy.exp(input), 1)) - "
       "input[numpy.arange(len(target)), target])",
   samples=[S(T((3, 4)), T((3,), 0, 4, "int64", grad=False))],
   doc="nll_loss of log_softmax(x) over the classes (N, C, *) or (C,); y are class numbers, or "
       f"probabilities of the shape of x. {_REDUCED[0].upper()}{_REDUCED[1:]}. `label_smoothing` "
       "in [0, 1] mixes in the uniform distribution (Szegedy et al. 2016).")
op("_cross_entropy(Tensor input, Tensor target, Tensor? weight, int ignore_index, str reduction) "
   "-> (Tensor loss, Tensor lse, Tensor total)", dtypes=FLOATING,
   public=False, variants="", samples=[],
   grad={"input": "cross_entropy_grad(g_loss, input, target, weight, ignore_index, reduction, "
                  "total)"},
   fast_grad={"input": "cross_entropy_grad_fast(g_loss, input, target, weight, ignore_index, "
                       "reduction, lse, total)"},
   doc="cross_entropy of class numbers, without the matrix of log-probabilities.")

op("_ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, "
   "int blank, bool zero_infinity) -> (Tensor nll, Tensor alpha)", dtypes=FLOATING,
   public=False, samples=[],
   grad={"log_probs": "ctc_grad(g_nll, log_probs, targets, input_lengths, target_lengths, blank)"},
   fast_grad={"log_probs": "ctc_grad_fast(g_nll, log_probs, targets, input_lengths, "
                           "target_lengths, blank, alpha)"},
   doc="ctc_loss of each sample of (T, N, C), and the logarithms of all ways into each state.")
