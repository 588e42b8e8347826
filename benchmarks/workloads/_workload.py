"""A program to be measured, and the training loop that most of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

INFERENCE = "inference"  # the group of what is not trained


@dataclass(frozen=True)
class Workload:
    build: Callable  # of the library; returns a step without arguments
    group: str = ""
    goal: float = 1.0


def trainer(optimizer, loss_of) -> Callable:
    """The usual step: zero_grad, loss, backward, step."""

    def step():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step
