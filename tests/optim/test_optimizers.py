"""Every optimizer is one row: options, and one step of its formula in NumPy."""

import copy

import numpy as np
import pytest

import flambeau as fb

STEPS = 6


def sgd(p, g, s, t, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
    g = g + weight_decay * p
    if momentum:
        s["b"] = g if t == 1 else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def adam(
    p,
    g,
    s,
    t,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    amsgrad=False,
    decoupled_weight_decay=False,
):
    if decoupled_weight_decay:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    b1, b2 = betas
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    v = s["v"]
    if amsgrad:
        v = s["max"] = np.maximum(s.get("max", 0), v)
    return p - lr * (s["m"] / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)


def adamw(p, g, s, t, weight_decay=0.01, **options):
    return adam(p, g, s, t, weight_decay=weight_decay, decoupled_weight_decay=True, **options)


def rmsprop(p, g, s, t, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
    g = g + weight_decay * p
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g * g
    v = s["v"]
    if centered:
        s["a"] = alpha * s.get("a", 0) + (1 - alpha) * g
        v = v - s["a"] ** 2
    d = g / (np.sqrt(v) + eps)
    if momentum:
        d = s["b"] = momentum * s.get("b", 0) + d
    return p - lr * d


def adagrad(
    p, g, s, t, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10
):
    g = g + weight_decay * p
    s["s"] = s.get("s", initial_accumulator_value) + g * g
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["s"]) + eps)


def adadelta(p, g, s, t, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0):
    g = g + weight_decay * p
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
    d = np.sqrt(s.get("u", 0) + eps) / np.sqrt(s["v"] + eps) * g
    s["u"] = rho * s.get("u", 0) + (1 - rho) * d * d
    return p - lr * d


def adamax(p, g, s, t, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
    g = g + weight_decay * p
    b1, b2 = betas
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0), np.abs(g) + eps)
    return p - lr / (1 - b1**t) * s["m"] / s["u"]


def nadam(
    p,
    g,
    s,
    t,
    lr=2e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    momentum_decay=4e-3,
    decoupled_weight_decay=False,
):
    if decoupled_weight_decay:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    b1, b2 = betas
    mu = b1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = b1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    # The running product is kept in the precision of the counters.
    s["M"] = np.float32(s.get("M", np.float32(1))) * np.float32(mu)
    product = float(s["M"])
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    d = np.sqrt(s["v"] / (1 - b2**t)) + eps
    p = p - lr * (1 - mu) / (1 - product) * g / d
    return p - lr * mu_next / (1 - product * mu_next) * s["m"] / d


def radam(
    p, g, s, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False
):
    if decoupled_weight_decay:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    b1, b2 = betas
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    m = s["m"] / (1 - b1**t)
    inf = 2 / (1 - b2) - 1
    rho = inf - 2 * t * b2**t / (1 - b2**t)
    if rho <= 5:
        return p - lr * m
    r = np.sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho))
    return p - lr * r * m * np.sqrt(1 - b2**t) / (np.sqrt(s["v"]) + eps)


def asgd(p, g, s, t, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0):
    g = g + weight_decay * p
    eta = float(np.float32(lr if t == 1 else lr / (1 + lambd * lr * (t - 1)) ** alpha))
    return p * (1 - lambd * eta) - eta * g


def rprop(p, g, s, t, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    sign = np.sign(g * s.get("g", np.zeros_like(g)))
    factor = np.where(sign > 0, etas[1], np.where(sign < 0, etas[0], 1.0))
    s["size"] = np.clip(s.get("size", np.full_like(g, lr)) * factor, *step_sizes)
    g = np.where(sign < 0, 0, g)
    s["g"] = g
    return p - np.sign(g) * s["size"]


ROWS = [
    ("SGD", {}, sgd),
    ("SGD", {"lr": 0.1, "momentum": 0.9}, sgd),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}, sgd),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, sgd),
    ("Adam", {}, adam),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}, adam),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}, adam),
    ("AdamW", {"lr": 0.1}, adamw),
    ("AdamW", {"lr": 0.1, "betas": (0.5, 0.8), "amsgrad": True, "eps": 1e-3}, adamw),
    ("RMSprop", {}, rmsprop),
    ("RMSprop", {"centered": True, "weight_decay": 0.1}, rmsprop),
    ("RMSprop", {"momentum": 0.9, "alpha": 0.8}, rmsprop),
    ("RMSprop", {"momentum": 0.9, "centered": True}, rmsprop),
    ("Adagrad", {}, adagrad),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}, adagrad),
    ("Adadelta", {"weight_decay": 0.1}, adadelta),
    ("Adamax", {"weight_decay": 0.1}, adamax),
    ("NAdam", {"weight_decay": 0.1}, nadam),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}, nadam),
    ("RAdam", {"lr": 0.1}, radam),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}, radam),
    ("ASGD", {"lambd": 0.1, "weight_decay": 0.1}, asgd),
    ("Rprop", {"lr": 0.1}, rprop),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(ROWS)]
