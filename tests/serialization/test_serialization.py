"""Checkpoints: what goes in comes out, PyTorch's files are read, and no file does harm."""

import io
import pickle
import pickletools
import random
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import pytest

import flambeau as fb

GOLDEN = Path(__file__).parent / "golden"
DTYPES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
    "complex64",
    "complex128",
]


def dump(obj, **options):
    stream = io.BytesIO()
    fb.save(obj, stream, **options)
    return stream.getvalue()


def back(obj, **options):
    return fb.load(io.BytesIO(dump(obj)), **options)


def same(a, b):
    if isinstance(a, fb.Tensor):
        return (
            type(a) is type(b)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and a.stride() == b.stride()
            and a.requires_grad == b.requires_grad
            and fb.equal(a.detach(), b.detach())
        )
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def address(tensor):
    return tensor.untyped_storage().data_ptr()


# ---- round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype(name, weights_only):
    tensor = fb.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(fb, name))
    assert same(back(tensor, weights_only=weights_only), tensor)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values(protocol):
    value = {
        "numbers": [1, -5, 2**80, 2.5, 1 + 2j, True, None],
        "text": ["", "ünï", "a" * 300],
        "bytes": [b"", b"\x00\xff" * 200, bytearray(b"xy")],
        "containers": [(), (1,), {1, 2}, frozenset([3]), Counter("aab"), OrderedDict(b=1, a=2)],
        5: list(range(2000)),
        "torch": [fb.Size([1, 2]), fb.float16, fb.device("cpu")],
    }
    data = dump(value, pickle_protocol=protocol)
    assert fb.load(io.BytesIO(data)) == value
    assert fb.load(io.BytesIO(data), weights_only=False) == value


def test_views_share_their_storage_again():
    base = fb.arange(12.0).reshape(3, 4)
    views = [base, base[1:], base.t(), base[::2, 1:3], base.reshape(-1)[5:6]]
    loaded = back(views)
    assert all(map(same, loaded, views))
    assert len({address(t) for t in loaded}) == 1
    loaded[0].zero_()
    assert float(loaded[4]) == 0
    # The whole storage is kept, also for a small part of it.
    assert back(base[0, :1]).untyped_storage().nbytes() == 48


def test_the_same_object_stays_the_same_object():
    tensor = fb.ones(2)
    first, second = back([tensor, tensor])
    assert first is second


def test_parameters_and_gradients():
    values = [
        fb.nn.Parameter(fb.ones(2)),
        fb.nn.Parameter(fb.ones(1), requires_grad=False),
        fb.ones(3, requires_grad=True),
    ]
    loaded = back(values)
    assert all(map(same, loaded, values))
    assert isinstance(loaded[0], fb.nn.Parameter)


def test_attributes_of_tensors():
    plain, parameter = fb.ones(2), fb.nn.Parameter(fb.ones(1))
    plain.note = [1, "x"]
    parameter.tag = "y"
    loaded = back([plain, parameter])
    assert loaded[0].note == [1, "x"] and loaded[1].tag == "y"


def test_empty_scalar_and_expanded_tensors():
    values = [fb.empty(0), fb.empty(2, 0, 3), fb.tensor(3.5), fb.ones(1).expand(1000)]
    assert all(map(same, back(values), values))
    assert len(dump(values[3])) < 2000


