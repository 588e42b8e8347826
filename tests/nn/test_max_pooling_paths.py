"""Max pooling searches wide windows row by row and narrow ones side by side; each path is compared
with a plain loop: the first of equal maxima wins, and of NaNs the last."""

import numpy as np
import pytest

import flambeau
from flambeau.nn import functional as F


def winner(window):
    """The place of the maximum in a flat window."""
    if window.dtype.kind == "f" and np.isnan(window).any():
        return int(np.flatnonzero(np.isnan(window))[-1])
    return int(window.argmax())


def max_windows(x, rows, columns):
    """Maxima over the last two axes and their places in the plane, for windows [begin, end)."""
    places = np.zeros((*x.shape[:-2], len(rows), len(columns)), np.int64)
    for plane in np.ndindex(x.shape[:-2]):
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                at = winner(x[plane][top:bottom, left:right].ravel())
                row, column = divmod(at, right - left)
                places[*plane, i, j] = (top + row) * x.shape[-1] + left + column
    flat = x.reshape(*x.shape[:-2], -1)
    values = np.take_along_axis(flat, places.reshape(*x.shape[:-2], -1), -1)
    return values.reshape(places.shape), places


def adaptive(size, outputs):
    return [(o * size // outputs, -(-(o + 1) * size // outputs)) for o in range(outputs)]


def by_kernel(size, kernel, stride, pad):
    starts = [o * stride - pad for o in range((size + 2 * pad - kernel) // stride + 1)]
    return [(max(s, 0), min(s + kernel, size)) for s in starts]


def images(dtype, shape):
    random = np.random.default_rng(0)
    x = random.normal(size=shape) * 1000
    ties, holes = np.round(x / 500), x.copy()
    holes[random.random(shape) < 0.02] = np.nan
    kinds = (x, ties, holes) if dtype != "int64" else (x, ties)
    return [kind.astype(dtype) for kind in kinds]


def check(x, rows, columns, result, gradient=True):
    values, places = max_windows(x, rows, columns)
    image = flambeau.tensor(x, requires_grad=gradient)
    y, indices = result(image)
    np.testing.assert_array_equal(y.detach().numpy(), values)
    np.testing.assert_array_equal(indices.numpy(), places)
    if gradient:
        y.sum().backward()
        flat = np.zeros((*x.shape[:-2], x.shape[-2] * x.shape[-1]))
        for plane in np.ndindex(x.shape[:-2]):
            np.add.at(flat[plane], places[plane].ravel(), 1)
        np.testing.assert_array_equal(image.grad.numpy().reshape(flat.shape), flat)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("outputs", [(1, 1), (2, 1), (3, 4), (1, 9)])
def test_adaptive_windows(dtype, outputs):
    for x in images(dtype, (2, 2, 7, 150)):
        windows = [adaptive(size, n) for size, n in zip(x.shape[-2:], outputs)]
        check(
            x,
            *windows,
            lambda image: F.adaptive_max_pool2d(image, outputs, return_indices=True),
            dtype != "int64",
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "kernel, stride, pad",
    [
        ((1, 150), (1, 150), (0, 0)),
        ((2, 20), (2, 20), (0, 0)),
        ((2, 20), (2, 20), (1, 10)),
        ((3, 17), (2, 5), (0, 3)),
        ((7, 140), (1, 2), (0, 0)),
        ((7, 100), (3, 50), (2, 25)),
    ],
)
def test_windows_by_kernel(dtype, kernel, stride, pad):
    for x in images(dtype, (2, 2, 7, 150)):
        sizes = zip(x.shape[-2:], kernel, stride, pad)
        check(
            x,
            *[by_kernel(*size) for size in sizes],
            lambda image: F.max_pool2d(image, kernel, stride, pad, return_indices=True),
        )
        values, _ = max_windows(x, *[by_kernel(*s) for s in zip(x.shape[-2:], kernel, stride, pad)])
        alone = F.max_pool2d(flambeau.tensor(x), kernel, stride, pad)
        np.testing.assert_array_equal(alone.numpy(), values)


def test_mean_of_wide_windows():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 150))
    y = F.avg_pool2d(flambeau.tensor(x), (2, 40), (2, 35)).numpy()
    for i in range(2):
        for j in range(4):
            window = x[..., 2 * i : 2 * i + 2, 35 * j : 35 * j + 40]
            np.testing.assert_allclose(y[..., i, j], window.mean((-2, -1)), 1e-13, 1e-13)
