"""The base class and hooks over all modules."""

from .._hooks import register_module_backward_hook as register_module_backward_hook
from .._hooks import (
    register_module_buffer_registration_hook as register_module_buffer_registration_hook,
)
from .._hooks import register_module_forward_hook as register_module_forward_hook
from .._hooks import register_module_forward_pre_hook as register_module_forward_pre_hook
from .._hooks import register_module_full_backward_hook as register_module_full_backward_hook
from .._hooks import (
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
)
from .._hooks import (
    register_module_module_registration_hook as register_module_module_registration_hook,
)
from .._hooks import (
    register_module_parameter_registration_hook as register_module_parameter_registration_hook,
)
from .._module import Module as Module
from .._module_state import _IncompatibleKeys as _IncompatibleKeys
