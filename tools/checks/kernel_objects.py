"""Checks the kernel objects of a build folder: ``python kernel_objects.py build``.

A kernel source is compiled once per instruction set. If an object compiled for AVX2 defined a weak
symbol outside its own namespace (a std container, an inline function of a shared header), the
linker could choose that copy for the whole program, which would then not run on an older processor.
A constructor at start would run AVX2 code before the processor is asked. Both fail here.
"""

import subprocess
import sys
from pathlib import Path


def faults(path: Path, isa: str) -> list[str]:
    """What is wrong with one object file, one line each."""
    found = []
    symbols = subprocess.run(
        ["nm", "--demangle", "--defined-only", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in symbols.splitlines():
        _, kind, name = line.split(maxsplit=2)
        if kind in "WVuw" and f"flambeau::{isa}::" not in name:
            found.append(f"{path.name}: weak symbol outside flambeau::{isa}: {name}")
        if "_GLOBAL__sub_I" in name:
            found.append(f"{path.name}: runs code at start: {name}")
    return found


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    total, found = 0, []
    for folder in sorted(Path(sys.argv[1]).glob("CMakeFiles/flambeau_kernels_*.dir")):
        isa = folder.name.removeprefix("flambeau_kernels_").removesuffix(".dir")
        for path in sorted(folder.rglob("*.o")):
            total += 1
            if isa != "baseline":
                found += faults(path, isa)
    if not total:
        sys.exit(f"kernel objects: there is none below {sys.argv[1]}")
    print("\n".join(found) or f"kernel objects: {total} objects, no shared code in any of them")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
