"""Adagrad."""

from __future__ import annotations

import flambeau

from ._rule import (
    NativeRule,
    addcdiv_,
    check,
    check_fused,
    check_lr,
    check_weight_decay,
    decay_factor,
    new_step,
)


class Adagrad(NativeRule):
    """Adagrad (Duchi, Hazan and Singer, 2011).

    ``s += g**2``; ``p -= lr' g / (sqrt(s) + eps)`` with ``lr' = lr / (1 + (step - 1) lr_decay)``.
    State, from construction on: ``step`` and ``sum`` (of the parameter's shape, filled with
    ``initial_accumulator_value``).
    """

    _rule = 0
    _state_names = ("sum",)

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check(lr_decay >= 0.0, f"Invalid lr_decay value: {lr_decay}")
        check_weight_decay(weight_decay)
        check(
            initial_accumulator_value >= 0.0,
            f"Invalid initial_accumulator_value value: {initial_accumulator_value}",
        )
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].update(self._init_state(p, None, group))

    def _init_state(self, p, grad, group) -> dict:
        start = group["initial_accumulator_value"]
        fill = complex(start, start) if p.is_complex() else start
        total = flambeau.full_like(
            p, fill, memory_format=flambeau.preserve_format, requires_grad=False
        )
        return {"step": new_step(), "sum": total}

    def share_memory(self) -> None:
        """Move the sums into memory that processes share."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _factors(self, state, group) -> tuple:
        state["step"].add_(1)
        lr = group["lr"] / (1 + (float(state["step"]) - 1) * group["lr_decay"])
        return lr, decay_factor(group), group["eps"]

    def _update(self, p, grad, state, group) -> None:
        state["step"].add_(1)
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])
        lr = group["lr"] / (1 + (float(state["step"]) - 1) * group["lr_decay"])
        total = state["sum"]
        total.addcmul_(grad, grad, value=1)
        addcdiv_(p, grad, total.sqrt().add(group["eps"]), -lr)
