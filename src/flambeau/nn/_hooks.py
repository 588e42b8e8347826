"""Hook registries of modules: the hooks that watch every module, and backward hooks."""

from __future__ import annotations

import flambeau as fb

from ..utils.hooks import RemovableHandle as RemovableHandle


def add_hook(
    hooks: dict,
    hook,
    *,
    prepend: bool = False,
    flags: dict | None = None,
    index: dict | None = None,
) -> RemovableHandle:
    """Put `hook` into `hooks` (in front when `prepend`) and return its handle.

    `flags` and `index` are dictionaries that also get the handle's id and lose it on removal.
    """
    extra = [d for d in (flags, index) if d is not None]
    handle = RemovableHandle(hooks, extra_dict=extra)
    if prepend:
        later = list(hooks.items())
        hooks.clear()
        hooks[handle.id] = hook
        hooks.update(later)
    else:
        hooks[handle.id] = hook
    for d in extra:
        d[handle.id] = True
    return handle


# Hooks over all modules. `any_global` is true iff one of the call hooks below is registered.
any_global: dict[int, bool] = {}
global_forward_pre_hooks: dict = {}
global_forward_hooks: dict = {}
global_forward_hooks_with_kwargs: dict = {}
global_forward_hooks_always_called: dict = {}
global_backward_pre_hooks: dict = {}
global_backward_hooks: dict = {}
global_buffer_registration_hooks: dict = {}
global_module_registration_hooks: dict = {}
global_parameter_registration_hooks: dict = {}


def register_module_forward_pre_hook(hook) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module."""
    return add_hook(global_forward_pre_hooks, hook, index=any_global)


def register_module_forward_hook(
    hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args[, kwargs], output)`` after the forward of every module."""
    handle = add_hook(global_forward_hooks, hook, index=any_global)
    if with_kwargs:
        global_forward_hooks_with_kwargs[handle.id] = True
        handle.extra.append(global_forward_hooks_with_kwargs)
    if always_call:
        global_forward_hooks_always_called[handle.id] = True
        handle.extra.append(global_forward_hooks_always_called)
    return handle


def register_module_full_backward_pre_hook(hook) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward of every module."""
    return add_hook(global_backward_pre_hooks, hook, index=any_global)


def register_module_full_backward_hook(hook) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` after the backward of every module."""
    return add_hook(global_backward_hooks, hook, index=any_global)


def register_module_backward_hook(hook) -> RemovableHandle:
    """Older name; the hook gets what :func:`register_module_full_backward_hook` gives."""
    return register_module_full_backward_hook(hook)


def register_module_buffer_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` when a buffer is registered; it may replace it."""
    return add_hook(global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` when a submodule is registered; it may replace it."""
    return add_hook(global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` when a parameter is registered; it may replace it."""
    return add_hook(global_parameter_registration_hooks, hook)


_boundary = None


def _boundary_function():
    # Made on first use: programs without backward hooks never need the class.
    global _boundary
    if _boundary is None:

        class ModuleBoundary(fb.autograd.Function):
            """Identity on tensors; its backward hands all their gradients to one callback."""

            @staticmethod
            def forward(ctx, callback, *tensors):
                ctx.set_materialize_grads(False)
                ctx.callback = callback
                return tuple(t.view_as(t) for t in tensors)

            @staticmethod
            def backward(ctx, *grads):
                return (None, *ctx.callback(grads))

        _boundary = ModuleBoundary
    return _boundary


def _through_boundary(callback, values: tuple) -> tuple[tuple, list[int], bool]:
    """Pass the tensors among `values` through one boundary node.

    Returns the new values, the positions of the tensors, and whether any of them needs a gradient.
    """
    places = [i for i, v in enumerate(values) if isinstance(v, fb.Tensor)]
    if not fb.is_grad_enabled() or not any(values[i].requires_grad for i in places):
        return values, places, False
    wrapped = _boundary_function().apply(callback, *(values[i] for i in places))
    result = list(values)
    for i, tensor in zip(places, wrapped):
        result[i] = tensor
    if type(values) is tuple:
        return tuple(result), places, True
    return type(values)(*result), places, True


