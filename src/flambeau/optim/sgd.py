"""Stochastic gradient descent."""

from __future__ import annotations

import flambeau

from .. import _C
from ._rule import RuleOptimizer, axpy_, check, check_fused, check_lr, check_weight_decay


class SGD(RuleOptimizer):
    r"""Stochastic gradient descent with momentum (Sutskever et al., 2013).

    With gradient g, weight decay w, momentum m, dampening d, and b the buffer:
    ``g += w p``; ``b = m b + (1 - d) g`` (``b = g`` in the first step);
    ``p -= lr b``, or with ``nesterov`` ``p -= lr (g + m b)``.

    ``lr`` is a number or a 0-d tensor. ``foreach`` and ``fused`` are accepted and change nothing:
    a group is always one native call. ``differentiable=True`` records the step.
    """

    _group_defaults = (
        ("nesterov", False),
        ("maximize", False),
        ("foreach", None),
        ("differentiable", False),
        ("fused", False),
    )
    _counts_steps = False

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr, foreach)
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        check_weight_decay(weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

    def step(self, closure=None):
        """Make one step; returns what ``closure`` returned, or None."""
        loss = None
        if closure is not None:
            with flambeau.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["differentiable"]:
                self._step_by_rule(group)
                continue
            params = group["params"]
            grads = [g for p in params if (g := p.grad) is not None]
            if len(grads) != len(params):
                params = [p for p in params if p.grad is not None]
            if not params:
                continue
            if group["momentum"]:
                self._momentum_step(group, params, grads)
            else:
                _native(group, params, grads, None, False)
        return loss

    def _momentum_step(self, group: dict, params: list, grads: list) -> None:
        states = [self.state[p] for p in params]
        try:
            buffers = [s["momentum_buffer"] for s in states]
        except KeyError:
            buffers = [s.get("momentum_buffer") for s in states]
        if type(None) in set(map(type, buffers)):
            self._first_momentum_step(group, params, grads, states, buffers)
        else:
            _native(group, params, grads, buffers, False)

    @staticmethod
    def _first_momentum_step(group, params, grads, states, buffers) -> None:
        """A step in which some or all parameters have no buffer yet."""
        new = [i for i, b in enumerate(buffers) if b is None]
        fresh = [flambeau.empty_like(params[i]).detach() for i in new]
        _native(group, [params[i] for i in new], [grads[i] for i in new], fresh, True)
        for i, buffer in zip(new, fresh):
            states[i]["momentum_buffer"] = buffer
        old = [i for i, b in enumerate(buffers) if b is not None]
        if old:
            params, grads, buffers = ([x[i] for i in old] for x in (params, grads, buffers))
            _native(group, params, grads, buffers, False)

    def _init_state(self, p, grad, group) -> dict:
        return {}

    def _update(self, p, grad, state, group) -> None:
        lr, momentum = group["lr"], group["momentum"]
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])
        if momentum != 0:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = grad.clone()
            else:
                buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
            grad = grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        axpy_(p, grad, -lr)

    def _step_by_rule(self, group: dict) -> None:
        # The rule is linear, so that complex tensors need no views of their parts.
        with flambeau.enable_grad():
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                state = self.state[p] if group["momentum"] else {}
                if "momentum_buffer" in state:
                    state["momentum_buffer"] = state["momentum_buffer"].clone()
                self._update(p, -grad if group["maximize"] else grad, state, group)


def _native(group, params, grads, buffers, first) -> None:
    _C._sgd_step(
        params,
        grads,
        buffers,
        group["lr"],
        group["momentum"],
        group["dampening"],
        group["weight_decay"],
        group["nesterov"],
        group["maximize"],
        first,
    )
