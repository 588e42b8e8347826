"""Expressions over operators (gradients, composite bodies): from Python syntax to C++ calls."""

from __future__ import annotations

import ast

from . import schema, table

_OPERATORS = {
    ast.Add: ("add", "+"),
    ast.Sub: ("sub", "-"),
    ast.Mult: ("mul", "*"),
    ast.Div: ("div", "/"),
    ast.BitAnd: ("logical_and", "&"),
    ast.BitOr: ("logical_or", "|"),
}
_COMPARE_OPS = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}

# Attributes of a tensor: what the expression gets, and of which kind it is.
ATTRIBUTES = {
    "sizes": ("Dims", "dims"),
    "strides": ("Dims", "dims"),
    "dtype": ("DType", "other"),
    "ndim": ("int64_t", "number"),
    "numel": ("int64_t", "number"),
    "offset": ("int64_t", "number"),
    "device": ("Device", "other"),
    "defined": ("bool", "number"),
}
# The same for a list of tensors.
LIST_ATTRIBUTES = {"sizes": ("std::vector<Dims>", "other"), "count": ("int64_t", "number")}


class Translator:
    """Turns one expression into C++. ``kinds`` gives for each name in scope 'tensor', 'scalar' (a
    Scalar), 'number' (int, float, bool), 'dims', 'list' or 'other'; ``rename`` its C++ spelling.
    ``attribute(name, attr)`` supplies the C++ for ``name.attr``. ``calls`` collects the families
    whose operators are used."""

    def __init__(self, kinds, rename, attribute):
        self.kinds, self.rename, self.attribute = kinds, rename, attribute
        self.families: set[str] = set()
        self.rows = table.by_cpp_name()

    def tensor(self, tree) -> str:
        """The expression as a tensor: numbers become 0-d tensors that promote as numbers."""
        code, kind = self.visit(tree)
        if kind in ("number", "scalar"):
            return f"number_tensor(Scalar({code}))"
        return code

    def visit(self, tree) -> tuple[str, str]:
        match tree:
            case ast.Constant(value=None):
                return "Tensor()", "none"
            case ast.Constant(value=bool() as v):
                return ("true" if v else "false"), "number"
            case ast.Constant(value=int() as v):
                return f"int64_t{{{v}}}", "number"
            case ast.Constant(value=float() as v):
                return repr(v), "number"
            case ast.Constant(value=str() as v):
                return f'std::string("{v}")', "other"
            case ast.Name(id="inf"):
                return "std::numeric_limits<double>::infinity()", "number"
            case ast.Name(id="nan"):
                return "std::numeric_limits<double>::quiet_NaN()", "number"
            case ast.Name(id="pi"):
                return "3.14159265358979323846", "number"
            case ast.Name(id=name):
                return self.rename(name), self.kinds[name]
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                return self.attribute(name, attr)
            case ast.Subscript(value=v, slice=i):
                code, kind = self.visit(v)
                index, _ = self.visit(i)
                if kind == "dims":
                    return f"grad::at({code}, {index})", "number"
                return f"{code}[{index}]", "tensor"
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self._list(items)
            case ast.UnaryOp(op=ast.USub(), operand=a):
                code, kind = self.visit(a)
                if kind == "tensor":
                    return self._op("neg", [a], {})
                return f"(-{code})", kind
            case ast.UnaryOp(op=ast.Not(), operand=a):
                return f"(!{self.visit(a)[0]})", "number"
            case ast.UnaryOp(op=ast.Invert(), operand=a):
                return self._op("logical_not", [a], {})
            case ast.BinOp(left=a, op=op, right=b):
                return self._binary(a, op, b)
            case ast.BoolOp(op=op, values=values):
                joint = " && " if isinstance(op, ast.And) else " || "
                return "(" + joint.join(self.visit(v)[0] for v in values) + ")", "number"
            case ast.Compare(left=a, ops=[op], comparators=[b]):
                return self._compare(a, op, b)
            case ast.IfExp(test=c, body=a, orelse=b):
                return self._choice(c, a, b)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._op(name, args, {k.arg: k.value for k in keywords})
        raise ValueError(f"cannot translate {ast.unparse(tree)!r}")

    def _list(self, items):
        parts = [self.visit(i) for i in items]
        if parts and parts[0][1] in ("tensor", "none"):
            return "TensorList{" + ", ".join(p[0] for p in parts) + "}", "list"
        return "Dims{" + ", ".join(p[0] for p in parts) + "}", "dims"

    def _binary(self, a, op, b):
        (ca, ka), (cb, kb) = self.visit(a), self.visit(b)
        name, sign = _OPERATORS[type(op)]
        if "tensor" in (ka, kb):
            if name == "mul" and kb in ("scalar", "number"):
                self.families.add(self.rows["mul"].family)
                return f"grad::scale({ca}, Scalar({cb}))", "tensor"
            return self._op(name, [a, b], {})
        if "scalar" in (ka, kb):
            return f"(Scalar({ca}) {sign} Scalar({cb}))", "scalar"
        return f"({ca} {sign} {cb})", "number"

    def _compare(self, a, op, b):
        (ca, ka), (cb, kb) = self.visit(a), self.visit(b)
        if "tensor" in (ka, kb):
            return self._op(_COMPARE_OPS[type(op)], [a, b], {})
        return f"({ca} {_COMPARE[type(op)]} {cb})", "number"

    def _choice(self, test, a, b):
        (ca, ka), (cb, kb) = self.visit(a), self.visit(b)
        kind = kb if ka == "none" else ka
        if {ka, kb} == {"tensor", "number"} or {ka, kb} == {"tensor", "scalar"}:
            ca, cb, kind = self.tensor(a), self.tensor(b), "tensor"
        return f"({self.visit(test)[0]} ? {ca} : {cb})", kind

    def _op(self, name, args, keywords):
        row = self.rows.get(name)
        if row is None:  # a helper of csrc/ops/grad_helpers.h: tensors in, a tensor out
            parts = [self.visit(a)[0] for a in [*args, *keywords.values()]]
            return f"grad::{name}({', '.join(parts)})", "tensor"
        self.families.add(row.family)
        wanted = [a for a in row.args if a.cpp_type]
        values = dict(zip((a.name for a in wanted), args, strict=False))
        values.update(keywords)
        unknown = set(values) - {a.name for a in wanted}
        if unknown or len(args) > len(wanted):
            raise ValueError(f"{row.signature.text}: called with {sorted(unknown) or len(args)}")
        code = [self._argument(row, a, values.get(a.name)) for a in wanted]
        kind = "tensor"
        if len(row.signature.returns) != 1:
            kind = "other"
        elif row.signature.returns[0][0] == "Tensor[]":
            kind = "list"
        elif row.signature.returns[0][0] != "Tensor":
            kind = "number"
        if row.options:
            pass
        return f"ops::{row.cpp_name}({', '.join(code)})", kind

    def _argument(self, row, arg: schema.Arg, value):
        if value is None:
            if arg.default is None:
                raise ValueError(f"{row.signature.text}: {arg.name} is missing")
            return arg.default_cpp()
        if isinstance(value, ast.Constant) and value.value is None:
            return schema.Arg(arg.name, arg.type, "None").default_cpp()
        if arg.is_tensor:
            return self.tensor(value)
        code, kind = self.visit(value)
        if arg.type.startswith("Scalar") and kind == "number":
            return f"Scalar({code})"
        if arg.type in ("float", "float?") and kind == "scalar":
            return f"({code}).to_double()"
        if arg.type == "int[]" and kind == "number":
            return f"Dims{{{code}}}"
        return code
