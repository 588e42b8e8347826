"""Ranks, runs and counts of rows long enough to be narrowed down, or cut into parts."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as fb

LENGTHS = (1, 255, 256, 257, 2048, 5000, 70_001)
DTYPES = ("float32", "float64", "int64", "int32", "uint8", "int16")


def numbers(n, kinds, dtype):
    x = np.random.default_rng(n).integers(0, kinds, n)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kinds", (1, 3, 120, 10**9))
def test_ranks(dtype, kinds):
    for n in LENGTHS:
        x = numbers(n, kinds, dtype)
        order = np.argsort(x, kind="stable")
        for k in {1, (n + 1) // 2, max(1, n // 3), n}:
            value, place = fb.tensor(x).kthvalue(k)
            assert (value.item(), place.item()) == (x[order[k - 1]], order[k - 1])
        assert fb.tensor(x).median().item() == x[order[(n - 1) // 2]]


def test_ranks_of_periodic_rows():
    x = np.tile(np.arange(64), 2000).astype(np.float32)  # a sample at equal distances sees little
    assert fb.tensor(x).median().item() == 31
    value, place = fb.tensor(x).kthvalue(2001)
    assert (value.item(), place.item()) == (1, 1)


def test_medians_with_nan():
    x = np.random.default_rng(0).random(9001).astype(np.float32)
    x[[70, 4000, 9000]] = np.nan
    value, place = fb.tensor(x).median(0)
    assert np.isnan(value.item()) and place.item() == 70
    assert fb.tensor(x).nanmedian().item() == np.sort(x)[(9001 - 3 - 1) // 2]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kinds", (1, 2, 10**9))
def test_runs(dtype, kinds):
    for n in LENGTHS:
        for x in (numbers(n, kinds, dtype), np.sort(numbers(n, 9, dtype))):
            starts = np.flatnonzero(np.append(True, x[1:] != x[:-1]))
            run = np.cumsum(np.append(True, x[1:] != x[:-1])) - 1
            values, inverse, counts = fb.unique_consecutive(fb.tensor(x), True, True)
            assert np.array_equal(values.numpy(), x[starts])
            assert np.array_equal(inverse.numpy(), run)
            assert np.array_equal(counts.numpy(), np.diff(np.append(starts, n)))
            want = np.unique(x, return_inverse=True, return_counts=True)
            found = fb.unique(fb.tensor(x), True, True, True)
            for a, b in zip(found, want, strict=True):
                assert np.array_equal(a.numpy(), b)


@pytest.mark.parametrize("dtype", ("uint8", "int32", "int64"))
def test_counts(dtype):
    for n in (0, *LENGTHS):
        for least in (0, 7, 300):
            x = numbers(n, 101, dtype)
            want = np.bincount(x, minlength=least)
            assert np.array_equal(fb.tensor(x).bincount(minlength=least).numpy(), want)
