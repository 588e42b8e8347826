"""Automatic differentiation: a graph is recorded while the program runs, and run backwards."""

from flambeau import _C

from . import graph as graph
from ._backward import backward as backward
from ._backward import grad as grad
from ._function import Function as Function
from ._function import FunctionCtx as FunctionCtx
from ._function import once_differentiable as once_differentiable
from ._grad_mode import enable_grad as enable_grad
from ._grad_mode import inference_mode as inference_mode
from ._grad_mode import no_grad as no_grad
from ._grad_mode import set_grad_enabled as set_grad_enabled
from ._grad_mode import set_multithreading_enabled as set_multithreading_enabled
from ._variable import Variable as Variable
from .anomaly_mode import detect_anomaly as detect_anomaly
from .anomaly_mode import set_detect_anomaly as set_detect_anomaly

_LAZY = {"gradcheck": "gradcheck", "gradgradcheck": "gradcheck", "functional": "functional"}


def __getattr__(name):
    if name in _LAZY:
        import importlib

        module = importlib.import_module(f"flambeau.autograd.{_LAZY[name]}")
        value = module if name == "functional" else getattr(module, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'flambeau.autograd' has no attribute {name!r}")


class _Engine:
    """The old access to the engine's end-of-backward callbacks."""

    queue_callback = staticmethod(_C._queue_callback)


Variable._execution_engine = _Engine()
