"""Ordering, counting, gathering and pooling: every path that sizes and types choose between,
against NumPy."""

import numpy as np
import pytest

import flambeau as fb
from flambeau.nn import functional as F

DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "uint8", "bool"]


def numbers(shape, dtype, seed=0, spread=1000):
    """Random numbers with repetitions, and NaNs and both zeros among the floating ones."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return fb.tensor(random.random(shape) > 0.5)
    values = random.integers(-spread, spread, shape)
    if dtype == "uint8":
        return fb.tensor(np.abs(values) % 256).to(fb.uint8)
    if "float" not in dtype:
        return fb.tensor(values).to(getattr(fb, dtype))
    values = values / 64
    values[random.random(shape) < 0.01] = np.nan
    values[random.random(shape) < 0.01] = -0.0
    return fb.tensor(values).to(getattr(fb, dtype))


def as_numpy(t):
    return (t.float() if t.dtype == fb.bfloat16 else t).numpy()


def stable_order(x, descending):
    """Positions along the last axis; equal elements keep their order, NaN is the largest."""
    if not descending:
        return np.argsort(x, axis=-1, kind="stable")
    flipped = np.argsort(x[..., ::-1], axis=-1, kind="stable")
    return x.shape[-1] - 1 - flipped[..., ::-1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 64, 1000, 1024, 1025, 3000])
def test_sort_rows(dtype, n):
    x = numbers((3, n), dtype, n)
    for descending in (False, True):
        values, positions = x.sort(1, descending=descending, stable=True)
        order = stable_order(as_numpy(x), descending)
        np.testing.assert_array_equal(positions.numpy(), order)
        np.testing.assert_array_equal(
            as_numpy(values), np.take_along_axis(as_numpy(x), order, axis=1)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int16"])
def test_sort_long_row(dtype):
    x = numbers((150_000,), dtype, spread=10**6)
    np.testing.assert_array_equal(x.argsort(stable=True).numpy(), stable_order(as_numpy(x), False))


@pytest.mark.parametrize("n", [9, 1000, 5000])
def test_sort_of_wide_keys(n):
    """64-bit keys do not fit beside their positions: what is cut off has to be set right."""
    random = np.random.default_rng(n)
    close = np.float64(1) + random.integers(0, 5, n) * 2.0**-52
    close[:: max(1, n // 4)] = [-1e300, 1e300, 0.0, -5e-324, np.inf][
        : len(close[:: max(1, n // 4)])
    ]
    extremes = random.choice(np.array([-(2**63), -(2**63) + 1, 0, 1, 2**63 - 1]), n)
    for x in (close, extremes, random.normal(size=n), random.integers(-(2**63), 2**63 - 1, n)):
        for descending in (False, True):
            found = fb.tensor(x).argsort(descending=descending, stable=True).numpy()
            np.testing.assert_array_equal(found, stable_order(x, descending))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "n, k", [(10, 2), (64, 3), (65, 5), (1000, 1), (1000, 5), (1000, 50), (1000, 500), (9000, 700)]
)
def test_topk(dtype, n, k):
    x = numbers((4, n), dtype, n)
    for largest in (True, False):
        values, positions = x.topk(k, largest=largest)
        order = stable_order(as_numpy(x), largest)[:, :k]
        np.testing.assert_array_equal(positions.numpy(), order)
        np.testing.assert_array_equal(
            as_numpy(values), np.take_along_axis(as_numpy(x), order, axis=1)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("n", [1, 8, 1000, 1025, 4000])
def test_ranks(dtype, n):
    x = numbers((3, n), dtype, n).nan_to_num() if "float" in dtype else numbers((3, n), dtype, n)
    ordered = np.sort(x.numpy(), axis=1)
    for k in {1, (n + 1) // 2, n}:
        np.testing.assert_array_equal(x.kthvalue(k, 1)[0].numpy(), ordered[:, k - 1])
    np.testing.assert_array_equal(x.median(1)[0].numpy(), ordered[:, (n - 1) // 2])
    np.testing.assert_array_equal(
        x.nanmedian().numpy(), np.sort(x.numpy().ravel())[(3 * n - 1) // 2]
    )


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool", "float32"])
@pytest.mark.parametrize("n, spread", [(1, 5), (200, 5), (5000, 10**6), (300_000, 50)])
def test_unique(dtype, n, spread):
    x = numbers((n,), dtype, n, spread)
    x = x.nan_to_num() if dtype == "float32" else x
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    v, i, c = np.unique(x.numpy(), return_inverse=True, return_counts=True)
    for ours, theirs in ((values, v), (inverse, i), (counts, c), (x.unique(), v)):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    values, inverse, counts = fb.unique_consecutive(x, return_inverse=True, return_counts=True)
    begins = np.flatnonzero(np.r_[True, x.numpy()[1:] != x.numpy()[:-1]])
    np.testing.assert_array_equal(values.numpy(), x.numpy()[begins])
    np.testing.assert_array_equal(counts.numpy(), np.diff(np.r_[begins, n]))
    np.testing.assert_array_equal(values[inverse].numpy(), x.numpy())


def test_counts():
    random = np.random.default_rng(0)
    for n, spread in ((0, 3), (1000, 5000), (300_000, 40)):
        x = random.integers(0, spread, n)
        np.testing.assert_array_equal(
            fb.bincount(fb.tensor(x), minlength=7).numpy(), np.bincount(x, minlength=7)
        )
    with pytest.raises(RuntimeError):
        fb.bincount(fb.tensor([1, -1]))
    for dtype in (np.float32, np.float64):
        values = random.normal(size=200_000).astype(dtype)
        values[::1000] = np.nan
        for bins in (1, 7, 100):
            inside = values[(values >= -2) & (values <= 3)]
            expected, edges = np.histogram(inside, bins, (-2, 3))
            found, found_edges = fb.histogram(fb.tensor(values), bins, range=(-2.0, 3.0))
            np.testing.assert_allclose(found_edges.numpy(), edges, rtol=1e-6, atol=1e-6)
            # An edge that rounds differently moves a few numbers.
            assert np.abs(found.numpy() - expected).max() <= 2
            assert found.sum() == inside.size
            counted = fb.histc(fb.tensor(values), bins, -2, 3)
            assert np.abs(counted.numpy() - expected).max() <= 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bfloat16"])
@pytest.mark.parametrize(
    "rows, width, n", [(10, 3, 20), (2000, 40, 3000), (2000, 40, 10), (5, 600, 900)]
)
def test_sums_by_row(dtype, rows, width, n):
    """Rows added by index: one after the other, by parts of memory, by parts of rows."""
    random = np.random.default_rng(n)
    index = random.integers(0, rows, n)
    source = random.integers(-8, 8, (n, width))
    expected = np.zeros((rows, width))
    np.add.at(expected, index, source)
    kind = getattr(fb, dtype)
    expected = as_numpy(fb.tensor(expected).to(kind))  # half types round once
    i, s = fb.tensor(index), fb.tensor(source).to(kind)
    zeros = fb.zeros(rows, width, dtype=kind)
    stretched = i.unsqueeze(1).expand(-1, width)
    for found in (
        zeros.index_add(0, i, s),
        zeros.scatter_add(0, stretched, s),
        zeros.scatter_add(0, stretched.contiguous(), s),
        zeros.index_put((i,), s, accumulate=True),
        zeros.t().contiguous().index_add(1, i, s.t()).t(),
        zeros.scatter_reduce(0, stretched, s, "sum"),
    ):
        np.testing.assert_array_equal(as_numpy(found), expected)
    if kind.is_floating_point:
        for pick in (
            lambda w: w[i],
            lambda w: w.index_select(0, i),
            lambda w: w.gather(0, stretched),
            lambda w: F.embedding(i, w),
        ):
            w = zeros.clone().requires_grad_()
            pick(w).backward(s)
            np.testing.assert_array_equal(as_numpy(w.grad), expected)


def test_sums_do_not_depend_on_threads():
    threads = fb.get_num_threads()
    index = fb.randint(0, 500, (6000,))
    source, few = fb.randn(6000, 48), fb.randint(0, 3, (6000,))
    results = []
    try:
        for n in (1, 2, 3):
            fb.set_num_threads(n)
            w = fb.zeros(500, 48, requires_grad=True)
            (w[index] * source).sum().backward()
            results.append(
                [
                    w.grad,
                    fb.zeros(500, 48).index_add(0, index, source),
                    fb.zeros(500, 48).index_add(0, few, source),
                    fb.histogram(source, 30, weight=source.abs())[0],
                    F.embedding_bag(index.view(60, 100), source[:500], mode="mean"),
                ]
            )
    finally:
        fb.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            assert fb.equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "complex128"])
def test_picks_and_puts(dtype):
    random = np.random.default_rng(3)
    for rows, width in ((7, 3), (300, 1), (300, 5), (900, 70), (50, 2000)):
        x = random.integers(0, 100, (rows, width))
        t = fb.tensor(x).to(getattr(fb, dtype))
        x = t.numpy().copy()
        i, j = random.integers(0, rows, 400), random.integers(0, width, 400)
        ti, tj = fb.tensor(i), fb.tensor(j)
        np.testing.assert_array_equal(t[ti].numpy(), x[i])
        np.testing.assert_array_equal(t.index_select(1, tj).numpy(), x[:, j])
        np.testing.assert_array_equal(t[ti, tj].numpy(), x[i, j])
        np.testing.assert_array_equal(t[ti - rows].numpy(), x[i])
        np.testing.assert_array_equal(t[ti[:50, None], tj[:40]].numpy(), x[i[:50, None], j[:40]])
        np.testing.assert_array_equal(t.take(ti).numpy(), x.ravel()[i])
        np.testing.assert_array_equal(t.gather(0, ti[:, None].expand(-1, width)).numpy(), x[i])
        unique = np.unique(i)
        for value in (fb.zeros((), dtype=t.dtype), t[: len(unique)].clone()):
            changed, expected = t.clone(), x.copy()
            changed[fb.tensor(unique)] = value
            expected[unique] = value.numpy()
            np.testing.assert_array_equal(changed.numpy(), expected)
        for bad in ([rows], [-rows - 1]):
            with pytest.raises(IndexError):
                t[fb.tensor(bad)]
        with pytest.raises(RuntimeError):
            t.gather(0, fb.tensor([[rows] * width]))
        with pytest.raises(RuntimeError):
            t.gather(0, fb.tensor([[rows]]).expand(1, width))


@pytest.mark.parametrize("reduce", ["sum", "mean", "amax", "amin", "prod"])
@pytest.mark.parametrize("include_self", [True, False])
def test_scatter_reduce_of_stretched_indices(reduce, include_self):
    """A vector stretched over the columns picks rows, and gives what the whole index gives."""
    index = fb.randint(0, 90, (300,)).unsqueeze(1).expand(-1, 20)
    for kind in (fb.float64, fb.int64):
        x = fb.randint(1, 4, (90, 24)).to(kind)
        source = fb.randint(1, 3, (300, 20)).to(kind)
        a = x.scatter_reduce(0, index, source, reduce, include_self=include_self)
        b = x.scatter_reduce(0, index.contiguous(), source, reduce, include_self=include_self)
        assert fb.equal(a, b)


def windows(x, size, stride, pad, fill, dilation=1):
    """The elements of every window along two axes of (n, c, h, w): (n, c, oh, ow, size * size)."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    reach = (size - 1) * dilation + 1
    view = np.lib.stride_tricks.sliding_window_view(x, (reach, reach), (2, 3))
    view = view[:, :, ::stride, ::stride, ::dilation, ::dilation]
    return view.reshape(*view.shape[:4], -1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("channels", [1, 3, 8, 37])
@pytest.mark.parametrize(
    "size, stride, pad, dilation",
    [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 2), (5, 3, 2, 1), (17, 1, 8, 1)],
)
def test_pooling_layouts(dtype, channels, size, stride, pad, dilation):
    x = np.random.default_rng(0).integers(-50, 50, (2, channels, 19, 23))
    image = fb.tensor(x).to(getattr(fb, dtype))
    low = -1000
    largest = windows(x, size, stride, pad, low, dilation)
    for layout in (fb.contiguous_format, fb.channels_last):
        t = image.contiguous(memory_format=layout)
        y, at = F.max_pool2d(t, size, stride, pad, dilation, return_indices=True)
        np.testing.assert_array_equal(
            F.max_pool2d(t, size, stride, pad, dilation).numpy(), largest.max(-1)
        )
        np.testing.assert_array_equal(y.numpy(), largest.max(-1))
        np.testing.assert_array_equal(
            np.take_along_axis(x.reshape(2, channels, -1), at.numpy().reshape(2, channels, -1), 2),
            largest.max(-1).reshape(2, channels, -1),
        )
        if dtype == "int64":
            continue
        leaf = t.detach().clone(memory_format=layout).requires_grad_()
        y = F.max_pool2d(leaf, size, stride, pad, dilation)
        weight = fb.arange(y.numel(), dtype=t.dtype).view(y.shape) % 7
        y.backward(weight.contiguous(memory_format=layout))
        expected = np.zeros((2 * channels, 19 * 23))
        np.add.at(
            expected,
            (np.arange(2 * channels)[:, None], at.numpy().reshape(2 * channels, -1)),
            weight.numpy().reshape(2 * channels, -1),
        )
        np.testing.assert_array_equal(leaf.grad.numpy().reshape(expected.shape), expected)
        if dilation == 1:
            mean = F.avg_pool2d(t, size, stride, pad).numpy()
            expected = windows(x, size, stride, pad, 0).sum(-1) / size**2
            np.testing.assert_allclose(mean, expected, 1e-5, 1e-5)


