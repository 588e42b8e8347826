"""Memory shared with NumPy and DLPack, both ways."""

import gc
import sys
import weakref

import numpy as np
import pytest

import flambeau as torch

NUMPY = {
    torch.uint8: np.uint8,
    torch.int8: np.int8,
    torch.int16: np.int16,
    torch.int32: np.int32,
    torch.int64: np.int64,
    torch.float16: np.float16,
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.complex64: np.complex64,
    torch.complex128: np.complex128,
    torch.bool: np.bool_,
}
every_dtype = pytest.mark.parametrize(("dtype", "numpy_type"), NUMPY.items(), ids=lambda v: str(v))
SHAPES = [(), (0,), (1,), (3,), (2, 3), (2, 0, 3), (2, 3, 4)]


def sample(shape, numpy_type):
    n = int(np.prod(shape))
    values = np.arange(n) % 2 if numpy_type is np.bool_ else np.arange(n)
    return values.astype(numpy_type).reshape(shape)


# ---- from NumPy ------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_from_numpy(dtype, numpy_type, shape):
    a = sample(shape, numpy_type)
    t = torch.from_numpy(a)
    assert t.dtype is dtype
    assert type(t.shape) is torch.Size
    assert t.shape == shape
    assert t.tolist() == a.tolist()
    if a.size:
        a[...] = 1
        assert t.tolist() == a.tolist()


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[:, ::2],
        lambda a: a[1:, 1:],
        lambda a: a[:, None, :],
        lambda a: a.reshape(2, 2, 6).transpose(2, 0, 1),
        lambda a: np.asfortranarray(a),
        lambda a: a[:1][::-1],
        lambda a: np.lib.stride_tricks.as_strided(a, (3, 4), (0, 8)),
        lambda a: a[2:2, ::-1],
    ],
)
def test_from_numpy_strided(view):
    a = view(np.arange(24.0).reshape(4, 6))
    t = torch.from_numpy(a)
    assert t.tolist() == a.tolist()
    back = t.numpy()
    assert np.array_equal(back, a)
    if a.size:
        assert np.shares_memory(back, a)
    assert torch.tensor(a).tolist() == a.tolist()


def test_from_numpy_keeps_the_array():
    class Array(np.ndarray):
        pass

    a = np.arange(5.0).view(Array)
    alive = weakref.ref(a)
    t = torch.from_numpy(a)
    del a
    gc.collect()
    assert alive() is not None
    assert t.tolist() == [0, 1, 2, 3, 4]
    del t
    gc.collect()
    assert alive() is None


def test_from_numpy_reference_counts():
    a = np.arange(5.0)
    before = sys.getrefcount(a)
    for _ in range(100):
        torch.from_numpy(a)
        torch.as_tensor(a)
        torch.tensor(a)
        with pytest.raises(ValueError):
            torch.from_numpy(a[::-1])
    assert sys.getrefcount(a) == before


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        ([1], TypeError, r"expected np.ndarray \(got list\)"),
        (np.float32(3), TypeError, r"expected np.ndarray \(got numpy.float32\)"),
        (np.ones(3)[::-1], ValueError, "At least one stride in the given numpy array is negative"),
        (np.ones(3, ">f4"), ValueError, "byte order different from the native"),
        (np.ones(3, ">i8"), ValueError, "byte order different from the native"),
        (np.array([None]), TypeError, "can't convert np.ndarray of type numpy.object_"),
        (np.array(["a"]), TypeError, "can't convert np.ndarray of type numpy.str_"),
        (np.array([b"a"]), TypeError, "can't convert np.ndarray of type numpy.bytes_"),
        (np.zeros(2, "M8[s]"), TypeError, "can't convert np.ndarray of type numpy.datetime64"),
        (np.zeros(2, "m8[s]"), TypeError, "can't convert np.ndarray of type numpy.timedelta64"),
        (
            np.zeros(2, np.longdouble),
            TypeError,
            "can't convert np.ndarray of type numpy.longdouble",
        ),
        (
            np.zeros(2, np.clongdouble),
            TypeError,
            "can't convert np.ndarray of type numpy.clongdouble",
        ),
        (np.zeros(2, "f4,i4"), TypeError, "can't convert np.ndarray of type numpy.void"),
        (np.zeros(2, np.uint16), TypeError, "astype"),
        (np.zeros(2, np.uint32), TypeError, "astype"),
        (np.zeros(2, np.uint64), TypeError, "astype"),
        (np.zeros(3, [("a", "f4"), ("b", "i1")])["a"], ValueError, "not a multiple of the element"),
        (np.zeros(9, np.uint8)[1:].view(np.float32), ValueError, "not aligned"),
    ],
)
def test_from_numpy_refuses(array, error, message):
    with pytest.raises(error, match=message):
        torch.from_numpy(array)


