"""Every scheduler is one row: options, and the learning rate of each epoch in closed form."""

import math

import pytest

import flambeau as fb
from flambeau.optim import lr_scheduler as sched

BASE = 0.1
EPOCHS = 14


def warm_restarts(e, first, factor, low):
    length = first
    while e >= length:
        e -= length
        length *= factor
    return low + (BASE - low) * (1 + math.cos(math.pi * e / length)) / 2


def triangle(e, up, down, low, high):
    e %= up + down
    return low + (high - low) * (e / up if e <= up else (up + down - e) / down)


def one_cycle(e, top, total, pct):
    peak = pct * total - 1

    def cosine(start, end, x):
        return end + (start - end) / 2 * (1 + math.cos(math.pi * x))

    if e <= peak:
        return cosine(top / 25, top, e / peak)
    return cosine(top, top / 25 / 1e4, (e - peak) / (total - 1 - peak))


ROWS = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}, lambda e: BASE * 0.5 ** (e // 3)),
    ("MultiStepLR", {"milestones": [2, 5, 5]}, lambda e: BASE * 0.1 ** ((e >= 2) + 2 * (e >= 5))),
    ("ConstantLR", {"factor": 0.5, "total_iters": 4}, lambda e: BASE * (0.5 if e < 4 else 1)),
    (
        "LinearLR",
        {"start_factor": 0.2, "end_factor": 0.9, "total_iters": 7},
        lambda e: BASE * (0.2 + 0.7 * min(e, 7) / 7),
    ),
    ("ExponentialLR", {"gamma": 0.9}, lambda e: BASE * 0.9**e),
    ("PolynomialLR", {"total_iters": 8, "power": 2.0}, lambda e: BASE * (1 - min(e, 8) / 8) ** 2),
    (
        "CosineAnnealingLR",
        {"T_max": 5, "eta_min": 0.01},
        lambda e: 0.01 + 0.09 * (1 + math.cos(math.pi * e / 5)) / 2,
    ),
    (
        "CosineAnnealingWarmRestarts",
        {"T_0": 2, "T_mult": 2, "eta_min": 0.01},
        lambda e: warm_restarts(e, 2, 2, 0.01),
    ),
    ("LambdaLR", {"lr_lambda": lambda e: 1 / (1 + e)}, lambda e: BASE / (1 + e)),
    ("MultiplicativeLR", {"lr_lambda": lambda e: 0.8}, lambda e: BASE * 0.8**e),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "step_size_down": 2},
        lambda e: triangle(e, 4, 2, 0.1, 0.5),
    ),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3, "mode": "exp_range", "gamma": 0.9},
        lambda e: 0.1 + (triangle(e, 3, 3, 0.1, 0.5) - 0.1) * 0.9**e,
    ),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 20}, lambda e: one_cycle(e, 0.5, 20, 0.3)),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(ROWS)]
every_row = pytest.mark.parametrize("name, options, expected", ROWS, ids=IDS)


def sgd(lr=BASE, momentum=0.9):
    p = fb.nn.Parameter(fb.ones(1))
    p.grad = fb.zeros(1)
    return fb.optim.SGD([p], lr=lr, momentum=momentum)


def lr_of(optimizer):
    return float(optimizer.param_groups[0]["lr"])


@every_row
@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
def test_closed_form(name, options, expected, tensor):
    optimizer = sgd(fb.tensor(BASE, dtype=fb.float64) if tensor else BASE)
    kept = optimizer.param_groups[0]["lr"]
    scheduler = getattr(sched, name)(optimizer, **options)
    for epoch in range(EPOCHS):
        assert lr_of(optimizer) == pytest.approx(expected(epoch), rel=1e-9, abs=1e-12)
        assert float(scheduler.get_last_lr()[0]) == lr_of(optimizer)
        optimizer.step()
        scheduler.step()
    if tensor:
        assert optimizer.param_groups[0]["lr"] is kept


@every_row
def test_checkpoint_continues_the_schedule(name, options, expected):
    optimizer = sgd()
    scheduler = getattr(sched, name)(optimizer, **options)
    for _ in range(5):
        optimizer.step()
        scheduler.step()
    other = sgd()
    again = getattr(sched, name)(other, **options)
    other.load_state_dict(optimizer.state_dict())
    again.load_state_dict(scheduler.state_dict())
    for epoch in range(6, EPOCHS):
        other.step()
        again.step()
        assert lr_of(other) == pytest.approx(expected(epoch), rel=1e-9, abs=1e-12)


@every_row
def test_state_dict_is_plain(name, options, expected):
    state = getattr(sched, name)(sgd(), **options).state_dict()
    assert "optimizer" not in state and state["last_epoch"] == 0
    assert not any(callable(value) for value in state.values())


