"""``python -m tools.opgen --out DIR`` writes the generated C++; ``--docs`` the committed stubs and
reference pages; ``--list-outputs`` only names the files and their kinds."""

from __future__ import annotations

import argparse
import pathlib
import sys

from . import emit_bindings, emit_kernels, emit_ops, table


def generate() -> dict[str, tuple[str, str]]:
    """File name -> (kind, text)."""
    rows = table.load()
    files: dict[str, tuple[str, str]] = {}
    for family in table.FAMILIES:
        own = [r for r in rows if r.family == family]
        source, kernels = emit_ops.emit_source(family, own)
        files[f"ops_{family}.h"] = ("header", emit_ops.emit_header(family, own))
        files[f"impl_{family}.h"] = ("header", emit_ops.emit_impl_header(family, own))
        files[f"ops_{family}.cpp"] = ("cpp", source)
        files[f"bindings_{family}.cpp"] = ("python", emit_bindings.emit(family, own))
        if kernels:
            files[f"kernels_{family}.cpp"] = ("kernel", emit_kernels.emit(family, kernels))
    files["registry.cpp"] = ("python", emit_bindings.emit_registry(table.FAMILIES, rows))
    return files


def write_if_changed(path: pathlib.Path, text: str) -> bool:
    """Leaves the file's time alone when nothing changed, so that one edit rebuilds one family."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="opgen", description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, help="folder of the generated C++")
    parser.add_argument("--list-outputs", action="store_true")
    parser.add_argument("--docs", action="store_true", help="write stubs and reference pages")
    options = parser.parse_args()
    if options.docs:
        from . import emit_docs

        for path, text in emit_docs.generate(table.load()).items():
            if write_if_changed(table.ROOT / path, text):
                print(f"wrote {path}")
    if options.out:
        for name, (kind, text) in generate().items():
            if options.list_outputs:
                print(kind, options.out / name)
            else:
                write_if_changed(options.out / name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
