"""Integrals, derivatives and covariances against NumPy, and their errors."""

import numpy as np
import pytest

import flambeau as torch


def close(ours, theirs):
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12, atol=1e-12)


Y = np.array([[1.0, 3.0, -2.0, 0.5], [0.0, 1.0, 4.0, 2.0]])
X = np.array([0.0, 0.5, 2.0, 2.5])


def test_trapezoid():
    y = torch.tensor(Y)
    for dim in (0, 1, -1):
        close(torch.trapezoid(y, dim=dim), np.trapezoid(Y, axis=dim))
    close(torch.trapz(y, dx=0.25), np.trapezoid(Y, dx=0.25))
    close(torch.trapezoid(y, torch.tensor(X)), np.trapezoid(Y, X))
    sums = torch.cumulative_trapezoid(y, torch.tensor(X))
    assert sums.shape == (2, 3)
    close(sums[:, -1], np.trapezoid(Y, X))
    assert torch.trapezoid(torch.empty(2, 0)).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="one `x` value for each"):
        torch.trapezoid(y, torch.tensor(X[:3]))
    with pytest.raises(RuntimeError, match="bool"):
        torch.trapezoid(y > 0)


@pytest.mark.parametrize("order", [1, 2])
def test_gradient(order):
    y = torch.tensor(Y)
    rows, columns = torch.gradient(y[:, :3].T.contiguous(), edge_order=1)
    expected = np.gradient(Y[:, :3].T, edge_order=1)
    close(rows, expected[0])
    close(columns, expected[1])
    (g,) = torch.gradient(y, dim=1, spacing=0.5, edge_order=order)
    close(g, np.gradient(Y, 0.5, axis=1, edge_order=order))
    (g,) = torch.gradient(y, dim=1, spacing=[torch.tensor(X)], edge_order=order)
    close(g, np.gradient(Y, X, axis=1, edge_order=order))
    with pytest.raises(RuntimeError, match="at least edge_order"):
        torch.gradient(torch.ones(1))


def test_covariance():
    y, often = torch.tensor(Y), torch.tensor([1, 2, 1, 3])
    counts = torch.tensor([0.5, 1.0, 2.0, 0.25], dtype=torch.float64)
    close(torch.cov(y), np.cov(Y))
    close(y.cov(correction=0), np.cov(Y, ddof=0))
    close(torch.cov(y, fweights=often), np.cov(Y, fweights=often.numpy()))
    close(
        torch.cov(y, fweights=often, aweights=counts),
        np.cov(Y, fweights=often.numpy(), aweights=counts.numpy()),
    )
    close(torch.cov(y[0]), np.cov(Y[0]))
    close(torch.corrcoef(y), np.corrcoef(Y))
    with pytest.raises(RuntimeError, match="negative"):
        torch.cov(y, aweights=-counts)


def test_positions_and_shapes():
    found = torch.unravel_index(torch.tensor([0, 5, 23]), (2, 3, 4))
    expected = np.unravel_index([0, 5, 23], (2, 3, 4))
    assert [t.tolist() for t in found] == [list(a) for a in expected]
    x = torch.ones(4, 2, 3)
    assert x.sum_to_size(2, 1).tolist() == [[12], [12]]
    with pytest.raises(RuntimeError, match="not expandable"):
        x.sum_to_size(3, 3)
    row, mask = torch.zeros(2), torch.tensor([[True, False], [True, True]])
    assert torch.masked_scatter(row, mask, torch.arange(1.0, 5)).tolist() == [[1, 0], [2, 3]]
