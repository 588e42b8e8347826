"""Python bindings: one vectorcall function per name, overloads chosen by the argument parser."""

from __future__ import annotations

from .schema import Arg
from .table import Op

# How a slot (a borrowed PyObject*, null when absent) becomes a C++ value.
_CONVERT = {
    "Tensor": "as_tensor",
    "Operand": "as_operand",
    "OptTensor": "as_opt_tensor",
    "OptOperand": "as_opt_operand",
    "TensorList": "as_tensor_list",
    "OptTensorList": "as_opt_tensor_list",
    "Scalar": "as_scalar",
    "OptScalar": "as_opt_scalar",
    "Int": "as_int",
    "OptInt": "as_opt_int",
    "IntList": "as_int_list",
    "OptIntList": "as_opt_int_list",
    "Float": "as_float",
    "OptFloat": "as_opt_float",
    "FloatList": "as_float_list",
    "OptFloatList": "as_opt_float_list",
    "Bool": "as_bool",
    "OptBool": "as_opt_bool",
    "Str": "as_str",
    "OptStr": "as_opt_str",
    "DType": "as_dtype",
    "OptDType": "as_opt_dtype",
    "OptDevice": "as_opt_device",
    "MemoryFormat": "as_memory_format",
    "OptMemoryFormat": "as_opt_memory_format",
    "OptGenerator": "as_generator",
    "OptLayout": "check_layout",
}

# Other spellings that PyTorch accepts for an argument.
_ALIASES = {"dim": "axis", "keepdim": "keepdims", "self": "input", "other": "x2", "sizes": "size"}


def binding_args(row: Op) -> list[Arg]:
    """The arguments as Python sees them: with ``out`` at the end where there is one."""
    args = list(row.args)
    if row.has_out:
        kind = "Tensor?" if len(row.signature.returns) == 1 else "Tensor?[]"
        args.append(Arg("out", kind, "None", keyword_only=True))
    return args


def python_signature(row: Op, method: bool = False, inplace: bool = False) -> str:
    """``(input, dim=None, *, out=None)`` as `inspect` reads it."""
    parts, star = [], False
    for i, a in enumerate(binding_args(row)):
        if inplace and (a.name == "out" or a.type == "Inplace"):
            continue
        if a.keyword_only and not star:
            parts.append("*")
            star = True
        name = "input" if a.name == "self" and not method else a.name
        if i == 0 and method:
            parts += ["$self", "/"]
            continue
        default = "" if a.default is None else "=" + _python_default(a)
        parts.append(name + default)
    return "(" + ", ".join(parts) + ")"


def _python_default(a: Arg) -> str:
    d = a.default
    if d.startswith("["):
        return "(" + d[1:-1] + ("," if "," not in d and len(d) > 2 else "") + ")"
    if d.endswith("_format") or d in ("inf", "-inf"):
        return f"'{d}'" if d.endswith("_format") else f"float('{d}')"
    return d


def _signature_struct(row: Op, symbol: str, inplace: bool) -> list[str]:
    args = [
        a for a in binding_args(row) if not (inplace and (a.name == "out" or a.type == "Inplace"))
    ]
    positional = sum(not a.keyword_only for a in args)
    lists = [a for a in args if not a.keyword_only and a.kind in ("IntList", "OptIntList")]
    non_self = positional - (
        1 if args and args[0].type == "Tensor" and args[0].name == "self" else 0
    )
    varargs = len(lists) == 1 and non_self == 1
    fields = []
    for a in args:
        name = "input" if a.name == "self" else a.name
        alias = _ALIASES.get(a.name)
        if alias and any(b.name == alias for b in args):
            alias = None
        fields.append(
            f'{{"{name}", {chr(34) + alias + chr(34) if alias else "nullptr"}, '
            f"ArgKind::{a.kind}, {str(a.default is not None).lower()}, {a.expand}}}"
        )
    text = row.signature.text.split("->")[0].strip().replace('"', '\\"')
    text = row.name + ("_" if inplace else "") + text[text.index("(") :]
    params = (
        f"const Param {symbol}_params[] = {{{', '.join(fields)}}};"
        if fields
        else f"const Param* const {symbol}_params = nullptr;"
    )
    return [
        params,
        f'const Signature {symbol}_signature = {{"{text}", {symbol}_params, {len(args)}, '
        f"{positional}, {str(varargs).lower()}}};",
    ]


