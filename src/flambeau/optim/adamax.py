"""Adamax."""

from __future__ import annotations

import flambeau

from ._rule import (
    NativeRule,
    addcdiv_,
    check_betas,
    check_lr,
    check_weight_decay,
    decay_factor,
    new_step,
    zeros_of,
)


class Adamax(NativeRule):
    """Adamax: Adam with the infinity norm (Kingma and Ba, 2015, section 7.1).

    ``m = b1 m + (1 - b1) g``; ``u = max(b2 u, |g| + eps)``; ``p -= lr / (1 - b1**step) m / u``.
    State: ``step``, ``exp_avg`` (m), ``exp_inf`` (u).
    """

    _rule = 2
    _state_names = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params,
        lr=2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_betas(betas, eps)
        check_weight_decay(weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _init_state(self, p, grad, group) -> dict:
        return {"step": new_step(), "exp_avg": zeros_of(p), "exp_inf": zeros_of(p)}

    def _factors(self, state, group) -> tuple:
        state["step"].add_(1)
        beta1, beta2 = group["betas"]
        rate = group["lr"] / (1 - beta1 ** float(state["step"]))
        return rate, decay_factor(group), group["eps"], 1 - beta1, beta2

    def _update(self, p, grad, state, group) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_inf = state["exp_avg"], state["exp_inf"]
        state["step"].add_(1)
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])
        exp_avg.lerp_(grad, 1 - beta1)
        exp_inf.copy_(flambeau.maximum(exp_inf * beta2, grad.abs().add(group["eps"])))
        addcdiv_(p, exp_avg, exp_inf, -group["lr"] / (1 - beta1 ** float(state["step"])))
