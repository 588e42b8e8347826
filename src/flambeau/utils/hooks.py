"""Handles that take a registered hook away again."""

from __future__ import annotations

import weakref
from itertools import count

_next_id = count()


class RemovableHandle:
    """Names one entry of a dict of hooks; ``remove()`` deletes it, as does leaving a ``with``.

    The handle holds the dict weakly, so that it never keeps its owner alive. ``extra_dict`` is one
    dict, or several in a list, with entries of the same id that go at the same time.
    """

    def __init__(self, hooks_dict, *, extra_dict=None) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = next(_next_id)
        extras = () if extra_dict is None else extra_dict
        if isinstance(extras, dict):
            extras = (extras,)
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extras)

    def remove(self) -> None:
        """Delete the hook; a second call does nothing."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.remove()

    def __getstate__(self):
        return (self.hooks_dict_ref(), self.id, tuple(r() for r in self.extra_dict_ref))

    def __setstate__(self, state) -> None:
        from collections import OrderedDict

        hooks, self.id = state[0], state[1]
        extras = state[2] if len(state) > 2 else ()
        self.hooks_dict_ref = weakref.ref(OrderedDict() if hooks is None else hooks)
        self.extra_dict_ref = tuple(weakref.ref(OrderedDict() if d is None else d) for d in extras)
