"""Finding the operation that produced a NaN gradient."""

from __future__ import annotations

from flambeau import _C


class set_detect_anomaly:
    """Sets the mode at once; as a context manager puts it back.

    While it is on, a node that returns NaN during backward raises RuntimeError with the line of
    the forward call; with ``check_nan=False`` only errors inside backward are located.
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self._before = (_C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled())
        _C._set_anomaly(bool(mode), bool(check_nan))

    def __enter__(self):
        return None

    def __exit__(self, *error):
        _C._set_anomaly(*self._before)


class detect_anomaly(set_detect_anomaly):
    """The context manager form, on from its start."""

    def __init__(self, check_nan: bool = True):
        super().__init__(True, check_nan)
