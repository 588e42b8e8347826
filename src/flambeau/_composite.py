"""Functions of the package that are plain Python over operators."""

from __future__ import annotations

from ._positions import nonzero, unique, unique_consecutive

__all__ = ["nonzero", "unique", "unique_consecutive"]
