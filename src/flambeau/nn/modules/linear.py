"""Linear maps."""

from .._linear import Bilinear as Bilinear
from .._linear import Identity as Identity
from .._linear import LazyLinear as LazyLinear
from .._linear import Linear as Linear
from .._linear import NonDynamicallyQuantizableLinear as NonDynamicallyQuantizableLinear
