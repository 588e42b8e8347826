"""Holds the promises on size and start: installed size, import time, memory, what is imported.

The limits: 30 MB installed without NumPy and OpenBLAS; 0.25 s for ``import flambeau``, the median
of ten fresh processes; 45 MB resident after it, NumPy included; and none of the modules in HEAVY
but those that NumPy brings along.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZE_MB, SECONDS, RESIDENT_MB, RUNS = 30, 0.25, 45, 10
HEAVY = (
    "asyncio", "concurrent", "ctypes.util", "dataclasses", "distutils", "email", "http",
    "importlib.metadata", "inspect", "logging", "matplotlib", "multiprocessing", "numpy.f2py",
    "numpy.testing", "pdb", "pkg_resources", "scipy", "setuptools", "socket", "sqlite3", "ssl",
    "sympy", "torch", "tqdm", "unittest", "urllib.request", "xml",
)  # fmt: skip

# Printed by a fresh process: seconds, resident bytes now, modules that came with the import.
PROBE = """
import sys, time
before = set(sys.modules)
begin = time.perf_counter()
import {package}
seconds = time.perf_counter() - begin
pages = int(open('/proc/self/statm').read().split()[1])
import os
print(seconds, pages * os.sysconf('SC_PAGE_SIZE'), *sorted(set(sys.modules) - before))
"""


def measure_import(package: str = "flambeau") -> tuple[float, int, set[str]]:
    """Seconds, resident bytes and the names of new modules, of one import in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(package=package)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
    )
    seconds, resident, *modules = done.stdout.split()
    return float(seconds), int(resident), set(modules)


def heavy_among(modules: set[str]) -> list[str]:
    """Those of HEAVY, and of their submodules, that NumPy would not have imported anyway."""
    modules = modules - measure_import("numpy")[2]
    return sorted(m for m in modules if any(m == h or m.startswith(h + ".") for h in HEAVY))


def installed_bytes(build: Path) -> int:
    """The size of the package as ``cmake --install`` lays it out, compiled files included."""
    with tempfile.TemporaryDirectory(prefix="flambeau-size-") as folder:
        subprocess.run(
            ["cmake", "--install", str(build), "--prefix", folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        subprocess.run([sys.executable, "-m", "compileall", "-q", folder], check=True)
        return sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())


def main() -> int:
    # The programs of the environment come first, as in the build.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    size = installed_bytes(ROOT / "build") / 1e6
    runs = [measure_import() for _ in range(RUNS + 1)][1:]  # the first one fills the file cache
    seconds = statistics.median(run[0] for run in runs)
    resident = max(run[1] for run in runs) / 1e6
    heavy = heavy_among(runs[0][2])
    failed = False
    for what, value, limit, unit in (
        ("installed size", size, SIZE_MB, "MB"),
        (f"import time, median of {RUNS}", seconds, SECONDS, "s"),
        ("resident memory after import", resident, RESIDENT_MB, "MB"),
    ):
        verdict = "ok" if value <= limit else "TOO MUCH"
        failed |= value > limit
        print(f"footprint: {what}: {value:.3g} {unit}, at most {limit} {unit}: {verdict}")
    print(f"footprint: modules imported: {len(runs[0][2])}, heavy ones: {heavy or 'none'}")
    return int(failed or bool(heavy))


if __name__ == "__main__":
    sys.exit(main())