def test_copies_of_awkward_arrays():
    record = np.zeros(3, [("a", "f4"), ("b", "i1")])
    record["a"] = [1, 2, 3]
    assert torch.tensor(record["a"]).tolist() == [1, 2, 3]
    assert torch.as_tensor(record["a"]).tolist() == [1, 2, 3]
    misaligned = np.frombuffer(b"x" + np.arange(2, dtype=np.float32).tobytes(), np.uint8)[1:].view(
        "f4"
    )
    assert torch.tensor(misaligned).tolist() == [0, 1]
    assert torch.as_tensor(misaligned).tolist() == [0, 1]
    odd = np.array([0, 1, 2, 255], np.uint8).view(np.bool_)
    assert torch.tensor(odd).numpy().view(np.uint8).tolist() == [0, 1, 1, 1]


def test_read_only_arrays():
    a = np.arange(3.0)
    a.flags.writeable = False
    for share in (torch.from_numpy, torch.as_tensor, torch.asarray):
        with pytest.warns(UserWarning, match="NumPy array is not writable"):
            assert share(a).tolist() == [0, 1, 2]
    assert torch.tensor(a).tolist() == [0, 1, 2]


# ---- to NumPy --------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_to_numpy(dtype, numpy_type, shape):
    expected = sample(shape, numpy_type)
    t = torch.tensor(expected)
    a = t.numpy()
    assert type(a) is np.ndarray
    assert a.dtype == numpy_type
    assert a.shape == shape
    assert np.array_equal(a, expected)
    assert a.flags.writeable
    if a.size:
        a[...] = 1
        assert t.tolist() == a.tolist()
        assert np.shares_memory(t.numpy(), a)


def test_to_numpy_strided():
    t = torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.int32)
    transposed = t.as_strided((3, 2), (1, 3), 0).numpy()
    assert transposed.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert transposed.strides == (4, 12)
    part = t.as_strided((2,), (2,), 3).numpy()
    assert part.tolist() == [4, 6]
    part[0] = 9
    assert t.tolist() == [[1, 2, 3], [9, 5, 6]]
    assert t.as_strided((2, 2), (0, 1), 0).numpy().tolist() == [[1, 2], [1, 2]]


def test_array_keeps_the_memory():
    t = torch.tensor(np.arange(1000.0))
    a = t.numpy()
    del t
    gc.collect()
    others = [torch.tensor(np.zeros(1000)) for _ in range(10)]
    assert np.array_equal(a, np.arange(1000.0))
    del others


def test_numpy_refusals():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    message = (
        r"Can't call numpy\(\) on Tensor that requires grad. "
        r"Use tensor.detach\(\).numpy\(\) instead."
    )
    for call in (x.numpy, x.__array__, lambda: np.asarray(x)):
        with pytest.raises(RuntimeError, match=message):
            call()
    assert x.numpy(force=True).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="Got unsupported ScalarType BFloat16"):
        torch.tensor([1.0], dtype=torch.bfloat16).numpy()
    with pytest.raises(TypeError, match="can't convert meta device type tensor to numpy"):
        torch.tensor([1.0], device="meta").numpy()
    with pytest.raises(TypeError):
        x.numpy(True)
    with pytest.raises(TypeError):
        x.numpy(forced=True)


def test_array_protocol():
    t = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert np.shares_memory(np.asarray(t, dtype=np.float32), t.numpy())
    assert not np.shares_memory(np.array(t), t.numpy())
    assert np.asarray(t, dtype=np.int16).dtype == np.int16
    assert t.__array__(np.float64).dtype == np.float64
    assert np.shares_memory(t.__array__(copy=False), t.numpy())
    assert not np.shares_memory(t.__array__(copy=True), t.numpy())
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        t.__array__(np.float64, copy=False)
    assert np.mean(t) == 2.5


def test_round_trip_is_free_of_leaks():
    t = torch.tensor([1.0, 2.0])
    for _ in range(1000):
        a = torch.from_numpy(t.numpy()).numpy()
    assert np.shares_memory(a, t.numpy())


