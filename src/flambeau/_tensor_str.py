"""How a tensor is printed."""

from __future__ import annotations

from math import inf, isfinite

import flambeau


class _PrintOptions:
    """What ``set_printoptions`` sets."""

    __slots__ = ("edgeitems", "linewidth", "precision", "sci_mode", "threshold")

    def __init__(self) -> None:
        self.precision = 4
        self.threshold = 1000
        self.edgeitems = 3
        self.linewidth = 80
        self.sci_mode = None


PRINT_OPTS = _PrintOptions()
# precision, threshold, edgeitems, linewidth
_PROFILES = {
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, inf, 3, 80),
}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
) -> None:
    """Set how tensors are printed.

    ``precision``: digits after the point (4). ``threshold``: from how many elements on a tensor is
    abbreviated (1000). ``edgeitems``: how many are then left at each end (3). ``linewidth``:
    characters in a line (80). ``profile``: "default", "short" or "full". ``sci_mode``: with an
    exponent (True), without (False), or as the values demand (None).
    """
    if profile is not None:
        values = _PROFILES.get(profile)
        if values is not None:
            names = ("precision", "threshold", "edgeitems", "linewidth")
            for name, value in zip(names, values):
                setattr(PRINT_OPTS, name, value)
    if precision is not None:
        PRINT_OPTS.precision = precision
    if threshold is not None:
        PRINT_OPTS.threshold = threshold
    if edgeitems is not None:
        PRINT_OPTS.edgeitems = edgeitems
    if linewidth is not None:
        PRINT_OPTS.linewidth = linewidth
    PRINT_OPTS.sci_mode = sci_mode


def get_printoptions() -> dict:
    """The present options as a dict."""
    return {name: getattr(PRINT_OPTS, name) for name in _PrintOptions.__slots__}


class printoptions:
    """A context with other options; takes the arguments of ``set_printoptions``."""

    def __init__(self, **options) -> None:
        self.options = options

    def __enter__(self):
        self.before = get_printoptions()
        set_printoptions(**{**self.before, **self.options})
        return self

    def __exit__(self, *exc) -> None:
        set_printoptions(**self.before)


# Stands in a nested list for what is left out.
_DOTS = object()


def _values(tensor, abbreviate: bool):
    """The elements as nested lists, of an abbreviated tensor only those that are printed."""
    if not abbreviate or tensor.dim() == 0:
        return tensor.tolist()
    n, edge = tensor.shape[0], PRINT_OPTS.edgeitems
    if n > 2 * edge:
        head, tail = range(edge), range(n - edge, n)
        if tensor.dim() == 1:
            return [*tensor[:edge].tolist(), _DOTS, *tensor[n - edge :].tolist()]
        rows = [_values(tensor[i], True) for i in head]
        return [*rows, _DOTS, *(_values(tensor[i], True) for i in tail)]
    if tensor.dim() == 1:
        return tensor.tolist()
    return [_values(row, True) for row in tensor]


def _leaves(values, out: list) -> list:
    if not isinstance(values, list):
        out.append(values)
    elif values and isinstance(values[0], list):
        for value in values:
            if value is not _DOTS:
                _leaves(value, out)
    else:
        out.extend(value for value in values if value is not _DOTS)
    return out


class _Formatter:
    """One format for all elements: digits or exponents, and a width."""

    def __init__(self, values: list, floating: bool) -> None:
        self.width = 1
        if not floating:
            self.one = str
            self.width = max((len(str(value)) for value in values), default=1)
            return
        precision = PRINT_OPTS.precision
        digits, exponent = f"{{:.{precision}f}}".format, f"{{:.{precision}e}}".format
        present = [value for value in values if value != 0 and isfinite(value)]
        if not present:
            # Only zeros, nan and inf: these print as whole numbers.
            self.one = _whole
            return
        sizes = [abs(value) for value in present]
        smallest, largest = min(sizes), max(sizes)
        whole = all(value.is_integer() for value in present)
        self.one = _whole if whole else digits
        spread = largest / smallest > 1000.0
        if spread or largest > 1.0e8 or (not whole and smallest < 1.0e-4):
            self.one = exponent
        if PRINT_OPTS.sci_mode is not None:
            if PRINT_OPTS.sci_mode:
                self.one = exponent
            else:
                self.one = _whole if whole else digits
        self.width = max(self.width, *map(len, map(self.one, present)))

    def __call__(self, value) -> str:
        return self.one(value).rjust(self.width)