every_row = pytest.mark.parametrize("name, options, formula", ROWS, ids=IDS)


def gradients(shape, steps=STEPS, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, *shape))


def make(name, options, start, dtype=fb.float64):
    p = fb.nn.Parameter(fb.tensor(start, dtype=dtype))
    return p, getattr(fb.optim, name)([p], **options)


def advance(p, optimizer, grads):
    for g in grads:
        p.grad = fb.tensor(g, dtype=p.dtype)
        optimizer.step()
    return p.detach().numpy().copy()


@every_row
@pytest.mark.parametrize("dtype, tolerance", [(fb.float64, 1e-12), (fb.float32, 1e-5)], ids=str)
def test_formula(name, options, formula, dtype, tolerance):
    start, grads = gradients((3, 5), 1, seed=1)[0], gradients((3, 5))
    p, optimizer = make(name, options, start, dtype)
    expected, state = start, {}
    for t, g in enumerate(grads, 1):
        advance(p, optimizer, [g])
        expected = formula(expected, g, state, t, **options)
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=tolerance, atol=tolerance)


@every_row
def test_maximize_is_minimize_with_the_negative_gradient(name, options, formula):
    start, grads = np.ones((2, 3)), gradients((2, 3))
    down = advance(*make(name, options, start), grads)
    up = advance(*make(name, {**options, "maximize": True}, start), -grads)
    np.testing.assert_array_equal(down, up)


@every_row
def test_checkpoint_continues_the_run(name, options, formula):
    start, grads = np.ones((2, 3)), gradients((2, 3))
    p, optimizer = make(name, options, start)
    halfway = advance(p, optimizer, grads[:3])
    saved = copy.deepcopy(optimizer.state_dict())
    expected = advance(p, optimizer, grads[3:])
    q, other = make(name, {**options, "lr": 0.5}, halfway)
    other.load_state_dict(saved)
    np.testing.assert_array_equal(advance(q, other, grads[3:]), expected)
    assert other.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]


@every_row
def test_parameters_without_gradient_and_odd_shapes(name, options, formula):
    still = fb.nn.Parameter(fb.ones(3, dtype=fb.float64))
    scalar = fb.nn.Parameter(fb.tensor(2.0, dtype=fb.float64))
    empty = fb.nn.Parameter(fb.zeros(0, 3, dtype=fb.float64))
    strided = fb.nn.Parameter(fb.ones(4, 3, dtype=fb.float64).t())
    optimizer = getattr(fb.optim, name)([still, scalar, empty, strided], **options)
    grads = gradients((3, 4), 3)
    state = {}
    expected = np.ones((3, 4))
    for t, g in enumerate(grads, 1):
        scalar.grad = fb.tensor(g[0, 0], dtype=fb.float64)
        empty.grad = fb.zeros(0, 3, dtype=fb.float64)
        strided.grad = fb.tensor(g, dtype=fb.float64)
        optimizer.step()
        expected = formula(expected, g, state, t, **options)
    assert still.tolist() == [1.0, 1.0, 1.0]
    assert scalar.item() != 2.0
    np.testing.assert_allclose(strided.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@every_row
def test_complex_is_a_pair_of_reals(name, options, formula):
    parts = gradients((4, 2), 1, seed=2)[0]
    grads = gradients((4, 2))
    expected = advance(*make(name, options, parts), grads)
    p = fb.nn.Parameter(fb.view_as_complex(fb.tensor(parts, dtype=fb.float64)))
    if name == "Adagrad" and options.get("initial_accumulator_value"):
        # The accumulator starts at the value in both parts.
        assert fb.optim.Adagrad([p], **options).state[p]["sum"][0].item() == 0.5 + 0.5j
    optimizer = getattr(fb.optim, name)([p], **options)
    for g in grads:
        p.grad = fb.view_as_complex(fb.tensor(g, dtype=fb.float64))
        optimizer.step()
    got = fb.view_as_real(p.detach()).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@every_row
def test_differentiable(name, options, formula):
    """The derivative of the result by the gradients fed in, against finite differences."""
    if name == "Rprop":
        pytest.skip("a sign has no useful derivative")
    start, grads = gradients((3,), 1, seed=3)[0], gradients((3,), 2) + 2.0

    def run(values, record):
        p = fb.tensor(start, dtype=fb.float64, requires_grad=True).clone()
        optimizer = getattr(fb.optim, name)([p], **options, differentiable=True)
        inputs = [fb.tensor(v, dtype=fb.float64, requires_grad=record) for v in values]
        for g in inputs:
            p.grad = g
            optimizer.step()
        return (p**2).sum(), inputs

    total, inputs = run(grads, True)
    found = fb.autograd.grad(total, inputs)
    for i in range(2):
        for j in range(3):
            moved = grads.copy()
            moved[i, j] += 1e-5
            up = float(run(moved, False)[0].detach())
            moved[i, j] -= 2e-5
            down = float(run(moved, False)[0].detach())
            assert float(found[i][j]) == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "NAdam", "RAdam"])
