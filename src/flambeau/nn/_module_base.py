"""The base of Module that is compiled, and the note it leaves on errors.

`ModuleBase` finds attributes among ``_parameters``, ``_modules`` and ``_buffers``, the only place
where members live, and runs the call: ``forward``, or `call_with_hooks` where there are hooks.
"""

from __future__ import annotations

import weakref

from flambeau import _C

from ._hooks import any_global, call_with_hooks

ModuleBase = _C._ModuleBase


class _Where(str):
    """An exception note that names the module where the error arose."""

    __slots__ = ("path", "top", "__weakref__")

    def __reduce__(self):
        return str, (str(self),)


def annotate(error: Exception, module) -> None:
    """Add to `error`, or extend, the note ``in Net.encoder.layers.3.linear2 (Linear)``.

    Every module the error passes through puts its own name in front.
    """
    if "_modules" not in module.__dict__:
        raise AttributeError(
            f"{type(module).__name__}: call super().__init__() before calling the module"
        ) from error
    notes = getattr(error, "__notes__", ())
    place = next((i for i, note in enumerate(notes) if type(note) is _Where), None)
    path = type(module).__name__ if place is None else _longer_path(module, notes[place])
    if path is None:
        return
    where = _Where(f"in {path}")
    where.path = path
    where.top = weakref.ref(module)
    if place is None:
        error.add_note(where)
    else:
        notes[place] = where


def _longer_path(module, note: _Where) -> str | None:
    """`note`'s path seen from `module`; None when it starts there already."""
    inner = note.top()
    if inner is module:
        return None
    kind = type(module).__name__
    name = _name_within(module, inner)
    if name is None:
        return f"{kind} -> {note.path}"
    first, _, rest = note.path.partition(" ")
    below = first.partition(".")[2]
    path = f"{kind}.{name}.{below}" if below else f"{kind}.{name}"
    return f"{path} {rest}" if rest else f"{path} ({type(inner).__name__})"


def _name_within(module, inner) -> str | None:
    if inner is None:
        return None
    for name, child in module.named_modules():
        if child is inner:
            return name
    return None


_C._bind_module_calls(any_global, call_with_hooks, annotate)