def test_modules_optimizers_and_schedulers():
    net = fb.nn.Sequential(fb.nn.Linear(3, 4), fb.nn.Linear(4, 1))
    optimizer = fb.optim.Adam(net.parameters(), amsgrad=True)
    scheduler = fb.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])
    net(fb.ones(2, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    checkpoint = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    }
    loaded = back(checkpoint)
    assert same(loaded["optimizer"], checkpoint["optimizer"])
    assert loaded["scheduler"] == checkpoint["scheduler"]
    other = fb.nn.Sequential(fb.nn.Linear(3, 4), fb.nn.Linear(4, 1))
    other.load_state_dict(loaded["net"])
    assert same(list(other.parameters()), list(net.parameters()))


def test_a_whole_module():
    net = fb.nn.Sequential(fb.nn.Linear(2, 2))
    with pytest.raises(pickle.UnpicklingError, match="add_safe_globals"):
        back(net)
    loaded = back(net, weights_only=False)
    assert type(loaded) is fb.nn.Sequential and same(loaded[0].weight, net[0].weight)


def test_paths(tmp_path):
    path = tmp_path / "model.pt"
    fb.save({"a": fb.arange(3)}, path)
    assert same(fb.load(str(path)), {"a": fb.arange(3)})
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert names[0] == "model/data.pkl" and "model/data/0" in names
    with open(path, "rb") as file:
        assert same(fb.load(file), {"a": fb.arange(3)})


def test_mmap(tmp_path):
    path = tmp_path / "big.pt"
    tensors = [fb.arange(1000), fb.ones(3), fb.empty(0)]
    fb.save(tensors, path)
    loaded = fb.load(path, mmap=True)
    assert all(map(same, loaded, tensors))
    assert address(loaded[0]) % 64 == 0
    loaded[0].zero_()  # a private copy of the page, not the file
    assert same(fb.load(path)[0], tensors[0])


def test_map_location():
    data = dump(fb.arange(4.0))
    seen = []

    def place(storage, location):
        seen.append((storage.nbytes(), location))
        return storage

    for where in ("cpu", fb.device("cpu"), {"cpu": "cpu"}, {"cuda:0": "cpu"}, place):
        assert same(fb.load(io.BytesIO(data), map_location=where), fb.arange(4.0))
    assert seen == [(16, "cpu")]
    with pytest.raises(RuntimeError, match="map_location=torch.device\\('cpu'\\)"):
        fb.load(io.BytesIO(data), map_location="cuda")
    with pytest.raises(RuntimeError, match="tagged with tpu"):
        fb.load(io.BytesIO(data), map_location={"cpu": "tpu"})


# ---- PyTorch's files ----------------------------------------------------------------------------


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_files_of_pytorch(name, weights_only):
    """Both files were written by PyTorch 2.13."""
    loaded = fb.load(GOLDEN / name, weights_only=weights_only)
    assert type(loaded) is OrderedDict
    assert same(loaded["base"], fb.arange(6.0).reshape(2, 3))
    assert loaded["column"].tolist() == [1.0, 4.0] and loaded["column"].stride() == (3,)
    assert address(loaded["column"]) == address(loaded["base"])
    assert same(loaded["half"], fb.tensor([1.5, -2.0], dtype=fb.bfloat16))
    assert same(loaded["z"], fb.tensor([1 + 2j]))
    assert same(loaded["flag"], fb.tensor([True, False]))
    assert same(loaded["param"], fb.nn.Parameter(fb.tensor([3.0])))
    assert loaded["n"] == 7 and loaded["name"] == "x"
    assert loaded["nested"] == [1, (2.5, None), {"k": fb.Size([2, 3]), "d": fb.float16}]


def test_the_names_in_a_file_are_those_of_pytorch():
    value = OrderedDict(w=fb.ones(2), p=fb.nn.Parameter(fb.ones(1)), s=fb.Size([1]), d=fb.float64)
    with zipfile.ZipFile(io.BytesIO(dump(value))) as archive:
        pickled = archive.read("archive/data.pkl")
        assert archive.read("archive/version") == b"3\n"
        assert archive.read("archive/byteorder") == b"little"
    names = {arg for op, arg, _ in pickletools.genops(pickled) if op.name == "GLOBAL"}
    assert names == {
        "collections OrderedDict",
        "torch FloatStorage",
        "torch Size",
        "torch float64",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_tensor_v2",
    }


def test_a_module_is_written_under_its_public_name():
    with zipfile.ZipFile(io.BytesIO(dump(fb.nn.Linear(1, 1)))) as archive:
        assert b"ctorch.nn\nLinear\n" in archive.read("archive/data.pkl")


# ---- what a file may not do ---------------------------------------------------------------------


class Runs:
    def __reduce__(self):
        return exec, ("raise SystemExit('the file ran code')",)


class Sample:
    def __init__(self):
        self.value = 5


@pytest.mark.parametrize("protocol", [2, 4])
def test_no_code_is_run(protocol):
    data = dump([Runs()], pickle_protocol=protocol)
    with pytest.raises(pickle.UnpicklingError, match="builtins.exec"):
        fb.load(io.BytesIO(data))
    with pytest.raises(SystemExit, match="ran code"):
        fb.load(io.BytesIO(data), weights_only=False)


def test_safe_globals():
    data = dump(Sample())
    with pytest.raises(pickle.UnpicklingError, match="Sample was not an allowed global"):
        fb.load(io.BytesIO(data))
    with fb.serialization.safe_globals([Sample]):
        assert fb.load(io.BytesIO(data)).value == 5
        assert fb.serialization.get_safe_globals() == [Sample]
    assert fb.serialization.get_safe_globals() == []
    fb.serialization.add_safe_globals([(Sample, f"{Sample.__module__}.Sample")])
    try:
        assert fb.load(io.BytesIO(data)).value == 5
    finally:
        fb.serialization.clear_safe_globals()


def archive_of(pickled, storage=bytes(16)):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        archive.writestr("x/version", "3")
        archive.writestr("x/data/0", storage)
    stream.seek(0)
    return stream


def value(obj):
    return pickle.dumps(obj, 2)[2:-1]


def tensor_pickle(offset=0, size=(2, 2), stride=(2, 1), numel=4, kind="FloatStorage"):
    reference = (
        b"("
        + value("storage")
        + b"ctorch\n"
        + kind.encode()
        + b"\n"
        + value("0")
        + value("cpu")
        + value(numel)
        + b"tQ"
    )
    fields = b"".join(value(x) for x in (offset, size, stride, False, None))
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + reference + fields + b"tR."


def test_a_handmade_file_loads():
    assert fb.load(archive_of(tensor_pickle())).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "fields",
    [
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**62},
        {"offset": "x"},
        {"size": (-2, 2)},
        {"size": (2,)},
        {"size": (2**40, 2**40), "stride": (0, 0)},
        {"size": (2**62, 4), "stride": (0, 0)},
        {"size": (True, 1)},
        {"size": 3},
        {"size": (1,) * 70, "stride": (0,) * 70},
        {"stride": (2, -1)},
        {"stride": (2**70, 1)},
        {"numel": 5},
        {"numel": -5},
        {"numel": 2**62},
        {"numel": "4"},
        {"kind": "DoubleStorage"},
    ],
    ids=str,
)
def test_lying_numbers(fields):
    with pytest.raises(RuntimeError, match="damaged or no checkpoint"):
        fb.load(archive_of(tensor_pickle(**fields)))
    with pytest.raises(RuntimeError, match="damaged or no checkpoint"):
        fb.load(archive_of(tensor_pickle(**fields)), weights_only=False)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02ccollections\nOrderedDict\n}X\x01\x00\x00\x00aK\x01sb.",  # BUILD on a class
        b"\x80\x02ctorch\nSize\n)\x81}b.",  # BUILD on a Size
        b"\x80\x02(cbuiltins\nset\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02]K\x01)R.",  # a call of a number
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)\x81.",  # an instance of a function
    ],
    ids=["class", "size", "obj", "ext", "number", "function"],
)
def test_opcodes_that_are_refused(pickled):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        fb.load(archive_of(pickled))


