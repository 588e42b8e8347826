"""Normalisation."""

from .._normalization import GroupNorm as GroupNorm
from .._normalization import LayerNorm as LayerNorm
from .._normalization import LocalResponseNorm as LocalResponseNorm
from .._normalization import RMSNorm as RMSNorm
