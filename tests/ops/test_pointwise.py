"""What the table cannot say of element-wise operators: errors, numbers, special points."""

import math

import numpy as np
import pytest

import flambeau as torch

F = torch.nn.functional
INF, NAN = math.inf, math.nan


def f64(*values):
    return torch.tensor(values, dtype=torch.float64)


def gradients(function, *values):
    """Gradients of the sum of function(*values), as lists."""
    inputs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    return [g.tolist() for g in torch.autograd.grad(function(*inputs).sum(), inputs)]


def equal(actual, expected):
    np.testing.assert_array_equal(np.asarray(actual), np.asarray(expected))


# ---- types

BOOLS, INTS, FLOATS = torch.tensor([True, False]), torch.tensor([1, 2]), torch.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    "result, dtype, values",
    [
        (BOOLS + BOOLS, torch.bool, [True, False]),
        (BOOLS * BOOLS, torch.bool, [True, False]),
        (BOOLS / BOOLS, torch.float32, [1.0, NAN]),
        (BOOLS**2, torch.int64, [1, 0]),
        (INTS / INTS, torch.float32, [1.0, 1.0]),
        (INTS + 0.5, torch.float32, [1.5, 2.5]),
        (INTS.to(torch.float16) + 1.5, torch.float16, [2.5, 3.5]),
        (INTS.to(torch.int8) + 1, torch.int8, [2, 3]),
        (INTS + f64(1.0).reshape(()), torch.float64, [2.0, 3.0]),
        (INTS**0.5, torch.float32, [1.0, np.sqrt(np.float32(2))]),
        (2**INTS, torch.int64, [2, 4]),
        (2.0**INTS, torch.float32, [2.0, 4.0]),
        (1 - INTS, torch.int64, [0, -1]),
        (-7 % INTS, torch.int64, [0, 1]),
        (-7 // INTS, torch.int64, [-7, -4]),
        (FLOATS == INTS, torch.bool, [True, True]),
        (INTS < 1.5, torch.bool, [True, False]),
        (torch.add(2, FLOATS), torch.float32, [3.0, 4.0]),
        (torch.add(1.5, 2.5), torch.float32, 4.0),
        (torch.mul(2, 3), torch.int64, 6),
        (torch.pow(2, FLOATS), torch.float32, [2.0, 4.0]),
        (torch.xlogy(2, FLOATS), torch.float32, [0.0, 2 * np.log(np.float32(2))]),
        (torch.clamp(INTS, 1.5), torch.float32, [1.5, 2.0]),
        (torch.float_power(INTS, 2), torch.float64, [1.0, 4.0]),
        (torch.sqrt(BOOLS), torch.float32, [1.0, 0.0]),
        (torch.abs(torch.tensor([3 + 4j])), torch.float32, [5.0]),
        (1 << INTS, torch.int64, [2, 4]),
        (~BOOLS, torch.bool, [False, True]),
        (BOOLS ^ 1, torch.int64, [0, 1]),
    ],
)
def test_types_of_results(result, dtype, values):
    assert result.dtype == dtype
    equal(result, np.asarray(values, result.numpy().dtype))


def test_default_dtype_decides():
    torch.set_default_dtype(torch.float64)
    try:
        assert (INTS / 2).dtype == torch.float64
        assert torch.exp(INTS).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