def test_pooling_of_padding_alone():
    """Windows between whose elements the image lies read nothing of it."""
    for layout in (fb.contiguous_format, fb.channels_last):
        x = fb.ones(1, 9, 1, 1).contiguous(memory_format=layout).requires_grad_()
        for window in ((2, 1, 2, 3), ((1, 2), 1, (0, 2), 3), ((2, 1), 1, (2, 0), (3, 1))):
            assert not F.max_pool2d(x, *window).any()
            assert not F.max_pool2d(x.detach(), *window).any()
            assert not F.max_pool2d(x.detach(), *window, return_indices=True)[0].any()


@pytest.mark.parametrize("shape", [(2, 3, 7, 9), (1, 20, 32, 33)])
def test_adaptive_pooling_layouts(shape):
    x = np.random.default_rng(1).integers(0, 9, shape).astype(np.float64)
    x[0, 0, 2, 2] = np.nan
    for out in ((1, 1), (3, 4), (7, 9), (8, 11)):
        bounds = [
            [(o * n // m, -(-(o + 1) * n // m)) for o in range(m)] for n, m in zip(shape[2:], out)
        ]
        for layout in (fb.contiguous_format, fb.channels_last):
            for dtype in (fb.float32, fb.float64):
                t = fb.tensor(x, dtype=dtype).contiguous(memory_format=layout)
                t.requires_grad_()
                y, at = F.adaptive_max_pool2d(t, out, return_indices=True)
                mean = F.adaptive_avg_pool2d(t, out)
                mean.sum().backward()
                grad = np.zeros(shape)
                for i, (a, b) in enumerate(bounds[0]):
                    for j, (c, d) in enumerate(bounds[1]):
                        window = x[:, :, a:b, c:d].reshape(*shape[:2], -1)
                        grad[:, :, a:b, c:d] += 1 / window.shape[2]
                        first = window.argmax(-1)  # the first of equals, a NaN before all
                        at_row, at_column = a + first // (d - c), c + first % (d - c)
                        np.testing.assert_array_equal(
                            at[:, :, i, j].numpy(), at_row * shape[3] + at_column
                        )
                        np.testing.assert_array_equal(
                            y[:, :, i, j].detach().numpy(), window.max(-1)
                        )
                        np.testing.assert_allclose(
                            mean[:, :, i, j].detach().numpy(), window.mean(-1), 1e-5
                        )
                np.testing.assert_allclose(t.grad.numpy(), grad, 1e-5)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 3])
