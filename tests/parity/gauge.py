"""Results that are defined up to a choice (signs, phases, order of ties), brought to one form."""

from __future__ import annotations

import torch

from .convert import to_torch


def _absolute(values):
    return tuple(v.abs() for v in values)


# Names of results that the operator does not define uniquely: how to compare them all the same.
_FORMS = {
    # Singular vectors are defined up to a common phase: compare the product instead.
    "svd": lambda u, s, v: (
        s,
        (u[..., : s.shape[-1]] * s[..., None, :]) @ v[..., : s.shape[-1]].mH,
    ),
    "linalg.svd": lambda u, s, vh: (
        s,
        (u[..., : s.shape[-1]] * s[..., None, :]) @ vh[..., : s.shape[-1], :],
    ),
    "linalg.eigh": lambda w, v: (w, (v * w[..., None, :].to(v.dtype)) @ v.mH),
    "linalg.eig": lambda w, v: (v @ (w[..., :, None] * torch.linalg.pinv(v)),),
}


def normalise(info, theirs, ours):
    """Both results in a form that depends on the operator's definition alone."""
    form = _FORMS.get(info.name)
    if form is None or not isinstance(theirs, tuple):
        return theirs, ours
    import flambeau

    mine = form(*to_torch(tuple(ours)))
    back = tuple(flambeau.from_dlpack(t.contiguous()) for t in mine)
    return form(*(t.detach() for t in theirs)), back
