"""Programs of the kind people write, as functions of the library: ``build(torch)`` returns a step.

A training step returns its loss. The source is the same for both libraries.
"""

from __future__ import annotations

from . import inference, scientific, sequence, small, vision
from ._workload import INFERENCE as INFERENCE
from ._workload import Workload as Workload

WORKLOADS: dict[str, Workload] = {
    **small.WORKLOADS,
    **vision.WORKLOADS,
    **sequence.WORKLOADS,
    **scientific.WORKLOADS,
    **inference.WORKLOADS,
}
