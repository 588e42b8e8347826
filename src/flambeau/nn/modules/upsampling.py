"""Upsampling."""

from .._shape import Upsample as Upsample
from .._shape import UpsamplingBilinear2d as UpsamplingBilinear2d
from .._shape import UpsamplingNearest2d as UpsamplingNearest2d
