"""RAdam."""

from __future__ import annotations

from ._rule import (
    NativeRule,
    addcdiv_,
    axpy_,
    check_betas,
    check_lr,
    check_weight_decay,
    decay_factor,
    new_step,
    zeros_of,
)


class RAdam(NativeRule):
    """Rectified Adam (Liu et al., 2020).

    The adaptive step is used only when its variance is tractable (rho > 5) and is then scaled by
    the rectification term; before that the step is momentum alone. State as in Adam.
    """

    _group_defaults = (*NativeRule._group_defaults, ("decoupled_weight_decay", False))

    _rule = 4
    _state_names = ("exp_avg", "exp_avg_sq")

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

    def _rate(self, state, group) -> tuple:
        """Count the step; the step size, and whether the variance is tractable."""
        state["step"].add_(1)
        step, lr = float(state["step"]), group["lr"]
        beta1, beta2 = group["betas"]
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction2
        if rho <= 5.0:
            return lr / correction1, False
        rectify = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        return lr * (rectify * correction2) ** 0.5 / correction1, True

    def _factors(self, state, group) -> tuple:
        beta1, beta2 = group["betas"]
        rate, rectified = self._rate(state, group)
        decay, eps = decay_factor(group), group["eps"]
        return rate, decay, eps, 1 - beta1, beta2, 1 - beta2, float(rectified)

    def _update(self, p, grad, state, group) -> None:
        weight_decay = group["weight_decay"]
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        rate, rectified = self._rate(state, group)
        if weight_decay != 0:
            if group["decoupled_weight_decay"]:
                p.mul_(decay_factor(group))
            else:
                grad = grad.add(p, alpha=weight_decay)
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if rectified:
            addcdiv_(p, exp_avg, exp_avg_sq.sqrt().add(group["eps"]), -rate)
        else:
            axpy_(p, exp_avg, -rate)
