"""Compares the losses of two runs: ``python compare.py A/losses.csv B/losses.csv``.

Prints the largest relative difference up to several steps, and exits with 1 if the first 100
losses or the mean losses of the epochs differ by more than 5e-5 relative, that is in the first
four digits.
"""

import csv
import sys

import numpy as np

TOLERANCE = 5e-5


def read(path: str) -> tuple[np.ndarray, np.ndarray]:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([int(r["epoch"]) for r in rows]), np.array([float(r["loss"]) for r in rows])


def main() -> int:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    (epochs, a), (epochs_b, b) = read(sys.argv[1]), read(sys.argv[2])
    if not np.array_equal(epochs, epochs_b):
        sys.exit(f"the runs differ in length: {len(a)} and {len(b)} steps")
    difference = np.abs(a - b) / np.abs(a)
    for steps in (1, 10, 100, 300, 1000, len(a)):
        if steps <= len(a):
            print(f"first {steps:5} steps: largest difference {difference[:steps].max():.1e}")
    ok = bool(difference[:100].max() <= TOLERANCE)
    for epoch in np.unique(epochs):
        means = a[epochs == epoch].mean(), b[epochs == epoch].mean()
        relative = abs(means[0] - means[1]) / means[0]
        ok &= relative <= TOLERANCE
        print(f"epoch {epoch}: mean losses {means[0]:.6f} and {means[1]:.6f} ({relative:.1e})")
    print("the same to four digits" if ok else "NOT the same to four digits")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
