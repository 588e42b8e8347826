"""dtype, device, Size, layout, memory_format, finfo and iinfo."""

import copy
import pickle

import numpy as np
import pytest

import flambeau as torch

DTYPES = {
    "uint8": (1, False, False, False),
    "int8": (1, False, False, True),
    "int16": (2, False, False, True),
    "int32": (4, False, False, True),
    "int64": (8, False, False, True),
    "float16": (2, True, False, True),
    "bfloat16": (2, True, False, True),
    "float32": (4, True, False, True),
    "float64": (8, True, False, True),
    "complex64": (8, False, True, True),
    "complex128": (16, False, True, True),
    "bool": (1, False, False, False),
}
ALIASES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "cfloat": "complex64",
    "cdouble": "complex128",
}


@pytest.mark.parametrize("name", DTYPES)
def test_dtype_attributes(name):
    dtype = getattr(torch, name)
    itemsize, floating, is_complex, signed = DTYPES[name]
    assert isinstance(dtype, torch.dtype)
    assert repr(dtype) == str(dtype) == f"torch.{name}"
    assert dtype.itemsize == itemsize
    assert dtype.is_floating_point is floating
    assert dtype.is_complex is is_complex
    assert dtype.is_signed is signed


@pytest.mark.parametrize("name", DTYPES)
def test_dtype_is_one_object(name):
    dtype = getattr(torch, name)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(dtype, protocol)) is dtype
    assert copy.copy(dtype) is dtype
    assert copy.deepcopy([dtype])[0] is dtype
    assert torch.tensor(1, dtype=dtype).dtype is dtype
    assert {dtype: 1}[dtype] == 1
    assert dtype.__module__ == "flambeau"


@pytest.mark.parametrize("alias", ALIASES)
def test_dtype_aliases(alias):
    assert getattr(torch, alias) is getattr(torch, ALIASES[alias])


def test_dtype_real_and_complex():
    assert torch.complex128.to_real() is torch.float64
    assert torch.complex64.to_real() is torch.float32
    assert torch.int32.to_real() is torch.int32
    assert torch.float64.to_complex() is torch.complex128
    assert torch.float32.to_complex() is torch.complex64
    assert torch.bfloat16.to_complex() is torch.complex64
    assert torch.complex64.to_complex() is torch.complex64
    with pytest.raises(RuntimeError, match="to_complex.*int32"):
        torch.int32.to_complex()


def test_dtype_comparison():
    assert torch.float32 != torch.float64
    assert torch.float32 != "float32"
    with pytest.raises(TypeError):
        torch.dtype()
    with pytest.raises(AttributeError):
        torch.float32.name = "x"


@pytest.mark.parametrize(
    ("python_type", "expected"),
    [(float, "float64"), (int, "int64"), (bool, "bool"), (complex, "complex128")],
)
def test_python_types_are_dtypes(python_type, expected):
    assert torch.tensor([1], dtype=python_type).dtype is getattr(torch, expected)


@pytest.mark.parametrize("bad", ["float32", str, np.float32, np.dtype("f4"), 3])
def test_bad_dtype(bad):
    with pytest.raises(TypeError, match="tensor.*dtype"):
        torch.tensor([1], dtype=bad)


# ---- device ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "text", "expected"),
    [
        (("cpu",), "cpu", "device(type='cpu')"),
        (("cpu", 0), "cpu:0", "device(type='cpu', index=0)"),
        (("cuda",), "cuda", "device(type='cuda')"),
        (("cuda:1",), "cuda:1", "device(type='cuda', index=1)"),
        (("cuda", 3), "cuda:3", "device(type='cuda', index=3)"),
        (("meta",), "meta", "device(type='meta')"),
    ],
)
def test_device(args, text, expected):
    device = torch.device(*args)
    assert repr(device) == expected
    assert str(device) == text
    assert torch.device(text) == device
    assert torch.device(device) == device
    assert hash(torch.device(text)) == hash(device)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(device, protocol)) == device
    assert copy.deepcopy(device) == device


def test_device_attributes():
    assert torch.device("cuda:2").type == "cuda"
    assert torch.device("cuda:2").index == 2
    assert torch.device("cpu").index is None
    assert torch.device(type="cuda", index=1) == torch.device(device="cuda:1")
    assert torch.device("cpu") != torch.device("cpu", 0)
    assert torch.device("cpu") != "cpu"
    assert len({torch.device("cpu"), torch.device("cpu"), torch.device("cpu", 0)}) == 2
    with pytest.raises(TypeError):
        torch.device("cpu") < torch.device("meta")  # noqa: B015


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (("foo",), RuntimeError, "Expected one of cpu, cuda, meta device type at start"),
        (("",), RuntimeError, "must not be empty"),
        (("cuda:",), RuntimeError, "Invalid device string: 'cuda:'"),
        (("cuda:x",), RuntimeError, "Invalid device string"),
        (("cuda:-1",), RuntimeError, "Invalid device string"),
        (("cuda:01",), RuntimeError, "Invalid device string"),
        (("cuda:999",), RuntimeError, "below 128"),
        (("cuda:" + "9" * 30,), RuntimeError, "Invalid device string"),
        (("cuda", -1), RuntimeError, "must not be negative"),
        (("cuda:0", 1), RuntimeError, "must not include an index"),
        (("cuda", 2**70), OverflowError, None),
        ((None,), TypeError, "device must be"),
        ((0,), RuntimeError, "Cannot access accelerator device"),
        ((), TypeError, None),
    ],
)
def test_bad_device(args, error, message):
    with pytest.raises(error, match=message):
        torch.device(*args)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", torch.device("cuda", 1)])
