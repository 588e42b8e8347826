"""Holds the shape of the house: which folder may know which, and how long a file may be.

Dependencies point one way: nn, optim, data, export -> public ops -> _C -> csrc/ops ->
{autograd, cpu} -> core. Each rule stands in a table at the top; a test below applies it to every
file.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc"
PACKAGE = ROOT / "src" / "flambeau"

# What the files of a folder of csrc/ may include, `generated` being what tools/opgen writes.
MAY_INCLUDE = {
    "core": {"core"},
    "cpu": {"core", "cpu"},
    "autograd": {"core", "autograd"},
    "ops": {"core", "cpu", "autograd", "ops", "generated"},
    "python": {"core", "cpu", "autograd", "ops", "python", "generated"},
}
# Kernels are compiled once per instruction set; what these headers define would be merged by the
# linker across the sets.
NOT_IN_KERNELS = {
    "algorithm", "deque", "functional", "iostream", "list", "map", "memory", "mutex", "set",
    "sstream", "string", "thread", "unordered_map", "unordered_set", "vector",
}  # fmt: skip

# The parts of the package that a part may not import, at the top of a file or within a function.
MAY_NOT_IMPORT = {
    "nn": {"optim", "utils.data", "distributions", "export", "testing"},
    "optim": {"utils.data", "distributions", "export", "testing"},
    "autograd": {"nn", "optim", "utils.data", "distributions", "export"},
    "utils.data": {"nn", "optim", "distributions", "export", "testing"},
    "distributions": {"optim", "utils.data", "export", "testing"},
    "linalg": {"nn", "optim", "utils.data", "distributions", "export"},
    "fft": {"nn", "optim", "utils.data", "distributions", "export"},
    "special": {"nn", "optim", "utils.data", "distributions", "export"},
}
# The native module is named by the modules directly in the package, which publish the operators,
# and by these, each for operators that have no public name.
MAY_IMPORT_NATIVE = {
    "autograd": "the engine's classes",
    "linalg": "operators under the names of its functions",
    "special": "operators under the names of its functions",
    "nn/_native.py": "fused layers",
    "nn/_module_base.py": "attribute look-up and call of Module",
    "nn/_parameter.py": "tells the core which class is Parameter",
    "nn/utils/_clip_grad.py": "norms over lists of tensors",
    "optim": "multi-tensor steps",
    "serialization": "bytes of storages",
    "utils/data/_utils": "tensors in shared memory",
}
MAX_LINES = 1000  # the aim is 800

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(folder: Path, *endings: str) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in endings)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def all_includes(path: Path) -> Iterator[tuple[str, str]]:
    """('<' or '"', name) of each include."""
    return (match.groups() for match in INCLUDE.finditer(path.read_text()))


def layer_of_include(path: Path, name: str) -> str:
    """The folder of csrc/ that holds the included file, or `generated`."""
    for place in (path.parent / name, CSRC / name, ROOT / name):
        if place.exists():
            return place.resolve().relative_to(CSRC).parts[0]
    return "generated"


CPP = sources(CSRC, ".h", ".cpp")
PYTHON = sources(PACKAGE, ".py")


def test_there_is_something_to_check():
    assert CPP and PYTHON
    assert {p.relative_to(CSRC).parts[0] for p in CPP} <= set(MAY_INCLUDE)


@pytest.mark.parametrize("layer", sorted(MAY_INCLUDE))
def test_includes_point_one_way(layer):
    wrong = [
        f"{name_of(path)} includes {name}"
        for path in sources(CSRC / layer, ".h", ".cpp")
        for bracket, name in all_includes(path)
        if bracket == '"' and layer_of_include(path, name) not in MAY_INCLUDE[layer]
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_python_layer_knows_python():
    wrong = [
        name_of(path)
        for path in CPP
        if path.relative_to(CSRC).parts[0] != "python"
        and any(name == "Python.h" or name.startswith("numpy/") for _, name in all_includes(path))
    ]
    assert not wrong


def test_kernels_include_no_containers():
    wrong = [
        f"{name_of(path)} includes <{name}>"
        for path in sources(CSRC / "cpu" / "kernels", ".h", ".cpp")
        for _, name in all_includes(path)
        if name in NOT_IN_KERNELS
    ]
    assert not wrong, "\n".join(wrong)


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything that a file imports, names of `from` included."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    package = parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def is_within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


@pytest.mark.parametrize("part", sorted(MAY_NOT_IMPORT))
def test_imports_point_one_way(part):
    files = sources(PACKAGE.joinpath(*part.split(".")), ".py")
    single = PACKAGE.joinpath(*part.split(".")).with_suffix(".py")
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in files + ([single] if single.exists() else [])
        for line, name in imported_modules(path)
        for other in MAY_NOT_IMPORT[part]
        if is_within(name, f"flambeau.{other}")
    ]
    assert not wrong, "\n".join(wrong)


def test_native_module_is_named_by_few():
    wrong = []
    for path in PYTHON:
        own = path.relative_to(PACKAGE)
        if len(own.parts) == 1 or any(own.is_relative_to(place) for place in MAY_IMPORT_NATIVE):
            continue
        wrong += [
            f"{name_of(path)}:{line}"
            for line, name in imported_modules(path)
            if is_within(name, "flambeau._C")
        ]
    assert not wrong, "these import flambeau._C:\n" + "\n".join(wrong)


def test_no_file_needs_pytorch():
    """The oracle is imported by tests/parity and benchmarks/ only."""
    places = (PACKAGE, ROOT / "examples", ROOT / "tools", ROOT / "ops")
    wrong = [
        f"{name_of(path)}:{number}"
        for place in places
        for path in sources(place, ".py")
        if "programs" not in path.parts  # they serve both libraries under the name torch
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.match(r"\s*(import torch\b|from torch\b)", line)
    ]
    assert not wrong


def test_files_are_short():
    places = ("csrc", "src", "ops", "tools", "tests", "examples", "benchmarks")
    long = []
    for place in places:
        for path in sources(ROOT / place, ".py", ".cpp", ".h"):
            lines = path.read_text().count("\n")
            if lines > MAX_LINES:
                long.append(f"{name_of(path)} has {lines} lines")
    assert not long, f"more than {MAX_LINES} lines (the aim is 800):\n" + "\n".join(long)