def test_bags(mode, padding):
    random = np.random.default_rng(0)
    for dtype in (fb.float32, fb.float64, fb.bfloat16):
        table = fb.tensor(random.integers(-8, 8, (40, 33))).to(dtype).requires_grad_()
        index, offsets = random.integers(0, 40, 60), np.array([0, 5, 5, 40])
        y = F.embedding_bag(
            fb.tensor(index), table, fb.tensor(offsets), mode=mode, padding_idx=padding
        )
        y.sum().backward()
        w = as_numpy(table.detach())
        for b, (begin, end) in enumerate(zip(offsets, [*offsets[1:], 60])):
            rows = w[[i for i in index[begin:end] if i != padding]]
            expected = getattr(rows, mode)(0) if len(rows) else np.zeros(33)
            np.testing.assert_allclose(
                as_numpy(y[b].detach()), expected, rtol=1e-2 if dtype == fb.bfloat16 else 1e-6
            )
        if mode == "sum" and dtype != fb.bfloat16:
            counts = np.bincount(index[index != padding] if padding else index, minlength=40)
            np.testing.assert_array_equal(table.grad.numpy(), np.repeat(counts[:, None], 33, 1))


def test_bags_with_weights():
    index, offsets = fb.tensor([1, 2, 3, 1, 0]), fb.tensor([0, 2, 2])
    table = fb.randn(5, 3, dtype=fb.float64, requires_grad=True)
    weights = fb.rand(5, dtype=fb.float64, requires_grad=True)

    def bags(table, weights):
        return F.embedding_bag(index, table, offsets, mode="sum", per_sample_weights=weights)

    assert fb.autograd.gradcheck(bags, (table, weights))
    assert fb.autograd.gradgradcheck(bags, (table, weights))
    for bad in ([0, 7], [0, -1]):
        with pytest.raises(IndexError):
            F.embedding_bag(fb.tensor([bad]), table)
    with pytest.raises((RuntimeError, ValueError)):
        F.embedding_bag(index, table, fb.tensor([0, 4, 2]))


