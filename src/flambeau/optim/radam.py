"""RAdam."""

from __future__ import annotations

from ._rule import (
    RuleOptimizer,
    addcdiv_,
    axpy_,
    check_betas,
    check_lr,
    check_weight_decay,
    new_step,
    zeros_of,
)


class RAdam(RuleOptimizer):
    """Rectified Adam (Liu et al., 2020).

    The adaptive step is used only when its variance is tractable (rho > 5) and is then scaled by
    the rectification term; before that the step is momentum alone. State as in Adam.
    """

    _group_defaults = (*RuleOptimizer._group_defaults, ("decoupled_weight_decay", False))

    def __init__(
        self,
        params,
        lr=1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_betas(betas, eps)
        check_weight_decay(weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _init_state(self, p, grad, group) -> dict:
        return {"step": new_step(), "exp_avg": zeros_of(p), "exp_avg_sq": zeros_of(p)}

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
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction2
        if rho <= 5.0:
            axpy_(p, exp_avg, -lr / correction1)
            return
        rectify = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        scale = -lr * (rectify * correction2) ** 0.5 / correction1
        addcdiv_(p, exp_avg, exp_avg_sq.sqrt().add(group["eps"]), scale)
