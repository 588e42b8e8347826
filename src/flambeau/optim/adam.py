"""Adam."""

from __future__ import annotations

import flambeau

from .. import _C
from ._rule import (
    RuleOptimizer,
    addcdiv_,
    check,
    check_betas,
    check_fused,
    check_lr,
    check_weight_decay,
    new_step,
    zeros_of,
)


class Adam(RuleOptimizer):
    r"""Adam (Kingma and Ba, 2015), with AMSGrad (Reddi et al., 2018) as an option.

    ``m = b1 m + (1 - b1) g``; ``v = b2 v + (1 - b2) g**2``; with both corrected for their start at
    zero, ``p -= lr m' / (sqrt(v') + eps)``. ``weight_decay`` is added to the gradient, or with
    ``decoupled_weight_decay`` multiplies the parameter by ``1 - lr * weight_decay`` (AdamW).
    ``amsgrad`` divides by the largest v so far.

    ``lr`` and ``betas`` are numbers or 0-d tensors. ``foreach`` and ``fused`` are accepted and
    change nothing: a group is always one native call. ``differentiable=True`` records the step.

    State of a parameter: ``step`` (0-d tensor), ``exp_avg``, ``exp_avg_sq`` and, with
    ``amsgrad``, ``max_exp_avg_sq``, each of the parameter's shape.
    """

    _group_defaults = (
        ("amsgrad", False),
        ("maximize", False),
        ("foreach", None),
        ("capturable", False),
        ("differentiable", False),
        ("decoupled_weight_decay", False),
        ("fused", None),
    )

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_lr(lr, foreach, capturable)
        check_betas(betas, eps)
        check_weight_decay(weight_decay)
        tensors = [isinstance(beta, flambeau.Tensor) for beta in betas]
        check(tensors[0] == tensors[1], "betas must be either both floats or both Tensors")
        if tensors[0]:
            for i in (0, 1):
                check(betas[i].numel() == 1, f"Tensor betas[{i}] must be 1-element")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

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
            amsgrad = group["amsgrad"]
            states = [state[p] for p in params]
            if not all(states):
                for p, s in zip(params, states):
                    if not s:
                        s.update(self._init_state(p, None, group))
            beta1, beta2 = group["betas"]
            _C._adam_step(
                params,
                grads,
                [s["exp_avg"] for s in states],
                [s["exp_avg_sq"] for s in states],
                [s["max_exp_avg_sq"] for s in states] if amsgrad else None,
                [s["step"] for s in states],
                group["lr"],
                beta1,
                beta2,
                group["eps"],
                group["weight_decay"],
                group["decoupled_weight_decay"],
                amsgrad,
                group["maximize"],
            )
        return loss

    def _init_state(self, p, grad, group) -> dict:
        state = {"step": new_step(), "exp_avg": zeros_of(p), "exp_avg_sq": zeros_of(p)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_of(p)
        return state

    def _update(self, p, grad, state, group) -> None:
        lr, weight_decay = group["lr"], group["weight_decay"]
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        state["step"].add_(1)
        step = float(state["step"])
        if weight_decay != 0:
            if group["decoupled_weight_decay"]:
                p.mul_(1 - lr * weight_decay)
            else:
                grad = grad.add(p, alpha=weight_decay)
        exp_avg.mul_(beta1).add_(grad * (1 - beta1))
        exp_avg_sq.mul_(beta2).add_(grad * grad * (1 - beta2))
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            largest.copy_(flambeau.maximum(largest.clone(), exp_avg_sq))
            exp_avg_sq = largest
        correction = (1 - beta2**step) ** 0.5
        denominator = (exp_avg_sq.sqrt() / correction).add(group["eps"])
        addcdiv_(p, exp_avg, denominator, -lr / (1 - beta1**step))
