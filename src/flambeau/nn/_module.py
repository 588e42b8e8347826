"""Module, the base of everything that has parameters."""

from __future__ import annotations

import flambeau as fb

from . import _hooks
from ._hooks import RemovableHandle, add_hook
from ._module_base import ModuleBase
from ._module_state import ModuleState
from ._parameter import Buffer, Parameter, is_lazy

Tensor = fb.Tensor

_HOOK_DICTS = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)

# Values of these exact types are never members; assigning them skips all member checks.
_PLAIN = frozenset({bool, int, float, str, tuple, list, dict, set})


def _forward_unimplemented(self, *input) -> None:
    """Defines the computation performed at every call; every subclass overrides it."""
    raise NotImplementedError(
        f'Module [{type(self).__name__}] is missing the required "forward" function'
    )


class Module(ModuleBase, ModuleState):
    """Base class of all neural-network modules.

    Parameters, buffers and submodules are registered when they are assigned to attributes.
    Subclasses call ``super().__init__()`` first and define ``forward``.
    """

    _version = 1
    dump_patches = False
    training: bool
    call_super_init = False

    def __init__(self, *args, **kwargs) -> None:
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword "
                    f"argument '{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but "
                    f"{len(args) + 1} were given"
                )
        members = self.__dict__
        members["training"] = True
        members["_parameters"] = {}
        members["_buffers"] = {}
        members["_non_persistent_buffers_set"] = set()
        for name in _HOOK_DICTS:
            members[name] = {}
        members["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    forward = _forward_unimplemented

    # ---- registration ----

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a buffer: a tensor of the module's state that is no parameter. None keeps the name.

        Only `persistent` buffers enter ``state_dict``.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{fb.typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        for hook in tuple(_hooks.global_buffer_registration_hooks.values()):
            replaced = hook(self, name, tensor)
            tensor = tensor if replaced is None else replaced
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None reserves the name."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{fb.typename(param)}' object to parameter "
                    f"'{name}' (torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
        for hook in tuple(_hooks.global_parameter_registration_hooks.values()):
            replaced = hook(self, name, param)
            param = param if replaced is None else replaced
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under `name`; None reserves the name."""
        if "_modules" not in self.__dict__:
            raise AttributeError("cannot assign module before Module.__init__() call")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{fb.typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        for hook in tuple(_hooks.global_module_registration_hooks.values()):
            replaced = hook(self, name, module)
            module = module if replaced is None else replaced
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias of :meth:`add_module`."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name, own: dict) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {fb.typename(name)}")
        if name not in own and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(
                f'{kind} name can\'t contain "."'
                if kind != "module"
                else f'module name can\'t contain ".", got: {name}'
            )
        if name == "":
            raise KeyError(
                f'{kind} name can\'t be empty string ""' + ("" if kind != "module" else ", got: ")
            )

    # ---- attributes ----

    def __setattr__(self, name: str, value) -> None:
        members = self.__dict__
        if "_parameters" not in members:
            self._set_before_init(name, value)
            return
        params, modules, buffers = members["_parameters"], members["_modules"], members["_buffers"]
        if (
            type(value) in _PLAIN
            and name not in params
            and name not in modules
            and name not in buffers
        ):
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            self._forget(name, buffers, modules)
            self.register_parameter(name, value)
        elif name in params:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{fb.typename(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._forget(name, params, buffers)
            for hook in tuple(_hooks.global_module_registration_hooks.values()):
                replaced = hook(self, name, value)
                value = value if replaced is None else replaced
            modules[name] = value
        elif name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{fb.typename(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            for hook in tuple(_hooks.global_module_registration_hooks.values()):
                replaced = hook(self, name, value)
                value = value if replaced is None else replaced
            modules[name] = value
        elif name in buffers or isinstance(value, Buffer):
            self._set_buffer(name, value, buffers)
        else:
            object.__setattr__(self, name, value)

    def _set_before_init(self, name, value) -> None:
        for kind, text in ((Parameter, "parameters"), (Module, "module"), (Buffer, "buffer")):
            if isinstance(value, kind):
                raise AttributeError(f"cannot assign {text} before Module.__init__() call")
        object.__setattr__(self, name, value)

    def _set_buffer(self, name, value, buffers) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{fb.typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        if name not in buffers:
            self._forget(name)
            self.register_buffer(name, value, value.persistent)
            return
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        self.register_buffer(name, value, persistent)

    def _forget(self, name: str, *others) -> None:
        self.__dict__.pop(name, None)
        for d in others:
            d.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        if name in self._parameters:
            del self._parameters[name]
        elif name in self._buffers:
            del self._buffers[name]
            self._non_persistent_buffers_set.discard(name)
        elif name in self._modules:
            del self._modules[name]
        else:
            super().__delattr__(name)

    def __dir__(self):
        names = {
            *dir(type(self)),
            *self.__dict__,
            *self._parameters,
            *self._modules,
            *self._buffers,
        }
        return sorted(n for n in names if not n[:1].isdigit())

    def __setstate__(self, state) -> None:
        self.__dict__.update(state)
        # Files of older versions may lack a registry.
        for name in _HOOK_DICTS:
            self.__dict__.setdefault(name, {})
        self.__dict__.setdefault("_non_persistent_buffers_set", set())

    # ---- walking the tree ----

    def get_submodule(self, target: str) -> Module:
        """The submodule at the dotted path `target`; "" is the module itself.

        Raises AttributeError when a name on the path is missing or is no module.
        """
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at the dotted path `target`; `strict` demands that one is there already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _get_member(self, target: str, kind: str):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        value = getattr(module, name)
        good = isinstance(value, Parameter) if kind == "Parameter" else name in module._buffers
        if not good:
            raise AttributeError(
                f"`{name}` is not an nn.Parameter"
                if kind == "Parameter"
                else f"`{name}` is not a buffer"
            )
        return value

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted path `target`, or AttributeError."""
        return self._get_member(target, "Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path `target`, or AttributeError."""
        return self._get_member(target, "buffer")

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        seen = set()
        walk = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in walk:
            for name, value in get_members_fn(module):
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield (f"{path}.{name}" if path else name), value

    def parameters(self, recurse: bool = True):
        """Iterate over the parameters, each once; without those of submodules unless `recurse`."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ):
        """Iterate over (dotted name, parameter)."""
        yield from self._named_members(
            lambda m: m._parameters.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True):
        """Iterate over the buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True):
        """Iterate over (dotted name, buffer)."""
        yield from self._named_members(
            lambda m: m._buffers.items(), prefix, recurse, remove_duplicate
        )

    def children(self):
        """Iterate over the immediate submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self):
        """Iterate over (name, immediate submodule)."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self):
        """Iterate over this module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ):
        """Iterate over (dotted name, module), this module first under `prefix`."""
        if memo is None:
            memo = set()
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, inner, remove_duplicate)

    # ---- changing all tensors ----

    def apply(self, fn):
        """Call ``fn(module)`` on every submodule, children first, then on self; return self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn, recurse: bool = True):
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, param in self._parameters.items():
            if param is not None:
                self._parameters[name] = _apply_to_parameter(param, fn)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Move and cast parameters and buffers in place: ``to(device)``, ``to(dtype)``,
        ``to(device, dtype, non_blocking)``, ``to(tensor)``, ``to(memory_format=...)``.

        Only floating-point and complex tensors are cast. Returns self.
        """
        device, dtype, non_blocking, memory_format = parse_to("to", *args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got "
                f"desired dtype={dtype}"
            )

        def convert(t):
            target = dtype if t.is_floating_point() or t.is_complex() else None
            if memory_format is not None and t.dim() in (4, 5):
                return t.to(
                    device=device or t.device,
                    dtype=target or t.dtype,
                    non_blocking=non_blocking,
                    memory_format=memory_format,
                )
            return t.to(
                device=device or t.device, dtype=target or t.dtype, non_blocking=non_blocking
            )

        return self._apply(convert)

    def to_empty(self, *, device, recurse: bool = True):
        """Move to `device` without copying: the tensors are left uninitialised. Returns self."""
        return self._apply(lambda t: fb.empty_like(t, device=device), recurse=recurse)

    def cpu(self):
        """Move all parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Move all parameters and buffers to a GPU; raises when there is none."""
        return self._apply(lambda t: t.cuda(device))

    def type(self, dst_type):
        """Cast all parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self):
        """Cast floating-point parameters and buffers to float32."""
        return self._cast(fb.float32)

    def double(self):
        """Cast floating-point parameters and buffers to float64."""
        return self._cast(fb.float64)

    def half(self):
        """Cast floating-point parameters and buffers to float16."""
        return self._cast(fb.float16)

    def bfloat16(self):
        """Cast floating-point parameters and buffers to bfloat16."""
        return self._cast(fb.bfloat16)

    def _cast(self, dtype):
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def share_memory(self):
        """Move all tensors to shared memory; see ``Tensor.share_memory_``."""
        return self._apply(lambda t: t.share_memory_())

    def train(self, mode: bool = True):
        """Set training mode here and below; ``training`` is False in evaluation mode."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Set evaluation mode: the same as ``train(False)``."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True):
        """Set ``requires_grad`` of all parameters; return self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for param in _all_parameters(self):
            if param is None or (grad := param.grad) is None:
                continue
            if set_to_none:
                param.grad = None
                continue
            if grad.grad_fn is not None:
                grad = grad.detach()
                param.grad = grad
            else:
                grad.requires_grad_(False)
            grad.zero_()

    def compile(self, *args, **kwargs) -> None:
        """Not available: modules run as they are."""
        raise NotImplementedError(
            f"{type(self).__name__}.compile: modules cannot be compiled yet; leave the call out, "
            "the module runs the same without it"
        )

    # ---- hooks ----

    def register_forward_pre_hook(
        self, hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before forward; what it returns replaces the arguments.

        With `with_kwargs`: ``hook(module, args, kwargs)``, which may return (args, kwargs).
        """
        flags = self._forward_pre_hooks_with_kwargs if with_kwargs else None
        return add_hook(self._forward_pre_hooks, hook, prepend=prepend, flags=flags)

    def register_forward_hook(
        self, hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args[, kwargs], output)`` after forward; it may return a new output.

        `always_call` runs it even when forward raises.
        """
        handle = add_hook(self._forward_hooks, hook, prepend=prepend)
        for wanted, flags in (
            (with_kwargs, self._forward_hooks_with_kwargs),
            (always_call, self._forward_hooks_always_called),
        ):
            if wanted:
                flags[handle.id] = True
                handle.extra.append(flags)
        return handle

    def register_full_backward_pre_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the gradients of the module are computed."""
        return add_hook(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` once the gradients with respect to the
        module's positional inputs are known; what it returns replaces grad_input."""
        return add_hook(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook) -> RemovableHandle:
        """Older name of :meth:`register_full_backward_hook`; the hook sees the full gradients."""
        return self.register_full_backward_hook(hook)

    # ---- text ----

    def _get_name(self) -> str:
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """What stands between the brackets of the module's repr; override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [
            f"({name}): {indent_after_first(repr(module), 2)}"
            for name, module in self._modules.items()
        ]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


def _all_parameters(module) -> list:
    """The parameters, shared ones as often as they occur, without the names that a walk makes."""
    found, seen, waiting = [], {module}, [module]
    for module in waiting:  # grows as it goes
        found += module._parameters.values()
        for child in module._modules.values():
            if child is not None and child not in seen:
                seen.add(child)
                waiting.append(child)
    return found


def indent_after_first(text: str, spaces: int) -> str:
    """Indent all lines of `text` but the first."""
    return text.replace("\n", "\n" + " " * spaces)


def _apply_to_parameter(param, fn):
    with fb.no_grad():
        value = fn(param)
    if value.device.type == param.device.type or is_lazy(param):
        param.data = value
    else:
        # Another kind of storage: a new object, as optimizers must not mix the two.
        grad = param.grad
        param = Parameter(value, param.requires_grad)
        if grad is not None:
            with fb.no_grad():
                param.grad = fn(grad).requires_grad_(grad.requires_grad)
        return param
    grad = param.grad
    if grad is not None:
        with fb.no_grad():
            new_grad = fn(grad)
        if new_grad is not grad:
            # Dropped first: a gradient must match its tensor's dtype when it is set.
            param.grad = None
            param.grad = new_grad.requires_grad_(grad.requires_grad)
    return param


def parse_to(
    where: str,
    *args,
    device=None,
    dtype=None,
    non_blocking=False,
    copy=False,
    memory_format=None,
    tensor=None,
    other=None,
):
    """The arguments of ``to`` as (device, dtype, non_blocking, memory_format), None if absent."""
    args = list(args)
    if len(args) > 4:
        raise TypeError(f"{where}() takes at most 4 positional arguments, but got {len(args)}")
    source = tensor if tensor is not None else other
    if args and isinstance(args[0], Tensor):
        source = args.pop(0)
    if source is not None:
        device, dtype = source.device, source.dtype
    elif args and isinstance(args[0], fb.dtype):
        dtype = args.pop(0)
    elif args:
        device = args.pop(0)
        if args and (args[0] is None or isinstance(args[0], fb.dtype)):
            dtype = args.pop(0)
    if args:
        non_blocking = args.pop(0)
    if device is not None and not isinstance(device, fb.device):
        if not isinstance(device, (str, int)) or isinstance(device, bool):
            raise TypeError(
                f"{where}() received an invalid combination of arguments - got "
                f"{fb.typename(device)}, but expected a device, a dtype or a Tensor"
            )
        device = fb.device(device)
    if dtype is not None and not isinstance(dtype, fb.dtype):
        raise TypeError(f"{where}(): argument 'dtype' must be a dtype, not {fb.typename(dtype)}")
    return device, dtype, bool(non_blocking), memory_format