@pytest.mark.parametrize("layout", [fb.contiguous_format, fb.channels_last])
@pytest.mark.parametrize("channels", [1, 3, 20])
@pytest.mark.parametrize("mode, along", [("nearest", "nearest"), ("bilinear", "linear")])
def test_resampling_is_separable(layout, channels, mode, along):
    """Two dimensions give what matrices along each give; gradients are their transposes."""
    for before, after in (
        ((6, 9), (12, 18)),
        ((8, 10), (4, 5)),
        ((7, 5), (7, 13)),
        ((5, 6), (3, 11)),
    ):
        x = fb.randn(2, channels, *before).contiguous(memory_format=layout).requires_grad_()
        rows, columns = (
            F.interpolate(fb.eye(n).unsqueeze(0), m, mode=along)[0] for n, m in zip(before, after)
        )
        y = F.interpolate(x, after, mode=mode)
        g = fb.randn(y.shape)
        y.backward(g.contiguous(memory_format=layout))
        expected = fb.einsum("nchw,hi,wj->ncij", x.detach(), rows, columns)
        np.testing.assert_allclose(y.detach().numpy(), expected.numpy(), 1e-5, 1e-5)
        expected = fb.einsum("ncij,hi,wj->nchw", g, rows, columns)
        np.testing.assert_allclose(x.grad.numpy(), expected.numpy(), 1e-5, 1e-5)