def test_no_tensor_on_cuda(device):
    with pytest.raises(RuntimeError, match="flambeau was built without CUDA"):
        torch.tensor([1.0], device=device)


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu"), torch.device("cpu", 1)])
def test_tensor_on_cpu(device):
    assert torch.tensor([1.0], device=device).device == torch.device("cpu")


# ---- Size ------------------------------------------------------------------------------------


def test_size_is_a_tuple():
    size = torch.Size([2, 3])
    assert isinstance(size, tuple)
    assert size == (2, 3)
    assert hash(size) == hash((2, 3))
    assert repr(size) == "torch.Size([2, 3])"
    assert repr(torch.Size()) == "torch.Size([])"
    assert size.numel() == 6
    assert torch.Size().numel() == 1
    assert torch.Size([2**62, 4]).numel() == 2**64
    assert size[1] == size[-1] == 3
    rows, columns = size
    assert (rows, columns) == (2, 3)
    assert size.index(3) == 1
    assert size.count(2) == 1


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda s: s[1:], (3,)),
        (lambda s: s[::-1], (3, 2)),
        (lambda s: s + (4,), (2, 3, 4)),
        (lambda s: (4,) + s, (4, 2, 3)),
        (lambda s: s + torch.Size([1]), (2, 3, 1)),
        (lambda s: s * 2, (2, 3, 2, 3)),
        (lambda s: 2 * s, (2, 3, 2, 3)),
        (lambda s: pickle.loads(pickle.dumps(s)), (2, 3)),
        (lambda s: copy.deepcopy(s), (2, 3)),
        (lambda s: torch.Size(s), (2, 3)),
        (lambda s: torch.tensor([[1, 2, 3], [4, 5, 6]]).shape, (2, 3)),
    ],
)
def test_size_stays_a_size(make, expected):
    result = make(torch.Size([2, 3]))
    assert type(result) is torch.Size
    assert result == expected


def test_size_items_are_plain_ints():
    size = torch.Size([np.int64(2), True, torch.tensor(5)])
    assert size == (2, 1, 5)
    assert [type(n) for n in size] == [int, int, int]
    assert torch.Size([-1]) == (-1,)


@pytest.mark.parametrize("bad", [["a"], [1.5], 3, [None]])
def test_bad_size(bad):
    with pytest.raises(TypeError):
        torch.Size(bad)


def test_size_plus_list():
    with pytest.raises(TypeError, match="can only concatenate tuple"):
        torch.Size([1]) + [2]


# ---- layout and memory_format ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "strided",
        "sparse_coo",
        "contiguous_format",
        "channels_last",
        "channels_last_3d",
        "preserve_format",
    ],
)
def test_named_constants(name):
    value = getattr(torch, name)
    kind = torch.layout if name in ("strided", "sparse_coo") else torch.memory_format
    assert isinstance(value, kind)
    assert repr(value) == f"torch.{name}"
    assert pickle.loads(pickle.dumps(value)) is value
    assert copy.deepcopy(value) is value
    assert hash(value) == hash(value)


# ---- finfo and iinfo -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_finfo_agrees_with_numpy(name):
    ours, theirs = torch.finfo(getattr(torch, name)), np.finfo(name)
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal"):
        assert getattr(ours, field) == float(getattr(theirs, field)), field
    assert ours.resolution == pytest.approx(float(theirs.resolution), rel=1e-3)
    assert ours.dtype == name


def test_finfo_bfloat16():
    f = torch.finfo(torch.bfloat16)
    assert (f.bits, f.eps, f.tiny) == (16, 2.0**-7, 2.0**-126)
    assert f.max == -f.min == (2 - 2.0**-7) * 2.0**127
    assert f.resolution == 0.01


def test_finfo_forms():
    assert repr(torch.finfo()) == (
        "finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, "
        "smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=float32)"
    )
    assert torch.finfo(torch.complex64) == torch.finfo(torch.float32)
    assert torch.finfo(type=float) == torch.finfo(torch.float64)
    assert torch.finfo(torch.float16) != torch.finfo(torch.bfloat16)
    assert pickle.loads(pickle.dumps(torch.finfo(torch.float16))) == torch.finfo(torch.float16)
    with pytest.raises(TypeError, match="requires a floating point"):
        torch.finfo(torch.int32)
    with pytest.raises(TypeError, match="argument 'type'"):
        torch.finfo("float32")


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo_agrees_with_numpy(name):
    ours, theirs = torch.iinfo(getattr(torch, name)), np.iinfo(name)
    assert (ours.bits, ours.min, ours.max) == (theirs.bits, theirs.min, theirs.max)
    assert ours.dtype == name


def test_iinfo_forms():
    assert repr(torch.iinfo(torch.int32)) == "iinfo(min=-2.14748e+09, max=2.14748e+09, dtype=int32)"
    assert torch.iinfo(torch.int8) == torch.iinfo(torch.int8)
    for bad in (torch.float32, torch.bool):
        with pytest.raises(TypeError, match="iinfo"):
            torch.iinfo(bad)
    with pytest.raises(TypeError):
        torch.iinfo()
