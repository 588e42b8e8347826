"""``save``, ``load``, and how the ``pickle`` module sees a tensor.

The work is done in ``flambeau.serialization``, which is imported at the first call.
"""

from __future__ import annotations

DEFAULT_PROTOCOL = 2


def save(
    obj,
    f,
    pickle_module=None,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write an object to a file in PyTorch's zip format, which PyTorch reads as well.

    ``f`` is a path or an open binary file. Tensors that share a storage share it again after
    ``load``. With a ``pickle_module`` other than ``pickle`` the file can only be read with that
    module and flambeau.
    """
    from .serialization._save import save as write

    if not _use_new_zipfile_serialization:
        raise NotImplementedError(
            "save: the format from before PyTorch 1.6 can be read but not written; leave out "
            "_use_new_zipfile_serialization=False"
        )
    write(obj, f, pickle_module, pickle_protocol, not _disable_byteorder_record)


def load(
    f,
    map_location=None,
    pickle_module=None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args,
):
    """Read a file that ``save``, here or in PyTorch, has written.

    ``weights_only=True`` (the default) builds tensors, plain containers, numbers and strings, and
    what ``serialization.add_safe_globals`` allows; anything else raises
    ``pickle.UnpicklingError``. ``weights_only=False`` can run any code that the file contains.

    ``map_location``: a device or its name, a dict from names to names, or a function of a storage
    and its device's name. ``mmap=True`` (paths only) leaves the elements in the file until they
    are used; changes do not reach it. A damaged file raises ``RuntimeError``.
    """
    from .serialization._load import load as read

    return read(f, map_location, pickle_module, weights_only, bool(mmap), pickle_load_args)


def reduce_tensor(tensor, protocol=None):
    """``Tensor.__reduce_ex__``: the elements that the tensor reaches, and how they are laid out.

    Unlike ``save`` this does not keep storages shared between tensors.
    """
    from .serialization._rebuild import reduce_tensor as reduce

    return reduce(tensor)
