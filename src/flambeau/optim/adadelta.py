"""Adadelta."""

from __future__ import annotations

from ._rule import (
    NativeRule,
    axpy_,
    check,
    check_lr,
    check_weight_decay,
    decay_factor,
    new_step,
    zeros_of,
)


class Adadelta(NativeRule):
    """Adadelta (Zeiler, 2012).

    ``v = rho v + (1 - rho) g**2``; ``d = sqrt(u + eps) / sqrt(v + eps) g``;
    ``u = rho u + (1 - rho) d**2``; ``p -= lr d``. State: ``step``, ``square_avg`` (v) and
    ``acc_delta`` (u).
    """

    _rule = 1
    _state_names = ("square_avg", "acc_delta")

    def __init__(
        self,
        params,
        lr=1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= rho <= 1.0, f"Invalid rho value: {rho}")
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check_weight_decay(weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _init_state(self, p, grad, group) -> dict:
        return {"step": new_step(), "square_avg": zeros_of(p), "acc_delta": zeros_of(p)}

    def _factors(self, state, group) -> tuple:
        state["step"].add_(1)
        rho = group["rho"]
        return group["lr"], decay_factor(group), group["eps"], rho, 1 - rho

    def _update(self, p, grad, state, group) -> None:
        rho, eps = group["rho"], group["eps"]
        square_avg, acc_delta = state["square_avg"], state["acc_delta"]
        state["step"].add_(1)
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])
        square_avg.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = acc_delta.add(eps).sqrt() / square_avg.add(eps).sqrt() * grad
        acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        axpy_(p, delta, -group["lr"])
