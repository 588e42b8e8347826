"""Results of low precision judged by the same operation in double precision.

Two correct implementations that add in a different order differ by their rounding errors, which
cancellation can make large beside the result. Where flambeau and torch differ by more than the
tolerance, flambeau is right when its distance from the double-precision result is not larger than
torch's own, or than one rounding of the largest value. For operators that work element by element
this holds for each element.
"""

from __future__ import annotations

import torch

from .convert import flatten, to_torch, torch_copy

_WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex64: torch.complex128,
}


def _widen(value):
    if isinstance(value, torch.Tensor):
        return value.detach().to(_WIDE.get(value.dtype, value.dtype))
    if isinstance(value, torch.dtype):
        return _WIDE.get(value, value)
    if isinstance(value, dict):
        return {k: _widen(v) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_widen(v) for v in value))
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(_widen(v) for v in value)
    return value


def widen(value):
    """A copy of a value in double precision with the same leaves of autograd; None where it holds
    no number of low precision."""
    if not any(t.dtype in _WIDE for t in flatten(value, torch.Tensor)):
        return None
    wide = _widen(value)
    for old, new in zip(flatten(value, torch.Tensor), flatten(wide, torch.Tensor)):
        new.requires_grad_(old.requires_grad)
    return wide


def in_double_precision(function, call):
    """torch's result for the widened arguments; None where it cannot be had."""
    value = torch_copy(call.value)
    low = any(t.dtype in _WIDE for t in flatten(value, torch.Tensor))
    if not low and not any(t in _WIDE for t in flatten(value, torch.dtype)):
        return None
    first, args, kwargs = _widen(value)
    try:
        torch.manual_seed(11)
        with torch.no_grad():
            return function(first, *args, **kwargs)
    except RuntimeError:
        return None


def no_less_accurate(ours, theirs, exact, elementwise: bool) -> bool:
    """Whether ours is about as far from `exact` as theirs, tensor by tensor."""
    pairs = list(
        zip(
            flatten(to_torch(ours), torch.Tensor),
            flatten(theirs, torch.Tensor),
            flatten(exact, torch.Tensor),
        )
    )
    if not pairs or any(a.shape != b.shape or a.dtype != b.dtype for a, b, _ in pairs):
        return False
    for a, b, c in pairs:
        if b.dtype not in _WIDE or c.shape != b.shape:
            if not torch.equal(a, b.detach()):
                return False
            continue
        eps = torch.finfo(b.dtype).eps
        a, b = (t.detach().resolve_conj().to(c.dtype) for t in (a, b))
        finite = torch.isfinite(c) & torch.isfinite(b)
        if not torch.equal(a[~finite].nan_to_num(), b[~finite].nan_to_num()):
            return False
        if not finite.any():
            continue
        error, allowed, size = (a - c)[finite].abs(), (b - c)[finite].abs(), c[finite].abs()
        if not elementwise:
            error, allowed, size = error.max(), allowed.max(), size.max()
        if not (error <= torch.maximum(allowed, eps * size)).all():
            return False
    return True
