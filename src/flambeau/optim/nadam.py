"""NAdam."""

from __future__ import annotations

import flambeau

from ._rule import (
    NativeRule,
    addcdiv_,
    check,
    check_betas,
    check_lr,
    check_weight_decay,
    decay_factor,
    new_step,
    scalar_dtype,
    zeros_of,
)


class NAdam(NativeRule):
    r"""Adam with Nesterov momentum (Dozat, 2016).

    With ``mu(t) = b1 (1 - 0.5 * 0.96**(t momentum_decay))`` and M the product of all mu so far,
    ``p -= lr ((1 - mu(t)) / (1 - M) g + mu(t+1) / (1 - M mu(t+1)) m) / (sqrt(v') + eps)``; m and v
    as in Adam. State: ``step``, ``mu_product`` (M), ``exp_avg``, ``exp_avg_sq``.
    """

    _rule = 3
    _state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params,
        lr=2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check(momentum_decay >= 0.0, f"Invalid momentum_decay value: {momentum_decay}")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _group_defaults = (*NativeRule._group_defaults, ("decoupled_weight_decay", False))

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        for s in self.state.values():
            if isinstance(s, dict) and isinstance(s.get("mu_product"), (int, float)):
                s["mu_product"] = flambeau.tensor(s["mu_product"], dtype=scalar_dtype())

    def _init_state(self, p, grad, group) -> dict:
        return {
            "step": new_step(),
            "mu_product": flambeau.ones((), dtype=scalar_dtype()),
            "exp_avg": zeros_of(p),
            "exp_avg_sq": zeros_of(p),
        }

    def _rates(self, state, group) -> tuple:
        """Count the step; correction of the mean square, factors of gradient and mean."""
        state["step"].add_(1)
        step, lr, beta1 = float(state["step"]), group["lr"], group["betas"][0]
        decay = 0.96 ** group["momentum_decay"]
        mu = beta1 * (1 - 0.5 * decay**step)
        mu_next = beta1 * (1 - 0.5 * decay ** (step + 1))
        state["mu_product"].mul_(mu)
        product = float(state["mu_product"])
        correction = 1 - group["betas"][1] ** step
        return correction, lr * (1 - mu) / (1 - product), lr * mu_next / (1 - product * mu_next)

    def _factors(self, state, group) -> tuple:
        beta1, beta2 = group["betas"]
        correction, of_gradient, of_mean = self._rates(state, group)
        decay, eps = decay_factor(group), group["eps"]
        return of_gradient, decay, eps, 1 - beta1, beta2, 1 - beta2, correction, of_mean

    def _update(self, p, grad, state, group) -> None:
        weight_decay = group["weight_decay"]
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        correction, of_gradient, of_mean = self._rates(state, group)
        if weight_decay != 0:
            if group["decoupled_weight_decay"]:
                p.mul_(decay_factor(group))
            else:
                grad = grad.add(p, alpha=weight_decay)
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        denominator = exp_avg_sq.div(correction).sqrt().add(group["eps"])
        addcdiv_(p, grad, denominator, -of_gradient)
        addcdiv_(p, exp_avg, denominator, -of_mean)
