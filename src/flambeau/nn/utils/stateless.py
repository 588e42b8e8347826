"""Calling a module with other parameters than its own."""

from __future__ import annotations

from contextlib import contextmanager


def _swap(module, path: str, value):
    """Put `value` at the dotted `path` and return what was there."""
    prefix, _, name = path.rpartition(".")
    owner = module.get_submodule(prefix)
    for members in (owner._parameters, owner._buffers):
        if name in members:
            old = members[name]
            members[name] = value
            return old
    raise KeyError(f"{type(module).__name__} has no parameter or buffer '{path}'")


def _tied_names(module) -> dict[str, list[str]]:
    """For each name, all names of the same tensor."""
    by_tensor: dict[int, list[str]] = {}
    for source in (
        module.named_parameters(remove_duplicate=False),
        module.named_buffers(remove_duplicate=False),
    ):
        for name, tensor in source:
            by_tensor.setdefault(id(tensor), []).append(name)
    return {name: names for names in by_tensor.values() for name in names}


@contextmanager
def _reparametrize_module(module, values: dict, tie_weights: bool = True, strict: bool = False):
    known = _tied_names(module)
    if strict:
        missing = [n for n in known if n not in values]
        extra = [n for n in values if n not in known]
        if missing or extra:
            raise RuntimeError(f"functional_call: missing keys {missing}, unexpected keys {extra}")
    wanted = dict(values)
    if tie_weights:
        for name, value in values.items():
            for other in known.get(name, ()):
                wanted.setdefault(other, value)
    old = {}
    try:
        for name, value in wanted.items():
            old[name] = _swap(module, name, value)
        yield
    finally:
        for name, value in old.items():
            _swap(module, name, value)


def functional_call(
    module,
    parameters_and_buffers,
    args=None,
    kwargs=None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
):
    """Call `module` with the given tensors in place of its own, which stay untouched.

    `parameters_and_buffers` maps dotted names to tensors (or is a tuple of such dictionaries).
    `tie_weights` also replaces other names of the same tensor; `strict` demands all names.
    """
    if isinstance(parameters_and_buffers, (tuple, list)):
        merged = {}
        for part in parameters_and_buffers:
            merged.update(part)
        parameters_and_buffers = merged
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _reparametrize_module(module, parameters_and_buffers, tie_weights, strict):
        return module(*args, **(kwargs or {}))
