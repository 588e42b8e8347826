"""Signatures of operators: ``add(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Type in a signature -> (C++ parameter type, kind the argument parser checks, Python annotation).
TYPES = {
    "Tensor": ("const Tensor&", "Tensor", "Tensor"),
    "Operand": ("const Tensor&", "Operand", "Tensor | Number"),  # a tensor or a Python number
    "Tensor?": ("const Tensor&", "OptTensor", "Tensor | None"),
    "Operand?": ("const Tensor&", "OptOperand", "Tensor | Number | None"),
    "Tensor[]": ("const TensorList&", "TensorList", "Sequence[Tensor]"),
    "Tensor?[]": ("const TensorList&", "OptTensorList", "Sequence[Tensor | None]"),
    "Scalar": ("const Scalar&", "Scalar", "Number"),
    "Scalar?": ("const std::optional<Scalar>&", "OptScalar", "Number | None"),
    "int": ("int64_t", "Int", "int"),
    "int?": ("std::optional<int64_t>", "OptInt", "int | None"),
    "int[]": ("const Dims&", "IntList", "int | Sequence[int]"),
    "int[]?": ("const std::optional<Dims>&", "OptIntList", "int | Sequence[int] | None"),
    "float": ("double", "Float", "float"),
    "float?": ("std::optional<double>", "OptFloat", "float | None"),
    "float[]": ("const std::vector<double>&", "FloatList", "Sequence[float]"),
    "float[]?": (
        "const std::optional<std::vector<double>>&",
        "OptFloatList",
        "Sequence[float] | None",
    ),
    "bool": ("bool", "Bool", "bool"),
    "bool?": ("std::optional<bool>", "OptBool", "bool | None"),
    "str": ("const std::string&", "Str", "str"),
    "str?": ("const std::optional<std::string>&", "OptStr", "str | None"),
    "DType": ("DType", "DType", "dtype"),
    "DType?": ("std::optional<DType>", "OptDType", "dtype | None"),
    "Device?": ("std::optional<Device>", "OptDevice", "device | str | None"),
    # The binding deals with these four; C++ does not see them.
    "Inplace": (None, "OptBool", "bool"),  # True: the in-place form is called
    "Layout?": (None, "OptLayout", "layout | None"),  # must be strided
    "PinMemory": (None, "OptBool", "bool"),  # must be False
    "RequiresGrad": (None, "OptBool", "bool"),  # set on the result
    "MemoryFormat": ("MemoryFormat", "MemoryFormat", "memory_format"),
    "MemoryFormat?": ("std::optional<MemoryFormat>", "OptMemoryFormat", "memory_format | None"),
    "Generator?": ("Generator*", "OptGenerator", "Generator | None"),
}
TENSOR_TYPES = ("Tensor", "Operand", "Tensor?", "Operand?")
TENSOR_LISTS = ("Tensor[]", "Tensor?[]")

RETURN_CPP = {
    "Tensor": "Tensor",
    "Tensor[]": "TensorList",
    "int": "int64_t",
    "bool": "bool",
    "float": "double",
    "Scalar": "Scalar",
    "DType": "DType",
    "int[]": "Dims",
}
RETURN_PY = {
    "Tensor": "Tensor",
    "Tensor[]": "tuple[Tensor, ...]",
    "int": "int",
    "bool": "bool",
    "float": "float",
    "Scalar": "Number",
    "DType": "dtype",
    "int[]": "tuple[int, ...]",
}

# Words of C++ that may be argument names in Python.
RESERVED = {
    "default",
    "union",
    "static",
    "register",
    "this",
    "new",
    "delete",
    "operator",
    "int",
    "float",
    "double",
    "bool",
    "class",
    "template",
    "out",
    "std",
    "namespace",
    "inline",
}


@dataclass
class Arg:
    name: str
    type: str
    default: str | None = None  # as written in the signature; None when required
    keyword_only: bool = False
    expand: int = 0  # int[2]: a single int stands for that many

    @property
    def cpp_name(self) -> str:
        return self.name + "_" if self.name in RESERVED else self.name

    @property
    def cpp_type(self) -> str:
        return TYPES[self.type][0]

    @property
    def kind(self) -> str:
        return TYPES[self.type][1]

    @property
    def annotation(self) -> str:
        return TYPES[self.type][2]

    @property
    def is_tensor(self) -> bool:
        return self.type in TENSOR_TYPES

    @property
    def is_tensor_list(self) -> bool:
        return self.type in TENSOR_LISTS

    def default_cpp(self) -> str:
        """The default value as a C++ expression."""
        d = self.default
        base = self.type.rstrip("?")
        if d == "None":
            if self.is_tensor:
                return "Tensor()"
            return "nullptr" if self.type == "Generator?" else "std::nullopt"
        if d in ("True", "False"):
            value = d.lower()
            return f"Scalar({value})" if base == "Scalar" else value
        if base == "int[]":
            items = d.strip("[]()")
            if not d.startswith(("[", "(")):
                items = ", ".join([d] * max(1, self.expand))
            return f"Dims{{{items}}}"
        if base == "float[]":
            return f"std::vector<double>{{{d.strip('[]()')}}}"
        if base == "Scalar":
            return f"Scalar({cpp_number(d)})"
        if base == "Operand":
            return f"number_tensor(Scalar({cpp_number(d)}))"
        if base == "float":
            return cpp_number(d)
        if base == "str":
            return 'std::string("' + d.strip("'\"") + '")'
        if base == "MemoryFormat":
            return {
                "contiguous_format": "MemoryFormat::Contiguous",
                "preserve_format": "MemoryFormat::Preserve",
            }[d]
        return d


def cpp_number(text: str) -> str:
    if text in ("inf", "-inf"):
        return text.replace("inf", "std::numeric_limits<double>::infinity()")
    return f"int64_t{{{text}}}" if re.fullmatch(r"-?\d+", text) else text


@dataclass
class Signature:
    name: str  # "max.dim"
    args: list[Arg]
    returns: list[tuple[str, str]]  # (type, field name); field "" when there is one
    text: str = field(default="")

    @property
    def python_name(self) -> str:
        return self.name.split(".")[0]

    @property
    def cpp_name(self) -> str:
        return self.name.replace(".", "_")

    @property
    def return_cpp(self) -> str:
        if not self.returns:
            return "void"
        if len(self.returns) == 1:
            return RETURN_CPP[self.returns[0][0]]
        return "std::tuple<" + ", ".join(RETURN_CPP[t] for t, _ in self.returns) + ">"

    def arg(self, name: str) -> Arg:
        for a in self.args:
            if a.name == name:
                return a
        raise KeyError(name)

    def cpp_params(self, skip=()) -> str:
        return ", ".join(
            f"{a.cpp_type} {a.cpp_name}" for a in self.args if a.cpp_type and a.name not in skip
        )

    def cpp_args(self) -> str:
        return ", ".join(a.cpp_name for a in self.args if a.cpp_type)


def _split(text: str) -> list[str]:
    """Splits at commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]


