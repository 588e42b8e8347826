"""Runs the demo with flambeau and with PyTorch and compares their losses, step by step.

    python compare.py [-- arguments of train.py]     # runs both, one after the other
    python compare.py A/losses.csv B/losses.csv      # compares two runs that are there already

The first form needs an interpreter that has torch, tqdm and matplotlib as well as flambeau
(``make demo-compare`` makes one). It prints the largest relative difference up to several steps and
exits with 1 if the first 100 losses or the mean losses of the epochs differ by more than 5e-5
relative, that is in the first four digits.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import data

TOLERANCE = 5e-5
IMPORT = "\nimport flambeau as torch\n"  # the line of train.py that differs
HERE = Path(__file__).resolve().parent


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([int(r["epoch"]) for r in rows]), np.array([float(r["loss"]) for r in rows])


def run(library: str, folder: Path, arguments: list[str]) -> Path:
    """Runs train.py from the start, with `library` for the import; returns its losses.csv."""
    source = (HERE / "train.py").read_text()
    if source.count(IMPORT) != 1:
        sys.exit(f"train.py has no line {IMPORT.strip()!r} to change")
    if library != "flambeau":
        source = source.replace(IMPORT, f"\nimport {library}\n")
    out = folder / library
    out.mkdir(parents=True, exist_ok=True)
    program = out / "train.py"
    program.write_text(source)
    paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, str(program), "--fresh", "--out", str(out), *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    # 1 says that the accuracy is below 90%, which a short run may be; it has all its losses.
    if subprocess.run(command, env=environment).returncode not in (0, 1):
        sys.exit(f"train.py failed with {library}")
    return out / "losses.csv"


def compare(first: Path, second: Path) -> bool:
    """Prints how far the losses of two runs differ; True if they agree to four digits."""
    (epochs, a), (epochs_b, b) = read(first), read(second)
    if not np.array_equal(epochs, epochs_b):
        sys.exit(f"the runs differ in length: {len(a)} and {len(b)} steps")
    difference = np.abs(a - b) / np.abs(a)
    for steps in sorted({1, 10, 100, 300, 1000, len(a)}):
        if steps <= len(a):
            print(f"first {steps:5} steps: largest difference {difference[:steps].max():.1e}")
    ok = bool(difference[:100].max() <= TOLERANCE)
    for epoch in np.unique(epochs):
        means = a[epochs == epoch].mean(), b[epochs == epoch].mean()
        relative = abs(means[0] - means[1]) / means[0]
        ok &= bool(relative <= TOLERANCE)
        print(f"epoch {epoch}: mean losses {means[0]:.6f} and {means[1]:.6f} ({relative:.1e})")
    print("the same to four digits" if ok else "NOT the same to four digits")
    return ok


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=data.default_folder() / "compare")
    parser.add_argument("rest", nargs="*", help="two files, or after -- arguments of train.py")
    options = parser.parse_args()
    if len(options.rest) == 2 and all(name.endswith(".csv") for name in options.rest):
        return 0 if compare(*map(Path, options.rest)) else 1
    logs = [run(library, options.folder, options.rest) for library in ("flambeau", "torch")]
    return 0 if compare(*logs) else 1


if __name__ == "__main__":
    sys.exit(main())
