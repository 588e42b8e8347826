"""``backward`` and ``grad``: from user arguments to the engine."""

from __future__ import annotations

from flambeau import _C

Tensor = _C.Tensor


def _as_tuple(value, what: str) -> tuple:
    if value is None:
        return ()
    if isinstance(value, Tensor):
        return (value,)
    items = tuple(value)
    for item in items:
        if item is not None and not isinstance(item, Tensor):
            raise TypeError(f"{what} must be tensors, got {type(item).__name__}")
    return items


def _gradients(tensors: tuple, grads) -> tuple:
    if grads is None:
        return (None,) * len(tensors)
    grads = _as_tuple(grads, "gradients")
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    return grads


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph=False,
    grad_variables=None,
    inputs=None,
) -> None:
    """Adds the gradients of ``sum(tensors * grad_tensors)`` to the ``.grad`` of the leaves.

    With ``inputs`` only those tensors are served. ``retain_graph`` keeps what was saved for
    another backward (default: the value of ``create_graph``); ``create_graph`` records the
    gradients so that they can be differentiated.
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (its old name) are both given; "
                "use `grad_tensors` only"
            )
        grad_tensors = grad_variables
    roots = _as_tuple(tensors, "tensors")
    if inputs is not None:
        inputs = _as_tuple(inputs, "inputs")
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    keep = create_graph if retain_graph is None else retain_graph
    _C._run_backward(
        roots, _gradients(roots, grad_tensors), inputs or (), bool(keep), bool(create_graph), True
    )


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
) -> tuple:
    """The gradients of ``sum(outputs * grad_outputs)`` with respect to ``inputs``, as a tuple.

    Inputs that do not matter raise, unless ``allow_unused`` (then None) or ``materialize_grads``
    (then zeros).
    """
    if not only_inputs:
        raise ValueError("grad(): only_inputs=False is not supported; use backward()")
    if is_grads_batched:
        raise NotImplementedError("grad(): is_grads_batched=True needs vmap, which is not built in")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when "
            "materialize_grads=True, but got: allow_unused=False."
        )
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    roots = _as_tuple(outputs, "outputs")
    targets = _as_tuple(inputs, "inputs")
    for i, t in enumerate(targets):
        if t is None or not t.requires_grad:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad (number {i} of inputs)"
            )
    keep = create_graph if retain_graph is None else retain_graph
    if not targets:
        return ()
    result = _C._run_backward(
        roots, _gradients(roots, grad_outputs), targets, bool(keep), bool(create_graph), False
    )
    if materialize_grads:
        return tuple(_C.zeros_like(t) if r is None else r for r, t in zip(result, targets))
    if not allow_unused and None in [None if r is None else 0 for r in result]:
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the "
            "graph. Set allow_unused=True if this is the desired behavior."
        )
    return result