# ---- errors


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: BOOLS - BOOLS, RuntimeError, "two bool tensors is not supported"),
        (lambda: 1 - BOOLS, RuntimeError, "with a bool tensor is not supported"),
        (lambda: FLOATS - BOOLS, RuntimeError, "with a bool tensor is not supported"),
        (lambda: -BOOLS, RuntimeError, "Negation, the `-` operator"),
        (lambda: +BOOLS, RuntimeError, r"The `\+` operator"),
        (lambda: ~FLOATS, TypeError, "only implemented on integer and Boolean"),
        (
            lambda: torch.add(INTS, INTS, alpha=1.5),
            RuntimeError,
            "must not be a floating point number",
        ),
        (lambda: torch.add(FLOATS, 1, alpha=True), RuntimeError, "Boolean alpha only supported"),
        (lambda: torch.add(FLOATS, 1, alpha=1j), RuntimeError, "must not be a complex number"),
        (lambda: INTS // 0, RuntimeError, "ZeroDivisionError"),
        (lambda: INTS % torch.tensor([1, 0]), RuntimeError, "ZeroDivisionError"),
        (lambda: torch.fmod(INTS, 0), RuntimeError, "ZeroDivisionError"),
        (lambda: torch.div(INTS, 0, rounding_mode="trunc"), RuntimeError, "ZeroDivisionError"),
        (
            lambda: torch.div(INTS, 1, rounding_mode="up"),
            RuntimeError,
            "rounding_mode to be one of",
        ),
        (lambda: INTS**-1, RuntimeError, "Integers to negative integer powers"),
        (lambda: torch.pow(2, 3), TypeError, "pow"),
        (
            lambda: INTS.clone().div_(2),
            RuntimeError,
            "can't be cast to the desired output type Long",
        ),
        (
            lambda: INTS.clone().add_(0.5),
            RuntimeError,
            "can't be cast to the desired output type Long",
        ),
        (lambda: INTS.clone().logit_(), RuntimeError, "can't be cast"),
        (
            lambda: FLOATS.clone().add_(torch.zeros(3, 2)),
            RuntimeError,
            "doesn't match the broadcast",
        ),
        (lambda: FLOATS + torch.zeros(3), RuntimeError, "size of tensor a"),
        (lambda: torch.clamp(FLOATS), RuntimeError, "At least one of 'min' or 'max'"),
        (
            lambda: torch.where(INTS, 1, 2),
            RuntimeError,
            "expected condition to be a boolean tensor",
        ),
        (lambda: torch.tensor([1j]) < 1, NotImplementedError, "not implemented for 'ComplexFloat'"),
        (lambda: torch.sign(torch.tensor([1j])), RuntimeError, "torch.sgn"),
        (lambda: FLOATS & 1, RuntimeError, "not implemented for 'Float'"),
        (lambda: torch.imag(FLOATS), RuntimeError, "non-complex"),
        (lambda: torch.view_as_complex(torch.zeros(3)), RuntimeError, "last dimension of size 2"),
        (
            lambda: torch.complex(FLOATS, f64(1.0)),
            RuntimeError,
            "Expected object of scalar type Float",
        ),
        (lambda: torch.isclose(FLOATS, f64(1.0)), RuntimeError, "Float did not match Double"),
        (lambda: torch.heaviside(FLOATS, INTS), RuntimeError, "different dtypes"),
        (lambda: torch.lerp(FLOATS, f64(1.0), 0.5), RuntimeError, "expected dtype"),
        (lambda: torch.addcdiv(FLOATS, INTS, INTS), RuntimeError, "Integer division with addcdiv"),
        (lambda: torch.polygamma(-1, FLOATS), RuntimeError, "does not support negative n"),
        (lambda: torch.relu(BOOLS), RuntimeError, "Boolean inputs not supported"),
        (lambda: F.celu(FLOATS, 0), RuntimeError, "alpha cannot be 0"),
        (lambda: F.gelu(FLOATS, approximate="x"), RuntimeError, "approximate argument"),
        (lambda: F.prelu(torch.zeros(2, 3), torch.ones(2)), RuntimeError, "Mismatch of parameter"),
        (lambda: torch.rrelu(FLOATS, 1.0, 0.5), RuntimeError, "Lower bound"),
        (
            lambda: torch.add(torch.ones(2, requires_grad=True), 1, out=torch.empty(2)),
            RuntimeError,
            "don't support automatic differentiation",
        ),
        (
            lambda: torch._C.special_zeta(torch.ones(2, requires_grad=True), FLOATS),
            NotImplementedError,
            "not implemented",
        ),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---- values at special points


def test_floats_divide_by_zero():
    equal(torch.tensor([1.0, -1.0, 0.0]) / 0, [INF, -INF, NAN])
    equal(torch.tensor([1.0, -1.0]) // 0, [INF, -INF])
    equal(torch.tensor([1.0]) % 0, [NAN])


def test_most_negative_integer_does_not_trap():
    x = torch.tensor([-(2**63)])
    assert (x // -1).tolist() == [-(2**63)] and (x % -1).tolist() == [0]
    assert torch.div(x, -1, rounding_mode="trunc").tolist() == [-(2**63)]
    assert x.abs().tolist() == [-(2**63)] and torch.gcd(x, x).tolist() == [-(2**63)]


def test_nan_passes_through_limits():
    x = torch.tensor([NAN, 1.0])
    for y in (
        x.clamp(0, 2),
        x.clamp(min=0),
        torch.relu(x),
        F.relu6(x),
        torch.maximum(x, x * 0),
        F.hardtanh(x),
        F.hardshrink(x),
        F.softshrink(x),
        F.leaky_relu(x),
    ):
        assert math.isnan(y[0].item()) and not math.isnan(y[1].item())
    assert torch.fmax(x, torch.zeros(2)).tolist() == [0.0, 1.0]
    assert math.isnan(torch.clamp(torch.zeros(1), NAN).item())


def test_large_arguments_do_not_overflow():
    x = torch.tensor([-1000.0, 1000.0])
    equal(F.softplus(x), [0.0, 1000.0])
    equal(F.logsigmoid(x), [-1000.0, 0.0])
    equal(torch.sigmoid(x), [0.0, 1.0])
    equal(F.elu(x), [-1.0, 1000.0])
    equal(F.mish(x), [0.0, 1000.0])
    equal(torch.logaddexp(x, x.flip(0)), [1000.0, 1000.0])
    equal(torch.hypot(torch.tensor(3e38), torch.tensor(0.0)), np.float32(3e38))


def test_powers_do_not_depend_on_their_neighbours():
    x = torch.linspace(0.1, 1.7, 67)
    for exponent in (0.5, 2, 3, 2.5, -1):
        whole = x**exponent
        single = torch.cat([x[i : i + 1] ** exponent for i in range(len(x))])
        equal(whole, single)
    exponents = torch.tensor([2.0, 3.0, 0.5, 2.5, 1.0, -1.0, 0.0] * 9)
    equal(x[:63] ** exponents, torch.cat([x[i : i + 1] ** exponents[i].item() for i in range(63)]))


@pytest.mark.parametrize(
    "dtype",
    [
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.bool,
    ],
)
def test_where_of_every_type_and_length(dtype):
    for n in (1, 3, 15, 16, 33, 70):
        condition = torch.arange(n) % 3 == 0
        a, b = torch.arange(n).to(dtype), torch.zeros(n, dtype=dtype)
        equal(torch.where(condition, a, b), np.where(condition.numpy(), a.numpy(), b.numpy()))
        equal(torch.where(condition.to(torch.uint8), a, b), torch.where(condition, a, b))


def test_forms_of_where():
    condition = torch.tensor([True, False])
    assert torch.where(condition, 1, 2).dtype == torch.int64
    assert torch.where(condition, 1.0, 2).dtype == torch.float32
    assert FLOATS.where(condition, 0).tolist() == [1.0, 0.0]
    assert torch.where(torch.tensor([[0, 3], [4, 0]]))[1].tolist() == [1, 0]
    assert torch.where(condition, FLOATS, torch.zeros(3, 1)).shape == (3, 2)


def test_isclose_compares_integers_exactly():
    big = torch.tensor([2**53 + 1])
    assert torch.isclose(big, big).item()
    assert not torch.isclose(big, big + 1, rtol=0, atol=0).item()
    assert torch.isclose(
        torch.tensor([NAN, INF]), torch.tensor([NAN, -INF]), equal_nan=True
    ).tolist() == [True, False]


# ---- gradients at special points


@pytest.mark.parametrize(
    "function, inputs, expected",
    [
        (lambda x: x.clamp(0, 1), [[-1.0, 0.0, 0.5, 1.0, 2.0, NAN]], [[0, 1, 1, 1, 0, 0]]),
        (torch.relu, [[-1.0, 0.0, 1.0, NAN]], [[0, 0, 1, 1]]),
        (F.relu6, [[0.0, 3.0, 6.0]], [[0, 1, 0]]),
        (F.hardtanh, [[-1.0, 0.0, 1.0]], [[0, 1, 0]]),
        (F.leaky_relu, [[-1.0, 0.0, 1.0]], [[0.01, 0.01, 1]]),
        (torch.abs, [[-2.0, 0.0, 3.0]], [[-1, 0, 1]]),
        (torch.maximum, [[1.0, 1.0], [1.0, 2.0]], [[0.5, 0], [0.5, 1]]),
        (torch.fmax, [[1.0, NAN], [1.0, 2.0]], [[1, 0], [0, 1]]),
        (torch.pow, [[0.0, 0.0, 2.0], [0.0, 1.0, 3.0]], [[0, 1, 12], [0, 0, 8 * math.log(2)]]),
        (lambda x: x**0, [[0.0, 1.0]], [[0, 0]]),
        (lambda x: 0**x, [[0.0, 1.0]], [[0, 0]]),
        (lambda x: 2**x, [[1.0]], [[2 * math.log(2)]]),
        (torch.atan2, [[0.0], [0.0]], [[0], [0]]),
        (torch.xlogy, [[0.0, 0.0], [1.0, -1.0]], [[0, 0], [0, 0]]),
        (torch.sinc, [[0.0]], [[0]]),
        (torch.floor, [[0.5]], [[0]]),
        (torch.sign, [[0.5]], [[0]]),
        (torch.fmod, [[-3.0], [2.0]], [[1], [1]]),
        (torch.remainder, [[-3.0], [2.0]], [[1], [2]]),
        (torch.nan_to_num, [[NAN, INF, 1.0]], [[0, 0, 1]]),
        (torch.copysign, [[0.0, 1.0], [-1.0, -1.0]], [[0, -1], [0, 0]]),
        (torch.logit, [[0.5]], [[4]]),
        (torch._C.special_i1, [[0.0]], [[0.5]]),
        (torch.sqrt, [[0.0]], [[INF]]),
    ],
)
def test_gradients_at_special_points(function, inputs, expected):
    for g, e in zip(gradients(function, *inputs), expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-14)


def test_gradient_of_where_does_not_leak():
    (g,) = gradients(lambda x: torch.where(x > 0, x * 2, x * 3), [1.0, -1.0])
    assert g == [2.0, 3.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.leaky_relu(x, inplace=True),
        lambda x: F.elu(x, inplace=True),
        lambda x: x.mul_(x + 1),
        lambda x: x.exp_(),
        lambda x: x.pow_(3),
        lambda x: F.silu(x, inplace=True),
        lambda x: x.clamp_(0, 1),
        lambda x: x.div_(2).add_(1),
        lambda x: F.threshold(x, 0.5, 7, inplace=True),
    ],
)
def test_gradients_of_in_place_forms(function):
    start = [-1.5, 0.3, 2.0]

    def through_copy(x):
        y = x.clone()
        result = function(y)
        assert result is y
        return result

    (g,) = gradients(through_copy, start)
    step = 1e-6
    for i, value in enumerate(start):
        high, low = list(start), list(start)
        high[i], low[i] = value + step, value - step
        slope = (function(f64(*high)).sum() - function(f64(*low)).sum()).item() / (2 * step)
        assert abs(slope - g[i]) < 1e-6


def test_saturated_activations_have_finite_second_derivatives():
    x = f64(-800.0, 800.0).requires_grad_()
    for function in (
        F.elu,
        F.selu,
        F.celu,
        F.softplus,
        F.logsigmoid,
        torch.sigmoid,
        torch.tanh,
        F.silu,
    ):
        (g,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        (h,) = torch.autograd.grad(g.sum(), x)
        assert torch.isfinite(g).all() and torch.isfinite(h).all(), function


def test_gradients_of_complex_operators():
    z = torch.tensor([1 + 2j, -0.5 + 0.3j], dtype=torch.complex128, requires_grad=True)
    for function in (
        lambda t: t.abs(),
        torch.angle,
        lambda t: torch.real(t * t),
        lambda t: torch.view_as_real(torch.sgn(t)),
    ):
        assert torch.autograd.gradcheck(lambda t: torch.real(function(t)), (z,))


def test_rrelu_draws_for_negative_elements_only():
    x = torch.tensor([-1.0, 2.0, -3.0])
    generator = torch.Generator().manual_seed(3)
    y = torch.rrelu(x, 0.1, 0.3, training=True, generator=generator)
    slopes = (y / x).tolist()
    assert slopes[1] == 1 and 0.1 <= slopes[0] < 0.3 and slopes[0] != slopes[2]
    generator.manual_seed(3)
    again = torch.rrelu(torch.tensor([-1.0, -3.0]), 0.1, 0.3, training=True, generator=generator)
    equal(again, y[[0, 2]])
    np.testing.assert_allclose(torch.rrelu(x, 0.1, 0.3), [-0.2, 2.0, -0.6], rtol=1e-6)


def test_results_do_not_depend_on_threads():
    x = torch.tensor(np.random.default_rng(0).standard_normal(300_001, np.float32))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        single = torch.tanh(x * 3).exp() ** 2.5
    finally:
        torch.set_num_threads(before)
    equal(torch.tanh(x * 3).exp() ** 2.5, single)
