"""Optimizers as an update rule for one parameter, in plain Python over public operators.

A subclass gives ``_init_state`` and ``_update``; everything around them stands here once. The
optimizers with a native step keep such a rule as well: it serves ``differentiable=True``, where the
step itself becomes part of the graph.
"""

from __future__ import annotations

import flambeau

from .. import _C
from .optimizer import Optimizer

_FLOAT_LIKE = (float, int)


def scalar_dtype():
    """The dtype of counters such as ``step``: float64 where that is the default, else float32."""
    default = flambeau.get_default_dtype()
    return default if default == flambeau.float64 else flambeau.float32


def new_step():
    """A counter at zero, as a 0-d tensor."""
    return flambeau.zeros((), dtype=scalar_dtype())


def zeros_of(p):
    """Zeros with the shape, dtype and strides of a parameter."""
    return flambeau.zeros_like(p, memory_format=flambeau.preserve_format, requires_grad=False)


def axpy_(p, x, scale) -> None:
    """``p += scale * x`` in place; ``scale`` is a number or a 0-d tensor that keeps its graph."""
    if isinstance(scale, flambeau.Tensor):
        p.add_(x * scale)
    else:
        p.add_(x, alpha=scale)


def addcdiv_(p, x, y, scale) -> None:
    """``p += scale * x / y`` in place; ``scale`` is a number or a 0-d tensor."""
    if isinstance(scale, flambeau.Tensor):
        p.add_(x * scale / y)
    else:
        p.addcdiv_(x, y, value=scale)


def check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def check_lr(lr, foreach=False, capturable=False) -> None:
    """A learning rate is a number >= 0 or a tensor with one element."""
    if isinstance(lr, flambeau.Tensor):
        if foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check(lr.numel() == 1, "Tensor lr must be 1-element")
    check(lr >= 0.0, f"Invalid learning rate: {lr}")


def check_betas(betas, eps=None) -> None:
    if eps is not None:
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
    for i in (0, 1):
        check(0.0 <= betas[i] < 1.0, f"Invalid beta parameter at index {i}: {betas[i]}")


def check_weight_decay(weight_decay) -> None:
    check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")


def check_fused(fused, foreach, differentiable) -> None:
    """``fused`` and ``foreach`` only name ways of computing the same step; they exclude each
    other and ``fused`` excludes ``differentiable``, as in PyTorch."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


class RuleOptimizer(Optimizer):
    """An optimizer whose step treats one parameter after the other.

    With ``differentiable=True`` the step is recorded: parameters are updated in place (they have
    to be non-leaf tensors) and each step works on fresh copies of the state, because the graph
    of the step before keeps the old ones.
    """

    # Options that a group of an old checkpoint may lack.
    _group_defaults: tuple = (
        ("maximize", False),
        ("foreach", None),
        ("differentiable", False),
        ("capturable", False),
    )
    # False where a step needs no counter.
    _counts_steps = True

    def _init_state(self, p, grad, group) -> dict:
        raise NotImplementedError

    def _update(self, p, grad, state, group) -> None:
        """Update ``p`` and ``state`` in place. Complex tensors arrive as views of their parts."""
        raise NotImplementedError

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self._group_defaults:
                if name in self.defaults:
                    group.setdefault(name, value)
        if self._counts_steps:
            for s in self.state.values():
                # Checkpoints of old versions hold a Python number.
                if isinstance(s, dict) and isinstance(s.get("step"), _FLOAT_LIKE):
                    s["step"] = flambeau.tensor(float(s["step"]), dtype=scalar_dtype())

    def step(self, closure=None):
        """Make one step; returns what ``closure`` returned, or None."""
        loss = None
        if closure is not None:
            with flambeau.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_by_rule(group)
        return loss

    def _step_by_rule(self, group: dict) -> None:
        self._check_capturable(group)
        differentiable = group["differentiable"]
        with flambeau.set_grad_enabled(differentiable):
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state.update(self._init_state(p, grad, group))
                elif differentiable:
                    for key, value in state.items():
                        if isinstance(value, flambeau.Tensor):
                            state[key] = value.clone()
                if group["maximize"]:
                    grad = -grad
                if p.is_complex():
                    self._update(
                        flambeau.view_as_real(p),
                        flambeau.view_as_real(grad),
                        {k: _real_view(v) for k, v in state.items()},
                        group,
                    )
                else:
                    self._update(p, grad, state, group)

    @staticmethod
    def _check_capturable(group: dict) -> None:
        if group.get("capturable"):
            raise RuntimeError(
                "optimizer step: capturable=True needs parameters on a device whose work can be "
                "captured, but these are on the CPU; construct the optimizer with "
                "capturable=False"
            )


class NativeRule(RuleOptimizer):
    """A rule with a native step over all parameters at once."""

    _rule: int  # number in _C._rule_step
    _state_names: tuple  # what the kernel updates

    def _factors(self, state, group) -> tuple:
        """Count the step of one parameter and give the kernel's factors for it."""
        raise NotImplementedError

    def _step_by_rule(self, group: dict) -> None:
        self._check_capturable(group)
        if group["differentiable"]:
            return super()._step_by_rule(group)
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return
        states = [self.state[p] for p in params]
        factors: list = []
        for p, state in zip(params, states):
            if not state:
                state.update(self._init_state(p, p.grad, group))
            factors += map(float, self._factors(state, group))
        kept = [[s[name] for s in states] for name in self._state_names]
        _C._rule_step(
            self._rule,
            params,
            [p.grad for p in params],
            kept[0],
            kept[1] if len(kept) > 1 else [],
            factors,
            group.get("decoupled_weight_decay", False),
            group["maximize"],
        )


def decay_factor(group) -> float:
    """The kernel's factor for weight decay."""
    if group.get("decoupled_weight_decay", False):
        return 1 - group["lr"] * group["weight_decay"]
    return group["weight_decay"]


def _real_view(value):
    if isinstance(value, flambeau.Tensor) and value.is_complex():
        return flambeau.view_as_real(value)
    return value
