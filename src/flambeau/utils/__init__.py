"""Data loading, checkpointing of activations, hooks. Each part is imported when first used."""

_SUBMODULES = ("checkpoint", "data", "hooks", "tensorboard")


def __getattr__(name):
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted((*globals(), *_SUBMODULES))
