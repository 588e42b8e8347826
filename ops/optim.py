"""Steps of optimizers, and what goes with them: each call treats whole lists of tensors.

A step records nothing, counts as a write to each tensor it changes, and takes tensors of any
strides. Half types are computed in float; complex tensors are pairs of reals.
"""

from tools.opgen.table import ALL, COMPLEX, FLOATING, op

_NO_GRAD = "a step is not recorded; optimizers have differentiable=True for that"

op("_sgd_step(Tensor[] params, Tensor[] grads, Tensor?[] momentum_buffers, float lr, "
   "float momentum, float dampening, float weight_decay, bool nesterov, bool maximize, "
   "bool first) -> ()", grad=_NO_GRAD, dtypes=FLOATING | COMPLEX, public=False,
   doc="A step of stochastic gradient descent; with `first` the buffers are written, not read.")

op("_adam_step(Tensor[] params, Tensor[] grads, Tensor[] exp_avgs, Tensor[] exp_avg_sqs, "
   "Tensor?[] max_exp_avg_sqs, Tensor[] steps, float lr, float beta1, float beta2, float eps, "
   "float weight_decay, bool decoupled, bool amsgrad, bool maximize) -> ()", grad=_NO_GRAD,
   dtypes=FLOATING | COMPLEX, public=False,
   doc="A step of Adam (Kingma and Ba, 2015) or, with decoupled decay, AdamW; `steps` are 0-d "
       "counters that grow by one.")

op("_rmsprop_step(Tensor[] params, Tensor[] grads, Tensor[] square_avgs, Tensor?[] grad_avgs, "
   "Tensor?[] momentum_buffers, Tensor[] steps, float lr, float alpha, float eps, "
   "float weight_decay, float momentum, bool maximize) -> ()", grad=_NO_GRAD,
   dtypes=FLOATING | COMPLEX, public=False,
   doc="A step of RMSprop; centered when `grad_avgs` are given, with momentum when buffers are.")

op("_rule_step(int rule, Tensor[] params, Tensor[] grads, Tensor[] first, Tensor?[] second, "
   "float[] factors, bool decoupled, bool maximize) -> ()", grad=_NO_GRAD,
   dtypes=FLOATING | COMPLEX, public=False,
   doc="A step of Adagrad (0), Adadelta (1), Adamax (2), NAdam (3) or RAdam (4). `first` and "
       "`second` are the state; csrc/cpu/kernels/optim.h lists the factors of each parameter.")

op("_total_norm(Tensor[] tensors, float p) -> Tensor", dtypes=FLOATING | COMPLEX, public=False,
   grad="used where gradients are clipped, which is not recorded",
   doc="The p-norm of all elements of all tensors as one vector, summed in double.")

op("_scale_(Tensor[] tensors, Tensor factor) -> ()", dtypes=FLOATING | COMPLEX, public=False,
   grad="used where gradients are clipped, which is not recorded",
   doc="Multiplies all tensors in place by a one-element tensor, without recording it.")

op("_zero_(Tensor[] tensors) -> ()", dtypes=ALL, public=False,
   grad="used where gradients are dropped, which is not recorded",
   doc="Fills all tensors with zeros, without recording it.")