def test_resampling_of_volumes():
    x = fb.randn(1, 2, 3, 4, 5, dtype=fb.float64, requires_grad=True)
    matrices = [
        F.interpolate(fb.eye(n, dtype=fb.float64).unsqueeze(0), m, mode="linear")[0]
        for n, m in zip((3, 4, 5), (6, 3, 7))
    ]
    y = F.interpolate(x, (6, 3, 7), mode="trilinear")
    expected = fb.einsum("ncdhw,di,hj,wk->ncijk", x.detach(), *matrices)
    np.testing.assert_allclose(y.detach().numpy(), expected.numpy(), 1e-12, 1e-12)
    assert fb.autograd.gradcheck(lambda x: F.interpolate(x, (2, 5, 5), mode="trilinear"), (x,))


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [True, False])
def test_grid_sample(mode, padding, align):
    random = np.random.default_rng(0)
    x = fb.tensor(random.normal(size=(2, 5, 4, 6)))
    # The grid of the pixels' centres gives the image back.
    axes = [np.linspace(-1, 1, n) if align else (2 * np.arange(n) + 1) / n - 1 for n in (4, 6)]
    own = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], -1)
    own = fb.tensor(own).expand(2, -1, -1, -1)
    same = F.grid_sample(x, own, mode, padding, align)
    np.testing.assert_allclose(same.numpy(), x.numpy(), 1e-9, 1e-9)
    grid = fb.tensor(random.uniform(-1.4, 1.4, (2, 3, 3, 2)))
    few = x[:, :2].clone().requires_grad_()
    if mode == "nearest":
        assert fb.autograd.gradcheck(lambda x: F.grid_sample(x, grid, mode, padding, align), (few,))
        return
    grid.requires_grad_()

    def sampled(x, grid):
        return F.grid_sample(x, grid, mode, padding, align)

    assert fb.autograd.gradcheck(sampled, (few, grid))
    assert fb.autograd.gradgradcheck(sampled, (few, grid))
    outside = F.grid_sample(x, fb.full((2, 1, 1, 2), 5.0, dtype=fb.float64), mode, padding, align)
    if padding == "zeros":
        assert not outside.any()
    elif padding == "border":
        np.testing.assert_allclose(outside[..., 0, 0].numpy(), x[..., -1, -1].numpy())


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize(("channels", "points"), [(21, 90), (70, 65), (12, 1)])
def test_channels_are_sampled_alike(mode, channels, points):
    """One channel is read from its plane, many side by side, whatever lies in the last vector."""
    x, grid = fb.randn(2, channels, 11, 9), fb.rand(2, points, 2, 2) * 2.6 - 1.3
    g = fb.randn(2, channels, points, 2)

    def sampled(x, g):
        x, at = x.detach().requires_grad_(), grid.clone().requires_grad_()
        y = F.grid_sample(x, at, mode, align_corners=False)
        y.backward(g)
        return y.detach(), x.grad, at.grad

    one_by_one = [sampled(x[:, c : c + 1], g[:, c : c + 1]) for c in range(channels)]
    values, images, slopes = zip(*one_by_one)
    expected = fb.cat(values, 1), fb.cat(images, 1), sum(slopes)
    for layout in (fb.contiguous_format, fb.channels_last):
        for actual, wanted in zip(sampled(x.contiguous(memory_format=layout), g), expected):
            np.testing.assert_allclose(actual.numpy(), wanted.numpy(), 1e-4, 1e-4)


