"""Rprop."""

from __future__ import annotations

import flambeau

from ._rule import RuleOptimizer, check, check_lr, new_step, zeros_of


class Rprop(RuleOptimizer):
    """Resilient backpropagation (Riedmiller and Braun, 1993).

    Each element has its own step size: it grows by ``etas[1]`` while the sign of the gradient
    stays, shrinks by ``etas[0]`` when it changes (that gradient then counts as zero), and is kept
    within ``step_sizes``. State: ``step``, ``prev`` (the gradient before), ``step_size``.
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 < etas[0] < 1.0 < etas[1], f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _init_state(self, p, grad, group) -> dict:
        lr = float(group["lr"])
        start = complex(lr, lr) if p.is_complex() else lr
        return {
            "step": new_step(),
            "prev": zeros_of(p),
            "step_size": flambeau.full_like(grad.detach(), start),
        }

    def _update(self, p, grad, state, group) -> None:
        shrink, grow = group["etas"]
        prev, step_size = state["prev"], state["step_size"]
        state["step"].add_(1)
        sign = grad.mul(prev).sign()
        factor = flambeau.ones_like(sign)
        factor = factor.masked_fill(sign > 0, grow).masked_fill(sign < 0, shrink)
        step_size.copy_((step_size * factor).clamp(*group["step_sizes"]))
        grad = grad.masked_fill(sign < 0, 0)
        p.addcmul_(grad.sign(), step_size, value=-1)
        prev.copy_(grad)
