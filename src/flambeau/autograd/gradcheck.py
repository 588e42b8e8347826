"""Comparing analytical gradients with finite differences."""

from __future__ import annotations

from flambeau import _C

from ._backward import grad as _grad


class GradcheckError(RuntimeError):
    """The gradients differ."""


def _tensors(values) -> list:
    return [v for v in values if isinstance(v, _C.Tensor)]


def _outputs(result) -> list:
    items = (result,) if isinstance(result, _C.Tensor) else tuple(result)
    return [
        o for o in items if isinstance(o, _C.Tensor) and (o.is_floating_point() or o.is_complex())
    ]


def _numerical_column(func, inputs, x, i, eps, output_count):
    """Central differences of all outputs with respect to element i of x (a real step)."""
    results = []
    for sign in (1, -1):
        with _no_grad():
            if not x.is_contiguous():
                raise ValueError("gradcheck expects contiguous inputs")
            flat = x.data.reshape(-1)  # through .data: what was saved of x stays valid
            before = flat[i].clone()
            flat[i] = before + sign * eps
            results.append([o.detach().clone() for o in _outputs(func(*inputs))])
            flat[i] = before
    return [(a - b) / (2 * eps) for a, b in zip(*results)]


def _no_grad():
    from ._grad_mode import no_grad

    return no_grad()


def _check_one(func, inputs, outputs, x, xi, eps, atol, rtol, raise_exception):
    """Jacobian of every output with respect to one input, column by column against row by row."""
    is_complex = x.is_complex()
    steps = (eps, eps * 1j) if is_complex else (eps,)
    for step in steps:
        columns = []
        for i in range(x.numel()):
            columns.append(_numerical_column(func, inputs, x, i, step, len(outputs)))
        for oi, out in enumerate(outputs):
            analytical = _analytical(out, x)
            for i in range(x.numel()):
                # A step ds in x changes sum(conj(v) * out) by Re(conj(grad) * ds) for real v.
                numeric = columns[i][oi].reshape(-1)
                for j in range(out.numel()):
                    expected = complex(numeric[j].item()) * (step / eps)
                    if not _agrees(
                        analytical[j], i, expected, step / eps, out.is_complex(), atol, rtol
                    ):
                        if raise_exception:
                            raise GradcheckError(
                                f"Jacobian mismatch for output {oi} with respect to input {xi},\n"
                                f"element {j} of the output and {i} of the input:\n"
                                f"numerical:{expected}\nanalytical:{analytical[j]}"
                            )
                        return False
    return True


def _analytical(out, x):
    """For each element of `out` the gradient of its real part (and imaginary part)."""
    rows = []
    for j in range(out.numel()):
        parts = []
        for unit in (1, 1j) if out.is_complex() else (1,):
            v = _C.zeros(out.numel(), dtype=out.dtype)
            v[j] = unit
            (g,) = _grad(out, (x,), v.reshape(out.shape), retain_graph=True, allow_unused=True)
            g = _C.zeros_like(x) if g is None else g
            parts.append(g.detach().reshape(-1).tolist())
        rows.append(parts)
    return rows


def _agrees(parts, i, expected, direction, complex_output, atol, rtol):
    """d Re(conj(unit) * out) along `direction` equals Re(conj(grad) * direction)."""
    units = (1, 1j) if complex_output else (1,)
    derivative = expected / direction if direction != 1 else expected
    derivative = derivative * direction
    for unit, values in zip(units, parts):
        got = (complex(values[i]).conjugate() * direction).real
        want = (complex(unit).conjugate() * derivative).real
        if not abs(got - want) <= atol + rtol * abs(want):
            return False
    return True


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_batched_forward_grad=False,
    check_forward_ad=False,
    check_backward_ad=True,
    fast_mode=False,
    masked=None,
) -> bool:
    """True iff the gradients of ``func`` at ``inputs`` agree with central differences.

    The inputs that require gradients should be float64 or complex128 and contiguous. Raises
    GradcheckError otherwise (or returns False with ``raise_exception=False``).
    """
    if check_forward_ad:
        raise NotImplementedError("gradcheck: forward-mode differentiation is not built in")
    inputs = (inputs,) if isinstance(inputs, _C.Tensor) else tuple(inputs)
    differentiable = [
        (i, x) for i, x in enumerate(inputs) if isinstance(x, _C.Tensor) and x.requires_grad
    ]
    if not differentiable:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but "
            "none of the them have requires_grad=True."
        )
    outputs = [o for o in _outputs(func(*inputs)) if o.requires_grad]
    all_outputs = _outputs(func(*inputs))
    used = [k for k, o in enumerate(all_outputs) if o.requires_grad]

    def selected(*args):
        results = _outputs(func(*args))
        return tuple(results[k] for k in used)

    for xi, x in differentiable:
        if not _check_one(selected, inputs, outputs, x, xi, eps, atol, rtol, raise_exception):
            return False
    return True


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_fwd_over_rev=False,
    check_rev_over_rev=True,
    fast_mode=False,
    masked=False,
) -> bool:
    """gradcheck of the gradients of ``func``: second derivatives against central differences."""
    inputs = (inputs,) if isinstance(inputs, _C.Tensor) else tuple(inputs)
    outputs = [o for o in _outputs(func(*inputs)) if o.requires_grad]
    if grad_outputs is None:
        grad_outputs = []
        for k, o in enumerate(outputs):
            v = _C.zeros(o.shape, dtype=o.dtype)
            flat = v.view(-1)
            for j in range(v.numel()):
                flat[j] = 0.3 + ((7 * j + 3 * k) % 11) / 11.0
            grad_outputs.append(v.requires_grad_())
    else:
        grad_outputs = list(
            _tensors((grad_outputs,) if isinstance(grad_outputs, _C.Tensor) else grad_outputs)
        )
    count = len(grad_outputs)

    def first_gradients(*args):
        xs, vs = args[:-count], args[-count:]
        wanted = tuple(x for x in xs if isinstance(x, _C.Tensor) and x.requires_grad)
        with _enable_grad():
            outs = [o for o in _outputs(func(*xs)) if o.requires_grad]
            grads = _grad(outs, wanted, vs, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None and g.requires_grad)

    return gradcheck(
        first_gradients,
        (*inputs, *grad_outputs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )


def _enable_grad():
    from ._grad_mode import enable_grad

    return enable_grad()
