"""The walk-through 'add an operator' of CONTRIBUTING.md does what it says."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"

CHECK = """
assert [round(v, 4) for v in y.tolist()] == [0.618, 1.0, 3.3028], y.tolist()
assert [round(v, 4) for v in x.grad.tolist()] == [0.2764, 0.5, 0.916], x.grad.tolist()
z = torch.tensor([-1.0, 0.5], dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda z: torch._C.squareplus(z), (z,))
assert torch.autograd.gradgradcheck(lambda z: torch._C.squareplus(z), (z,))
w = torch.tensor([-1.0, 0.5])
assert torch._C.squareplus_(w) is w and w.squareplus(b=0.0).tolist() == w.tolist()
"""


def blocks() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    part = text.split("<!-- add-an-operator: begin -->")[1].split("<!-- add-an-operator: end -->")[
        0
    ]
    return re.findall(r"```python\n(.*?)```", part, re.S)


def compile_commands() -> dict[str, str]:
    """Object file -> its compiler command, from the build that made this package."""
    listing = subprocess.run(
        ["ninja", "-C", str(BUILD), "-t", "compdb"], check=True, capture_output=True, text=True
    ).stdout
    import json

    return {e["output"]: e["command"] for e in json.loads(listing) if e["output"].endswith(".o")}


@pytest.mark.slow
@pytest.mark.skipif(
    not (BUILD / "build.ninja").exists() or not shutil.which("ninja"),
    reason="needs the build folder the package was made in, and ninja",
)
def test_walk_through(tmp_path):
    row, program = blocks()
    tree = tmp_path / "tree"
    for part in ("ops", "tools"):
        shutil.copytree(ROOT / part, tree / part)
    (tree / "ops" / "example.py").write_text(row)
    generated = tmp_path / "generated"
    subprocess.run(
        [sys.executable, "-B", "-m", "tools.opgen", "--out", str(generated)], cwd=tree, check=True
    )
    library = link(tmp_path, generated)

    package = tmp_path / "site" / "flambeau"
    shutil.copytree(
        ROOT / "src" / "flambeau", package, ignore=shutil.ignore_patterns("_C*.so", "__pycache__")
    )
    shutil.copy(library, package / library.name)
    done = subprocess.run(
        [sys.executable, "-c", program + CHECK],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(package.parent)},
    )
    assert done.returncode == 0, done.stderr


def link(tmp_path: pathlib.Path, generated: pathlib.Path) -> pathlib.Path:
    """The extension with the new family: five small files compiled, the rest as it was built."""
    commands = compile_commands()
    old = str(BUILD / "generated")
    # Any family will do as a pattern; the names of its files are replaced.
    pattern = {
        "ops_create.cpp": "ops_example.cpp",
        "bindings_create.cpp": "bindings_example.cpp",
        "registry.cpp": "registry.cpp",
        "kernels_pointwise.cpp": "kernels_example.cpp",
    }
    fresh, replaced = [], set()
    for output, command in commands.items():
        name = pathlib.Path(output).name.removesuffix(".o")
        if name not in pattern or "/generated/" not in output:
            continue
        if "tests" in output.split("/")[1]:
            continue
        target = tmp_path / (output.replace("/", "_") + ".o")
        words = shlex.split(command)
        source = str(generated / pattern[name])
        words = [source if w.endswith("/" + name) else w for w in words]
        words = [w.replace(old, str(generated)) for w in words]
        words[words.index("-o") + 1] = str(target)
        for flag in ("-MF", "-MT"):
            if flag in words:
                words[words.index(flag) + 1] = str(target) + ".d"
        subprocess.run(words, check=True, cwd=BUILD)
        fresh.append(str(target))
        if name == "registry.cpp":
            replaced.add(output)
    objects = [
        str(BUILD / o)
        for o in commands
        if o not in replaced and (BUILD / o).exists() and "flambeau_tests" not in o
    ]
    import sysconfig

    library = tmp_path / ("_C" + sysconfig.get_config_var("EXT_SUFFIX"))
    subprocess.run(
        [
            os.environ.get("CXX", "c++"),
            "-shared",
            "-o",
            str(library),
            *objects,
            *fresh,
            "-lpthread",
            "-ldl",
        ],
        check=True,
    )
    return library
