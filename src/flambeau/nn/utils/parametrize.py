"""Parameters computed from other parameters by modules."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy

import flambeau as fb

from .._container import ModuleDict, ModuleList
from .._parameter import Parameter

Tensor = fb.Tensor

_depth = 0
_cache: dict = {}


@contextmanager
def cached():
    """Within this block every parametrised tensor is computed only once."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cache.clear()


def _as_parameter(tensor, like):
    return Parameter(tensor, tensor.requires_grad) if isinstance(like, Parameter) else tensor


class ParametrizationList(ModuleList):
    """The chain of modules that computes one tensor, and the tensor(s) it starts from.

    These are `original`, or `original0`, `original1`, ... when right_inverse returns several.
    """

    def __init__(self, modules, original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        value = original
        with fb.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        self.is_tensor = isinstance(value, Tensor)
        values = [value] if self.is_tensor else list(value)
        if not self.is_tensor and not all(isinstance(v, Tensor) for v in values):
            raise ValueError(
                "right_inverse must return a Tensor or a sequence of tensors (list, "
                f"tuple...). Got {type(value).__name__}"
            )
        self.ntensors = len(values)
        if self.is_tensor and value.dtype != original.dtype and not unsafe:
            raise ValueError(
                "When `right_inverse` outputs one tensor, it may not change the dtype."
                f"\noriginal.dtype: {original.dtype}\nright_inverse(original).dtype: "
                f"{value.dtype}"
            )
        for i, v in enumerate(values):
            name = "original" if self.is_tensor else f"original{i}"
            # One tensor keeps the identity of the parameter, for optimizers that hold it.
            if self.is_tensor:
                with fb.no_grad():
                    if v is not original:
                        original.data = v
                v = original
            else:
                v = v.detach().requires_grad_(original.requires_grad)
                v = _as_parameter(v, original)
            if isinstance(v, Parameter):
                self.register_parameter(name, v)
            else:
                self.register_buffer(name, v)
        if not unsafe:
            result = self()
            for what in ("dtype", "shape"):
                if getattr(result, what) != getattr(original, what) and self.is_tensor is False:
                    raise ValueError(
                        f"Registering a parametrization may not change the {what} of the tensor"
                    )

    def originals(self) -> list[Tensor]:
        """The tensors the chain starts from."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Set the original tensor(s) so that the chain gives `value`."""
        with fb.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            values = [value] if self.is_tensor else list(value)
            if len(values) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(values)}."
                )
            for own, new in zip(self.originals(), values):
                if own.shape != new.shape or own.dtype != new.dtype:
                    raise ValueError(
                        f"right_inverse: expected a tensor of shape {own.shape} and "
                        f"dtype {own.dtype}, but got {new.shape} and {new.dtype}"
                    )
                own.copy_(new)

    def forward(self) -> Tensor:
        modules = list(self)
        value = modules[0](*self.originals())
        for module in modules[1:]:
            value = module(value)
        return value


def _getstate_refused(self):
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict()."
    )


def _inject_class(module) -> None:
    """Give `module` a class of its own, which can hold properties."""
    base = type(module)

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        other = self.__new__(type(self))
        memo[id(self)] = other
        other.__dict__ = deepcopy(self.__dict__, memo)
        return other

    members = {"__getstate__": _getstate_refused}
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = __deepcopy__
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _inject_property(module, name: str) -> None:
    def get(self):
        chain = self.parametrizations[name]
        if not _depth:
            return chain()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = chain()
        return _cache[key]

    def put(self, value):
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def register_parametrization(module, tensor_name: str, parametrization, *, unsafe: bool = False):
    """Compute the parameter or buffer `tensor_name` as ``parametrization(original)``.

    Further registrations are applied after the earlier ones. If the module has a method
    ``right_inverse``, it gives the original from the present value. `unsafe` skips the check that
    shape and dtype stay the same. Returns the module.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        chain = module.parametrizations[tensor_name]
        if not unsafe:
            _check_chained(module, tensor_name, parametrization)
        chain.append(parametrization)
        chain.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a "
            f"parametrized element with name '{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    before = (original.shape, original.dtype)
    chain = ParametrizationList([parametrization], original, unsafe=unsafe)
    if not unsafe:
        result = chain()
        if not isinstance(result, Tensor):
            raise ValueError(
                f"A parametrization must return a tensor. Got {type(result).__name__}."
            )
        _check_same(*before, result)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _inject_class(module)
        module.parametrizations = ModuleDict()
    _inject_property(module, tensor_name)
    module.parametrizations[tensor_name] = chain
    return module


def _check_same(shape, dtype, result) -> None:
    for what, old, new in (("dtype", dtype, result.dtype), ("shape", shape, result.shape)):
        if old != new:
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the "
                f"tensor, unless the `unsafe` flag is enabled.\n{what} before: {old}, "
                f"after: {new}"
            )


def _check_chained(module, name, parametrization) -> None:
    old = getattr(module, name)
    new = parametrization(old)
    if not isinstance(new, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(new).__name__}.")
    _check_same(old.shape, old.dtype, new)
    if hasattr(parametrization, "right_inverse"):
        back = parametrization.right_inverse(new)
        if isinstance(back, Tensor):
            _check_same(old.shape, old.dtype, back)


def is_parametrized(module, tensor_name: str | None = None) -> bool:
    """True iff `module` (or its tensor of that name) is parametrised."""
    chains = getattr(module, "parametrizations", None)
    if chains is None or not isinstance(chains, ModuleDict):
        return False
    return len(chains) > 0 if tensor_name is None else tensor_name in chains


def remove_parametrizations(module, tensor_name: str, leave_parametrized: bool = True):
    """Remove the parametrisations of one tensor.

    It keeps its present value, or (`leave_parametrized=False`) goes back to the original.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    chain = module.parametrizations[tensor_name]
    if chain.is_tensor:
        original = chain.original
        if leave_parametrized:
            with fb.no_grad():
                original.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        value = getattr(module, tensor_name).detach()
        original = Parameter(value) if isinstance(chain.original0, Parameter) else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that "
            "is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module) -> type:
    """The class `module` had before it was parametrised."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)
