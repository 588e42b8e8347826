"""flambeau: tensors, automatic differentiation and neural networks with PyTorch's public names."""

from . import _C
from ._C import *

for _name in _C._operators:
    globals()[_name] = getattr(_C, _name)
del _name

from . import _tensor as _tensor  # noqa: E402 - completes the Tensor class
from . import autograd as autograd  # noqa: E402
from ._composite import *  # noqa: E402 - functions that are Python over operators
from ._serialization import load as load  # noqa: E402
from ._serialization import save as save  # noqa: E402
from ._services import *  # noqa: E402
from ._tensor_lists import *  # noqa: E402
from ._tensor_str import get_printoptions as get_printoptions  # noqa: E402
from ._tensor_str import set_printoptions as set_printoptions  # noqa: E402
from .autograd import enable_grad as enable_grad  # noqa: E402
from .autograd import inference_mode as inference_mode  # noqa: E402
from .autograd import no_grad as no_grad  # noqa: E402
from .autograd import set_grad_enabled as set_grad_enabled  # noqa: E402
from .random import fork_rng as fork_rng  # noqa: E402
from .random import get_rng_state as get_rng_state  # noqa: E402
from .random import initial_seed as initial_seed  # noqa: E402
from .random import manual_seed as manual_seed  # noqa: E402
from .random import seed as seed  # noqa: E402
from .random import set_rng_state as set_rng_state  # noqa: E402

__version__ = "0.1.0"

# Submodules that are imported when they are first used.
_LAZY = (
    "backends",
    "cuda",
    "distributions",
    "fft",
    "jit",
    "linalg",
    "nn",
    "optim",
    "serialization",
    "special",
    "storage",
    "testing",
    "types",
    "utils",
    "version",
)

# In-place methods that are functions of the module too.
_IN_PLACE = (
    "abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ "
    "asin_ asinh_ atan_ atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ "
    "detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ "
    "ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ "
    "relu_ resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ "
    "xlogy_ zero_"
)


def __getattr__(name):
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"flambeau.{name}")
    if name in _IN_PLACE.split() and hasattr(_C.Tensor, name):
        return getattr(_C.Tensor, name)
    if name.endswith("Storage"):
        from . import storage

        return getattr(storage, name)
    raise AttributeError(f"module 'flambeau' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY})
