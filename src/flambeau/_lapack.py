"""Where LAPACK lies: in the OpenBLAS of the package scipy-openblas32, opened on first use."""

from __future__ import annotations

import os
import sys


def library_path() -> str:
    """The path of the library. Raises ImportError when the package is not installed.

    The package is looked up but not imported: importing it would open the library a second way.
    """
    name = "libscipy_openblas" + (".dylib" if sys.platform == "darwin" else ".so")
    for folder in sys.path:
        path = os.path.join(folder or ".", "scipy_openblas32", "lib", name)
        if os.path.isfile(path):
            return os.path.abspath(path)
    raise ImportError(
        "linalg: LAPACK comes with the package scipy-openblas32, which is not "
        "installed; run: pip install scipy-openblas32"
    )
