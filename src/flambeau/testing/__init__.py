"""Comparisons for tests."""

from ._comparison import (
    assert_allclose as assert_allclose,
    assert_close as assert_close,
    default_tolerances as default_tolerances,
)

__all__ = ["assert_allclose", "assert_close", "default_tolerances"]
