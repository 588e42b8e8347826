"""Running programs that say ``import torch``: the name becomes an alias of flambeau.

python -m flambeau.compat train.py --epochs 3     # an unmodified program
import flambeau.compat; flambeau.compat.install() # the same from inside
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys

_FROM, _TO = "torch", "flambeau"


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch.x.y`` as the very module object ``flambeau.x.y``."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != _FROM and not fullname.startswith(_FROM + "."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        module = importlib.import_module(_TO + spec.name[len(_FROM) :])
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module):
        # The import system has put its spec on the module; the module keeps its own.
        module.__spec__ = self._own_spec


def install() -> None:
    """Makes ``import torch`` give flambeau from now on.

    Raises RuntimeError when the real torch has been imported already.
    """
    if any(isinstance(finder, _Alias) for finder in sys.meta_path):
        return
    present = sys.modules.get(_FROM)
    if present is not None and present is not sys.modules.get(_TO):
        raise RuntimeError(
            "compat.install(): the real torch is imported already; install the alias "
            "before anything imports torch"
        )
    sys.meta_path.insert(0, _Alias())