# ---- DLPack ----------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dlpack_to_numpy(dtype, numpy_type, shape):
    expected = sample(shape, numpy_type)
    t = torch.tensor(expected)
    a = np.from_dlpack(t)
    assert a.dtype == numpy_type
    assert a.shape == shape
    assert np.array_equal(a, expected)
    if a.size:
        assert np.shares_memory(a, t.numpy())


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dlpack_from_numpy(dtype, numpy_type, shape):
    a = sample(shape, numpy_type)
    t = torch.from_dlpack(a)
    assert t.dtype is dtype
    assert t.shape == shape
    assert t.tolist() == a.tolist()
    if a.size:
        assert np.shares_memory(t.numpy(), a)


def test_dlpack_between_tensors():
    t = torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.bfloat16)
    view = t.as_strided((2, 2), (3, 2), 0)
    for max_version in (None, (0, 8), (1, 0)):
        copy = torch.from_dlpack(view.__dlpack__(max_version=max_version))
        assert copy.dtype is torch.bfloat16
        assert copy.tolist() == [[1, 3], [4, 6]]
    assert torch.asarray(view.__dlpack__()).tolist() == [[1, 3], [4, 6]]


def test_dlpack_lifetimes():
    a = np.arange(1000.0)
    before = sys.getrefcount(a)
    t = torch.from_dlpack(a)
    assert sys.getrefcount(a) > before
    del t
    gc.collect()
    assert sys.getrefcount(a) == before

    t = torch.tensor(a)
    b = np.from_dlpack(t)
    del t
    gc.collect()
    torch.tensor(np.zeros(1000))
    assert np.array_equal(b, a)

    unused = torch.tensor(a).__dlpack__()
    del unused  # frees the export that no one took


def test_dlpack_capsule_is_used_once():
    for max_version in (None, (1, 0)):
        capsule = torch.tensor([1.0]).__dlpack__(max_version=max_version)
        t = torch.from_dlpack(capsule)
        with pytest.raises(RuntimeError, match="consumed only once"):
            torch.from_dlpack(capsule)
        del capsule
        assert t.tolist() == [1.0]


def test_dlpack_copy():
    t = torch.tensor([1.0, 2.0])
    copied = torch.from_dlpack(t.__dlpack__(copy=True, max_version=(1, 0), dl_device=(1, 0)))
    assert not np.shares_memory(copied.numpy(), t.numpy())
    assert not np.shares_memory(torch.from_dlpack(t, copy=True).numpy(), t.numpy())
    assert np.shares_memory(torch.from_dlpack(t, device="cpu", copy=False).numpy(), t.numpy())


def test_dlpack_refusals():
    x = torch.tensor([1.0], requires_grad=True)
    with pytest.raises(BufferError, match="Can't export tensors that require gradient"):
        x.__dlpack__()
    t = torch.tensor([1.0])
    assert t.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="dl_device"):
        t.__dlpack__(dl_device=(2, 0))
    with pytest.raises(ValueError, match="stream should be None"):
        t.__dlpack__(stream=3)
    with pytest.raises(ValueError, match="pair"):
        t.__dlpack__(max_version=(1,))
    meta = torch.tensor([1.0], device="meta")
    with pytest.raises(BufferError, match="meta"):
        meta.__dlpack__()
    with pytest.raises(ValueError, match="meta"):
        meta.__dlpack_device__()
    with pytest.raises(TypeError, match="__dlpack__"):
        torch.from_dlpack(3)
    with pytest.raises(ValueError, match="negative strides"):
        torch.from_dlpack(np.ones(3)[::-1])
    with pytest.raises(TypeError, match="no dtype for DLPack"):
        torch.from_dlpack(np.ones(3, np.uint16))
    with pytest.raises(RuntimeError):
        torch.from_dlpack(t, device="cuda")


def test_dlpack_other_devices_and_old_exporters():
    class Elsewhere:
        def __dlpack_device__(self):
            return (2, 0)

        def __dlpack__(self, **kwargs):
            raise AssertionError("not asked")

    with pytest.raises(ValueError, match="DLPack device type 2"):
        torch.from_dlpack(Elsewhere())

    class Old:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self):
            return self.array.__dlpack__()

    a = np.arange(3.0)
    t = torch.from_dlpack(Old(a))
    assert np.shares_memory(t.numpy(), a)

    class Wrong:
        def __dlpack__(self, **kwargs):
            return 5

    with pytest.raises(RuntimeError, match="invalid capsule"):
        torch.from_dlpack(Wrong())


def test_dlpack_read_only():
    a = np.arange(3.0)
    a.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        assert torch.from_dlpack(a).tolist() == [0, 1, 2]
