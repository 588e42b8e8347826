"""The functions behind the modules. Native operators are bound here as they are."""

from ._functional_activation import (
    celu_ as celu_, elu_ as elu_, glu as glu, gumbel_softmax as gumbel_softmax,
    hardtanh_ as hardtanh_, leaky_relu_ as leaky_relu_, log_softmax as log_softmax,
    relu_ as relu_, rrelu_ as rrelu_, selu_ as selu_, softmax as softmax, softmin as softmin,
    threshold_ as threshold_,
)
from ._functional_attention import multi_head_attention_forward as multi_head_attention_forward
from ._functional_ctc import ctc_loss as ctc_loss
from ._functional_dropout import (
    alpha_dropout as alpha_dropout, dropout1d as dropout1d, dropout2d as dropout2d,
    dropout3d as dropout3d, feature_alpha_dropout as feature_alpha_dropout,
)
from ._functional_embedding import embedding as embedding, embedding_bag as embedding_bag
from ._functional_image import (
    affine_grid as affine_grid, channel_shuffle as channel_shuffle, grid_sample as grid_sample,
    native_channel_shuffle as native_channel_shuffle, pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle, upsample as upsample,
    upsample_bilinear as upsample_bilinear, upsample_nearest as upsample_nearest,
)
from ._functional_loss import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    cosine_embedding_loss as cosine_embedding_loss, cross_entropy as cross_entropy,
    gaussian_nll_loss as gaussian_nll_loss, hinge_embedding_loss as hinge_embedding_loss,
    huber_loss as huber_loss, kl_div as kl_div, l1_loss as l1_loss,
    margin_ranking_loss as margin_ranking_loss, mse_loss as mse_loss,
    multi_margin_loss as multi_margin_loss, multilabel_margin_loss as multilabel_margin_loss,
    multilabel_soft_margin_loss as multilabel_soft_margin_loss, nll_loss as nll_loss,
    poisson_nll_loss as poisson_nll_loss, smooth_l1_loss as smooth_l1_loss,
    soft_margin_loss as soft_margin_loss, triplet_margin_loss as triplet_margin_loss,
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from ._functional_norm import (
    bilinear as bilinear, cosine_similarity as cosine_similarity,
    local_response_norm as local_response_norm, normalize as normalize,
    pairwise_distance as pairwise_distance, pdist as pdist,
)
from ._functional_pool import (
    adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices,
    fractional_max_pool2d as fractional_max_pool2d,
    fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices,
    fractional_max_pool3d as fractional_max_pool3d,
    fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices,
    lp_pool1d as lp_pool1d, lp_pool2d as lp_pool2d, lp_pool3d as lp_pool3d,
    max_pool1d_with_indices as max_pool1d_with_indices,
    max_pool2d_with_indices as max_pool2d_with_indices,
    max_pool3d_with_indices as max_pool3d_with_indices, max_unpool1d as max_unpool1d,
    max_unpool2d as max_unpool2d, max_unpool3d as max_unpool3d,
)
from ._native import (
    adaptive_avg_pool1d as adaptive_avg_pool1d, adaptive_avg_pool2d as adaptive_avg_pool2d,
    adaptive_avg_pool3d as adaptive_avg_pool3d, adaptive_max_pool1d as adaptive_max_pool1d,
    adaptive_max_pool2d as adaptive_max_pool2d, adaptive_max_pool3d as adaptive_max_pool3d,
    avg_pool1d as avg_pool1d, avg_pool2d as avg_pool2d, avg_pool3d as avg_pool3d,
    batch_norm as batch_norm, celu as celu, conv1d as conv1d, conv2d as conv2d, conv3d as conv3d,
    conv_transpose1d as conv_transpose1d, conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d, dropout as dropout, elu as elu, fold as fold,
    gelu as gelu, group_norm as group_norm, hardshrink as hardshrink, hardsigmoid as hardsigmoid,
    hardswish as hardswish, hardtanh as hardtanh, instance_norm as instance_norm,
    interpolate as interpolate, layer_norm as layer_norm, leaky_relu as leaky_relu,
    linear as linear, logsigmoid as logsigmoid, max_pool1d as max_pool1d,
    max_pool2d as max_pool2d, max_pool3d as max_pool3d, mish as mish, one_hot as one_hot,
    pad as pad, prelu as prelu, relu as relu, relu6 as relu6, rms_norm as rms_norm,
    rrelu as rrelu, scaled_dot_product_attention as scaled_dot_product_attention, selu as selu,
    sigmoid as sigmoid, silu as silu, softplus as softplus, softshrink as softshrink,
    softsign as softsign, tanh as tanh, tanhshrink as tanhshrink, threshold as threshold,
    unfold as unfold,
)
