"""Unpicklers: one that trusts a file and one that does not."""

from __future__ import annotations

import _compat_pickle
import pickle
from collections import OrderedDict

from . import _names
from ._archive import damaged

_WAY_OUT = (
    "Weights only load failed: {what}. If you trust the file, allow what it names with "
    "`flambeau.serialization.add_safe_globals([...])` or in a "
    "`flambeau.serialization.safe_globals([...])` context, or pass `weights_only=False`, which "
    "can run any code that the file contains."
)


def _refuse(what: str) -> pickle.UnpicklingError:
    error = pickle.UnpicklingError(_WAY_OUT.format(what=what))
    error.refused = True  # not to be taken for an error about a broken pickle
    return error


class WeightsUnpickler(pickle._Unpickler):
    """Builds tensors, plain containers, numbers and strings, and what was declared safe.

    A class or function is called only if it is on the list; attributes are set only on ordered
    dicts, tensors and instances of the classes that were added. The opcodes that could do more
    are refused.
    """

    dispatch = pickle._Unpickler.dispatch.copy()

    def __init__(self, file, persistent_load, **options) -> None:
        super().__init__(file, **options)
        self.persistent_load = persistent_load
        self.granted: dict = {}  # id -> object that may be called
        self.added: set = set()  # ids of those that the program added

    def find_class(self, module, name):
        if self.proto < 3 and self.fix_imports:
            if (module, name) in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[(module, name)]
            else:
                module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        found = _names.find_safe(module, name)
        if found is None:
            raise _refuse(
                f"Unsupported global: GLOBAL {module}.{name} was not an allowed global by default"
            )
        self.granted[id(found)] = found
        if (module, name) not in _names.plain_names():
            self.added.add(id(found))
        return found

    def _check_call(self, function) -> None:
        if self.granted.get(id(function)) is not function or not callable(function):
            raise _refuse(f"the file calls {function!r}")

    def load_reduce(self):
        args = self.stack.pop()
        function = self.stack[-1]
        self._check_call(function)
        if not isinstance(args, tuple):
            raise damaged("arguments are no tuple")
        self.stack[-1] = function(*args)

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self):
        args = self.stack.pop()
        kind = self.stack.pop()
        self._make(kind, args, {})

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self):
        kwargs = self.stack.pop()
        args = self.stack.pop()
        kind = self.stack.pop()
        self._make(kind, args, kwargs)

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _make(self, kind, args, kwargs) -> None:
        self._check_call(kind)
        if not isinstance(kind, type):
            raise _refuse(f"the file makes an instance of {kind!r}")
        self.append(kind.__new__(kind, *args, **kwargs))

    def load_build(self):
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, OrderedDict):
            if not isinstance(state, dict):
                raise damaged("the attributes of an OrderedDict are no dict")
            target.__dict__.update(state)
        elif id(type(target)) in self.added:
            self.stack.append(state)
            super().load_build()
        else:
            raise _refuse(f"the file sets attributes of a {type(target).__name__}")

    dispatch[pickle.BUILD[0]] = load_build

    def _load_refused(self):
        raise _refuse("the file uses an opcode that is not allowed")

    for _opcode in (
        pickle.INST,
        pickle.OBJ,
        pickle.EXT1,
        pickle.EXT2,
        pickle.EXT4,
        pickle.NEXT_BUFFER,
        pickle.READONLY_BUFFER,
    ):
        dispatch[_opcode[0]] = _load_refused


def load_weights(file, persistent_load, options: dict):
    """Unpickle one object; every kind of damage ends in the same error."""
    try:
        return WeightsUnpickler(file, persistent_load, **options).load()
    except RuntimeError:
        raise
    except pickle.UnpicklingError as error:
        if getattr(error, "refused", False):
            raise
        raise damaged(str(error)) from None
    except EOFError:
        raise damaged("it is cut short") from None
    except MemoryError:
        raise damaged("it asks for more memory than there is") from None
    except Exception as error:
        raise damaged(f"{type(error).__name__}: {error}") from error


def load_anything(file, persistent_load, options: dict, pickle_module=None):
    """Unpickle one object of a file that is trusted."""
    module = pickle_module or pickle

    class Unpickler(module.Unpickler):
        def find_class(self, name_of_module, name):
            if name_of_module.split(".")[0] == "torch":
                found = _names.find(name_of_module, name)
                if found is None:
                    raise AttributeError(
                        f"load: the file names {name_of_module}.{name}, which does not exist here"
                    )
                return found
            return super().find_class(name_of_module, name)

    unpickler = Unpickler(file, **options)
    unpickler.persistent_load = persistent_load
    return unpickler.load()