@pytest.mark.parametrize("before", ["float32", "float64", "int64", "bool", "uint8", "bfloat16"])
def test_conversions_of_runs(before):
    """A run of elements is converted as its elements are, also where some are beyond 32 bits."""
    x = numbers((1100,), before, spread=10**5)
    runs = [x]
    if before in ("float32", "float64", "int64"):
        wide = x.nan_to_num() if "float" in before else x.clone()
        wide[300], wide[600] = 2**40, -(2**31)
        runs.append(wide)
    for x in runs:
        for after in ("int64", "int32", "int16", "uint8", "bool", "float32", "float64", "float16"):
            if before != "bool" and "int" in after and "float" in before:
                x = x.nan_to_num()
            whole = x.to(getattr(fb, after))
            one_by_one = fb.stack([x[i].to(getattr(fb, after)) for i in range(0, 1100, 7)])
            assert fb.equal(whole[::7], one_by_one)


def test_joining_slices():
    """Inputs whose rows lie apart, evenly or not, or not together at all."""
    x = np.arange(4 * 6 * 8 * 5).reshape(4, 6, 8, 5)
    t = fb.tensor(x, dtype=fb.float32)
    pieces = [
        (t[:, :, :3], x[:, :, :3]),
        (t[:, :, 5:], x[:, :, 5:]),
        (t[:, :, ::2], x[:, :, ::2]),
        (t.transpose(0, 1).contiguous().transpose(0, 1), x),
        (t[:, :, 2:2], x[:, :, 2:2]),
        (t[:, :, :1, ::1], x[:, :, :1]),
    ]
    tensors, arrays = zip(*pieces)
    np.testing.assert_array_equal(fb.cat(tensors, 2).numpy(), np.concatenate(arrays, 2))
    big, whole = t.repeat(40, 1, 1, 8), np.tile(x, (40, 1, 1, 8))
    halves = big.chunk(2, 3)
    np.testing.assert_array_equal(
        fb.cat((halves[1], -halves[0]), 3).numpy(),
        np.concatenate((whole[..., 20:], -whole[..., :20]), 3),
    )


