"""C++ entry points and gradient nodes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from . import kernel_expr
from .emit_kernels import Kernel
from .op_expr import ATTRIBUTES, LIST_ATTRIBUTES, Translator
from .table import COMPLEX, FLOATING, Op

_KINDS = {
    "Scalar": "scalar",
    "int": "number",
    "float": "number",
    "bool": "number",
    "int[]": "dims",
    "Tensor[]": "list",
    "Tensor?[]": "list",
}


def camel(name: str) -> str:
    return "".join(p.capitalize() for p in name.replace(".", "_").split("_") if p)


def kind_of(arg) -> str:
    return "tensor" if arg.is_tensor else _KINDS.get(arg.type, "other")


@dataclass
class Gradient:
    """One entry of a row's grad table: which inputs it serves and its C++."""

    targets: list[str]
    code: str
    kind: str
    fused: Kernel | None = None
    fast: str | None = None
    uses: set = field(default_factory=set)


class OpWriter:
    """Writes everything of one row; collects the kernels and the families it calls."""

    def __init__(self, row: Op):
        self.row = row
        self.kernels: list[Kernel] = []
        self.families: set[str] = set()
        self.members: dict[str, str] = {}  # node members: name -> C++ type
        self.fills: dict[str, tuple[str, set]] = {}  # member -> (C++ value, used by targets)
        if row.kind == "pointwise":
            self.kernel = self._forward_kernel()
            self.kernels.append(self.kernel)
        self.outputs = [n or "y" for _, n in row.signature.returns]
        self.returns_list = [t for t, _ in row.signature.returns] == ["Tensor[]"]
        self.gradients = [self._gradient(k, v) for k, v in (row.grad or {}).items()]

    # ---- kernels

    def _forward_kernel(self) -> Kernel:
        row = self.row
        tree = kernel_expr.inline(kernel_expr.parse(row.expr))
        used = set(kernel_expr.names(tree))
        inputs = [a.name for a in row.args if a.is_tensor and a.name in used]
        return Kernel(
            f"k_{row.cpp_name}",
            tree,
            inputs,
            [a.name for a in row.args if a.type in ("Scalar", "float", "int", "bool")],
            row.dtypes,
            row.output,
            row.name.lstrip("_"),
            row.promote,
            row.masks,
            row.promoting,
        )

    def _fused_kernel(self, target: str, text: str) -> Kernel | None:
        """The gradient as one kernel, when everything in it is element by element."""
        row = self.row
        if row.kind not in ("pointwise", "native") or len(self.outputs) != 1:
            return None
        tree = kernel_expr.parse(text)
        if isinstance(tree, (ast.Name, ast.IfExp)) or self._is_single_call(tree):
            return None
        try:
            tree = kernel_expr.inline(tree)
            kernel_expr.to_cpp(tree)
        except kernel_expr.NotPointwise:
            return None
        used = kernel_expr.names(tree)
        tensors = {"g", "y"} | {a.name for a in row.args if a.is_tensor}
        params = {a.name for a in row.args if a.type in ("Scalar", "float")}
        hidden = any(not a.cpp_type and a.type != "Inplace" for a in row.args)
        if not set(used) <= tensors | params or hidden:
            return None
        dtypes = row.dtypes & (FLOATING | COMPLEX)
        return Kernel(
            f"k_{row.cpp_name}_grad_{target}",
            tree,
            [n for n in used if n in tensors],
            [n for n in used if n in params],
            dtypes or FLOATING,
            "Same",
            f"{row.name} (gradient)",
            masks=row.masks,
        )

    @staticmethod
    def _is_single_call(tree) -> bool:
        """`g * other` and `f(x)` are one kernel already."""
        if isinstance(tree, ast.BinOp):
            return isinstance(tree.left, ast.Name) and isinstance(tree.right, ast.Name)
        if isinstance(tree, ast.UnaryOp):
            return isinstance(tree.operand, ast.Name)
        if isinstance(tree, ast.Call):
            return all(isinstance(a, (ast.Name, ast.Constant)) for a in tree.args)
        return False

    # ---- gradients

    def _translate(self, text: str, uses: set) -> tuple[str, str]:
        row = self.row
        kinds = {a.name: kind_of(a) for a in row.args}
        kinds |= dict.fromkeys(self.outputs, "tensor")
        kinds |= {"g": "list" if self.returns_list else "tensor", "wants": "other", "node": "other"}
        kinds |= {f"g_{n}": "tensor" for n in self.outputs}

        def rename(name):
            if name == "g" or name.startswith("g_") and name[2:] in self.outputs:
                index = 0 if name == "g" else self.outputs.index(name[2:])
                if self.returns_list:
                    return "grad::received(*node, grads)"
                return (
                    "grads[0]" if len(self.outputs) == 1 else f"grad::filled(*node, grads, {index})"
                )
            if name in ("wants", "node"):
                return "*node"
            uses.add(name)
            return self._saved(name, kinds[name])

        def attribute(name, attr):
            types = LIST_ATTRIBUTES if kinds[name] == "list" else ATTRIBUTES
            member = f"{name}_{attr}"
            uses.add(member)
            cpp = next((a.cpp_name for a in row.args if a.name == name), name)
            value = {
                "sizes": f"{cpp}.sizes()",
                "strides": f"{cpp}.strides()",
                "ndim": f"{cpp}.dim()",
                "dtype": f"{cpp}.dtype()",
                "numel": f"{cpp}.numel()",
                "offset": f"{cpp}.offset()",
                "device": f"{cpp}.device()",
                "defined": f"{cpp}.defined()",
            }[attr]
            if kinds[name] == "list":
                value = {
                    "sizes": f"grad::sizes_of({cpp})",
                    "count": f"static_cast<int64_t>({cpp}.size())",
                }[attr]
            self.members[member] = types[attr][0]
            self.fills.setdefault(member, (value, set()))
            return f"n->{member}", types[attr][1]

        translator = Translator(kinds, rename, attribute)
        tree = kernel_expr.parse(text)
        code, kind = translator.visit(tree)
        if kind in ("number", "scalar"):
            code, kind = translator.tensor(tree), "tensor"
        self.families |= translator.families
        return code, kind

    def _saved(self, name: str, kind: str) -> str:
        arg = next((a for a in self.row.args if a.name == name), None)
        if kind == "tensor":
            self.members[name] = "SavedTensor"
            self.fills.setdefault(name, (arg.cpp_name if arg else name, set()))
            return f'n->{name}.unpack(node, "{name}")'
        if kind == "list":
            self.members[name] = "grad::SavedList"
            self.fills.setdefault(name, (arg.cpp_name, set()))
            return f'n->{name}.unpack(node, "{name}")'
        cpp = arg.cpp_type.removeprefix("const ").removesuffix("&")
        self.members[arg.cpp_name] = cpp
        self.fills.setdefault(arg.cpp_name, (arg.cpp_name, set()))
        return f"n->{arg.cpp_name}"

    def _gradient(self, key: str, text: str) -> Gradient:
        targets = [t.strip() for t in key.split(",")]
        uses: set = set()
        code, kind = self._translate(text, uses)
        g = Gradient(targets, code, kind, uses=uses)
        if len(targets) == 1:
            g.fused = self._fused_kernel(targets[0], text)
            if g.fused:
                self.kernels.append(g.fused)
        if self.row.fast_grad and key in self.row.fast_grad:
            g.fast, _ = self._translate(self.row.fast_grad[key], uses)
        for member in uses:
            if member in self.fills:
                self.fills[member][1].update(targets)
        return g

    # ---- the node

    @property
    def node_name(self) -> str:
        name = self.row.cpp_name
        return f"{'Internal' if name.startswith('_') else ''}{camel(name)}Node"

    def node(self) -> list[str]:
        row, name = self.row, self.node_name
        lists = [a for a in row.differentiable_args() if a.is_tensor_list]
        out = [f"struct {name} : Node {{", f"  {name}();"]
        out += [f"  {t} {m}{{}};" for m, t in self.members.items()]
        out += [f"  size_t count_{a.name} = 0;" for a in lists]
        out.append("};")
        out.append(f"void apply_{name}(Node* node, Tensor* grads, Tensor* results) {{")
        out.append(f"  [[maybe_unused]] auto* n = static_cast<{name}*>(node);")
        if len(self.outputs) == 1 and not self.returns_list:
            out.append("  if (!grads[0].defined()) return;")
        out += self._apply_lines()
        out.append("}")
        saved = [m for m, t in self.members.items() if t in ("SavedTensor", "grad::SavedList")]
        cast = f"[[maybe_unused]] auto* n = static_cast<{name}*>(node);"
        out += [f"void release_{name}([[maybe_unused]] Node* node) {{", f"  {cast}"]
        out += [f"  n->{m}.clear();" for m in saved] + ["}"]
        out += [
            f"void visit_{name}([[maybe_unused]] Node* node, [[maybe_unused]] void* context,",
            "    [[maybe_unused]] void (*visit)(void*, const char*, SavedTensor&)) {",
            f"  {cast}",
        ]
        for m in saved:
            out.append(f'  grad::visit(n->{m}, "{m}", context, visit);')
        out.append("}")
        title = camel(row.name) + "Backward0"
        out.append(
            f'const NodeClass class_{name} = {{"{title}", apply_{name}, release_{name}, '
            f"destroy_node<{name}>, visit_{name}}};"
        )
        out.append(f"{name}::{name}() : Node(class_{name}) {{}}")
        return out

    def _edge(self, target: str) -> str:
        """The index of an input's first edge; lists before it shift it."""
        index, shift = 0, []
        for a in self.row.differentiable_args():
            if a.name == target:
                break
            if a.is_tensor_list:
                shift.append(f"n->count_{a.name}")
            else:
                index += 1
        return " + ".join([str(index), *shift])

    def _apply_lines(self) -> list[str]:
        out = []
        for g in self.gradients:
            edges = [self._edge(t) for t in g.targets]
            arg = self.row.signature.arg(g.targets[0])
            if len(g.targets) == 1 and arg.is_tensor_list:
                out.append(f"  grad::spread({g.code}, results + {edges[0]}, n->count_{arg.name});")
                continue
            wanted = " || ".join(f"node->wants({e})" for e in edges)
            out.append(f"  if ({wanted}) {{")
            out += self._assign(g, edges)
            out.append("  }")
        return out

    def _assign(self, g: Gradient, edges: list[str]) -> list[str]:
        def statement(code):
            if len(edges) == 1:
                return [f"    results[{edges[0]}] = {code};"]
            # A list or tuple of gradients in the order of the targets.
            return ["    grad::assign(" + code + ", results, {" + ", ".join(edges) + "});"]

        if g.fused:
            k = g.fused
            unpack, names = [], []
            for n in k.inputs:
                if n == "g":
                    names.append("&grads[0]")
                else:
                    unpack.append(f"      const Tensor u_{n} = {self._saved(n, 'tensor')};")
                    names.append(f"&u_{n}")
            params = ", ".join(f"Scalar({self._saved(p, 'other')})" for p in k.params) or "Scalar()"
            return [
                "    if (grad_enabled) {",
                *[f"  {s}" for s in statement(g.code)],
                "    } else {",
                *unpack,
                f"      const Tensor* in[] = {{{', '.join(names)}}};",
                f"      const Scalar p[] = {{{params}}};",
                f"      results[{edges[0]}] = pointwise({k.name}_op, in, p);",
                "    }",
            ]
        if g.fast:
            return [
                "    if (grad_enabled) {",
                *[f"  {s}" for s in statement(g.code)],
                "    } else {",
                *[f"  {s}" for s in statement(g.fast)],
                "    }",
            ]
        return statement(g.code)

    # ---- entry points

    def _record_condition(self) -> str:
        return "needs_grad(" + ", ".join(a.cpp_name for a in self.row.differentiable_args()) + ")"

    def _start_node(self, clone_self: bool = False) -> list[str]:
        out = [f"    auto node = make_node<{self.node_name}>();"]
        for a in self.row.differentiable_args():
            if a.is_tensor_list:
                out.append(f"    for (const Tensor& t : {a.cpp_name}) add_edge(*node, t);")
                out.append(f"    node->count_{a.name} = {a.cpp_name}.size();")
            else:
                out.append(f"    add_edge(*node, {a.cpp_name});")
        return out + self._save_lines(outputs=False, clone_self=clone_self)

    def _save_lines(self, outputs: bool, clone_self: bool = False) -> list[str]:
        out = []
        row = self.row
        for m, (value, targets) in self.fills.items():
            is_output = m in self.outputs
            if is_output != outputs:
                if not (m.startswith(tuple(f"{o}_" for o in self.outputs)) and outputs):
                    continue
            elif m.startswith(tuple(f"{o}_" for o in self.outputs)) and not outputs:
                continue
            type_ = self.members[m]
            if type_ in ("SavedTensor", "grad::SavedList"):
                if is_output:
                    code = f"node->{m}.save_output({value}, {self.outputs.index(m)});"
                elif clone_self and m == row.args[0].name:
                    code = f"node->{m}.save(grad::kept({value}));"
                else:
                    code = f"node->{m}.save({value});"
                all_targets = {t for g in self.gradients for t in g.targets}
                no_lists = not any(row.signature.arg(t).is_tensor_list for t in all_targets)
                if targets and targets != all_targets and no_lists:
                    names = [a.name for a in row.differentiable_args()]
                    wanted = " || ".join(f"node->wants({names.index(t)})" for t in sorted(targets))
                    code = f"if ({wanted}) {code}"
                out.append("    " + code)
            else:
                out.append(f"    node->{m} = {value};")
        return out

    def _compute(self) -> list[str]:
        row = self.row
        if row.kind == "pointwise":
            return [
                *self._checks(),
                *self._pointwise_arrays(),
                f"  Tensor y = pointwise({self.kernel.name}_op, in, p);",
            ]
        if row.kind == "inplace":
            first = row.args[0].cpp_name
            rest = ", ".join(a.cpp_name for a in row.args[1:] if a.cpp_type)
            return [
                *self._device_check(),
                f"  Tensor y = clone_elements({first});",
                f"  impl::{row.cpp_name}_(y{', ' + rest if rest else ''});",
            ]
        call = f"impl::{row.impl or row.cpp_name}({row.signature.cpp_args()})"
        check = self._device_check()
        if not self.outputs:
            return [*check, f"  {call};"]
        if len(self.outputs) > 1:
            return [
                *check,
                f"  auto outs = {call};",
                f"  [[maybe_unused]] auto& [{', '.join(self.outputs)}] = outs;",
            ]
        return [*check, f"  {row.signature.return_cpp} y = {call};"]

    def _device_check(self) -> list[str]:
        """A kernel must not meet a tensor of the meta device among others that have memory."""
        tensors = [a.cpp_name for a in self.row.args if a.is_tensor or a.is_tensor_list]
        lists = any(a.is_tensor_list for a in self.row.args)
        if self.row.mixed_devices or (len(tensors) < 2 and not lists):
            return []
        return [f'  check_same_device("{self.row.name.lstrip("_")}", {", ".join(tensors)});']

    def _checks(self) -> list[str]:
        """What must hold before anything is computed."""
        sig = self.row.signature
        own = [f"  impl::{self.row.check}({sig.cpp_args()});"] if self.row.check else []
        if not self.row.zero_division:
            return own
        a, b = (self.row.signature.arg(n).cpp_name for n in self.kernel.inputs[:2])
        return [*own, f'  refuse_zero_divisor("{self.kernel.title}", {a}, {b});']

    def _pointwise_arrays(self) -> list[str]:
        inputs = ", ".join(f"&{self.row.signature.arg(n).cpp_name}" for n in self.kernel.inputs)
        params = ", ".join(
            f"Scalar({self.row.signature.arg(n).cpp_name})" for n in self.kernel.params
        )
        unused = [
            a.cpp_name for a in self.row.args if a.is_tensor and a.name not in self.kernel.inputs
        ]
        return [
            *(f"  static_cast<void>({name});" for name in unused),
            f"  const Tensor* in[] = {{{inputs}}};",
            f"  const Scalar p[] = {{{params or 'Scalar()'}}};",
        ]

    def function(self) -> list[str]:
        row, sig = self.row, self.row.signature
        head = f"{sig.return_cpp} {sig.cpp_name}({sig.cpp_params()}) {{"
        if row.kind == "composite":
            return [head, f"  return {self._composite_call()};", "}"]
        out = [head, *self._compute()]
        if not self.outputs:  # works on its arguments alone
            return [*out, "}"]
        result = "outs" if len(self.outputs) > 1 else "y"
        if row.returns_self:
            out.append(f"  if (y.is({row.args[0].cpp_name})) return y;")
        if row.differentiable:
            out.append(f"  if ({self._record_condition()}) {{")
            out += self._start_node()
            if sig.returns[0][0] == "Tensor[]":
                out.append("    for (const Tensor& t : y) set_history(t, *node);")
            else:
                out += [f"    set_history({o}, *node);" for o in self.outputs]
            out += self._save_lines(outputs=True)
            out.append("  }")
        if row.kind == "view":
            first = row.args[0].cpp_name
            if sig.returns[0][0] == "Tensor[]":
                out.append(f"  for (const Tensor& t : y) set_view(t, {first});")
            else:
                out.append(f"  set_view(y, {first});")
        out += [f"  return {result};", "}"]
        return out

    def _composite_call(self) -> str:
        row = self.row
        if row.body is None:
            return f"impl::{row.impl or row.cpp_name}({row.signature.cpp_args()})"
        kinds = {a.name: kind_of(a) for a in row.args}
        cpp = {a.name: a.cpp_name for a in row.args}
        translator = Translator(
            kinds,
            cpp.get,
            lambda n, attr: (
                f"{cpp[n]}.{'dim' if attr == 'ndim' else attr}()",
                ATTRIBUTES[attr][1],
            ),
        )
        tree = kernel_expr.parse(row.body)
        code, _ = translator.visit(tree)
        self.families |= translator.families
        return code

    def inplace(self) -> list[str]:
        row, sig = self.row, self.row.signature
        first = row.args[0].cpp_name
        out = [f"Tensor {sig.cpp_name}_({sig.cpp_params()}) {{"]
        if row.kind == "composite":
            self.families.add("shape")
            # What the operators inside keep for their gradients must not be overwritten.
            rest = [a.cpp_name for a in row.args[1:] if a.cpp_type]
            call = f"ops::{sig.cpp_name}({', '.join(['kept', *rest])})"
            return [
                *out,
                f"  const Tensor kept = needs_grad({first}) ? ops::clone({first}) : {first};",
                f'  return ops::copy_({first}, in_place_value({first}, {call}, "{row.name}_"));',
                "}",
            ]
        out.append(f'  check_in_place({first}, "{row.name}_");')
        if row.differentiable:
            out.append(f"  Ref<{self.node_name}> recorded;")
            out.append(f"  if ({self._record_condition()}) {{")
            out += self._start_node(clone_self=True)
            out += ["    recorded = std::move(node);", "  }"]
        out += self._compute_inplace(first)
        out.append(f"  bump_version({first});")
        if row.differentiable:
            out += [
                "  if (recorded) {",
                "    auto& node = recorded;",
                f"    rebase_history({first}, *node);",
                f"    [[maybe_unused]] const Tensor& y = {first};",
                *self._save_lines(outputs=True),
                "  }",
            ]
        return [*out, f"  return {first};", "}"]

    def _compute_inplace(self, first: str) -> list[str]:
        row = self.row
        if row.kind == "pointwise":
            return [
                *self._checks(),
                *self._pointwise_arrays(),
                f"  pointwise({self.kernel.name}_op, in, p, &{first});",
            ]
        rest = ", ".join(a.cpp_name for a in row.args[1:] if a.cpp_type)
        if row.kind == "inplace":
            return [
                *self._device_check(),
                f"  impl::{row.cpp_name}_({first}{', ' + rest if rest else ''});",
            ]
        return [
            *self._device_check(),
            f"  in_place_result({first}, impl::{row.impl or row.cpp_name}"
            f'({row.signature.cpp_args()}), "{row.name}_");',
        ]

    def out_variant(self) -> list[str]:
        row, sig = self.row, self.row.signature
        outs = ["out"] if len(self.outputs) == 1 else [f"out_{n}" for n in self.outputs]
        params = ", ".join([sig.cpp_params(), *(f"const Tensor& {o}" for o in outs)])
        head = f"{sig.return_cpp} {sig.cpp_name}_out({params.removeprefix(', ')}) {{"
        tensors = [a.cpp_name for a in row.args if a.is_tensor or a.is_tensor_list]
        lines = [head]
        if tensors:
            lines.append(f'  refuse_out_with_grad("{row.name}", needs_grad({", ".join(tensors)}));')
        lines += [f'  refuse_out_with_grad("{row.name}", needs_grad({o}));' for o in outs]
        if row.kind == "pointwise":
            lines += [
                *self._checks(),
                *self._pointwise_arrays(),
                f"  pointwise_out({self.kernel.name}_op, in, p, out);",
                "  return out;",
                "}",
            ]
            return lines
        # A new tensor that goes into `out` has its type unless another is asked for.
        values = [
            "std::optional<DType>(dtype.value_or(out.dtype()))"
            if row.options and a.name == "dtype"
            else a.cpp_name
            for a in row.args
            if a.cpp_type
        ]
        call = f"ops::{sig.cpp_name}({', '.join(values)})"
        if len(outs) == 1:
            return [*lines, f'  store_out(out, {call}, "{row.name}");', "  return out;", "}"]
        lines.append(f"  auto results = {call};")
        for i, o in enumerate(outs):
            lines.append(f'  store_out({o}, std::get<{i}>(results), "{row.name}");')
        return [*lines, f"  return {{{', '.join(outs)}}};", "}"]


