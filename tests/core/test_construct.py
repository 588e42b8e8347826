"""tensor(), as_tensor(), asarray(), frombuffer(), item(), tolist() and the number protocol."""

import array
import gc
import math
import sys
import warnings
from collections import deque

import numpy as np
import pytest

import flambeau as torch

DTYPES = [
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.complex128, torch.bool,
]  # fmt: skip


class HasFloat:
    def __float__(self):
        return 1.5


class HasIndex:
    def __index__(self):
        return 7


class Sequence:
    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


# ---- inference -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        (1, torch.int64, 1),
        (1.5, torch.float32, 1.5),
        (True, torch.bool, True),
        (2j, torch.complex64, 2j),
        (-(2**63), torch.int64, -(2**63)),
        ([], torch.float32, []),
        ([[], []], torch.float32, [[], []]),
        ([1, 2], torch.int64, [1, 2]),
        ((1, 2.5), torch.float32, [1.0, 2.5]),
        ([True, 2], torch.int64, [1, 2]),
        ([True, 2.0], torch.float32, [1.0, 2.0]),
        ([True, False], torch.bool, [True, False]),
        ([1, 2.0, 3j], torch.complex64, [1, 2, 3j]),
        ([[1, 2], [3, 4.5]], torch.float32, [[1.0, 2.0], [3.0, 4.5]]),
        ([2**63, 1.0], torch.float32, [2.0**63, 1.0]),
        ([(1, 2), [3, 4]], torch.int64, [[1, 2], [3, 4]]),
        (range(3), torch.int64, [0, 1, 2]),
        (deque([1.0, 2.0]), torch.float32, [1.0, 2.0]),
        (array.array("d", [1, 2]), torch.float32, [1.0, 2.0]),
        (memoryview(array.array("i", [1, 2])), torch.int64, [1, 2]),
        (bytearray(b"ab"), torch.int64, [97, 98]),
        (Sequence(1, 2), torch.int64, [1, 2]),
        ([Sequence(1, 2), (3.5, 4)], torch.float32, [[1.0, 2.0], [3.5, 4.0]]),
        (np.float64(1.5), torch.float64, 1.5),
        (np.float32(1.5), torch.float32, 1.5),
        (np.bool_(True), torch.bool, True),
        (np.int8(3), torch.int8, 3),
        (np.complex64(3), torch.complex64, 3),
        ([np.float64(1.5)], torch.float64, [1.5]),
        ([np.float16(1.5)], torch.float16, [1.5]),
        ([np.int32(1)], torch.int32, [1]),
        ([np.int32(1), 2], torch.int64, [1, 2]),
        ([np.float64(1), 2.0], torch.float64, [1.0, 2.0]),
        ([np.bool_(True), np.bool_(False)], torch.bool, [True, False]),
        ([np.ones(2), np.zeros(2)], torch.float64, [[1.0, 1.0], [0.0, 0.0]]),
        ([np.ones(2, np.int32), np.ones(2, np.float32)], torch.float32, [[1.0, 1.0], [1.0, 1.0]]),
        ([np.arange(6).reshape(2, 3).T, [[1, 2], [3, 4], [5, 6]]], torch.int64,
         [[[0, 3], [1, 4], [2, 5]], [[1, 2], [3, 4], [5, 6]]]),
        ([[1, 2], np.array([3, 4])], torch.int64, [[1, 2], [3, 4]]),
        ([np.array(1.0), 2], torch.float64, [1.0, 2.0]),
        ([2, np.array(1.0)], torch.float64, [2.0, 1.0]),
    ],
)  # fmt: skip
def test_inferred(data, dtype, expected):
    t = torch.tensor(data)
    assert t.dtype is dtype
    assert t.tolist() == expected
    assert t.requires_grad is False


def test_tensors_inside_lists():
    t = torch.tensor([torch.tensor(1), torch.tensor([2.5])])
    assert t.dtype is torch.float32
    assert t.tolist() == [1.0, 2.5]
    assert torch.tensor([torch.tensor(1.0, dtype=torch.float64), 2]).dtype is torch.float64
    assert torch.tensor([torch.tensor(2.7)], dtype=torch.int32).tolist() == [2]
    with pytest.raises(
        ValueError, match="only one element tensors can be converted to Python scalars"
    ):
        torch.tensor([torch.tensor([1, 2]), torch.tensor([3, 4])])
    with pytest.raises(NotImplementedError, match="meta"):
        torch.tensor([torch.tensor(1.0, device="meta")])


