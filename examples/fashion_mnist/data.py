"""Fetches Fashion-MNIST, or says why scikit-learn's digits have to do.

Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 60,000 training and 10,000 test pictures of clothes,
28x28 grey pixels, ten classes. Debian and Ubuntu carry it as the package ``dataset-fashion-mnist``;
it is downloaded with a package state of its own, so no root is needed and the system is not
touched. Nothing is downloaded when this file is imported: only by `load` and `fetch`.

Run alone, ``python data.py`` fetches the pictures and exits with 1 where they cannot be had.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")  # where the package puts them with root
# Of the contents, since packages differ in how they compress them.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FILES = [f"{name}.gz" for name in SHA256]
CLOTHES = [
    "T-shirt", "trousers", "pullover", "dress", "coat",
    "sandal", "shirt", "trainer", "bag", "boot",
]  # fmt: skip


class Pictures(NamedTuple):
    """A data set: uint8 pictures of shape (n, 1, height, width) and int64 labels of shape (n,)."""

    name: str
    classes: list[str]
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


class Unavailable(Exception):
    """The pictures cannot be had on this machine; the message says why."""


def default_folder() -> Path:
    """The project's ignored ``data/``, or the user's cache where the example stands alone."""
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").exists():
        return root / "data" / "fashion_mnist"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "flambeau" / "fashion_mnist"


def load(folder: Path) -> Pictures:
    """Fashion-MNIST from `folder`, fetched first if need be; else the digits of scikit-learn."""
    try:
        source = fetch(folder)
    except Unavailable as reason:
        print(f"Fashion-MNIST cannot be had here: {reason}")
        return load_digits()
    return Pictures(
        "Fashion-MNIST",
        CLOTHES,
        read_idx(source / "train-images-idx3-ubyte.gz")[:, None],
        read_idx(source / "train-labels-idx1-ubyte.gz").astype(np.int64),
        read_idx(source / "t10k-images-idx3-ubyte.gz")[:, None],
        read_idx(source / "t10k-labels-idx1-ubyte.gz").astype(np.int64),
    )


def fetch(folder: Path) -> Path:
    """Returns a folder that holds the four files; raises `Unavailable` with the reason if none."""
    for place in (folder, INSTALLED):
        if all((place / name).exists() for name in FILES):
            check(place)
            return place
    for program in ("apt-get", "dpkg"):
        if not shutil.which(program):
            raise Unavailable(f"this system has no {program} to take the package {PACKAGE} with")
    print(f"Fetching the Debian package {PACKAGE} (31 MB, no root needed) ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="flambeau-apt-") as scratch:
        unpacked = download_package(Path(scratch))
        folder.mkdir(parents=True, exist_ok=True)
        check(unpacked)
        for name in FILES:
            part = folder / (name + ".part")
            shutil.copyfile(unpacked / name, part)
            part.rename(folder / name)
    return folder


def download_package(scratch: Path) -> Path:
    """Downloads and unpacks the package below `scratch`, with package lists of its own there."""
    for sub in ("state/lists/partial", "cache/archives/partial", "package"):
        (scratch / sub).mkdir(parents=True)
    options = {
        "Dir::State": scratch / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": scratch / "cache",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",  # do not change to the user _apt, who may not write here
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
    }
    apt = ["apt-get", "-q"] + [f"-o{key}={value}" for key, value in options.items()]
    # A source of the system that does not answer is no reason to stop: the download decides.
    run([*apt, "update"], cwd=scratch, check=False)
    run([*apt, "download", PACKAGE], cwd=scratch / "package")
    packages = list((scratch / "package").glob("*.deb"))
    if len(packages) != 1:
        raise Unavailable(f"apt-get download {PACKAGE} left {len(packages)} packages")
    run(["dpkg", "-x", str(packages[0]), "unpacked"], cwd=scratch)
    return scratch / "unpacked" / INSTALLED.relative_to("/")


def run(command: list[str], cwd: Path, check: bool = True) -> None:
    """Runs a command quietly; raises `Unavailable` with its last lines if it fails."""
    shown = " ".join(part for part in command if not part.startswith("-o"))
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"`{shown}` was not done after ten minutes") from None
    if check and done.returncode != 0:
        last = " / ".join(done.stdout.strip().splitlines()[-2:])
        raise Unavailable(f"`{shown}` failed ({last})")


def check(folder: Path) -> None:
    """Raises `Unavailable` when a file is missing or is not the one that was published."""
    for name, expected in SHA256.items():
        path = folder / f"{name}.gz"
        if not path.exists():
            raise Unavailable(f"{path} is missing")
        try:
            content = gzip.decompress(path.read_bytes())
        except (OSError, EOFError) as error:
            raise Unavailable(f"{path} is damaged ({error}); remove it and try again") from None
        if hashlib.sha256(content).hexdigest() != expected:
            raise Unavailable(f"{path} is damaged (its SHA-256 differs); remove it and try again")


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file of bytes: magic 0x0000, type 0x08, rank, big-endian sizes, data."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", count=rank, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()


def load_digits() -> Pictures:
    """The 1,797 handwritten digits, 8x8 pixels, that scikit-learn carries; 1,500 to train on."""
    try:
        from sklearn import datasets
    except ImportError:
        sys.exit("The digits need scikit-learn: pip install scikit-learn")
    print("Using the 1,797 digits of scikit-learn instead.")
    digits = datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x = (digits.images[order] * (255 / 16)).round().astype(np.uint8)[:, None]
    y = digits.target[order].astype(np.int64)
    names = [str(i) for i in range(10)]
    return Pictures("digits", names, x[:1500], y[:1500], x[1500:], y[1500:])


if __name__ == "__main__":
    try:
        print(f"Fashion-MNIST is in {fetch(default_folder())}")
    except Unavailable as reason:
        sys.exit(f"Fashion-MNIST cannot be had here: {reason}")
