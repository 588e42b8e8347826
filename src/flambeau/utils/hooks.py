"""Handles that take a registered hook away again."""

from __future__ import annotations

from itertools import count

_next_id = count()


class RemovableHandle:
    """What every ``register_*_hook`` returns: ``remove()`` takes the hook away again.

    Also a context manager that removes the hook on leaving the block. ``hooks_dict`` has the hook
    under ``id``; ``extra_dict`` is one dictionary, or several in a list, with entries of the same
    id that go at the same time. The dictionaries hold hooks alone, so a handle does not keep their
    module or optimizer alive.
    """

    __slots__ = ("id", "hooks", "extra", "__weakref__")

    def __init__(self, hooks_dict: dict, *, extra_dict=()) -> None:
        self.id = next(_next_id)
        self.hooks = hooks_dict
        self.extra = [extra_dict] if isinstance(extra_dict, dict) else list(extra_dict or ())

    def remove(self) -> None:
        """Delete the hook; a second call does nothing."""
        for hooks in (self.hooks, *self.extra):
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, exc_type, exc, traceback) -> None:
        self.remove()