def test_a_change_from_outside_is_kept():
    optimizer = sgd()
    scheduler = sched.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 1.0
    scheduler.step()
    assert lr_of(optimizer) == 0.5


def test_cyclic_momentum_moves_against_the_rate():
    optimizer = sgd()
    scheduler = sched.CyclicLR(optimizer, 0.1, 0.5, step_size_up=2)
    seen = []
    for _ in range(5):
        seen.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9])


def test_one_cycle_sets_beta1_and_ends():
    p = fb.nn.Parameter(fb.ones(1))
    p.grad = fb.zeros(1)
    optimizer = fb.optim.Adam([p])
    scheduler = sched.OneCycleLR(optimizer, 1.0, total_steps=4, three_phase=True)
    assert optimizer.param_groups[0]["betas"][0] == pytest.approx(0.95)
    for _ in range(4):
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 5 times"):
        scheduler.step()


def test_sequential():
    optimizer = sgd()
    scheduler = sched.SequentialLR(
        optimizer,
        [sched.ConstantLR(optimizer, 0.1, 10), sched.ExponentialLR(optimizer, 0.5)],
        [2],
    )
    seen = []
    for _ in range(5):
        seen.append(lr_of(optimizer))
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx([0.01, 0.01, 0.1, 0.05, 0.025])
    saved = scheduler.state_dict()
    assert saved["last_epoch"] == 5 and len(saved["_schedulers"]) == 2


def test_chained():
    optimizer = sgd()
    scheduler = sched.ChainedScheduler(
        [sched.ConstantLR(optimizer, 0.1, 2), sched.ExponentialLR(optimizer, 0.5)]
    )
    seen = []
    for _ in range(4):
        seen.append(lr_of(optimizer))
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx([0.01, 0.005, 0.025, 0.0125])


def test_plateau():
    optimizer = sgd()
    scheduler = sched.ReduceLROnPlateau(optimizer, patience=1, cooldown=1, min_lr=0.002)
    seen = []
    for metric in (1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, fb.tensor(0.1)):
        scheduler.step(metric)
        seen.append(lr_of(optimizer))
    # The third reduction would be too small: min_lr stops the fall.
    assert seen == pytest.approx([0.1] * 3 + [0.01] * 3 + [0.002] * 5)
    assert scheduler.best == pytest.approx(0.1)


def test_swa_lr():
    optimizer = sgd()
    scheduler = fb.optim.swa_utils.SWALR(optimizer, 0.02, 4, "linear")
    seen = []
    for _ in range(6):
        seen.append(lr_of(optimizer))
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx([0.1, 0.08, 0.06, 0.04, 0.02, 0.02])


def test_warnings():
    optimizer = sgd()
    scheduler = sched.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step"):
        scheduler.step()
    with pytest.warns(UserWarning, match="The epoch parameter"):
        scheduler.step(4)
    assert lr_of(optimizer) == pytest.approx(0.001)
    with pytest.warns(UserWarning, match="get_last_lr"):
        scheduler.get_lr()
    optimizer = sgd()
    scheduler = sched.StepLR(optimizer, 2)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        scheduler.step()


ERRORS = [
    (lambda o: sched.StepLR(3, 2), TypeError, "int is not an Optimizer"),
    (lambda o: sched.StepLR(o, 2, last_epoch=3), KeyError, "initial_lr"),
    (lambda o: sched.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
    (lambda o: sched.LinearLR(o, 0.0), ValueError, "Starting multiplicative factor"),
    (lambda o: sched.CyclicLR(o, [0.1, 0.2], 0.3), ValueError, "same length"),
    (lambda o: sched.CyclicLR(o, 0.1, 0.3, mode="x"), ValueError, "mode is invalid"),
    (lambda o: sched.OneCycleLR(o, 0.1), ValueError, "total_steps OR"),
    (lambda o: sched.OneCycleLR(o, 0.1, total_steps=-1), ValueError, "positive integer"),
    (lambda o: sched.LambdaLR(o, [len, len]), ValueError, "Expected 1 lr_lambdas"),
    (lambda o: sched.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor"),
    (lambda o: sched.ReduceLROnPlateau(o, mode="x"), ValueError, "mode x is unknown"),
    (lambda o: sched.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0"),
    (lambda o: sched.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
    (lambda o: sched.SequentialLR(o, [sched.StepLR(o, 1)], [1]), ValueError, "one more than"),
    (
        lambda o: sched.ChainedScheduler([sched.StepLR(o, 1), sched.StepLR(sgd(), 1)]),
        ValueError,
        "same optimizer",
    ),
]


@pytest.mark.parametrize("call, kind, text", ERRORS, ids=range(len(ERRORS)))
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call(sgd())
