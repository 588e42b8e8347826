"""Less memory for more time: activations that are computed again in the backward pass.

Chen et al., Training deep nets with sublinear memory cost, 2016.
"""

from __future__ import annotations

import warnings

import flambeau

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]


class CheckpointError(RuntimeError):
    """The second computation was not the same as the first."""


class _Rng:
    """Runs code with the random state of an earlier moment, and then goes back."""

    def __init__(self, preserve: bool) -> None:
        self.state = flambeau.get_rng_state() if preserve else None

    def __enter__(self):
        if self.state is not None:
            self.present = flambeau.get_rng_state()
            flambeau.set_rng_state(self.state)

    def __exit__(self, *exc) -> None:
        if self.state is not None:
            flambeau.set_rng_state(self.present)


def checkpoint(
    function,
    *args,
    use_reentrant: bool | None = None,
    context_fn=None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs,
):
    """``function(*args, **kwargs)``, of which only the inputs are kept for the backward pass.

    The backward pass calls the function again, with the random state of the first call unless
    ``preserve_rng_state=False``. ``use_reentrant=True`` runs a backward pass inside the backward
    pass: it takes no keyword arguments, needs an input tensor that requires a gradient, and does
    not work with ``autograd.grad``. ``use_reentrant=False`` has none of these limits.
    ``context_fn`` gives a pair of contexts for the two calls (not with ``use_reentrant=True``).
    """
    if use_reentrant is None:
        warnings.warn(
            "checkpoint: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended, but if you need to preserve the current default "
            "behavior, you can pass use_reentrant=True.",
            stacklevel=2,
        )
        use_reentrant = True
    if not use_reentrant:
        return _recorded(function, args, kwargs, context_fn, determinism_check, preserve_rng_state)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if context_fn is not None:
        raise ValueError("Passing `context_fn` is only supported when use_reentrant=False.")
    return _reentrant_class().apply(function, preserve_rng_state, *args)


# ---- use_reentrant=True -------------------------------------------------------------------------

_cached: list = []


def _reentrant_class():
    if not _cached:
        _cached.append(_make_reentrant_class())
    return _cached[0]


def _make_reentrant_class():
    class CheckpointFunction(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, function, preserve, *args):
            if not any(isinstance(a, flambeau.Tensor) and a.requires_grad for a in args):
                warnings.warn(
                    "None of the inputs have requires_grad=True. Gradients will be None",
                    stacklevel=4,
                )
            ctx.function = function
            ctx.rng = _Rng(preserve)
            ctx.args = [None if isinstance(a, flambeau.Tensor) else a for a in args]
            ctx.places = [i for i, a in enumerate(args) if isinstance(a, flambeau.Tensor)]
            ctx.save_for_backward(*(args[i] for i in ctx.places))
            with flambeau.no_grad():
                return function(*args)

        @staticmethod
        def backward(ctx, *grads):
            args = list(ctx.args)
            for i, tensor in zip(ctx.places, ctx.saved_tensors):
                args[i] = tensor.detach().requires_grad_(tensor.requires_grad)
            with ctx.rng, flambeau.enable_grad():
                outputs = ctx.function(*args)
            if isinstance(outputs, flambeau.Tensor):
                outputs = (outputs,)
            pairs = [
                (out, grad)
                for out, grad in zip(outputs, grads)
                if isinstance(out, flambeau.Tensor) and out.requires_grad
            ]
            if not pairs:
                raise RuntimeError(
                    "none of output has requires_grad=True, this checkpoint() is not necessary"
                )
            flambeau.autograd.backward([out for out, _ in pairs], [grad for _, grad in pairs])
            found = [a.grad if isinstance(a, flambeau.Tensor) else None for a in args]
            return (None, None, *found)

    return CheckpointFunction


# ---- use_reentrant=False ------------------------------------------------------------------------


class _Saved:
    """Takes the place of a tensor that the graph would keep."""

    def __init__(self, number: int) -> None:
        self.number = number


def _recorded(function, args, kwargs, context_fn, determinism_check, preserve):
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"checkpoint: determinism_check is 'default' or 'none', not {determinism_check!r}"
        )
    if not flambeau.is_grad_enabled():
        return function(*args, **kwargs)
    hooks = flambeau.autograd.graph.saved_tensors_hooks
    first, second = context_fn() if context_fn is not None else (_Nothing(), _Nothing())
    rng = _Rng(preserve)
    described: list = []  # shape, dtype of each tensor that was kept
    again: dict = {}  # number -> tensor of the second computation

    def pack(tensor):
        described.append((tensor.shape, tensor.dtype))
        return _Saved(len(described) - 1)

    def compute_again() -> None:
        count = 0

        def keep(tensor):
            nonlocal count
            again[count] = tensor.detach()
            count += 1
            return tensor.detach()

        with rng, second, flambeau.enable_grad(), hooks(keep, lambda tensor: tensor):
            function(*args, **kwargs)
        if determinism_check == "none":
            return
        if count != len(described):
            raise CheckpointError(
                "checkpoint: a different number of tensors was saved during the original forward "
                f"({len(described)}) and recomputation ({count}); the function has to do the same "
                "both times"
            )
        for number, (shape, dtype) in enumerate(described):
            tensor = again[number]
            if tensor.shape != shape or tensor.dtype != dtype:
                raise CheckpointError(
                    f"checkpoint: recomputed values for tensor {number} have different metadata "
                    f"than during the forward pass: {tensor.shape}, {tensor.dtype} instead of "
                    f"{shape}, {dtype}"
                )

    def unpack(saved):
        if saved.number not in again:
            compute_again()
        if saved.number not in again:
            raise CheckpointError(
                f"checkpoint: the recomputation did not save tensor {saved.number}"
            )
        # Handed out once; a second backward pass over the graph computes anew.
        return again.pop(saved.number)

    with first, hooks(pack, unpack):
        return function(*args, **kwargs)


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        pass


# ---- sequences ----------------------------------------------------------------------------------


def checkpoint_sequential(functions, segments: int, input, use_reentrant=None, **kwargs):
    """Run a list of functions (or a Sequential) in ``segments`` parts, each but the last one a
    checkpoint; see :func:`checkpoint`."""
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if use_reentrant is None:
        use_reentrant = True
    children = getattr(functions, "children", None)
    functions = list(children() if children is not None else functions)

    def part(begin: int, end: int):
        def run(value):
            for function in functions[begin:end]:
                value = function(value)
            return value

        return run

    size = len(functions) // segments
    for begin in range(0, size * (segments - 1), max(size, 1)):
        input = checkpoint(
            part(begin, begin + size),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return part(size * (segments - 1), len(functions))(input)