def _whole(value: float) -> str:
    return f"{value:.0f}." if isfinite(value) else f"{value:.0f}"


class _ComplexFormatter:
    """Real and imaginary part each in a format of their own."""

    def __init__(self, values: list) -> None:
        self.real = _Formatter([value.real for value in values], True)
        self.imag = _Formatter([value.imag for value in values], True)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value) -> str:
        imag = self.imag(value.imag).lstrip() + "j"
        return self.real(value.real) + (imag if imag[0] in "+-" else "+" + imag)


def _layout(values, dim: int, indent: int, formatter) -> str:
    if dim == 0:
        return formatter(values)
    if dim > 1:
        rows = [
            "..." if row is _DOTS else _layout(row, dim - 1, indent + 1, formatter)
            for row in values
        ]
        return "[" + ("," + "\n" * (dim - 1) + " " * (indent + 1)).join(rows) + "]"
    length = formatter.width + 2
    per_line = max(1, (PRINT_OPTS.linewidth - indent) // length)
    items = [" ..." if value is _DOTS else formatter(value) for value in values]
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _contents(tensor, indent: int) -> str:
    """The numbers in their brackets."""
    if tensor.numel() == 0:
        return "[]"
    values = _values(tensor, tensor.numel() > PRINT_OPTS.threshold)
    leaves = _leaves(values, [])
    if tensor.is_complex():
        formatter = _ComplexFormatter(leaves)
    else:
        formatter = _Formatter(leaves, tensor.is_floating_point())
    return _layout(values, tensor.dim(), indent, formatter)


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    parts = [text]
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > PRINT_OPTS.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            length = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            length += len(suffix) + 2
    return "".join(parts) + ")"


def _is_default(dtype) -> bool:
    """True iff a literal of Python gives this dtype, so that it need not be said."""
    default = flambeau.get_default_dtype()
    if dtype in (default, flambeau.int64, flambeau.bool):
        return True
    double = default == flambeau.float64
    return dtype == (flambeau.complex128 if double else flambeau.complex64)


def tensor_repr(tensor, contents: str | None = None) -> str:
    """``repr`` of a tensor, or with ``contents`` of something that prints like one."""
    kind = type(tensor)
    plain = kind is flambeau.Tensor or kind.__name__ in ("Parameter", "Buffer")
    prefix = "tensor(" if plain else kind.__name__ + "("
    indent = len(prefix)
    value = tensor.detach()
    suffixes = []
    device = value.device
    if device.type != "cpu":
        suffixes.append(f"device='{device}'")
    if device.type == "meta":
        suffixes.append(f"size={tuple(value.shape)}")
        if value.dtype != flambeau.get_default_dtype():
            suffixes.append(f"dtype={value.dtype}")
        text = "..." if contents is None else contents
    elif value.numel() == 0:
        if value.dim() != 1:
            suffixes.append(f"size={tuple(value.shape)}")
        if value.dtype != flambeau.get_default_dtype():
            suffixes.append(f"dtype={value.dtype}")
        text = "[]" if contents is None else contents
    else:
        if not _is_default(value.dtype):
            suffixes.append(f"dtype={value.dtype}")
        if contents is None:
            text = _contents(value.as_subclass(flambeau.Tensor) if not plain else value, indent)
        else:
            text = contents
    node = tensor.grad_fn
    if node is not None:
        suffixes.append(f"grad_fn=<{node.name().rpartition('::')[2]}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return _with_suffixes(prefix + text, suffixes, indent)


def _str(self, *, tensor_contents=None) -> str:
    """The name under which old programs find :func:`tensor_repr`."""
    return tensor_repr(self, tensor_contents)
