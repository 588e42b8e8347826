"""Every row of the operator table: forms agree, values match the reference, gradients are right."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as fb
from tools.opgen import table

from . import samples as s

ROWS = s.rows()
WITH_REFERENCE = [r for r in ROWS if r.ref]
DIFFERENTIABLE = [
    r
    for r in ROWS
    if r.gradcheck and (r.grad or r.kind == "composite") and r.dtypes & table.FLOATING
]


def working_dtype(row) -> str:
    """A dtype every sample can be made in."""
    names = table.dtype_names(row.test_dtypes or row.dtypes)
    for name in ("float64", "float32", "int64", "bool", "complex128"):
        if name in names:
            return name
    return names[0]


def tensors_in(values) -> list:
    found = []
    for v in values:
        if isinstance(v, fb.Tensor):
            found.append(v)
        elif isinstance(v, (list, tuple)):
            found += tensors_in(v)
    return found


def same(a, b, what):
    for x, y in zip(s.as_list(a), s.as_list(b), strict=True):
        if isinstance(x, fb.Tensor):
            assert x.dtype == y.dtype, f"{what}: {x.dtype} and {y.dtype}"
            np.testing.assert_array_equal(s.to_numpy(x), s.to_numpy(y), err_msg=what)
        else:
            assert x == y or (x != x and y != y), what


@pytest.mark.parametrize("row", WITH_REFERENCE, ids=s.row_id)
def test_values(row):
    function = s.callable_of(row)
    for dtype in table.dtype_names(row.test_dtypes or row.dtypes):
        for i, sample in enumerate(s.samples_of(row)):
            args, kwargs = s.build(row, sample, dtype)
            expected = s.reference(row, args, kwargs, dtype)
            actual = function(*args, **kwargs)
            if len(s.as_list(actual)) == 1 and not isinstance(actual, (tuple, list)):
                expected = [expected]
            for a, e in zip(s.as_list(actual), expected, strict=True):
                s.assert_close(a, e, dtype, row.tolerance, f"{row.name} {dtype} sample {i}")


@pytest.mark.parametrize("row", ROWS, ids=s.row_id)
def test_forms_agree(row):
    """Function, method, in-place and out= give the same numbers; layouts do not matter."""
    if row.notes.get("random"):
        pytest.skip("draws random numbers: tested by distribution")
    function, dtype = s.callable_of(row), working_dtype(row)
    for sample in s.samples_of(row):
        args, kwargs = s.build(row, sample, dtype)
        expected = function(*args, **kwargs)
        if {"function", "method"} <= set(row.variants) and isinstance(args[0], fb.Tensor):
            same(getattr(args[0], row.name)(*args[1:], **kwargs), expected, "method")
        if row.has_inplace:
            check_inplace(row, args, kwargs, expected)
        if row.has_out and isinstance(expected, fb.Tensor):
            out = fb.empty_like(expected)
            assert function(*args, **kwargs, out=out) is out
            same(out, expected, "out=")
        check_strided(row, function, args, kwargs, expected)


def check_inplace(row, args, kwargs, expected):
    if not isinstance(args[0], fb.Tensor) or not isinstance(expected, fb.Tensor):
        return
    if expected.shape != args[0].shape:
        return
    if not fb.can_cast(expected.dtype, args[0].dtype):
        return
    x = args[0].clone()
    result = getattr(x, row.name + "_")(*args[1:], **kwargs)
    assert result is x, f"{row.name}_ must return self"
    same(x, expected.to(x.dtype), "in-place")


def check_strided(row, function, args, kwargs, expected):
    """The same elements at other strides."""
    if row.notes.get("strides matter"):
        return

    def spread(v):
        if isinstance(v, fb.Tensor) and v.dim() > 0:
            wide = fb.zeros(*v.shape, 2, dtype=v.dtype)
            view = wide.select(-1, 1)
            view.copy_(v)
            return view
        if isinstance(v, (list, tuple)) and any(isinstance(i, fb.Tensor) for i in v):
            return type(v)(spread(i) for i in v)
        return v

    strided = function(*[spread(a) for a in args], **{k: spread(v) for k, v in kwargs.items()})
    for a, e in zip(s.as_list(strided), s.as_list(expected), strict=True):
        if isinstance(a, fb.Tensor):
            np.testing.assert_allclose(
                s.to_numpy(a),
                s.to_numpy(e),
                rtol=1e-12,
                atol=1e-12,
                err_msg=f"{row.name}: non-contiguous",
            )


@pytest.mark.parametrize("row", ROWS, ids=s.row_id)
def test_meta(row):
    """The meta device gives the shape and type of the result without elements."""
    if row.notes.get("no meta"):
        pytest.skip(row.notes["no meta"])
    function, dtype = s.callable_of(row), working_dtype(row)
    for sample in s.samples_of(row):
        args, kwargs = s.build(row, sample, dtype)
        if not tensors_in([*args, *kwargs.values()]):
            continue

        def meta(v):
            if isinstance(v, fb.Tensor):
                return fb.empty_strided(v.shape, v.stride(), dtype=v.dtype, device="meta")
            if isinstance(v, (list, tuple)) and any(isinstance(i, fb.Tensor) for i in v):
                return type(v)(meta(i) for i in v)
            return v

        expected = function(*args, **kwargs)
        actual = function(*[meta(a) for a in args], **{k: meta(v) for k, v in kwargs.items()})
        for a, e in zip(s.as_list(actual), s.as_list(expected), strict=True):
            if isinstance(e, fb.Tensor):
                assert a.is_meta and a.shape == e.shape and a.dtype == e.dtype, row.name


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=s.row_id)
def test_gradients(row):
    """First and second derivatives against finite differences in float64."""
    function = s.callable_of(row)
    for sample in s.samples_of(row):
        args, kwargs = s.build(row, sample, "float64")
        described = [*sample.args, *sample.kwargs.values()]
        inputs = []

        def mark(description, value):
            if isinstance(description, table.T) and description.grad and value.is_floating_point():
                inputs.append(value.requires_grad_())
            elif isinstance(description, (list, tuple)):
                for d, v in zip(description, value):
                    if isinstance(d, table.T):
                        mark(d, v)

        for d, v in zip(described, [*args, *kwargs.values()]):
            mark(d, v)
        inputs = [x for x in inputs if x.numel()]
        if not inputs or sum(x.numel() for x in inputs) > 80:
            continue

        def call(*_):
            return function(*args, **kwargs)

        results = [r for r in s.as_list(call()) if isinstance(r, fb.Tensor) and r.requires_grad]
        if not results:
            continue
        assert fb.autograd.gradcheck(call, inputs, atol=1e-6, rtol=1e-4), row.name
        if row.notes.get("no second derivative"):
            continue
        assert fb.autograd.gradgradcheck(call, inputs, atol=1e-5, rtol=1e-3), row.name
