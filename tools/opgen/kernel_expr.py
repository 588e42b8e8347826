"""Pointwise expressions: from the table's Python syntax to C++ over vectors or numbers."""

from __future__ import annotations

import ast
import copy
import re

from . import table

# Functions of csrc/cpu/vec_math.h (numbers and vectors alike).
VOCABULARY = {
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "pow",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "sigmoid",
    "erf",
    "erfc",
    "erfinv",
    "erfcx",
    "ndtr",
    "log_ndtr",
    "ndtri",
    "lgamma",
    "digamma",
    "trigamma",
    "polygamma",
    "zeta",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "square",
    "floor",
    "ceil",
    "round",
    "trunc",
    "frac",
    "fmod",
    "remainder",
    "trunc_divide",
    "floor_divide",
    "abs",
    "sign",
    "copysign",
    "signbit",
    "isnan",
    "isinf",
    "isfinite",
    "where",
    "maximum",
    "minimum",
    "fmaximum",
    "fminimum",
    "fma",
    "mad",
    "conj",
    "real",
    "imag",
    "angle",
    "sgn",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bit_not",
    "shift_left",
    "shift_right",
    "gcd",
    "lcm",
    "power",
    "normal_cdf",
    "hypot",
    "logaddexp",
    "logaddexp2",
    "nextafter",
    "gammainc",
    "gammaincc",
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "spherical_bessel_j0",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
    "chebyshev_t",
    "chebyshev_u",
    "chebyshev_v",
    "chebyshev_w",
    "shifted_chebyshev_t",
    "shifted_chebyshev_u",
    "shifted_chebyshev_v",
    "shifted_chebyshev_w",
    "hermite_h",
    "hermite_he",
    "laguerre_l",
    "legendre_p",
}

# Those that vectors of integers have too.
_DIVIDING_VECTORS = {"floor_divide", "fmod", "remainder", "trunc_divide"}
_INTEGER_VECTORS = {
    "abs",
    "bit_and",
    "bit_not",
    "bit_or",
    "bit_xor",
    "conj",
    "fmaximum",
    "fminimum",
    "maximum",
    "minimum",
    "real",
    "sgn",
    "sign",
    "square",
    "where",
}

# A few instructions on vectors of floats.
_SHORT = {
    "ceil",
    "copysign",
    "floor",
    "fma",
    "frac",
    "isfinite",
    "isinf",
    "isnan",
    "mad",
    "reciprocal",
    "round",
    "rsqrt",
    "signbit",
    "sqrt",
    "trunc",
    "trunc_divide",
}

_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class NotPointwise(Exception):
    """The expression uses something that has no value element by element."""


def parse(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def names(tree: ast.expr) -> list[str]:
    """Free names in order of first use (function names are not among them)."""
    found: list[str] = []

    def visit(node):
        if isinstance(node, ast.Call):
            for a in [*node.args, *(k.value for k in node.keywords)]:
                visit(a)
            return
        if (
            isinstance(node, ast.Name)
            and node.id not in found
            and node.id not in ("inf", "nan", "pi")
        ):
            found.append(node.id)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


def substitute(tree: ast.expr, values: dict[str, ast.expr]) -> ast.expr:
    class Replace(ast.NodeTransformer):
        def visit_Name(self, node):
            return copy.deepcopy(values[node.id]) if node.id in values else node

        def visit_Call(self, node):
            node.args = [self.visit(a) for a in node.args]
            for k in node.keywords:
                k.value = self.visit(k.value)
            return node

    return Replace().visit(copy.deepcopy(tree))


def inline(tree: ast.expr) -> ast.expr:
    """Replaces calls of pointwise operators by their expressions, until only vocabulary is left."""
    rows = table.by_cpp_name()

    class Inline(ast.NodeTransformer):
        def visit_Call(self, node):
            self.generic_visit(node)
            name = node.func.id if isinstance(node.func, ast.Name) else None
            row = rows.get(name)
            own = row is not None and row.expr is not None and _is_builtin(row)
            if name in VOCABULARY and (row is None or row.expr is None or own):
                if node.keywords:
                    raise NotPointwise(f"{name} with keywords")
                return node
            if row is None or row.expr is None:
                raise NotPointwise(name or "a call")
            return self.visit(substitute(parse(row.expr), _bind(row, node)))

        def visit_Attribute(self, node):
            raise NotPointwise("an attribute")

        def visit_Subscript(self, node):
            raise NotPointwise("a subscript")

    return Inline().visit(copy.deepcopy(tree))


def _is_builtin(row) -> bool:
    """True iff the expression is the vocabulary function of the same name on the arguments."""
    tree = parse(row.expr)
    return isinstance(tree, ast.Call) and tree.func.id == row.cpp_name


def _bind(row, node: ast.Call) -> dict[str, ast.expr]:
    args = [a for a in row.args if a.cpp_type]
    values = {}
    for a, v in zip(args, node.args):
        values[a.name] = v
    for k in node.keywords:
        values[k.arg] = k.value
    for a in args:
        if a.name not in values:
            if a.default is None:
                raise NotPointwise(f"{row.name} without {a.name}")
            values[a.name] = parse(a.default)
    return values


def fits_integers(tree: ast.expr, dtype: str) -> bool:
    """True iff the expression can be computed over vectors of integers of this dtype."""
    known = _INTEGER_VECTORS | (_DIVIDING_VECTORS if dtype in ("int32", "int64") else set())
    return not any(
        (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Call) and node.func.id not in known)
        or (isinstance(node, ast.Name) and node.id in ("inf", "nan", "pi"))
        for node in ast.walk(tree)
    )


