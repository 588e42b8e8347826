"""RMSprop."""

from __future__ import annotations

import flambeau

from .. import _C
from ._rule import (
    RuleOptimizer,
    addcdiv_,
    axpy_,
    check,
    check_weight_decay,
    new_step,
    zeros_of,
)


class RMSprop(RuleOptimizer):
    r"""RMSprop (Hinton, lecture 6e of his course, 2012; centered: Graves, 2013).

    ``v = alpha v + (1 - alpha) g**2``; ``p -= lr g / (sqrt(v) + eps)``. ``centered`` subtracts the
    square of the running mean of g from v. With momentum m: ``b = m b + g / (sqrt(v) + eps)`` and
    ``p -= lr b``.

    State: ``step``, ``square_avg`` and, where used, ``momentum_buffer`` and ``grad_avg``.
    """

    _group_defaults = (
        ("momentum", 0),
        ("centered", False),
        ("foreach", None),
        ("maximize", False),
        ("differentiable", False),
        ("capturable", False),
    )

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if isinstance(lr, flambeau.Tensor):
            check(lr.numel() == 1, "Tensor lr must be 1-element")
        check(lr >= 0.0, f"Invalid learning rate: {lr}")
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        check_weight_decay(weight_decay)
        check(alpha >= 0.0, f"Invalid alpha value: {alpha}")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def step(self, closure=None):
        """Make one step; returns what ``closure`` returned, or None."""
        loss = None
        if closure is not None:
            with flambeau.enable_grad():
                loss = closure()
        state = self.state
        for group in self.param_groups:
            if group["differentiable"] or group["capturable"]:
                self._step_by_rule(group)
                continue
            params = group["params"]
            grads = [g for p in params if (g := p.grad) is not None]
            if len(grads) != len(params):
                params = [p for p in params if p.grad is not None]
            if not params:
                continue
            states = [state[p] for p in params]
            if not all(states):
                for p, s in zip(params, states):
                    if not s:
                        s.update(self._init_state(p, None, group))
            momentum = group["momentum"]
            _C._rmsprop_step(
                params,
                grads,
                [s["square_avg"] for s in states],
                [s["grad_avg"] for s in states] if group["centered"] else None,
                [s["momentum_buffer"] for s in states] if momentum > 0 else None,
                [s["step"] for s in states],
                group["lr"],
                group["alpha"],
                group["eps"],
                group["weight_decay"],
                momentum,
                group["maximize"],
            )
        return loss

    def _init_state(self, p, grad, group) -> dict:
        state = {"step": new_step(), "square_avg": zeros_of(p)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_of(p)
        if group["centered"]:
            state["grad_avg"] = zeros_of(p)
        return state

    def _update(self, p, grad, state, group) -> None:
        lr, alpha = group["lr"], group["alpha"]
        state["step"].add_(1)
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])
        square_avg = state["square_avg"]
        square_avg.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        variance = square_avg
        if group["centered"]:
            grad_avg = state["grad_avg"]
            grad_avg.lerp_(grad, 1 - alpha)
            variance = square_avg.addcmul(grad_avg, grad_avg, value=-1)
        denominator = variance.sqrt().add(group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            buffer.mul_(group["momentum"]).addcdiv_(grad, denominator)
            axpy_(p, buffer, -lr)
        else:
            addcdiv_(p, grad, denominator, -lr)
