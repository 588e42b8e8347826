"""Data parallelism over devices, of which there is one."""

from __future__ import annotations

from .._module import Module


class DataParallel(Module):
    """Holds `module` under that name and calls it; without GPUs there is nothing to spread over.

    `device_ids` other than None or empty raise RuntimeError.
    """

    def __init__(self, module, device_ids=None, output_device=None, dim: int = 0) -> None:
        super().__init__()
        if device_ids:
            raise RuntimeError(
                f"DataParallel: device_ids={list(device_ids)}, but there are no "
                "GPUs; leave device_ids out"
            )
        self.module = module
        self.device_ids = []
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(
    module, inputs, device_ids=None, output_device=None, dim: int = 0, module_kwargs=None
):
    """Call `module` on `inputs`; see :class:`DataParallel`."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return DataParallel(module, device_ids, output_device, dim)(*inputs, **(module_kwargs or {}))