@pytest.mark.parametrize(
    "data, kind, text",
    [
        (b"", RuntimeError, "it is empty"),
        (b"not a checkpoint", RuntimeError, "damaged or no checkpoint"),
        (pickle.dumps({"a": 1}), RuntimeError, "Invalid magic number"),
        (b"PK\x03\x04 and nothing more", RuntimeError, "central directory"),
    ],
    ids=["empty", "text", "pickle", "zip"],
)
def test_no_checkpoints(data, kind, text):
    with pytest.raises(kind, match=text):
        fb.load(io.BytesIO(data))


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_cut_short_anywhere(name):
    data = (GOLDEN / name).read_bytes()
    for end in range(0, len(data), 13):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            fb.load(io.BytesIO(data[:end]))


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_changed_anywhere(name):
    """Any byte may be wrong: the file loads or raises one of two exceptions."""
    data = (GOLDEN / name).read_bytes()
    rng = random.Random(0)
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(rng.choice([1, 1, 4])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            fb.load(io.BytesIO(bytes(broken)))
        except (RuntimeError, pickle.UnpicklingError):
            pass


def test_a_flipped_bit_of_a_weight_is_noticed():
    data = bytearray(dump(fb.full((100,), 1.25)))
    place = data.index(b"\x00\x00\xa0\x3f" * 20)
    data[place + 2] ^= 1
    with pytest.raises(RuntimeError, match="checksum"):
        fb.load(io.BytesIO(bytes(data)))


def test_arguments():
    with pytest.raises(AttributeError, match="'write' attribute"):
        fb.save(1, 3)
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        fb.save(1, "/nowhere/at/all.pt")
    with pytest.raises(AttributeError, match="seekable"):
        fb.load(3)
    with pytest.raises(FileNotFoundError):
        fb.load("/nowhere/at/all.pt")
    with pytest.raises(ValueError, match="must be a file path"):
        fb.load(io.BytesIO(dump(1)), mmap=True)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        fb.load(io.BytesIO(dump(1)), pickle_module=pickle, weights_only=True)
    with pytest.raises(NotImplementedError, match="can be read but not written"):
        fb.save(1, io.BytesIO(), _use_new_zipfile_serialization=False)
    base = fb.ones(4)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        fb.save([base, base.view(fb.int32)], io.BytesIO())


# ---- pickle and copies --------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 5])
def test_pickle(protocol):
    for tensor in (
        fb.arange(6.0).reshape(2, 3),
        fb.arange(6).reshape(2, 3).t(),
        fb.ones(2, requires_grad=True),
        fb.nn.Parameter(fb.ones(2)),
        fb.tensor([1.5], dtype=fb.bfloat16),
        fb.empty(0, 3),
    ):
        assert same(pickle.loads(pickle.dumps(tensor, protocol)), tensor)
    # Of a small part of a large storage only that part is written.
    assert len(pickle.dumps(fb.zeros(10**6)[:3])) < 1000
