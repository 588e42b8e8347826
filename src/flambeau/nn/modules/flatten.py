"""Flatten and unflatten."""

from .._shape import Flatten as Flatten
from .._shape import Unflatten as Unflatten
