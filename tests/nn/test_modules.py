"""Properties that hold for every module of the table."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import flambeau as fb
from flambeau import nn
from tests.nn.modules import ROWS, Row

every_row = pytest.mark.parametrize("row", ROWS, ids=repr)


def build(row: Row):
    fb.manual_seed(0)
    return getattr(nn, row.cls)(*row.args, **row.kwargs).double()


def tensors(row: Row, empty: bool = False):
    rng = np.random.default_rng(0)
    return [fb.from_numpy(np.ascontiguousarray(i.make(rng, empty))) for i in row.inputs]


def first(output):
    return output[0] if isinstance(output, tuple) else output


def numbers(module) -> dict:
    return {k: v.detach().numpy().copy() for k, v in module.state_dict().items()}


def same(a, b) -> bool:
    return a.shape == b.shape and bool((a == b).all())


@every_row
def test_output_is_the_reference(row):
    if row.ref is None:
        pytest.skip("a composition of modules that have references of their own")
    module, inputs = build(row), tensors(row)
    expected = row.ref(numbers(module), *(x.numpy() for x in inputs))
    output = first(module(*inputs)).detach().numpy()
    assert output.shape == np.shape(expected)
    np.testing.assert_allclose(output, expected, rtol=1e-7, atol=1e-9)


@every_row
def test_state_dict_round_trip(row):
    module = build(row)
    other = getattr(nn, row.cls)(*row.args, **row.kwargs).double()
    result = other.load_state_dict(module.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    for key, value in module.state_dict().items():
        assert same(value, other.state_dict()[key])


@every_row
def test_copies_compute_the_same(row):
    module, inputs = build(row).eval(), tensors(row)
    expected = first(module(*inputs))
    for clone in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert type(clone) is type(module)
        assert repr(clone) == repr(module)
        assert list(clone.state_dict()) == list(module.state_dict())
        assert all(a is not b for a, b in zip(clone.parameters(), module.parameters()))
        assert same(first(clone(*inputs)), expected)


@every_row
def test_train_and_eval_reach_every_submodule(row):
    module = build(row)
    assert all(m.training for m in module.modules())
    assert module.eval() is module
    assert not any(m.training for m in module.modules())
    module.train()
    assert all(m.training for m in module.modules())


@every_row
def test_same_seed_gives_the_same_module(row):
    a, b = build(row), build(row)
    assert repr(a) == repr(b)
    assert repr(a).startswith(row.cls + "(")
    for x, y in zip(a.parameters(), b.parameters()):
        assert same(x, y)


@every_row
def test_gradients(row):
    if not row.gradcheck:
        pytest.skip("its gradient is not the derivative on purpose; see the table")
    module, inputs = build(row), tensors(row)
    # Running statistics would make every call of the function another function.
    for m in module.modules():
        if isinstance(getattr(m, "momentum", None), float):
            m.momentum = 0.0
    names = [n for n, _ in module.named_parameters()]
    params = [p.detach().requires_grad_() for p in module.parameters()]
    targets = (
        1
        if row.cls.endswith("Loss")
        and row.cls not in ("TripletMarginLoss", "TripletMarginWithDistanceLoss")
        else len(inputs)
    )
    leaves = [i for i, x in enumerate(inputs) if x.is_floating_point() and i < targets]
    live = [inputs[i].requires_grad_() for i in leaves]

    def function(values):
        args = list(inputs)
        for i, v in zip(leaves, values):
            args[i] = v
        given = dict(zip(names, values[len(leaves) :]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return first(nn.utils.stateless.functional_call(module, given, tuple(args)))

    check_directional_derivatives(function, [*live, *params])


def check_directional_derivatives(function, leaves, directions: int = 3, step: float = 1e-6):
    """Compare autograd with central differences along random directions in float64."""
    rng = np.random.default_rng(1)
    output = function(leaves)
    probe = fb.from_numpy(rng.standard_normal(tuple(output.shape)))
    grads = fb.autograd.grad((output * probe).sum(), leaves, allow_unused=True)
    for _ in range(directions):
        ways = [fb.from_numpy(rng.standard_normal(tuple(v.shape))) for v in leaves]
        analytic = sum(float((g * w).sum()) for g, w in zip(grads, ways) if g is not None)
        with fb.no_grad():
            ahead = function([v + step * w for v, w in zip(leaves, ways)])
            behind = function([v - step * w for v, w in zip(leaves, ways)])
            numeric = float(((ahead - behind) * probe).sum()) / (2 * step)
        np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-6)


@every_row
def test_zero_batch(row):
    if not row.zero_batch:
        pytest.skip("an empty batch is not defined for this module")
    module, inputs = build(row), tensors(row, empty=True)
    for x in inputs:
        if x.is_floating_point():
            x.requires_grad_()
    output = first(module(*inputs))
    assert output.numel() == 0
    if output.requires_grad:
        output.sum().backward()
        for p in module.parameters():
            assert p.grad is None or not bool(p.grad.any())


def test_every_module_has_a_row():
    """Modules are in the table, or here with the reason why not."""
    elsewhere = {
        "Module",
        "RNNBase",
        "RNNCellBase",  # bases
        "Sequential",
        "ModuleList",
        "ModuleDict",
        "ParameterList",
        "ParameterDict",  # containers
        "Parameter",
        "Buffer",
        "UninitializedParameter",
        "UninitializedBuffer",  # tensors
        "NLLLoss2d",  # another name of NLLLoss
        "RReLU",  # random
        "SyncBatchNorm",  # raises
        "FractionalMaxPool2d",
        "FractionalMaxPool3d",  # random windows
        "MaxUnpool1d",
        "MaxUnpool2d",
        "MaxUnpool3d",  # take indices of a pooling
        "AdaptiveLogSoftmaxWithLoss",  # its outputs are tested by themselves
        "TransformerEncoder",
        "TransformerDecoder",
        "TransformerDecoderLayer",  # in Transformer
    }
    known = {row.cls for row in ROWS} | elsewhere
    for name, value in vars(nn).items():
        if isinstance(value, type) and not name.startswith(("_", "Lazy")):
            assert name in known, f"{name} has no row"
