"""The operators of the core that have the signatures of ``nn.functional``, bound by name.

This is the only file of nn that knows which functions are native. A name the core lacks becomes a
function that raises NotImplementedError when called, and stands in `MISSING`.
"""

from __future__ import annotations

import flambeau as fb

NAMES = (
    # linear maps and convolutions
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    # activations: (input, ..., inplace=False) where PyTorch has inplace
    "relu",
    "relu6",
    "elu",
    "selu",
    "celu",
    "leaky_relu",
    "prelu",
    "rrelu",
    "gelu",
    "silu",
    "glu",
    "mish",
    "hardtanh",
    "hardswish",
    "hardsigmoid",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "softsign",
    "softplus",
    "sigmoid",
    "tanh",
    "logsigmoid",
    "threshold",
    "softmax",
    "log_softmax",
    # normalisation
    "batch_norm",
    "instance_norm",
    "layer_norm",
    "group_norm",
    "rms_norm",
    # embedding and dropout
    "embedding",
    "dropout",
    "one_hot",
    # pooling
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "max_pool1d_with_indices",
    "max_pool2d_with_indices",
    "max_pool3d_with_indices",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    # losses: (input, target, ..., reduction="mean"), without size_average and reduce
    "nll_loss",
    "cross_entropy",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "kl_div",
    # recurrent networks
    "lstm",
    "gru",
    "rnn_tanh",
    "rnn_relu",
    "lstm_cell",
    "gru_cell",
    "rnn_tanh_cell",
    "rnn_relu_cell",
    # images and attention
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "channel_shuffle",
    "native_channel_shuffle",
    "im2col",
    "col2im",
    "scaled_dot_product_attention",
)

MISSING: list[str] = []


def _absent(name: str):
    def operator(*args, **kwargs):
        raise NotImplementedError(f"{name}: the core has no such operator")

    operator.__name__ = operator.__qualname__ = name
    MISSING.append(name)
    return operator


for _name in NAMES:
    _found = getattr(fb._C, _name, None)
    globals()[_name] = _absent(_name) if _found is None else _found
