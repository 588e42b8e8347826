"""Comparison of a result of flambeau with the result of torch."""

from __future__ import annotations

import numbers

import torch
from torch.testing._internal.common_device_type import precisionOverride, toleranceOverride
from torch.testing._internal.opinfo.core import DecorateInfo

import flambeau

from .convert import describe, to_torch


class Mismatch(Exception):
    """The two results differ; the text says how."""


def tolerance(info, dtype: torch.dtype) -> dict:
    """Keywords for assert_close: the widest tolerance that the table gives on CPU, or none."""
    atol = rtol = None
    for entry in info.decorators:
        if not isinstance(entry, DecorateInfo) or entry.device_type not in (None, "cpu"):
            continue
        if entry.dtypes is not None and dtype not in entry.dtypes:
            continue
        for decorator in entry.decorators:
            if isinstance(decorator, toleranceOverride) and dtype in decorator.d:
                found = decorator.d[dtype]
                atol, rtol = max(atol or 0, found.atol), max(rtol or 0, found.rtol)
            elif isinstance(decorator, precisionOverride) and dtype in decorator.d:
                atol = max(atol or 0, decorator.d[dtype])
    if atol is None:
        return {}
    default = torch.testing._comparison.default_tolerances(dtype)
    rtol = max(rtol or 0, default[0])
    return {"atol": max(atol, default[1]), "rtol": rtol}


def _kind(value) -> str:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return "named tuple"
    if isinstance(value, (torch.Size, flambeau.Size)):
        return "Size"
    for kind in (tuple, list, dict):
        if isinstance(value, kind):
            # The named results of torch's operators are structseqs.
            return "named tuple" if hasattr(value, "n_sequence_fields") else kind.__name__
    return "value"


def check_same(ours, theirs, where: str = "result", *, values: bool = True, **tolerances) -> None:
    """Raises Mismatch unless structure, dtypes, shapes and (with `values`) values agree."""
    if isinstance(theirs, torch.Tensor):
        if not isinstance(ours, flambeau.Tensor):
            raise Mismatch(f"{where}: {type(ours).__name__} instead of a Tensor")
        _check_tensor(ours, theirs, where, values, tolerances)
        return
    if isinstance(theirs, (list, tuple, dict)):
        if _kind(ours) != _kind(theirs):
            raise Mismatch(f"{where}: {_kind(ours)} instead of {_kind(theirs)}")
        if len(ours) != len(theirs):
            raise Mismatch(f"{where}: {len(ours)} items instead of {len(theirs)}")
        if isinstance(theirs, dict):
            if set(ours) != set(theirs):
                raise Mismatch(f"{where}: keys {list(ours)} instead of {list(theirs)}")
            ours, theirs = [ours[k] for k in theirs], list(theirs.values())
        for i, (a, b) in enumerate(zip(ours, theirs)):
            check_same(a, b, f"{where}[{i}]", values=values, **tolerances)
        return
    ours = to_torch(ours)
    if type(ours) is not type(theirs):
        raise Mismatch(f"{where}: {type(ours).__name__} instead of {type(theirs).__name__}")
    if not values:
        return
    if isinstance(theirs, numbers.Number) and not isinstance(theirs, bool):
        same = torch.tensor(ours), torch.tensor(theirs)
        _assert_close(*same, where, tolerances)
    elif ours != theirs:
        raise Mismatch(f"{where}: {describe(ours)} instead of {describe(theirs)}")


def _check_tensor(ours, theirs, where, values, tolerances) -> None:
    if theirs.layout != torch.strided:
        raise Mismatch(f"{where}: torch's has layout {theirs.layout}")
    dtype = str(theirs.dtype).removeprefix("torch.")
    if str(ours.dtype).split(".")[-1] != dtype:
        raise Mismatch(f"{where}: dtype {str(ours.dtype).split('.')[-1]} instead of {dtype}")
    if tuple(ours.shape) != tuple(theirs.shape):
        raise Mismatch(f"{where}: shape {list(ours.shape)} instead of {list(theirs.shape)}")
    if ours.device.type != theirs.device.type:
        raise Mismatch(f"{where}: device {ours.device} instead of {theirs.device}")
    if values and theirs.device.type == "cpu":
        _assert_close(
            to_torch(ours), theirs.detach().resolve_conj().resolve_neg(), where, tolerances
        )


def _assert_close(ours, theirs, where, tolerances) -> None:
    try:
        torch.testing.assert_close(ours, theirs, equal_nan=True, check_stride=False, **tolerances)
    except AssertionError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        detail = (
            "; ".join(line for line in lines if line.startswith(("Mismatched", "Greatest")))
            or lines[0]
        )
        if theirs.numel() <= 4:
            detail = f"{ours.tolist()} instead of {theirs.tolist()}"
        raise Mismatch(f"{where}: values differ: {detail}")


def check_errors(ours: Exception | None, theirs: Exception) -> None:
    """Raises Mismatch unless `ours` is an exception that a handler of `theirs` would catch."""
    text = " ".join(str(theirs).split())[:90]
    if ours is None:
        raise Mismatch(f"no error; torch: {type(theirs).__name__}: {text}")
    if not isinstance(ours, type(theirs)):
        mine = " ".join(str(ours).split())[:90]
        raise Mismatch(
            f"{type(ours).__name__} ({mine}) instead of {type(theirs).__name__} ({text})"
        )
