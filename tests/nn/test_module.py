"""Module itself: members, the call and its errors, hooks, state_dict, containers, utilities."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest

import flambeau as fb
from flambeau import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 2)
        self.scale = nn.Parameter(fb.ones(2))
        self.register_buffer("kept", fb.zeros(1))
        self.register_buffer("passing", fb.zeros(1), persistent=False)

    def forward(self, x):
        return self.head(self.body(x)) * self.scale


def test_members_follow_the_dictionaries():
    net = Net()
    other = nn.Parameter(fb.zeros(2))
    net._parameters["scale"] = other
    assert net.scale is other
    del net._modules["head"]
    assert not hasattr(net, "head")
    net._buffers["extra"] = fb.ones(3)
    assert net.extra.shape == (3,)
    del net.scale
    assert "scale" not in net._parameters


def test_assignment_registers_and_replaces():
    net = Net()
    net.plain = 3
    net.plain = nn.Parameter(fb.ones(1))
    assert "plain" in net._parameters and "plain" not in net.__dict__
    net.kept = fb.ones(5)
    assert net._buffers["kept"].shape == (5,)
    with pytest.raises(TypeError, match="cannot assign 'int' as parameter 'scale'"):
        net.scale = 3
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'head'"):
        net.head = 3
    net.scale = None
    assert net.scale is None and "scale" not in net.state_dict()


def test_members_before_init_are_refused():
    class Early(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(fb.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Early()


def test_buffer_marks():
    net = nn.Module()
    net.a = nn.Buffer(fb.ones(1))
    net.b = nn.Buffer(fb.ones(1), persistent=False)
    assert list(net.state_dict()) == ["a"]
    assert isinstance(net.a, nn.Buffer) and not isinstance(fb.ones(1), nn.Buffer)


def test_parameter():
    p = nn.Parameter(fb.ones(2))
    assert p.requires_grad and p.is_leaf and isinstance(p, fb.Tensor)
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert type(p * 2) is fb.Tensor
    clone = copy.deepcopy([p, p])
    assert clone[0] is clone[1] and clone[0] is not p and type(clone[0]) is nn.Parameter
    again = pickle.loads(pickle.dumps(p))
    assert type(again) is nn.Parameter and again.requires_grad
    with pytest.raises(TypeError, match="data must be a Tensor"):
        nn.Parameter([1.0])


def test_errors_name_the_module():
    net = Net()
    with pytest.raises(RuntimeError) as info:
        net(fb.ones(2, 5))
    assert info.value.__notes__ == ["in Net.body.0 (Linear)"]
    outer = nn.ModuleDict({"net": net})
    outer.forward = lambda x: outer["net"](x)
    with pytest.raises(RuntimeError) as info:
        outer(fb.ones(2, 5))
    assert info.value.__notes__ == ["in ModuleDict.net.body.0 (Linear)"]
    assert pickle.loads(pickle.dumps(info.value)).__notes__ == info.value.__notes__


def test_missing_forward_and_missing_init():
    with pytest.raises(NotImplementedError, match='missing the required "forward"'):
        nn.Module()(1)
    with pytest.raises(AttributeError, match="super"):
        nn.Linear.__new__(nn.Linear)(fb.ones(1))


def test_modules_are_freed_without_the_collector():
    net = Net()
    ref = weakref.ref(net)
    gc.disable()
    try:
        del net
        assert ref() is None
    finally:
        gc.enable()


def test_forward_hooks():
    net, seen = nn.Linear(3, 2), []

    def with_kwargs(module, args, kwargs):
        seen.append("kwargs")
        return (args[0] * 0,), kwargs

    net.register_forward_pre_hook(lambda m, a: seen.append("pre"))
    net.register_forward_pre_hook(with_kwargs, with_kwargs=True, prepend=True)
    handle = net.register_forward_hook(lambda m, a, out: out + 1)
    x = fb.ones(1, 3)
    assert bool((net(x) == net.bias + 1).all())
    handle.remove()
    assert bool((net(x) == net.bias).all())
    assert seen == ["kwargs", "pre"] * 2


def test_always_called_hooks_run_on_errors():
    net, seen = nn.Linear(3, 2), []
    net.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        net(fb.ones(1, 7))
    assert seen == [None]


def test_backward_hooks():
    net, seen = nn.Linear(3, 2, bias=False), []
    net.register_full_backward_pre_hook(lambda m, grads: (grads[0] * 2,))

    def hook(module, grad_input, grad_output):
        seen.append((grad_input[0].clone(), grad_output[0].clone()))
        return (grad_input[0] * 10,)

    net.register_full_backward_hook(hook)
    x = fb.ones(1, 3, requires_grad=True)
    net(x).sum().backward()
    assert bool((seen[0][1] == 2).all())
    assert bool(fb.isclose(x.grad, net.weight.sum(0) * 20).all())


def test_backward_hook_without_input_gradient():
    net, seen = nn.Linear(3, 2), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append(gi))
    net(fb.ones(1, 3)).sum().backward()
    assert seen == [(None,)]


def test_hooks_over_all_modules():
    from flambeau.nn.modules.module import register_module_forward_hook

    seen = []
    with register_module_forward_hook(lambda m, a, out: seen.append(type(m).__name__)):
        nn.Sequential(nn.ReLU())(fb.ones(1))
    nn.ReLU()(fb.ones(1))
    assert seen == ["ReLU", "Sequential"]


def test_state_dict_keys_and_metadata():
    state = Net().state_dict()
    assert "kept" in state and "passing" not in state
    assert state._metadata["body.1"] == {"version": 2}
    assert not any(v.requires_grad for v in state.values())


def test_load_state_dict_reports_everything():
    net = Net()
    state = dict(net.state_dict())
    del state["scale"]
    state["body.9.x"] = fb.ones(1)
    state["head.weight"] = fb.ones(3, 3)
    with pytest.raises(RuntimeError) as info:
        net.load_state_dict(state)
    text = str(info.value)
    assert text.startswith("Error(s) in loading state_dict for Net:")
    assert 'Missing key(s) in state_dict: "scale". ' in text
    assert 'Unexpected key(s) in state_dict: "body.9.x". ' in text
    assert "size mismatch for head.weight" in text
    del state["head.weight"]
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["scale", "head.weight"]
    assert result.unexpected_keys == ["body.9.x"]


def test_load_state_dict_assign():
    net = nn.Linear(2, 2)
    state = nn.Linear(2, 2).double().state_dict()
    net.load_state_dict(state, assign=True)
    assert net.weight.dtype == fb.float64 and type(net.weight) is nn.Parameter


def test_conversion_keeps_parameters():
    net = Net()
    before = list(net.parameters())
    assert net.double() is net
    assert all(a is b for a, b in zip(before, net.parameters()))
    assert net.kept.dtype == fb.float64
    assert net.body[1].num_batches_tracked.dtype == fb.int64
    with pytest.raises(TypeError, match="floating point or complex"):
        net.to(fb.int32)


def test_walks():
    shared = nn.Linear(2, 2)
    net = nn.ModuleDict({"a": shared, "b": nn.Sequential(shared)})
    assert [n for n, _ in net.named_parameters()] == ["a.weight", "a.bias"]
    names = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert names == ["a.weight", "a.bias", "b.0.weight", "b.0.bias"]
    assert [n for n, _ in net.named_modules()] == ["", "a", "b"]
    assert net.get_parameter("b.0.bias") is shared.bias
    with pytest.raises(AttributeError, match="has no attribute `7`"):
        net.get_submodule("b.7")


def test_zero_grad():
    net = nn.Linear(2, 2)
    net(fb.ones(1, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert not bool(net.weight.grad.any())
    net.zero_grad()
    assert net.weight.grad is None


def test_lazy_modules_become_real():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    state_before = list(net.state_dict())
    out = net(fb.ones(2, 3, 5, 5))
    assert out.shape == (2, 2)
    assert [type(m).__name__ for m in net] == ["Conv2d", "BatchNorm2d", "Flatten", "Linear"]
    assert list(net.state_dict()) == state_before
    fresh = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    fresh.load_state_dict(net.state_dict())
    assert fresh[3].weight.shape == (2, 36)


def test_sequential_and_lists():
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    assert repr(net[1:]) == "Sequential(\n  (1): Tanh()\n  (2): Sigmoid()\n)"
    del net[0]
    assert list(net._modules) == ["0", "1"]
    net.insert(0, nn.ELU())
    assert type(net[0]) is nn.ELU and len(net * 2) == 6
    same = nn.ModuleList([nn.Linear(1, 1) for _ in range(3)])
    assert repr(same) == (
        "ModuleList(\n  (0-2): 3 x Linear(in_features=1, out_features=1, bias=True)\n)"
    )
    with pytest.raises(IndexError, match="out of range"):
        same[3]


def test_parameter_containers():
    values = nn.ParameterList([fb.ones(2), 3])
    assert isinstance(values[0], nn.Parameter) and values[1] == 3
    table = nn.ParameterDict({"a": fb.ones(2)})
    table["b"] = fb.zeros(1)
    assert list(table) == ["a", "b"] and list(table.state_dict()) == ["a", "b"]


def test_clip_grad_norm():
    params = [fb.ones(3, requires_grad=True), fb.ones(4, requires_grad=True)]
    for p in params:
        (p * 2).sum().backward()
    total = nn.utils.clip_grad_norm_(params, 1.0)
    assert abs(float(total) - 28**0.5) < 1e-5
    clipped = sum(float((p.grad**2).sum()) for p in params) ** 0.5
    assert abs(clipped - 1) < 1e-4


def test_packed_sequences_run_as_the_single_ones():
    lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    sequences = [fb.randn(n, 3) for n in (2, 5, 1)]
    packed = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
    out, (h, _) = lstm(packed)
    padded, lengths = nn.utils.rnn.pad_packed_sequence(out)
    assert lengths.tolist() == [2, 5, 1]
    for i, s in enumerate(sequences):
        alone, (h_alone, _) = lstm(s)
        assert bool(fb.isclose(padded[: len(s), i], alone, atol=1e-6).all())
        assert bool(fb.isclose(h[:, i], h_alone, atol=1e-6).all())


def test_parametrisations():
    net = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    x = fb.ones(1, 3)
    before = net(x).detach()
    assert [n for n, _ in net.named_parameters()] == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
    nn.utils.parametrize.remove_parametrizations(net, "weight")
    assert type(net) is nn.Linear
    assert bool(fb.isclose(net(x), before).all())


def test_absent_features_say_so():
    with pytest.raises(NotImplementedError, match="compile"):
        nn.Linear(1, 1).compile()
    with pytest.raises(NotImplementedError, match="SyncBatchNorm"):
        nn.SyncBatchNorm(2)(fb.ones(2, 2))
