"""Objects that change their class, and the cycle collector."""

from __future__ import annotations

import gc

import pytest

import flambeau as fb


class Named(fb.Tensor):
    pass


class Finalized(fb.Tensor):
    seen = 0

    def __del__(self):
        Finalized.seen += 1


@pytest.fixture
def busy_collector():
    """The collector looks at every object after every allocation."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("make", "cls"),
    [
        (lambda: fb.ones(3).as_subclass(Named), fb.Tensor),
        (lambda: fb.nn.Parameter(fb.ones(3)), fb.Tensor),
        (lambda: fb.ones(3), Named),
        (lambda: fb.ones(3), fb.nn.Parameter),
        (lambda: fb.ones(3), Finalized),
    ],
)
def test_class_assignment(busy_collector, make, cls):
    for _ in range(50):
        kept = []
        for _ in range(20):
            x = make()
            x.note = [x]  # a cycle: only the collector can free it
            x.__class__ = cls
            kept.append(x)
        assert all(type(x) is cls and x.sum() == 3 for x in kept)
        del kept, x
        fresh = [fb.zeros(2) for _ in range(40)]
        assert all(type(x) is fb.Tensor and not hasattr(x, "note") for x in fresh)
    gc.collect()


def test_finalizers_run_once(busy_collector):
    Finalized.seen = 0
    for _ in range(30):
        x = fb.ones(2)
        x.__class__ = Finalized
    del x
    gc.collect()
    assert Finalized.seen == 30


def test_cycle_through_the_graph(busy_collector):
    for _ in range(50):
        x = fb.ones(3, requires_grad=True)
        y = x * 2
        y.register_hook(lambda g, y=y: g * y.detach())
        y.owner = y
        y.sum().backward()
        assert x.grad.tolist() == [4.0, 4.0, 4.0]


def test_lazy_parameters_become_plain(busy_collector):
    for _ in range(10):
        net = fb.nn.Sequential(fb.nn.LazyConv2d(2, 3), fb.nn.LazyBatchNorm2d(), fb.nn.Flatten())
        net(fb.ones(1, 2, 5, 5))
        state = net.state_dict()
        del net
        assert type(state["1.running_mean"]) is fb.Tensor
