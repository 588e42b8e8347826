"""Special functions: every operator of the table named ``special_<name>`` is ``special.<name>``."""

from __future__ import annotations

from flambeau import _C


def __getattr__(name):
    found = getattr(_C, "special_" + name, None)
    if found is None:
        raise AttributeError(
            f"module 'flambeau.special' has no attribute {name!r}: it is not built in"
        )
    globals()[name] = found
    return found
