"""MNIST from four gzipped IDX files, those of Fashion-MNIST as well; the folder comes from the
environment variable MNIST_FOLDER. MNIST_LIMIT takes only the first images."""

import gzip
import os
import pathlib

import numpy as np


def _read(path) -> np.ndarray:
    data = gzip.decompress(path.read_bytes())
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


class MNIST:
    def __init__(self, root, train=True, download=False, transform=None):
        folder = pathlib.Path(os.environ["MNIST_FOLDER"])
        kind = "train" if train else "t10k"
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