def test_deep_nesting():
    data = 5
    for _ in range(64):
        data = [data]
    assert torch.tensor(data).shape == (1,) * 64
    with pytest.raises(ValueError, match="too many dimensions"):
        torch.tensor([data])
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="too many dimensions 'list'"):
        torch.tensor(loop)
    deep = [1, None]
    bottom = deep
    for _ in range(100_000):
        bottom[1] = [1, None]
        bottom = bottom[1]
    with pytest.raises((ValueError, RuntimeError)):
        torch.tensor(deep)
    while deep is not None:  # taken apart by hand: freeing it at once would recurse
        deep = deep[1]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1, 2, 3], [1, 2]], ValueError, r"expected sequence of length 3 at dim 1 \(got 2\)"),
        (
            [[[1], [2]], [[1], [2, 3]]],
            ValueError,
            r"expected sequence of length 1 at dim 2 \(got 2\)",
        ),
        ([[], [1]], ValueError, r"expected sequence of length 0 at dim 1 \(got 1\)"),
        ([np.ones(2), np.ones(3)], ValueError, r"expected sequence of length 2 at dim 1 \(got 3\)"),
        ([1, [2]], TypeError, "'list' object cannot be interpreted as an integer"),
        ([1.0, [2]], TypeError, "must be real number, not list"),
        ([True, [True]], TypeError, "'list' object"),
        ([[1], 2], TypeError, "not a sequence"),
        ([1, np.ones(2)], ValueError, "expected a number"),
        ("abc", TypeError, "invalid data type 'str'"),
        (b"abc", TypeError, "invalid data type 'bytes'"),
        (["a"], ValueError, "too many dimensions 'str'"),
        ([1, "a"], TypeError, "invalid data type 'str'"),
        (None, RuntimeError, "Could not infer dtype of NoneType"),
        ([None], RuntimeError, "Could not infer dtype of NoneType"),
        ({}, RuntimeError, "Could not infer dtype of dict"),
        ([{}], RuntimeError, "Could not infer dtype of dict"),
        ({1, 2}, RuntimeError, "Could not infer dtype of set"),
        (object(), RuntimeError, "Could not infer dtype of object"),
        (HasFloat(), RuntimeError, "Could not infer dtype of HasFloat"),
        ([2**63], ValueError, "Overflow when unpacking long"),
        (2**63, ValueError, "Overflow when unpacking long"),
        (-(2**63) - 1, ValueError, "Overflow when unpacking long"),
        ([np.uint16(1)], TypeError, "pass dtype="),
        (np.ones(3, np.uint32), TypeError, "pass dtype="),
        (np.array(["a"]), TypeError, "can't convert np.ndarray of type numpy.str_"),
        (np.array([None]), TypeError, "can't convert np.ndarray of type numpy.object_"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "numpy.datetime64"),
        (np.ones(3, np.longdouble), TypeError, "numpy.longdouble"),
        (np.ones(3, ">f4"), ValueError, "byte order"),
        ([np.ones(3, ">f4")], ValueError, "byte order"),
    ],
)
def test_bad_data(data, error, message):
    with pytest.raises(error, match=message):
        torch.tensor(data)


def test_long_flat_lists():
    n = 100_000
    floats = [i * 0.5 for i in range(n)]
    assert torch.tensor(floats, dtype=torch.float64).tolist() == floats
    assert torch.tensor(floats).dtype is torch.float32
    assert torch.tensor(list(range(n))).tolist() == list(range(n))
    assert torch.tensor(tuple(range(n)), dtype=torch.float64).tolist() == list(range(n))
    mixed = [True] * n + [1.5]
    assert torch.tensor(mixed).tolist() == mixed


def test_list_that_changes_while_read():
    data = []

    class Shrinks:
        def __float__(self):
            data.clear()
            return 1.0

    data.extend([Shrinks(), 2.0, 3.0])
    with pytest.raises(RuntimeError, match="changed its length"):
        torch.tensor(data, dtype=torch.float32)

    class Raises:
        def __float__(self):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        torch.tensor([1.0, Raises()], dtype=torch.float32)


def test_sequence_errors_pass_through():
    class Broken(Sequence):
        def __getitem__(self, i):
            raise LookupError("broken")

    class NoLength(Sequence):
        def __len__(self):
            raise ArithmeticError("no length")

    with pytest.raises(LookupError, match="broken"):
        torch.tensor(Broken(1, 2))
    with pytest.raises(ArithmeticError, match="no length"):
        torch.tensor([NoLength(1)])


