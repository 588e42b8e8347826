"""Helpers around modules: gradient clipping, vectors of parameters, reparametrisations."""

from . import rnn as rnn
from ._clip_grad import (
    clip_grad_norm as clip_grad_norm,
    clip_grad_norm_ as clip_grad_norm_,
    clip_grad_value_ as clip_grad_value_,
    clip_grads_with_norm_ as clip_grads_with_norm_,
    get_total_norm as get_total_norm,
)
from ._convert_parameters import (
    parameters_to_vector as parameters_to_vector,
    vector_to_parameters as vector_to_parameters,
)
from ._skip_init import skip_init as skip_init
from ._spectral_norm import (
    remove_spectral_norm as remove_spectral_norm,
    spectral_norm as spectral_norm,
)
from ._weight_norm import remove_weight_norm as remove_weight_norm, weight_norm as weight_norm

_LAZY = {"clip_grad", "convert_parameters", "parametrizations", "parametrize", "prune", "stateless"}


def __getattr__(name: str):
    if name in _LAZY:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
