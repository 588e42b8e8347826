"""Mean pooling has paths of its own for windows of two and for windows that tile the image; each is
compared with a plain loop, values and gradients."""

import numpy as np
import pytest

import flambeau
from flambeau.nn import functional as F


def mean_windows(x, size, stride, pad, count_pad, divisor):
    """Values of avg_pool2d over the last two axes, and the gradient of sum(y * weight)."""
    height, width = x.shape[-2:]
    outs = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip((height, width), pad, size, stride)]
    y = np.zeros((*x.shape[:-2], *outs))
    weight = np.random.default_rng(1).normal(size=y.shape)
    grad = np.zeros(x.shape)
    for i in range(outs[0]):
        for j in range(outs[1]):
            top, left = i * stride[0] - pad[0], j * stride[1] - pad[1]
            rows = slice(max(top, 0), min(top + size[0], height))
            columns = slice(max(left, 0), min(left + size[1], width))
            window = x[..., rows, columns]
            n = divisor or (size[0] * size[1] if count_pad else window[0, 0].size)
            y[..., i, j] = window.sum((-2, -1)) / n
            grad[..., rows, columns] += weight[..., i, j, None, None] / n
    return y, weight, grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "size, stride, pad",
    [
        ((2, 2), (2, 2), (0, 0)),
        ((3, 2), (3, 2), (0, 0)),
        ((2, 2), (1, 2), (0, 0)),
        ((2, 3), (2, 3), (0, 0)),
        ((4, 4), (2, 2), (1, 1)),
        ((2, 2), (2, 2), (1, 0)),
    ],
)
def test_mean_pooling_paths(dtype, size, stride, pad):
    random = np.random.default_rng(0)
    for shape in ((2, 3, 6, 36), (1, 2, 7, 35), (1, 1, 12, 18)):
        x = random.normal(size=shape)
        for count_pad in (True, False):
            for divisor in (None, -3):
                y, weight, grad = mean_windows(x, size, stride, pad, count_pad, divisor)
                image = flambeau.tensor(x, dtype=getattr(flambeau, dtype), requires_grad=True)
                result = F.avg_pool2d(
                    image, size, stride, pad, count_include_pad=count_pad, divisor_override=divisor
                )
                (result * flambeau.tensor(weight, dtype=image.dtype)).sum().backward()
                tolerance = 1e-5 if dtype == "float32" else 1e-13
                np.testing.assert_allclose(result.detach().numpy(), y, tolerance, tolerance)
                np.testing.assert_allclose(image.grad.numpy(), grad, tolerance, tolerance)