# ---- an explicit dtype -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype(dtype):
    t = torch.tensor([[0, 1], [1, 0]], dtype=dtype)
    assert t.dtype is dtype
    assert t.tolist() == [[0, 1], [1, 0]]
    assert torch.tensor(True, dtype=dtype).item() == 1
    assert torch.tensor(1.0, dtype=dtype).item() == 1
    assert torch.tensor([], dtype=dtype).dtype is dtype
    assert torch.tensor(np.eye(2), dtype=dtype).tolist() == [[1, 0], [0, 1]]
    assert torch.tensor(np.eye(2)[::-1], dtype=dtype).tolist() == [[0, 1], [1, 0]]
    assert torch.tensor(np.arange(3, dtype=np.uint16), dtype=dtype).tolist() == (
        [False, True, True] if dtype is torch.bool else [0, 1, 2]
    )


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        (1.5, torch.int64, 1),
        ([-1.5], torch.int8, [-1]),
        ([1.5, 0.0, math.nan], torch.bool, [True, False, True]),
        ([-1], torch.uint8, [255]),
        ([1e300], torch.float32, [math.inf]),
        ([1e6], torch.float16, [math.inf]),
        ([2**63], torch.float64, [2.0**63]),
        ([HasFloat()], torch.float32, [1.5]),
        ([HasIndex()], torch.int32, [7]),
        ([HasIndex()], torch.float32, [7.0]),
        (HasFloat(), torch.float32, 1.5),
        ([np.float32(2.5), np.int64(3), np.bool_(True)], torch.int16, [2, 3, 1]),
        ([np.float32(2.5), np.int64(3)], torch.complex64, [2.5, 3]),
        ([1, 2.5, 3j], torch.complex128, [1, 2.5, 3j]),
        ([np.uint64(5)], torch.int64, [5]),
    ],
)
def test_converted(data, dtype, expected):
    assert torch.tensor(data, dtype=dtype).tolist() == expected


@pytest.mark.parametrize(
    ("data", "dtype", "error", "message"),
    [
        (
            [300],
            torch.uint8,
            RuntimeError,
            "value cannot be converted to type uint8 without overflow",
        ),
        ([-300], torch.uint8, RuntimeError, "without overflow"),
        ([128], torch.int8, RuntimeError, "without overflow"),
        ([2**40], torch.int32, RuntimeError, "int32 without overflow"),
        ([1e300], torch.int64, RuntimeError, "int64 without overflow"),
        ([math.nan], torch.int64, RuntimeError, "without overflow"),
        ([math.inf], torch.int8, RuntimeError, "without overflow"),
        ([2**64], torch.int64, ValueError, "Overflow when unpacking long"),
        ([10**400], torch.float32, OverflowError, "int too large"),
        ([1j], torch.float32, TypeError, "must be real number, not complex"),
        ([np.complex64(1j)], torch.float32, TypeError, None),
        ([1j], torch.int64, TypeError, "cannot be interpreted as an integer"),
        ([np.complex64(1j)], torch.int64, TypeError, "cannot be interpreted as an integer"),
        ([None], torch.float32, TypeError, "must be real number, not NoneType"),
        ([None], torch.int32, TypeError, "cannot be interpreted as an integer"),
        ([None], torch.complex64, TypeError, None),
        (["a"], torch.bool, ValueError, "too many dimensions 'str'"),
        ([HasFloat()], torch.int32, TypeError, "cannot be interpreted as an integer"),
    ],
)
def test_not_convertible(data, dtype, error, message):
    with pytest.raises(error, match=message):
        torch.tensor(data, dtype=dtype)


# ---- arguments -------------------------------------------------------------------------------


