"""Paths that only some sizes and layouts take: ends of vectors, tiles, shares of threads."""

import numpy as np
import pytest

import flambeau as torch

F = torch.nn.functional
NUMBERS = [
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
    torch.complex128,
]
LENGTHS = [*range(1, 36), 63, 64, 65, 127, 129]


def some(dtype, *shape):
    """Whole numbers from 1 to 7, exact in every type."""
    torch.manual_seed(0)
    return torch.randint(1, 8, shape).to(dtype)


def same(actual, expected):
    assert actual.dtype == expected.dtype
    assert torch.equal(actual, expected)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_ends_of_vectors(dtype):
    """A shorter row gives the same elements, and nothing is written behind them."""
    x, y, mask = some(dtype, 130), some(dtype, 130).flip(0), some(torch.int64, 130) > 3
    wanted = [x + y, x * y, -x, x + 3, x == y, torch.where(mask, x, y), x + 2 * y]
    for n in LENGTHS:
        a, b, m = x[:n], y[:n], mask[:n]
        for form, whole in enumerate(wanted):
            room = torch.full((n + 40,), 9, dtype=whole.dtype)
            out = room[1 : n + 1]
            match form:
                case 0:
                    torch.add(a, b, out=out)
                case 1:
                    torch.mul(a, b, out=out)
                case 2:
                    torch.neg(a, out=out)
                case 3:
                    torch.add(a, 3, out=out)
                case 4:
                    torch.eq(a, b, out=out)
                case 5:
                    torch.where(m, a, b, out=out)
                case 6:
                    out.copy_(b).mul_(2).add_(a)
            same(out, whole[:n])
            assert (room[n + 1 :] == torch.full((39,), 9, dtype=whole.dtype)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "erf", "sqrt", "reciprocal"])
def test_functions_do_not_depend_on_the_length(name, dtype):
    function = getattr(torch, name)
    x = torch.linspace(0.1, 3, 130).to(dtype)
    whole = function(x)
    for n in LENGTHS:
        same(function(x[:n]), whole[:n])
        same(getattr(x[:n].clone(), name + "_")(), whole[:n])


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("shape", [(130, 257), (3, 300, 71), (1025, 40)])
def test_transposed_operands(dtype, shape):
    x, t = some(dtype, *shape), some(dtype, *shape[:-2], shape[-1], shape[-2]).mT
    dense = t.contiguous()
    same(x + t, x + dense)
    same(t * x, dense * x)
    same(torch.where(x == t, t, x), torch.where(x == dense, dense, x))
    same(x.clone().add_(t), x + dense)
    if dtype.is_floating_point:
        same(x.double() + t, x.double() + dense)


@pytest.mark.parametrize("top", [10, 2**31, 2**51, 2**52, 2**62])
def test_quotients_of_large_integers(top):
    rng = np.random.default_rng(0)
    x, y = rng.integers(-top, top, (2, 1003))
    y[y == 0] = 1
    x[:4] = [-(2**51), 2**51 - 1, -(2**63), 2**63 - 1]
    y[:4] = [-1, -1, 2, -3]
    exact = [divmod(int(a), int(b)) for a, b in zip(x, y, strict=True)]
    a, b = torch.tensor(x), torch.tensor(y)
    assert (a // b).tolist() == [q for q, _ in exact]
    assert (a % b).tolist() == [r for _, r in exact]
    toward_zero = [q + (q < 0 and r != 0) for q, r in exact]
    assert torch.div(a, b, rounding_mode="trunc").tolist() == toward_zero
    rests = [int(u) - int(v) * q for u, v, q in zip(x, y, toward_zero, strict=True)]
    assert torch.fmod(a, b).tolist() == rests


def test_divisor_of_zero_is_found_anywhere():
    for n in (1, 100, 70_000, 200_000):
        x, y = torch.ones(n, dtype=torch.int64), torch.ones(n, dtype=torch.int64)
        assert (x // y).all()
        y[n - 1] = 0
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            x // y


@pytest.mark.parametrize("n", [1, 2, 3, 63, 64, 65, 129, 1000])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128], ids=str)
def test_complex_loops(dtype, n):
    rng = np.random.default_rng(n)
    a, b = (rng.standard_normal((2, n)) + 1j * rng.standard_normal((2, n))).astype(
        np.complex64 if dtype == torch.complex64 else np.complex128
    )
    x, y = torch.tensor(a), torch.tensor(b)
    close = {"rtol": 1e-5 if dtype == torch.complex64 else 1e-13}
    np.testing.assert_array_equal((x + y).numpy(), a + b)
    np.testing.assert_array_equal((x - y).numpy(), a - b)
    np.testing.assert_allclose(torch.add(x, y, alpha=2j).numpy(), a + 2j * b, **close)
    np.testing.assert_allclose((x**2).numpy(), a * a, **close)
    np.testing.assert_allclose(torch.square(x).numpy(), a * a, **close)
    np.testing.assert_allclose(torch.pow(x, torch.full((n,), 2)).numpy(), a * a, **close)
    np.testing.assert_allclose(x.reciprocal().numpy(), 1 / a, **close)
    np.testing.assert_array_equal(x.clone().reciprocal_().numpy(), x.reciprocal().numpy())


@pytest.mark.parametrize("shape", [(50, 700), (5, 30, 40, 33), (2000, 3)])
def test_lines_across_rows(shape):
    x = torch.arange(int(np.prod(shape))).float().view(shape)
    dim = len(shape) - 2
    torch.manual_seed(1)
    index = torch.randint(0, shape[dim], shape)
    picked = np.take_along_axis(x.numpy(), index.numpy(), dim)
    np.testing.assert_array_equal(x.gather(dim, index).numpy(), picked)
    counted = np.zeros(shape, np.float32)
    where = list(np.indices(shape))
    where[dim] = index.numpy()
    np.add.at(counted, tuple(where), 1)
    ones = torch.ones(shape)
    np.testing.assert_array_equal(torch.zeros(shape).scatter_add(dim, index, ones), counted)
    assert (x.scatter(dim, index, -1.0).numpy() == -1).sum() == (counted > 0).sum()


def test_group_norm_of_plain_features():
    x, weight, bias = torch.randn(7, 30), torch.rand(30), torch.rand(30)
    image = x[..., None, None].expand(7, 30, 2, 1)
    expected = F.group_norm(image, 5, weight, bias)[..., 0, 0]
    torch.testing.assert_close(F.group_norm(x, 5, weight, bias), expected)


def test_one_row_for_many():
    x = torch.randn(300, 1000)
    same(x.expand(3, 300, 1000).contiguous(), torch.stack([x, x, x]))
