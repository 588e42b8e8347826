"""Modules without initialised parameters."""

from __future__ import annotations


def skip_init(module_cls, *args, **kwargs):
    """An object of `module_cls` whose parameters are left uninitialised.

    The class must take a `device` argument; `device` says where the tensors are wanted.
    """
    from .._module import Module

    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    device = kwargs.pop("device", "cpu")
    return module_cls(*args, device="meta", **kwargs).to_empty(device=device)
