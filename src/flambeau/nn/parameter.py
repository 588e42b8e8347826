"""Parameters and buffers of modules."""

from ._parameter import Buffer as Buffer
from ._parameter import Parameter as Parameter
from ._parameter import UninitializedBuffer as UninitializedBuffer
from ._parameter import UninitializedParameter as UninitializedParameter
from ._parameter import UninitializedTensorMixin as UninitializedTensorMixin
from ._parameter import is_lazy as is_lazy

__all__ = [
    "Parameter",
    "UninitializedParameter",
    "is_lazy",
    "Buffer",
    "UninitializedBuffer",
    "UninitializedTensorMixin",
]
