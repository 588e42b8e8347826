"""Pixel shuffles."""

from .._shape import PixelShuffle as PixelShuffle
from .._shape import PixelUnshuffle as PixelUnshuffle
