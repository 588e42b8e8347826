"""Dropout."""

from .._dropout import (
    _DropoutNd as _DropoutNd, AlphaDropout as AlphaDropout, Dropout as Dropout,
    Dropout1d as Dropout1d, Dropout2d as Dropout2d, Dropout3d as Dropout3d,
    FeatureAlphaDropout as FeatureAlphaDropout,
)