def _parse_arg(text: str, keyword_only: bool) -> Arg:
    declaration, _, default = text.partition("=")
    type_, name = declaration.split()
    expand = 0
    m = re.fullmatch(r"(int|float)\[(\d+)\](\??)", type_)
    if m:
        type_, expand = f"{m[1]}[]{m[3]}", int(m[2])
    if type_ not in TYPES:
        raise ValueError(f"unknown type {type_!r} in argument {text!r}")
    return Arg(name, type_, default.strip() or None, keyword_only, expand)


def parse(text: str) -> Signature:
    m = re.fullmatch(r"\s*([\w.]+)\((.*)\)\s*->\s*(.+?)\s*", text, re.S)
    if not m:
        raise ValueError(f"not a signature: {text!r}")
    args, keyword_only = [], False
    for part in _split(m[2]):
        if part == "*":
            keyword_only = True
            continue
        args.append(_parse_arg(part, keyword_only))
    result = m[3]
    if result == "()":
        returns = []
    elif result.startswith("("):
        returns = [(p.split()[0], p.split()[1] if " " in p else "") for p in _split(result[1:-1])]
    else:
        returns = [(result, "")]
    for t, _ in returns:
        if t not in RETURN_CPP:
            raise ValueError(f"unknown result type {t!r} in {text!r}")
    return Signature(m[1], args, returns, text.strip())
