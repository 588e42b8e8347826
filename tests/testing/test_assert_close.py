"""``assert_close``: what passes, and what a failure says."""

import numpy as np
import pytest

import flambeau as fb
from flambeau.testing import assert_close

NAN, INF = float("nan"), float("inf")


def t(*args, **kwargs):
    return fb.tensor(*args, **kwargs)


PASSES = [
    (t([1.0]), t([1.0 + 1e-6]), {}),
    (t([0.0]), t([1e-9]), {}),
    (t([NAN]), t([NAN]), {"equal_nan": True}),
    (t([INF, -INF]), t([INF, -INF]), {}),
    (t([1.0]), t([1.0], dtype=fb.float64), {"check_dtype": False}),
    (t([1.0]), t([1.5]), {"rtol": 0, "atol": 0.5}),
    (fb.ones(2, 2), fb.ones(2, 2).t(), {}),
    (fb.nn.Parameter(t([1.0])), t([1.0]), {}),
    (fb.empty(0, 3), fb.empty(0, 3), {}),
    (t([2**60], dtype=fb.int64), t([2**60], dtype=fb.int64), {}),
    (1, 1, {}),
    (1, 1.0, {"check_dtype": False}),
    (2 + 1j, 2 + 1j, {}),
    (None, None, {}),
    ((1, t([1.0])), [1, t([1.0])], {}),
    ({"a": [1.0]}, {"a": [1.0]}, {}),
    (np.ones(2), np.ones(2), {}),
]


@pytest.mark.parametrize("actual, expected, options", PASSES, ids=range(len(PASSES)))
def test_passes(actual, expected, options):
    assert_close(actual, expected, **options)


FAILS = [
    (
        t([1.0, 2.0, 3.0]), t([1.0, 2.5, 3.5]),
        "Tensor-likes are not close!\n\nMismatched elements: 2 / 3 (66.7%)\n"
        "Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)",
    ),
    (
        t([1, 2]), t([1, 3]),
        "Tensor-likes are not equal!\n\nMismatched elements: 1 / 2 (50.0%)\n"
        "Greatest absolute difference: 1 at index (1,)\n"
        "Greatest relative difference: 0.3333333432674408 at index (1,)",
    ),
    (
        t([[1.0, 2.0], [3.0, NAN]]), fb.ones(2, 2),
        "Tensor-likes are not close!\n\nMismatched elements: 3 / 4 (75.0%)\n"
        "Greatest absolute difference: nan at index (1, 1) (up to 1e-05 allowed)\n"
        "Greatest relative difference: nan at index (1, 1) (up to 1.3e-06 allowed)",
    ),
    (
        t(1.0), t(2.0),
        "Scalars are not close!\n\nExpected 2.0 but got 1.0.\n"
        "Absolute difference: 1.0 (up to 1e-05 allowed)\n"
        "Relative difference: 0.5 (up to 1.3e-06 allowed)",
    ),
    (
        1, 2,
        "Scalars are not equal!\n\nExpected 2 but got 1.\n"
        "Absolute difference: 1\nRelative difference: 0.5",
    ),
    ([1], [1, 2], "The length of the sequences mismatch: 1 != 2"),
    (True, False, "Booleans mismatch: True is not False"),
    (None, 3, "None mismatch: None is not 3"),
    (
        {"a": 1}, {"b": 1},
        "The keys of the mappings do not match:\nMissing keys in the actual mapping: ['b']\n"
        "Additional keys in the actual mapping: ['a']",
    ),
    (
        {"a": {"b": [0, 5]}}, {"a": {"b": [0, 6]}},
        "Scalars are not equal!\n\nExpected 6 but got 5.\nAbsolute difference: 1\n"
        "Relative difference: 0.16666666666666666\n\nThe failure occurred for item ['a']['b'][1]",
    ),
    (1, 1.0, "The (d)types do not match: <class 'int'> != <class 'float'>."),
]  # fmt: skip


@pytest.mark.parametrize("actual, expected, message", FAILS, ids=range(len(FAILS)))
def test_messages(actual, expected, message):
    with pytest.raises(AssertionError) as caught:
        assert_close(actual, expected)
    assert str(caught.value) == message


def test_attributes():
    with pytest.raises(AssertionError, match="attribute 'shape' do not match"):
        assert_close(t([1.0]), t([1.0, 2.0]))
    with pytest.raises(AssertionError, match="attribute 'dtype' do not match"):
        assert_close(t([1.0]), t([1.0], dtype=fb.float64))
    with pytest.raises(AssertionError, match=r"attribute 'stride\(\)' do not match"):
        assert_close(fb.ones(2, 3), fb.ones(3, 2).t(), check_stride=True)


@pytest.mark.parametrize(
    "dtype, step, passes",
    [
        ("float16", 5e-4, True), ("float16", 2e-3, False),
        ("bfloat16", 1e-2, True), ("bfloat16", 4e-2, False),
        ("float32", 1e-6, True), ("float32", 1e-4, False),
        ("float64", 1e-7, True), ("float64", 1e-6, False),
    ],
)  # fmt: skip
def test_tolerance_of_each_dtype(dtype, step, passes):
    kind = getattr(fb, dtype)
    actual, expected = t([1.0 + step], dtype=kind), t([1.0], dtype=kind)
    if passes:
        assert_close(actual, expected)
    else:
        with pytest.raises(AssertionError, match="not close"):
            assert_close(actual, expected)


def test_msg():
    with pytest.raises(AssertionError, match="^hello$"):
        assert_close(1, 2, msg="hello")
    with pytest.raises(AssertionError, match="^see: Scalars are not equal"):
        assert_close(1, 2, msg=lambda text: "see: " + text)


def test_what_cannot_be_compared():
    for actual, expected in ((object(), object()), ("a", "a"), (t([1.0]), 1.0)):
        with pytest.raises(TypeError, match="No comparison pair was able to handle"):
            assert_close(actual, expected)
    with pytest.raises(TypeError, match=r"for item \[1\]"):
        assert_close([1, "a"], [1, "b"])
    with pytest.raises(ValueError, match="got no atol"):
        assert_close(1, 1, rtol=1)
