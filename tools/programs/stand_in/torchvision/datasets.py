"""MNIST from four gzipped IDX files, those of Fashion-MNIST as well.

They lie in the folder that the environment variable MNIST_FOLDER names, else where the demo puts
its pictures. MNIST_LIMIT takes only the first so many images.
"""

import gzip
import os
import pathlib

import numpy as np

DEMO_FOLDER = pathlib.Path(__file__).resolve().parents[4] / "data" / "fashion_mnist"


def _read(path) -> np.ndarray:
    data = gzip.decompress(path.read_bytes())
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


class MNIST:
    def __init__(self, root, train=True, download=False, transform=None):
        folder = pathlib.Path(os.environ.get("MNIST_FOLDER", DEMO_FOLDER))
        kind = "train" if train else "t10k"
        if not (folder / f"{kind}-images-idx3-ubyte.gz").exists():
            raise RuntimeError(
                f"MNIST: {folder} has no pictures; `python examples/fashion_mnist/data.py` fetches "
                "those of Fashion-MNIST, MNIST_FOLDER names another folder"
            )
        limit = int(os.environ.get("MNIST_LIMIT", 0)) or None
        self.images = _read(folder / f"{kind}-images-idx3-ubyte.gz")[:limit]
        self.labels = _read(folder / f"{kind}-labels-idx1-ubyte.gz")[:limit]
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i]
        return (self.transform(image) if self.transform else image), int(self.labels[i])


FashionMNIST = MNIST
