"""Access to the graph: nodes, edges, multi-tensor hooks."""

from __future__ import annotations

from flambeau import _C

Node = _C.Node


class GradientEdge(tuple):
    """A place in the graph: the pair (node, output_nr)."""

    __slots__ = ()

    def __new__(cls, node: Node, output_nr: int):
        return tuple.__new__(cls, (node, output_nr))

    node = property(lambda self: self[0])
    output_nr = property(lambda self: self[1])


def get_gradient_edge(tensor) -> GradientEdge:
    """Where the gradient of ``tensor`` flows to."""
    return GradientEdge(*_C._gradient_edge(tensor))


class saved_tensors_hooks:
    """Inside, ``pack(tensor)`` decides what is kept for backward and ``unpack`` restores it."""

    def __init__(self, pack_hook, unpack_hook):
        self._hooks = (pack_hook, unpack_hook)

    def __enter__(self):
        _C._push_saved_tensor_hooks(*self._hooks)

    def __exit__(self, *error):
        _C._pop_saved_tensor_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Kept tensors move to the CPU; here they are there already, so they are kept as they are."""

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda t: t, lambda t: t)


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Calls ``fn(grads)`` once the gradients of all ``tensors`` are known ("any": fn(grad) for the
    first). Returns a handle with ``remove()``."""
    tensors = tuple(tensors)
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    state = {"count": 0, "grads": [None] * len(tensors)}

    def make(i):
        def hook(grad):
            if mode == "any":
                if state["count"] == 0:
                    state["count"] = 1
                    _C._queue_callback(lambda: state.update(count=0))
                    fn(grad)
                return
            state["grads"][i] = grad
            state["count"] += 1
            if state["count"] == len(tensors):
                grads = state["grads"]
                state.update(count=0, grads=[None] * len(tensors))
                fn(grads)

        return hook

    handles = [t.register_hook(make(i)) for i, t in enumerate(tensors)]

    class Handle:
        def remove(self):
            for h in handles:
                h.remove()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.remove()

    return Handle()


def increment_version(tensor) -> None:
    """Counts an in-place change that happened outside the library's sight."""
    for t in (tensor,) if isinstance(tensor, _C.Tensor) else tensor:
        _C._bump_version(t)
