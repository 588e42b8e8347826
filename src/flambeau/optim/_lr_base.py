"""What all learning rate schedulers share."""

from __future__ import annotations

import warnings
from functools import wraps
from weakref import ref

import flambeau

from .optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, "
    "where available."
)
_OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
    "initialization. Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`."
)
_WRONG_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and "
    "later, you should call them in the opposite order: `optimizer.step()` before "
    "`lr_scheduler.step()`.  Failure to do this will result in skipping the first value of the "
    "learning rate schedule."
)


def _plain(value):
    """A copy that later in-place changes of a tensor do not reach."""
    return value.clone() if isinstance(value, flambeau.Tensor) else value


def _set(group: dict, key: str, value) -> None:
    """Write an option; a tensor keeps its identity and gets the value."""
    old = group[key]
    if isinstance(old, flambeau.Tensor):
        with flambeau.no_grad():
            if isinstance(value, flambeau.Tensor):
                old.copy_(value)
            else:
                old.fill_(value)
    else:
        group[key] = value


def _per_group(name: str, value, optimizer) -> list:
    """One value for each group: a list of that length, or the same value for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has "
            f"{len(value)} values, param_groups has {groups}."
        )
    return list(value)


def _check_optimizer(optimizer) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def _watch(optimizer) -> None:
    """See to it that ``optimizer.step`` leaves a mark, for the warning about the call order."""
    step = optimizer.step
    if hasattr(step, "_wrapped_by_lr_sched") or not hasattr(step, "__func__"):
        return
    func, owner = step.__func__, ref(optimizer)

    @wraps(func)
    def marked(*args, **kwargs):
        self = owner()
        self._opt_called = True
        return func(self, *args, **kwargs)

    marked._wrapped_by_lr_sched = True
    optimizer.step = marked


class LRScheduler:
    """Base class: sets the ``lr`` of each group after each call of ``step``.

    A subclass implements ``get_lr``, which gives the learning rates of epoch ``self.last_epoch``,
    one for each group, mostly from those of the epoch before. ``last_epoch=-1`` starts anew and
    stores each group's ``initial_lr``; any other value resumes and needs ``initial_lr`` there.
    """

    _get_lr_called_within_step = False
    _is_initial = False
    # Attributes that state_dict leaves out.
    _not_saved = ("optimizer",)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        _check_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _plain(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    "scheduler with last_epoch >= 0.\nThis typically happens when:\n1. You're "
                    "trying to resume training from a checkpoint but haven't properly loaded the "
                    "optimizer state\n2. You're using last_epoch >= 0 for a fresh training run "
                    "(not recommended)"
                )
        self.base_lrs = [_plain(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.optimizer = optimizer
        _watch(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict:
        """Everything but the optimizer, in a dict of plain values."""
        return {k: v for k, v in self.__dict__.items() if k not in self._not_saved}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over what ``state_dict`` returned, here or in PyTorch."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list:
        """The learning rates that this scheduler set last, one for each group."""
        return self._last_lr

    def get_lr(self) -> list:
        """The learning rates of epoch ``last_epoch``; called by ``step``."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch (or to ``epoch``, deprecated) and set the learning rates."""
        if self._step_count == 1:
            step = self.optimizer.step
            if not hasattr(step, "_wrapped_by_lr_sched"):
                warnings.warn(_OVERRIDDEN, UserWarning, stacklevel=2)
            elif not getattr(self.optimizer, "_opt_called", False):
                warnings.warn(_WRONG_ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed_form = getattr(self, "_get_closed_form_lr", self.get_lr)
                values = closed_form()
        finally:
            self._get_lr_called_within_step = False
        self._apply(values)

    def _apply(self, values) -> None:
        for group, value in zip(self.optimizer.param_groups, values):
            _set(group, "lr", value)
        self._last_lr = self._current()

    def _current(self) -> list:
        return [_plain(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor) -> list:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )


def _is_function(f) -> bool:
    return isinstance(f, type(_is_function)) or not hasattr(f, "__dict__")
