"""Tuples of sizes."""

from .._tuples import (
    _list_with_default as _list_with_default, _ntuple as _ntuple, _pair as _pair,
    _quadruple as _quadruple, _reverse_repeat_tuple as _reverse_repeat_tuple, _single as _single,
    _triple as _triple,
)