def _case(row: Op, inplace: bool) -> str:
    args = list(binding_args(row))
    out_index = next((i for i, a in enumerate(args) if a.name == "out"), None)
    values = []
    post = chosen = ""
    checks = ""
    taken = [a for a in row.args if not (inplace and a.type == "Inplace")]
    for i, a in enumerate(taken):
        if a.type == "Layout?":
            checks += f"if (a[{i}]) check_layout(a[{i}]); "
            continue
        if a.type == "PinMemory":
            checks += f'refuse_pin_memory(a[{i}], "{row.name}"); '
            continue
        if a.type == "RequiresGrad":
            post = f"a[{i}]"
            continue
        if a.type == "Inplace":
            chosen = f"a[{i}]"
            continue
        convert = _CONVERT[a.kind]
        extra = f", {a.expand}" if a.expand and a.kind in ("IntList", "OptIntList") else ""
        value = f"{convert}(a[{i}]{extra})"
        if a.default is not None:
            value = f"(a[{i}] ? {value} : {_typed_default(a)})"
        values.append(value)
    name = row.cpp_name + ("_" if inplace else "")
    call = f"ops::{name}({', '.join(values)})"
    if post:
        call = f"with_requires_grad({call}, {post})"
    tensors = [a for a in row.args if a.is_tensor]
    if len(tensors) > 1 and all(a.type == "Operand" for a in tensors):
        if row.numbers:
            call = f"settled({call})"
        else:
            given = ", ".join(f"a[{i}]" for i, a in enumerate(taken) if a.is_tensor)
            checks += f'refuse_numbers("{row.name}", {{{given}}}); '
    named = len(row.signature.returns) > 1 and all(n for _, n in row.signature.returns)
    wrap = f"wrap_tuple({call})" if len(row.signature.returns) > 1 else f"wrap({call})"
    if named:
        wrap = f"wrap_named(types_{row.cpp_name}, {call})"
    if inplace or (row.kind == "inplace" and inplace):
        return f"{checks}return return_self(a[0], {call});"
    if chosen:
        checks += (
            f"if ({chosen} && as_bool({chosen})) "
            f"return return_self(a[0], ops::{name}_({', '.join(values)})); "
        )
    if not row.signature.returns:
        return f"{checks}{call}; Py_RETURN_NONE;"
    code = f"{checks}return {wrap};"
    if out_index is not None:
        o = f"a[{out_index}]"
        if len(row.signature.returns) == 1:
            out_call = f"ops::{name}_out({', '.join([*values, f'as_tensor({o})'])})"
            code = f"{checks}if ({o}) return return_self({o}, {out_call}); return {wrap};"
        else:
            n = len(row.signature.returns)
            outs = [f"out_at({o}, {i}, {n})" for i in range(n)]
            out_call = f"ops::{name}_out({', '.join([*values, *outs])})"
            wrapped = (
                f"wrap_named(types_{row.cpp_name}, {out_call})"
                if named
                else f"wrap_tuple({out_call})"
            )
            code = f"{checks}if ({o}) return {wrapped}; return {wrap};"
    return code


def _typed_default(a: Arg) -> str:
    """The default as an expression of exactly the parameter's type."""
    value = a.default_cpp()
    cpp = a.cpp_type.removeprefix("const ").removesuffix("&")
    if cpp == "Generator*":
        return "static_cast<Generator*>(nullptr)"
    return (
        f"{cpp}({value})"
        if cpp.startswith("std::optional") or cpp in ("int64_t", "double")
        else value
    )


def _doc(row: Op, name: str, signature: str) -> str:
    text = f"{name}{signature}\n--\n\n{row.doc}"
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _named_types(rows: list[Op]) -> list[str]:
    out = []
    for row in rows:
        names = [n for _, n in row.signature.returns]
        if len(names) > 1 and all(names):
            listed = ", ".join(f'"{n}"' for n in names)
            out.append(f"const char* const names_{row.cpp_name}[] = {{{listed}, nullptr}};")
            out.append(
                f'NamedTuple types_{row.cpp_name} = {{"{row.name}", names_{row.cpp_name}, '
                f"{len(names)}}};"
            )
    return out


