"""Stochastic weight averaging (Izmailov et al., 2018) and moving averages of weights."""

from __future__ import annotations

import math
import warnings
from copy import deepcopy

import flambeau

from ._lr_base import LRScheduler, _per_group, _plain

__all__ = [
    "SWALR",
    "AveragedModel",  # noqa: F822  (made at the first use)
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def get_swa_avg_fn():
    """The running mean: ``a + (p - a) / (n + 1)`` after n models."""

    def average(averaged, current, num_averaged):
        return averaged + (current - averaged) / (num_averaged + 1)

    return average


def get_swa_multi_avg_fn():
    """The running mean of lists of tensors, in place."""

    def average(averaged, current, num_averaged):
        with flambeau.no_grad():
            for a, p in zip(averaged, current):
                a.add_((p - a) / (num_averaged + 1))

    return average


def _check_decay(decay) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1].")


def get_ema_avg_fn(decay: float = 0.999):
    """The exponential moving average ``decay a + (1 - decay) p``."""
    _check_decay(decay)

    def average(averaged, current, num_averaged):
        with flambeau.no_grad():
            return decay * averaged + (1 - decay) * current

    return average


def get_ema_multi_avg_fn(decay: float = 0.999):
    """The exponential moving average of lists of tensors, in place."""
    _check_decay(decay)

    def average(averaged, current, num_averaged):
        with flambeau.no_grad():
            for a, p in zip(averaged, current):
                if a.is_floating_point() or a.is_complex():
                    a.lerp_(p.to(a.dtype), 1 - decay)
                else:
                    a.copy_(a * decay + p * (1 - decay))

    return average


def _averaged_model_class():
    """The class is made at the first use, since ``flambeau.nn`` need not be loaded before."""
    from ..nn import Module

    class AveragedModel(Module):
        """A copy of ``model`` whose parameters are averages over ``update_parameters`` calls.

        ``avg_fn(averaged, current, num_averaged)`` gives the new average of one tensor,
        ``multi_avg_fn`` averages lists in place; without either it is the running mean.
        ``use_buffers`` averages buffers as well, else they are copied.
        """

        def __init__(
            self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers: bool = False
        ) -> None:
            super().__init__()
            if avg_fn is not None and multi_avg_fn is not None:
                raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
            self.module = deepcopy(model)
            if device is not None:
                self.module = self.module.to(device)
            self.register_buffer(
                "n_averaged", flambeau.tensor(0, dtype=flambeau.long, device=device)
            )
            self.avg_fn = avg_fn
            self.multi_avg_fn = multi_avg_fn
            self.use_buffers = use_buffers

        def forward(self, *args, **kwargs):
            return self.module(*args, **kwargs)

        def _tensors(self, model) -> list:
            tensors = list(model.parameters())
            return tensors + list(model.buffers()) if self.use_buffers else tensors

        def update_parameters(self, model) -> None:
            """Take the present parameters of ``model`` into the averages."""
            averaged = [t.detach() for t in self._tensors(self.module)]
            current = [t.detach().to(a.device) for t, a in zip(self._tensors(model), averaged)]
            count = int(self.n_averaged)
            if count == 0:
                for a, p in zip(averaged, current):
                    a.copy_(p)
            elif self.avg_fn is not None:
                for a, p in zip(averaged, current):
                    a.copy_(self.avg_fn(a, p, self.n_averaged.to(a.device)))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(averaged, current, count)
            if not self.use_buffers:
                for a, b in zip(self.module.buffers(), model.buffers()):
                    a.detach().copy_(b.detach().to(a.device))
            self.n_averaged += 1

    AveragedModel.__module__ = __name__
    AveragedModel.__qualname__ = "AveragedModel"
    return AveragedModel


def __getattr__(name):
    if name == "AveragedModel":
        cls = globals()["AveragedModel"] = _averaged_model_class()
        return cls
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def update_bn(loader, model, device=None) -> None:
    """Compute the running statistics of the BatchNorm layers anew from one pass over ``loader``.

    Of batches that are lists or tuples the first element is the input. Does nothing for a model
    without BatchNorm layers.
    """
    from ..nn.modules.batchnorm import _BatchNorm

    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    with flambeau.no_grad():
        for batch in loader:
            if isinstance(batch, (list, tuple)):
                batch = batch[0]
            model(batch if device is None else batch.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Goes from the present ``lr`` to ``swa_lr`` within ``anneal_epochs`` and stays there.

    ``anneal_strategy`` is ``"cos"`` or ``"linear"``.
    """

    def __init__(
        self,
        optimizer,
        swa_lr,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        for lr, group in zip(_per_group("swa_lr", swa_lr, optimizer), optimizer.param_groups):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _weight(self, epoch: int) -> float:
        """The share of ``swa_lr`` at an epoch."""
        t = max(0, min(1, epoch / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        # lr of the epoch before is a mixture itself: undo its share to find where we came from.
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before = self._weight(max(0, step - 1))
        weight = self._weight(step)
        lrs = []
        for group in self.optimizer.param_groups:
            target, lr = group["swa_lr"], group["lr"]
            start = target if before == 1 else (lr - before * target) / (1 - before)
            lrs.append(target * weight + start * (1 - weight))
        return [_plain(lr) for lr in lrs]
