"""Tuples of sizes."""

from .._tuples import _list_with_default as _list_with_default
from .._tuples import _ntuple as _ntuple
from .._tuples import _pair as _pair
from .._tuples import _quadruple as _quadruple
from .._tuples import _reverse_repeat_tuple as _reverse_repeat_tuple
from .._tuples import _single as _single
from .._tuples import _triple as _triple