def is_bitwise(tree: ast.expr) -> bool:
    """True iff the expression consists of bitwise operators alone."""
    return isinstance(tree, ast.Name) or (
        isinstance(tree, ast.Call)
        and tree.func.id in ("bit_and", "bit_or", "bit_xor", "bit_not")
        and all(map(is_bitwise, tree.args))
    )


# Loops that serve an expression of x (and y) better than the general one does.
_COMPLEX_LOOPS = {
    "x + alpha * y": "map_complex_sums",
    "x - alpha * y": "map_complex_differences",
    "x * y": "map_complex_products",
    "x / y": "map_complex_quotients",
    "x * x": "map_complex_squares",
    "reciprocal(x)": "map_complex_reciprocals",
    "power(x, y)": "map_complex_powers",
    "angle(x)": "map_complex_angles",
}
_FLOAT_LOOPS = {"power(x, y)": "map_powers"}


def named_loop(tree: ast.expr, inputs: list[str], dtype: str) -> str | None:
    """The C++ loop of exactly this expression, where there is one."""
    if len(inputs) > 2:
        return None
    text = ast.unparse(tree)
    for name, short in zip(inputs, "xy"):
        text = re.sub(rf"\b{name}\b", short, text)
    if dtype.startswith("complex"):
        return _COMPLEX_LOOPS.get(text)
    return _FLOAT_LOOPS.get(text) if dtype.startswith("float") else None


def is_short(tree: ast.expr) -> bool:
    """True iff the loop waits for memory rather than for arithmetic."""
    nodes = list(ast.walk(tree))
    return len(nodes) <= 60 and all(
        node.func.id in _INTEGER_VECTORS | _SHORT for node in nodes if isinstance(node, ast.Call)
    )


def to_cpp(tree: ast.expr) -> str:
    """C++ for one element or one vector; `V` is its type."""
    match tree:
        case ast.Constant(value=bool() as v):
            return "true" if v else "false"
        case ast.Constant(value=int() | float() as v):
            return f"V({v!r})"
        case ast.Name(id="inf"):
            return "V(__builtin_inf())"
        case ast.Name(id="nan"):
            return 'V(__builtin_nan(""))'
        case ast.Name(id="pi"):
            return "V(3.14159265358979323846)"
        case ast.Name(id=name):
            return name if name != "default" else "default_"
        case ast.BinOp(left=a, op=op, right=b):
            if isinstance(op, ast.Pow):
                raise NotPointwise("write pow(a, b) or a product instead of **")
            return f"({to_cpp(a)} {_BINARY[type(op)]} {to_cpp(b)})"
        case ast.UnaryOp(op=ast.USub(), operand=a):
            return f"(-{to_cpp(a)})"
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=a):
            return f"(!{to_cpp(a)})"
        case ast.Compare(left=a, ops=[op], comparators=[b]):
            return f"({to_cpp(a)} {_COMPARE[type(op)]} {to_cpp(b)})"
        case ast.Call(func=ast.Name(id=name), args=args):
            return f"{name}({', '.join(to_cpp(a) for a in args)})"
    raise NotPointwise(ast.unparse(tree))
