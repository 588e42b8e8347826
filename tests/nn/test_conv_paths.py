"""Every way that a convolution is computed, against sums over the taps in float64."""

import numpy as np
import pytest

import flambeau as torch
import flambeau.nn.functional as F

# batch, in, out, size, kernel, stride, padding, dilation, groups
PATHS = {
    "few channels": (2, 3, 16, (23, 30), (7, 7), (2, 2), (3, 3), (1, 1), 1),
    "few channels, long rows": (1, 2, 8, (3, 600), (2, 5), (1, 3), (1, 2), (2, 1), 1),
    "few channels, border wider than the image": (
        2,
        5,
        9,
        (2, 3),
        (5, 5),
        (1, 1),
        (4, 4),
        (1, 1),
        1,
    ),
    "depthwise": (2, 19, 19, (9, 14), (3, 3), (1, 1), (1, 1), (1, 1), 19),
    "depthwise, strides": (2, 33, 33, (11, 10), (3, 5), (2, 3), (1, 2), (2, 1), 33),
    "depthwise, stride 2": (2, 20, 20, (16, 13), (3, 3), (2, 2), (1, 1), (1, 1), 20),
    "depthwise, planes of one vector": (3, 10, 10, (7, 7), (3, 3), (1, 1), (1, 1), (1, 1), 10),
    "depthwise, long rows": (1, 3, 3, (5, 150), (3, 3), (1, 1), (1, 1), (1, 1), 3),
    "depthwise, 5x5": (2, 12, 12, (14, 28), (5, 5), (1, 1), (2, 2), (1, 1), 12),
    "depthwise, stride 3 and dilation": (2, 5, 5, (13, 17), (3, 3), (3, 3), (2, 2), (2, 2), 5),
    "depthwise, two outputs each": (2, 6, 12, (8, 9), (3, 3), (2, 2), (1, 1), (1, 1), 6),
    "depthwise, images larger than a cache": (
        1,
        130,
        130,
        (66, 70),
        (3, 3),
        (1, 1),
        (1, 1),
        (1, 1),
        130,
    ),
    "depthwise, large, stride 2": (1, 130, 130, (67, 71), (3, 3), (2, 2), (1, 1), (1, 1), 130),
    "one small group": (1, 13, 11, (9, 15), (5, 3), (1, 1), (2, 1), (1, 1), 1),
    "one small group, dilation": (2, 16, 16, (12, 20), (3, 3), (1, 1), (2, 2), (2, 2), 1),
    "groups": (2, 24, 36, (10, 9), (3, 3), (1, 1), (1, 1), (1, 1), 3),
    "groups of four": (2, 16, 24, (9, 15), (3, 3), (1, 1), (1, 1), (1, 1), 4),
    "groups of three, stride 2": (2, 15, 20, (11, 13), (3, 3), (2, 2), (1, 1), (1, 1), 5),
    "groups of twenty": (2, 40, 36, (9, 10), (3, 3), (1, 1), (1, 1), (1, 1), 2),
    "few outputs": (2, 20, 4, (12, 40), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "few outputs, bands of rows": (2, 12, 1, (40, 30), (5, 3), (1, 1), (2, 0), (1, 1), 1),
    "patches": (2, 3, 20, (16, 24), (4, 4), (4, 4), (0, 0), (1, 1), 1),
    "patches and a rest": (3, 5, 12, (14, 29), (3, 6), (3, 6), (0, 0), (1, 1), 1),
    "patches, some images at a time": (3, 2, 5, (512, 520), (8, 8), (8, 8), (0, 0), (1, 1), 1),
    "3x3": (2, 32, 40, (15, 18), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3, no border": (6, 17, 33, (13, 9), (3, 3), (1, 1), (0, 0), (1, 1), 1),
    "3x3, wide border": (4, 48, 20, (7, 8), (3, 3), (1, 1), (2, 2), (1, 1), 1),
    "3x3, many small images": (50, 64, 64, (7, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3, few tiles": (1, 20, 24, (7, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3, stride 2": (2, 16, 32, (14, 15), (3, 3), (2, 2), (1, 1), (1, 1), 1),
    "3x3, stride 2, rows of whole blocks": (2, 48, 64, (12, 24), (3, 3), (2, 2), (1, 1), (1, 1), 1),
    "5x5, rows of whole blocks": (2, 40, 33, (9, 12), (5, 5), (1, 1), (2, 2), (1, 1), 1),
    "1x1, rows of whole blocks": (2, 40, 24, (7, 12), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1, many channels": (1, 900, 40, (5, 5), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    "3x3, some taps at once": (2, 100, 24, (8, 9), (3, 3), (2, 2), (1, 1), (1, 1), 1),
    "one pixel": (3, 6, 10, (4, 5), (4, 5), (2, 1), (0, 0), (1, 1), 1),
    "2x2, stride 2": (2, 20, 24, (8, 10), (2, 2), (2, 2), (0, 0), (1, 1), 1),
    "1x1": (2, 20, 24, (9, 9), (1, 1), (1, 1), (0, 0), (1, 1), 1),
}


def direct(x, w, g, stride, padding, dilation, groups):
    """The output and, for the gradient g of it, the gradients of x and w."""
    (ph, pw), (sh, sw), (dh, dw) = padding, stride, dilation
    image = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    grad = np.zeros_like(image)
    y, w_grad = np.zeros_like(g), np.zeros_like(w)
    rows, cols = g.shape[2:]
    a, b = x.shape[1] // groups, g.shape[1] // groups
    for i, j in np.ndindex(*w.shape[2:]):
        place = (
            slice(i * dh, i * dh + (rows - 1) * sh + 1, sh),
            slice(j * dw, j * dw + (cols - 1) * sw + 1, sw),
        )
        for n in range(groups):
            read, made = slice(n * a, n * a + a), slice(n * b, n * b + b)
            part, tap = image[(slice(None), read, *place)], w[made, :, i, j]
            y[:, made] += np.einsum("oc,nchw->nohw", tap, part)
            grad[(slice(None), read, *place)] += np.einsum("oc,nohw->nchw", tap, g[:, made])
            w_grad[made, :, i, j] += np.einsum("nohw,nchw->oc", g[:, made], part)
    return y, grad[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]], w_grad


def arrays(name):
    batch, c_in, c_out, size, kernel, stride, padding, dilation, groups = PATHS[name]
    rng = np.random.default_rng(len(name))
    out = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    return [
        rng.standard_normal(shape)
        for shape in ((batch, c_in, *size), (c_out, c_in // groups, *kernel), (batch, c_out, *out))
    ]


def computed(name, x, w, g, dtype, layout):
    window = dict(zip(("stride", "padding", "dilation", "groups"), PATHS[name][5:], strict=True))
    bias = torch.arange(float(w.shape[0])).to(dtype)
    x, w, g = (
        torch.tensor(a).to(dtype).to(memory_format=getattr(torch, layout)) for a in (x, w, g)
    )
    x.requires_grad_(), w.requires_grad_()
    y = F.conv2d(x, w, bias, **window)
    y.backward(g)
    # The transposed convolution is the map that takes g to the gradient of x.
    back_bias = torch.arange(float(x.shape[1])).to(dtype)
    back = F.conv_transpose2d(
        g, w.detach(), back_bias, *PATHS[name][5:7], output_padding(name, g), *PATHS[name][:6:-1]
    )
    y, back = (t.detach() - b.reshape(-1, 1, 1) for t, b in ((y, bias), (back, back_bias)))
    return [t.numpy() for t in (y, x.grad, w.grad, back)]


def output_padding(name, g):
    _, _, _, size, kernel, stride, padding, dilation, _ = PATHS[name]
    return [
        n - ((m - 1) * s - 2 * p + d * (k - 1) + 1)
        for n, m, k, s, p, d in zip(
            size, g.shape[2:], kernel, stride, padding, dilation, strict=True
        )
    ]


@pytest.mark.parametrize("layout", ["contiguous_format", "channels_last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", PATHS)
def test_path_agrees_with_sums_over_taps(name, dtype, layout):
    x, w, g = arrays(name)
    y, x_grad, w_grad = direct(x, w, g, *PATHS[name][5:])
    results = computed(name, x, w, g, dtype, layout)
    tolerance = 2e-5 if dtype == torch.float32 else 1e-13
    for result, expected in zip(results, (y, x_grad, w_grad, x_grad), strict=True):
        assert result.shape == expected.shape
        assert np.abs(result - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("layout", ["contiguous_format", "channels_last"])
@pytest.mark.parametrize("name", PATHS)
def test_path_is_independent_of_threads(name, layout):
    x, w, g = arrays(name)
    threads = torch.get_num_threads()
    try:
        results = []
        for n in (1, 3):
            torch.set_num_threads(n)
            results.append(computed(name, x, w, g, torch.float32, layout))
    finally:
        torch.set_num_threads(threads)
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)