def test_derivative_by_a_tensor_learning_rate(name):
    def run(value, record):
        p = fb.ones(3, dtype=fb.float64, requires_grad=True).clone()
        lr = fb.tensor(value, dtype=fb.float64, requires_grad=record)
        optimizer = getattr(fb.optim, name)([p], lr=lr, differentiable=True)
        for g in gradients((3,), 2):
            p.grad = fb.tensor(g, dtype=fb.float64)
            optimizer.step()
        return (p**2).sum(), lr

    total, lr = run(0.1, True)
    (found,) = fb.autograd.grad(total, [lr])
    slope = float(run(0.1 + 1e-6, False)[0].detach()) - float(run(0.1 - 1e-6, False)[0].detach())
    assert float(found) == pytest.approx(slope / 2e-6, rel=1e-5)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_tensor_learning_rate(name):
    start, grads = np.ones(3), gradients((3,))
    number = advance(*make(name, {"lr": 0.25}, start), grads)
    tensor = advance(*make(name, {"lr": fb.tensor(0.25)}, start), grads)
    np.testing.assert_array_equal(number, tensor)


def test_asgd_average():
    p, optimizer = make("ASGD", {"t0": 2, "lr": 0.1, "lambd": 0.0}, np.zeros(2))
    seen = []
    for g in gradients((2,), 8):
        seen.append(advance(p, optimizer, [g]))
    # From the third step on ax is the mean of what came since then.
    average = optimizer.state[p]["ax"].numpy()
    assert average.shape == (2,) and not np.allclose(average, seen[-1])


def rosenbrock(p):
    x, y = p[0], p[1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize(
    "options, steps",
    [
        ({"line_search_fn": "strong_wolfe"}, 4),
        ({"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7}, 12),
    ],
)
def test_lbfgs_finds_the_minimum(options, steps):
    p = fb.nn.Parameter(fb.tensor([-1.2, 1.0], dtype=fb.float64))
    optimizer = fb.optim.LBFGS([p], tolerance_change=1e-14, **options)

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        return loss

    first = optimizer.step(closure).item()
    assert first == pytest.approx(24.2)
    for _ in range(steps):
        optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), [1, 1], atol=1e-5)
    state = optimizer.state_dict()["state"][0]
    assert {
        "func_evals",
        "n_iter",
        "d",
        "t",
        "old_dirs",
        "old_stps",
        "ro",
        "H_diag",
        "prev_flat_grad",
        "prev_loss",
        "al",
    } == set(state)


def test_lbfgs_quadratic_without_line_search():
    p = fb.nn.Parameter(fb.tensor([3.0, -2.0], dtype=fb.float64))
    scale = fb.tensor([1.0, 5.0], dtype=fb.float64)
    optimizer = fb.optim.LBFGS([p], max_iter=60, tolerance_change=1e-14)

    def closure():
        optimizer.zero_grad()
        loss = (scale * p * p).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), [0, 0], atol=1e-5)


# ---- the base class -----------------------------------------------------------------------------


