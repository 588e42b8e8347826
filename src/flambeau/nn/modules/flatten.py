"""Flatten and unflatten."""

from .._shape import (
    Flatten as Flatten, Unflatten as Unflatten,
)