@pytest.mark.parametrize("dims", [(0, 1), (1, 0), (0, 2), (-1, -2), (1, 1)])
def test_roll_of_two_dimensions(dims):
    x = np.arange(5 * 6 * 7).reshape(5, 6, 7)
    for shifts in ((1, 2), (0, 3), (-4, 11), (5, 6)):
        for t in (fb.tensor(x), fb.tensor(x.T.copy()).permute(2, 1, 0)):
            np.testing.assert_array_equal(t.roll(shifts, dims).numpy(), np.roll(x, shifts, dims))


@pytest.mark.parametrize(
    "shape, dim", [((300, 5), 1), ((300, 260), 0), ((3, 40, 130), 1), ((7,), 0)]
)
def test_scans_by_columns(shape, dim):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float64)
    t = fb.tensor(x)
    np.testing.assert_array_equal(t.cumsum(dim).numpy(), x.cumsum(dim))
    np.testing.assert_array_equal(t.long().cumsum(dim).numpy(), x.cumsum(dim))
    values, places = t.cummax(dim)
    np.testing.assert_array_equal(values.numpy(), np.maximum.accumulate(x, dim))
    np.testing.assert_array_equal(np.take_along_axis(x, places.numpy(), dim), values.numpy())
    steps = np.expand_dims(np.arange(shape[dim]), [d for d in range(len(shape)) if d != dim])
    last = np.maximum.accumulate(np.where(x == values.numpy(), steps, 0), dim)
    np.testing.assert_array_equal(places.numpy(), last)


@pytest.mark.parametrize("values", ([3e38, -3e38, 1.0], 20 * [3e38]))
def test_histograms_without_a_finite_width(values):
    """Ends whose distance is infinite, or that are alike in float: every element is in a bin."""
    x = fb.tensor(values)
    assert float(fb.histc(x, 4).sum()) == len(values)
    assert fb.histogram(x, 4).hist.shape == (4,)
