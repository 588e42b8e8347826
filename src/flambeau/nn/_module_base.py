"""The two hot roads of a module: attribute look-up and the call.

``_parameters``, ``_buffers`` and ``_modules`` are the only place where members live, so programs
may change those dictionaries directly. A type written in C may take the place of `ModuleBase`.
"""

from __future__ import annotations

import weakref

from ._hooks import any_global, call_with_hooks


class ModuleBase:
    """Attribute fallback into the member dictionaries, and ``__call__``."""

    def __getattr__(self, name: str):
        members = self.__dict__
        if "_parameters" in members:
            found = members["_parameters"]
            if name in found:
                return found[name]
        if "_modules" in members:
            found = members["_modules"]
            if name in found:
                return found[name]
        if "_buffers" in members:
            found = members["_buffers"]
            if name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'",
                             name=name, obj=self)

    def __call__(self, *args, **kwargs):
        members = self.__dict__
        try:
            if (members["_forward_hooks"] or members["_forward_pre_hooks"]
                    or members["_backward_hooks"] or members["_backward_pre_hooks"] or any_global):
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            annotate(error, self)
            raise

    _call_impl = _wrapped_call_impl = __call__


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
        raise AttributeError(f"{type(module).__name__}: call super().__init__() before calling "
                             "the module") from error
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
