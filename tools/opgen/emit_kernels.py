"""CPU loops: for each pointwise operator, and each fused gradient, a table of kernels by dtype."""

from __future__ import annotations

from dataclasses import dataclass

from . import kernel_expr, table

_CPP = {
    "uint8": "uint8_t",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "vfloat",
    "float64": "vdouble",
    "complex64": "std::complex<float>",
    "complex128": "std::complex<double>",
    "bool": "bool",
}


@dataclass
class Kernel:
    """One pointwise computation: an expression over tensor inputs and numeric parameters."""

    name: str  # C++ name of the table
    tree: object  # ast, inlined
    inputs: list[str]
    params: list[str]
    dtypes: int
    output: str  # Same, Bool, Real
    title: str  # operator name for errors
    promote: str = "Default"
    masks: tuple = ()
    promoting: tuple = ()

    def descriptor(self) -> str:
        masks = sum(1 << i for i, n in enumerate(self.inputs) if n in self.masks)
        promoting = sum(1 << i for i, n in enumerate(self.params) if n in self.promoting)
        return (
            f'const PointwiseOp {self.name}_op = {{"{self.title}", {len(self.inputs)}, '
            f"{len(self.params)}, Promotion::{self.promote}, OutputType::{self.output}, "
            f"{masks}, {promoting}, {self.dtypes:#x}, FB_TABLES({self.name}), "
            f"{self.vectors():#x}}};"
        )

    def lane(self, dtype: str) -> str:
        """The C++ type that the expression is computed in: a vector or one number."""
        cpp = _CPP[dtype]
        if dtype == "bool" and kernel_expr.is_bitwise(self.tree):  # no vectors of bool
            return "Vec<uint8_t>"
        vector = "int" in dtype and kernel_expr.fits_integers(self.tree, dtype)
        return f"Vec<{cpp}>" if vector else cpp

    def halves(self, dtype: str) -> bool:
        """True iff the loop of `dtype` is also that of the half types."""
        return dtype == "float32" and kernel_expr.is_short(self.tree)

    def vectors(self) -> int:
        """The dtypes, as a mask, whose loops go by vectors."""
        names = [n for n in computed_dtypes(self.dtypes) if self.lane(n).startswith(("v", "V"))]
        if self.halves("float32"):
            names += [n for n in table.dtype_names(self.dtypes) if n in ("float16", "bfloat16")]
        return sum(1 << table.DTYPE_ORDER.index(n) for n in names)


def computed_dtypes(mask: int) -> list[str]:
    """The dtypes kernels exist for: half types are computed by the float32 one."""
    names = table.dtype_names(mask)
    if ("float16" in names or "bfloat16" in names) and "float32" not in names:
        names.append("float32")
    return [n for n in table.DTYPE_ORDER if n in names and n in _CPP]


def _function(kernel: Kernel, dtype: str) -> str:
    if loop := kernel_expr.named_loop(kernel.tree, kernel.inputs, dtype):
        return (
            f"void {kernel.name}_{dtype}(FB_LOOP_ARGS) {{\n"
            f"  {loop}<{kernel.lane(dtype)}>(FB_LOOP_PASS, loop_params);\n}}"
        )
    args = ", ".join(
        f"[[maybe_unused]] {'LoopMask<V>' if n in kernel.masks else 'V'} {_safe(n)}"
        for n in kernel.inputs
    )
    masks = sum(1 << i for i, n in enumerate(kernel.inputs) if n in kernel.masks)
    lines = [f"void {kernel.name}_{dtype}(FB_LOOP_ARGS) {{", f"  using V = {kernel.lane(dtype)};"]
    for i, p in enumerate(kernel.params):
        lines.append(f"  [[maybe_unused]] const V {_safe(p)} = loop_param<V>(loop_params, {i});")
    expr = kernel_expr.to_cpp(kernel.tree)
    if dtype == "bool" and kernel.lane(dtype) != _CPP[dtype]:
        expr = expr.replace("bit_not(", "flag_not(")
    short = str(kernel_expr.is_short(kernel.tree)).lower()
    lines.append(
        f"  map_loop<V, {len(kernel.inputs)}, Output::{kernel.output}, {masks}, {short}>"
        f"(FB_LOOP_PASS, [=]({args}) {{ return {expr}; }});"
    )
    lines.append("}")
    return "\n".join(lines)


def _safe(name: str) -> str:
    return "default_" if name == "default" else name


def emit(family: str, kernels: list[Kernel]) -> str:
    out = [
        f"// Generated from ops/{family}.py. Loops over contiguous elements, compiled per "
        "instruction set.",
        '#include "cpu/kernels/complex_loop.h"',
        "",
        "namespace flambeau::FB_ISA {",
        "",
    ]
    for k in kernels:
        dtypes = computed_dtypes(k.dtypes)
        out += ["namespace {"] + [_function(k, d) for d in dtypes] + ["}  // namespace"]
        entries = [f"{k.name}_{n}" if n in dtypes else "nullptr" for n in table.DTYPE_ORDER]
        out += [
            f"extern const PointwiseFn {k.name}[];",
            f"const PointwiseFn {k.name}[] = {{{', '.join(entries)}}};",
            "",
        ]
    out.append("}  // namespace flambeau::FB_ISA")
    return "\n".join(out) + "\n"


def emit_declarations(kernels: list[Kernel]) -> list[str]:
    """What the entry points need: the tables of both instruction sets and the descriptors."""
    return [f"FB_DECLARE_TABLES({k.name})" for k in kernels]
