"""Are two things close? If not, how far apart are they and where?"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import flambeau

# Relative and absolute tolerance of each floating-point format.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def default_tolerances(*inputs) -> tuple[float, float]:
    """``(rtol, atol)`` for tensors or dtypes: the widest of theirs; zero for integers and bool."""
    pairs = []
    for value in inputs:
        dtype = value.dtype if isinstance(value, flambeau.Tensor) else value
        if not isinstance(dtype, flambeau.dtype):
            raise TypeError(f"Expected a torch.Tensor or a torch.dtype, but got {type(value)}")
        pairs.append(_TOLERANCES.get(str(dtype).rpartition(".")[2], (0.0, 0.0)))
    return max(r for r, _ in pairs), max(a for _, a in pairs)


class _Mismatch(Exception):
    """Found a difference; ``kind`` is the exception to raise, ``path`` leads to the item."""

    def __init__(self, text: str, kind=AssertionError) -> None:
        self.text = text
        self.kind = kind
        self.path: tuple = ()


class _Options:
    def __init__(self, **options) -> None:
        self.__dict__.update(options)


def assert_close(
    actual,
    expected,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg=None,
) -> None:
    """Raise AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Takes tensors, numbers, None, NumPy arrays, and sequences and mappings of them. Tolerances
    depend on the dtype where they are not given (both or neither). Shapes have to be equal, and
    what the ``check_`` options name. ``msg`` replaces the message, or is a function of it.
    Raises ``TypeError`` for two things that cannot be compared.
    """
    if (rtol is None) != (atol is None):
        missing = "atol" if atol is None else "rtol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        )
    options = _Options(
        allow_subclasses=allow_subclasses,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=check_device,
        check_dtype=check_dtype,
        check_layout=check_layout,
        check_stride=check_stride,
    )
    try:
        _compare(actual, expected, options)
    except _Mismatch as mismatch:
        text = mismatch.text
        if mismatch.path:
            where = "".join(f"[{key!r}]" for key in mismatch.path)
            text += f"\n\nThe failure occurred for item {where}"
        if msg is not None and mismatch.kind is AssertionError:
            text = msg(text) if callable(msg) else msg
        kind = mismatch.kind
    else:
        return
    raise kind(text)


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan: bool = True, msg="") -> None:
    """The old name, which also accepts numbers for tensors and different dtypes."""
    if not isinstance(actual, flambeau.Tensor):
        actual = flambeau.tensor(actual)
    if not isinstance(expected, flambeau.Tensor):
        expected = flambeau.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        # Looser than assert_close, as it always was.
        old = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
        names = [str(t.dtype).rpartition(".")[2] for t in (actual, expected)]
        pairs = [old.get(name, (0.0, 0.0)) for name in names]
        rtol, atol = max(r for r, _ in pairs), max(a for _, a in pairs)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )


def _is_array(value) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _compare(actual, expected, options) -> None:
    both = (actual, expected)
    if all(_is_plain_sequence(value) for value in both):
        _compare_sequences(actual, expected, options)
    elif all(isinstance(value, Mapping) for value in both):
        _compare_mappings(actual, expected, options)
    elif actual is None or expected is None:
        if actual is not expected:
            raise _Mismatch(f"None mismatch: {actual} is not {expected}")
    elif all(isinstance(value, bool) for value in both):
        if actual is not expected:
            raise _Mismatch(f"Booleans mismatch: {actual} is not {expected}")
    elif all(isinstance(value, (int, float, complex)) for value in both):
        _compare_numbers(actual, expected, options)
    elif all(isinstance(value, flambeau.Tensor) for value in both):
        if not options.allow_subclasses and type(actual) is not type(expected):
            raise _cannot(actual, expected)
        _compare_tensors(actual, expected, options)
    elif all(_is_array(value) for value in both):
        _compare_tensors(flambeau.as_tensor(actual), flambeau.as_tensor(expected), options)
    else:
        raise _cannot(actual, expected)


def _cannot(actual, expected) -> _Mismatch:
    return _Mismatch(
        f"No comparison pair was able to handle inputs of type {type(actual)} and "
        f"{type(expected)}.",
        TypeError,
    )


def _is_plain_sequence(value) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _compare_items(pairs, options) -> None:
    for key, actual, expected in pairs:
        try:
            _compare(actual, expected, options)
        except _Mismatch as mismatch:
            mismatch.path = (key, *mismatch.path)
            raise


def _compare_sequences(actual, expected, options) -> None:
    if len(actual) != len(expected):
        raise _Mismatch(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
    _compare_items(zip(range(len(actual)), actual, expected), options)


def _compare_mappings(actual, expected, options) -> None:
    missing = [key for key in expected if key not in actual]
    additional = [key for key in actual if key not in expected]
    if missing or additional:
        raise _Mismatch(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {_sorted(missing)}\n"
            f"Additional keys in the actual mapping: {_sorted(additional)}"
        )
    keys = _sorted(list(actual))
    _compare_items(((key, actual[key], expected[key]) for key in keys), options)


def _sorted(keys: list) -> list:
    try:
        return sorted(keys)
    except TypeError:
        return keys


def _upto(allowed) -> str:
    return "" if allowed is None else f" (up to {allowed} allowed)"


def _head(what: str, exact: bool) -> str:
    return f"{what} are not {'equal' if exact else 'close'}!\n\n"


def _compare_numbers(actual, expected, options) -> None:
    if options.check_dtype and type(actual) is not type(expected):
        raise _Mismatch(f"The (d)types do not match: {type(actual)} != {type(expected)}.")
    rtol, atol = options.rtol, options.atol
    if rtol is None:
        floating = not isinstance(actual, int) or not isinstance(expected, int)
        rtol, atol = (1e-7, 1e-7) if floating else (0.0, 0.0)
    if actual == expected or (options.equal_nan and actual != actual and expected != expected):
        return
    difference = abs(actual - expected)
    infinite = abs(actual) == float("inf") or abs(expected) == float("inf")
    if not infinite and difference <= atol + rtol * abs(expected):
        return
    raise _Mismatch(_number_text(actual, expected, rtol, atol))


def _number_text(actual, expected, rtol, atol) -> str:
    difference = abs(actual - expected)
    relative = difference / abs(expected) if expected != 0 else float("inf")
    exact = rtol == 0 and atol == 0
    lines = [
        _head("Scalars", exact) + f"Expected {expected} but got {actual}.",
        f"Absolute difference: {difference}" + ("" if exact else _upto(atol)),
        f"Relative difference: {relative}" + ("" if exact else _upto(rtol)),
    ]
    return "\n".join(lines)


def _compare_tensors(actual, expected, options) -> None:
    _compare_attributes(actual, expected, options)
    if actual.device.type == "meta":
        return
    rtol, atol = options.rtol, options.atol
    if rtol is None:
        rtol, atol = default_tolerances(actual, expected)
    actual, expected = actual.detach(), expected.detach()
    dtype = flambeau.promote_types(actual.dtype, expected.dtype)
    if not (dtype.is_floating_point or dtype.is_complex or dtype == flambeau.bool):
        dtype = flambeau.int64  # differences of small integers would wrap around
    actual, expected = actual.to(dtype), expected.to(dtype)
    close = flambeau.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    if bool(close.all()):
        return
    if actual.dim() == 0:
        raise _Mismatch(_number_text(actual.item(), expected.item(), rtol, atol))
    raise _Mismatch(_tensor_text(actual, expected, close, rtol, atol))


def _compare_attributes(actual, expected, options) -> None:
    def check(name: str, left, right) -> None:
        if left != right:
            raise _Mismatch(f"The values for attribute '{name}' do not match: {left} != {right}.")

    check("shape", actual.shape, expected.shape)
    if options.check_device:
        check("device", actual.device, expected.device)
    if options.check_dtype:
        check("dtype", actual.dtype, expected.dtype)
    if options.check_layout:
        check("layout", actual.layout, expected.layout)
    if options.check_stride:
        check("stride()", actual.stride(), expected.stride())


def _tensor_text(actual, expected, close, rtol, atol) -> str:
    total = close.numel()
    wrong = total - int(close.sum())
    if actual.dtype == flambeau.bool:
        actual, expected = actual.to(flambeau.int64), expected.to(flambeau.int64)
    difference = (actual - expected).abs()
    size = expected.abs()
    relative = difference / size
    exact = rtol == 0 and atol == 0
    lines = [
        _head("Tensor-likes", exact)
        + f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})",
        _greatest("absolute", difference, close, None if exact else atol),
        _greatest("relative", relative, close, None if exact else rtol),
    ]
    return "\n".join(lines)


def _greatest(name: str, difference, close, allowed) -> str:
    """The largest difference among the elements that are not close."""
    flat = difference.masked_fill(close, 0).reshape(-1)
    position = int(flat.argmax())
    index = []
    remaining = position
    for n in reversed(difference.shape):
        index.append(remaining % n)
        remaining //= n
    where = tuple(reversed(index))
    value = flat[position].item()
    return f"Greatest {name} difference: {value} at index {where}" + _upto(allowed)
