"""Functions of the package that are plain Python over operators."""

from __future__ import annotations

__all__: list[str] = []
