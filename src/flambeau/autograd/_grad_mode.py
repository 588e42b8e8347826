"""Switching recording on and off: context managers that are decorators too."""

from __future__ import annotations

from flambeau import _C

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

is_grad_enabled = _C.is_grad_enabled


def _decorate(make_context, function):
    """Wraps a function, a generator function or a class so that it runs inside the context."""
    import functools  # here, not above: it would double the time of `import flambeau`

    code = getattr(function, "__code__", None)
    if code is not None and code.co_flags & 0x20:  # a generator: the mode holds only while it runs

        @functools.wraps(function)
        def generator(*args, **kwargs):
            inner = function(*args, **kwargs)
            value, error = None, None
            while True:
                try:
                    with make_context():
                        item = inner.throw(error) if error is not None else inner.send(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    value, error = (yield item), None
                except GeneratorExit:
                    inner.close()
                    raise
                except BaseException as raised:
                    value, error = None, raised

        return generator

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with make_context():
            return function(*args, **kwargs)

    return wrapper


class _Mode:
    """A context manager over ``_C._set_grad_enabled``; instances may be entered repeatedly."""

    __slots__ = ("_before",)
    _enabled = False

    def __new__(cls, function=None):
        # `@no_grad` without parentheses decorates at once.
        if function is not None and cls is not set_grad_enabled:
            return cls()(function)
        return object.__new__(cls)

    def __init__(self, function=None):
        self._before = []

    def __enter__(self):
        self._before.append(_C._set_grad_enabled(self._enabled))
        return None

    def __exit__(self, *error):
        _C._set_grad_enabled(self._before.pop())

    def __call__(self, function):
        return _decorate(type(self), function)

    def clone(self):
        return type(self)()


class no_grad(_Mode):
    """Operations inside are not recorded. A context manager and a decorator."""

    __slots__ = ()


class enable_grad(_Mode):
    """Operations inside are recorded, also within ``no_grad``."""

    __slots__ = ()
    _enabled = True


class set_grad_enabled(_Mode):
    """Sets recording on or off at once; as a context manager puts it back at the end."""

    __slots__ = ("_mode",)

    def __new__(cls, mode):
        return object.__new__(cls)

    def __init__(self, mode: bool):
        self._mode = bool(mode)
        self._before = [_C._set_grad_enabled(self._mode)]

    def __enter__(self):
        if not self._before:
            self._before.append(_C._set_grad_enabled(self._mode))

    def __call__(self, function):
        _C._set_grad_enabled(self._before.pop())
        mode = self._mode
        return _decorate(lambda: set_grad_enabled(mode), function)

    def clone(self):
        return set_grad_enabled(self._mode)


class inference_mode(_Mode):
    """Like ``no_grad``; also says that results will never take part in recording.

    ``inference_mode(False)`` records again inside an outer ``inference_mode``.
    """

    __slots__ = ("_mode",)

    def __new__(cls, mode=True):
        if not isinstance(mode, bool):
            return cls()(mode)
        return object.__new__(cls)

    def __init__(self, mode: bool = True):
        self._mode = mode
        self._before = []

    def __enter__(self):
        self._before.append((_C._set_grad_enabled(not self._mode), _C._set_inference(self._mode)))

    def __exit__(self, *error):
        grad, inference = self._before.pop()
        _C._set_grad_enabled(grad)
        _C._set_inference(inference)

    def __call__(self, function):
        mode = self._mode
        return _decorate(lambda: inference_mode(mode), function)

    def clone(self):
        return inference_mode(self._mode)


class set_multithreading_enabled(_Mode):
    """Accepted for compatibility: backward always runs in the calling thread."""

    __slots__ = ()

    def __new__(cls, mode):
        return object.__new__(cls)

    def __init__(self, mode: bool):
        self._before = []

    def __enter__(self):
        return None

    def __exit__(self, *error):
        return None
