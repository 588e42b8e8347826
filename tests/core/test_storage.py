"""Storages: bytes behind tensors, set_, buffers that keep memory in place, shared memory."""

import copy
import gc
import mmap
import os
import pickle

import numpy as np
import pytest

import flambeau as fb
from flambeau import _C


def test_views_share_one_storage():
    x = fb.arange(12.0).reshape(3, 4)
    s = x.untyped_storage()
    assert s.nbytes() == s.size() == len(s) == 48
    assert s.data_ptr() == x.data_ptr()
    assert s == x[1].untyped_storage() and s != x.clone().untyped_storage()
    assert hash(s) == hash(x.untyped_storage())
    assert s.dtype == fb.uint8 and s.device == fb.device("cpu")


def test_bytes_can_be_read_and_written():
    s = fb.UntypedStorage([1, 2, 3])
    assert s.tolist() == [1, 2, 3] and s[-1] == 3
    s[0] = 9
    s[1:] = 4
    assert s.tolist() == [9, 4, 4] and s[:2].tolist() == [9, 4]
    assert s.clone().fill_(7).tolist() == [7, 7, 7] and s[0] == 9
    for bad in (lambda: s[3], lambda: s.__setitem__(5, 0)):
        with pytest.raises(IndexError):
            bad()
    with pytest.raises(RuntimeError, match="255"):
        s[0] = 256
    with pytest.raises(RuntimeError, match="negative"):
        fb.UntypedStorage(-1)
    big = fb.UntypedStorage.from_buffer(b"\0\1\2\3", dtype=fb.int16, byte_order="big")
    assert big.tolist() == [1, 0, 3, 2]
    with pytest.raises(ValueError, match="offset"):
        fb.UntypedStorage.from_buffer(b"abc", offset=4)


def test_set_takes_a_window():
    s = fb.arange(12.0).untyped_storage()
    y = fb.empty(0).set_(s, 1, (2, 2), (2, 1))
    assert y.tolist() == [[1, 2], [3, 4]] and y.storage_offset() == 1
    assert fb.empty(0).set_(s).shape == (12,)
    assert fb.empty(0).set_(y).data_ptr() == y.data_ptr()
    assert fb.ones(2).set_().shape == (0,)
    assert fb.empty(0).set_(y.storage(), 2, (3,)).tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    "args, error",
    [
        ((-1, (1,), (1,)), RuntimeError),
        ((0, (2,), (-1,)), RuntimeError),
        ((0, (2,), (1, 1)), RuntimeError),
        ((1 << 62, (2,), (1,)), RuntimeError),
        ((0, (1 << 40, 1 << 40), (1, 1)), RuntimeError),
        ((0, (-2,), (1,)), RuntimeError),
        ((0, 3), TypeError),
    ],
)
def test_set_refuses(args, error):
    with pytest.raises(error):
        fb.empty(0).set_(fb.zeros(4).untyped_storage(), *args)


def test_set_does_not_reach_outside_memory_of_others():
    array = np.zeros(4, np.float32)
    storage = fb.from_numpy(array).untyped_storage()
    with pytest.raises(RuntimeError, match="out of bounds"):
        fb.empty(0).set_(storage, 0, (5,), (1,))
    with pytest.raises(RuntimeError, match="type"):
        fb.empty(0).set_(fb.zeros(3, dtype=fb.int32))
    with pytest.raises(RuntimeError, match="requires grad"):
        fb.zeros(3, requires_grad=True).set_(fb.zeros(3))
    with pytest.raises(TypeError, match="source"):
        fb.empty(0).set_("a")


def test_memory_stays_while_a_view_of_it_is_open():
    x = fb.zeros(4)
    view = _C._storage_buffer(x.untyped_storage())
    view[:4] = np.float32(2).tobytes()
    assert x[0] == 2
    for grow in (lambda: x.resize_(100), lambda: x.untyped_storage().resize_(999)):
        with pytest.raises(RuntimeError, match="memoryview"):
            grow()
    view.release()
    assert x.resize_(100).shape == (100,) and x[0] == 2


def test_a_storage_over_a_buffer_keeps_it_open():
    block = mmap.mmap(-1, 4096)
    t = fb.empty(0).set_(_C._storage_from_buffer(block, 64, 16), 0, (4,), (1,)).fill_(1)
    assert np.frombuffer(block[64:80], np.float32).tolist() == [1, 1, 1, 1]
    with pytest.raises(BufferError):
        block.close()
    del t
    gc.collect()
    block.close()
    for begin, size in ((-1, 2), (0, 5), (5, 0), (3, 2)):
        with pytest.raises(ValueError, match="buffer"):
            _C._storage_from_buffer(bytearray(4), begin, size)
    with pytest.raises(BufferError):
        _C._storage_from_buffer(b"abcd", 0, 4)


def test_copies_share_what_the_originals_share():
    a = fb.ones(3)
    first, second = copy.deepcopy([a, a[1:]])
    first[1] = 5
    assert second.tolist() == [5, 1] and a.tolist() == [1, 1, 1]
    s = pickle.loads(pickle.dumps(fb.UntypedStorage([1, 2])))
    assert s.tolist() == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_shared_memory_is_seen_by_children():
    a = fb.ones(3)
    assert not a.is_shared()
    assert a.share_memory_() is a and a.is_shared()
    child = os.fork()
    if child == 0:
        a[0] = 7
        os._exit(0)
    os.waitpid(child, 0)
    assert a.tolist() == [7, 1, 1]
    with pytest.raises(RuntimeError, match="resizable"):
        a.resize_(50)
    with pytest.raises(RuntimeError, match="other libraries"):
        fb.from_numpy(np.zeros(3)).share_memory_()


def test_typed_storage():
    s = fb.arange(3.0).storage()
    assert len(s) == 3 and s[1] == 1 and s.tolist() == [0, 1, 2] and s.dtype == fb.float32
    s[0] = 5
    assert list(s) == [5, 1, 2] and s.int().tolist() == [5, 1, 2]
    assert fb.FloatStorage([1, 2]).tolist() == [1, 2]
    assert "size 3" in repr(s)
    with pytest.raises(AttributeError):
        _ = fb.PlainStorage


def test_meta_storages_have_no_bytes():
    s = fb.empty(3, device="meta").untyped_storage()
    assert s.nbytes() == 12
    for read in (lambda: s[0], s.tolist, lambda: s.fill_(0)):
        with pytest.raises(RuntimeError, match="meta"):
            read()
    with pytest.raises(BufferError):
        _C._storage_buffer(s)