def param(*values):
    return fb.nn.Parameter(fb.tensor(values or [1.0]))


def test_state_dict_layout():
    p, q = param(1.0), param(2.0)
    optimizer = fb.optim.Adam([{"params": [p]}, {"params": [q], "lr": 0.5}], amsgrad=True)
    p.grad = q.grad = fb.ones(1)
    optimizer.step()
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1]]
    assert [g["lr"] for g in saved["param_groups"]] == [0.001, 0.5]
    assert list(saved["state"][0]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    step = saved["state"][1]["step"]
    assert step.shape == () and step.dtype == fb.float32 and float(step) == 1
    assert list(saved["param_groups"][0]) == [
        "lr",
        "betas",
        "eps",
        "weight_decay",
        "amsgrad",
        "maximize",
        "foreach",
        "capturable",
        "differentiable",
        "fused",
        "decoupled_weight_decay",
        "params",
    ]


def test_load_casts_the_state_but_not_the_step():
    p = param(1.0)
    optimizer = fb.optim.Adam([p])
    p.grad = fb.ones(1)
    optimizer.step()
    half = fb.nn.Parameter(fb.ones(1, dtype=fb.bfloat16))
    other = fb.optim.Adam([half])
    other.load_state_dict(optimizer.state_dict())
    state = other.state[half]
    assert state["exp_avg"].dtype == fb.bfloat16 and state["step"].dtype == fb.float32


def test_load_takes_numbers_of_old_checkpoints_for_steps():
    p = param(1.0)
    optimizer = fb.optim.Adam([p])
    p.grad = fb.ones(1)
    optimizer.step()
    saved = optimizer.state_dict()
    saved["state"][0]["step"] = 7
    for option in ("maximize", "foreach", "fused", "decoupled_weight_decay"):
        del saved["param_groups"][0][option]
    optimizer.load_state_dict(saved)
    assert float(optimizer.state[p]["step"]) == 7
    optimizer.step()
    assert float(optimizer.state[p]["step"]) == 8


def test_repr():
    assert repr(fb.optim.SGD([param()], lr=0.5)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n"
        "    foreach: None\n    fused: None\n    lr: 0.5\n    maximize: False\n"
        "    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)"
    )


def test_zero_grad():
    p = param()
    optimizer = fb.optim.SGD([p], lr=1.0)
    p.grad = fb.ones(1)
    kept = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept and p.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_closure_runs_with_gradients():
    p = param(3.0)
    optimizer = fb.optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with fb.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert p.item() == pytest.approx(3.0 - 0.6)


def test_step_hooks():
    p = param(1.0)
    optimizer = fb.optim.SGD([p], lr=1.0)
    p.grad = fb.ones(1)
    calls = []
    first = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("post"))
    every = fb.optim.optimizer.register_optimizer_step_post_hook(
        lambda o, args, kwargs: calls.append("every")
    )
    optimizer.step()
    first.remove()
    every.remove()
    optimizer.step()
    assert calls == ["pre", "post", "every", "post"]
    optimizer.register_step_pre_hook(lambda *args: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_state_dict_hooks():
    optimizer = fb.optim.SGD([param()], lr=1.0)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(
        lambda o, state: {k: v for k, v in state.items() if k != "extra"}
    )
    saved = optimizer.state_dict()
    assert saved["extra"] == 1
    optimizer.load_state_dict(saved)


def test_a_subclass_is_hooked_and_has_groups():
    class Half(fb.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": fb.optim.optimizer.required, "k": 2})

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.div_(group["k"])

    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Half([param()])
    p = param(4.0)
    optimizer = Half([{"params": p, "lr": 1.0}])
    seen = []
    optimizer.register_step_post_hook(lambda *args: seen.append(1))
    optimizer.step()
    assert p.item() == 2.0 and seen == [1]


def test_named_parameters():
    optimizer = fb.optim.SGD([("weight", param())], lr=1.0)
    assert optimizer.param_groups[0]["param_names"] == ["weight"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight"]
    with pytest.raises(ValueError, match="without names"):
        optimizer.add_param_group({"params": [param()]})


def test_a_replaced_parameter_keeps_the_state_it_is_given():
    """What programs do that prune or split parameters in the middle of a run."""
    p = param(1.0, 2.0)
    optimizer = fb.optim.Adam([p], lr=0.1)
    p.grad = fb.ones(2)
    optimizer.step()
    state = optimizer.state.pop(p)
    q = param(5.0)
    state["exp_avg"], state["exp_avg_sq"] = state["exp_avg"][:1], state["exp_avg_sq"][:1]
    optimizer.param_groups[0]["params"][0] = q
    optimizer.state[q] = state
    q.grad = fb.ones(1)
    optimizer.step()
    assert float(optimizer.state[q]["step"]) == 2 and q.item() == pytest.approx(4.9)


P = param()
ERRORS = [
    (lambda: fb.optim.SGD(P), TypeError, "should be an iterable of Tensors or dicts"),
    (lambda: fb.optim.SGD([]), ValueError, "empty parameter list"),
    (lambda: fb.optim.SGD([3]), TypeError, "can only optimize Tensors"),
    (lambda: fb.optim.SGD([P * 2]), ValueError, "non-leaf"),
    (lambda: fb.optim.SGD([{"params": {P}}]), TypeError, "ordered collections"),
    (lambda: fb.optim.SGD([{"params": [P]}, {"params": [P]}]), ValueError, "more than one"),
    (lambda: fb.optim.SGD([P]).add_param_group(3), TypeError, "must be a dict"),
    (lambda: fb.optim.SGD([P], lr=-1), ValueError, "Invalid learning rate: -1"),
    (lambda: fb.optim.SGD([P], momentum=-1), ValueError, "Invalid momentum value"),
    (lambda: fb.optim.SGD([P], weight_decay=-1), ValueError, "Invalid weight_decay value"),
    (lambda: fb.optim.SGD([P], nesterov=True), ValueError, "Nesterov"),
    (lambda: fb.optim.SGD([P], lr=fb.ones(2)), ValueError, "1-element"),
    (lambda: fb.optim.SGD([P], fused=True, foreach=True), RuntimeError, "cannot be `True`"),
    (lambda: fb.optim.Adam([P], fused=True, differentiable=True), RuntimeError, "`fused`"),
    (lambda: fb.optim.Adam([P], betas=(2, 0.9)), ValueError, "index 0: 2"),
    (lambda: fb.optim.Adam([P], lr=fb.tensor(1.0), foreach=True), ValueError, "lr as a Tensor"),
    (lambda: fb.optim.AdamW([P], eps=-1), ValueError, "Invalid epsilon value"),
    (lambda: fb.optim.RMSprop([P], alpha=-1), ValueError, "Invalid alpha value"),
    (lambda: fb.optim.Adagrad([P], lr_decay=-1), ValueError, "Invalid lr_decay value"),
    (lambda: fb.optim.Adadelta([P], rho=2), ValueError, "Invalid rho value"),
    (lambda: fb.optim.Adamax([P], betas=(0.9, 3)), ValueError, "index 1: 3"),
    (lambda: fb.optim.NAdam([P], momentum_decay=-1), ValueError, "Invalid momentum_decay"),
    (lambda: fb.optim.RAdam([P], lr=-1), ValueError, "Invalid learning rate"),
    (lambda: fb.optim.ASGD([P], weight_decay=-1), ValueError, "Invalid weight_decay value"),
    (lambda: fb.optim.Rprop([P], etas=(2, 3)), ValueError, "Invalid eta values: 2, 3"),
    (lambda: fb.optim.LBFGS([{"params": [P]}, {"params": [param()]}]), ValueError, "LBFGS"),
    (lambda: fb.optim.SGD([("a", P), param()]), ValueError, "names are missing"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS, ids=range(len(ERRORS)))
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_capturable_says_that_it_cannot():
    p = param()
    optimizer = fb.optim.Adam([p], capturable=True)
    p.grad = fb.ones(1)
    with pytest.raises(RuntimeError, match="capturable=True"):
        optimizer.step()


def test_mismatched_state_dicts():
    optimizer = fb.optim.SGD([param()], lr=1.0)
    saved = optimizer.state_dict()
    saved["param_groups"].append({})
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(saved)
    saved = optimizer.state_dict()
    saved["param_groups"][0]["params"].append(1)
    with pytest.raises(ValueError, match="doesn't match the size"):
        optimizer.load_state_dict(saved)


def test_absent_optimizers_say_why():
    with pytest.raises(AttributeError, match="not implemented"):
        fb.optim.SparseAdam  # noqa: B018