def test_arguments():
    assert torch.tensor(data=[1]).tolist() == [1]
    for call in (
        lambda: torch.tensor(),
        lambda: torch.tensor([1], [2]),
        lambda: torch.tensor([1], foo=3),
        lambda: torch.tensor([1], data=[2]),
        lambda: torch.tensor([1], requires_grad=1),
        lambda: torch.as_tensor(),
        lambda: torch.frombuffer(bytearray(8)),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(RuntimeError, match="pin_memory"):
        torch.tensor([1], pin_memory=True)


def test_requires_grad():
    assert torch.tensor([1.0], requires_grad=True).requires_grad is True
    assert torch.tensor([1j], requires_grad=True).requires_grad is True
    for bad in ([1], [True]):
        with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
            torch.tensor(bad, requires_grad=True)


def test_meta():
    t = torch.tensor([[1, 2.5]], device="meta")
    assert (t.shape, t.dtype, t.device.type) == ((1, 2), torch.float32, "meta")
    assert torch.tensor(t).device.type == "meta"
    assert torch.tensor(np.ones((2, 3)), device="meta").shape == (2, 3)
    assert torch.tensor(torch.tensor([1]), device="meta").dtype is torch.int64
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        torch.tensor(t, device="cpu")
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        t.tolist()


def test_copy_of_a_tensor():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = torch.tensor(x)
    assert y.tolist() == x.tolist()
    assert y.requires_grad is False
    assert not np.shares_memory(y.numpy(), x.numpy(force=True))
    assert torch.tensor(x, dtype=torch.int8).tolist() == [[1, 2], [3, 4]]
    t = torch.tensor([[1, 2, 3], [4, 5, 6]])
    transposed = t.as_strided((3, 2), (1, 3), 0)
    assert torch.tensor(transposed).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert torch.tensor(transposed, dtype=torch.float16).tolist() == [[1, 4], [2, 5], [3, 6]]
    gaps = t.as_strided((2, 2), (3, 2), 0)
    assert torch.tensor(gaps).tolist() == [[1, 3], [4, 6]]
    expanded = t.as_strided((2, 2), (0, 1), 1)
    assert torch.tensor(expanded).tolist() == [[2, 3], [2, 3]]


# ---- as_tensor and asarray -------------------------------------------------------------------


def test_as_tensor():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert torch.as_tensor(x) is x
    assert torch.as_tensor(x, torch.float32, "cpu") is x
    assert torch.as_tensor([1, 2.5]).tolist() == [1.0, 2.5]
    a = np.arange(4.0)
    assert np.shares_memory(torch.as_tensor(a).numpy(), a)
    t = torch.as_tensor(a, dtype=torch.float32)
    assert t.dtype is torch.float32
    assert t.tolist() == [0, 1, 2, 3]
    assert torch.as_tensor(a[::-1]).tolist() == [3, 2, 1, 0]
    assert torch.as_tensor(np.float64(3)).dtype is torch.float64


def test_asarray_shares():
    x = torch.tensor([1.0, 2.0])
    assert torch.asarray(x) is x
    a = np.arange(4.0)
    assert np.shares_memory(torch.asarray(a).numpy(), a)
    assert not np.shares_memory(torch.asarray(a, copy=True).numpy(), a)
    assert torch.asarray(a, dtype=torch.int32).tolist() == [0, 1, 2, 3]
    b = bytearray(b"abcd")
    t = torch.asarray(b, dtype=torch.uint8)
    b[0] = 122
    assert t.tolist() == [122, 98, 99, 100]
    assert torch.asarray(array.array("f", [1, 2])).tolist() == [1.0, 2.0]
    assert torch.asarray([1, 2], requires_grad=None).tolist() == [1, 2]
    assert torch.asarray([1.0], requires_grad=True).requires_grad is True
    assert torch.asarray(np.float32(3)).dtype is torch.float32


@pytest.mark.parametrize(
    ("obj", "dtype"),
    [([1, 2], None), (1, None), (np.ones(3), torch.float32), (torch.tensor([1.0]), torch.int32)],
)
def test_asarray_refuses_to_copy(obj, dtype):
    with pytest.raises(ValueError, match="can't alias"):
        torch.asarray(obj, dtype=dtype, copy=False)


def test_asarray_requires_grad():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert torch.asarray(x) is x
    assert torch.asarray(x, requires_grad=True) is x
    assert torch.asarray(x, requires_grad=False).requires_grad is False
    y = torch.tensor([1.0])
    assert torch.asarray(y, requires_grad=True).requires_grad is True
    assert y.requires_grad is False
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        torch.asarray([1], requires_grad=True)


# ---- frombuffer ------------------------------------------------------------------------------


def test_frombuffer():
    b = bytearray(np.arange(4, dtype=np.float32).tobytes())
    t = torch.frombuffer(b, dtype=torch.float32)
    assert t.tolist() == [0, 1, 2, 3]
    b[:4] = np.float32(9).tobytes()
    assert t.tolist() == [9, 1, 2, 3]
    assert torch.frombuffer(b, dtype=torch.float32, count=2, offset=4).tolist() == [1, 2]
    assert torch.frombuffer(b, dtype=torch.float32, count=-5).shape == (4,)
    assert torch.frombuffer(b, dtype=torch.float32, requires_grad=True).requires_grad
    assert torch.frombuffer(array.array("d", [1, 2]), dtype=torch.float64).tolist() == [1, 2]


def test_frombuffer_keeps_the_buffer():
    b = bytearray(16)
    t = torch.frombuffer(b, dtype=torch.int64)
    with pytest.raises(BufferError):
        b.append(1)  # would move the memory
    del t
    gc.collect()
    b.append(1)
    before = sys.getrefcount(b)
    with pytest.raises(ValueError):
        torch.frombuffer(b, dtype=torch.int64)  # 17 bytes
    assert sys.getrefcount(b) == before
    b.append(1)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"count": 3}, "must not be greater than actual buffer length"),
        ({"count": 2**62}, "must not be greater than actual buffer length"),
        ({"count": 0}, "must not be 0"),
        ({"offset": 9}, "must be non-negative and no greater"),
        ({"offset": 8}, "must be non-negative and no greater"),
        ({"offset": -1}, "must be non-negative"),
        ({"offset": 2}, "multiple of element size"),
        ({"offset": 1, "count": 1}, "not aligned"),
    ],
)
def test_frombuffer_limits(kwargs, message):
    with pytest.raises(ValueError, match=message):
        torch.frombuffer(bytearray(8), dtype=torch.float32, **kwargs)