class BackwardHooks:
    """One call of a module with full backward hooks.

    Identity nodes around the inputs and the outputs see the module's gradients: the output node
    runs the pre-hooks and remembers grad_output, the input node runs the hooks.
    """

    def __init__(self, module, hooks: list, pre_hooks: list) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_output = None
        self.inputs = ()
        self.input_count = 0
        self.inputs_need_grad = False
        self.outputs = ()
        self.output_count = 0

    def wrap_inputs(self, args: tuple) -> tuple:
        self.input_count = len(args)
        args, self.inputs, self.inputs_need_grad = _through_boundary(self._at_inputs, args)
        return args

    def wrap_outputs(self, result):
        single = not isinstance(result, tuple)
        values = (result,) if single else result
        self.output_count = len(values)
        # The places must be known before backward runs, which is never inside this call.
        values, self.outputs, _ = _through_boundary(self._at_outputs, values)
        return values[0] if single else values

    def _spread(self, grads, places, count) -> tuple:
        full = [None] * count
        for i, g in zip(places, grads):
            full[i] = g
        return tuple(full)

    def _gather(self, grads, places, count, name) -> tuple:
        if not isinstance(grads, tuple):
            grads = (grads,)
        if len(grads) != count:
            raise RuntimeError(
                f"{name} of {type(self.module).__name__}: the hook returned {len(grads)} "
                f"gradients, but {count} are expected"
            )
        return tuple(grads[i] for i in places)

    def _at_outputs(self, grads):
        full = self._spread(grads, self.outputs, self.output_count)
        for hook in self.pre_hooks:
            replaced = hook(self.module, full)
            if replaced is not None:
                grads = self._gather(replaced, self.outputs, self.output_count, "backward pre-hook")
                full = self._spread(grads, self.outputs, self.output_count)
        self.grad_output = full
        if not self.inputs_need_grad:
            grad_input = (None,) * self.input_count
            for hook in self.hooks:
                if hook(self.module, grad_input, full) is not None:
                    raise RuntimeError(
                        f"backward hook of {type(self.module).__name__}: the hook returned "
                        "gradients, but no input of the module requires grad"
                    )
        return grads

    def _at_inputs(self, grads):
        if self.grad_output is None:
            raise RuntimeError(
                f"backward hook of {type(self.module).__name__}: the module's outputs took no part "
                "in this backward pass while its inputs did; return every tensor the module makes"
            )
        for hook in self.hooks:
            full = self._spread(grads, self.inputs, self.input_count)
            replaced = hook(self.module, full, self.grad_output)
            if replaced is not None:
                grads = self._gather(replaced, self.inputs, self.input_count, "backward hook")
        return grads


def call_with_hooks(module, args: tuple, kwargs: dict):
    """Run pre-hooks, forward and hooks of `module`; the slow road of ``Module.__call__``."""
    backward_hooks = [*global_backward_hooks.values(), *module._backward_hooks.values()]
    backward_pre = [*global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
    called: set[int] = set()
    result = None
    try:
        args, kwargs = _run_pre_hooks(module, args, kwargs)
        watch = None
        if backward_hooks or backward_pre:
            watch = BackwardHooks(module, backward_hooks, backward_pre)
            args = watch.wrap_inputs(args)
        result = module.forward(*args, **kwargs)
        for key, hook, with_kwargs, _ in _forward_hooks(module):
            called.add(key)
            out = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if out is not None:
                result = out
        return result if watch is None else watch.wrap_outputs(result)
    except Exception:
        _run_always_called(module, args, kwargs, result, called)
        raise


def _run_pre_hooks(module, args, kwargs):
    with_kwargs = module._forward_pre_hooks_with_kwargs
    hooks = [(None, h) for h in global_forward_pre_hooks.values()]
    hooks += module._forward_pre_hooks.items()
    for key, hook in hooks:
        if key is not None and key in with_kwargs:
            out = hook(module, args, kwargs)
            if out is not None:
                if not (isinstance(out, tuple) and len(out) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple "
                        f"of (new_args, new_kwargs), but got {out}."
                    )
                args, kwargs = out
        else:
            out = hook(module, args)
            if out is not None:
                args = out if isinstance(out, tuple) else (out,)
    return args, kwargs


def _forward_hooks(module):
    """(key, hook, with_kwargs, always_call), global hooks first."""
    found = [
        (k, h, k in global_forward_hooks_with_kwargs, k in global_forward_hooks_always_called)
        for k, h in global_forward_hooks.items()
    ]
    with_kwargs = module._forward_hooks_with_kwargs
    always = module._forward_hooks_always_called
    return found + [(k, h, k in with_kwargs, k in always) for k, h in module._forward_hooks.items()]


def _run_always_called(module, args, kwargs, result, called) -> None:
    for key, hook, with_kwargs, always in _forward_hooks(module):
        if not always or key in called:
            continue
        try:
            out = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            result = result if out is None else out
        except Exception as error:
            import warnings

            warnings.warn(
                "module forward hook with ``always_call=True`` raised an exception that "
                f"was silenced as another error was raised in forward: {error}",
                stacklevel=2,
            )
