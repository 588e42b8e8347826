"""Pixel shuffles."""

from .._shape import (
    PixelShuffle as PixelShuffle, PixelUnshuffle as PixelUnshuffle,
)