def test_frombuffer_errors():
    with pytest.raises(ValueError, match="does not implement Python buffer protocol"):
        torch.frombuffer(3, dtype=torch.float32)
    with pytest.raises(ValueError, match="must not be 0"):
        torch.frombuffer(bytearray(), dtype=torch.float32)
    with pytest.raises(TypeError, match="dtype"):
        torch.frombuffer(bytearray(8), dtype="float32")
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        torch.frombuffer(bytearray(8), dtype=torch.int32, requires_grad=True)
    with pytest.raises(BufferError):
        torch.frombuffer(memoryview(bytearray(8))[::2], dtype=torch.uint8)
    with pytest.warns(UserWarning, match="buffer is not writable"):
        assert torch.frombuffer(b"ab", dtype=torch.uint8).tolist() == [97, 98]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            torch.frombuffer(b"ab", dtype=torch.uint8)


# ---- back to Python numbers ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_item_and_tolist_types(dtype):
    expected = bool if dtype is torch.bool else complex if dtype.is_complex else (
        float if dtype.is_floating_point else int
    )  # fmt: skip
    t = torch.tensor([[1]], dtype=dtype)
    assert type(t.item()) is expected
    assert type(t.tolist()[0][0]) is expected
    assert t.tolist() == [[1]]
    assert torch.tensor(1, dtype=dtype).tolist() == 1


def test_tolist_shapes():
    assert torch.tensor([[], []]).tolist() == [[], []]
    assert torch.tensor([]).tolist() == []
    t = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert t.as_strided((3, 2), (1, 3), 0).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert t.as_strided((2, 2), (0, 1), 1).tolist() == [[2, 3], [2, 3]]


def test_item_errors():
    with pytest.raises(
        RuntimeError, match="a Tensor with 2 elements cannot be converted to Scalar"
    ):
        torch.tensor([1, 2]).item()
    with pytest.raises(RuntimeError, match="a Tensor with 0 elements"):
        torch.tensor([]).item()
    with pytest.raises(RuntimeError, match="meta"):
        torch.tensor(1.0, device="meta").item()


def test_float_int_complex():
    assert float(torch.tensor(2)) == 2.0
    assert float(torch.tensor([[1.5]])) == 1.5
    assert float(torch.tensor(1 + 0j)) == 1.0
    assert int(torch.tensor(2.7)) == 2
    assert int(torch.tensor(-2.7)) == -2
    assert int(torch.tensor(2.0**100, dtype=torch.float64)) == 2**100
    assert complex(torch.tensor(1 + 2j)) == 1 + 2j
    assert complex(torch.tensor(1.5)) == 1.5
    assert type(int(torch.tensor(True))) is int
    with pytest.raises(ValueError, match="NaN"):
        int(torch.tensor(math.nan))
    with pytest.raises(OverflowError):
        int(torch.tensor(math.inf))
    for convert in (float, int, complex):
        with pytest.raises(ValueError, match="only one element tensors can be converted"):
            convert(torch.tensor([1, 2]))
    for convert in (float, int):
        with pytest.raises(RuntimeError, match="without overflow"):
            convert(torch.tensor(1 + 2j))


def test_index():
    items = [10, 20, 30]
    assert items[torch.tensor(1)] == 20
    assert items[torch.tensor([2])] == 30
    assert items[torch.tensor(True)] == 20
    assert items[torch.tensor(-1, dtype=torch.int8)] == 30
    for bad in (torch.tensor(1.0), torch.tensor([0, 1])):
        with pytest.raises(TypeError, match="only integer tensors of a single element"):
            items[bad]


def test_bool():
    assert bool(torch.tensor([[2]])) is True
    assert bool(torch.tensor(0.0)) is False
    assert bool(torch.tensor(math.nan)) is True
    assert bool(torch.tensor(0j)) is False
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        bool(torch.tensor([1, 2]))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with no values"):
        bool(torch.tensor([]))
