"""Broadcast, sliced and half operands: both sides of each size at which the loops change."""

import numpy as np
import pytest

import flambeau as torch

F = torch.nn.functional

# Rows below and above those taken one at a time; one part of work and several.
SHAPES = [(7, 63), (7, 64), (9, 255), (5, 256), (1, 1025), (130, 300), (3, 40001)]
TYPES = ["float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool"]


def values(shape, dtype):
    return torch.randint(0, 2 if dtype == "bool" else 5, shape).to(getattr(torch, dtype))


def same(actual, expected):
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    assert torch.equal(actual, expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_broadcast_operands_are_as_written_out(shape, dtype):
    x, rows, columns = values(shape, dtype), values(shape[1:], dtype), values((shape[0], 1), dtype)
    for b in (rows, columns, columns[0, 0], columns.expand(shape)):
        whole = b.expand(shape).contiguous()
        same(x + b, x + whole)
        same(b * x, whole * x)
        same(x > b, x > whole)
        same(torch.maximum(x, b), torch.maximum(x, whole))
        same(torch.where(b > 0, x, x + x), torch.where(whole > 0, x, x + x))
        same(torch.where(x > 0, b, x), torch.where(x > 0, whole, x))
        same(torch.add(x, b, out=torch.empty(0, dtype=x.dtype)), x + whole)
        same(x.clone().mul_(b), x * whole)


@pytest.mark.parametrize("dtype", TYPES)
def test_slices_are_as_their_copies(dtype):
    x, y = values((301, 407), dtype), values((301, 407), dtype)
    for cut in (np.s_[1:, 1:], np.s_[:, ::2], np.s_[::3], np.s_[5:, :70], np.s_[:, 3]):
        a, b = x[cut], y[cut]
        same(a + b, a.contiguous() + b.contiguous())
        same(a * 2, a.contiguous() * 2)
        result = x.clone()
        result[cut].add_(b)
        same(result[cut], a.contiguous() + b.contiguous())
    same(x.t() + y.t(), (x + y).t())


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (2, 1, 0, 3), (0, 2, 1, 3), (0, 1, 3, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "complex64", "int64"])
def test_products_of_scattered_rows(order, dtype):
    x = values((3, 5, 4, 40), dtype).permute(order)
    for w in (values((x.size(-1), 37), dtype), values((37, x.size(-1)), dtype).t()):
        expected = x.contiguous().reshape(-1, x.size(-1)) @ w
        same(x @ w, expected.reshape(*x.shape[:-1], 37))
        same(x[:1] @ w, expected.reshape(*x.shape[:-1], 37)[:1])
        cut = x[:, :, ::2]
        same(cut @ w, expected.reshape(*x.shape[:-1], 37)[:, :, ::2])
        same(x[:, :1].expand(-1, 6, -1, -1) @ w, (x[:, :1] @ w).expand(-1, 6, -1, -1))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("n", [1, 7, 8, 1000, 70001])
def test_halves_are_rounded_floats(dtype, n):
    half = getattr(torch, dtype)
    x, y = torch.randn(n).to(half), torch.randn(n).to(half)
    x[::13] = float("inf")
    x[::17] = float("nan")
    x[::19] = 1e-7
    a, b = x.float(), y.float()
    for f in (
        lambda x, y: x + y,
        lambda x, y: x / y,
        lambda x, y: x * 0.1,
        lambda x, y: x + torch.tensor(0.1),
        lambda x, y: torch.maximum(x, y),
        lambda x, y: F.leaky_relu(x),
        lambda x, y: x.abs().sqrt(),
    ):
        np.testing.assert_array_equal(
            f(x, y).float().numpy(), f(a, b).to(half).float().numpy(), strict=True
        )
    assert torch.equal(x < y, a < b)
    same(torch.add(x, y, out=torch.empty(n)).nan_to_num(), (a + b).to(half).float().nan_to_num())
    for f in (lambda x: x.amax(), lambda x: x.view(-1, 1).amin(1), lambda x: x.amax(0)):
        same(f(y), f(b).to(half))
    torch.testing.assert_close(y.sum(), b.sum().to(half))
    torch.testing.assert_close(y.view(-1, 1).sum(0), b.view(-1, 1).sum(0).to(half))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_complex_products(dtype):
    x, y = torch.randn(1003, dtype=dtype), torch.randn(1003, dtype=dtype)
    np.testing.assert_allclose((x * y).numpy(), x.numpy() * y.numpy(), rtol=2e-5, atol=1e-6)
    same(x.clone().mul_(y), x * y)
    same((x * y)[5:], x[5:] * y[5:])
    x[::7] = complex(float("inf"), 1)
    y[::11] = complex(float("nan"), 0)
    for i, z in enumerate((x * y).tolist()):  # an infinite operand gives an infinite product
        if i % 11:
            assert (i % 7 == 0) == bool(torch.isinf(torch.tensor(z)))


@pytest.mark.parametrize("dtype", ["int32", "int16", "int8", "uint8"])
def test_extremes_of_narrow_integers(dtype):
    x = torch.randint(-(2**31), 2**31, (65, 1037)).to(getattr(torch, dtype))
    a = x.numpy()
    assert x.max().item() == a.max() and x.min().item() == a.min()
    np.testing.assert_array_equal(x.amax(1).numpy(), a.max(1))
    np.testing.assert_array_equal(x.amin(0).numpy(), a.min(0))
    np.testing.assert_array_equal(x[:, 1:18].amax(1).numpy(), a[:, 1:18].max(1))


def test_counts_of_true():
    for shape in [(5, 3), (33, 65), (300, 2049), (2, 70001)]:
        m = torch.randint(0, 4, shape) > 0
        a = m.numpy()
        assert m.sum().item() == a.sum()
        for dim in (0, 1):
            np.testing.assert_array_equal(m.sum(dim).numpy(), a.sum(dim))
            np.testing.assert_array_equal(m[:, 1:].sum(dim).numpy(), a[:, 1:].sum(dim))


@pytest.mark.parametrize("n", [1, 2, 10, 32, 33])
def test_short_rows(n):
    x = torch.randn(1003, n, dtype=torch.float64)
    x[5] = -float("inf")
    x[6, 0] = float("inf")
    y = x.float()
    for f in (torch.softmax, torch.log_softmax, torch.logsumexp):
        expected = f(x, 1)
        torch.testing.assert_close(f(y, 1).double(), expected, equal_nan=True, atol=1e-6, rtol=1e-5)
        same(f(y[8:19], 1), f(y, 1)[8:19])  # a row has no influence on others
    r, g = torch.randn(1003, n, requires_grad=True), torch.randn(1003, n)
    p = torch.softmax(r, 1)
    p.backward(g)
    expected = p * (g - (p * g).sum(1, keepdim=True))
    torch.testing.assert_close(r.grad, expected.detach())


@pytest.mark.parametrize("n", [3, 4096, 4097, 40000])
def test_cross_entropy_of_many_samples(n):
    x, t = torch.randn(n, 5), torch.randint(0, 5, (n,))
    t[1] = -100
    kept = t != -100
    logp = torch.log_softmax(x.double(), 1)
    expected = -logp[torch.arange(n)[kept], t[kept]].mean()
    torch.testing.assert_close(F.cross_entropy(x, t).double(), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(F.nll_loss(logp, t), expected)
