"""Switches of other libraries that programs set; the CPU build accepts and ignores them."""


class _Flags:
    """Attributes that may be set; asking whether the library is there says no."""

    def __init__(self, **defaults):
        self.__dict__.update(defaults)

    def is_available(self) -> bool:
        return False

    def is_built(self) -> bool:
        return False


cudnn = _Flags(enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
cuda = _Flags(matmul=_Flags(allow_tf32=False))
mps = _Flags()
mkl = _Flags()
mkldnn = _Flags()
openmp = _Flags()