def declarations(row: Op, defaults: bool = True) -> list[str]:
    """The lines of a family's public header; trailing arguments get their defaults."""
    sig = row.signature

    def params(extra=()):
        parts, may_default = [], not extra
        for a in reversed([a for a in row.args if a.cpp_type]):
            text = f"{a.cpp_type} {a.cpp_name}"
            if may_default and defaults and a.default is not None:
                text += f" = {a.default_cpp()}"
            else:
                may_default = False
            parts.append(text)
        return ", ".join([*reversed(parts), *extra])

    out = [f"{sig.return_cpp} {sig.cpp_name}({params()});"]
    if row.has_inplace:
        out.append(f"Tensor {sig.cpp_name}_({params()});")
    if row.has_out:
        names = ["out"] if len(sig.returns) == 1 else [f"out_{n}" for _, n in sig.returns]
        out.append(
            f"{sig.return_cpp} {sig.cpp_name}_out({params([f'const Tensor& {n}' for n in names])});"
        )
    return out


def impl_declaration(row: Op) -> str | None:
    sig = row.signature
    if row.kind == "inplace":
        rest = ", ".join(f"{a.cpp_type} {a.cpp_name}" for a in row.args[1:] if a.cpp_type)
        return (
            f"void {sig.cpp_name}_(const Tensor& {row.args[0].cpp_name}"
            f"{', ' + rest if rest else ''});"
        )
    if row.kind in ("native", "view") or row.kind == "composite" and row.body is None:
        return f"{sig.return_cpp} {row.impl or sig.cpp_name}({sig.cpp_params()});"
    if row.check:
        return f"void {row.check}({sig.cpp_params()});"
    return None


