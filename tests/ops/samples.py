"""Turns rows of the operator table into calls: sample arguments, the callable, the reference."""

from __future__ import annotations

import ast
import warnings
import zlib

import numpy as np

import flambeau as fb
from tools.opgen import table
from tools.opgen.table import Op, Sample, T

NUMPY_DTYPE = {
    "float32": np.float32,
    "float64": np.float64,
    "float16": np.float16,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "bool": np.bool_,
    "complex64": np.complex64,
    "complex128": np.complex128,
}
# NumPy has no bfloat16: its reference is computed from the rounded values in float64.
REFERENCE_DTYPE = {
    "bfloat16": np.float64,
    "float16": np.float64,
    "float32": np.float64,
    "complex64": np.complex128,
}
RELATIVE = {
    "float16": 2e-3,
    "bfloat16": 1.6e-2,
    "float32": 2e-6,
    "float64": 1e-10,
    "complex64": 4e-6,
    "complex128": 1e-10,
}


def rows(predicate=lambda row: True) -> list[Op]:
    return [r for r in table.load() if r.kind != "python" and r.public and predicate(r)]


def row_id(row: Op) -> str:
    return row.signature.name


def samples_of(row: Op) -> list[Sample]:
    """The row's own samples, or for operators of tensors alone shapes that cover broadcasting."""
    if row.samples is not None:
        return row.samples
    required = [a for a in row.args if a.default is None]
    if row.kind != "pointwise" and not all(a.is_tensor for a in required):
        raise AssertionError(f"{row.signature.text}: the row has no samples")
    low, high = row.domain
    tensors = [a for a in row.args if a.is_tensor]
    others = [a for a in row.args if not a.is_tensor and a.default is None]
    shapes = [(2, 3)], [(3, 1), (1, 2), (3, 2)], [()], [(0, 3), (1, 3)]
    made = []
    for group in shapes:
        args = [T(group[i % len(group)], low, high) for i, _ in enumerate(tensors)]
        extra = {a.name: 0.5 for a in others}
        made.append(Sample(tuple(args), extra))
    return made


class Values:
    """Makes the same random values for the same seed, shape and dtype."""

    def __init__(self, seed: str):
        self.rng = np.random.default_rng(zlib.crc32(seed.encode()))

    def array(self, t: T, dtype: str) -> np.ndarray:
        dtype = t.dtype or dtype
        if t.values is not None:
            return np.asarray(t.values).astype(NUMPY_DTYPE.get(dtype, np.float64))
        u = self.rng.random(t.shape)
        if dtype == "bool":
            return u < 0.5
        if dtype in ("uint8", "int8", "int16", "int32", "int64"):
            low = max(0, int(np.ceil(t.low))) if dtype == "uint8" else int(np.ceil(t.low))
            high = int(np.floor(t.high)) if t.dtype is None else int(t.high) - 1
            return (low + np.floor(u * (max(high, low) - low + 1))).astype(NUMPY_DTYPE[dtype])
        x = t.low + u * (t.high - t.low)
        if dtype.startswith("complex"):
            x = x + 1j * (t.low + self.rng.random(t.shape) * (t.high - t.low))
        return x.astype(NUMPY_DTYPE.get(dtype, np.float64))

    def tensor(self, t: T, dtype: str):
        x = fb.from_numpy(np.ascontiguousarray(self.array(t, dtype)).reshape(t.shape).copy())
        wanted = getattr(fb, t.dtype or dtype)
        return x if x.dtype == wanted else x.to(wanted)


def build(row: Op, sample: Sample, dtype: str, seed: str = ""):
    """(args, kwargs) with tensors in the place of their descriptions."""
    values = Values(row.signature.name + seed)

    def make(v):
        if isinstance(v, T):
            return values.tensor(v, dtype)
        if isinstance(v, (list, tuple)) and any(isinstance(i, T) for i in v):
            return type(v)(make(i) for i in v)
        return v

    return [make(a) for a in sample.args], {k: make(v) for k, v in sample.kwargs.items()}


def callable_of(row: Op):
    """The function of the row; operators that are methods only are called through the class."""
    if "function" in row.variants:
        return getattr(fb._C, row.name)
    if "method" in row.variants:
        return getattr(fb.Tensor, row.name)
    name = row.name + "_"

    def on_copy(self, *args, **kwargs):
        return getattr(self.clone(), name)(*args, **kwargs)

    return on_copy


def default_value(arg):
    """A default of the signature as a Python value."""
    d = arg.default
    if d in ("inf", "-inf"):
        return float(d)
    try:
        return ast.literal_eval(d)
    except (ValueError, SyntaxError):
        return d


def to_numpy(v):
    if isinstance(v, fb.Tensor):
        v = v.detach()
        if v.dtype == fb.bfloat16:
            return v.to(fb.float32).numpy().astype(np.float64)
        return v.numpy()
    if isinstance(v, (list, tuple)) and any(isinstance(i, fb.Tensor) for i in v):
        return [to_numpy(i) for i in v]
    return v


def reference(row: Op, args, kwargs, dtype: str):
    """The row's NumPy expression on the same arguments, computed in double where that is wider."""
    names = [a.name for a in row.args]
    scope = {a.name: default_value(a) for a in row.args if a.default is not None}
    scope.update(zip(names, (to_numpy(a) for a in args)))
    scope.update({k: to_numpy(v) for k, v in kwargs.items()})

    def widen(v):
        if isinstance(v, np.ndarray) and v.dtype in (np.float16, np.float32):
            return v.astype(np.float64)
        if isinstance(v, np.ndarray) and v.dtype == np.complex64:
            return v.astype(np.complex128)
        return [widen(i) for i in v] if isinstance(v, list) else v

    scope = {k: widen(v) for k, v in scope.items()}
    if "scipy" in row.ref:
        import scipy.special
        import scipy.stats

        scope["scipy"] = scipy
    scope.update(numpy=np, np=np)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # Dropping an imaginary part is what the operator is asked to do as well.
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        return eval(row.ref, scope)


def as_list(result) -> list:
    if isinstance(result, fb.Tensor) or not isinstance(result, (tuple, list)):
        return [result]
    return list(result)


def assert_close(actual, expected, dtype: str, tolerance: float | None, what: str) -> None:
    """Compares a tensor (or number) with an array, shape first."""
    a = to_numpy(actual) if isinstance(actual, fb.Tensor) else np.asarray(actual)
    e = np.asarray(expected)
    a = np.asarray(a)
    assert a.shape == e.shape, f"{what}: shape {a.shape}, expected {e.shape}"
    if a.dtype == np.bool_ or (a.dtype.kind in "iu" and e.dtype.kind in "iub"):
        np.testing.assert_array_equal(a, e.astype(a.dtype), err_msg=what)
        return
    result_dtype = str(actual.dtype).split(".")[-1] if isinstance(actual, fb.Tensor) else "float64"
    rtol = max(RELATIVE.get(result_dtype, 0), RELATIVE.get(dtype, 0))
    if tolerance is not None:
        rtol = max(rtol, tolerance if dtype != "float64" else tolerance * 1e-6)
    np.testing.assert_allclose(a, e, rtol=rtol, atol=rtol, err_msg=what)
