"""flambeau: tensors, automatic differentiation and neural networks with PyTorch's public names."""

from . import _C
from ._C import *

from . import _tensor as _tensor
from . import autograd as autograd
from ._composite import *
from ._layer_functions import *
from ._serialization import load as load
from ._serialization import save as save
from ._services import *
from ._tensor_lists import *
from ._tensor_str import set_printoptions as set_printoptions
from .autograd import enable_grad as enable_grad
from .autograd import inference_mode as inference_mode
from .autograd import no_grad as no_grad
from .autograd import set_grad_enabled as set_grad_enabled
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state

__version__ = "0.1.0"

# Submodules that are imported when they are first used.
_LAZY = (
    "accelerator",
    "backends",
    "cpu",
    "cuda",
    "linalg",
    "nn",
    "optim",
    "serialization",
    "special",
    "storage",
    "testing",
    "utils",
    "version",
)

# Methods that are functions of the package too.
_IN_PLACE = (
    "abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ "
    "asin_ asinh_ atan_ atanh_ ceil_ celu_ clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ cos_ "
    "cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ "
    "index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ "
    "reciprocal_ relu_ resize_as_ round_ rrelu_ rsqrt_ selu_ sigmoid_ sin_ sinc_ sinh_ sqrt_ "
    "square_ tan_ tanh_ threshold_ trunc_ xlogy_ zero_"
)
for _name in _IN_PLACE.split():
    globals()[_name] = getattr(Tensor, _name)  # noqa: F405
del _name, _IN_PLACE

# Functions whose home is nn.functional.
_FUNCTIONAL = (
    "cosine_similarity",
    "pairwise_distance",
    "pdist",
)


def __getattr__(name):
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"flambeau.{name}")
    if name in _FUNCTIONAL:
        from .nn import functional

        return getattr(functional, name)
    if name.endswith("Storage"):
        from . import storage

        return getattr(storage, name)
    raise AttributeError(f"module 'flambeau' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY, *_FUNCTIONAL})
