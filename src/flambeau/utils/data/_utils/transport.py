"""Batches from one process to another.

The structure of a batch is pickled; the elements of its tensors travel beside it, in the same
message where they are few, else in a nameless memory file whose descriptor is handed over. Such a
file is gone when both processes have closed it, however they end.
"""

from __future__ import annotations

import io
import os
import pickle

import flambeau

from flambeau import _C

# From this many bytes on a memory file costs less than copying through the socket.
_FILE_FROM = 1 << 18


class _Pickler(pickle.Pickler):
    """Takes the elements of tensors out of the pickle."""

    def __init__(self, file) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.chunks: list = []

    def reducer_override(self, obj):
        if not isinstance(obj, flambeau.Tensor):
            return NotImplemented
        if obj.requires_grad and not obj.is_leaf:
            raise RuntimeError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since "
                "autograd does not support crossing process boundaries.  If you just want to "
                "transfer the data, call detach() on the tensor before serializing (e.g., "
                "putting it on the queue)."
            )
        cls = None if type(obj) is flambeau.Tensor else type(obj)
        tensor = obj.detach()
        first, span = _span(tensor)
        if span > 2 * tensor.numel():
            tensor = tensor.contiguous()
            first, span = _span(tensor)
        size = tensor.element_size()
        data = _C._storage_buffer(tensor.untyped_storage())[first * size : (first + span) * size]
        self.chunks.append((data, tensor))
        number = len(self.chunks) - 1
        args = (number, tensor.dtype, tuple(tensor.shape), tensor.stride(), obj.requires_grad, cls)
        return _rebuild, args


def _span(tensor) -> tuple[int, int]:
    """Where in its storage the tensor starts, and over how many elements it reaches."""
    if tensor.numel() == 0:
        return 0, 0
    steps = zip(tensor.shape, tensor.stride())
    return tensor.storage_offset(), 1 + sum((n - 1) * s for n, s in steps)


class _Unpickler(pickle.Unpickler):
    """Gives tensors their elements back."""

    def __init__(self, file, storages: list) -> None:
        super().__init__(file)

        def rebuild(number, dtype, shape, stride, requires_grad, cls):
            tensor = flambeau.empty(0, dtype=dtype).set_(storages[number], 0, shape, stride)
            if cls is not None:
                return cls(tensor, requires_grad)
            return tensor.requires_grad_(requires_grad)

        # Not a method: the memo would then hold this object, and with it the batch, in a cycle.
        self.rebuild = rebuild

    def find_class(self, module, name):
        if module == __name__ and name == "_rebuild":
            return self.rebuild
        return super().find_class(module, name)


def _rebuild(*args):
    raise RuntimeError("a batch can only be read by the process that it was sent to")


def _write(descriptor: int, data) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read(descriptor: int, target) -> None:
    while target:
        count = os.readv(descriptor, [target])
        if count == 0:
            raise EOFError("a memory file is shorter than announced")
        target = target[count:]


def send(connection, obj) -> None:
    """Send ``obj`` through a Unix socket connection of ``multiprocessing``."""
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    pickler.dump(obj)
    chunks = [data for data, _ in pickler.chunks]
    sizes = [data.nbytes for data in chunks]
    as_file = sum(sizes) >= _FILE_FROM and hasattr(os, "memfd_create")
    header = pickle.dumps((stream.getvalue(), sizes, as_file), pickle.HIGHEST_PROTOCOL)
    if not as_file:
        connection.send_bytes(header)
        if any(sizes):
            connection.send_bytes(b"".join(chunks))
        return
    from multiprocessing.reduction import send_handle

    descriptor = os.memfd_create("flambeau-batch")
    try:
        for data in chunks:
            _write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        connection.send_bytes(header)
        send_handle(connection, descriptor, None)
    finally:
        os.close(descriptor)


def receive(connection):
    """Receive what ``send`` sent. Raises EOFError or OSError where the other side is gone."""
    payload, sizes, as_file = pickle.loads(connection.recv_bytes())
    storages = [flambeau.empty(size, dtype=flambeau.uint8).untyped_storage() for size in sizes]
    targets = [_C._storage_buffer(storage) for storage in storages]
    if as_file:
        from multiprocessing.reduction import recv_handle

        descriptor = recv_handle(connection)
        try:
            for target in targets:
                _read(descriptor, target)
        finally:
            os.close(descriptor)
    elif any(sizes):
        data, begin = memoryview(connection.recv_bytes()), 0
        for target, size in zip(targets, sizes):
            target[:] = data[begin : begin + size]
            begin += size
    return _Unpickler(io.BytesIO(payload), storages).load()