def emit_header(family: str, rows: list[Op]) -> str:
    out = [
        f"// Generated from ops/{family}.py: the operators as C++ functions, with gradients.",
        "#pragma once",
        '#include "ops/op_types.h"',
        "",
        "namespace flambeau::ops {",
        "",
    ]
    for row in rows:
        if row.kind != "python":
            out += declarations(row)
    return "\n".join([*out, "", "}  // namespace flambeau::ops"]) + "\n"


def emit_impl_header(family: str, rows: list[Op]) -> str:
    out = [
        f"// Generated from ops/{family}.py: what csrc/ops must define by hand.",
        "#pragma once",
        '#include "ops/op_types.h"',
        "",
        "namespace flambeau::impl {",
        "",
    ]
    seen = set()
    for row in rows:
        line = impl_declaration(row)
        if line and line not in seen:
            seen.add(line)
            out.append(line)
    return "\n".join([*out, "", "}  // namespace flambeau::impl"]) + "\n"


def emit_source(family: str, rows: list[Op]) -> tuple[str, list[Kernel]]:
    writers = [OpWriter(r) for r in rows if r.kind != "python"]
    body: list[str] = []
    for w in writers:
        section = [f"// {w.row.signature.text}"]
        if w.row.differentiable and w.row.kind != "composite":
            section += [
                "namespace {",
                *[k.descriptor() for k in w.kernels],
                *w.node(),
                "}  // namespace",
            ]
        elif w.kernels:
            section += ["namespace {", *[k.descriptor() for k in w.kernels], "}  // namespace"]
        section += w.function()
        if w.row.has_inplace:
            section += w.inplace()
        if w.row.has_out:
            section += w.out_variant()
        body += [*section, ""]
    kernels = [k for w in writers for k in w.kernels]
    families = sorted({family, *(f for w in writers for f in w.families)})
    head = [
        f"// Generated from ops/{family}.py.",
        *[f'#include "ops_{f}.h"' for f in families],
        f'#include "impl_{family}.h"',
        '#include "ops/op_support.h"',
        "",
        "namespace flambeau {",
    ]
    head += [f"FB_DECLARE_TABLES({k.name})" for k in kernels]
    return "\n".join(
        [*head, "namespace ops {", "", *body, "}  // namespace ops", "}  // namespace flambeau"]
    ) + "\n", kernels