def emit(family: str, rows: list[Op]) -> str:
    """The binding file of one family."""
    rows = [r for r in rows if r.kind != "python"]
    out = [
        f"// Generated from ops/{family}.py.",
        '#include "python/arg_parser.h"',
        f'#include "ops_{family}.h"',
        "",
        "namespace flambeau::python {",
        "namespace {",
        "",
        *_named_types(rows),
    ]
    functions, methods = [], []
    names: dict[str, list[tuple[Op, bool]]] = {}
    for row in rows:
        if (
            row.kind == "inplace"
            and "function" not in row.variants
            and "method" not in row.variants
        ):
            names.setdefault(row.name + "_", []).append((row, True))
            continue
        names.setdefault(row.name, []).append((row, False))
        if row.has_inplace:
            names.setdefault(row.name + "_", []).append((row, True))
    for name, overloads in names.items():
        # Overloads of the function that are not methods, or the reverse, ask for two parsers.
        as_function = [(r, i) for r, i in overloads if "function" in r.variants]
        as_method = [(r, i) for r, i in overloads if i or "method" in r.variants]
        own_method = as_function and as_method and as_function != as_method
        out += _callable(name, as_function if own_method else overloads)
        symbol = f"{name}_as_method" if own_method else name
        if own_method:
            out += _callable(name, as_method, symbol)
        row, inplace = overloads[-1]
        aliases = {a for r, _ in overloads for a in r.aliases}
        for public in [name, *(a + ("_" if inplace else "") for a in sorted(aliases))]:
            special = public.startswith("special_")
            if as_function and not (special and inplace):
                r, _ = as_function[-1]
                doc = _doc(r, public, python_signature(r, inplace=inplace))
                functions.append(f'    {{"{public}", FB_FASTCALL(fn_{name}), kFastcall, "{doc}"}},')
            if as_method and not special:
                r, _ = as_method[-1]
                doc = _doc(r, public, python_signature(r, method=True, inplace=inplace))
                methods.append(
                    f'    {{"{public}", FB_FASTCALL(method_{symbol}), kFastcall, "{doc}"}},'
                )
        for special in [m for r, i in overloads if not i for m in r.method_names]:
            methods.append(
                f'    {{"{special}", FB_FASTCALL(method_{symbol}), kFastcall, nullptr}},'
            )
    out += [
        "}  // namespace",
        "",
        f"PyMethodDef {family}_functions[] = {{",
        *functions,
        "    {nullptr, nullptr, 0, nullptr}};",
        f"PyMethodDef {family}_methods[] = {{",
        *methods,
        "    {nullptr, nullptr, 0, nullptr}};",
        "",
        "}  // namespace flambeau::python",
    ]
    return "\n".join(out) + "\n"


def _callable(name: str, overloads: list[tuple[Op, bool]], label: str = "") -> list[str]:
    """The parser of one Python name; ``label`` is its C++ name where that differs."""
    out, symbols, most = [], [], 1
    suffix = label.removeprefix(name) if label else ""
    for row, inplace in overloads:
        symbol = f"{row.cpp_name}{'_inplace' if inplace else ''}{suffix}"
        symbols.append(symbol)
        out += _signature_struct(row, symbol, inplace)
        most = max(most, len(binding_args(row)))
    listed = ", ".join(f"&{s}_signature" for s in symbols)
    python_name, name = name, label or name
    out += [
        f"const Signature* const list_{name}[] = {{{listed}}};",
        f'Overloads overloads_{name} = {{"{python_name}", list_{name}, {len(symbols)}}};',
        f"PyObject* call_{name}(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {{",
        f"  PyObject* a[{most}];",
        "  return guard([&]() -> PyObject* {",
        f"    switch (parse_arguments(overloads_{name}, args, nargs, kwnames, a)) {{",
    ]
    for i, (row, inplace) in enumerate(overloads):
        out.append(f"      case {i}: {{ {_case(row, inplace)} }}")
    out += [
        "      default: return a[0];  // an argument's __torch_function__ has answered",
        "    }",
        "  });",
        "}",
        f"[[maybe_unused]] PyObject* fn_{name}(PyObject*, PyObject* const* args, "
        "Py_ssize_t n, PyObject* kw) {",
        f"  return call_{name}(args, n, kw);",
        "}",
        f"[[maybe_unused]] PyObject* method_{name}(PyObject* self, PyObject* const* args, "
        "Py_ssize_t n, PyObject* kw) {",
        f"  return call_with_self(call_{name}, self, args, n, kw);",
        "}",
        "",
    ]
    return out


def public_names(rows: list[Op]) -> list[str]:
    """The operators that the package itself exports (``flambeau.add``), by the table.

    In-place forms are methods; the few that are functions as well are listed in the package.
    """
    names = set()
    for r in rows:
        if r.public and r.namespace == "torch" and "function" in r.variants and r.kind != "python":
            names.update((r.name, *r.aliases))
    return sorted(n for n in names if not n.startswith(("_", "linalg_", "special_", "fft_")))


def emit_registry(families: list[str], rows: list[Op]) -> str:
    out = [
        "// Generated: the method tables of all families.",
        '#include "python/registry.h"',
        "",
        "namespace flambeau::python {",
        "",
    ]
    for f in families:
        out.append(f"extern PyMethodDef {f}_functions[], {f}_methods[];")
    out += [
        "PyMethodDef* const all_functions[] = {"
        + ", ".join(f"{f}_functions" for f in families)
        + ", nullptr};",
        "PyMethodDef* const all_methods[] = {"
        + ", ".join(f"{f}_methods" for f in families)
        + ", nullptr};",
        "const char* const public_names[] = {"
        + ", ".join(f'"{n}"' for n in public_names(rows))
        + ", nullptr};",
        "",
        "}  // namespace flambeau::python",
    ]
    return "\n".join(out) + "\n"
