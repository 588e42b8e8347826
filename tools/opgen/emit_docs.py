"""What people read: the stub ``_C.pyi`` and the operator reference, both committed."""

from __future__ import annotations

import keyword
import pathlib

from . import table
from .emit_bindings import binding_args, python_signature
from .schema import RETURN_PY
from .table import Op

_HEAD = pathlib.Path(__file__).with_name("stub_head.pyi")
_BUILTINS = {
    n: "_" + n
    for n in ("int", "float", "bool", "str", "dtype", "device", "layout", "memory_format")
}


def _annotation(text: str) -> str:
    """Aliases for types that attributes or dtypes of the same name hide."""
    out, word = "", ""
    for c in text + " ":
        if c.isalnum() or c == "_":
            word += c
        else:
            out += _BUILTINS.get(word, word) + c
            word = ""
    return out[:-1]


def _parameters(row: Op, method: bool, inplace: bool) -> str:
    parts, star, optional = (["self"] if method else []), False, False
    args = binding_args(row)
    if method:
        args = args[1:]
    for a in args:
        if inplace and a.name == "out":
            continue
        if a.keyword_only and not star:
            parts.append("*")
            star = True
        name = "input" if a.name == "self" else a.name
        if keyword.iskeyword(name):
            # Python cannot spell it as a parameter: positional here, by keyword through **.
            name += "_"
        text = f"{name}: {_annotation(a.annotation)}"
        # After an argument with a default every positional one is given one (`clamp(x, max=1)`).
        optional = optional or (a.default is not None and not a.keyword_only)
        if a.default is not None or (optional and not a.keyword_only):
            text += " = ..."
        parts.append(text)
    return ", ".join(parts)


def _result(row: Op, inplace: bool) -> str:
    if inplace:
        return "Tensor"
    types = [_annotation(RETURN_PY[t]) for t, _ in row.signature.returns]
    if not types:
        return "None"
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _definitions(rows: list[Op], method: bool) -> list[str]:
    """One ``def`` per Python name, with @overload where there are several signatures."""
    wanted = "method" if method else "function"
    names: dict[str, list[tuple[Op, bool]]] = {}
    for row in rows:
        if row.kind == "python":
            continue
        if wanted in row.variants:
            for name in (row.name, *row.aliases):
                names.setdefault(name, []).append((row, False))
        if row.has_inplace and (method or "function" in row.variants):
            for name in (row.name, *row.aliases):
                names.setdefault(name + "_", []).append((row, True))
    out = []
    pad = "    " if method else ""
    known = _names_in_head(method)
    for name in sorted(names):
        if name in known:
            continue
        overloads = names[name]
        for row, inplace in overloads:
            if len(overloads) > 1:
                out.append(f"{pad}@overload")
            out.append(
                f"{pad}def {name}({_parameters(row, method, inplace)}) -> {_result(row, inplace)}:"
            )
            doc = row.doc.replace("\\", "\\\\").replace('"""', "'''")
            if not inplace:
                out.append(f'{pad}    """{doc}"""')
            out.append(f"{pad}    ...")
    return out


def _names_in_head(method: bool) -> set[str]:
    """Names that the head of the stub declares itself."""
    found, inside = set(), False
    for line in _HEAD.read_text().splitlines():
        if line.startswith("class Tensor"):
            inside = True
        body = line.strip()
        if body.startswith("def ") and (line.startswith("    def") and inside) == method:
            found.add(body[4:].split("(")[0])
        elif method and inside and ":" in body and body.split(":")[0].isidentifier():
            found.add(body.split(":")[0])
    return found


def stub(rows: list[Op]) -> str:
    text = _HEAD.read_text().rstrip("\n")
    return "\n".join([text, *_definitions(rows, True), "", *_definitions(rows, False)]) + "\n"


def _gradient_text(row: Op) -> str:
    if row.grad:
        return "; ".join(f"`{k}`: `{v}`" for k, v in row.grad.items())
    if row.grad_none:
        return f"none: {row.grad_none}"
    return "that of the operators it is made of"


def page(family: str, rows: list[Op], title: str) -> str:
    """The reference page of one family."""
    out = [
        f"# {family}",
        "",
        f"{title}",
        "",
        f"Generated from [ops/{family}.py](../../ops/{family}.py).",
        "",
    ]
    for row in rows:
        if not row.public or row.kind == "python":
            continue
        names = [row.name, *row.aliases]
        out.append(f"## {', '.join(names)}")
        out.append("")
        out.append(f"```\n{row.name}{python_signature(row)}\n```")
        out += ["", row.doc, ""]
        forms = ", ".join(row.variants)
        dtypes = ", ".join(table.dtype_names(row.dtypes))
        out.append(f"- forms: {forms}")
        out.append(f"- dtypes: {dtypes}")
        if row.expr:
            out.append(f"- value: `{row.expr}`")
        out.append(f"- gradient: {_gradient_text(row)}")
        out.append("")
    return "\n".join(out)


def generate(rows: list[Op]) -> dict[str, str]:
    """Path from the root of the project -> text."""
    files = {"src/flambeau/_C.pyi": stub(rows)}
    index = ["# Operators", "", "One page per family of the table in `ops/`.", ""]
    for family in table.FAMILIES:
        own = [r for r in rows if r.family == family]
        first = (table.ROOT / "ops" / f"{family}.py").read_text().split('"""')[1].split("\n")[0]
        files[f"docs/operators/{family}.md"] = page(family, own, first)
        count = sum(r.public for r in own)
        index.append(f"- [{family}]({family}.md): {count} signatures. {first}")
    files["docs/operators/README.md"] = "\n".join(index) + "\n"
    return files
