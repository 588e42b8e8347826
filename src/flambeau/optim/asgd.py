"""ASGD."""

from __future__ import annotations

import flambeau

from ._rule import RuleOptimizer, check_lr, check_weight_decay, new_step, scalar_dtype, zeros_of


class ASGD(RuleOptimizer):
    """Averaged stochastic gradient descent (Polyak and Juditsky, 1992).

    ``p = p (1 - lambd eta) - eta g`` with ``eta = lr / (1 + lambd lr step)**alpha``; the average
    ``ax`` of p starts after ``t0`` steps. State: ``step``, ``eta``, ``mu`` (0-d tensors), ``ax``.
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_weight_decay(weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        for s in self.state.values():
            for key in ("eta", "mu"):
                if isinstance(s, dict) and isinstance(s.get(key), (int, float)):
                    s[key] = flambeau.tensor(s[key], dtype=scalar_dtype())

    def _init_state(self, p, grad, group) -> dict:
        return {
            "step": new_step(),
            "eta": flambeau.tensor(float(group["lr"]), dtype=scalar_dtype()),
            "mu": flambeau.ones((), dtype=scalar_dtype()),
            "ax": zeros_of(p),
        }

    def _update(self, p, grad, state, group) -> None:
        lr, lambd = group["lr"], group["lambd"]
        ax, mu = state["ax"], float(state["mu"])
        state["step"].add_(1)
        step = float(state["step"])
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])
        eta = float(state["eta"])
        p.mul_(1 - lambd * eta)
        p.add_(grad, alpha=-eta)
        if mu == 1:
            ax.copy_(p)
        else:
            ax.add_(p.sub(ax).mul(mu))
        state["eta"].fill_(float(lr) / (1 + lambd * float(lr) * step) ** group["alpha"])
        state["mu"].fill_(1 / max(1, step - group["t0"]))
