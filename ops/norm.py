"""Normalisation layers."""

from tools.opgen.table import FLOATING, S, T, op

_LAYER = ("(self - numpy.mean(self, -1, keepdims=True)) / "
          "numpy.sqrt(numpy.var(self, -1, keepdims=True) + eps)")

op("layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
   "float eps=1e-5) -> Tensor", "composite", dtypes=FLOATING, variants="function",
   ref="(input - numpy.mean(input, -1, keepdims=True)) / "
       "numpy.sqrt(numpy.var(input, -1, keepdims=True) + eps)",
   samples=[S(T((2, 5)), (5,)), S(T((2, 3, 4)), (4,))],
   doc="(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions, whose sizes are "
       "`normalized_shape` (Ba, Kiros & Hinton 2016).")
op("_layer_norm(Tensor input, Tensor? weight, Tensor? bias, int ndim, float eps, bool rms) "
   "-> (Tensor y, Tensor mean, Tensor rstd)", dtypes=FLOATING,
   public=False, variants="", samples=[],
   grad={"input, weight, bias":
         "layer_norm_grad(node, g_y, input, weight, bias.defined, ndim, eps, rms)"},
   fast_grad={"input, weight, bias":
              "layer_norm_grad_fast(node, g_y, input, weight, mean, rstd, ndim, rms)"},
   doc="layer_norm or rms_norm over the last `ndim` dimensions, with the statistics of each row.")

op("rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
   "composite", dtypes=FLOATING, variants="function",
   ref="input / numpy.sqrt(numpy.mean(input * input, -1, keepdims=True) + eps)",
   samples=[S(T((2, 5)), (5,), eps=1e-5), S(T((2, 3, 4)), (4,), eps=1e-5)],
   doc="x / sqrt(mean(x^2) + eps) * weight over the last dimensions (Zhang & Sennrich 2019); eps "
       "is the type's machine epsilon if None.")

op("group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, "
   "float eps=1e-5) -> Tensor", "composite", dtypes=FLOATING, variants="function",
   ref="((lambda x: (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + eps))"
       "(input.reshape(input.shape[0], num_groups, -1))).reshape(input.shape)",
   samples=[S(T((2, 4, 3)), 2), S(T((2, 4, 2, 3)), 4), S(T((2, 6)), 3)],
   doc="Normalises the channels of each sample (N, C, *) in `num_groups` groups (Wu & He 2018).")
op("_group_norm(Tensor input, Tensor? weight, Tensor? bias, int groups, float eps) "
   "-> (Tensor y, Tensor mean, Tensor rstd)", dtypes=FLOATING,
   public=False, variants="", samples=[],
   grad={"input, weight, bias":
         "group_norm_grad(node, g_y, input, weight, bias.defined, groups, eps)"},
   fast_grad={"input, weight, bias":
              "group_norm_grad_fast(node, g_y, input, weight, mean, rstd, groups)"},
   doc="group_norm with the statistics of each group.")

op("batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, "
   "Tensor? bias=None, bool training=False, float momentum=0.1, float eps=1e-5) -> Tensor",
   "composite", dtypes=FLOATING, namespace="nn", samples=[],
   doc="Normalises each channel of (N, C, *) over all else (Ioffe & Szegedy 2015). In training "
       "the statistics are the batch's, and the running ones move towards them by `momentum` (the "
       "variance unbiased), in place; else the running ones are used.")
op("_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
   "Tensor? running_var, bool training, float eps) -> (Tensor y, Tensor mean, Tensor var)",
   dtypes=FLOATING, public=False, variants="", samples=[],
   grad={"input, weight, bias":
         "batch_norm_grad(node, g_y, input, weight, bias.defined, mean, var, training, eps)"},
   fast_grad={"input, weight, bias":
              "batch_norm_grad_fast(node, g_y, input, weight, mean, var, training, eps)"},
   doc="batch_norm with the statistics that were used; the running ones stay as they are.")

op("instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, "
   "Tensor? weight=None, Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, "
   "float eps=1e-5) -> Tensor", "composite", dtypes=FLOATING, namespace="nn",
   ref="((lambda x: (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + eps))"
       "(input.reshape(*input.shape[:2], -1))).reshape(input.shape)",
   samples=[S(T((2, 4, 3))), S(T((2, 3, 2, 3)))],
   doc="Normalises each channel of each sample alone (Ulyanov et al. 2016); the running statistics "
       "are used instead of the input's when `use_input_stats` is False.")
